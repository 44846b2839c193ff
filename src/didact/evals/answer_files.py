"""Files of answers as the field's own judges read them, and how many of the answers are whole.

Single questions: a JSON list as AlpacaEval reads it (dataset, instruction, output, generator). Questions of several turns, and those with
a number: JSON lines as FastChat reads them (question_id, answer_id, model_id, choices, tstamp), with the question beside the answer.
`didact rate` reads both.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from didact.base.errors import DataError
from didact.base.files import fingerprint, write_json, write_jsonl
from didact.evals.question_sets import QuestionSet
from didact.evals.user_instructions import Item

ABOUT = "answers.json"
"""In a set's folder: what was asked, and how often each model answered it."""
ALPACA_EVAL = "alpaca_eval"
"""The set whose rows say by themselves which part of it they belong to."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote in one turn."""

    text: str
    stop: Literal["stop", "string", "length"]
    """`stop`: it ended its turn; `string`: it began the next one, which is cut; `length`: it was cut."""
    num_tokens: int
    num_cut: int = 0
    """Tokens of what it was asked that did not fit, old turns first."""


def write_answers(folder: Path, name: str, model: str, asked: QuestionSet, said: Sequence[tuple[Written, ...]], at: float) -> Path:
    """Writes one model's answers to a set; returns the file.

    Args:
        folder: Where to write.
        name: The file's name without its end: `base`, `tuned`.
        model: What the model is called in it.
        asked: The questions.
        said: What it answered to each of them.
        at: When the last of it was said, in seconds since 1970.
    """
    if in_numbers(asked):
        path = folder / f"{name}.jsonl"
        write_jsonl(path, [{**_numbered(asked, place, model, written), "tstamp": at} for place, written in enumerate(said)])
        return path
    path = folder / f"{name}.json"
    write_json(path, [_instruction(asked.name, item, model, written[0]) for item, written in zip(asked.items, said, strict=True)])
    return path


def files_of(folder: Path) -> list[Path]:
    """Returns the files of answers in a set's folder, the tuned model's first: it is held against the base.

    Raises:
        DataError: There are none.
    """
    path = folder / ABOUT
    names = sorted(json.loads(path.read_text(encoding="utf-8"))["models"], reverse=True) if path.is_file() else ()
    files = [file for name in names for file in (folder / f"{name}.jsonl", folder / f"{name}.json") if file.is_file()]
    if not files:
        raise DataError(f"no answers in {folder}", expected="a set's folder of didact answer", remedy="didact answer RUN --on vicuna")
    return files


def in_numbers(asked: QuestionSet) -> bool:
    """Says whether the answers to a set are written as FastChat does, by number: where it has numbers, or several turns."""
    return bool(asked.numbers) or any(len(item.turns) > 1 for item in asked.items)


def counts(said: Sequence[tuple[Written, ...]]) -> dict[str, Any]:
    """Returns what became of the turns that were asked: answered, empty or cut; and how long the answers are.

    >>> found = counts([(Written("Yes.", "stop", 2), Written(" ", "length", 1)), (Written("No, be", "length", 3),)])
    >>> found["num_asked"], found["num_answered"], found["num_empty"], found["num_cut"], found["mean_characters"]
    (3, 1, 1, 1, 5.0)
    """
    turns = [written for one in said for written in one]
    texts = [written.text.strip() for written in turns]
    num_empty = sum(not text for text in texts)
    num_cut = sum(written.stop == "length" and bool(text) for written, text in zip(turns, texts, strict=True))
    whole = [len(text) for text in texts if text]
    return {
        "num_asked": len(turns),
        "num_answered": len(turns) - num_empty - num_cut,
        "num_empty": num_empty,
        "num_cut": num_cut,
        "num_shortened": sum(written.num_cut > 0 for written in turns),
        "mean_characters": sum(whole) / len(whole) if whole else None,
    }


def _numbered(asked: QuestionSet, place: int, model: str, said: Sequence[Written]) -> dict[str, Any]:
    item, texts = asked.items[place], [written.text.strip() for written in said]
    return {
        "question_id": asked.numbers.get(item.id, place + 1),
        "answer_id": fingerprint(model, item.id, texts),
        "model_id": model,
        **({"category": item.category} if item.category else {}),
        "turns": list(item.turns),
        **({"reference": list(item.references)} if item.references else {}),
        "choices": [{"index": 0, "turns": texts}],
    }


def _instruction(name: str, item: Item, model: str, written: Written) -> dict[str, Any]:
    about: dict[str, Any] = {"dataset": item.category or name}
    if name != ALPACA_EVAL:
        about = {"dataset": name, **({"category": item.category} if item.category else {})}
    target = {"target": item.references[0]} if item.references else {}
    return {**about, "instruction": item.turns[0], **target, "output": written.text.strip(), "generator": model}
