"""Bare turns, tagged texts and ranked answers become conversations, or are refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError, RecipeError
from didact.base.recipe import Source
from didact.tasks.chat_shapes import tagged_turns, turns_example
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task

BAIZE = {"human": "[|Human|]", "assistant": "[|AI|]"}
RANKED = {"answer": "text", "rank": "place"}


def task_of(reader: str, folder: Path, *rows: dict[str, Any], **options: Any) -> Task:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (task,) = load_tasks([Source(name="mine", reader=reader, path=str(path), **options)])
    return task


def said(task: Task, number: int = 0) -> list[tuple[str, str, bool]]:
    return [(message.role, message.content, message.train) for message in task.examples[number].messages]


def reasons(task: Task) -> list[str]:
    assert len(task.examples) == 1  # Each of these files ends with one good row.
    assert task.report is not None
    return [refusal.reason for refusal in task.report.refusals]


def test_texts_take_turns_and_pairs_are_two_turns_each() -> None:
    texts = turns_example({"turns": ["1?", "one", "2?", "two"]})
    assert texts == turns_example({"turns": [{"input": "1?", "output": "one"}, {"input": "2?", "output": "two"}]})
    assert [(message.role, message.content) for message in texts.messages[2:]] == [("user", "2?"), ("assistant", "two")]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (None, "no turns"),
        ("1? one", "turns is not a list"),
        ([], "no turns"),
        (["1?"], "no assistant turn"),
        (["1?", "one", "2?"], "does not end with an assistant turn"),
        (["1?", 1], "turn is not text"),
        (["1?", " "], "empty turn"),
        ([{"input": "1?", "answer": "one"}], "turn is not text"),
    ],
)
def test_turns_refuses(turns: Any, reason: str) -> None:
    with pytest.raises(DataError) as error:
        turns_example({"turns": turns})
    assert error.value.what == reason


def test_a_tagged_text_is_cut_at_its_tags_and_trimmed(tmp_path: Path) -> None:
    text = "Both are kind.\n[|Human|] 1+1?\nQuick!\n[|AI|]  2 \n[|Human|] 2+2?\n[|AI|] 4\n[|Human|] "
    task = task_of("tagged", tmp_path, {"input": text}, columns={"text": "input"}, settings=BAIZE)
    assert said(task) == [
        ("system", "Both are kind.", True),
        ("user", "1+1?\nQuick!", True),
        ("assistant", "2", True),
        ("user", "2+2?", True),
        ("assistant", "4", True),
    ]


def test_a_tag_with_signs_of_regular_expressions_is_taken_as_it_stands() -> None:
    assert [message.content for message in tagged_turns("(.*) a (+) b .* c", "(.*)", "(+)")] == ["a", "b .* c"]


def test_tagged_refuses_texts_without_both_speakers_and_speakers_twice_in_a_row(tmp_path: Path) -> None:
    texts = ["no tags", "[|Human|] 1?", "[|Human|] 1? [|AI|] a [|AI|] b", "[|Human|] 1? [|AI|] a [|Human|] 2?", "", "[|Human|] 1? [|AI|] a"]
    task = task_of("tagged", tmp_path, *({"text": text} for text in texts), {"text": 3}, settings=BAIZE)
    assert reasons(task) == [
        "no assistant turn",
        "no assistant turn",
        "two assistant turns in a row",
        "does not end with an assistant turn",
        "no turns",
        "text is not text",
    ]


def test_the_best_rank_is_the_lowest_and_the_best_score_the_highest_and_of_equals_the_first(tmp_path: Path) -> None:
    answers = [{"text": "b", "place": 2, "points": "9"}, {"text": "a", "place": 1, "points": 3}, {"text": "c", "place": 1, "points": 9.0}]
    row = {"prompt": "1?", "answers": answers}
    assert said(task_of("best_answer", tmp_path, row, settings=RANKED))[-1] == ("assistant", "a", True)
    assert said(task_of("best_answer", tmp_path, row, settings={"answer": "text", "score": "points"}))[-1] == ("assistant", "b", True)


def test_an_answer_without_a_text_or_a_number_is_never_the_best(tmp_path: Path) -> None:
    unranked = [{"text": " ", "place": 0}, {"text": "a"}, *({"text": "b", "place": place} for place in ("N/A", "nan", "-inf", None, [1]))]
    task = task_of("best_answer", tmp_path, {"prompt": "1?", "answers": [*unranked, {"text": "at 7", "place": "7"}]}, settings=RANKED)
    assert said(task)[-1] == ("assistant", "at 7", True)


def test_of_a_prompt_of_several_turns_only_the_ranked_answer_is_trained_on(tmp_path: Path) -> None:
    prompt = "\n\nHuman: 1?\n\nAssistant: one\n\nHuman: 2?\n\nAssistant: "
    tags = {"human": "\n\nHuman:", "assistant": "\n\nAssistant:"}
    task = task_of("best_answer", tmp_path, {"prompt": prompt, "answers": [{"text": "two", "place": 1}]}, settings={**RANKED, **tags})
    assert said(task) == [("user", "1?", True), ("assistant", "one", False), ("user", "2?", True), ("assistant", "two", True)]


def test_best_answer_refuses(tmp_path: Path) -> None:
    good = {"prompt": "1?", "answers": [{"text": "one", "place": 1}]}
    bad = [
        {**good, "prompt": " "},
        {"answers": good["answers"]},
        {"prompt": "1?"},
        {**good, "answers": "one"},
        {**good, "answers": []},
        {**good, "answers": [{"text": "one"}]},
    ]
    assert reasons(task_of("best_answer", tmp_path, *bad, good, settings=RANKED)) == [
        "empty prompt",
        "missing prompt",
        "missing answers",
        "answers is not a list of objects",
        "no answer with a text under 'text'",
        "no answer with a number under 'place'",
    ]


@pytest.mark.parametrize(
    ("reader", "settings", "said"),
    [
        ("tagged", {"humans": "H:"}, "did you mean 'human'?"),
        ("tagged", {"human": ""}, "a tag is empty"),
        ("best_answer", {}, "either rank or score"),
        ("best_answer", {"rank": "r", "score": "s"}, "either rank or score"),
    ],
)
def test_wrong_settings_are_told_before_rows_are_read(reader: str, settings: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises((DataError, RecipeError), match=said.replace("?", r"\?")):
        task_of(reader, tmp_path, settings=settings)
