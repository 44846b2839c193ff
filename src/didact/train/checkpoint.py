"""Checkpoints: written whole or not at all, and exact enough that a resumed run cannot be told from an uninterrupted one.

checkpoints/step_00000042/
├── config.json tokenizer.json …    what transformers reads
├── model.safetensors               the weights; several files, with an index, where several processes each wrote a part
├── optimizer.safetensors           the optimiser's moments, by number of the parameter
├── state.json                      where the run stands
└── manifest.json                   names and sizes of all of this, written last: without it the checkpoint is torn
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from didact.base.errors import RunError
from didact.base.files import write_json
from didact.models.load import Loaded, save
from didact.train import shards
from didact.train.manifest import damage, write_manifest
from didact.train.together import all_or_none

STATE, OPTIMISER = "state.json", "optimizer.safetensors"
_BESIDES = 2**25
"""Bytes of a checkpoint that are neither weights nor moments: the tokenizer's, mostly."""


def write(folder: Path, loaded: Loaded, optimiser: torch.optim.Optimizer | None, state: dict[str, Any], keep: int) -> Path:
    """Writes `folder/step_00000042` atomically and removes all but the newest `keep` checkpoints.

    Args:
        folder: The run's `checkpoints`.
        loaded: Model, tokenizer and chat format.
        optimiser: Its moments are kept for an exact resume; None for a model that is not trained on.
        state: Where the run stands: `step` and whatever else the loop needs.
        keep: How many checkpoints stay.

    Raises:
        RunError: The disk has no room for it, or it could not be read back; the checkpoints before it are all still there.
    """
    temporary = _begun(folder, loaded, optimiser, state)
    with _room_for_all(folder, temporary):
        save(loaded, temporary)
        if optimiser is not None:
            save_file(_flat(optimiser), temporary / OPTIMISER)
        return _finished(folder, temporary, state, keep)


def write_together(
    folder: Path,
    loaded: Loaded,
    optimiser: torch.optim.Optimizer | None,
    state: dict[str, Any],
    keep: int,
    accelerator: Accelerator,
) -> None:
    """Writes a checkpoint of a model in shards, as `write`; every process calls it, and writes a part.

    Raises:
        RunError: As `write`; the other processes leave with SystemExit.
    """
    main, rank, processes = accelerator.is_main_process, accelerator.process_index, accelerator.num_processes
    temporary, tensors = _temporary(folder, state), shards.weights_of(loaded.model)
    with all_or_none(accelerator):
        if main:
            _begun(folder, loaded, optimiser, state)
    with all_or_none(accelerator), _room_for_all(folder, temporary):
        files = shards.write_parts(temporary, shards.WEIGHTS, tensors, rank, processes)
        if optimiser is not None:
            shards.write_parts(temporary, shards.MOMENTS, dict(shards.each_moment(optimiser)), rank, processes)
    with all_or_none(accelerator), _room_for_all(folder, temporary):
        if main:
            save(loaded, temporary, weights=False)
            shards.write_index(temporary, files, tensors)
            _finished(folder, temporary, state, keep)


def _temporary(folder: Path, state: dict[str, Any]) -> Path:
    return folder / f".step_{state['step']:08d}.tmp"


def _begun(folder: Path, loaded: Loaded, optimiser: torch.optim.Optimizer | None, state: dict[str, Any]) -> Path:
    """Returns an empty folder to write into, if there is room."""
    check_room(folder, size_of(loaded, optimiser))
    temporary = _temporary(folder, state)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    return temporary


def _finished(folder: Path, temporary: Path, state: dict[str, Any], keep: int) -> Path:
    """Gives a complete checkpoint its name; what is older goes only when that one is known to be whole."""
    final = folder / f"step_{state['step']:08d}"
    write_json(temporary / STATE, state)
    write_manifest(temporary)
    for path in (*temporary.rglob("*"), temporary):
        _sync(path)
    if problem := damage(temporary):
        raise RunError(
            f"the checkpoint of step {state['step']} is not what was written: {problem}", remedy="look at the disk, then --resume"
        )
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)
    _sync(folder)
    for old in checkpoints(folder)[:-keep]:
        _set_aside(old)
    for torn in folder.glob(".step_*.tmp"):
        shutil.rmtree(torn, ignore_errors=True)
    return final


