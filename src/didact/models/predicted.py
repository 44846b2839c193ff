"""What a model predicts at a few places of a batch: its own head, shown only the hidden states of those places."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch

from didact.models.answer_rows import Row
from didact.models.answer_trees import ROOT
from didact.models.architecture import logits_of

_BLOCK = 3 * 2**20
"""Logits that are summed up at once on a CPU (elements): they then stay in its cache."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely one answer is behind its prompt."""

    logprob: float
    """Natural logarithm of its probability: the sum over its tokens, in nats."""
    num_tokens: int
    greedy: bool
    """Every token of it is the likeliest: the model would write it, though perhaps go on."""


def logits_at(network: Any, where: tuple[torch.Tensor, torch.Tensor], **given: Any) -> torch.Tensor:
    """Returns the logits of some places of a batch, float32 (N, V).

    The places are picked in front of the head's matrix, so whatever a model does behind it (a bias, a scale, a soft cap) is done as ever.

    Args:
        network: A transformers model with a language modelling head.
        where: The row and the column of each place, int64 (N,).
        **given: What the model is called with.
    """
    picked = list[torch.Size]()

    def pick(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden = inputs[0][where][None]
        picked.append(hidden.shape)
        return (hidden, *inputs[1:])

    head = network.get_output_embeddings()
    handle = None if head is None else head.register_forward_pre_hook(pick)
    try:
        logits: torch.Tensor = logits_of(network(**given))
    finally:
        if handle is not None:
            handle.remove()
    return (logits[0] if picked else logits[where]).float()


def log_probabilities(logits: torch.Tensor, which: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the log-probability of some tokens in nats (M,), and whether each is the likeliest, bool (M,).

    Args:
        logits: (N, V)
        which: int64 (M,): the row of the logits that predicts each token.
        tokens: int64 (M,)

    >>> logits = torch.tensor([[0.0, 0.0], [3.0, 0.0]])  # log 1/2 = -0.693; log 1/(1 + e^-3) = -0.049
    >>> found, likeliest = log_probabilities(logits, torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1]))
    >>> [round(value, 3) for value in found.tolist()], likeliest.tolist()
    ([-0.693, -0.049, -3.049], [False, True, False])
    """
    size = max(_BLOCK // logits.shape[1], 1) if logits.device.type == "cpu" else max(len(logits), 1)
    totals = torch.cat([block.logsumexp(1) for block in torch.split(logits, size)])
    likeliest = torch.cat([block.argmax(1) for block in torch.split(logits, size)])
    return logits[which, tokens] - totals[which], likeliest[which] == tokens


def valued(rows: Sequence[Row], logits: torch.Tensor) -> list[list[Likelihood]]:
    """Returns the likelihoods of the answers of each row."""
    which, tokens = list[int](), list[int]()
    for row, first in zip(rows, accumulate((row.num_places for row in rows), initial=0), strict=False):
        for path in row.tree.answers:
            which += [first + place - ROOT for place, _ in path]
            tokens += [token for _, token in path]
    place = torch.tensor([which, tokens], dtype=torch.int64, device=logits.device)
    logprobs, likeliest = (values.cpu().numpy() for values in log_probabilities(logits, place[0], place[1]))
    values, at = list[list[Likelihood]](), 0
    for row in rows:
        values.append([])
        for path in row.tree.answers:
            end = at + len(path)
            values[-1].append(Likelihood(float(logprobs[at:end].sum(dtype=np.float64)), len(path), bool(likeliest[at:end].all())))
            at = end
    return values
