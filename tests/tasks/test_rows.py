"""Rows come out of every format alike; what cannot be read is refused by file, row and reason."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError, PrerequisiteError
from didact.tasks.rows import open_rows
from didact.tasks.task import ReadReport

TWO_ROWS = [{"a": "1", "b": "é"}, {"a": "2", "b": 'x,"y"\nz'}]


def read(path: Path | str, **options: Any) -> tuple[list[dict[str, Any]], list[tuple[str, str]], list[str]]:
    """Returns the rows, the refusals as (row, reason), and the labels of the rows."""
    report = ReadReport("test")
    found = list(open_rows(str(path), report=report, **options))
    return [dict(row) for _, _, row in found], [(r.row, r.reason) for r in report.refusals], [label for _, label, _ in found]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


FORMATS = {
    "rows.json": json.dumps(TWO_ROWS),
    "wrapped.json": json.dumps({"version": 1, "examples": TWO_ROWS}),
    "rows.jsonl": "\n\n".join(json.dumps(row) for row in TWO_ROWS) + "\n",
    "rows.csv": 'a,b\n1,é\n\n2,"x,""y""\nz"\n',
    "rows.tsv": 'a\tb\r\n1\té\r\n2\t"x,""y""\nz"\r\n',
}


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_text_format_gives_the_same_rows_packed_or_not_with_or_without_a_byte_order_mark(
    tmp_path: Path, name: str, mark: str, gz: str
) -> None:
    rows, refusals, labels = read(written(tmp_path, name + gz, mark + FORMATS[name]))
    assert (rows, refusals) == (TWO_ROWS, [])
    # The blank line 2 of the .jsonl is not a row, but it is a line; the header of a table is not a row.
    assert labels == (["line 1", "line 3"] if "jsonl" in name else ["row 1", "row 2"])


def test_a_parquet_file_gives_the_same_rows(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    many = [{"a": str(n), "b": [n]} for n in range(2500)]  # More than two batches of 1,024.
    parquet.write_table(pyarrow.Table.from_pylist(many), tmp_path / "rows.parquet")
    rows, _, labels = read(tmp_path / "rows.parquet")
    assert rows == many
    assert (labels[0], labels[-1]) == ("row 1", "row 2500")


def test_a_broken_parquet_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="not a parquet file") as error:
        read(written(tmp_path, "rows.parquet", "PAR1 and nothing else"))
    assert "rows.parquet" in error.value.where


def test_without_pyarrow_the_pip_line_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PrerequisiteError) as error:
        read(written(tmp_path, "rows.parquet", "x"))
    assert error.value.remedy == "pip install 'didact[hub]'"


def test_a_folder_is_read_by_name_with_its_folders_and_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.jsonl", "c.jsonl", ".hidden.jsonl", ".cache/x.jsonl"):
        written(tmp_path, name, json.dumps({"name": name}))
    written(tmp_path, "notes.md", "not a row")
    assert [row["name"] for row in read(tmp_path)[0]] == ["a/z.jsonl", "b.jsonl", "c.jsonl"]


BAD_LINES = [
    ("not JSON", b'{"a": 1'),
    ("not JSON", b'{"a": ' + b"9" * 5000 + b"}"),
    ("not an object", b"[1, 2]"),
    ("not an object", b'"text"'),
    ("a key given twice in one object", b'{"a": 1, "b": {"c": 1, "c": 2}}'),
    ("NaN or Infinity", b'{"a": [NaN]}'),
    ("NaN or Infinity", b'{"a": -Infinity}'),
    ("not UTF-8", b'{"a": "caf\xe9"}'),
    ("not valid Unicode", b'{"a": "\\ud83d"}'),
    ("not valid Unicode", b'{"\\udc00": 1}'),
    ("nested too deeply", b'{"a": ' + b"[" * 700 + b"]" * 700 + b"}"),
    ("nested too deeply", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
]


@pytest.mark.parametrize(("reason", "line"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_is_refused_by_number_and_reason_and_reading_goes_on(tmp_path: Path, reason: str, line: bytes) -> None:
    path = written(tmp_path, "rows.jsonl", b'{"a": 1}\n' + line + b'\n{"a": 3}\n')
    assert read(path) == ([{"a": 1}, {"a": 3}], [("line 2", reason)], ["line 1", "line 3"])


def test_a_whole_emoji_written_as_two_halves_and_a_null_character_are_fine(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.jsonl", '{"a": "\\ud83d\\ude00\\u0000"}')
    assert read(path)[0] == [{"a": "\U0001f600\0"}]


def test_a_line_separator_inside_a_text_does_not_end_the_line(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.jsonl", '{"a": "one\u2028two\x85three"}\n')
    assert read(path) == ([{"a": "one\u2028two\x85three"}], [], ["line 1"])


def test_a_bad_object_in_a_json_list_is_refused_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.json", '[{"a": 1}, {"a": 1, "a": 2}, 7, {"a": NaN}, {"a": 5}]')
    rows, refusals, labels = read(path)
    assert rows == [{"a": 1}, {"a": 5}]
    assert refusals == [("row 2", "a key given twice in one object"), ("row 3", "not an object"), ("row 4", "NaN or Infinity")]
    assert labels == ["row 1", "row 5"]


def test_bad_table_rows_are_refused_by_number(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.csv", b'a,b\n1,2\n3\n4,5,6\ncaf\xe9,7\n"8"9,10\n11,12\n')
    rows, refusals, labels = read(path)
    assert rows == [{"a": "1", "b": "2"}, {"a": "11", "b": "12"}]
    assert refusals[:3] == [("row 2", "too few columns"), ("row 3", "too many columns"), ("row 4", "not UTF-8")]
    assert refusals[3][0] == "row 5"
    assert refusals[3][1].startswith("not a table row: ")
    assert labels == ["row 1", "row 6"]


def test_a_cell_may_be_longer_than_the_csv_module_usually_allows(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, "rows.csv", "a\n" + "x" * 200_000 + "\n"))[0][0]["a"]) == 200_000


def test_a_quote_that_never_closes_is_refused_and_not_read_as_a_row(tmp_path: Path) -> None:
    rows, refusals, _ = read(written(tmp_path, "rows.csv", 'a,b\n1,2\n3,"4\n5,6\n'))
    assert rows == [{"a": "1", "b": "2"}]
    assert refusals == [("row 2", "not a table row: unexpected end of data")]


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.csv", "rows.tsv.gz"])
def test_an_empty_file_has_no_rows(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path, name, "")) == ([], [], [])


@pytest.mark.parametrize(
    ("name", "content", "beats"),
    [
        ("cut.json", b'[{"a": 1},\n {"a"', ["not JSON", "line 2, column 6", "may be cut"]),
        ("lines.json", b'{"a": 1}\n{"a": 2}\n', ["not JSON", "line 2, column 1", "rename it to .jsonl"]),
        ("latin.json", b'[{"a": "caf\xe9"}]', ["not UTF-8 text", "byte 11", "save the file as UTF-8"]),
        ("one.json", b'{"a": 1}', ["rows not found", "a list of objects"]),
        ("two_lists.json", b'{"train": [], "test": []}', ["rows not found", "one object that holds one list"]),
        ("twice.csv", b"a,a\n1,2\n", ["a column name stands twice", "first line"]),
        ("latin.csv", b"caf\xe9\n1\n", ["header", "not UTF-8"]),
        ("rows.xlsx", b"", ["unknown suffix '.xlsx'", ".jsonl", ".parquet", "convert"]),
        ("torn.jsonl.gz", None, ["not a whole gzip file", "gzip -t"]),
        ("plain.csv.gz", b"a\n1\n", ["not a whole gzip file", "gzip -t"]),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_with_place_and_remedy(
    tmp_path: Path, name: str, content: bytes | None, beats: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 100)[:-12] if content is None else content)
    with pytest.raises(DataError) as error:
        read(path)
    assert str(path) in str(error.value)
    assert error.value.remedy
    assert [beat for beat in beats if beat not in str(error.value)] == []


def test_a_missing_path_shows_where_we_looked_the_nearest_name_and_what_to_type(tmp_path: Path) -> None:
    written(tmp_path, "alpaca/rows.jsonl", "{}")
    with pytest.raises(DataError) as error:
        read(tmp_path / "alpacca" / "rows.jsonl")
    assert f"{tmp_path / 'alpacca'} is not there either" in error.value.where
    assert error.value.expected == "did you mean 'alpaca'?"
    assert error.value.remedy.endswith(f"ls {tmp_path}")


def test_a_folder_without_rows_lists_the_known_suffixes(tmp_path: Path) -> None:
    written(tmp_path, "notes.txt", "text")
    with pytest.raises(DataError, match="no file to read") as error:
        read(tmp_path)
    assert ".jsonl.gz" in error.value.expected


def test_a_file_name_that_looks_like_a_hub_id_is_looked_for_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no such file or folder: data/train\.jsonl"):
        read("data/train.jsonl")


def test_rows_are_read_one_by_one(tmp_path: Path) -> None:
    # The broken gzip end is never reached: the first row comes before the rest of the file is read.
    raw = gzip.compress(b"".join(b'{"a": "%032x"}\n' % (n * 7919**9) for n in range(20_000)))
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(raw[: len(raw) // 2])
    rows = open_rows(str(path), report=ReadReport("test"))
    assert next(rows)[1] == "line 1"
    with pytest.raises(DataError, match="not a whole gzip file"):
        list(rows)


def test_a_table_without_a_header_is_read_with_the_given_names_and_tsv_quotes_are_plain(tmp_path: Path) -> None:
    tsv = written(tmp_path, "rows.tsv", '"a" b\tit\'s\n"open\tc\n1\n')
    assert read(tsv, header=("x", "y"))[:2] == ([{"x": '"a" b', "y": "it's"}, {"x": '"open', "y": "c"}], [("row 3", "too few columns")])
    csv = written(tmp_path, "rows.csv", '"a, b",c\n')
    assert read(csv, header=("x", "y"))[0] == [{"x": "a, b", "y": "c"}]


def test_files_of_a_folder_are_chosen_by_name_or_glob_at_any_depth(tmp_path: Path) -> None:
    for name in ("train.jsonl", "b/train.jsonl", "b/test.jsonl", "b/c/train.jsonl"):
        written(tmp_path, name, json.dumps({"name": name}))
    for files, expected in (
        (("train.jsonl",), ["b/c/train.jsonl", "b/train.jsonl", "train.jsonl"]),
        (("b/t*.jsonl", "c/train.jsonl"), ["b/c/train.jsonl", "b/test.jsonl", "b/train.jsonl"]),
    ):
        assert [row["name"] for row in read(tmp_path, files=files)[0]] == expected
    with pytest.raises(DataError, match="no file to read") as error:
        read(tmp_path, files=("valid.jsonl",))
    assert error.value.expected == "files named valid.jsonl"
