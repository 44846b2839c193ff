"""Documents kept apart in a packed row, at a cost that grows with the sum of the squared document lengths.

transformers' own packing builds a mask of the whole row's length squared; here a registered attention function goes through the
documents one by one and needs no mask.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface

from didact.base.errors import ModelError

NAME = "didact_documents"
Spans = tuple[tuple[int, int, int], ...]
"""(row, first token, last token + 1) of every document of a batch."""

_spans: ContextVar[Spans | None] = ContextVar("document spans", default=None)


@contextmanager
def documents(spans: Spans | None) -> Iterator[None]:
    """Says where the documents of the batch are, for the forward pass inside the block; None: rows are one document each."""
    token = _spans.set(spans)
    try:
        yield
    finally:
        _spans.reset(token)


def spans_of(segment_ids: np.ndarray) -> Spans:
    """Returns the documents of a batch.

    Args:
        segment_ids: int32 (B, T), 0 for padding.

    >>> spans_of(np.array([[1, 1, 2, 0]]))
    ((0, 0, 2), (0, 2, 3))
    """
    found = []
    for row, segments in enumerate(segment_ids):
        edges = [0, *(np.flatnonzero(np.diff(segments)) + 1).tolist(), len(segments)]
        found += [(row, start, end) for start, end in pairwise(edges) if segments[start] != 0]
    return tuple(found)


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
    """Returns causal attention within each document, (B, T, heads, D); padding gets zeros.

    Args:
        module: The attention layer; its `num_key_value_groups` says how many query heads share a key.
        query: (B, heads, T, D)
        key: (B, key heads, T, D)
        value: (B, key heads, T, D)
        attention_mask: Not used: documents are known.
        scaling: Factor of the scores; None: 1/√D.
        dropout: Share of the weights that is dropped.
        **options: `sliding_window` is kept to; `softcap` is refused.

    Raises:
        ModelError: The architecture needs something that this attention does not do.
    """
    if options.get("softcap"):
        raise ModelError("packing cannot keep documents apart in a model with soft-capped attention", remedy="sequence.pack=false")
    spans = _spans.get() or tuple((row, 0, query.shape[2]) for row in range(query.shape[0]))
    window = options.get("sliding_window")
    grouped = key.shape[1] != query.shape[1]
    output = torch.zeros(query.shape[0], query.shape[2], query.shape[1], value.shape[3], dtype=query.dtype, device=query.device)
    for row, start, end in spans:
        part = (slice(row, row + 1), slice(None), slice(start, end))
        mask = _band(end - start, window, query.device) if window and end - start > window else None
        mixed = F.scaled_dot_product_attention(
            query[part],
            key[part],
            value[part],
            attn_mask=mask,
            dropout_p=dropout,
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=grouped,
        )
        output[row, start:end] = mixed[0].transpose(0, 1)
    return output, None


def _band(length: int, window: int, device: torch.device) -> torch.Tensor:
    """Returns the boolean (length, length) mask of causal attention to the last `window` tokens."""
    places = torch.arange(length, device=device)
    distance = places[:, None] - places[None, :]
    return (distance >= 0) & (distance < window)


def _no_mask(*_: Any, **__: Any) -> None:
    """Keeps transformers from building a mask of the row's length squared."""


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, _no_mask)


def check_isolation(model: Any, vocabulary: int, tolerance: float = 1e-4) -> float:
    """Returns how far packed and separate logits are apart for the model at hand, the start-up self-test of packing.

    Args:
        model: A transformers causal language model whose attention is `didact_documents`.
        vocabulary: Token ids to draw from.
        tolerance: Largest difference that is rounding.

    Raises:
        ModelError: Documents of a packed row see one another.
    """
    ids = torch.arange(1, 13, device=model.device) * 7 % vocabulary
    lengths = [7, 5]
    positions = torch.cat([torch.arange(length, device=model.device) for length in lengths])
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            with documents(((0, 0, 7), (0, 7, 12))):
                packed = model(input_ids=ids[None], position_ids=positions[None], use_cache=False).logits[0]
            with documents(None):
                separate = torch.cat([model(input_ids=part[None], use_cache=False).logits[0] for part in torch.split(ids, lengths)])
    finally:
        model.train(was_training)
    difference = float((packed - separate).abs().max())
    if not difference <= tolerance:
        raise ModelError(
            f"documents in a packed row see one another in {type(model).__name__} (logits differ by {difference:.2g})",
            remedy="sequence.pack=false",
        )
    return difference
