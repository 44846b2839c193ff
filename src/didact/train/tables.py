"""Gradients of the tables of tokens, the embeddings and the head's matrix, added where they lie.

A table is by far the largest weight of a small model. Left to autograd, a tied one takes two more of its size on each way back: the head's
gradient waits in float32 for that of the tokens that were looked up, which is as large though nearly all of it is 0, and both are
added up before they are added to what is there. Here the head multiplies and adds a few rows at a time, while they are in the cache, and
the look-up only the rows that it gave out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

_BLOCK = 2**20
"""Numbers that are added at once: 4 MiB in float32, which stay in the cache."""


def add_to_gradient(weight: torch.Tensor, left: torch.Tensor, right: torch.Tensor, factor: float) -> None:
    """Adds factor · leftᵀ right to the gradient of a leaf, in float32, whatever the two are in; their product is never whole.

    Args:
        weight: (V, D) a leaf; one without a gradient gets its first.
        left: (N, V)
        right: (N, D) in the precision of `left`.
        factor: What the product is multiplied by.

    >>> weight = torch.zeros(1, 2, requires_grad=True)
    >>> for _ in range(2):
    ...     add_to_gradient(weight, torch.tensor([[2.0]]), torch.tensor([[1.0, 3.0]]), 0.25)
    >>> weight.grad
    tensor([[1., 3.]])
    """
    is_first, size = weight.grad is None, max(_BLOCK // right.shape[1], 1)
    with torch.no_grad():
        if weight.grad is None:
            weight.grad = torch.empty_like(weight)
        product = right.new_empty((min(size, len(weight)), right.shape[1]))
        wide = torch.empty_like(product, dtype=weight.dtype)
        for there, part in zip(torch.split(weight.grad, size), torch.split(left, size, dim=1), strict=True):
            made = wide[: len(there)].copy_(torch.mm(part.T, right, out=product[: len(there)]))
            torch.mul(made, factor, out=there) if is_first else there.add_(made, alpha=factor)


@contextmanager
def added_in_place(model: Any, wanted: bool = True) -> Iterator[None]:
    """Looks tokens up so that, on the way back, their rows are added to the table's gradient; those of whole tables are never made.

    Not for several processes: theirs have to hear of each gradient to add it up with the others'.

    Args:
        model: A transformers model.
        wanted: False: nothing is done.

    >>> model = torch.nn.Sequential(torch.nn.Embedding(3, 2))
    >>> with added_in_place(model):
    ...     model(torch.tensor([1, 1])).sum().backward()
    >>> model[0].weight.grad.tolist()
    [[0.0, 0.0], [2.0, 2.0], [0.0, 0.0]]
    """
    parts = [part for part in model.modules() if wanted and _is_plain(part)]
    for part in parts:
        part.forward = partial(_look_up, part)
    try:
        yield
    finally:
        for part in parts:
            del part.forward


def _is_plain(part: Any) -> bool:
    plain = type(part) is torch.nn.Embedding and "forward" not in part.__dict__
    return plain and part.max_norm is None and not part.scale_grad_by_freq and not part.sparse and can_add(part.weight)


def can_add(weight: torch.Tensor) -> bool:
    """Says whether gradients may be added to a weight's own: a leaf that is trained, and in float32, for rounded sums would drift."""
    return weight.is_leaf and weight.requires_grad and weight.dtype == torch.float32


def _look_up(part: torch.nn.Embedding, ids: torch.Tensor) -> torch.Tensor:
    if not torch.is_grad_enabled():
        return F.embedding(ids, part.weight)
    found: torch.Tensor = _LookUp.apply(part.weight, ids, part.padding_idx)  # type: ignore[no-untyped-call]  # torch's
    return found


class _LookUp(torch.autograd.Function):
    """Rows of a table; the table's own gradient is changed on the way back."""

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, ids: torch.Tensor, padding: int | None) -> torch.Tensor:
        ctx.weight, ctx.padding = weight, padding
        ctx.save_for_backward(ids)
        return F.embedding(ids, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[None, None, None]:
        ids, rows = ctx.saved_tensors[0].flatten(), given.flatten(0, -2)
        if ctx.padding is not None:
            rows = rows.masked_fill((ids == ctx.padding)[:, None], 0.0)
        if ctx.weight.grad is None:
            ctx.weight.grad = torch.zeros_like(ctx.weight)
        ctx.weight.grad.index_add_(0, ids, rows.to(ctx.weight.dtype))
        return None, None, None
