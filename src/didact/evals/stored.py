"""Answers that judging a run has kept, read back as they were."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from didact.base.errors import RunError
from didact.base.files import read_jsonl, write_jsonl
from didact.base.types import Prediction
from didact.evals.posix import PromptSet

PREDICTIONS = "predictions_{}.jsonl"
"""Name of the file of each model, `base` and `tuned`."""
PROMPT_SETS = "posix.jsonl"
"""How likely both models' answers are behind every wording, where that was asked."""
PromptSets = Mapping[str, Mapping[str, Sequence[PromptSet]]]
"""Level or benchmark to model to its sets."""


def stored(folder: Path) -> dict[str, list[Prediction]]:
    """Returns the rows of base and tuned model.

    Args:
        folder: The run's `scores`.

    Raises:
        RunError: The run was not judged yet.
    """
    files = {name: folder / PREDICTIONS.format(name) for name in ("base", "tuned")}
    if not all(file.is_file() for file in files.values()):
        name = folder.parent.name
        raise RunError(f"run '{name}' has no stored answers", where=str(folder), remedy=f"didact eval {name}")
    return {name: [prediction(row) for row in read_jsonl(file)] for name, file in files.items()}


def keep_prompt_sets(folder: Path, sets: PromptSets) -> None:
    """Writes what POSIX is counted from into a run's `scores`, one line for each model and row."""
    rows = [
        {"level": level, "model": model, **asdict(one)} for level, models in sets.items() for model, many in models.items() for one in many
    ]
    write_jsonl(folder / PROMPT_SETS, rows)


def prompt_sets(folder: Path) -> PromptSets:
    """Returns what POSIX is counted from as it was kept; nothing where it was not asked."""
    found: dict[str, dict[str, list[PromptSet]]] = {}
    for row in read_jsonl(folder / PROMPT_SETS) if (folder / PROMPT_SETS).is_file() else ():
        level, model = row.pop("level"), row.pop("model")
        fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
        fields["logprobs"] = tuple(map(tuple, fields["logprobs"]))
        found.setdefault(level, {}).setdefault(model, []).append(PromptSet(**fields))
    return found


def prediction(row: Mapping[str, Any]) -> Prediction:
    """Returns a stored row as it was; lists become tuples again.

    >>> prediction({"task": "t", "example": "1", "template": "x", "prompt": "", "completion": "a", "references": ["a"],
    ...     "stop": "stop", "num_tokens": 1}).references
    ('a',)
    """
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Prediction(**fields)
