"""Questions that people ask and what models answered: small readers of the files in use, of questions and of answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.files import fingerprint

_QUESTION, _ANSWER = ("instruction", "Instruction", "prompt", "question", "text"), ("response", "completion", "output", "answer")
_MODEL = ("generator", "model_id", "model")
_CATEGORY = ("category", "Skill", "dataset", "motivation_app")


@dataclass(frozen=True, slots=True)
class Item:
    """What is asked."""

    id: str
    """The same for the same text, whatever file it stands in."""
    turns: tuple[str, ...]
    """What the user says, one after the other."""
    references: tuple[str, ...] = ()
    """An answer to each turn that is known to be good; empty: there is none."""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model answered."""

    model: str
    items: Mapping[str, Item]
    """By id, in the order of the file."""
    texts: Mapping[str, tuple[str, ...]]
    """Its answer to each turn, by item."""


def read_questions(path: Path) -> list[Item]:
    """Returns the questions of a file; reference answers are taken from `reference_answer` beside it, where that is there.

    Raises:
        DataError: The file is not there, or a row holds no question.
    """
    known = _references(path.parent / "reference_answer")
    found = dict[str, Item]()
    for where, row in rows_of(path):
        for item in _items(row, where, known.get(str(row.get("question_id")), ())):
            found[_free(item.id, found)] = replace(item, id=_free(item.id, found))
    return list(found.values())


def read_answers(path: Path, questions: Mapping[str, Item] | None = None) -> Answers:
    """Returns what a model answered, from a file with an answer in every row.

    Rows are didact's own predictions, AlpacaEval's outputs, Self-Instruct's predictions, FastChat's answers (which hold no questions:
    `questions` says them), or have a question and an answer under their usual names: instruction (and input), prompt or question;
    response, completion, output or answer, a list where there are several turns.

    Args:
        path: JSON lines, or a JSON list.
        questions: By `question_id`.

    Raises:
        DataError: The file is not there; a row lacks a question or an answer, or is another model's.
    """
    items, texts, models = dict[str, Item](), dict[str, tuple[str, ...]](), dict[str, str]()
    for where, row in rows_of(path):
        item = _asked(row, where, questions or {})
        if item.id in items and _is_ours(row):
            raise DataError("a row is answered twice", where=where, expected="one answer to each task, example and template")
        item = replace(item, id=_free(item.id, items))
        items[item.id], texts[item.id] = item, _answer(row, where, len(item.turns))
        models[next((str(row[key]) for key in _MODEL if row.get(key)), "")] = where
    if len(models) != 1:
        raise DataError(f"answers of {len(models)} models", where=str(path), expected="one model in a file, one answer or more")
    return Answers(next(iter(models)) or _model_of(path), items, texts)


def answered_by_all(many: Sequence[Answers]) -> list[Item]:
    """Returns the items, in the order of the first file, that all of the models have answered: every one of them has to be.

    Raises:
        DataError: Nothing to compare, two of one name, or an item that some model did not answer.
    """
    if not many:
        raise DataError("no answers", expected="a file of answers, or more", remedy="didact rate FILE FILE --out FOLDER")
    names = [one.model for one in many]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two files hold answers of '{twice}'", expected="a model's answers once, in files that are named after it")
    everything = {id: item for one in many for id, item in one.items.items()}
    for one in many:
        missing = [item for id, item in everything.items() if id not in one.items]
        if missing:
            what = f"{one.model} did not answer {len(missing):,} of {len(everything):,} questions"
            raise DataError(what, where=f"first: {missing[0].turns[0][:60]!r}", expected="the same questions, word for word, for all")
    return list(many[0].items.values())


def is_answered(row: Mapping[str, Any]) -> bool:
    """Says whether a row of a file holds an answer, and is not a question alone.

    >>> is_answered({"instruction": "Add 1 and 1.", "output": "2"}), is_answered({"question_id": 1, "turns": ["Hi"]})
    (True, False)
    """
    return "choices" in row or any(key in row for key in _ANSWER)


