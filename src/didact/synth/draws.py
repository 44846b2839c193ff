"""Draws: a local model's tokens, each row drawn from its own chance, so that no row depends on those beside it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from didact.synth.ask import Sampling


class Draws:
    """Decides the next tokens of a batch: penalties, temperature, top-p, stop texts; tells the likeliest tokens where they are asked for.

    Args:
        rows: How each row's reply is drawn.
        chances: Each row's own chance: the same row draws the same tokens in any batch.
        text_of: From token ids to their text.
    """

    def __init__(self, rows: Sequence[Sampling], chances: Sequence[np.random.Generator], text_of: Callable[[list[int]], str]) -> None:
        self._rows, self._chances, self._text_of = rows, chances, text_of
        self._begin = -1
        self.told: list[list[dict[str, float]]] = [[] for _ in rows]
        """For each row and token: the likeliest tokens and their log-probabilities, before anything is changed."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Returns logits (B, V) whose largest is the token drawn."""
        if self._begin < 0:
            self._begin = input_ids.shape[1]
        logits = scores.float().clone()
        for number, sampling in enumerate(self._rows):
            row = logits[number]
            if sampling.top_logprobs:
                self.told[number].append(self._likeliest(row, sampling.top_logprobs))
            if sampling.presence_penalty or sampling.frequency_penalty:
                counts = torch.bincount(input_ids[number, self._begin :], minlength=len(row))[: len(row)]
                row -= sampling.frequency_penalty * counts + sampling.presence_penalty * (counts > 0)
            if sampling.temperature > 0:
                token = draw(row / sampling.temperature, sampling.top_p, self._chances[number].random())
                row.fill_(-torch.inf)
                row[token] = 0.0
        return logits

    def ended(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        """Says which rows end in one of their stop texts, bool (B,)."""
        ends = [self._has_stop(input_ids[number], sampling.stop) for number, sampling in enumerate(self._rows)]
        return torch.tensor(ends, device=input_ids.device)

    def _has_stop(self, ids: torch.Tensor, stops: Sequence[str]) -> bool:
        if not stops:
            return False
        # A token holds at least one byte of text, so the tokens of a stop text that has just come are the last few.
        num_looked = max(len(stop.encode("utf-8", "surrogatepass")) for stop in stops) + 2
        tail = self._text_of(ids[max(self._begin, len(ids) - num_looked) :].tolist())
        return any(stop in tail for stop in stops)

    def _likeliest(self, row: torch.Tensor, number: int) -> dict[str, float]:
        values, tokens = torch.log_softmax(row, -1).topk(min(number, len(row)))
        told = dict[str, float]()
        for token, value in zip(tokens.tolist(), values.tolist(), strict=True):
            told.setdefault(self._text_of([token]), max(value, -9999.0))  # of two tokens with one text, the likelier
        return told


def draw(logits: torch.Tensor, top_p: float, chance: float) -> int:
    """Returns a token of the likeliest ones that hold `top_p` of the probability, by a number between 0 and 1.

    >>> logits = torch.tensor([0.2, 0.5, 0.3]).log()
    >>> draw(logits, 1.0, 0.49), draw(logits, 1.0, 0.51), draw(logits, 1.0, 0.81), draw(logits, 0.5, 0.99)
    (1, 2, 0, 1)
    """
    shares, tokens = torch.softmax(logits.double(), -1).sort(descending=True, stable=True)
    sums = shares.cumsum(-1)
    num_kept = int((sums - shares < top_p).sum().clamp(min=1))
    place = int(torch.searchsorted(sums[:num_kept], chance * sums[num_kept - 1], right=True))
    return int(tokens[min(place, num_kept - 1)])
