"""Documents of a packed batch in one call of flash attention, on a GPU."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import torch

try:  # torch has it from 2.10 on
    from torch.nn.attention.varlen import varlen_attn
except ImportError:
    varlen_attn = None  # type: ignore[assignment]  # an older torch


def has_varlen(device: str, dtype: torch.dtype) -> bool:
    """Says whether documents can go through one call there: a GPU, numbers of two bytes, and a torch that has it."""
    return device == "cuda" and varlen_attn is not None and dtype in (torch.bfloat16, torch.float16)


def attend_varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sizes: Sequence[int], scale: float | None, window: int | None
) -> torch.Tensor:
    """Returns causal attention within each piece, (T, heads, D).

    Args:
        query: (T, heads, D), the pieces one after the other.
        key: (T, key heads, D)
        value: (T, key heads, D)
        sizes: Tokens of each piece; padding is a piece too, and reads itself.
        scale: Factor of the scores; None: 1/√D.
        window: A token sees so many tokens, itself among them; None: all before it.

    Source: Dao et al. 2022, arXiv 2205.14135, and its form for sequences of several lengths.
    """
    assert varlen_attn is not None
    edges = _edges(tuple(sizes), query.device)
    longest = max(sizes)
    seen = (-1 if window is None else window - 1, 0)
    grouped = key.shape[1] != query.shape[1]
    mixed = varlen_attn(query, key, value, edges, edges, longest, longest, scale=scale, window_size=seen, enable_gqa=grouped)
    assert isinstance(mixed, torch.Tensor)
    return mixed


@lru_cache(maxsize=4)
def _edges(sizes: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Returns where the pieces begin, and where the last one ends; made once for all layers, since the device may wait for each copy."""
    return torch.tensor([0, *accumulate(sizes)], dtype=torch.int32, device=device)
