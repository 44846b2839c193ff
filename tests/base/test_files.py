"""Files are written whole or not at all; a torn last line is left out, a broken one before it is told."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from didact.base.errors import DataError
from didact.base.files import append_jsonl, atomic_path, fingerprint, read_jsonl, to_json, write_json, write_jsonl, write_text


def test_an_exception_while_writing_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half of the ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_row_that_cannot_be_written_leaves_the_old_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [{"a": 1}])
    with pytest.raises(TypeError, match="cannot write set as JSON"):
        write_jsonl(path, [{"a": 2}, {"a": {3}}])
    assert read_jsonl(path) == [{"a": 1}]
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_file_is_not_seen_before_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"


def test_rows_come_back_as_they_were_written_whatever_their_text(tmp_path):
    rows = [{"text": 'é\u2028\n"'}, [], None, 3.5]
    assert write_jsonl(tmp_path / "rows.jsonl", rows) == 4
    assert read_jsonl(tmp_path / "rows.jsonl") == rows


def test_a_torn_last_line_is_left_out(tmp_path):
    path = tmp_path / "rows.jsonl"
    for number in range(3):
        append_jsonl(path, {"step": number})
    os.truncate(path, path.stat().st_size - 4)
    assert read_jsonl(path) == [{"step": 0}, {"step": 1}]


def test_a_line_that_was_appended_to_a_torn_one_is_told_and_not_lost_in_silence(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"step": 0}\n{"ste')
    append_jsonl(path, {"step": 1})
    with pytest.raises(DataError, match=r"rows\.jsonl:2"):
        read_jsonl(path)


def test_a_broken_line_before_the_last_is_told_with_its_number(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n{"a": \n{"a": 2}\n')
    with pytest.raises(DataError) as caught:
        read_jsonl(path)
    assert (caught.value.where, caught.value.remedy) == (f"{path}:3", "remove that line")


def test_json_is_strict_and_knows_dataclasses_paths_and_arrays(tmp_path):
    @dataclass
    class Pair:
        left: int
        right: tuple[int, ...]

    assert json.loads(to_json({"p": Pair(1, (2,)), "path": Path("a/b"), "array": np.arange(2), "number": np.float32(0.5)})) == {
        "p": {"left": 1, "right": [2]},
        "path": "a/b",
        "array": [0, 1],
        "number": 0.5,
    }
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json(float("nan"))
    write_json(tmp_path / "a.json", {"é": 1})
    assert (tmp_path / "a.json").read_text() == '{\n  "é": 1\n}\n'


def test_a_fingerprint_changes_with_any_part_and_with_where_parts_end():
    prints = [fingerprint(*parts) for parts in [("a", "b"), ("ab",), ("a",), ({"a": 1},), ({"a": 2},), ([1, 2],), (b"ab",), ()]]
    assert len(set(prints)) == len(prints)
    assert {len(text) for text in prints} == {16}
    assert fingerprint("a", [1]) == "edca9c32dae56df4"
