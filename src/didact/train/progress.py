"""How far a run is: where it stands in its stream, what is told of its steps, and what a checkpoint keeps of both."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from didact.base.files import append_jsonl, read_jsonl, write_jsonl
from didact.models.precision import Precision

METRICS = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """What one logged step looks like from outside."""

    step: int
    num_steps: int
    loss: float
    """Weighted nats per token of non-zero weight, over the steps since the last line."""
    learning_rate: float
    grad_norm: float
    """Before clipping; of the newest step that was not skipped."""
    num_tokens: int
    """Tokens so far, padding left out."""
    tokens_per_second: float
    seconds: float
    """Training time so far, resumed parts added up."""
    flops: float | None = None
    """FLOPs so far, by the plan's formula; None without a plan."""
    mfu: float | None = None
    """Share of the machine's FLOPs a second that the steps since the last line made use of; None where the peak is not known."""
    num_bad_steps: int | None = None
    """Steps skipped so far because their loss or gradient was not a number; None: none."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run of the loop ended."""

    num_steps: int
    num_tokens: int
    seconds: float
    loss: float
    precision: Precision
    normaliser: str
    head: str
    checkpoint: Path
    num_bad_steps: int = 0
    """Steps that were skipped because their loss or gradient was not a number."""


class Progress:
    """Where a run stands.

    Args:
        num_steps: Optimiser steps in all.
        state: What a checkpoint kept of the run; None: it begins.
        flops_per_token: What a token costs; None: nothing is said of FLOPs.
        peak: FLOPs a second that all processes' machines can do; None: nothing is said of MFU.
    """

    def __init__(self, num_steps: int, state: dict[str, Any] | None, flops_per_token: float | None, peak: float | None) -> None:
        since: dict[str, Any] = {"loss": 0.0, "targets": 0, "steps": 0, "num_tokens": 0, "seconds": 0.0}
        fresh: dict[str, Any] = {
            "step": 0,
            "window": 0,
            "in_window": 0,
            "num_tokens": 0,
            "seconds": 0.0,
            "num_bad_steps": 0,
            "since": since,
        }
        self.state: dict[str, Any] = fresh | (state or {})
        """What a checkpoint keeps. `since` is summed up since the last line, so that a stop between two lines leaves no trace."""
        self._num_steps, self._flops, self._peak = num_steps, flops_per_token, peak
        self._began = time.perf_counter() - self.state["seconds"]
        # A run that was killed behind its last checkpoint has nothing left to do but to say how it ended.
        self.shown = self._step(self.state.get("loss", math.nan), 0.0, 0.0)
        """The newest line."""

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.state["step"])

    @property
    def at_end(self) -> bool:
        """Whether that was the last one."""
        return self.step == self._num_steps

    def passed(self, window: int, in_window: int, num_tokens: int) -> None:
        """Moves on behind a step, good or bad."""
        self.state.update(step=self.step + 1, window=window, in_window=in_window + 1)
        self.state["num_tokens"] += num_tokens
        self.state["seconds"] = time.perf_counter() - self._began

    def good(self, loss: float, targets: int, norm: float) -> None:
        """Takes down a step that changed the weights: its summed loss, how many predictions that is over, its gradient's norm."""
        since = self.state["since"]
        since["loss"], since["targets"], since["steps"] = since["loss"] + loss, since["targets"] + targets, since["steps"] + 1
        self.state["grad_norm"] = norm

    def bad(self) -> int:
        """Takes down a step that was skipped; returns how many there were."""
        self.state["num_bad_steps"] += 1
        return int(self.state["num_bad_steps"])

    def line(self, rate: float) -> Step | None:
        """Returns what is told of the steps since the last line; None where all of them were skipped."""
        since, now = self.state["since"], self.state
        if not since["steps"]:
            return None
        now["loss"] = since["loss"] / max(since["targets"], 1)
        speed = (now["num_tokens"] - since["num_tokens"]) / max(now["seconds"] - since["seconds"], 1e-9)
        since.update(loss=0.0, targets=0, steps=0, num_tokens=now["num_tokens"], seconds=now["seconds"])
        flops = self._flops * now["num_tokens"] if self._flops else None
        self.shown = self._step(now["loss"], rate, speed, flops, self._flops * speed / self._peak if self._flops and self._peak else None)
        return self.shown

    def heard(self, rate: float) -> Step:
        """Returns what is heard of every step: its own numbers, and the loss and speed of the newest line."""
        return self._step(self.shown.loss, rate, self.shown.tokens_per_second)

    def _step(self, loss: float, rate: float, speed: float, flops: float | None = None, mfu: float | None = None) -> Step:
        now = self.state
        known = loss, rate, now.get("grad_norm", 0.0), now["num_tokens"], speed, now["seconds"], flops, mfu
        return Step(now["step"], self._num_steps, *known, now["num_bad_steps"] or None)


def write_line(folder: Path, step: Step) -> None:
    """Appends a step to a run's metrics.jsonl."""
    found = {name: getattr(step, name) for name in Step.__slots__ if name != "num_steps"}
    append_jsonl(folder / METRICS, {name: value for name, value in found.items() if value is not None})


def forget_after(folder: Path, step: int) -> None:
    """Removes the lines of steps that a resumed run will make again."""
    path = folder / METRICS
    if path.is_file():
        write_jsonl(path, [row for row in read_jsonl(path) if row.get("step", 0) <= step])
