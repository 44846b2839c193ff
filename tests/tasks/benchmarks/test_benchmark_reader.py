"""The reader `benchmark`: which tasks a source gives, which files and splits are read, and what is refused."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from didact.base.errors import DataError, RecipeError
from didact.base.recipe import Source
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task

CB_ROW = {"premise": "It rains.", "hypothesis": "It is wet.", "label": 0, "idx": 5}
RTE_ROW = {"sentence1": "It rains.", "sentence2": "It is wet.", "label": 1, "idx": 7}


def tasks_of(**options: Any) -> dict[str, Task]:
    return {task.name: task for task in load_tasks([Source(**{"name": "superglue", "reader": "benchmark", **options})])}


def written(folder: Path, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ids(task: Task) -> list[str]:
    return [example.id for example in task.examples]


# Which tasks


def test_a_collection_gives_all_its_tasks_and_only_picks_some(tmp_path: Path) -> None:
    assert len(tasks_of()) == 10
    assert list(tasks_of(settings={"only": "cb, rte"})) == ["superglue/cb", "superglue/rte"]
    assert list(tasks_of(name="mine", settings={"of": "superglue", "only": "wic"})) == ["mine/wic"]
    assert list(tasks_of(name="mine", settings={"of": "superglue/wic"})) == ["mine"]
    assert tasks_of(name="mine", settings={"of": "superglue/wic"})["mine"].kind == "superglue/wic"


@pytest.mark.parametrize(
    ("options", "what", "expected"),
    [
        ({"name": "superglu"}, "no benchmark named 'superglu'", "did you mean 'superglue'?"),
        ({"settings": {"only": "cbb"}}, "no task 'cbb' in superglue", "did you mean 'cb'?"),
        ({"settings": {"sample": 1}}, "no setting named 'sample'", "did you mean 'samples'?"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(options: dict[str, Any], what: str, expected: str) -> None:
    with pytest.raises(RecipeError) as caught:
        tasks_of(**options)
    assert caught.value.what == what
    assert caught.value.expected.startswith(expected)
    assert caught.value.remedy


def test_a_task_carries_what_is_known_of_its_benchmark_unless_the_source_says_otherwise() -> None:
    task = tasks_of(settings={"samples": 1})["superglue/cb"]
    assert (task.kind, task.metric, task.categories, task.datasets) == ("superglue/cb", "f1_macro", ("entailment",), ("cb",))
    assert task.definition.startswith("Say whether") and task.licence and task.positive == BENCHMARKS["superglue/cb"].samples
    own = tasks_of(settings={"samples": 1}, metric="accuracy", category="mine", dataset="set", definition="Judge.", limit=2)["superglue/cb"]
    assert (own.metric, own.categories, own.datasets, own.definition, len(own.examples)) == ("accuracy", ("mine",), ("set",), "Judge.", 2)


def test_sample_tasks_are_named_as_the_benchmarks_and_say_whose_rows_they_are() -> None:
    tasks = {task.name: task for task in sample_tasks("superglue")}
    assert set(tasks) == set(matching("superglue/*"))
    assert all(example.where.startswith("didact's own sample rows") for task in tasks.values() for example in task.examples)
    assert [task.name for task in sample_tasks("*/rte")] == ["glue/rte", "superglue/rte"]


# Which files


@pytest.mark.parametrize(
    "name", ["CB/train.jsonl", "cb/train.jsonl", "super_glue_cb_train.jsonl", "deeper/super_glue_cb_train.jsonl", "NLI/CB/train.json"]
)
def test_every_known_layout_is_found(tmp_path: Path, name: str) -> None:
    if name.endswith(".json"):
        (tmp_path / "NLI" / "CB").mkdir(parents=True)
        (tmp_path / name).write_text(json.dumps([CB_ROW]))
    else:
        written(tmp_path, name, [CB_ROW])
    assert ids(tasks_of(path=str(tmp_path))["superglue/cb"]) == ["5"]


def test_one_task_alone_may_be_given_its_own_folder_or_file(tmp_path: Path) -> None:
    path = written(tmp_path, "train.jsonl", [CB_ROW])
    only = {"only": "cb"}
    assert ids(tasks_of(path=str(tmp_path), settings=only)["superglue/cb"]) == ["5"]
    assert ids(tasks_of(path=str(path), settings=only)["superglue/cb"]) == ["5"]
    with pytest.raises(DataError):
        tasks_of(path=str(tmp_path))


@pytest.mark.parametrize("word", ["validation", "val", "dev"])
def test_a_split_is_found_in_its_other_spellings(tmp_path: Path, word: str) -> None:
    written(tmp_path, f"CB/{word}.jsonl", [CB_ROW])
    written(tmp_path, "CB/train.jsonl", [CB_ROW, {**CB_ROW, "idx": 6}])
    assert ids(tasks_of(path=str(tmp_path), split="validation")["superglue/cb"]) == ["5"]
    assert ids(tasks_of(path=str(tmp_path))["superglue/cb"]) == ["5", "6"]


def test_what_a_folder_does_not_hold_is_counted_and_named(tmp_path: Path) -> None:
    written(tmp_path, "CB/train.jsonl", [CB_ROW, {**CB_ROW, "idx": 6, "label": -1}])
    tasks = tasks_of(path=str(tmp_path))
    report = tasks["superglue/cb"].report
    assert list(tasks) == ["superglue/cb"] and len(tasks["superglue/cb"].examples) == 1 and report is not None
    # Of ten tasks nine have no file; AX-b and AX-g have only a test split.
    assert {reason: len(names) for reason, names in report.absent.items()} == {"no file of split train": 7, "no file of split test": 2}
    assert "superglue/wsc" in report.absent["no file of split train"]
    assert (report.num_read, report.dropped) == (2, {"no label, as in test rows": 1})
    assert report.line().startswith("superglue: 2 rows read = 1 kept + 1 dropped (no label, as in test rows 1); no file of split train: ")
    assert "; no file of split test: superglue/axb, superglue/axg" in report.line()


def test_a_folder_of_another_split_says_which_there_is(tmp_path: Path) -> None:
    written(tmp_path, "CB/val.jsonl", [CB_ROW])
    with pytest.raises(DataError) as caught:
        tasks_of(path=str(tmp_path))
    assert caught.value.what == f"no file of split train in {tmp_path}"
    assert (caught.value.expected, caught.value.remedy) == ("there are files of: validation", "add: split: validation")


def test_a_folder_of_something_else_says_which_layouts_are_known(tmp_path: Path) -> None:
    written(tmp_path, "other.jsonl", [CB_ROW])
    with pytest.raises(DataError) as caught:
        tasks_of(path=str(tmp_path), settings={"only": "cb"})
    assert caught.value.what == f"no file of superglue/cb in {tmp_path}"
    assert "CB/train.jsonl" in caught.value.expected
    with pytest.raises(DataError, match="no such file or folder"):
        tasks_of(path=str(tmp_path / "elsewhere" / "far" / "away"))


def test_rows_of_two_files_of_a_split_keep_ids_of_their_own(tmp_path: Path) -> None:
    for part in ("00000-of-00002", "00001-of-00002"):
        table = pytest.importorskip("pyarrow").table({key: [value] for key, value in CB_ROW.items()})
        (tmp_path / "cb").mkdir(exist_ok=True)
        pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "cb" / f"train-{part}.parquet")
    assert ids(tasks_of(path=str(tmp_path))["superglue/cb"]) == ["train-00000-of-00002:5", "train-00001-of-00002:5"]


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_arrow_is_read_as_it_is_saved(tmp_path: Path, kind: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    ipc = pytest.importorskip("pyarrow.ipc")
    table = arrow.table({key: [value, value] for key, value in {**CB_ROW, "idx": "a"}.items()}).set_column(
        3, "idx", arrow.array(["a", "b"])
    )
    (tmp_path / "cb" / "train").mkdir(parents=True)
    open_new = ipc.new_stream if kind == "stream" else ipc.new_file
    with open_new(str(tmp_path / "cb" / "train" / "data-00000-of-00001.arrow"), table.schema) as out:
        out.write_table(table)
    assert ids(tasks_of(path=str(tmp_path))["superglue/cb"]) == ["a", "b"]


def test_a_broken_arrow_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "cb" / "train").mkdir(parents=True)
    (tmp_path / "cb" / "train" / "data.arrow").write_bytes(b"ARROW1 and nothing else")
    with pytest.raises(DataError, match="not an arrow file"):
        len(tasks_of(path=str(tmp_path))["superglue/cb"].examples)


def test_quotes_in_tsv_files_are_letters_and_torn_lines_are_refused(tmp_path: Path) -> None:
    lines = [
        "index\tsentence1\tsentence2\tlabel",
        '0\tHe said "no .\tHe said it .\tentailment',
        "1\tShort\tentailment",
        "2\tA\tB\tnot_entailment",
    ]
    (tmp_path / "RTE").mkdir()
    (tmp_path / "RTE" / "train.tsv").write_text("\n".join(lines) + "\n")
    task = tasks_of(name="glue", path=str(tmp_path))["glue/rte"]
    assert ids(task) == ["0", "2"] and task.examples[0].fields["sentence1"] == 'He said "no .'
    assert task.report is not None and task.report.dropped["too few columns"] == 1
    assert task.examples[1].where == f"{tmp_path / 'RTE' / 'train.tsv'}, line 4"


# The hub


class FakeHub(ModuleType):
    """Stands for the library `datasets`: remembers what it was asked for."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__("datasets")
        self.rows, self.asked = rows, list[tuple[Any, ...]]()

    def load_dataset(self, name: str, subset: str | None, *, split: str) -> list[dict[str, Any]]:
        self.asked.append((name, subset, split))
        return self.rows


