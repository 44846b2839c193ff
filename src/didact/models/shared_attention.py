"""Attention of many rows to one beginning that they share, and of each row to itself: keys and values of the beginning are not repeated.

Two attentions in one: to the beginning, for all rows as if they were one long row, and to the row's own tokens. Each says how much
weight it had in all, and by that they are added up. On a CPU this takes half the time of attention to the whole with a mask.

Source: Juravsky et al. 2024, Hydragen, arXiv 2402.05099, section 3, for the sum of the two.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface, Cache

from didact.base.errors import ModelError

NAME = "didact_shared"
_FUSED = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
"""torch's own fused attention on a CPU, called where it also returns the logarithm of the sum of the weights."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a batch sees besides what stands before a token in its row."""

    prefix: Cache | None = None
    """Keys and values of the beginning that all its rows share, batch 1."""
    hidden: torch.Tensor | None = None
    """What is added to the scores, float32 (B, 1, T, T): -∞ where a token of a row does not see another; None: where that stands later."""
    stops: bool = False
    """The layer is left as soon as its keys and values are known."""
    known: tuple[torch.Tensor, torch.Tensor] | None = None
    """Keys and values of all tokens of the rows (B, key heads, T, D), where a layer is asked about a few of them; the other side of
    `hidden` then is those few."""


class _ReachedError(Exception):
    """A layer has come to its attention."""

    def __init__(self, key: torch.Tensor, value: torch.Tensor) -> None:
        super().__init__("a layer has come to its attention")
        self.known = (key, value)


_reading: ContextVar[Reading | None] = ContextVar("what a batch sees", default=None)


@contextmanager
def reading(prefix: Cache | None, sees: torch.Tensor | None) -> Iterator[None]:
    """Says what the batch of the forward pass inside the block sees.

    Args:
        prefix: Keys and values of the beginning that its rows share.
        sees: Which token of a row sees which, bool (B, 1, T, T), each at least itself; None: what stands before it, and itself.
    """
    hidden = None if sees is None else torch.zeros(sees.shape, device=sees.device).masked_fill_(~sees, -torch.inf)
    token = _reading.set(Reading(prefix, hidden))
    try:
        yield
    finally:
        _reading.reset(token)


