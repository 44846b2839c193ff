"""The one training loop, in reading order."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import LoggerType

from didact.base.chance import seed_of
from didact.base.errors import ModelError, PrerequisiteError, RecipeError, did_you_mean
from didact.base.files import append_jsonl, read_jsonl, write_jsonl
from didact.base.recipe import Objective, Schedule, TrainSection
from didact.data.batches import Row, collate, micro_batches, num_targets, row_length
from didact.data.stream import TrainingStream
from didact.models.architecture import check_objective
from didact.models.load import Loaded
from didact.models.memory import keep_freed_memory
from didact.models.precision import Precision, pick_precision
from didact.models.prefix import mark_prefix
from didact.train import attention, checkpoint
from didact.train.loss import NORMALISER, WeightedLoss, to_device
from didact.train.optimiser import make_optimiser

METRICS = "metrics.jsonl"
SHORT = 128
"""Tokens up to which, on a CPU, attention written out is faster than torch's fused one (64 tokens, 5.6 M model: 20 % faster steps)."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one logged step looks like from outside."""

    step: int
    num_steps: int
    loss: float
    """Weighted nats per token of non-zero weight, over the steps since the last line."""
    learning_rate: float
    grad_norm: float
    """Before clipping."""
    num_tokens: int
    """Tokens so far, padding left out."""
    tokens_per_second: float
    seconds: float
    """Training time so far, resumed parts added up."""
    flops: float | None = None
    """FLOPs so far, by the plan's formula; None without a plan."""
    mfu: float | None = None
    """Share of the machine's FLOPs a second that the steps since the last line made use of; None where the peak is not known."""


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


def learning_rate(step: int, num_steps: int, peak: float, schedule: Schedule) -> float:
    """Returns the learning rate of a step, counted from 0: a linear rise, then the schedule's shape.

    >>> [round(learning_rate(step, 10, 1.0, Schedule(kind="linear", warmup=0.2)), 3) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.125]
    """
    warm = round(schedule.warmup * num_steps)
    if step < warm:
        return peak * (step + 1) / warm
    done = min((step - warm) / max(num_steps - warm, 1), 1.0)
    match schedule.kind:
        case "constant":
            left = 1.0
        case "linear":
            left = 1 - done
        case "cosine":
            left = (1 + math.cos(math.pi * done)) / 2
    return peak * (schedule.final + (1 - schedule.final) * left)


