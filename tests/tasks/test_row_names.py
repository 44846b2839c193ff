"""Sources whose rows name their task: one task for every name, in memory and on disk, whatever the reader; no name, no row."""

import json
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.mixture_section import MixtureSection
from didact.base.recipe import HoldOut, Source
from didact.data.mixture import Mixture
from didact.tasks import readers, row_names, row_store
from didact.tasks.readers import NAMED, READERS, load_tasks
from didact.tasks.splits import hold_out
from didact.tasks.task import Chosen, Task, TaskSet

TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
SHARED = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
MESSAGE = {"message_id": "r", "parent_id": None, "role": "prompter", "text": "q", "replies": []}
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "alpaca": ({"instruction": "q", "output": "a"}, {}),
    "sharegpt": ({"conversations": SHARED}, {}),
    "messages": ({"messages": TURNS}, {}),
    "prompt_completion": ({"prompt": "q", "completion": "a"}, {}),
    "rows": ({"question": "q", "answer": "a"}, {"target": "answer"}),
    "text": ({"text": "Once."}, {}),
    "turns": ({"turns": ["q", "a"]}, {}),
    "tagged": ({"text": "Human: q\nAssistant: a"}, {}),
    "best_answer": ({"prompt": "q", "answers": [{"answer": "a", "rank": 1}]}, {"settings": {"answer": "answer", "rank": "rank"}}),
    "oasst": ({"prompt": {**MESSAGE, "replies": [{**MESSAGE, "message_id": "a", "role": "assistant"}]}}, {}),
    "instances": ({"instruction": "q", "instances": [{"input": "", "output": "a"}]}, {}),
    "gpt3_tuning": ({"prompt": "q", "completion": "a<|endoftext|>"}, {}),
    "unifiedqa": ({"prompt": "q", "completion": "a"}, {}),
}
"""A row for every reader of rows, and what its source says."""
PAIR: dict[str, Any] = {"columns": {"prompt": "inputs", "completion": "targets"}}

CLUSTERED: dict[str, Any] = {**PAIR, "tasks_by": "task_name", "category_by": "cluster"}


def written(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def pair(number: int, task: Any = "sum", **more: Any) -> dict[str, Any]:
    return {"inputs": f"q{number}", "targets": f"a{number}", "task_name": task, **more}


def load(folder: Path, *rows: dict[str, Any], **keys: Any) -> dict[str, Task]:
    keys = {"tasks_by": "task_name", **PAIR, **keys}
    return {task.name: task for task in load_tasks([Source(name="flan", reader="prompt_completion", path=written(folder, *rows), **keys)])}


def prompts(task: Task) -> list[str]:
    return [example.fields["prompt"] for example in task.examples]


def test_every_name_is_a_task_and_a_row_without_one_is_refused_with_its_reason(tmp_path: Path) -> None:
    nameless = [pair(5, None), pair(6, " "), {"inputs": "q7", "targets": "a7"}, pair(8, ["sum"])]
    tasks = load(tmp_path, pair(1), pair(2, "glue/cola:2.0.0"), pair(3, " sum "), pair(4, 17), *nameless, category="math", limit=9)
    assert {name: prompts(task) for name, task in tasks.items()} == {
        "flan/sum": ["q1", "q3"],
        "flan/glue_cola_2.0.0": ["q2"],
        "flan/17": ["q4"],
    }
    assert {task.category for task in tasks.values()} == {"math"}
    (report,) = {id(task.report): task.report for task in tasks.values()}.values()
    assert report is not None
    assert report.line() == ("flan: 8 rows read = 4 kept + 4 dropped (no task_name to name its task 3, task_name is not a name 1)")
    assert [refusal.row for refusal in report.refusals] == ["line 5", "line 6", "line 7", "line 8"]


@pytest.mark.parametrize("reader", sorted({*READERS} - {*NAMED}))
def test_every_reader_of_rows_reads_them_as_tasks(tmp_path: Path, reader: str) -> None:
    row, keys = ROWS[reader]
    named = [{**row, "id": f"{number}", "meta": {"task": task}} for number, task in enumerate("xyx")]
    if reader == "oasst":
        named = [{**row, "prompt": {**row["prompt"], "message_id": f"r{row['id']}"}} for row in named]
        for number, one in enumerate(named):
            one["prompt"]["replies"] = [{**one["prompt"]["replies"][0], "message_id": f"a{number}"}]
    source = Source(name="mine", reader=reader, path=written(tmp_path, *named), tasks_by="meta.task", **keys)
    tasks = load_tasks([source])
    assert {task.name: len(task.examples) for task in tasks} == {"mine/x": 2, "mine/y": 1}
    assert tasks.reports[0].dropped.total() == 0
    assert {task.kind for task in tasks} == {task.kind for task in load_tasks([source.model_copy(update={"tasks_by": ""})])}


@pytest.mark.parametrize("reader", NAMED)
def test_readers_that_name_their_tasks_themselves_refuse_it(reader: str) -> None:
    with pytest.raises(DataError, match=f"reader {reader} names its tasks itself"):
        load_tasks([Source(name="mine", reader=reader, tasks_by="task")])


def test_categories_and_datasets_come_from_columns_too(tmp_path: Path) -> None:
    rows = [
        pair(1, cluster="nli", data="snli"),
        pair(2, cluster="qa", data="squad"),
        pair(3, "x", cluster="nli", data="snli"),
        pair(4, "y"),
    ]
    tasks = load(tmp_path, *rows, category_by="cluster", dataset_by="data", category="other")
    assert {name: (task.categories, task.datasets) for name, task in tasks.items()} == {
        "flan/sum": (("nli", "qa"), ("snli", "squad")),
        "flan/x": (("nli",), ("snli",)),
        "flan/y": (("other",), ("flan/y",)),
    }
    assert {task.datasets for task in load(tmp_path, *rows, dataset="web").values()} == {("web",)}
    with pytest.raises(ValueError, match="give tasks_by too"):
        Source(name="a", reader="alpaca", category_by="cluster")
    with pytest.raises(DataError, match="its rows are one task"):
        load_tasks([Source(name="a", catalogue="flan_cot", tasks_by="", category_by="x", path=written(tmp_path, pair(1)))])


def test_several_columns_make_a_name_with_slashes_and_a_renamed_one_can_be_named(tmp_path: Path) -> None:
    rows = [pair(1, kind="zs_opt"), pair(2, kind="fs_opt"), pair(3, kind="zs_opt")]
    tasks = load(tmp_path, *rows, tasks_by="kind + task_name")
    assert {name: prompts(task) for name, task in tasks.items()} == {"flan/zs_opt/sum": ["q1", "q3"], "flan/fs_opt/sum": ["q2"]}
    assert sorted(load(tmp_path, *rows, tasks_by="inputs")) == ["flan/q1", "flan/q2", "flan/q3"]


def test_two_values_that_make_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two values name one task 'flan/a_b': 'a b' and 'a/b'") as error:
        load(tmp_path, pair(1, "a b"), pair(2, "a/b"))
    assert "tasks_by: COLUMN" in error.value.remedy


def test_names_never_leave_their_folder(tmp_path: Path) -> None:
    assert sorted(load(tmp_path, pair(1, "../x"), pair(2, ".."), pair(3, "größe*"))) == ["flan/_", "flan/__x", "flan/größe_"]


def test_a_column_of_ids_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_names, "MOST", 3)
    with pytest.raises(DataError, match="more than 3 tasks in source 'flan'"):
        load(tmp_path, *(pair(number, f"id{number}") for number in range(4)))


