"""Files whose suffix does not say enough: a table without a header, nested JSON, labels in a second file, rows that belong together.

Each function takes files of its own suffix; for all others it returns None, and they are opened as usual.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from html import unescape
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.tasks.benchmarks.benchmark import ReadFile
from didact.tasks.strict_json import load_json

Labelled = Iterator[tuple[str, Any]]
"""Row label and row; a DataError in place of a row says why there is none."""


def comma_table(*columns: str) -> ReadFile:
    """Returns a reader of `.csv` files without a header: one row for each line of cells."""

    def read(file: Path) -> Labelled | None:
        return _headless(file, columns) if file.suffix == ".csv" else None

    return read


def squad_json(file: Path) -> Labelled | None:
    """Yields one row for each question of a SQuAD `.json` file: articles hold paragraphs, paragraphs hold questions.

    Source: Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250; the layout of version 1.1.
    """
    return _questions(file) if file.suffix == ".json" else None


def labels_beside(file: Path) -> Labelled | None:
    """Yields the rows of a `.jsonl` file beside which `NAME-labels.lst` has the label of each line."""
    beside = file.with_name(f"{file.stem}-labels.lst")
    return _labelled(file, beside) if file.suffix == ".jsonl" and beside.is_file() else None


def one_input_many_answers(file: Path) -> Labelled | None:
    """Yields one row for each run of equal inputs in a `.csv` file of two columns: `input` and the list `answers`."""
    return _runs(file) if file.suffix == ".csv" else None


def parallel_text(language: str, other: str) -> ReadFile:
    """Returns a reader of two text files with one sentence a line: one in `language`, and one beside it in the other.

    They are named alike: `train.de` and `train.en`, or `tgt-train.de.txt` and `src-train.en.txt`. Escapes of the Moses tokenizer
    (`&apos;`) are read as the characters they stand for. Rows are as the hub has them: `{"translation": {"de": ..., "en": ...}}`.

    Args:
        language: Code of the language of the file that is opened.
        other: Code of the language of the file beside it.
    """

    def read(file: Path) -> Labelled | None:
        return None if file.suffix == ".parquet" else _pairs(file, file.with_name(_translated(file.name, language, other)), language, other)

    return read


def worded_rows(wording: str, answer: str, name: str) -> ReadFile:
    """Returns a reader of `.jsonl` files of T0's rows, `prompt` and `completion`, that takes the wording off again.

    Args:
        wording: A regular expression for the whole prompt; its named groups are the row's columns.
        answer: The column that the completion becomes.
        name: What the names of such files begin with.

    Source: Sanh et al. (2022), T0, arXiv 2110.08207: long texts in these rows are cut, and then end in `...`.
    """
    pattern = re.compile(wording, re.DOTALL)

    def read(file: Path) -> Labelled | None:
        return _unworded(file, pattern, answer) if file.suffix == ".jsonl" and file.name.startswith(name) else None

    return read


def json_value(file: Path) -> Any:
    """Returns the one JSON value of a file.

    Raises:
        DataError: It is not one.
    """
    try:
        return load_json(file.read_text(encoding="utf-8-sig"))
    except (DataError, UnicodeDecodeError) as error:
        what = error.what if isinstance(error, DataError) else "not UTF-8 text"
        raise DataError(what, where=str(file), expected="one JSON value", remedy="fetch the file again: it may be cut") from None


def _headless(file: Path, columns: tuple[str, ...]) -> Labelled:
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        for number, cells in enumerate(csv.reader(text), start=1):
            if len(cells) == len(columns):
                yield f"row {number}", dict(zip(columns, cells, strict=True))
            else:
                yield f"row {number}", DataError("too many columns" if len(cells) > len(columns) else "too few columns")


def _questions(file: Path) -> Labelled:
    for a, article in enumerate(_list(json_value(file), "data", file), start=1):
        for p, paragraph in enumerate(_list(article, "paragraphs", file), start=1):
            for q, question in enumerate(_list(paragraph, "qas", file), start=1):
                label = f"article {a}, paragraph {p}, question {q}"
                yield label, {**question, "context": paragraph.get("context")} if isinstance(question, Mapping) else question


def _list(value: Any, key: str, file: Path) -> list[Any]:
    part = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(part, list):
        what = f"no list '{key}' where a SQuAD file has one"
        raise DataError(what, where=str(file), expected="data > paragraphs > qas", remedy=f"look what is there: head -c 300 {file}")
    return part


def _labelled(file: Path, beside: Path) -> Labelled:
    labels = [line.strip() for line in _lines(beside) if isinstance(line, str) and line.strip()]
    for number, (label, row) in enumerate(_json_lines(file)):
        given = labels[number] if number < len(labels) else None
        yield label, {**row, "label": given} if isinstance(row, Mapping) else row


def _runs(file: Path) -> Labelled:
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        table = csv.reader(text)
        next(table, None)
        for (width, given), run in groupby(enumerate(table, start=1), key=lambda row: (len(row[1]), row[1][0] if row[1] else "")):
            rows = list(run)
            label = f"row {rows[0][0]}" if len(rows) == 1 else f"rows {rows[0][0]} to {rows[-1][0]}"
            if width == 2:
                yield label, {"input": given, "answers": [cells[1] for _, cells in rows]}
            elif width:
                yield label, DataError("too many columns" if width > 2 else "too few columns")


def _translated(name: str, language: str, other: str) -> str:
    r"""Returns the name of the file beside one.

    >>> _translated("src-train.en.txt", "en", "de"), _translated("test.en-de.de", "de", "en")
    ('tgt-train.de.txt', 'test.en-de.en')
    """
    name = re.sub(rf"\.{language}(\.txt)?$", rf".{other}\1", name)
    return {"src-": "tgt-", "tgt-": "src-"}.get(name[:4], name[:4]) + name[4:]


def _pairs(file: Path, beside: Path, language: str, other: str) -> Labelled:
    if beside == file or not beside.is_file():
        what = f"{file.name} has no translation beside it"
        raise DataError(what, where=str(file), expected=f"the file {beside.name}", remedy=f"look what is there: ls {file.parent}")
    for number, (ours, theirs) in enumerate(zip_longest(_lines(file), _lines(beside)), start=1):
        flaw = next((line for line in (ours, theirs) if isinstance(line, DataError)), None)
        if isinstance(ours, str) and isinstance(theirs, str):
            yield f"line {number}", {"translation": {language: unescape(ours), other: unescape(theirs)}}
        else:
            yield f"line {number}", flaw or DataError("a line without its translation")


def _unworded(file: Path, pattern: re.Pattern[str], answer: str) -> Labelled:
    for label, row in _json_lines(file):
        if not isinstance(row, Mapping):
            yield label, row
            continue
        found = pattern.fullmatch(str(row.get("prompt")))
        said = str(row.get("completion")).removesuffix("<|endoftext|>")
        yield label, {**found.groupdict(), answer: said} if found else DataError("a prompt in another wording")


def _lines(file: Path) -> Iterator[str | DataError]:
    """Yields the lines of a text file as only a line feed ends them: other line ends may stand inside a text."""
    with file.open("rb") as handle:
        for number, raw in enumerate(handle):
            try:
                yield (raw.removeprefix(codecs.BOM_UTF8) if number == 0 else raw).decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                yield DataError("not UTF-8")


def _json_lines(file: Path) -> Labelled:
    for number, line in enumerate(_lines(file), start=1):
        if isinstance(line, DataError):
            yield f"line {number}", line
        elif line.strip():
            try:
                yield f"line {number}", load_json(line)
            except DataError as error:
                yield f"line {number}", error
