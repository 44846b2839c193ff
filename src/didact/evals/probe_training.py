"""The training of a head, alone or with its encoder: AdamW, linear warm-up and decay, rows of like length together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from didact.base.chance import generator
from didact.evals.probe_rows import Kind
from didact.models.precision import Precision, autocast

Scores = Callable[[Sequence[int]], Tensor]
"""Places of rows -> their scores, one behind the other: (B, C) for classes and numbers, (options of all these rows, 1) for options."""
_BATCHES_IN_POOL = 32
"""Rows are sorted by length within so many batches: little padding, and still another order every epoch."""


@dataclass(frozen=True, slots=True)
class Learning:
    """How a head or a whole encoder is trained."""

    epochs: int
    learning_rate: float
    batch_rows: int = 32
    warmup: float = 0.1
    """Share of the steps."""
    weight_decay: float = 0.01


@dataclass(frozen=True, slots=True)
class Answers:
    """What has to be learned."""

    kind: Kind
    gold: Sequence[float]
    num_options: Sequence[int]
    """How many scores each row gets where its options get one each; else 1 for all."""


def fit(
    module: nn.Module,
    scores: Scores,
    answers: Answers,
    lengths: Sequence[int],
    learning: Learning,
    *,
    precision: Precision,
    device: torch.device,
    seed: int,
    done: Callable[[Sequence[int]], None] = lambda _: None,
) -> None:
    """Trains a module in place.

    Args:
        module: Whose weights are trained, those that want gradients.
        scores: Gives the scores of some rows, with this module.
        answers: What they should be.
        lengths: Tokens of each row.
        learning: How.
        precision: In which matrices are multiplied.
        device: Where the module is.
        seed: Of the order and of dropout.
        done: Hears which rows were trained on.
    """
    weights = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": learning.weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=learning.learning_rate)
    epochs = [_batches(lengths, learning.batch_rows, seed, epoch) for epoch in range(learning.epochs)]
    num_steps, step = sum(map(len, epochs)), 0
    module.train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed % 2**63)
        for batch in (batch for epoch in epochs for batch in epoch):
            for group in optimiser.param_groups:
                group["lr"] = learning.learning_rate * pace(step, num_steps, learning.warmup)
            with autocast(precision, device):
                given = scores(batch)
            loss: Any = loss_of(given.float(), answers, batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            step += 1
            done(batch)
    module.eval()


def pace(step: int, num_steps: int, warmup: float) -> float:
    """Returns the share of the learning rate at a step: up from 0 over the warm-up, then down to 0.

    >>> [pace(step, 4, 0.25) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    num_warm = max(1, round(warmup * num_steps))
    up = (step + 1) / num_warm
    return min(up, (num_steps - step) / max(1, num_steps - num_warm + 1)) if step + 1 > num_warm else up


def loss_of(given: Tensor, answers: Answers, places: Sequence[int]) -> Tensor:
    """Returns the loss of some rows: cross-entropy over classes or over each row's options, squared error of numbers.

    >>> answers = Answers("options", [1, 0], [2, 3])
    >>> given = torch.tensor([[0.0], [9.0], [9.0], [0.0], [0.0]])
    >>> round(loss_of(given, answers, [0, 1]).item(), 3)
    0.0
    """
    gold = torch.tensor([answers.gold[place] for place in places], device=given.device)
    if answers.kind == "number":
        return mse_loss(given[:, 0], gold.float())
    return cross_entropy(by_row(given, answers, places) if answers.kind == "options" else given, gold.long())


def by_row(given: Tensor, answers: Answers, places: Sequence[int]) -> Tensor:
    """Returns the scores of options (rows, most options), minus infinity where a row has fewer."""
    ends = np.cumsum([answers.num_options[place] for place in places]).tolist()
    parts = [given[start:end, 0] for start, end in zip([0, *ends], ends, strict=False)]
    return nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=-torch.inf)


def predicted(
    scores: Scores,
    answers: Answers,
    lengths: Sequence[int],
    precision: Precision,
    device: torch.device,
    done: Callable[[Sequence[int]], None] = lambda _: None,
) -> list[float]:
    """Returns for each row the class or option with the highest score, or the number; `done` hears which rows were answered."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    found = [0.0] * len(lengths)
    with torch.inference_mode(), autocast(precision, device):
        for start in range(0, len(order), 64):
            places = order[start : start + 64]
            given = scores(places).float()
            if answers.kind == "options":
                given = by_row(given, answers, places)
            said = given[:, 0] if answers.kind == "number" else given.argmax(1)
            for place, value in zip(places, said.tolist(), strict=True):
                found[place] = value
            done(places)
    return found


def _batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Returns the batches of one epoch: every row once, in an order drawn from identity, like lengths together."""
    draw = generator(seed, "probe order", epoch)
    order = draw.permutation(len(lengths))
    batches = list[list[int]]()
    for start in range(0, len(order), size * _BATCHES_IN_POOL):
        pool = order[start : start + size * _BATCHES_IN_POOL]
        pool = pool[np.argsort([lengths[place] for place in pool], kind="stable")]
        batches += [pool[first : first + size].tolist() for first in range(0, len(pool), size)]
    return [batches[place] for place in draw.permutation(len(batches))]
