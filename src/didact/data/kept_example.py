"""One example kept as plain data, so that it can be shown after the window that it stood in is gone."""

from dataclasses import fields
from typing import Any

import numpy as np

from didact.base.types import Origin

MOST = 2048
"""Tokens that are kept; of a longer example its first and its last half of them."""


def kept(origin: Origin, example: Any = None) -> dict[str, Any]:
    """Returns where an example comes from, and its tokens, as plain data.

    Args:
        origin: Where it comes from.
        example: A `TokenisedExample`; None: it has no tokens.

    >>> kept(Origin("alpaca", "row 3"))
    {'where': 'alpaca, example row 3'}
    """
    found: dict[str, Any] = {"where": place(origin)}
    if example is not None:
        values = {field.name: getattr(example, field.name) for field in fields(example)}
        found["arrays"] = {name: _ends(value) for name, value in values.items() if isinstance(value, np.ndarray)}
        found["types"] = {name: str(values[name].dtype) for name in found["arrays"]}
        found["numbers"] = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return found


def place(origin: Origin) -> str:
    """Returns a row's name for people.

    >>> place(Origin("alpaca", "row 3"))
    'alpaca, example row 3'
    """
    return f"{origin.task}, example {origin.example}"


def restored(found: dict[str, Any], kind: Any) -> Any:
    """Returns the example again, long ones without their middle; None where it had no tokens.

    Args:
        found: From `kept`.
        kind: `TokenisedExample`.
    """
    if "arrays" not in found:
        return None
    task, _, example = found["where"].partition(", example ")
    arrays = {name: np.array(value, found["types"][name]) for name, value in found["arrays"].items()}
    return kind(**arrays, **found["numbers"], origin=Origin(task, example))


def _ends(array: np.ndarray) -> list[Any]:
    whole = array if len(array) <= MOST else np.concatenate([array[: MOST // 2], array[-MOST // 2 :]])
    listed: list[Any] = whole.tolist()
    return listed