def test_without_a_path_the_hub_is_asked_when_examples_are(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub([RTE_ROW])
    monkeypatch.setitem(sys.modules, "datasets", hub)
    tasks = tasks_of(name="glue", split="validation")
    assert hub.asked == []
    assert ids(tasks["glue/rte"]) == ["7"]
    assert hub.asked == [("nyu-mll/glue", "rte", "validation")]


def test_the_hub_is_asked_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub([{"premise": "p", "hypothesis": "h", "label": 1, "idx": 0}])
    monkeypatch.setitem(sys.modules, "datasets", hub)
    for split in (None, "validation", "validation_mismatched"):
        len(tasks_of(name="glue", split=split)["glue/mnli"].examples)
    len(tasks_of()["superglue/axg"].examples)
    assert [asked[1:] for asked in hub.asked] == [
        ("mnli", "train"),
        ("mnli", "validation_matched"),
        ("mnli", "validation_mismatched"),
        ("axg", "test"),
    ]


def test_a_hub_id_as_path_reads_a_copy_there(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub([CB_ROW])
    monkeypatch.setitem(sys.modules, "datasets", hub)
    assert ids(tasks_of(path="someone/copy")["superglue/cb"]) == ["5"]
    assert hub.asked == [("someone/copy", "cb", "train")]


def test_tasks_without_the_split_are_counted_and_the_others_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", FakeHub([CB_ROW]))
    tasks = tasks_of(split="validation[:1]")
    report = tasks["superglue/cb"].report
    assert report is not None and not report.dropped
    assert [sorted(names) for names in report.absent.values()] == [["superglue/axb", "superglue/axg"]]
    assert next(iter(report.absent)).startswith("no split validation[:1] in ")
    with pytest.raises(DataError) as caught:
        tasks_of(split="validation", settings={"only": "axb"})
    assert (caught.value.what, caught.value.expected) == ("no split validation of superglue/axb on the hub", "one of: test")


def test_a_file_of_another_name_is_read_where_the_source_names_it(tmp_path: Path) -> None:
    written(tmp_path, "odd.jsonl", [CB_ROW])
    assert ids(tasks_of(path=str(tmp_path), files=("odd*",), settings={"only": "cb"})["superglue/cb"]) == ["5"]