def _set_aside(checkpoint: Path) -> None:
    """Takes the name from a checkpoint: a crash while its files are removed must not leave half a one under a good name."""
    checkpoint.replace(checkpoint.with_name(f".{checkpoint.name}.old.tmp"))


def _sync(path: Path) -> None:
    """Makes a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def size_of(loaded: Loaded, optimiser: torch.optim.Optimizer | None) -> int:
    """Returns the bytes that a checkpoint needs, about; moments that are not there yet are taken to be AdamW's two."""
    saved = [p for p in loaded.model.parameters() if loaded.adapter is None or p.requires_grad]
    weights: int = sum(p.numel() * p.element_size() for p in saved)
    if optimiser is None:
        return weights + _BESIDES
    moments = sum(tensor.numel() * tensor.element_size() for table in optimiser.state.values() for tensor in table.values())
    trained: int = sum(p.numel() * p.element_size() for p in loaded.model.parameters() if p.requires_grad)
    return weights + (moments or 2 * trained) + _BESIDES


def check_room(folder: Path, needed: int) -> None:
    """Looks whether a checkpoint will fit on the disk, before anything is written.

    Raises:
        RunError: It will not.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise RunError(
            f"a checkpoint needs about {_size(needed)}, and {_size(free)} of the disk are free",
            where=str(folder),
            remedy=f"free {_size(needed - free)}, then the same command with --resume if there is a checkpoint",
        )


def _size(num_bytes: int) -> str:
    """Returns bytes in words.

    >>> _size(33_600_000), _size(12_000_000_000)
    ('34 MB', '12.0 GB')
    """
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"


@contextmanager
def _room_for_all(folder: Path, temporary: Path) -> Iterator[None]:
    """Turns a disk that is full after all into an error with a remedy, and takes the half-written checkpoint away."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        # safetensors writes in Rust, and tells the number in words.
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"os error {errno.ENOSPC}" in str(error)
        if not full:
            raise
        shutil.rmtree(temporary, ignore_errors=True)
        remedy = "free some of the disk, then the same command with --resume if there is a checkpoint"
        raise RunError("the disk was full before the checkpoint was whole", where=str(folder), remedy=remedy) from error


def checkpoints(folder: Path) -> list[Path]:
    """Returns the whole checkpoints of a run, the oldest first."""
    return [path for path in sorted(folder.glob("step_*")) if not _problem(path)]


def _problem(checkpoint: Path) -> str:
    return damage(checkpoint) if (checkpoint / STATE).is_file() else f"{STATE} is missing"


def newest(folder: Path, say: Callable[[str], None] | None = None) -> Path:
    """Returns the newest checkpoint.

    Args:
        folder: The run's `checkpoints`.
        say: Hears of torn ones, and the newest whole one is taken; None: a torn one is an error.

    Raises:
        RunError: There is none, or it is torn.
    """
    torn: list[str] = []
    for path in sorted(folder.glob("step_*"), reverse=True):
        if not (problem := _problem(path)):
            for line in torn:
                assert say is not None
                say(f"checkpoint {line}; taking {path.name}")
            return path
        torn.append(f"{path.name} is torn: {problem}")
        if say is None:
            break
    if torn:
        raise RunError(
            f"checkpoint {torn[0]}", where=str(folder), remedy="didact train RECIPE --resume, which takes the one before, if any"
        )
    raise RunError(f"no checkpoint in {folder}", remedy="didact train RECIPE")


def set_torn_aside(folder: Path) -> None:
    """Takes the names from torn checkpoints, so that nobody stumbles over them again; the next one that is written removes them."""
    for path in folder.glob("step_*"):
        if _problem(path):
            _set_aside(path)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Returns where the run stood."""
    state: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return state


def restore_optimiser(checkpoint: Path, optimiser: torch.optim.Optimizer) -> None:
    """Puts the optimiser's moments back, bit for bit: of shards, each process's own, whatever number of them wrote them."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for path in sorted(checkpoint.glob("optimizer*.safetensors")):
        with safe_open(path, "pt") as table:
            for name in table.keys():  # noqa: SIM118 (it is no dict)
                index, key = name.split(".", 1)
                state.setdefault(int(index), {})[key] = shards.as_spread(table.get_tensor(name), parameters[int(index)])
    if state:
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _flat(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Returns the optimiser's tensors by `parameter.moment`, so that no pickle is written."""
    return {name: value.contiguous().cpu() for name, value in shards.each_moment(optimiser)}
