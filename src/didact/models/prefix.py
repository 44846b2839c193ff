"""Prefix language models: a decoder that reads the beginning of a document in both directions, and writes the rest from left to right."""

from typing import Any

import torch


def prefix_mask(segments: torch.Tensor, prefix: torch.Tensor) -> torch.Tensor:
    """Returns which token (last but one axis) sees which (last axis), bool (B, 1, T, T).

    A token sees what stands before it in its document, itself, and every prefix token of its document. Padding sees itself
    alone, so that its attention is a number, and is seen by nobody.

    Args:
        segments: Integers (B, T): 0 for padding, then the documents of a row.
        prefix: bool (B, T): tokens that their whole document may see.

    Source: Raffel et al. 2020, arXiv 1910.10683, section 3.2.1, figure 4.

    >>> segments, prefix = torch.tensor([[1, 1, 1, 0]]), torch.tensor([[True, True, False, False]])
    >>> prefix_mask(segments, prefix).int()[0, 0].tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]]
    """
    places = torch.arange(segments.shape[1], device=segments.device)
    earlier, itself = places[:, None] >= places[None, :], places[:, None] == places[None, :]
    together = (segments[:, :, None] == segments[:, None, :]) & (segments != 0)[:, None, :]
    return (together & (earlier | prefix[:, None, :]) | itself)[:, None]


def as_the_model_takes_it(mask: torch.Tensor, model: Any) -> torch.Tensor:
    """Returns a boolean mask in the form that the model's attention expects: eager attention adds it to the scores.

    Args:
        mask: bool (B, 1, T, T).
        model: A transformers decoder.
    """
    if model.config._attn_implementation != "eager":
        return mask
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, torch.finfo(torch.float32).min)


def mark_prefix(model: Any, reads_prefix: bool) -> None:
    """Writes into a decoder's configuration whether it was trained to see its prompt whole, so that it is asked that way too."""
    if reads_prefix or sees_prefix(model.config):
        model.config.prefix_lm = reads_prefix


def sees_prefix(config: Any) -> bool:
    """Says whether a decoder was trained to see its prompt whole."""
    return bool(getattr(config, "prefix_lm", False))
