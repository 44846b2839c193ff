"""The one training loop, in reading order."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from didact.base.chance import seed_of
from didact.base.recipe import Objective, Schedule, TrainSection
from didact.data.batches import WIDTH, Row, collate, micro_batches, num_targets, row_length
from didact.data.stream import TrainingStream
from didact.models.lean_layers import make_plain
from didact.models.load import Loaded
from didact.models.precision import pick_precision
from didact.train import checkpoint, faults, shards
from didact.train.loss import NORMALISER, WeightedLoss, to_device
from didact.train.optimiser import make_optimiser
from didact.train.progress import METRICS, Progress, forget_after, write_line
from didact.train.progress import Step as Step
from didact.train.progress import Summary as Summary
from didact.train.ready import check_trackers, make_ready
from didact.train.signals import Stopped, stop_requests
from didact.train.softmax import chosen_kernel
from didact.train.together import step_end

_TRACKED = ("loss", "learning_rate", "grad_norm", "tokens_per_second")


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
    say: Callable[[str], None] = lambda _: None,
    checkpointing: bool = False,
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
        say: Hears of steps that are skipped and of checkpoints that are torn.
        checkpointing: Keep only the input of each layer for the backward pass.
        flops_per_token: What a token costs, from the plan; None: nothing is said of FLOPs.
        peak: FLOPs a second that the machine can do, for each process; None: nothing is said of MFU.

    Raises:
        Stopped: SIGTERM or SIGINT came; the step has been ended and saved.
        ModelError: More than `train.max_bad_steps` steps had a loss or gradient that is not a number, packing cannot keep documents
            apart in this model, or the objective is not for its architecture.
        RecipeError: There is no such tracker, or the optimiser cannot be sharded.
        RunError: The disk is full, or no checkpoint is whole.
        PrerequisiteError: Its package is not installed.
    """
    check_trackers(settings.trackers)
    # What an `accelerate launch` was told about precision and accumulation is the recipe's to say.
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),
        mixed_precision="no",
        log_with=list(settings.trackers) or None,
        project_dir=folder,
    )
    shard = shards.shards(settings, accelerator.num_processes)
    device, main, processes = accelerator.device, accelerator.is_main_process, accelerator.num_processes
    alone = processes == 1 and device.type == "cpu"
    precision = pick_precision(settings.precision, device)
    model = loaded.model.to(device).train()
    own_attention = model.config._attn_implementation
    joined = make_ready(loaded, objective, settings, precision, packed=packed, max_length=stream.max_length, checkpointing=checkpointing)
    loss_of = WeightedLoss(model, precision, objective.label_smoothing, objective.neftune)
    trained = shards.spread(loss_of, accelerator, shard=shard, adapts=loaded.adapter is not None)
    optimiser = make_optimiser(model, settings)
    checkpoints, state = folder / "checkpoints", None
    if resume:
        last = checkpoint.newest(checkpoints, say)
        state = checkpoint.read_state(last)
        checkpoint.restore_optimiser(last, optimiser)
        accelerator.wait_for_everyone()
        if main:
            checkpoint.set_torn_aside(checkpoints)
            forget_after(folder, state["step"])
    if main:
        checkpoint.check_room(checkpoints, checkpoint.size_of(loaded, optimiser))
    if settings.trackers:
        accelerator.init_trackers("didact", config={"folder": str(folder), "seed": seed})

    def summed_loss(micro: Sequence[Row], module: Any, factor: float | None = None) -> torch.Tensor:
        batch = collate(micro, objective, loaded.tokeniser.tokenizer.pad_token_id, loaded.start_id)
        loss: torch.Tensor = module(to_device(batch, device), factor)
        return loss

    def save() -> None:
        given = checkpoints, loaded, None if progress.at_end else optimiser, progress.state, settings.keep_checkpoints
        if shard and loaded.adapter is None:
            checkpoint.write_together(*given, accelerator)
        elif main:
            checkpoint.write(*given)

    progress = Progress(num_steps, state, flops_per_token, peak * processes if peak else None)
    width, saved, owed, end = getattr(model.config, "hidden_size", WIDTH), time.perf_counter(), False, None
    with stop_requests() as requests:
        for rows, window, in_window in _steps_from(stream, progress.state, num_steps - progress.step):
            rate = learning_rate(progress.step, num_steps, settings.learning_rate, settings.schedule)
            for group in optimiser.param_groups:
                group["lr"] = rate
            torch.manual_seed(seed_of(seed, "dropout", progress.step, accelerator.process_index))

            count, losses = num_targets(rows, objective), list[torch.Tensor]()
            # Several processes average their gradients; the loss is a sum, so the average is undone.
            factor = processes / max(count, 1)
            mine = micro_batches(rows, settings.micro_batch_tokens, processes, width, joined=joined)[accelerator.process_index]
            for number, micro in enumerate(mine, start=1):
                with shards.unsynced(trained, last=number == len(mine)):
                    loss = summed_loss(micro, trained, factor if alone else None)
                    (loss * factor).backward()
                losses.append(loss.detach())
            shards.average_left_whole(trained, accelerator)
            norm = shards.gradient_norm(model.parameters())
            due = settings.checkpoint_minutes is not None and time.perf_counter() - saved >= 60 * settings.checkpoint_minutes
            end = step_end(accelerator, torch.stack(losses).sum(), norm, requests.number, due)
            bad = faults.is_bad(end.loss, end.norm)
            if not bad:
                if settings.max_grad_norm is not None and end.norm > settings.max_grad_norm:  # else all would be multiplied by 1
                    torch.nn.utils.clip_grads_with_norm_(model.parameters(), settings.max_grad_norm, norm)
                optimiser.step()
                progress.good(end.loss, count, end.norm)
            optimiser.zero_grad(set_to_none=True)
            progress.passed(window, in_window, sum(row_length(row) for row in rows))

            if bad:
                with torch.no_grad():
                    alone = None if shard else lambda row: float(summed_loss([row], loss_of))
                    names = faults.to_blame(mine, [float(loss) for loss in losses], alone)
                fault = faults.BadStep(progress.step, end.loss, end.norm, names, progress.bad())
                faults.check_count(fault, settings.max_bad_steps)
                faults.tell(fault, folder / METRICS if main else None, say)
            if progress.at_end or progress.step % settings.log_every == 0:
                line = progress.line(rate)
                if line is not None and main:
                    write_line(folder, line)
                if line is not None:
                    accelerator.log({name: getattr(line, name) for name in _TRACKED}, step=line.step)
            owed = owed or end.due or progress.step % settings.checkpoint_every == 0
            # Behind a bad step the weights may be spoilt already: the checkpoint waits for a good one.
            if progress.at_end or end.asked or (owed and not bad):
                save()
                saved, owed = time.perf_counter(), False
            on_step(progress.heard(rate))
            if end.asked:
                break
    accelerator.wait_for_everyone()
    # Torch's wrapper lets go of the group of processes without letting go of the interpreter; were it the last to do so, it might wait
    # for ever for a thread of the group that wants the interpreter, too. So it goes first.
    del trained
    accelerator.end_training()
    model.set_attn_implementation(own_attention)
    make_plain(model)
    if end is not None and end.asked and not progress.at_end:
        raise Stopped(end.asked, progress.step)
    head = "positions of weight 0 skipped" if loss_of.skips else "all positions"
    products = torch.bfloat16 if precision == "bf16" else torch.float32
    head += ", softmax by Triton" if loss_of.direct and chosen_kernel(device.type, products) else ""
    told = progress.state["num_tokens"], progress.state["seconds"], progress.shown.loss
    last = checkpoint.newest(checkpoints, say)
    return Summary(progress.step, *told, precision, NORMALISER, head, last, progress.state["num_bad_steps"])


def _steps_from(stream: TrainingStream, place: Mapping[str, int], count: int) -> Iterator[tuple[tuple[Row, ...], int, int]]:
    """Yields (rows, window, number in the window) for the next `count` optimiser steps from a place in the stream."""
    window, in_window = place["window"], place["in_window"]
    while count > 0 and (made := stream.window(window)) is not None:
        for number in range(in_window, len(made.steps)):
            if count <= 0:
                return
            yield made.steps[number], window, number
            count -= 1
        window, in_window = window + 1, 0
