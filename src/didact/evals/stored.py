"""Answers that judging a run has kept, read back as they were."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from didact.base.errors import RunError
from didact.base.files import read_jsonl
from didact.base.types import Prediction

PREDICTIONS = "predictions_{}.jsonl"
"""Name of the file of each model, `base` and `tuned`."""


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


def prediction(row: Mapping[str, Any]) -> Prediction:
    """Returns a stored row as it was; lists become tuples again.

    >>> prediction({"task": "t", "example": "1", "template": "x", "prompt": "", "completion": "a", "references": ["a"],
    ...     "stop": "stop", "num_tokens": 1}).references
    ('a',)
    """
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Prediction(**fields)
