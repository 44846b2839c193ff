"""Files whose suffix does not say enough: a table without quoting, nested JSON, labels in a second file, rows that belong together.

Each function takes files of its own suffix; for all others it returns None, and they are opened as usual.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from html import unescape
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.tasks.benchmarks.benchmark import ReadFile
from didact.tasks.rows import open_file
from didact.tasks.strict_json import load_json

Labelled = Iterator[tuple[str, Any]]
"""Row label and row; a DataError in place of a row says why there is none."""


T0_ROWS = "**/data_per_template"
"""The folder in which Self-Instruct keeps rows of T0's training data."""


def unquoted_table(file: Path) -> Labelled | None:
    """Yields the rows of a `.tsv` file with a header, in which a quotation mark is a letter like any other."""
    return _unquoted(file) if file.suffix == ".tsv" else None


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
        return load_json(whole_text(file))
    except DataError as error:
        if error.remedy:
            raise
        raise DataError(error.what, where=str(file), expected="one JSON value", remedy="fetch the file again: it may be cut") from None


def whole_text(file: Path) -> str:
    """Returns the text of a file.

    Raises:
        DataError: It is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("not UTF-8 text", where=str(file), remedy="fetch the file again, or save it as UTF-8") from None


def _unquoted(file: Path) -> Labelled:
    header = list[str]()
    for number, line in enumerate(_lines(file), start=1):
        if isinstance(line, DataError):
            yield f"line {number}", line
            continue
        cells = line.split("\t")
        if not header:
            header = cells
        elif line.strip():
            wrong = "" if len(cells) == len(header) else "too many columns" if len(cells) > len(header) else "too few columns"
            yield f"line {number}", DataError(wrong) if wrong else dict(zip(header, cells, strict=True))


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
    labels = {f"line {number}": line for number, line in enumerate(_lines(beside), start=1) if isinstance(line, str)}
    for label, row in open_file(file):
        yield label, {**row, "label": labels.get(label)} if isinstance(row, Mapping) else row


def _runs(file: Path) -> Labelled:
    for given, run in groupby(open_file(file), key=lambda row: None if isinstance(row[1], DataError) else next(iter(row[1].values()))):
        rows = list(run)
        (first, cells), (last, _) = rows[0], rows[-1]
        if given is None:
            yield from rows
        elif len(cells) != 2:
            yield from ((label, DataError("not two columns")) for label, _ in rows)
        else:
            label = first if first == last else f"{first.replace('row', 'rows')} to {last.removeprefix('row ')}"
            yield label, {"input": given, "answers": [list(row.values())[1] for _, row in rows]}


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
    for label, row in open_file(file):
        prompt, said = (row.get("prompt"), row.get("completion")) if isinstance(row, Mapping) else (None, None)
        found = pattern.fullmatch(prompt) if isinstance(prompt, str) else None
        if isinstance(row, DataError):
            yield label, row
        elif found is None or not isinstance(said, str):
            yield label, DataError("a prompt in another wording")
        else:
            yield label, {**found.groupdict(), answer: said.removesuffix("<|endoftext|>")}


def _lines(file: Path) -> Iterator[str | DataError]:
    """Yields the lines of a text file as only a line feed ends them: other line ends may stand inside a text."""
    with file.open("rb") as handle:
        for number, raw in enumerate(handle):
            try:
                yield (raw.removeprefix(codecs.BOM_UTF8) if number == 0 else raw).decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                yield DataError("not UTF-8")
