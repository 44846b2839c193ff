"""From a head's products to the loss and to the loss's gradient, which is written over them.

Written out, that is ten operations on float32 copies of a block. On a GPU where Triton is installed, one kernel reads the products
twice and writes them once; it is taken where it gives the same numbers there, sooner.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import torch

from didact.models.needs import BLOCK_BYTES

_ROWS, _COLUMNS = 64, 50_257
"""What a kernel is asked on: columns that no power of two divides."""
Kernel = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, "Head"], torch.Tensor]
"""From products (N, V), labels (N,), weights (N,) and a head to the loss, a scalar; the gradient is written over the products."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a model does between its last hidden state and its logits, beside the matrix: logits = cap·tanh(scale·z / cap)."""

    scale: float = 1.0
    """Factor of the logits (Cohere, Granite)."""
    cap: float | None = None
    """Soft cap of the logits (Gemma 2); None: none."""
    smoothing: float = 0.0
    """Share of the target's probability that is spread evenly over the vocabulary (label smoothing)."""

    def logits(self, products: torch.Tensor) -> torch.Tensor:
        """Returns the logits from the matrix product."""
        scaled = products * self.scale
        return scaled if self.cap is None else self.cap * torch.tanh(scaled / self.cap)


def head_of(config: Any, smoothing: float = 0.0) -> Head:
    """Returns what a model's configuration says of its logits. A caller tries it on the model before trusting it.

    >>> from transformers import Gemma2Config, GraniteConfig
    >>> head_of(Gemma2Config(final_logit_softcapping=30.0)).cap, head_of(GraniteConfig(logits_scaling=4.0)).scale
    (30.0, 0.25)
    """
    text = config.get_text_config()
    scale = float(getattr(text, "logit_scale", None) or 1.0) / float(getattr(text, "logits_scaling", None) or 1.0)
    return Head(scale, getattr(text, "final_logit_softcapping", None), smoothing)


def weighted_nll(
    products: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, head: Head | None = None, *, in_place: bool = False
) -> torch.Tensor:
    """Returns Σ w·(−log p(label)) in float32.

    Args:
        products: (N, V) logits before scale and cap.
        labels: int64 (N,)
        weights: float32 (N,)
        head: Scale, cap and smoothing; None: none of them.
        in_place: Write the loss's gradient over `products`; nothing is then kept for autograd.

    >>> even = torch.zeros(2, 4)  # p = 1/4 for every token: −log p = 1.3863
    >>> round(float(weighted_nll(even, torch.tensor([0, 3]), torch.tensor([1.0, 0.5]))), 4)
    2.0794
    """
    head = head or Head()
    if not in_place:
        logits = head.logits(products.float())
        even = head.smoothing * logits.mean(1) if head.smoothing else 0.0
        picked = logits.gather(1, labels[:, None])[:, 0]
        return ((logits.logsumexp(1) - (1 - head.smoothing) * picked - even) * weights).sum()
    kernel = chosen_kernel(products.device.type, products.dtype)
    return (in_blocks if kernel is None else kernel)(products, labels, weights, head)


def in_blocks(products: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, head: Head) -> torch.Tensor:
    """Returns the loss of a chunk (N, V) and writes its gradient by the products over them, a block at a time."""
    device = products.device.type
    size = max(BLOCK_BYTES.get(device, BLOCK_BYTES["cuda"]) // (4 * products.shape[1]), 1)
    parts = (slice(start, start + size) for start in range(0, len(products), size))
    # One block for all of them: a new one each time is mapped anew each time, which takes longer than what is done in it.
    room = products.new_empty((min(size, len(products)), products.shape[1]), dtype=torch.float32)
    return torch.stack([_to_gradient(products[part], labels[part], weights[part], head, room) for part in parts]).sum()


def _to_gradient(products: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, head: Head, room: torch.Tensor) -> torch.Tensor:
    """Returns the loss of a block (n, V) and writes its gradient by the products over them."""
    places, share = labels[:, None], head.smoothing
    x = room[: len(products)].copy_(products)
    if head.scale != 1.0:
        x.mul_(head.scale)
    if head.cap is not None:
        x.div_(head.cap).tanh_()
        slope = 1 - x * x  # of the cap
        x.mul_(head.cap)
    x.sub_(x.amax(1, keepdim=True))
    picked = x.gather(1, places)[:, 0]
    even = share * x.mean(1) if share else 0.0
    total = x.exp_().sum(1)
    nll = total.log() - (1 - share) * picked - even
    x.mul_((weights / total)[:, None])
    x.scatter_add_(1, places, (-(1 - share) * weights)[:, None])
    if share:
        x.sub_((share / x.shape[1] * weights)[:, None])
    if head.cap is not None:
        x.mul_(slope)
    products.copy_(x.mul_(head.scale) if head.scale != 1.0 else x)
    return (nll * weights).sum()


@cache
def chosen_kernel(device: str, dtype: torch.dtype) -> Kernel | None:
    """Returns Triton's kernel where it is the better one on this kind of device, for such products; None: the form that is written out."""
    if device != "cuda":
        return None
    try:
        kernel: Kernel = import_module("didact.train.softmax_kernel").to_gradient
    except ImportError:  # Triton comes with torch's builds for GPUs, but not with all of them
        return None
    return kernel if is_better(kernel, torch.device(device), dtype) else None


def is_better(kernel: Kernel, device: torch.device, dtype: torch.dtype) -> bool:
    """Says whether a kernel gives what is written out here, on numbers that are drawn, and takes no longer for them.

    Args:
        kernel: As `in_blocks`.
        device: Where to ask it.
        dtype: Of the products.
    """
    draw = torch.Generator().manual_seed(0)
    products = torch.randn((_ROWS, _COLUMNS), generator=draw).mul_(3).to(device, dtype)
    labels, weights = torch.randint(0, _COLUMNS, (_ROWS,), generator=draw).to(device), torch.rand(_ROWS, generator=draw).to(device)
    try:
        for head in (Head(), Head(scale=0.5, cap=4.0, smoothing=0.1)):
            ours, theirs = products.clone(), products.clone()
            one, other = kernel(ours, labels, weights, head), in_blocks(theirs, labels, weights, head)
            # Numbers in bf16 are rounded to 1 in 256: one more step of that is no other gradient.
            if not (torch.allclose(one, other, rtol=1e-4) and torch.allclose(ours.float(), theirs.float(), rtol=2**-7, atol=1e-7)):
                return False
    except Exception:  # noqa: BLE001 (no compiler, another version of Triton: whatever keeps it from working, the written-out form works)
        return False
    return _seconds(kernel, products, labels, weights) <= _seconds(in_blocks, products, labels, weights)


def _seconds(form: Kernel, products: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> float:
    """Returns the least time of three."""
    found = []
    for _ in range(3):
        given = products.clone()
        given[0, 0].item()  # waits for the device
        began = time.perf_counter()
        form(given, labels, weights, Head()).item()
        found.append(time.perf_counter() - began)
    return min(found)
