"""Columns are renamed for the reader, joined where one is not enough, and a slip in a name is told at the first row."""

import json
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.tasks.columns import renamed_rows
from didact.tasks.readers import load_tasks


def renamed(columns: dict[str, str], *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for _, _, row in renamed_rows([("f", f"row {n}", row) for n, row in enumerate(rows, start=1)], columns)]


def test_columns_without_a_new_name_keep_their_own_and_a_new_name_wins_over_a_column_that_has_it() -> None:
    row = {"instruction": "old", "problem": "1+1?", "solution": "2", "id": 7}
    assert renamed({"instruction": "problem", "output": "solution"}, row) == [{"instruction": "1+1?", "output": "2", "id": 7}]
    assert renamed({}, row) == [row]


def test_joined_columns_have_a_blank_line_between_them_and_empty_ones_are_left_out() -> None:
    rows = [{"a": "x", "b": " ", "c": 3}, {"a": None, "c": "z"}, {"b": "", "c": None}]
    assert [row["input"] for row in renamed({"input": "a + b + c"}, *rows)] == ["x\n\n3", "z", ""]


def test_one_column_may_stand_for_two() -> None:
    assert renamed({"prompt": "text", "completion": "text"}, {"text": "x"}) == [{"prompt": "x", "completion": "x"}]


def test_a_column_that_is_not_in_the_first_row_is_told_with_the_nearest_and_all_of_them() -> None:
    with pytest.raises(DataError, match="no column 'contxt', which `columns` takes for input") as error:
        renamed({"input": "contxt"}, {"instruction": "i", "context": "c"})
    assert error.value.expected == "did you mean 'context'? the columns are: instruction, context"
    assert error.value.where == "f, row 1"


def test_a_row_that_lacks_a_column_is_refused_by_the_reader_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [{"problem": "p", "solution": "s"}, {"solution": "s"}]))
    columns = {"instruction": "problem", "output": "solution"}
    (task,) = load_tasks([Source(name="mine", reader="alpaca", path=str(path), columns=columns)])
    assert [(example.fields["instruction"], *example.targets) for example in task.examples] == [("p", "s")]
    assert task.report is not None and task.report.dropped == {"missing instruction": 1}


@pytest.mark.parametrize("reader", ["alpaca", "prompt_completion"])
def test_a_column_rationale_is_the_reasoning_of_the_example(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"q": "1+1?", "a": "2", "rationale": "One more than one."}) + "\n")
    asked, answered = ("instruction", "output") if reader == "alpaca" else ("prompt", "completion")
    (task,) = load_tasks([Source(name="mine", reader=reader, path=str(path), columns={asked: "q", answered: "a"})])
    assert task.examples[0].rationale == "One more than one."


def test_real_tables_of_question_answer_and_reasoning_are_read_whole(shared: Path) -> None:
    folder = shared / "flan_cot" / "cot_data"
    (task,) = load_tasks([Source(name="cot", reader="prompt_completion", path=str(folder), header=("prompt", "completion", "rationale"))])
    lines = [line for file in folder.glob("*.tsv") for line in file.read_text(encoding="utf-8").split("\n") if line]
    assert (len(task.examples), len(lines)) == (33_443, 33_443)
    assert task.report is not None and task.report.dropped.total() == 0
    first = next(example for example in task.examples if example.id == "gsm8k_train.tsv/row 1")
    assert (first.fields["prompt"][:12], first.targets, first.rationale[:12]) == ("Natalia sold", ("72",), "Natalia sold")


@pytest.mark.parametrize(
    ("name", "path", "num_rows", "num_kept", "options"),
    [
        ("dolly", "dolly/dolly_3k_alpagasus.json", 2996, 2996, {"columns": {}}),  # This copy has Alpaca's columns.
        ("gpteacher", "gpteacher/roleplay-similarity_0.6_first600.json", 600, 600, {"columns": {}}),  # So has this one.
        ("alpaca", "alpaca/alpaca_data_random_9k.json", 9229, 9225, {}),
        ("codealpaca", "codealpaca/code_alpaca_2k.json", 2017, 2015, {}),
        ("gpt4_llm", "llama_factory/alpaca_en_demo.json", 999, 999, {}),
        ("gpt4_llm_zh", "llama_factory/alpaca_zh_demo.json", 1000, 1000, {}),
        ("sharegpt", "fastchat/data/dummy_conversation.json", 500, 500, {}),
        ("oasst1_trees", "oasst/en_100_tree.jsonl", 100, 100, {}),
        ("self_instruct_seeds", "self_instruct/data/seed_tasks.jsonl", 175, 175, {}),
        ("flan_rationales", "flan_cot/cot_data/aqua_train.tsv", 2728, 2728, {}),
    ],
)
def test_a_copy_of_a_data_set_of_the_catalogue_is_read_whole(
    shared: Path, name: str, path: str, num_rows: int, num_kept: int, options: dict[str, Any]
) -> None:
    (task,) = load_tasks([Source(name="mine", catalogue=name, path=str(shared / path), **options)])
    assert len(task.examples) == num_kept
    assert task.report is not None and task.report.num_read == num_rows


def test_a_copy_of_superni_is_read_by_the_catalogue_as_its_tasks(shared: Path) -> None:
    tasks = load_tasks([Source(name="ni", catalogue="superni", path=str(shared / "superni"))])
    files = sorted((shared / "superni" / "tasks").glob("*.json"))
    num_instances = sum(len(json.loads(file.read_text(encoding="utf-8"))["Instances"]) for file in files)
    num_kept = sum(len(task.examples) for task in tasks)
    (report,) = tasks.reports
    num_refused = report.dropped["empty output"]
    assert ([task.name for task in tasks], num_kept + num_refused) == ([f"ni/{file.stem}" for file in files], num_instances)
    assert num_refused == 2
    assert {task.split for task in tasks} == {"train", "test", "excluded"}