def keys_and_values(layer: Callable[[], object]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns a layer's keys and values, (B, key heads, T, D) each; the layer is computed so far and no farther.

    Args:
        layer: Computes it.

    Raises:
        ModelError: It has no attention.
    """
    token = _reading.set(replace(_reading.get() or Reading(), stops=True))
    try:
        layer()
    except _ReachedError as reached:
        return reached.known
    finally:
        _reading.reset(token)
    raise ModelError("a layer has no attention that could be shared")


def see_from(columns: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
    """Says that the rest of the block of `reading` is about a few tokens of each row: they see what they saw among all.

    Args:
        columns: Which tokens, int64 (B, P).
        key: Of all tokens, (B, key heads, T, D).
        value: Of all tokens, (B, key heads, T, D).
    """
    seen, length = _reading.get() or Reading(), key.shape[2]
    if seen.hidden is None:
        later = torch.arange(length, device=key.device) > columns[:, None, :, None]
        hidden = torch.zeros(later.shape, device=key.device).masked_fill_(later, -torch.inf)
    else:
        hidden = seen.hidden.gather(2, columns[:, None, :, None].expand(-1, -1, -1, length))
    _reading.set(replace(seen, hidden=hidden, known=(key, value)))


@contextmanager
def shared_attention(network: Any) -> Iterator[None]:
    """Gives a model this attention for the block.

    Args:
        network: A transformers decoder.

    Raises:
        ModelError: It cannot be given one.
    """
    own = network.config._attn_implementation
    network.set_attn_implementation(NAME)
    try:
        if network.config._attn_implementation != NAME:
            raise ModelError(f"{type(network).__name__} has an attention that cannot be replaced")
        yield
    finally:
        network.set_attn_implementation(own)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Returns the attention of each row's tokens to the shared beginning and to the row, (B, T, heads, D).

    Args:
        module: The attention layer; its `layer_idx` finds the beginning's keys.
        query: (B, heads, T, D)
        key: (B, key heads, T, D)
        value: (B, key heads, T, D)
        attention_mask: Not used: what is seen is known.
        scaling: Factor of the scores; None: 1/√D.
        dropout: Not used: models are asked, not trained.
        **options: A `sliding_window` that hides anything, `softcap`, `s_aux` (attention sinks) and `position_bias` are refused.

    Raises:
        ModelError: The architecture needs something that this attention does not do.
    """
    seen = _reading.get() or Reading()
    first = None if seen.prefix is None else seen.prefix.layers[module.layer_idx]
    length = query.shape[2] + (0 if first is None else first.keys.shape[2])
    window = options.get("sliding_window")
    refused = [name for name in ("softcap", "s_aux", "position_bias") if options.get(name) is not None]
    if refused or key.shape[2] != query.shape[2] or (window is not None and window < length):
        raise ModelError(f"shared attention does not do {', '.join(refused) or 'sliding windows and caches'}")
    if seen.stops:
        raise _ReachedError(key, value)
    key, value = seen.known or (key, value)
    device = query.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else query.dtype
    q, k, v = (tensor.to(dtype) for tensor in (query, key, value))
    before = None if first is None else (first.keys.to(dtype), first.values.to(dtype))
    mix = _in_two if device == "cpu" and _FUSED is not None else _whole
    hidden = None if seen.hidden is None else seen.hidden.to(dtype)
    return mix(q, k, v, before, hidden, scaling).transpose(1, 2).contiguous(), None


_Before = tuple[torch.Tensor, torch.Tensor] | None


def _in_two(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, before: _Before, hidden: torch.Tensor | None, scale: float | None
) -> torch.Tensor:
    """Returns (B, heads, T, D) from two attentions: to what all rows share, then to the row."""
    assert _FUSED is not None
    rows, heads, length, width = query.shape
    groups, shared = key.shape[1], query.shape[1] // key.shape[1]
    k, v = (tensor.repeat_interleave(shared, 1) if shared > 1 else tensor for tensor in (key, value))
    own: torch.Tensor
    own, own_weight = _FUSED(query, k, v, 0.0, hidden is None, attn_mask=hidden, scale=scale)
    if before is None:
        return own
    # All queries of a key head, of all rows, as one sequence: large products and each key read once.
    long = query.view(rows, groups, shared, length, width).permute(1, 2, 0, 3, 4).reshape(1, groups, shared * rows * length, width)
    first, weight = _FUSED(long, *before, 0.0, False, scale=scale)
    first = first.view(groups, shared, rows, length, width).permute(2, 0, 1, 3, 4).reshape(query.shape)
    weight = weight.view(groups, shared, rows, length).permute(2, 0, 1, 3).reshape(rows, heads, length)
    # e^a / (e^a + e^b): the share of all weights that fell on the beginning.
    return torch.lerp(own, first, torch.sigmoid(weight - own_weight).to(own.dtype)[..., None])


def _whole(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, before: _Before, hidden: torch.Tensor | None, scale: float | None
) -> torch.Tensor:
    """Returns (B, heads, T, D) from one attention to the whole, the beginning repeated: for other devices."""
    rows, heads, length, _ = query.shape
    mask = hidden
    if before is not None:
        key, value = (torch.cat([one.expand(rows, -1, -1, -1), other], 2) for one, other in zip(before, (key, value), strict=True))
        if mask is None:
            mask = torch.full((length, length), -torch.inf, dtype=query.dtype, device=query.device).triu(1)[None, None]
        mask = F.pad(mask, (before[0].shape[2], 0))
    shared = heads // key.shape[1]
    k, v = (tensor.repeat_interleave(shared, 1) if shared > 1 else tensor for tensor in (key, value))
    return F.scaled_dot_product_attention(query, k, v, attn_mask=mask, is_causal=mask is None, scale=scale)


def _no_mask(*_: Any, **__: Any) -> None:
    """Keeps transformers from building a mask."""


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, _no_mask)