def test_a_column_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'taskname' to name tasks by") as error:
        load(tmp_path, pair(1), tasks_by="taskname")
    assert "did you mean 'task_name'?" in error.value.expected
    assert error.value.remedy == "put tasks_by of source 'flan' right; for one task: tasks_by: ''"


def test_ids_and_limit_are_each_task_s_own(tmp_path: Path) -> None:
    rows = [
        pair(1, "x", id="1"),
        pair(2, "y", id="1"),
        pair(3, "x", id="1"),
        pair(4, "x", id="2"),
        pair(5, "x", id="3"),
        pair(6, "y", id="2"),
    ]
    tasks = load(tmp_path, *rows, limit=2)
    assert {name: [(row.id, row.fields["prompt"]) for row in task.examples] for name, task in tasks.items()} == {
        "flan/x": [("1", "q1"), ("2", "q4")],
        "flan/y": [("1", "q2"), ("2", "q6")],
    }
    report = tasks["flan/x"].report
    assert report is not None
    assert report.line() == "flan: 5 rows read = 4 kept + 1 dropped (repeated id 1)"  # q5 is past the limit, and not read


def test_many_rows_lie_on_disk_and_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [pair(number, f"task{number % 7}", cluster=f"c{number % 2}") for number in range(700)] + [pair(700, None)]
    held = load(tmp_path, *rows, category_by="cluster")
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(row_store, "HELD", 0)
    first = load_tasks([source := Source(name="flan", reader="prompt_completion", path=str(tmp_path / "rows.jsonl"), **CLUSTERED)])
    assert len([*(tmp_path / "cache" / "rows").iterdir()]) == 1  # one file for all of them

    def nothing(*_: Any, **__: Any) -> Any:
        raise AssertionError("read again")

    monkeypatch.setattr(readers, "open_rows", nothing)
    again = load_tasks([source])
    for mine, other in zip(first, again, strict=True):
        kept = held[mine.name]
        assert (mine.name, mine.categories, mine.datasets, mine.report) == (other.name, other.categories, other.datasets, other.report)
        assert (mine.categories, mine.datasets, mine.report) == (kept.categories, kept.datasets, kept.report)
        assert isinstance(other.examples, Chosen)
        assert [*mine.examples] == [*other.examples] == [*kept.examples]
        assert len(mine.examples) == 100
    assert again.reports[0].line() == "flan: 701 rows read = 700 kept + 1 dropped (no task_name to name its task 1)"


def test_caps_count_for_each_task_and_one_held_out_leaves_the_others(tmp_path: Path) -> None:
    tasks = load(tmp_path, *(pair(number, "large" if number % 4 else "small") for number in range(40)))
    mixture = Mixture({name: len(task.examples) for name, task in tasks.items()}, MixtureSection.model_validate({"cap": 20}), 0)
    assert {row["task"]: row["counted"] for row in mixture.table()} == {"flan/large": 20, "flan/small": 10}
    split = hold_out(TaskSet(tasks.values()), HoldOut(task=("flan/small",)))
    assert [task.name for task in split.seen] == ["flan/large"]
