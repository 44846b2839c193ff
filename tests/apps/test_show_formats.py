"""`didact show` in every format, on our own sample rows of benchmarks."""

import json
from pathlib import Path

import pytest
from verbs import didact


def shown(line: str) -> dict[str, object]:
    seen = didact(f"show {line} --json")
    assert seen.code == 0, seen.err
    found: dict[str, object] = json.loads(seen.out)
    return found


def test_two_demonstrations_that_reason_stand_before_the_question() -> None:
    conversation = shown("superglue/cb --shots 2 --cot")
    notes = conversation["origin"]["notes"]  # type: ignore[index]
    assert notes[0].startswith("2 shots (ids sample-")
    assert "sample-1" not in notes[0]
    assert notes[1] == "chain of thought"
    prompt, response = (message["content"] for message in conversation["messages"])  # type: ignore[attr-defined]
    assert prompt.count("So the answer is") == 2
    assert response.count("So the answer is") == 1


def test_a_task_is_turned_around_where_it_has_such_a_template() -> None:
    assert "turned around" in shown("superglue/cb --inverted")["origin"]["notes"][0]  # type: ignore[index]
    plain = shown("superglue/cb")["origin"]
    assert plain["notes"] == []  # type: ignore[index]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ifeval --inverted", "no template of task 'ifeval' is inverted"),
        ("superglue/cb --inverted --template superglue_cb/reasons_first", "no template of task 'superglue/cb' is inverted"),
        ("superglue/cb --shots 101", "less than or equal to 100"),
    ],
)
def test_what_a_task_has_no_template_for_is_refused(line: str, problem: str) -> None:
    seen = didact(f"show {line}")
    assert seen.code in (1, 2)
    assert problem in seen.err


ONE_OF_EACH = [
    *("superglue/copa", "superglue/record", "superglue/wsc", "superglue/multirc --cot", "glue/stsb --shots 2", "glue/ax --shots 1 --cot"),
    *("squad --inverted", "snli --shots 2", "anli --cot", "xsum --shots 1", "cnn_dailymail", "wmt/de-en --shots 2", "common_gen --shots 1"),
    *("e2e_nlg --inverted", "gsm8k --cot --inverted", "ag_news --shots 3", "imdb --inverted", "paws", "hellaswag --shots 1", "piqa --cot"),
    *("arc/easy --shots 2 --cot", "openbookqa", "trivia_qa --inverted", "flan_cot/ecqa --cot", "mmlu/anatomy --shots 5", "truthfulqa"),
    *("bbh/snarks --shots 3 --cot", "mgsm/de --cot", "tydiqa/fi --shots 1", "xquad/zh", "ifeval --shots 2"),
]


@pytest.mark.parametrize("line", ONE_OF_EACH)
def test_every_benchmark_is_shown_in_the_format_that_is_asked_for(line: str) -> None:
    notes = " ".join(shown(line)["origin"]["notes"])  # type: ignore[index]
    assert ("shot" in notes) == ("--shots" in line)
    assert ("turned around" in notes) == ("--inverted" in line)
    if "--inverted" not in line:
        assert ("chain of thought" in notes) == ("--cot" in line)


def test_a_number_out_of_range_says_which_ones_there_are() -> None:
    seen = didact("show superglue/cb --index 50")
    assert seen.code == 1
    assert "task 'superglue/cb' has 3 examples, and no number 50" in seen.err
    assert "a number from 0 to 2" in seen.err
    assert "next: didact show superglue/cb --index 0" in seen.err


@pytest.mark.parametrize(
    ("line", "said", "remedy"),
    [
        ("superglue/cd", "did you mean 'superglue/cb'?", "didact ls tasks"),
        ("supergule/cb", "did you mean 'superglue/cb'?", "didact ls tasks"),
        ("zzzzzzzz", "or --recipe RECIPE, which names its source", "didact ls tasks"),
        ("wmt", "one of: wmt/cs-en", "didact show wmt/cs-en"),
        ("superglue/cb --template superglue_cb/chaty", "did you mean 'superglue_cb/chatty'?", "didact ls templates"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_one_and_a_command_that_runs(line: str, said: str, remedy: str) -> None:
    seen = didact(f"show {line}")
    assert (seen.code, seen.out) == (1, "")
    assert said in seen.err
    assert f"next: {remedy}" in seen.err
    assert "sample rows" not in seen.err
    typed = seen.err.rsplit("next: didact ", 1)[1].strip()
    assert didact(typed).code == 0


def test_without_a_recipe_and_outside_of_a_clone_an_unknown_task_is_told_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen = didact("show supergule/cb")
    assert (seen.code, "recipes/demo.yaml" in seen.err, "did you mean 'superglue/cb'?" in seen.err) == (1, False, True)
