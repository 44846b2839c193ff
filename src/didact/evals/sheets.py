"""Blind sheets: models' answers side by side in an order of chance, without names; who wrote what stands in a file of its own."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from didact.base.chance import permutation
from didact.base.errors import DataError
from didact.base.files import fingerprint, write_json, write_jsonl, write_text
from didact.evals.sheet_page import page
from didact.evals.user_instructions import Answers, Item, answered_by_all

KEY, RATINGS = "key.json", "ratings"
"""The file that says who wrote what, and the folder where filled sheets belong."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_COLUMNS = ("sheet", "row", "question", "reference", "answer", "rating", "note")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What raters see, and what they must not."""

    rows: tuple[Mapping[str, str], ...]
    """`sheet` (16 digits), `row` (`007b`: the second answer to the seventh question), `question`, `reference`, `answer`."""
    key: Mapping[str, Any]
    """`sheet`, `seed`, `models`, and for each row its `item`, `model`, `category` and `length` in characters."""


def blind_sheet(many: Sequence[Answers], *, seed: int) -> Sheet:
    """Returns a sheet with every answer, those to one question beside one another in an order drawn from the question.

    Args:
        many: What each model answered: the same questions.
        seed: Another one gives another order.

    Raises:
        DataError: No answers, more than 26 models, two models of one name, or a question that some model did not answer.

    >>> item = Item("1", ("Say it twice: dog",))
    >>> sheet = blind_sheet([Answers("m", {"1": item}, {"1": ("dog dog",)})], seed=0)
    >>> sheet.rows[0]["row"], sheet.rows[0]["answer"], sheet.key["rows"]["001a"]["model"]
    ('001a', 'dog dog', 'm')
    """
    items = answered_by_all(many)
    if len(many) > len(_LETTERS):
        raise DataError(f"{len(many)} models on one sheet", expected=f"at most {len(_LETTERS)}")
    own = fingerprint(seed, [(one.model, item.id, one.texts[item.id]) for one in many for item in items])
    rows, key = list[dict[str, str]](), dict[str, dict[str, Any]]()
    for number, item in enumerate(items, start=1):
        for letter, place in zip(_LETTERS, permutation(len(many), seed, "blind sheet", item.id).tolist(), strict=False):
            one, name = many[place], f"{number:03d}{letter}"
            texts = one.texts[item.id]
            question, reference = _question(item), "\n\n".join(item.references)
            rows.append({"sheet": own, "row": name, "question": question, "reference": reference, "answer": _turns(texts)})
            length = sum(len(text) for text in texts)
            key[name] = {"item": item.id, "model": one.model, "category": item.category, "length": length}
    return Sheet(tuple(rows), {"sheet": own, "seed": seed, "models": [one.model for one in many], "rows": key})


def write_sheet(sheet: Sheet, folder: Path) -> None:
    """Writes a sheet as JSON lines, as CSV and as a page that works offline, and the key beside them.

    Args:
        sheet: The sheet.
        folder: Where to write. It may hold the same sheet already.

    Raises:
        DataError: The folder holds another sheet.
    """
    if (folder / KEY).is_file() and read_key(folder)["sheet"] != sheet.key["sheet"]:
        raise DataError(f"{folder} holds another sheet", expected="a folder of its own for each", remedy=f"--out {folder}_2")
    (folder / RATINGS).mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "sheet.jsonl", sheet.rows)
    write_text(folder / "sheet.csv", _csv(sheet.rows))
    write_text(folder / "sheet.html", page(sheet.rows))
    write_json(folder / KEY, sheet.key)


def read_key(folder: Path) -> dict[str, Any]:
    """Returns who wrote what.

    Raises:
        DataError: The folder holds no sheet, or its key is torn.
    """
    path = folder / KEY
    if not path.is_file():
        raise DataError(f"no {KEY} in {folder}", expected="a folder that didact rate wrote", remedy="didact rate FILE FILE --out FOLDER")
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        whole = {"sheet", "models", "rows"} <= set(found)
    except ValueError:
        whole = False
    if not whole:
        raise DataError("the key of a sheet is torn", where=str(path), remedy="didact rate FILE FILE --out FOLDER")
    return found


def read_rows(folder: Path) -> list[dict[str, str]]:
    """Returns the rows of a sheet, as its raters see them."""
    return [json.loads(line) for line in (folder / "sheet.jsonl").read_text(encoding="utf-8").splitlines() if line]


def answers_of(folder: Path) -> list[Answers]:
    """Returns the answers of a sheet by model again, for a judge; a conversation of several turns is then one text."""
    key, rows = read_key(folder), read_rows(folder)
    found = {name: (dict[str, Item](), dict[str, tuple[str, ...]]()) for name in key["models"]}
    for row in rows:
        about = key["rows"][row["row"]]
        items, texts = found[about["model"]]
        items[about["item"]] = Item(about["item"], (row["question"],), (row["reference"],) if row["reference"] else (), about["category"])
        texts[about["item"]] = (row["answer"],)
    return [Answers(name, items, texts) for name, (items, texts) in found.items()]


def _question(item: Item) -> str:
    return item.turns[0] if len(item.turns) == 1 else _turns(item.turns)


def _turns(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else "\n\n".join(f"({number}) {text}" for number, text in enumerate(texts, start=1))


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({**{name: _harmless(value) for name, value in row.items()}, "rating": "", "note": ""})
    return text.getvalue()


def _harmless(text: str) -> str:
    """Returns a cell that no spreadsheet takes for a formula.

    >>> _harmless("=1+1"), _harmless("1+1")
    ("'=1+1", '1+1')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
