"""A log gives back what was written, row by row, and believes no damaged line; tests/synth/test_request_log.py tears it anywhere."""

import os
from pathlib import Path
from typing import Any

import pytest

from didact.base.checked_log import CheckedLog, Place, checked, checked_line
from didact.base.errors import RunError


def there(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The rows of a file, and how many lines of it were torn."""
    rows = list[dict[str, Any]]()
    with CheckedLog(path, lambda row, _: rows.append(row)) as log:
        return rows, log.num_torn


def test_any_changed_byte_is_noticed() -> None:
    line = checked_line({"text": "one two"})
    assert checked(line) == {"text": "one two"}
    for place in range(len(line)):
        assert checked(line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]) is None


def test_rows_that_are_written_together_have_a_place_each(tmp_path: Path) -> None:
    path, rows = tmp_path / "log.jsonl", [{"a": 1}, {"text": "é half a sign \ud83d"}, {"x": -1.25e-07}]
    with CheckedLog(path, lambda *_: None) as log:
        places = [*log.write(rows[:2]), *log.write(rows[2:])]
        assert [{**log.row_at(place), "check": ""} for place in places] == [{**row, "check": ""} for row in rows]
    remembered = list[Place]()
    with CheckedLog(path, lambda _, place: remembered.append(place)):
        assert remembered == places
    assert there(path) == (rows, 0)


def test_of_rows_that_were_written_together_those_before_the_torn_one_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with CheckedLog(path, lambda *_: None) as log:
        log.write([{"n": number} for number in range(3)])
    path.write_bytes(path.read_bytes()[:-5])
    assert there(path) == ([{"n": 0}, {"n": 1}], 1)
    assert there(path) == ([{"n": 0}, {"n": 1}], 0), "it was cut off"


def test_of_rows_that_a_full_disk_refuses_none_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "log.jsonl", os.pwrite

    def full(handle: int, data: bytes, place: int) -> int:
        if place > first[1]:
            raise OSError(28, "No space left on device")
        return real(handle, data[:10], place)

    with CheckedLog(path, lambda *_: None) as log:
        (first,) = log.write([{"n": 0}])
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(RunError, match="No space left on device"):
            log.write([{"n": 1}, {"n": 2}])
        monkeypatch.setattr(os, "pwrite", real)
        log.write([{"n": 3}])
    assert there(path) == ([{"n": 0}, {"n": 3}], 0)
