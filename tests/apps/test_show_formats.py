"""`didact show` in every format, on our own sample rows of benchmarks."""

import json

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
