"""What several processes have to agree on: how a step went, whether to go on, in which folder, and that none is left waiting."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast_object_list

from didact.base.errors import DidactError

_PR_SET_PDEATHSIG = 1
"""Number of Linux's setting (sys/prctl.h)."""


@dataclass(frozen=True, slots=True)
class StepEnd:
    """What every process knows behind a step."""

    loss: float
    """Summed over all micro-batches of all processes."""
    norm: float
    """Of the whole gradient."""
    asked: int
    """The signal that asks to stop, whichever process it came to; 0: none."""
    due: bool
    """Whether a checkpoint is due by the main process's clock."""


def step_end(accelerator: Accelerator, loss: torch.Tensor, norm: torch.Tensor, asked: int, due: bool) -> StepEnd:
    """Returns what all processes found, with one exchange between them and one look at the device.

    Args:
        accelerator: Knows the processes.
        loss: This process's part.
        norm: The same in every process.
        asked: The signal that this process got, or 0.
        due: Whether this process's clock asks for a checkpoint; the main one's counts.
    """
    asks = (asked == signal.SIGINT, asked == signal.SIGTERM, due and accelerator.is_main_process)
    if accelerator.num_processes == 1:
        total, length = torch.stack([loss.float(), norm.float()]).tolist()
        return StepEnd(total, length, asked, due)
    told = torch.cat([loss.float()[None], torch.tensor(asks, dtype=torch.float32).to(loss.device)])
    total, interrupted, ended, late, length = torch.cat([accelerator.reduce(told, "sum"), norm.float()[None]]).tolist()
    return StepEnd(total, length, signal.SIGTERM if ended else signal.SIGINT if interrupted else 0, bool(late))


@contextmanager
def all_or_none(accelerator: Accelerator) -> Iterator[None]:
    """Runs a block in every process; where it fails in one of them, the others leave too instead of waiting for it."""
    error: Exception | None = None
    try:
        yield
    except Exception as found:  # noqa: BLE001 (raised below, when the others know)
        error = found
    failed = accelerator.reduce(torch.tensor(float(error is not None), device=accelerator.device), "sum")
    if error is not None:
        raise error
    if float(failed):
        raise SystemExit(1)


def agreed_folder(choose: Callable[[], Path]) -> Path:
    """Returns the folder that the main process chooses, in every process.

    Args:
        choose: Makes or finds it; called in the main process alone.

    Raises:
        DidactError: It could not; the other processes leave with SystemExit.
    """
    state = PartialState(cpu=not torch.cuda.is_available())
    found: list[Path | None] = [None]
    error: DidactError | None = None
    if state.is_main_process:
        try:
            found = [choose()]
        except DidactError as refused:
            error = refused
    broadcast_object_list(found)
    if error is not None:
        raise error
    if found[0] is None:
        raise SystemExit(1)
    return found[0]


def end_with_parent() -> None:
    """Asks Linux to send this process SIGTERM when the one that started it is killed: nobody would be left to end it."""
    if not sys.platform.startswith("linux"):
        return
    tell = getattr(ctypes.CDLL(None), "prctl", None)
    if tell is not None and "TORCHELASTIC_RUN_ID" in os.environ:
        tell(_PR_SET_PDEATHSIG, signal.SIGTERM)
