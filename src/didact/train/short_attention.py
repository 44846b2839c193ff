"""Causal attention for many short documents on a CPU: documents of like length are computed together, weights written out.

torch's fused attention goes through a batch call by call and reads keys in blocks; for documents of some hundred tokens its backward
pass costs three times what the matrix products do. Here documents are sorted into groups of like length, each a few large products.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

LONGEST = 512
"""Tokens of a document up to which this is used: its weights are kept for the backward pass, and grow with the square."""
_WASTE = 1.2
"""The longest document of a group is at most so many times as long as its shortest."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Where the documents of a flattened batch are, and in which groups they are computed."""

    sizes: tuple[tuple[int, int], ...]
    """(documents, tokens of the longest) of each group."""
    places: torch.Tensor
    """int64 (P,): the token of each place in the groups; places behind a document's end repeat its last token."""
    behind: torch.Tensor
    """int64: the places behind a document's end."""
    back: torch.Tensor
    """int64 (T,): the place of each token; of padding, the place P, which holds zeros."""

    @property
    def num_places(self) -> int:
        """Places of all groups."""
        return len(self.places)


@lru_cache(maxsize=4)
def grouped(spans: tuple[tuple[int, int, int], ...], num_rows: int, length: int) -> Groups:
    """Returns the documents of a batch (num_rows, length) in groups, the longest first.

    Args:
        spans: (row, first token, last token + 1) of each document.
        num_rows: Rows of the batch.
        length: Tokens of a row.

    >>> groups = grouped(((0, 0, 2), (0, 2, 3)), 1, 4)
    >>> groups.sizes, groups.places.tolist(), groups.back.tolist()  # the last token is padding
    (((1, 2), (1, 1)), [0, 1, 2], [0, 1, 2, 3])
    """
    found = sorted(((end - start, row * length + start) for row, start, end in spans), key=lambda one: (-one[0], one[1]))
    sizes, places, behind, at = list[tuple[int, int]](), list[np.ndarray](), list[np.ndarray](), 0
    back = np.full(num_rows * length, -1, np.int64)
    while found:
        longest = found[0][0]
        count = next((n for n, (tokens, _) in enumerate(found) if longest > _WASTE * tokens), len(found))
        for tokens, first in found[:count]:
            places.append(first + np.minimum(np.arange(longest), tokens - 1))
            behind.append(np.arange(at + tokens, at + longest))
            back[first : first + tokens] = np.arange(at, at + tokens)
            at += longest
        sizes.append((count, longest))
        del found[:count]
    back[back < 0] = at
    return Groups(tuple(sizes), *(torch.from_numpy(array) for array in (np.concatenate(places), np.concatenate(behind), back)))


def _into_groups(x: torch.Tensor, groups: Groups, shared: int, *, gradient: bool = False) -> list[torch.Tensor]:
    """Returns (T, heads, D) as one (documents · key heads, shared · tokens, D) for each group."""
    heads, width = x.shape[1:]
    taken = x.index_select(0, groups.places)
    if gradient and len(groups.behind):
        taken.index_fill_(0, groups.behind, 0)
    parts = torch.split(taken, [count * tokens for count, tokens in groups.sizes])
    shaped = []
    for (count, tokens), part in zip(groups.sizes, parts, strict=True):
        by_head = part.view(count, tokens, heads, width).transpose(1, 2)
        shaped.append(by_head.reshape(count * (heads // shared), shared * tokens, width))
    return shaped


def _out_of_groups(parts: list[torch.Tensor], groups: Groups, heads: int) -> torch.Tensor:
    """Returns the tokens (T, heads, D) of the groups; padding gets zeros."""
    width = parts[0].shape[-1]
    whole = parts[0].new_empty((groups.num_places + 1, heads, width))
    whole[-1] = 0
    at = 0
    for (count, tokens), part in zip(groups.sizes, parts, strict=True):
        by_head = part.view(count, heads, tokens, width).transpose(1, 2)
        whole[at : at + count * tokens].view(count, tokens, heads, width).copy_(by_head)
        at += count * tokens
    return whole.index_select(0, groups.back)


class _ShortAttention(torch.autograd.Function):
    """softmax(scale · q kᵀ, causal) v for each document; the weights are kept."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, groups: Groups, scale: float, window: int | None
    ) -> torch.Tensor:
        heads, shared = query.shape[1], query.shape[1] // key.shape[1]
        q, k, v = _into_groups(query, groups, shared), _into_groups(key, groups, 1), _into_groups(value, groups, 1)
        weights, mixed = [], []
        for (_, tokens), a, b, c in zip(groups.sizes, q, k, v, strict=True):
            scores = torch.bmm(a, b.transpose(1, 2)).mul_(scale)
            scores.view(-1, shared, tokens, tokens).add_(_unseen(tokens, window, scores.dtype))
            weights.append(torch.softmax(scores, -1))
            mixed.append(torch.bmm(weights[-1], c))
        ctx.save_for_backward(*q, *k, *v, *weights)
        ctx.about = groups, scale, heads, shared
        return _out_of_groups(mixed, groups, heads)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        groups, scale, heads, shared = ctx.about
        number = len(groups.sizes)
        kept = ctx.saved_tensors  # asked for once: where layers are computed again, a second time would be refused
        q, k, v, weights = (kept[part * number : (part + 1) * number] for part in range(4))
        out = _into_groups(gradient, groups, shared, gradient=True)
        by_q, by_k, by_v = [], [], []
        for a, b, c, p, o in zip(q, k, v, weights, out, strict=True):
            by_v.append(torch.bmm(p.transpose(1, 2), o))
            by_p = torch.bmm(o, c.transpose(1, 2))
            by_s = torch.ops.aten._softmax_backward_data(by_p, p, -1, p.dtype).mul_(scale)
            by_q.append(torch.bmm(by_s, b))
            by_k.append(torch.bmm(by_s.transpose(1, 2), a))
        rows = (_out_of_groups(part, groups, count) for part, count in ((by_q, heads), (by_k, heads // shared), (by_v, heads // shared)))
        return (*rows, None, None, None)


@lru_cache(maxsize=64)
def _unseen(tokens: int, window: int | None, dtype: torch.dtype) -> torch.Tensor:
    """Returns what is added to scores (tokens, tokens): a very small number where the key is later, or before the window."""
    places = torch.arange(tokens)
    distance = places[:, None] - places[None, :]
    hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
    return torch.zeros(tokens, tokens, dtype=dtype).masked_fill_(hidden, torch.finfo(dtype).min)


def attend_short(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    spans: tuple[tuple[int, int, int], ...],
    *,
    scale: float,
    window: int | None = None,
) -> torch.Tensor:
    """Returns causal attention within each document, (B, T, heads, D); padding gets zeros.

    Args:
        query: (B, heads, T, D), in the precision to multiply in.
        key: (B, key heads, T, D)
        value: (B, key heads, T, D)
        spans: (row, first token, last token + 1) of each document, none longer than `LONGEST`.
        scale: Factor of the scores.
        window: A token sees so many tokens, itself among them; None: all before it.
    """
    num_rows, heads, length, _ = query.shape
    groups = grouped(spans, num_rows, length)
    flat = (tensor.transpose(1, 2).flatten(0, 1) for tensor in (query, key, value))
    mixed: torch.Tensor = _ShortAttention.apply(*flat, groups, scale, window)  # type: ignore[no-untyped-call]  # torch's
    return mixed.view(num_rows, length, heads, -1)
