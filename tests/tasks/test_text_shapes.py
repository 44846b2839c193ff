"""Instances inside rows, completions with an end mark, UnifiedQA's written-out newlines, Natural Instructions v1."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from didact.base.recipe import Source
from didact.tasks.natural_instructions_v1 import as_superni
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task


def task_of(reader: str, folder: Path, *rows: dict[str, Any], **options: Any) -> Task:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (task,) = load_tasks([Source(name="mine", reader=reader, path=str(path), **options)])
    return task


def dropped(task: Task) -> Counter[str]:
    assert task.report is not None
    return task.report.dropped


UNNATURAL = {
    "instruction": "Name the colour.",
    "instances": [
        {"instruction_with_input": "", "input": "sky", "constraints": "One word.", "output": "blue"},
        {"instruction_with_input": "", "input": "grass", "constraints": "None.", "output": "green"},
    ],
    "reformulations": [{"instruction": "Colour of {INPUT}?", "instruction_with_input": "Colour of sky?", "input": "sky", "output": "blue"}],
}


def test_every_instance_of_a_row_is_an_example_with_its_constraints_and_every_reformulation_one_that_is_asked_whole(tmp_path: Path) -> None:
    examples = task_of("instances", tmp_path, UNNATURAL).examples
    assert [(example.id, *example.fields.values(), *example.targets) for example in examples] == [
        ("line 1/1", "Name the colour.\n\nOne word.", "sky", "blue"),
        ("line 1/2", "Name the colour.", "grass", "green"),
        ("line 1/3", "Colour of sky?", "", "blue"),
    ]
    assert len(task_of("instances", tmp_path, UNNATURAL, settings={"reformulations": 0}).examples) == 2


def test_instances_that_cannot_be_used_are_refused_one_by_one(tmp_path: Path) -> None:
    rows = [
        {"instruction": "i", "instances": [{"input": "", "output": ""}, {"input": "", "output": "o"}]},
        {"instruction": "i", "instances": []},
        {"instruction": "i"},
        {"instruction": "i", "instances": "o"},
        {"instances": [{"input": "", "output": "o"}]},
    ]
    task = task_of("instances", tmp_path, *rows)
    assert [example.id for example in task.examples] == ["line 1/2"]
    expected = ["empty output", "no instances", "missing instances", "instances is not a list of objects", "missing instruction"]
    assert list(dropped(task)) == expected


def test_the_end_mark_of_gpt3s_tuning_is_no_part_of_the_answer(tmp_path: Path) -> None:
    rows = [{"prompt": "1+1=", "completion": " 2<|endoftext|>"}, {"prompt": "p", "completion": "<|endoftext|>"}, {"completion": "c"}]
    task = task_of("gpt3_tuning", tmp_path, *rows, {"prompt": "2+2=", "completion": " 4"})
    assert [example.targets for example in task.examples] == [(" 2",), (" 4",)]
    assert dropped(task) == {"empty completion": 1, "empty prompt": 1}


def test_written_out_newlines_of_unifiedqa_become_newlines_and_its_quotes_stay(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text('Who? \\n (A) Ann (B) Bob \\n "Ann" sat. She\\n slept.\tAnn\n"Why?\tno reason\nonly one column\n', encoding="utf-8")
    (task,) = load_tasks([Source(name="mine", reader="unifiedqa", path=str(path), header=("prompt", "completion"))])
    assert [(example.fields["prompt"], *example.targets) for example in task.examples] == [
        ('Who?\n(A) Ann (B) Bob\n"Ann" sat. She\n slept.', "Ann"),
        ('"Why?', "no reason"),
    ]
    assert dropped(task) == {"too few columns": 1}


V1 = {
    "Title": "Sums",
    "Definition": "Add two numbers. ",
    "Prompt": "Write the sum.",
    "Things to Avoid": "-",
    "Emphasis & Caution": "Digits only.",
    "Examples": {
        "Positive Examples": [{"input": "1 1", "output": "2", "reason": "1+1=2", "suggestion": "-"}],
        "Negative Examples": [{"input": "1 2", "output": "four", "reason": "Wrong.", "suggestion": "Write 3."}],
    },
    "Instances": [{"input": "2 2", "output": ["4", "four"]}, {"input": "", "output": ["5"]}],
}


def test_a_task_of_natural_instructions_v1_is_read_as_one_of_v2(tmp_path: Path) -> None:
    (tmp_path / "subtask001_sums.json").write_text(json.dumps(V1))
    (task,) = load_tasks([Source(name="ni", reader="superni", path=str(tmp_path))])
    assert (task.name, task.kind) == ("ni/subtask001_sums", "superni")
    assert task.definition == "Add two numbers.\nEmphasis and caution: Digits only.\nWrite the sum."
    assert [(example.fields["input"], example.targets) for example in task.examples] == [("2 2", ("4", "four"))]
    assert [(example.targets, example.rationale) for example in (*task.positive, *task.negative)] == [
        (("2",), "1+1=2"),
        (("four",), "Wrong. Write 3."),
    ]
    assert dropped(task) == {"empty input": 1}


def test_the_dash_of_v1_stands_for_no_negative_examples() -> None:
    examples = {"Positive Examples": [], "Negative Examples": ["-"]}
    assert as_superni({**V1, "Examples": examples})["Negative Examples"] == []


def test_real_seed_tasks_and_completions_are_read_whole(shared: Path) -> None:
    for path, num_tasks in (("data/seed_tasks.jsonl", 175), ("human_eval/user_oriented_instructions.jsonl", 252)):
        (task,) = load_tasks([Source(name="mine", reader="instances", path=str(shared / "self_instruct" / path))])
        assert (len(task.examples), dropped(task)) == (num_tasks, {})
    folder = shared / "self_instruct" / "data" / "finetuning" / "t0_train_50k" / "data_per_template"
    lines = [line for file in folder.glob("*.jsonl") for line in file.read_text(encoding="utf-8").split("\n")]
    rows = [json.loads(line) for line in lines if line]
    num_empty = sum(not row["completion"].replace("<|endoftext|>", "").strip() for row in rows)
    (task,) = load_tasks([Source(name="t0", reader="gpt3_tuning", path=str(folder))])
    assert (len(rows), num_empty) == (12_030, 400)
    assert (len(task.examples), dropped(task)) == (11_630, {"empty completion": 400})
    assert not any("<|endoftext|>" in example.targets[0] for example in task.examples)
