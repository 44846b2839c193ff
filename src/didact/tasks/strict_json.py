"""JSON read strictly: a key given twice, NaN and half a character are found instead of guessed at."""

import json
import re
from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError

_SURROGATE = re.compile("[\ud800-\udfff]")


class KeyGivenTwice(dict[str, Any]):
    """A JSON object that names one key twice: which value was meant cannot be known."""


class _NotANumber:
    """Stands for the literals NaN and Infinity, which are not JSON."""


def load_json(text: str) -> Any:
    """Returns one JSON value; what `flaw` finds in it is still in it.

    Raises:
        DataError: The text is not JSON.

    >>> load_json('{"a": [1, null]}')
    {'a': [1, None]}
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=lambda _: _NotANumber())
    except RecursionError:
        raise DataError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DataError("not JSON", where=f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError:  # An integer of more digits than Python converts.
        raise DataError("not JSON", where="a number with too many digits") from None


def flaw(value: Any) -> str:
    r"""Returns why a value cannot be used, or nothing: half a character, a key given twice, NaN, at any depth.

    >>> flaw({"a": ["fine"]}), flaw({"a": ["half a smile: \ud83d"]}), flaw(load_json('{"a": 1, "a": 2}'))
    ('', 'not valid Unicode', 'a key given twice in one object')
    """
    try:
        return _first_flaw(value)
    except RecursionError:
        return "nested too deeply"


def _first_flaw(value: Any) -> str:
    if isinstance(value, str):
        return "" if value.isascii() or not _SURROGATE.search(value) else "not valid Unicode"
    if isinstance(value, KeyGivenTwice):
        return "a key given twice in one object"
    if isinstance(value, _NotANumber):
        return "NaN or Infinity"
    if isinstance(value, Mapping):
        return _first_flaw([*value.keys(), *value.values()])
    return next((reason for part in value if (reason := _first_flaw(part))), "") if isinstance(value, list | tuple) else ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    return table if len(table) == len(pairs) else KeyGivenTwice(table)
