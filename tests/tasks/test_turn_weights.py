"""Rows that say what they weigh: in the words of the data sets that there are, checked at the door, kept on their way through disk."""

import json

import pytest

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.types import Message
from didact.tasks.conversations import messages_example, sharegpt_example
from didact.tasks.readers import load_tasks
from didact.tasks.row_store import decoded, encoded
from didact.tasks.turn_weights import weighted

ASK, ANSWER = {"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": "It is 7."}


def weights_of(*turns):
    return [(message.weight, message.train) for message in messages_example({"messages": [*turns]}).messages]


def test_a_turn_may_weigh_any_number_of_0_or_more():
    assert weights_of(ASK, {**ANSWER, "weight": 0.5}) == [(1, True), (0.5, True)]
    assert weights_of({**ASK, "weight": 2}, {**ANSWER, "loss_weight": "0.25"}) == [(2, True), (0.25, True)]


@pytest.mark.parametrize("said", [{"weight": 0}, {"loss_weight": 0.0}, {"train": False}, {"training": 0}, {"masked": True}])
def test_an_answer_that_is_not_to_be_learnt_is_only_read_in_everybodys_words(said):
    assert weights_of(ASK, {**ANSWER, **said}, ASK, ANSWER) == [(1, True), (0, False), (1, True), (1, True)]


@pytest.mark.parametrize("said", [{"weight": 1}, {"train": True}, {"masked": False}, {"weight": None, "train": None}, {}])
def test_an_answer_that_is_to_be_learnt_is_as_it_would_be_without_a_word(said):
    assert weights_of(ASK, {**ANSWER, **said}) == [(1, True), (1, True)]


def test_a_weight_of_0_at_others_turns_is_a_custom_and_a_switch_is_meant():
    assert weights_of({**ASK, "weight": 0}, ANSWER)[0] == (1, True)
    assert weights_of({**ASK, "train": False}, ANSWER)[0] == (0, True)


def test_sharegpt_turns_have_weights_too():
    turns = [{"from": "human", "value": "Hi", "weight": 0.0}, {"from": "gpt", "value": "Hello", "weight": 0.5}]
    assert [message.weight for message in sharegpt_example({"conversations": turns}).messages] == [1, 0.5]


def test_parts_of_a_content_have_weights_and_reasoning_stands_first():
    parts = [
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "7.", "weight": 2},
        {"type": "reasoning", "text": "3+4", "train": False},
    ]
    answer = messages_example({"messages": [ASK, {"role": "assistant", "content": parts}]}).messages[1]
    thought = "<think>\n3+4\n</think>\n\n"
    assert answer.content == thought + "It is 7."
    assert answer.spans == ((0, len(thought), 0.0), (len(thought) + 6, len(thought) + 8, 2.0))


def test_spans_may_be_told_by_their_characters_the_last_one_named():
    detail = [{"begin_offset": 6, "end_offset": 6, "weight": 3}, {"begin_offset": 0, "end_offset": 4, "train": False}]
    answer = messages_example({"messages": [ASK, {**ANSWER, "train_detail": detail}]}).messages[1]
    assert answer.spans == ((0, 5, 0.0), (6, 7, 3.0)) and answer.content[6:7] == "7"


def test_an_answer_all_of_whose_letters_weigh_nothing_is_only_read():
    parts = [
        {"type": "text", "text": "It is", "weight": 0},
        {"type": "text", "text": " \n"},
        {"type": "text", "text": "7.", "train": False},
    ]
    assert weights_of(ASK, {"role": "assistant", "content": parts}, ASK, ANSWER)[1] == (0, False)
    assert weighted(Message("assistant", "ab"), 1.0, ((0, 1, 0.0),)).train


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"weight": -1}, "weight is not a number of 0 or more"),
        ({"weight": float("nan")}, "weight is not a number of 0 or more"),
        ({"loss_weight": float("inf")}, "loss_weight is not a number of 0 or more"),
        ({"weight": "much"}, "weight is not a number of 0 or more"),
        ({"weight": True}, "weight is not a number of 0 or more"),
        ({"train": "no"}, "train is neither true nor false"),
        ({"masked": 0.5}, "masked is neither true nor false"),
        ({"train_detail": "all"}, "train_detail is not a list of objects"),
        ({"train_detail": [{"begin_offset": 0, "end_offset": 8}]}, "train_detail: a span is not within its text"),
        ({"train_detail": [{"begin_offset": 0, "end_offset": 3, "train": False}] * 2}, "train_detail: two spans overlap"),
    ],
)
def test_weights_that_are_none_are_refused(said, reason):
    with pytest.raises(DataError) as error:
        messages_example({"messages": [ASK, {**ANSWER, **said}]})
    assert error.value.what == reason


def test_a_column_weighs_rows_and_what_is_no_weight_is_refused_and_counted(tmp_path):
    rows = [
        {"instruction": "Say a word", "output": word, "quality": q} for word, q in zip("abcdef", (0.5, 2, "1.5", 0, None, -1), strict=True)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (task,) = load_tasks([Source(name="words", reader="alpaca", path=str(path), weight="quality")])
    assert [example.weight for example in task.examples] == [0.5, 2.0, 1.5]
    assert task.report.dropped == {
        "quality is 0: the row would teach nothing": 1,
        "no quality to weigh it by": 1,
        "quality is not a number of 0 or more": 1,
    }


def test_a_column_of_weights_is_no_field_of_other_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "3 + 4?", "answer": "7", "quality": 0.5}), "utf-8")
    (task,) = load_tasks([Source(name="sums", reader="rows", path=str(path), target="answer", weight="quality")])
    assert dict(task.examples[0].fields) == {"question": "3 + 4?"} and task.examples[0].weight == 0.5


def test_readers_that_name_their_tasks_themselves_have_no_such_column():
    with pytest.raises(DataError, match="the rows of reader atlas have no such column"):
        load_tasks([Source(name="world", reader="atlas", weight="quality")])


def test_weights_come_back_from_disk():
    parts = [{"type": "text", "text": "It is ", "weight": 0.5}, {"type": "text", "text": "7."}]
    example = messages_example({"messages": [{**ASK, "weight": 2}, {"role": "assistant", "content": parts}]})
    assert decoded(encoded(example)) == example
