"""The reader of a data file, guessed from its first row."""

from pathlib import Path

from didact.base.errors import DataError
from didact.tasks.readers import READERS
from didact.tasks.rows import DOCUMENT_SUFFIXES, ROW_SUFFIXES, find_files, open_rows
from didact.tasks.task import ReadReport

_COLUMNS = (
    ("messages", ("messages",)),
    ("sharegpt", ("conversations",)),
    ("sharegpt", ("conversation",)),
    ("alpaca", ("instruction", "output")),
    ("prompt_completion", ("prompt", "completion")),
    ("prompt_completion", ("prompt", "response")),
)
"""Readers and the columns that their rows have, in the order in which they are looked for."""
_BESIDE_TEXT = {"text", "id", "url", "source", "timestamp", "title", "meta", "metadata"}
"""Columns of plain text; with any other one, `text` is more likely the input of a task."""
_SUPERNI_KEYS = (b'"Definition"', b'"Instances"', b'"Positive Examples"')
_FIRST_BYTES = 100_000


def guess_reader(path: Path) -> str:
    """Returns the reader whose columns the first readable row has.

    Raises:
        DataError: There is nothing to read, no row can be read, or none of the readers knows its columns.
    """
    files = find_files(str(path), (*ROW_SUFFIXES, *DOCUMENT_SUFFIXES))
    if any(_looks_like_superni(file) for file in files[:3] if file.suffix == ".json"):
        return "superni"
    if files and all(file.name.lower().endswith(DOCUMENT_SUFFIXES) for file in files):
        return "text"
    report = ReadReport(str(path))
    for file, label, row in open_rows(str(path), report=report):
        columns = [str(column) for column in row]
        for reader, needed in _COLUMNS:
            if set(needed) <= set(columns):
                return reader
        if "text" in columns and set(columns) <= _BESIDE_TEXT:
            return "text"
        raise DataError(
            f"no reader is made for the columns {', '.join(column[:40] for column in columns)}",
            where=f"{file}, {label}",
            expected="the column that holds the answer; the others are then what is asked",
            remedy=f"didact check {path} --reader rows --target {columns[-1] if columns else 'COLUMN'}",
        )
    reasons = "; ".join(f"{refusal.file}, {refusal.row}: {refusal.reason}" for refusal in report.refusals[:3])
    raise DataError(
        f"no row of {report.num_read:,} can be read" if reasons else "there is no row",
        where=reasons or str(path),
        expected=f"rows for one of: {', '.join(READERS)}",
        remedy="put these rows right, or fetch the file again: it may be cut" if reasons else "fetch the file again: it is empty",
    )


def _looks_like_superni(file: Path) -> bool:
    with file.open("rb") as handle:
        begin = handle.read(_FIRST_BYTES)
    return begin.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and any(key in begin for key in _SUPERNI_KEYS)
