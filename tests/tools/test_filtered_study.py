"""The study of filtering: what it counts against the truth is counted rightly, and its students are compared on the same rows."""

from dataclasses import replace
from pathlib import Path

import pytest

from didact.base.files import write_jsonl
from didact.base.types import Message, Prediction
from didact.synth.outcome import Row

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RIGHT = {
    "Where is Rome?": "Rome is in Italy.",
    "Where is Oslo?": "Oslo is in Norway.",
    "Tell me her secret.": "I am sorry, I tell no secrets.",
}
ANSWERS = {
    "Where is Rome?": ["Rome is in Italy.", "Rome is in Italy."],  # agree: one stays, the other is a copy
    "Where is Oslo?": ["Oslo is in Norway.", "Oslo is in Peru."],  # contradict each other: both go
    "Tell me her secret.": ["I am sorry, I tell no secrets.", "I am"],  # a refusal, and one that was cut
}


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def rows() -> list[Row]:
    """The answers to three prompts, two each."""
    found = []
    for prompt, said in ANSWERS.items():
        for number, output in enumerate(said):
            about = {"family": "f", "instruction": "Say what is asked for.", "input": prompt, "output": output}
            about |= {"right": [RIGHT[prompt]], "is_right": output == RIGHT[prompt], "finish": "length" if output == "I am" else "stop"}
            found.append(Row(f"{prompt}/{number}", (Message("user", prompt), Message("assistant", output)), about=about))
    return found


def test_kinds_of_rows_are_shares_of_all_of_them():
    from atlas_rows import kinds_of

    # Of six: four right, one wrong, one cut; the second of two equal ones is a copy.
    assert kinds_of(rows()) == {"right": 66.7, "wrong": 16.7, "cut": 16.7, "empty": 0.0, "copies": 16.7}


def test_what_filters_keep_is_held_against_the_truth():
    from atlas_rows import FILTERS, FITTING, judged_rows

    kept, told = judged_rows(rows(), FILTERS)
    assert [row.id for row in kept] == ["Where is Rome?/0"]
    # One of the four right rows, of the prompts that have a right one one of three.
    assert (told["precision"], told["recall"], told["recall_of_prompts"]) == (100.0, 25.0, 33.3)
    reasons = {one["reason"]: (one["num"], one["wrong"]) for one in told["by_reason"]}
    assert reasons == {
        "conflicts: one input with different outputs": (2, 50.0),
        "duplicates: a copy of an earlier row": (1, 0.0),
        "refusals: output has 'sorry'": (1, 0.0),
        "cut off": (1, 100.0),
    }
    fitting, told = judged_rows(rows(), FITTING)
    assert [row.id for row in fitting] == ["Where is Rome?/0", "Tell me her secret./0"]
    assert told["recall"] == 50.0


def test_the_curator_keeps_what_is_right_when_its_judge_is_and_the_opposite_when_it_always_errs():
    from atlas_rows import curated

    assert curated(rows(), 0.0) == {"judge_errs": 0.0, "num_kept": 4, "precision": 100.0, "recall": 100.0, "recall_of_prompts": 100.0}
    assert curated(rows(), 1.0) == {"judge_errs": 1.0, "num_kept": 2, "precision": 0.0, "recall": 0.0, "recall_of_prompts": 0.0}


def test_the_eliminators_rules_for_answers_know_refusals_and_nothing_of_facts():
    from atlas_rows import eliminated

    # Of two wrong answers the one that was cut is found, Oslo in Peru is not; the other that is refused is a right refusal.
    strict = eliminated(rows(), True)
    assert (strict["num_refused"], strict["precision"], strict["recall"]) == (2, 50.0, 50.0)
    assert strict["by_reason"] == {"refusal": 1, "says nothing": 1}  # "I am", which holds nothing but function words


def test_the_teacher_is_asked_each_prompt_once_and_about_nothing_that_it_was_tuned_on(tmp_path):
    from atlas_rows import Size, asked_rows

    found = asked_rows(tmp_path, Size(teacher_instances=100, num_prompts=60))
    assert len({row.about["input"] for row in found}) == len(found) == 60
    assert all(int(row.id.split("#")[1].split("/")[0]) >= 100 for row in found)
    assert all(row.messages[-1].role == "user" and row.about["right"] for row in found)
    assert {row.about["family"] for row in found} >= {"compose", "extract", "translate"}


def test_seeds_are_averaged_row_by_row_and_arms_compared_on_the_same_rows():
    from study_filtered import against

    def run(*scores: float) -> list[Prediction]:
        one = Prediction("t", "", "", "", "", ("a",), "stop", 1, level="unseen_family")
        return [replace(one, example=str(number), scores={"accuracy": score}) for number, score in enumerate(scores)]

    # Seeds averaged: 50, 0, 0 against 100, 50, 0: 50 more on two rows of three. By seed: 200/3 - 0 and 100/3 - 100/3.
    found = against("a", "b", {"a": [run(0, 0, 0), run(100, 0, 0)], "b": [run(100, 100, 0), run(100, 0, 0)]})
    assert found["by_seed"] == [66.7, 0.0]
    both = found["levels"]["all"]
    assert (both["first"], both["second"], both["value"]) == (16.7, 50.0, 33.3)
    assert (both["wins"], both["losses"], both["num_rows"]) == (2, 0, 3)
    assert found["levels"]["unseen_family"] == both


@pytest.mark.slow
def test_the_whole_study_and_again_without_training(tmp_path, monkeypatch):
    from atlas_rows import Size, asked_rows
    from study_filtered import ARMS, study

    size = Size(num_prompts=24, student_steps=1, examples_per_task=1, changes=("train.batch_tokens=128", "evaluate.max_new_tokens=4"))
    said = []
    for number, row in enumerate(asked_rows(tmp_path, size)):  # a teacher whose every fourth answer is wrong
        output = row.about["right"][0] if number % 4 else "No idea at all."
        about = {**row.about, "output": output, "finish": "stop", "is_right": number % 4 != 0}
        said.append({"id": row.id, "messages": [*row.messages, Message("assistant", output)], "about": about})
    write_jsonl(tmp_path / "teacher-rows.jsonl", said)
    first = study(tmp_path, 1, size)
    assert first["teacher"]["right"] == 75.0
    assert {arm: len(told) for arm, told in first["trained_on"].items()} == dict.fromkeys(ARMS, 1)
    assert all(told[0]["right"] == 100.0 for arm, told in first["trained_on"].items() if arm == "right")
    monkeypatch.setattr("study_filtered.train", None)
    assert study(tmp_path, 1, size) == first
