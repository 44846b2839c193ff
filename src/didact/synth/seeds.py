"""Tasks written by people, which methods start from and filters compare with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from didact.base.errors import DataError, did_you_mean

SEED_FILE = Path(__file__).parent / "seed_tasks.jsonl"
"""The seed tasks that come with didact."""
_KEYS = ("id", "instruction", "input", "output", "is_classification")
_MORE = ("instances", "name")  # of self-instruct's own file


@dataclass(frozen=True, slots=True)
class SeedTask:
    """A task with exactly one instance."""

    id: str
    """Unique in its file."""
    instruction: str
    """What is to be done."""
    input: str = ""
    """What it is to be done with; empty where the instruction says all."""
    output: str = ""
    """A correct answer."""
    is_classification: bool = False
    """Says whether the answer is one of a few labels."""


def load_seeds(path: Path | None = None) -> tuple[SeedTask, ...]:
    """Returns the seed tasks of a file, or those that come with didact.

    Args:
        path: JSON lines with `instruction`, `output` and, if there are any, `id`, `input` and `is_classification`; a file of Self-Instruct,
            with one entry in `instances`, is read too.

    Raises:
        DataError: The file cannot be read, a line is no seed task, or an id or a whole task is there twice.

    >>> tasks = load_seeds()
    >>> len(tasks) >= 175, len({task.id for task in tasks}) == len(tasks)
    (True, True)
    """
    file = SEED_FILE if path is None else path
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        remedy = "write the path as seen from where you type, or leave `seeds` out to use didact's own"
        raise DataError(f"cannot read the seed tasks: {error}", where=str(file), remedy=remedy) from None
    seen: dict[str, int] = {}
    said: dict[tuple[str, str], int] = {}
    tasks = list[SeedTask]()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        task = _read(line, number, where)
        for first, what in ((seen.setdefault(task.id, number), f"id '{task.id}'"), (said.setdefault(_said(task), number), "task")):
            if first != number:
                raise DataError(f"the same {what} is in line {first}", where=where, remedy="remove one of the two lines")
        tasks.append(task)
    if not tasks:
        raise DataError("no seed tasks", where=str(file), remedy="write one JSON object a line, or leave `seeds` out")
    return tuple(tasks)


def _said(task: SeedTask) -> tuple[str, str]:
    return " ".join(task.instruction.split()), " ".join(task.input.split())


def _read(line: str, number: int, where: str) -> SeedTask:
    """Returns the seed task of one line."""
    expected = '{"instruction": "Name a river.", "input": "", "output": "The Danube.", "is_classification": false}'
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}", where=where, expected=expected, remedy="put that line right") from None
    if not isinstance(row, dict):
        raise DataError("not a JSON object", where=where, expected=expected, remedy="put that line right")
    for key in row:
        if key not in (*_KEYS, *_MORE):
            raise DataError(f"unknown key '{key}'", where=where, expected=did_you_mean(key, _KEYS), remedy="remove or rename that key")
    row = {**row, **_only_instance(row, where)}
    task = {"id": f"seed_task_{number - 1}", "input": "", "is_classification": False, **{k: row[k] for k in _KEYS if k in row}}
    for key in _KEYS:
        kind: type = bool if key == "is_classification" else str
        if not isinstance(task.get(key), kind):
            what = "is missing" if key not in task else f"is no {'text' if kind is str else 'true or false'}"
            raise DataError(f"'{key}' {what}", where=where, expected=expected, remedy="put that line right")
        if key in ("id", "instruction", "output") and not task[key].strip():
            raise DataError(f"'{key}' is empty", where=where, expected=expected, remedy="fill it, or remove that line")
    return SeedTask(**task)


def _only_instance(row: dict[str, Any], where: str) -> dict[str, Any]:
    """Returns input and output of Self-Instruct's form, a list of exactly one instance; nothing where the row has no such list."""
    instances = row.get("instances")
    if "instances" not in row:
        return {}
    if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], dict):
        expected = '"instances": [{"input": "", "output": "The Danube."}]'
        raise DataError("not exactly one instance", where=where, expected=expected, remedy="keep one instance of each task")
    return {key: instances[0][key] for key in ("input", "output") if key in instances[0]}
