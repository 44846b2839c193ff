"""A few steps before a run, on its own batches: how fast they go and what they take. Nothing of them is kept."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from didact.base.recipe import Recipe
from didact.data.batches import Row, collate, micro_batches, num_targets, row_length
from didact.models.load import Loaded
from didact.models.precision import hold_in_bf16, pick_device, pick_precision
from didact.train.loss import WeightedLoss, to_device
from didact.train.optimiser import make_optimiser
from didact.train.ready import make_ready

Steps = Sequence[Sequence[Row]]
_LEAST, _ENOUGH_S = 3, 10.0
"""Steps that are timed at least, and seconds after which that is enough: what else a machine does comes and goes within seconds."""


@dataclass(frozen=True)
class Probed:
    """What a few steps told."""

    num_steps: int
    tokens_per_second: float
    """Of all steps but the first, which warms up."""


def chosen_steps(steps: Steps, count: int = 12) -> list[Sequence[Row]]:
    """Returns the step with the longest row, then those whose size is nearest to the median.

    >>> from didact.data.tokens import TokenisedExample
    >>> import numpy as np
    >>> row = lambda n: (TokenisedExample(np.arange(n), np.ones(n, np.uint8), None),)
    >>> [sum(map(row_length, step)) for step in chosen_steps([[row(9)], [row(4), row(4)], [row(5)], [row(1)]], 2)]
    [9, 8, 5]
    """
    if not steps:
        return []
    sizes = [sum(row_length(row) for row in step) for step in steps]
    longest = max(range(len(steps)), key=lambda number: max(row_length(row) for row in steps[number]))
    middle = sorted(sizes)[len(sizes) // 2]
    others = sorted((number for number in range(len(steps)) if number != longest), key=lambda number: abs(sizes[number] - middle))
    return [steps[number] for number in (longest, *(others[:count] or [longest]))]


def probe(loaded: Loaded, steps: Steps, recipe: Recipe, *, checkpointing: bool = False) -> Probed:
    """Trains a few steps and returns how they went. The model in `loaded` is changed in place: it is of no use afterwards.

    Args:
        loaded: As a run would have it.
        steps: Optimiser steps to choose from, from the run's stream.
        recipe: What the run would do.
        checkpointing: As the plan has it.

    Raises:
        ModelError: The model cannot be trained so.
    """
    settings, objective, max_length = recipe.train, recipe.objective, recipe.sequence.max_length
    if settings.precision == "bf16_weights":
        hold_in_bf16(loaded.model)
    device = pick_device()
    model = loaded.model.to(device).train()
    precision, packed = pick_precision(settings.precision, device), recipe.sequence.pack
    joined = make_ready(loaded, objective, settings, precision, packed=packed, max_length=max_length, checkpointing=checkpointing)
    loss_of = WeightedLoss(model, precision, objective.label_smoothing)
    optimiser = make_optimiser(model, settings)
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def run(step: Sequence[Row]) -> int:
        factor = 1 / max(num_targets(step, objective), 1)
        for micro in micro_batches(step, settings.micro_batch_tokens, joined=joined)[0]:
            batch = collate(micro, objective, loaded.tokeniser.tokenizer.pad_token_id, loaded.start_id)
            (loss_of(to_device(batch, device), factor if device.type == "cpu" else None) * factor).backward()
        torch.nn.utils.clip_grad_norm_(trained, settings.max_grad_norm or float("inf"))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return sum(row_length(row) for row in step)

    chosen = chosen_steps(steps)
    run(chosen[0])
    began = time.perf_counter()
    num_tokens, number = 0, 0
    for number, step in enumerate(chosen[1:], start=1):
        num_tokens += run(step)
        if number >= _LEAST and time.perf_counter() - began >= _ENOUGH_S:
            break
    return Probed(1 + number, num_tokens / max(time.perf_counter() - began, 1e-9))
