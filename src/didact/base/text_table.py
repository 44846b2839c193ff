"""Rows as aligned columns, for people."""

from collections.abc import Sequence
from typing import Any

SHORTEST = 8
"""Characters that a cell of text keeps where a table has to fit a narrow terminal."""


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str], width: int = 0) -> str:
    """Returns rows as aligned columns.

    Args:
        rows: One line each.
        columns: Which of their keys, in this order.
        width: Characters of a line: longer cells are cut, except in the first column; 0: as long as they are.

    >>> print(table([{"name": "a", "n": 1}, {"name": "bb", "n": 10}], ("name", "n")))
    name   n
    a      1
    bb    10
    >>> print(table([{"name": "a", "about": "a long sentence"}], ("name", "about"), width=16))
    name  about
    a     a long se…
    """
    cells = [[cell(row.get(column, "")) for column in columns] for row in rows]
    numeric = [all(isinstance(row.get(column, 0), int | float | None) for row in rows) for column in columns]
    widths = [max([len(name), *(len(line[i]) for line in cells)]) for i, name in enumerate(columns)]
    if width:
        widths = _fitted(widths, numeric, width)

    def line(parts: Sequence[str]) -> str:
        cut = [part if len(part) <= w else f"{part[: w - 1]}…" for part, w in zip(parts, widths, strict=False)]
        return "  ".join(p.rjust(w) if right else p.ljust(w) for p, w, right in zip(cut, widths, numeric, strict=False)).rstrip()

    return "\n".join([line(columns), *(line(row) for row in cells)])


def _fitted(widths: Sequence[int], numeric: Sequence[bool], width: int) -> list[int]:
    """Returns the widths of those columns that fit a line: texts give way, the widest first, then the last columns go.

    The first column says which row it is, and numbers cut are other numbers: neither is ever shortened.

    >>> _fitted([4, 30, 20], [False, False, False], 40)
    [4, 16, 16]
    >>> _fitted([30, 9, 9], [False, True, True], 45)
    [30, 9]
    """
    kept = list(widths)
    while sum(kept) + 2 * (len(kept) - 1) > width and len(kept) > 1:
        longest = max((i for i in range(1, len(kept)) if not numeric[i]), key=lambda i: kept[i], default=0)
        if longest and kept[longest] > SHORTEST:
            kept[longest] -= 1
        else:
            kept.pop()
    return kept


def cell(value: Any) -> str:
    """Returns a value as text for people.

    >>> cell(True), cell(1234), cell(0.5), cell(None)
    ('yes', '1,234', '0.50', '')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str("" if value is None else value)
