"""Seed tasks: those that come with didact, and files of a user's own."""

import json
import re
from pathlib import Path

import pytest

from didact.base.errors import DataError
from didact.synth.instruction_rules import ALPACA_KEYWORDS, instruction_fault
from didact.synth.seeds import SeedTask, load_seeds
from didact.synth.similar import SimilarPool


def written(folder: Path, *rows: object) -> Path:
    file = folder / "seeds.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return file


def test_the_bundled_seeds_are_as_many_and_as_varied_as_the_paper_asks():
    tasks = load_seeds()
    labelled = [task for task in tasks if task.is_classification]
    empty = [task for task in tasks if not task.input]
    assert len(tasks) >= 175
    assert 25 <= len(labelled) <= 45
    assert 0.25 <= len(empty) / len(tasks) <= 0.35  # The original: 50 of 175, 29 percent.
    verbs = {task.instruction.split()[0] for task in tasks}
    assert len(verbs) >= 80
    # Labels are short, and in no reply but one of the first kind does the answer repeat the input.
    assert all(len(task.output.split()) <= 4 for task in labelled)
    assert all(task.output != task.input for task in tasks)


def test_no_bundled_seed_would_be_refused_as_an_instruction_and_no_two_are_alike():
    tasks = load_seeds()
    assert {task.id: fault for task in tasks if (fault := instruction_fault(task.instruction, ALPACA_KEYWORDS, strict=True))} == {}
    assert all(SimilarPool().accept_all([task.instruction for task in tasks]))


def test_labels_that_an_instruction_or_its_input_offers_hold_the_answer():
    """Where a seed names its labels in `: a, b or c`, the answer is one of them."""
    checked = 0
    for task in load_seeds():
        offered = re.search(r": ([^.:]+? or [^.:]+?)[.?]?(?: The noun.*)?$", task.instruction)
        if task.is_classification and offered:
            labels = re.split(r", | or ", offered[1])
            assert task.output in labels, task
            checked += 1
    assert checked >= 10


def test_a_file_of_ones_own_is_read_in_both_forms(tmp_path):
    mine = {"instruction": "Name a river.", "output": "The Danube."}
    theirs = {
        "id": "t1",
        "name": "x",
        "instruction": "Is it even?",
        "instances": [{"input": "4", "output": "yes"}],
        "is_classification": True,
    }
    assert load_seeds(written(tmp_path, mine, "", theirs)) == (
        SeedTask("seed_task_0", "Name a river.", "", "The Danube.", False),
        SeedTask("t1", "Is it even?", "4", "yes", True),
    )


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("{", "not JSON"),
        ([1], "not a JSON object"),
        ({"instruction": "Add."}, "'output' is missing"),
        ({"instruction": " ", "output": "x"}, "'instruction' is empty"),
        ({"instruction": "Add.", "output": 3}, "'output' is no text"),
        ({"instruction": "Add.", "output": "3", "is_classification": "no"}, "is no true or false"),
        ({"instructions": "Add.", "output": "3"}, "unknown key 'instructions'"),
        ({"instruction": "Add.", "instances": [], "is_classification": False}, "not exactly one instance"),
        ({"instruction": "Name a river.", "output": "The Po."}, "the same task is in line 1"),
        ({"id": "a", "instruction": "Name a lake.", "output": "Como."}, "the same id 'a' is in line 1"),
    ],
)
def test_a_line_that_is_no_seed_task_is_refused_with_its_line(tmp_path, row, what):
    file = written(tmp_path, {"id": "a", "instruction": "Name a river.", "output": "The Danube."}, row)
    with pytest.raises(DataError) as error:
        load_seeds(file)
    assert what in str(error.value)
    assert f"{file}:2" in str(error.value)
    assert "next: " in str(error.value)


def test_a_file_that_is_not_there_or_empty_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="cannot read the seed tasks"):
        load_seeds(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="no seed tasks"):
        load_seeds(written(tmp_path))