def tune(
    loaded: Loaded,
    stream: TrainingStream,
    num_steps: int,
    *,
    objective: Objective,
    settings: TrainSection,
    packed: bool,
    seed: int,
    folder: Path,
    resume: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
    flops_per_token: float | None = None,
    peak: float | None = None,
) -> Summary:
    """Trains a model and returns how it went. The model in `loaded` is changed in place.

    Args:
        loaded: The model; on a resume, the one in the newest checkpoint.
        stream: The optimiser steps.
        num_steps: Optimiser steps in all.
        objective: Which token weighs how much.
        settings: The recipe's `train`.
        packed: Whether rows hold several documents.
        seed: The recipe's seed.
        folder: The run: `metrics.jsonl` and `checkpoints/` are written there.
        resume: Continue from the newest checkpoint.
        on_step: Called after every step with the newest numbers.
        flops_per_token: What a token costs, from the plan; None: nothing is said of FLOPs.
        peak: FLOPs a second that the machine can do, for each process; None: nothing is said of MFU.

    Raises:
        ModelError: The loss or its gradient is not a number, packing cannot keep documents apart in this model, or the objective is
            not for its architecture.
        RecipeError: There is no such tracker.
        PrerequisiteError: Its package is not installed.
    """
    _check_trackers(settings.trackers)
    accelerator = Accelerator(cpu=not torch.cuda.is_available(), log_with=list(settings.trackers) or None, project_dir=folder)
    device = accelerator.device
    precision = pick_precision(settings.precision, device)
    model = loaded.model.to(device).train()
    own_attention = model.config._attn_implementation
    _check_model(loaded, objective, packed)
    if device.type == "cpu":
        keep_freed_memory()
        if own_attention == "sdpa" and not packed and stream.max_length <= SHORT:
            model.set_attn_implementation("eager")
    loss_of = WeightedLoss(model, precision)
    optimiser = make_optimiser(model, settings)
    state: dict[str, Any] = {"step": 0, "window": 0, "in_window": 0, "num_tokens": 0, "seconds": 0.0}
    if resume:
        newest = checkpoint.newest(folder / "checkpoints")
        state = checkpoint.read_state(newest)
        if (newest / checkpoint.OPTIMISER).is_file():
            checkpoint.restore_optimiser(newest, optimiser)
        if accelerator.is_main_process:
            _forget_after(folder / METRICS, state["step"])
    trained, optimiser = accelerator.prepare(loss_of, optimiser)
    if settings.trackers:
        accelerator.init_trackers("didact", config={"folder": str(folder), "seed": seed})

    began, seconds_before, last_tokens, last_seconds = time.perf_counter(), state["seconds"], state["num_tokens"], state["seconds"]
    total, targets_since = torch.zeros((), device=device), 0
    # A run that was killed behind its last checkpoint has nothing left to do but to say how it ended.
    shown = Step(state["step"], num_steps, state.get("loss", math.nan), 0.0, 0.0, state["num_tokens"], 0.0, state["seconds"])
    for rows, window, in_window in _steps_from(stream, state["window"], state["in_window"], num_steps - state["step"]):
        step = state["step"]
        count = num_targets(rows, objective)
        normaliser = max(count, 1)
        rate = learning_rate(step, num_steps, settings.learning_rate, settings.schedule)
        for group in optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(seed_of(seed, "dropout", step, accelerator.process_index))

        mine = micro_batches(rows, settings.micro_batch_tokens, accelerator.num_processes)[accelerator.process_index]
        for number, micro in enumerate(mine):
            batch = to_device(collate(micro, objective, loaded.tokeniser.tokenizer.pad_token_id, loaded.start_id), device)
            with accelerator.no_sync(trained) if number < len(mine) - 1 else nullcontext():
                loss = trained(batch)
                # Data-parallel training averages gradients over processes; the loss is a sum, so the average is undone.
                accelerator.backward(loss * (accelerator.num_processes / normaliser))
            total += loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm or math.inf)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

        targets_since += count
        state.update(step=step + 1, window=window, in_window=in_window + 1)
        state["num_tokens"] += sum(row_length(row) for row in rows)
        state["seconds"] = seconds_before + time.perf_counter() - began
        at_end = state["step"] == num_steps
        saves = at_end or state["step"] % settings.checkpoint_every == 0
        if saves or state["step"] % settings.log_every == 0:
            loss_value = float(accelerator.reduce(total, "sum")) / max(targets_since, 1)
            speed = (state["num_tokens"] - last_tokens) / max(state["seconds"] - last_seconds, 1e-9)
            last_tokens, last_seconds = state["num_tokens"], state["seconds"]
            total, targets_since = torch.zeros((), device=device), 0
            flops = flops_per_token * state["num_tokens"] if flops_per_token else None
            mfu = flops_per_token * speed / (peak * accelerator.num_processes) if flops_per_token and peak else None
            shown = Step(state["step"], num_steps, loss_value, rate, float(norm), state["num_tokens"], speed, state["seconds"], flops, mfu)
            state["loss"] = loss_value
            # The norm too: a gradient that is not finite has just spoilt weights whose loss was still a number.
            if not (math.isfinite(loss_value) and math.isfinite(shown.grad_norm)):
                raise ModelError(
                    f"the loss is {loss_value} and the norm of its gradient {shown.grad_norm} at step {state['step']}",
                    remedy="train.learning_rate=... (smaller), or train.precision=fp32",
                )
            if accelerator.is_main_process:
                append_jsonl(folder / METRICS, _line(shown))
            accelerator.log(
                {"loss": loss_value, "learning_rate": rate, "grad_norm": float(norm), "tokens_per_second": speed}, step=state["step"]
            )
        if saves and accelerator.is_main_process:
            checkpoint.write(folder / "checkpoints", loaded, None if at_end else optimiser.optimizer, state, settings.keep_checkpoints)
        on_step(
            Step(
                state["step"], num_steps, shown.loss, rate, shown.grad_norm, state["num_tokens"], shown.tokens_per_second, state["seconds"]
            )
        )
    accelerator.wait_for_everyone()
    accelerator.end_training()
    model.set_attn_implementation(own_attention)
    head = "positions of weight 0 skipped" if loss_of.skips else "all positions"
    last = checkpoint.newest(folder / "checkpoints")
    return Summary(state["step"], state["num_tokens"], state["seconds"], shown.loss, precision, NORMALISER, head, last)


def _check_model(loaded: Loaded, objective: Objective, packed: bool) -> None:
    """Asks the model at hand whether it reads as its objective needs it to, and makes it ready for that."""
    model, vocabulary = loaded.model, len(loaded.tokeniser.tokenizer)
    check_objective(objective.kind, loaded.architecture, type(model).__name__)
    if objective.kind == "masked":
        attention.check_finite(model, vocabulary)
    else:
        attention.check_causal(model, vocabulary)
    mark_prefix(model, objective.kind == "prefix")
    if objective.kind == "prefix":
        attention.check_prefix(model, vocabulary)
    elif packed and loaded.architecture == "decoder":
        attention.keep_apart(model, vocabulary)
    elif packed:
        raise ModelError(f"rows of several documents are for decoders, and {type(model).__name__} is none", remedy="sequence.pack=false")


def _check_trackers(wanted: Sequence[str]) -> None:
    """Refuses what accelerate would leave out with no more than a warning: a tracker whose package is not there."""
    for name in wanted:
        if name not in LoggerType.list():
            raise RecipeError(f"no tracker named '{name}'", expected=did_you_mean(name, LoggerType.list()), remedy="train.trackers=[...]")
        if LoggerType(name) not in (LoggerType.ALL, *get_available_trackers()):
            raise PrerequisiteError(f"tracker '{name}' needs a package that is not installed", remedy=f"pip install {name}")


def _steps_from(stream: TrainingStream, window: int, in_window: int, count: int) -> Iterator[tuple[tuple[Row, ...], int, int]]:
    """Yields (rows, window, number in the window) for the next `count` optimiser steps from a place in the stream."""
    while count > 0 and (made := stream.window(window)) is not None:
        for number in range(in_window, len(made.steps)):
            if count <= 0:
                return
            yield made.steps[number], window, number
            count -= 1
        window, in_window = window + 1, 0


def _forget_after(path: Path, step: int) -> None:
    """Removes the lines of steps that a resumed run will make again."""
    if path.is_file():
        write_jsonl(path, [row for row in read_jsonl(path) if row.get("step", 0) <= step])


def _line(step: Step) -> dict[str, Any]:
    found = {name: getattr(step, name) for name in Step.__slots__ if name != "num_steps"}
    return {name: value for name, value in found.items() if value is not None}
