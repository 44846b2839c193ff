"""Questions and answers: the sets of the field as they are published, and what is refused."""

import json
from collections import Counter

import pytest

from didact.base.errors import DataError
from didact.evals.copies import copies
from didact.evals.question_sets import SETS, question_set
from didact.evals.user_instructions import Answers, answered_by_all, questions_by_number, read_answers, read_questions


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("name", "number", "turns", "references"),
    [
        ("user_instructions", 252, 1, 252),
        ("vicuna", 80, 1, 10),
        ("mt_bench", 80, 2, 40),  # 30 in GPT-4's file, 10 beside the questions
        ("koala", 180, 1, 0),
        ("wizardlm", 218, 1, 0),
        ("alpaca_eval", 805, 1, 0),
    ],
)
def test_each_set_is_whole(shared, name, number, turns, references):
    items = question_set(name, copies(shared)).items
    assert len({item.id for item in items}) == len(items) == number
    assert {len(item.turns) for item in items} == {turns}
    assert sum(bool(item.references) for item in items) == references
    assert all(len(item.references) in (0, turns) for item in items)


def test_the_252_instructions_are_the_same_questions_as_those_of_the_stored_predictions(shared):
    folder = shared / "self_instruct" / "human_eval" / "predictions"
    many = [read_answers(path) for path in sorted(folder.glob("*.jsonl"))]
    assert len(many) == 8
    assert "text-davinci-003" in [one.model for one in many]
    items = answered_by_all(many)
    asked = question_set("user_instructions", copies(shared)).items
    assert {item.id for item in items} == {item.id for item in asked}
    assert {item.id: item.references for item in items if item.references} == {
        item.id: item.references for item in asked if item.references[0]
    }


def test_the_same_sets_in_other_files_hold_the_same_questions(shared):
    others = {"vicuna": "vicuna_test_set", "user_instructions": "sinstruct_test_set", "wizardlm": "wizardlm_test_set"}
    for name, other in others.items():
        ours = Counter(item.id for item in question_set(name, copies(shared)).items)
        again = Counter(item.id for item in read_questions(shared / "alpagasus_test_sets" / f"{other}.jsonl"))
        # Two questions of WizardLM's own file are not those of this copy: one was exchanged, one has a blank more.
        assert (ours & again).total() == again.total() - (2 if name == "wizardlm" else 0)


def test_alpaca_evals_outputs_answer_the_same_805_questions(shared):
    many = [read_answers(path) for path in sorted((shared / "alpaca_eval" / "results").glob("*/model_outputs.json"))]
    assert [one.model for one in many] == [
        path.parent.name for path in sorted((shared / "alpaca_eval" / "results").glob("*/model_outputs.json"))
    ]
    assert len(answered_by_all(many)) == 805


def test_fastchats_answers_need_its_questions(tmp_path):
    asked = write(tmp_path / "question.jsonl", [{"question_id": 81, "category": "writing", "turns": ["a?", "b?"]}])
    write(tmp_path / "reference_answer" / "x.jsonl", [{"question_id": 81, "choices": [{"turns": ["A", "B"]}]}])
    given = write(tmp_path / "model.jsonl", [{"question_id": 81, "model_id": "m", "choices": [{"turns": ["1", "2"]}]}])
    found = read_answers(given, questions_by_number(asked))
    item = next(iter(found.items.values()))
    assert (found.model, item.turns, item.references, found.texts[item.id]) == ("m", ("a?", "b?"), ("A", "B"), ("1", "2"))
    with pytest.raises(DataError, match="question 81 is answered, and not asked"):
        read_answers(given)


def test_predictions_of_a_run_are_named_after_it_and_matched_by_task_example_and_template(tmp_path):
    row = {"task": "t", "example": "1", "template": "w", "prompt": "<user>a", "completion": "b", "references": ["c"], "stop": "stop"}
    path = write(tmp_path / "runs" / "demo-001" / "scores" / "predictions_tuned.jsonl", [row])
    found = read_answers(path)
    assert (found.model, list(found.texts.items())) == ("demo-001 tuned", [("t/1/w", ("b",))])
    with pytest.raises(DataError, match="a row is answered twice"):
        read_answers(write(tmp_path / "twice.jsonl", [row, row]))


def test_a_question_that_stands_twice_is_two_items(tmp_path):
    rows = [{"prompt": "a", "completion": "1"}, {"prompt": " a\n", "completion": "2"}]
    found = read_answers(write(tmp_path / "m.jsonl", rows))
    assert list(found.texts.values()) == [("1",), ("2",)]
    assert len(answered_by_all([found, read_answers(write(tmp_path / "n.jsonl", rows))])) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"completion": "x"}], "a row holds no question"),
        ([{"prompt": " ", "completion": "x"}], "an empty question"),
        ([{"prompt": "a", "completion": 3}], "a row holds no answer"),
        ([{"turns": ["a", "b"], "answer": ["1"]}], "2 turns and 1 answers"),
        ([{"prompt": "a", "completion": "x", "model": "m"}, {"prompt": "b", "completion": "y", "model": "n"}], "answers of 2 models"),
        ([], "answers of 0 models"),
    ],
)
def test_rows_that_cannot_be_read_are_refused_by_row(tmp_path, rows, said):
    with pytest.raises(DataError, match=said):
        read_answers(write(tmp_path / "m.jsonl", rows))


def test_a_broken_line_and_a_missing_file_are_named(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n{"prompt"\n')
    with pytest.raises(DataError, match="not JSON") as error:
        read_answers(path)
    assert "m.jsonl:2" in str(error.value)
    with pytest.raises(DataError, match="no such file"):
        read_answers(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="no question set named 'vicunna'") as error:
        question_set("vicunna", copies(tmp_path))
    assert "did you mean 'vicuna'?" in str(error.value)
    assert len(SETS) == 6


def test_models_of_one_name_and_missing_answers_are_refused(tmp_path):
    one = read_answers(write(tmp_path / "m.jsonl", [{"prompt": "a", "completion": "1"}, {"prompt": "b", "completion": "1"}]))
    with pytest.raises(DataError, match="two files hold answers of 'm'"):
        answered_by_all([one, one])
    with pytest.raises(DataError, match="n did not answer 1 of 2 questions"):
        answered_by_all([one, read_answers(write(tmp_path / "n.jsonl", [{"prompt": "a", "completion": "1"}]))])
    assert isinstance(one, Answers)
