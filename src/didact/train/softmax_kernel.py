"""The softmax's loss and gradient as one Triton kernel: a program for each row, which reads it twice and writes it once.

The first pass keeps a running maximum and the sum below it (Milakov and Gimelshein 2018, arXiv 1805.02867); the second one writes the
gradient over the products. Triton comes with torch's builds for GPUs; `softmax` decides whether this is used.
"""

# Triton compiles the annotations of a kernel too, so that only what it knows may stand there.
# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-decorators=False

import torch
import triton
import triton.language as tl

from didact.train.softmax import Head

_COLUMNS = 4096
"""Of a row, read at once."""


@triton.jit
def _logits(products, scale: tl.constexpr, cap: tl.constexpr):
    """Returns cap · tanh(scale · x / cap) in float32; a cap of 0 is none."""
    x = products.to(tl.float32) * scale
    if cap > 0:
        x = cap * (2 * tl.sigmoid(2 * x / cap) - 1)  # tanh
    return x


@triton.jit
def _row(
    products,
    labels,
    weights,
    losses,
    stride,
    num_columns,
    scale: tl.constexpr,
    cap: tl.constexpr,
    smoothing: tl.constexpr,
    size: tl.constexpr,
):
    """Writes a row's loss, and its gradient over the row."""
    row = tl.program_id(0).to(tl.int64)
    place = products + row * stride
    label, weight = tl.load(labels + row), tl.load(weights + row)
    # Read before anything is written: what follows waits for all threads of the program.
    picked = _logits(tl.load(place + label), scale, cap)
    top, total, added = -float("inf"), 0.0, 0.0
    for start in range(0, num_columns, size):
        at = start + tl.arange(0, size)
        z = _logits(tl.load(place + at, mask=at < num_columns, other=0.0), scale, cap)
        added += tl.sum(tl.where(at < num_columns, z, 0.0))
        z = tl.where(at < num_columns, z, -float("inf"))
        higher = tl.maximum(top, tl.max(z))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(z - higher))
        top = higher
    even = smoothing * added / num_columns
    tl.store(losses + row, weight * (top + tl.log(total) - (1 - smoothing) * picked - even))
    for start in range(0, num_columns, size):
        at = start + tl.arange(0, size)
        z = _logits(tl.load(place + at, mask=at < num_columns, other=0.0), scale, cap)
        by_logit = tl.exp(z - top) / total - smoothing / num_columns - tl.where(at == label, 1 - smoothing, 0.0)
        if cap > 0:
            by_logit *= 1 - (z / cap) * (z / cap)
        tl.store(place + at, weight * by_logit * scale, mask=at < num_columns)


def to_gradient(products: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, head: Head) -> torch.Tensor:
    """Returns the loss of a chunk, in float32, and writes its gradient by the products over them.

    Args:
        products: (N, V), the columns of a row beside one another.
        labels: int64 (N,)
        weights: float32 (N,)
        head: Scale, cap and smoothing.
    """
    losses = torch.empty(len(products), dtype=torch.float32, device=products.device)
    given = products, labels, weights, losses, products.stride(0), products.shape[1]
    if len(products):
        _row[(len(products),)](*given, scale=head.scale, cap=head.cap or 0.0, smoothing=head.smoothing, size=_COLUMNS, num_warps=8)
    return losses.sum()
