"""Values of a row as text."""

import math
from datetime import date, time
from decimal import Decimal
from typing import Any

from didact.base.errors import DataError
from didact.base.files import to_json


def as_text(value: Any) -> str:
    """Returns a cell as text: nothing for None, `true` and `false`, JSON for lists and objects.

    Raises:
        DataError: NaN, infinity, bytes, or something else that has no text.

    >>> [as_text(value) for value in (None, 3, 0.5, True, ["é", 1])]
    ['', '3', '0.5', 'true', '["é", 1]']
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise DataError("NaN or Infinity")
    if isinstance(value, int | float | Decimal | date | time):
        return str(value)
    try:
        return to_json(value)
    except (TypeError, ValueError):
        raise DataError(f"a value of type {type(value).__name__}") from None


def answers(value: Any, name: str) -> tuple[str, ...]:
    """Returns every accepted answer, from one value or a list of them.

    Raises:
        DataError: There is none, or one of them is blank.

    >>> answers(["yes", 1], "output"), answers("no", "output")
    (('yes', '1'), ('no',))
    """
    if value is None:
        raise DataError(f"missing {name}")
    texts = tuple(as_text(part) for part in (value if isinstance(value, list | tuple) else [value]))
    if not texts or not all(part.strip() for part in texts):
        raise DataError(f"empty {name}")
    return texts
