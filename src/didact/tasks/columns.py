"""Which column is what: rows get the column names that a reader knows, so that one reader opens many layouts.

    columns: {instruction: problem, output: solution}        # the reader's name: the row's own
    columns: {input: context + question}                     # several columns, with a blank line between them

A column that no name stands for keeps its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from didact.base.errors import DataError, did_you_mean
from didact.tasks.cells import as_text
from didact.tasks.rows import Row


def renamed_rows(rows: Iterable[Row], columns: Mapping[str, str], beside: Sequence[str] = ()) -> Iterator[Row]:
    """Yields rows with their columns renamed. The first row shows whether the columns exist at all.

    Args:
        rows: File, label and row.
        columns: A reader's name to the row's own, or to several joined by ` + `.
        beside: Columns that keep their own name too.

    Raises:
        DataError: The first row has none of the columns that a name stands for.
    """
    parts = {name: tuple(part.strip() for part in own.split(" + ")) for name, own in columns.items()}
    for number, (file, label, row) in enumerate(rows):
        if number == 0:
            _check(parts, row, f"{file}, {label}")
        yield file, label, {**{own: row[own] for own in beside if own in row}, **renamed(row, parts)} if parts else row


def renamed(row: Mapping[str, Any], parts: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    r"""Returns a row under a reader's names; a column that this row lacks stays absent, for the reader to say so.

    >>> renamed({"q": "Why?", "hint": "", "text": "A cat sat."}, {"instruction": ("q",), "input": ("text", "hint", "q")})
    {'instruction': 'Why?', 'input': 'A cat sat.\n\nWhy?'}
    """
    taken = {own for owns in parts.values() for own in owns}
    found: dict[str, Any] = {}
    for name, owns in parts.items():
        if len(owns) == 1:
            found |= {name: row[owns[0]]} if owns[0] in row else {}
        else:
            found[name] = "\n\n".join(text for own in owns if (text := as_text(row.get(own))).strip())
    return {**found, **{key: value for key, value in row.items() if key not in taken and key not in parts}}


def _check(parts: Mapping[str, tuple[str, ...]], row: Mapping[str, Any], where: str) -> None:
    for name, owns in parts.items():
        if not any(own in row for own in owns):
            near, listed = did_you_mean(owns[0], map(str, row)), ", ".join(str(column)[:40] for column in row)
            expected = f"{near} the columns are: {listed}" if near.startswith("did you mean") else f"the columns are: {listed}"
            raise DataError(
                f"no column '{owns[0]}', which `columns` takes for {name}", where=where, expected=expected, remedy="put `columns` right"
            )
