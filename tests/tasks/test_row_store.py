"""Rows on disk are the rows in memory: same examples, same ids, same account; and what is torn or changed is read again."""

import json
import os
from pathlib import Path

import pytest

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.types import Example, Message
from didact.tasks import row_store
from didact.tasks.known_ids import KnownIds
from didact.tasks.readers import load_tasks
from didact.tasks.row_store import HeldRows, RowKeeper, StoredRows, decoded, encoded, stored_rows
from didact.tasks.task import Chosen, ReadReport


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and room for nothing in memory: 3 rows go to disk."""
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(row_store, "HELD", 0)
    monkeypatch.setattr(row_store, "FEW", 3)
    return tmp_path / "cache" / "rows"


def source(folder: Path, num_rows: int = 10, **keys: object) -> Source:
    rows = [{"instruction": f"say {number} é", "output": str(number)} for number in range(num_rows)]
    rows[1:1] = [{"instruction": "", "output": "x"}, {"id": "line 1", "instruction": "twice", "output": "x"}]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Source(name="toy", reader="alpaca", path=str(folder / "rows.jsonl"), **keys)


FULL = Example(
    "7",
    {"question": "Wie viel?", "options": "drei\u2028vier"},
    ("3", "drei"),
    ("drei", "vier"),
    "2 + 1",
    (
        Message("system", "Be brief."),
        Message("assistant", "", False, ({"function": {"name": "add", "arguments": '{"a": 2}'}},)),
        Message("tool", "3", name="add"),
    ),
    ({"type": "function", "function": {"name": "add", "parameters": {"required": ["a"]}}},),
    "file.json, row 7",
    ("III",),
)


@pytest.mark.parametrize("example", [FULL, Example("1"), Example("1", accepted=("x",)), Example("\ud800", {"a": "", "": "b"})])
def test_a_record_holds_everything_of_an_example(example: Example) -> None:
    assert decoded(encoded(example)) == example
    assert [*decoded(encoded(example)).fields] == [*example.fields]


def test_rows_on_disk_are_the_rows_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    made = source(tmp_path)
    first, again = load_tasks([made])[0], load_tasks([made])[0]
    assert isinstance(first.examples[:], Chosen)  # a slice reads nothing
    written = {file.name: file.stat().st_ino for file in cache.iterdir()}
    on_disk = list(again.examples)
    assert {file.name: file.stat().st_ino for file in cache.iterdir()} == written  # opened, not written again
    assert [name.endswith(".rows") for name in written] == [True]
    monkeypatch.setattr(row_store, "HELD", 1000)
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path / "another"))
    held = load_tasks([made])[0]
    assert on_disk == list(held.examples) == list(first.examples) == [first.examples[n] for n in range(10)]
    assert [one.id for one in first.examples[-3:]] == [one.id for one in held.examples[-3:]]
    assert first.examples[-1] == held.examples[9]
    assert first.report == again.report == held.report
    assert held.report is not None
    assert held.report.line() == "toy: 12 rows read = 10 kept + 2 dropped (missing instruction 1, repeated id 1)"
    with pytest.raises(IndexError):
        first.examples[10]


def test_rows_are_read_again_when_file_settings_or_limit_change(tmp_path: Path, cache: Path) -> None:
    made = source(tmp_path)
    settings = ({}, {"limit": 5}, {"num_rows": 11})
    for number, (keys, count) in enumerate(zip(settings, (10, 5, 11), strict=True), start=1):
        assert len(load_tasks([source(tmp_path, **keys)])[0].examples) == count
        assert len([*cache.iterdir()]) >= number
    os.utime(made.path, (1, 1))
    assert len(load_tasks([made])[0].examples) == 11


def test_a_torn_file_is_not_opened(tmp_path: Path, cache: Path) -> None:
    made = source(tmp_path)
    assert len(load_tasks([made])[0].examples) == 10
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    assert stored_rows(kept.stem) is not None
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        kept.write_bytes(whole[:length])
        assert stored_rows(kept.stem) is None
        assert stored_rows("0" * 16) is None
    assert [one.id for one in load_tasks([made])[0].examples] == [one.id for one in load_tasks([made])[0].examples]
    assert kept.read_bytes() == whole


def test_a_reading_that_fails_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "cut.csv"
    file.write_text("instruction,output\n" + "say,x\n" * 8 + '"open', encoding="utf-8")
    assert len(load_tasks([Source(name="cut", reader="alpaca", path=str(file))])[0].examples) == 8
    with pytest.raises(DataError), RowKeeper("key") as kept:
        for number in range(5):
            kept.append(Example(str(number)))
        raise DataError("no more")
    assert [file.suffix for file in cache.iterdir()] == [".rows"]


def test_rows_that_cannot_be_known_again_go_with_their_holder(cache: Path) -> None:
    with RowKeeper(None) as kept:
        for number in range(5):
            kept.append(Example(str(number)))
        rows = kept.finish(ReadReport("hub", 5))
    assert [row.id for row in rows] == list("01234")
    assert len([*cache.iterdir()]) == 1
    del rows
    assert [*cache.iterdir()] == []


def test_rows_in_memory_are_counted_while_somebody_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_store, "HELD", HeldRows.num_settled + 6)
    before, kept = HeldRows.num_settled, []
    for _ in range(3):
        with RowKeeper(None) as keeper:
            for number in range(4):
                keeper.append(Example(str(number)))
            kept.append(keeper.finish(ReadReport("toy", 4)))
    assert [type(rows) for rows in kept] == [HeldRows, StoredRows, StoredRows]  # 4 of 6, then 8 and again 8 would be too many
    assert HeldRows.num_settled == before + 4
    kept.clear()
    assert HeldRows.num_settled == before


def test_ids_stay_exact_when_they_become_hashes() -> None:
    names = [f"row {number}" for number in range(100)]
    known = KnownIds(names.__getitem__, recent=7)
    for number, name in enumerate(names):
        assert name not in known
        known.add(name, number)
    assert all(name in known for name in names)
    assert not any(f"row {number}" in known for number in range(100, 200))


def test_ids_with_the_same_hash_are_told_apart() -> None:
    class Same(str):
        """A text whose hash is that of every other."""

        __slots__ = ()

        def __hash__(self) -> int:
            return 5

        __eq__ = str.__eq__

    names = [Same(letter) for letter in "abcdef"]
    known = KnownIds(names.__getitem__, recent=2)
    for number, name in enumerate(names):
        assert name not in known
        known.add(name, number)
    assert all(name in known for name in names)
    assert Same("g") not in known
