"""What the rows of benchmarks have in common: a text column, a list of texts, a label by id or by name, a number of their own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example

TRUTH = ("False", "True")
"""The labels of yes-or-no tasks, in the order of their ids."""
NLI = ("entailment", "neutral", "contradiction")
"""The labels of MNLI, SNLI, ANLI and e-SNLI, in the order of their ids; CB's order is another."""
ENTAILED = ("entailment", "not_entailment")
"""The labels of RTE, QNLI and SuperGLUE's diagnostic sets, in the order of their ids; WNLI's order is another."""
SENTIMENT = ("negative", "positive")
"""The labels of SST-2 and IMDB, in the order of their ids."""
NO_LABEL = "no label, as in test rows"
"""Why test rows are refused: their answers are not published, so nothing can be scored or trained."""


def filled(text: str, name: str) -> str:
    """Returns a text without white space around it.

    Raises:
        DataError: Nothing is left of it.

    >>> filled(" He left. ", "sentence")
    'He left.'
    """
    if not text.strip():
        raise DataError(f"empty {name}")
    return text.strip()


def text_of(row: Mapping[str, Any], *columns: str) -> str:
    """Returns the first of these columns that the row has, without white space around it.

    Raises:
        DataError: It has none of them, or what it has is not text or blank.

    >>> text_of({"#1 String": " He left. "}, "sentence1", "#1 String")
    'He left.'
    """
    value = next((row[column] for column in columns if row.get(column) is not None), None)
    if value is None:
        raise DataError(f"no {columns[0]}")
    if not isinstance(value, str):
        raise DataError(f"{columns[0]} is not text")
    return filled(value, columns[0])


def texts_of(value: Any, name: str) -> tuple[str, ...]:
    """Returns a list of texts without white space around them.

    Args:
        value: What the row has.
        name: What they are, in the plural, for the reason of a refusal.

    Raises:
        DataError: It is no list, an empty one, or one of them is blank or not text.

    >>> texts_of([" yes", "no"], "answers")
    ('yes', 'no')
    """
    if not isinstance(value, list | tuple) or not value:
        raise DataError(f"no {name}")
    if not all(isinstance(text, str) and text.strip() for text in value):
        raise DataError(f"one of the {name} is empty or not text")
    return tuple(text.strip() for text in value)


def key_of(row: Mapping[str, Any], *columns: str) -> str:
    """Returns what stands for the answer in the first of these columns that the row has: an id in digits, a letter, a name.

    Raises:
        DataError: There is none; it is -1 or `-`, as in test rows; or it is neither text nor a number.

    >>> [key_of({"label": value}, "label") for value in (2, 2.0, "2 ", True, "B")]
    ['2', '2', '2', '1', 'B']
    """
    value = next((row[column] for column in columns if row.get(column) is not None), "")
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):  # A column with gaps is read as floats.
        value = int(value)
    if not isinstance(value, str | int | float):
        raise DataError("the label is neither text nor a number")
    key = str(value).strip()
    if key in ("", "-1", "-"):
        raise DataError(NO_LABEL)
    return key


def label_of(
    row: Mapping[str, Any], names: Sequence[str], columns: Sequence[str] = ("label",), same: Mapping[str, str] | None = None
) -> str:
    """Returns the label's name, from its id (0, "0", false), its name in any case, or another word for it.

    Args:
        row: The row.
        names: The labels in the order of their ids.
        columns: Where the label may stand; the first that the row has counts.
        same: Other words for a label, in small letters: `{"contradiction": "not_entailment"}`.

    Raises:
        DataError: The label is absent, -1, `-` or unknown.

    >>> row = {"label": 1}, {"label": "YES"}, {"answer": True}
    >>> [label_of(given, ("no", "yes"), ("label", "answer")) for given in row]
    ['yes', 'yes', 'yes']
    """
    key = key_of(row, *columns).lower()
    meant = {str(number): name for number, name in enumerate(names)} | {name.lower(): name for name in names} | dict(same or {})
    if key not in meant:
        raise DataError("a label id out of range" if key.removeprefix("-").isdecimal() else "unknown label")
    return meant[key]


def row_id(row: Mapping[str, Any], *columns: str) -> str:
    """Returns a row's own number or name; nothing where it has none.

    Args:
        row: The row.
        columns: Where this benchmark keeps it, before the usual `idx`, `index`, `id` and `guid`.

    >>> row_id({"idx": 12}), row_id({"idx": {"passage": 1}}), row_id({"uid": "Q7", "id": 3}, "uid")
    ('12', '', 'Q7')
    """
    for column in (*columns, "idx", "index", "id", "guid"):
        value = row.get(column)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def classification(
    names: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    labels: Sequence[str] = ("label",),
    same: Mapping[str, str] | None = None,
) -> Callable[[Mapping[str, Any]], Example]:
    """Returns a parser for rows of texts and a label.

    Args:
        names: The labels in the order of their ids.
        columns: Field to the columns in which it may stand.
        labels: Columns in which the label may stand.
        same: Other words for a label.

    >>> parse = classification(("negative", "positive"), {"sentence": ("sentence", "text")})
    >>> example = parse({"text": "Fine.", "label": 1, "idx": 4})
    >>> (example.id, example.fields, example.targets)
    ('4', {'sentence': 'Fine.'}, ('positive',))
    """

    def parse(row: Mapping[str, Any]) -> Example:
        fields = {field: text_of(row, *places) for field, places in columns.items()}
        return Example(row_id(row), fields, (label_of(row, names, labels, same),), tuple(names))

    return parse
