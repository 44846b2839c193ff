"""Runs a verb in this process and says what a user sees: exit code, stdout and stderr."""

import contextlib
import io
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

from didact.apps.cli import app, main
from didact.base.strict_yaml import read_yaml, to_yaml


@dataclass(frozen=True)
class Seen:
    """What a user sees."""

    code: int
    out: str
    err: str


def didact(command: str, typed: str = "") -> Seen:
    """What `didact COMMAND` answers; `typed` is what stands on stdin."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with patch.object(sys, "stdin", io.StringIO(typed)), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(partial(app, shlex.split(command), prog_name="didact"))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    return Seen(code, out.getvalue(), err.getvalue())


def shrink(recipe: Path, **train: object) -> None:
    """Makes a recipe's model and evaluation tiny in place, so that every verb answers in seconds."""
    table = read_yaml(recipe).data
    model = table.setdefault("model", {})
    model["new"] = {**model.get("new", {}), "width": 32, "depth": 1, "heads": 2, "vocabulary": 400}
    table["train"] = {**table.get("train", {}), "precision": "fp32", "batch_tokens": 512, "log_every": 1, **train}
    table["evaluate"] = {**table.get("evaluate", {}), "examples_per_task": 2, "max_new_tokens": 4, "resamples": 50}
    for source in table.get("tasks", {}).get("sources", []):
        source["limit"] = 12
    about = recipe.read_text(encoding="utf-8").split("\n", 1)[0]
    recipe.write_text(f"{about}\n{to_yaml(table)}", encoding="utf-8")
