"""What the rows of benchmarks have in common: a text column, a label by id or by name, a table without quoting."""

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import ReadFile

TRUTH = ("False", "True")
"""The labels of yes-or-no tasks, in the order of their ids."""
NO_LABEL = "no label, as in test rows"
"""Why test rows are refused: their answers are not published, so nothing can be scored or trained."""


def text_of(row: Mapping[str, Any], *columns: str) -> str:
    """Returns the first of these columns that the row has, without white space around it.

    Raises:
        DataError: It has none of them, or what it has is not text or blank.

    >>> text_of({"#1 String": " He left. "}, "sentence1", "#1 String")
    'He left.'
    """
    column = next((column for column in columns if row.get(column) is not None), None)
    if column is None:
        raise DataError(f"no {columns[0]}")
    value = row[column]
    if not isinstance(value, str):
        raise DataError(f"{columns[0]} is not text")
    if not value.strip():
        raise DataError(f"empty {columns[0]}")
    return value.strip()


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
    value = next((row[column] for column in columns if row.get(column) is not None), -1)
    if isinstance(value, bool | float) and value in (0, 1):
        value = int(value)
    word = str(value).strip()
    if word in ("-1", "-", ""):
        raise DataError(NO_LABEL)
    if word.isdecimal() and word not in names:
        if int(word) < len(names):
            return names[int(word)]
        raise DataError(f"label {word} of {len(names)}, counted from 0")
    meant = {name.lower(): name for name in names} | dict(same or {})
    if word.lower() not in meant:
        raise DataError(f"unknown label '{word[:40]}'")
    return meant[word.lower()]


def row_id(row: Mapping[str, Any]) -> str:
    """Returns a row's own number: `idx`, `index` or `id`; nothing where it has none.

    >>> row_id({"idx": 12}), row_id({"idx": {"passage": 1}}), row_id({"id": "Q7"})
    ('12', '', 'Q7')
    """
    for column in ("idx", "index", "id", "guid"):
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


def unquoted_table(columns: Sequence[str] = ()) -> ReadFile:
    """Returns how to open `.tsv` files in which a quotation mark is a letter like any other; files of other suffixes as usual.

    Args:
        columns: Names of the columns, for files without a header; empty: the first line names them.
    """

    def read(file: Path) -> Iterator[tuple[str, Any]] | None:
        return _unquoted(file, columns) if file.suffix == ".tsv" else None

    return read


def _unquoted(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    header = list(columns)
    with file.open("rb") as handle:
        for number, raw in enumerate(handle, start=1):
            try:
                line = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                yield f"line {number}", DataError("not UTF-8")
                continue
            cells = line.split("\t")
            if not header:
                header = cells
            elif line.strip():
                wrong = "" if len(cells) == len(header) else "too many columns" if len(cells) > len(header) else "too few columns"
                yield f"line {number}", DataError(wrong) if wrong else dict(zip(header, cells, strict=True))