def rows_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (where, row) of JSON lines or of a JSON list.

    Raises:
        DataError: The file is not there, or something in it is no JSON object.
    """
    if not path.is_file():
        raise DataError(f"no such file: {path}", expected="JSON lines, or a JSON list")
    text = path.read_text(encoding="utf-8-sig")
    whole = text.lstrip().startswith("[")
    for number, part in enumerate(_parsed(text, path) if whole else text.splitlines(), start=1):
        where = f"{path}, row {number}" if whole else f"{path}:{number}"
        if not whole and not part.strip():
            continue
        row = part if whole else _parsed(part, where)
        if not isinstance(row, dict):
            raise DataError("a row is no JSON object", where=where, expected="one object a line, or a list of them")
        yield where, row


def _parsed(text: str, where: Path | str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError(f"not JSON: {error}", where=str(where)) from None


def _items(row: Mapping[str, Any], where: str, references: Sequence[str]) -> list[Item]:
    category = next((str(row[key]) for key in _CATEGORY if row.get(key)), "")
    if isinstance(row.get("turns"), list):
        return [_item(tuple(map(str, row["turns"])), references or row.get("reference") or (), category, where)]
    asked = next((row[key] for key in _QUESTION if isinstance(row.get(key), str)), None)
    if asked is None:
        raise DataError("a row holds no question", where=where, expected=f"one of: turns, {', '.join(_QUESTION)}")
    if isinstance(row.get("instances"), list):
        return [_item((_with_input(asked, one.get("input")),), (str(one["output"]),), category, where) for one in row["instances"]]
    target = row.get("target")
    return [_item((_with_input(asked, row.get("input")),), (target,) if isinstance(target, str) and target else (), category, where)]


def _item(turns: tuple[str, ...], references: Sequence[str], category: str, where: str) -> Item:
    if not turns or not all(turn.strip() for turn in turns):
        raise DataError("an empty question", where=where)
    return Item(fingerprint([" ".join(turn.split()) for turn in turns]), turns, tuple(map(str, references)), category)


def _with_input(asked: str, given: Any) -> str:
    return "\n\n".join(part for part in (asked.strip(), str(given or "").strip()) if part)


def _asked(row: Mapping[str, Any], where: str, questions: Mapping[str, Item]) -> Item:
    if _is_ours(row):  # it says by itself which row it is
        id = "/".join(str(row[key]) for key in ("task", "example", "template", "wording") if row.get(key))
        return Item(id, (str(row["prompt"]),), tuple(row.get("references") or ())[:1], str(row.get("category") or ""))
    if "question_id" in row and not any(key in row for key in (*_QUESTION, "turns")):
        if str(row["question_id"]) not in questions:
            what = f"question {row['question_id']} is answered, and not asked"
            raise DataError(what, where=where, expected="the file of questions among the files", remedy="didact rate QUESTIONS FILE ...")
        return questions[str(row["question_id"])]
    return _items(row, where, ())[0]


def _is_ours(row: Mapping[str, Any]) -> bool:
    """Says whether a row is a Prediction."""
    return all(key in row for key in ("task", "example", "prompt", "completion"))


def _free(id: str, taken: Mapping[str, Item]) -> str:
    """Returns the id of a question that may stand several times, as in WizardLM's set: its second time is another item.

    >>> _free("a", {}), _free("a", {"a": Item("a", ("Hi",))})
    ('a', 'a-2')
    """
    names = (id if number == 1 else f"{id}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _answer(row: Mapping[str, Any], where: str, num_turns: int) -> tuple[str, ...]:
    said: Any = row["choices"][0].get("turns") if row.get("choices") else next((row[key] for key in _ANSWER if key in row), None)
    turns = tuple(said) if isinstance(said, list) else (said,)
    if not all(isinstance(turn, str) for turn in turns):
        raise DataError("a row holds no answer", where=where, expected=f"text under one of: {', '.join(_ANSWER)}")
    if len(turns) != num_turns:
        raise DataError(f"{num_turns} turns and {len(turns)} answers", where=where, expected="one answer to each turn")
    return turns


def _model_of(path: Path) -> str:
    """Returns the name that a file without one gives its model: `predictions_base.jsonl` in a run's folder is the run's base.

    >>> _model_of(Path("gpt_predictions.jsonl")), _model_of(Path("runs/demo-001/scores/predictions_base.jsonl"))
    ('gpt', 'demo-001 base')
    """
    if path.parent.name == "scores":
        return f"{path.absolute().parents[1].name} {path.stem.removeprefix('predictions_')}"
    return path.stem.removesuffix("_predictions").removeprefix("predictions_")


def _references(folder: Path) -> dict[str, tuple[str, ...]]:
    """Returns reference answers by `question_id`."""
    found = dict[str, tuple[str, ...]]()
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        for _, row in rows_of(path):
            found[str(row["question_id"])] = tuple(row["choices"][0]["turns"])
    return found


def questions_by_number(path: Path) -> dict[str, Item]:
    """Returns the questions of a file by `question_id`, as FastChat's answers name them.

    Raises:
        DataError: As `read_questions`, or a row without a number.
    """
    numbers = [(where, row.get("question_id")) for where, row in rows_of(path)]
    missing = next((where for where, number in numbers if number is None), None)
    if missing is not None:
        raise DataError("a question without question_id", where=missing, expected="files of answers, or FastChat's questions")
    return {str(number): item for (_, number), item in zip(numbers, read_questions(path), strict=True)}
