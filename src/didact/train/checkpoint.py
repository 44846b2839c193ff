"""Checkpoints: written whole or not at all, and exact enough that a resumed run cannot be told from an uninterrupted one."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from didact.base.errors import RunError
from didact.base.files import write_json
from didact.models.load import Loaded, save

STATE, OPTIMISER = "state.json", "optimizer.safetensors"


def write(folder: Path, loaded: Loaded, optimiser: torch.optim.Optimizer | None, state: dict[str, Any], keep: int) -> Path:
    """Writes `folder/step_00000042` atomically and removes all but the newest `keep` checkpoints.

    Args:
        folder: The run's `checkpoints`.
        loaded: Model, tokenizer and chat format.
        optimiser: Its moments are kept for an exact resume; None for a model that is not trained on.
        state: Where the run stands: `step` and whatever else the loop needs.
        keep: How many checkpoints stay.
    """
    final = folder / f"step_{state['step']:08d}"
    temporary = folder / f".{final.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save(loaded, temporary)
    if optimiser is not None:
        save_file(_flat(optimiser), temporary / OPTIMISER)
    write_json(temporary / STATE, state)
    for path in (*temporary.rglob("*"), temporary):
        _sync(path)
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)
    _sync(folder)
    for old in checkpoints(folder)[:-keep]:
        # Renamed first: a crash while its files are removed must not leave half a checkpoint under a good name.
        old.replace(folder / f".{old.name}.old.tmp")
    for torn in folder.glob(".step_*.tmp"):
        shutil.rmtree(torn, ignore_errors=True)
    return final


def _sync(path: Path) -> None:
    """Makes a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checkpoints(folder: Path) -> list[Path]:
    """Returns the complete checkpoints of a run, the oldest first."""
    return sorted(path for path in folder.glob("step_*") if (path / STATE).is_file())


def newest(folder: Path) -> Path:
    """Returns the newest complete checkpoint.

    Raises:
        RunError: There is none.
    """
    found = checkpoints(folder)
    if not found:
        raise RunError(f"no checkpoint in {folder}", remedy="didact train RECIPE")
    return found[-1]


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Returns where the run stood."""
    state: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return state


def restore_optimiser(checkpoint: Path, optimiser: torch.optim.Optimizer) -> None:
    """Puts the optimiser's moments back, bit for bit."""
    table = load_file(checkpoint / OPTIMISER)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in table.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _flat(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Returns the optimiser's tensors by `parameter.moment`, so that no pickle is written."""
    states = optimiser.state_dict()["state"]
    return {f"{index}.{key}": value.contiguous().cpu() for index, table in states.items() for key, value in table.items()}
