"""Hub datasets: read by split and subset, from the hub's own parquet files where only a script would load them; failures are told."""

import sys
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

import pytest

from didact.base.errors import DataError, PrerequisiteError, UnreachableError
from didact.tasks.rows import open_rows
from didact.tasks.task import ReadReport


def read(name: str, **options: Any) -> list[dict[str, Any]]:
    return [dict(row) for _, _, row in open_rows(name, report=ReadReport("test"), **options)]


def test_a_hub_id_is_read_by_split_and_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(path: str, name: str | None, split: str) -> list[dict[str, int]]:
        asked.append((path, name, split))
        return [{"a": 1}, {"a": 2}]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    report = ReadReport("test")
    assert list(open_rows("owner/name", report=report)) == [("owner/name", "row 1", {"a": 1}), ("owner/name", "row 2", {"a": 2})]
    assert read("owner/name", split="test", subset="en") == [{"a": 1}, {"a": 2}]
    assert asked == [("owner/name", None, "train"), ("owner/name", "en", "test")]


def test_what_goes_wrong_at_the_hub_is_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(path: str, name: str | None, split: str) -> list[dict[str, int]]:
        raise ConnectionError("no network\nmany more lines")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(DataError, match="'owner/name' cannot be read: ConnectionError: no network") as error:
        read("owner/name", split="test")
    assert "many more lines" not in error.value.what
    assert "split test" in error.value.where
    assert error.type is UnreachableError and "tasks.sources.0.path=FOLDER" in error.value.remedy


class ScriptHub:
    """Stands for the library `datasets`: the dataset has a loading script, and on the hub's own branch the files of `copy`."""

    def __init__(self, *copy: str) -> None:
        self.copy, self.asked = copy, list[tuple[Any, ...]]()

    def load_dataset(self, path: str, name: str | None = None, *, split: str, **keys: Any) -> list[dict[str, int]]:
        self.asked.append((path, name, split, keys))
        if keys.get("revision") != "refs/convert/parquet":
            raise RuntimeError("Dataset scripts are no longer supported, but found name.py")
        return [{"a": number} for number, _ in enumerate(self._found(keys["data_files"]))]

    def load_dataset_builder(self, path: str, *, revision: str, data_files: dict[str, str]) -> Any:
        urls = [f"hf://datasets/{path}@0123/{file}" for file in self._found(data_files)]
        return SimpleNamespace(config=SimpleNamespace(data_files={"train": urls}))

    def _found(self, patterns: dict[str, str]) -> list[str]:
        found = [file for file in self.copy if any(fnmatchcase(file, pattern) for pattern in patterns.values())]
        if not found:
            raise FileNotFoundError(f"Unable to find {patterns}")
        return found


def test_a_hub_dataset_with_a_loading_script_is_read_from_the_hub_s_own_parquet_files(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = ScriptHub("cs/train/0000.parquet", "cs/train/0001.parquet", "de/train/0000.parquet")
    monkeypatch.setitem(sys.modules, "datasets", hub)
    assert read("owner/name", subset="cs") == [{"a": 0}, {"a": 1}]
    files = {"train": "cs/train/*.parquet"}
    assert hub.asked == [
        ("owner/name", "cs", "train", {}),
        ("owner/name", None, "train", {"revision": "refs/convert/parquet", "data_files": files}),
    ]


def test_subsets_of_the_copy_are_never_read_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", ScriptHub("cs/train/0000.parquet", "de/train/0000.parquet"))
    with pytest.raises(DataError, match="'owner/name' has 2 subsets") as error:
        read("owner/name")
    assert (error.value.expected, error.value.remedy) == ("one of: cs, de", "add to the source: subset: cs")
    monkeypatch.setitem(sys.modules, "datasets", ScriptHub("default/train/0000.parquet"))
    assert read("owner/name") == [{"a": 0}]


@pytest.mark.parametrize("copy", [(), ("cs/partial-train/0000.parquet",)], ids=["none", "first 5 GB"])
def test_where_there_is_no_whole_copy_both_failures_are_told(copy: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", ScriptHub(*copy))
    with pytest.raises(DataError, match=r"it has a loading script .*found name\.py") as error:
        read("owner/name", subset="cs")
    assert "its copy on branch refs/convert/parquet cannot be read either: FileNotFoundError: Unable to find" in error.value.what
    assert "huggingface.co/datasets/owner/name" in error.value.remedy


def test_other_failures_at_the_hub_are_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(path: str, name: str | None, split: str) -> list[dict[str, int]]:
        asked.append(path)
        raise ValueError("Unknown split")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(DataError, match="ValueError: Unknown split"):
        read("owner/name")
    assert asked == ["owner/name"]


def test_without_datasets_the_pip_line_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(PrerequisiteError) as error:
        read("owner/name")
    assert error.value.remedy == "pip install 'didact[hub]'"
