"""Rows of JSON, JSON lines, CSV, TSV and parquet files, of folders of them and of hub datasets, one after the other.

A row that cannot be read is refused by file, row and reason, and reading goes on; a file that cannot be read is an error.
"""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, cast

from didact.base.errors import DataError, did_you_mean, missing_extra
from didact.tasks.hub import hub_rows
from didact.tasks.strict_json import KeyGivenTwice, flaw, load_json
from didact.tasks.task import ReadReport

_PLAIN = (".json", ".jsonl", ".csv", ".tsv")
ROW_SUFFIXES = (*_PLAIN, *(f"{suffix}.gz" for suffix in _PLAIN), ".parquet")
"""Endings of files that hold rows."""
DOCUMENT_SUFFIXES = (".txt", ".txt.gz")
"""Endings of files that are one document each; read only where asked for, as one row with the column `text`."""

Row = tuple[str, str, Mapping[str, Any]]
"""File, row label (`line 12`, `row 12`) and the row itself."""
_Read = Iterator[tuple[str, Any]]
"""Row label and row; a DataError in place of a row says why there is none."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LONGEST_FIELD = 2**31 - 1


def open_rows(
    path: str,
    *,
    split: str | None = None,
    subset: str | None = None,
    report: ReadReport,
    suffixes: tuple[str, ...] = ROW_SUFFIXES,
    files: Sequence[str] = (),
    header: Sequence[str] = (),
) -> Iterator[Row]:
    """Yields file, row label and row of everything under `path`.

    Files are streamed, except `.json`, which is one value.

    Args:
        path: A file, a folder (its files of known suffixes, in the order of their names, hidden ones left out) or a hub id.
        split: Split of a hub dataset; None: train.
        subset: Configuration of a hub dataset.
        report: Told of every refused row.
        suffixes: The files to read.
        files: Names or globs of the files to read below a folder; empty: all.
        header: Column names of tables whose first line is a row.

    Raises:
        DataError: There is nothing at `path`, or a file as a whole cannot be read.
        PrerequisiteError: A parquet file or a hub id, and the extra `hub` is not installed.
    """
    found = find_files(path, suffixes, files)
    if not found:
        yield from checked(path, hub_rows(path, split, subset), report)
    for file in found:
        try:
            yield from checked(str(file), open_file(file, header), report)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"not a whole gzip file: {error}", where=str(file), remedy=f"copy it again, then: gzip -t {file}") from None


def find_files(path: str, suffixes: tuple[str, ...] = ROW_SUFFIXES, files: Sequence[str] = ()) -> tuple[Path, ...]:
    """Returns the files to read at `path`, in their order; none of them means that `path` is a hub id.

    Of a folder, only those whose path in it ends with one of the names or globs in `files`, where there are any.

    Raises:
        DataError: There is nothing at `path`, or nothing with a known suffix.
    """
    if not path:
        raise no_path()
    place, known = Path(path), f"a name that ends in one of: {', '.join(suffixes)}"
    if place.is_dir():
        found = sorted((file for file in place.rglob("*") if _is_visible(file, place) and _suffix(file, suffixes)), key=Path.as_posix)
        chosen = [file for file in found if not files or any(_is_named(file.relative_to(place), name) for name in files)]
        if not chosen:
            known = f"files named {', '.join(files)}" if found else known
            raise DataError(
                f"no file to read in {place}", where=str(place.absolute()), expected=known, remedy=f"look what is there: ls {place}"
            )
        return tuple(chosen)
    if place.is_file():
        if not _suffix(place, suffixes):
            ending = f"unknown suffix '{place.suffix}'" if place.suffix else "no suffix"
            raise DataError(f"{ending}: {place.name}", where=str(place.absolute()), expected=known, remedy="rename or convert the file")
        return (place,)
    if _HUB_ID.fullmatch(path) and not _suffix(place, suffixes):
        return ()
    raise no_such_path(path)


def no_path() -> DataError:
    """Returns the error for a source of files that names none."""
    expected = "path: a file, a folder or a hub id; only readers benchmark, atlas, atlas_text, rewriting and composing need none"
    return DataError("the source does not say where its rows are", expected=expected, remedy="add to the source: path: ...")


def no_such_path(path: str) -> DataError:
    """Returns the error for a path that does not exist: where we looked, and the nearest name that is there."""
    place = Path(path).absolute()
    missing = place
    while not missing.parent.is_dir():
        missing = missing.parent
    names = [entry.name for entry in missing.parent.iterdir() if not entry.name.startswith(".")]
    return DataError(
        f"no such file or folder: {path}",
        where=f"looked for {place}" + (f"; {missing} is not there either" if missing != place and not missing.exists() else ""),
        expected=did_you_mean(missing.name, names),
        remedy=f"put the source's `path` right; look what is there: ls {missing.parent}",
    )


def checked(file: str, rows: Iterable[tuple[str, Any]], report: ReadReport) -> Iterator[Row]:
    """Yields the rows that are objects without a flaw; the report gets the others."""
    for label, row in rows:
        reason = row.what if isinstance(row, DataError) else flaw(row) or ("" if isinstance(row, Mapping) else "not an object")
        if reason:
            report.refuse(file, label, reason)
        else:
            yield file, label, row


def _is_visible(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)


def _suffix(file: Path, suffixes: tuple[str, ...]) -> str:
    return next((suffix for suffix in suffixes if file.name.lower().endswith(suffix)), "")


def _is_named(file: Path, name: str) -> bool:
    return any(fnmatchcase("/".join(file.parts[start:]), name) for start in range(len(file.parts)))


def open_file(file: Path, header: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yields row label and row of one file, as its suffix says; a DataError in place of a row says why there is none."""
    match _suffix(file, (*ROW_SUFFIXES, *DOCUMENT_SUFFIXES)).removesuffix(".gz"):
        case ".jsonl":
            return _jsonl(file)
        case ".csv":
            return _table(file, ",", header)
        case ".tsv":
            return _table(file, "\t", header)
        case ".parquet":
            return _parquet(file)
        case ".txt":
            return _document(file)
    return _json(file)


