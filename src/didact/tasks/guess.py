"""How a data file is read, guessed from its first row."""

from collections.abc import Sequence
from pathlib import Path

from didact.base.errors import DataError
from didact.tasks.readers import READERS
from didact.tasks.row_shapes import Shape, shapes
from didact.tasks.rows import DOCUMENT_SUFFIXES, ROW_SUFFIXES, find_files, open_rows
from didact.tasks.task import ReadReport

_SUPERNI_KEYS = (b'"Definition"', b'"Instances"', b'"Positive Examples"')
_FIRST_BYTES = 100_000


def guess(path: Path) -> list[Shape]:
    """Returns the shapes that the first readable row has, the likeliest first: at least one.

    Raises:
        DataError: There is nothing to read, no row can be read, or none of the readers knows its columns.
    """
    files = find_files(str(path), (*ROW_SUFFIXES, *DOCUMENT_SUFFIXES))
    if any(_looks_like_superni(file) for file in [file for file in files if file.suffix == ".json"][:3]):
        return [Shape("superni")]
    if files and all(file.name.lower().endswith(DOCUMENT_SUFFIXES) for file in files):
        return [Shape("text")]
    report = ReadReport(str(path))
    for file, label, row in open_rows(str(path), report=report):
        if found := shapes(row):
            return found
        columns = [str(column) for column in row]
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


def told(found: Sequence[Shape]) -> str:
    """Returns which reader was guessed and from which columns, which others fit too, and how to choose.

    >>> told(shapes({"problem": "1 + 1?", "solution": "2", "messages": []}))
    'reader: messages (guessed; prompt_completion with problem as prompt, solution as completion fits too: --reader prompt_completion)'
    """
    first, *others = found
    if not others:
        return f"reader: {_with(first)} (guessed; another one: --reader NAME)"
    return f"reader: {_with(first)} (guessed; {'; '.join(f'{_with(shape)} fits too: --reader {shape.reader}' for shape in others)})"


def _with(shape: Shape) -> str:
    columns = ", ".join(f"{own} as {name}" for name, own in shape.columns.items())
    return f"{shape.reader} with {columns}" if columns else shape.reader


def _looks_like_superni(file: Path) -> bool:
    with file.open("rb") as handle:
        begin = handle.read(_FIRST_BYTES)
    return begin.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and any(key in begin for key in _SUPERNI_KEYS)