def _bytes(file: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(file, "rb")) if file.name.lower().endswith(".gz") else file.open("rb")


def _jsonl(file: Path) -> _Read:
    with _bytes(file) as handle:
        for number, line in enumerate(handle, start=1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if not text.strip():
                continue
            try:
                yield f"line {number}", load_json(text.decode("utf-8"))
            except UnicodeDecodeError:
                yield f"line {number}", DataError("not UTF-8")
            except DataError as error:
                yield f"line {number}", error


def _json(file: Path) -> _Read:
    with _bytes(file) as handle:
        raw = handle.read()
    shapes = 'a list of objects, or one object that holds one list, as in {"data": [...]}'
    if not raw.strip():
        return
    try:
        value = load_json(raw.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8 text", where=f"{file}, byte {error.start}", remedy="save the file as UTF-8") from None
    except DataError as error:
        lines = "Extra data" in error.where
        remedy = (
            "rename it to .jsonl if every line is an object" if lines else "put that place right, or fetch the file again: it may be cut"
        )
        raise DataError(error.what, where=f"{file}, {error.where or 'some place'}", expected=shapes, remedy=remedy) from None
    if isinstance(value, Mapping) and not isinstance(value, KeyGivenTwice):
        lists = [part for part in value.values() if isinstance(part, list)]
        value = lists[0] if len(lists) == 1 else None
    if not isinstance(value, list):
        raise DataError("rows not found in this file", where=str(file), expected=shapes, remedy="write its rows as a list, or as .jsonl")
    for number, row in enumerate(value, start=1):
        yield f"row {number}", row


def _table(file: Path, delimiter: str, names: Sequence[str] = ()) -> _Read:
    """Yields the rows of a table; bad bytes come through as lone surrogates and are refused by row.

    Without `names` the first line is the header. With them it is a row, and in `.tsv` files quotes are plain characters.
    """
    plain = names and delimiter == "\t"
    csv.field_size_limit(_LONGEST_FIELD)  # The usual limit of 131,072 characters would cut long documents off.
    with _bytes(file) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        table = csv.reader(text, delimiter=delimiter, strict=not plain, quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL)
        header, number = list(names) or None, 0
        while True:
            try:
                cells = next(table)
            except StopIteration:
                return
            except csv.Error as error:
                cells, problem = [], f"not a table row: {error}"
            else:
                problem = _cell_problem(cells, header)
            if not cells and not problem:
                continue
            if header is None:
                if problem:
                    raise DataError(
                        f"the header cannot be used: {problem}", where=f"{file}, first line", remedy="put the column names right"
                    )
                header = cells
                continue
            number += 1
            yield f"row {number}", DataError(problem) if problem else dict(zip(header, cells, strict=True))


def _cell_problem(cells: list[str], header: list[str] | None) -> str:
    if not cells:
        return ""
    if any(flaw(cell) for cell in cells):
        return "not UTF-8"
    if header is None:
        return "" if len(set(cells)) == len(cells) else "a column name stands twice"
    if len(cells) != len(header):
        return "too many columns" if len(cells) > len(header) else "too few columns"
    return ""


def _document(file: Path) -> _Read:
    with _bytes(file) as handle:
        raw = handle.read()
    try:
        yield "text", {"text": raw.decode("utf-8").removeprefix("\ufeff")}
    except UnicodeDecodeError:
        yield "text", DataError("not UTF-8")


def _parquet(file: Path) -> _Read:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise missing_extra("reading a parquet file", "hub") from None
    number = 0
    try:
        with ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pyarrow.ArrowException as error:
        raise DataError(
            f"not a parquet file: {error}", where=f"{file}, after row {number}", remedy="fetch or write the file again"
        ) from None
