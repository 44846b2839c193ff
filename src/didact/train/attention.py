"""Documents kept apart in a packed row, at a cost that grows with the sum of the squared document lengths.

transformers' own packing builds a mask of the whole row's length squared; here a registered attention function goes through the
documents one by one and needs no mask. Before it is used, the model at hand is asked whether it says the same as without packing.
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
from didact.models.architecture import architecture_of, logits_of
from didact.models.prefix import as_the_model_takes_it, prefix_mask
from didact.train.short_attention import LONGEST, attend_short
from didact.train.varlen import attend_varlen, has_varlen

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
        **options: `sliding_window` is kept to; `softcap` and `s_aux` (attention sinks) are refused.

    Raises:
        ModelError: The architecture needs something that this attention does not do.
    """
    for name, words in (("softcap", "soft-capped attention"), ("s_aux", "attention sinks")):
        if options.get(name) is not None:
            raise ModelError(f"packing cannot keep documents apart in a model with {words}", remedy="sequence.pack=false")
    num_rows, _, length, width = query.shape
    if key.shape[2] != length:
        raise ModelError("attention over packed rows cannot generate", remedy="load the checkpoint that was trained, and ask that")
    spans = _spans.get() or tuple((row, 0, length) for row in range(num_rows))
    window, device = options.get("sliding_window"), query.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else query.dtype
    if has_varlen(device, dtype) and not dropout:
        sizes, _ = _pieces(spans, num_rows, length)
        q, k, v = (tensor.to(dtype).transpose(1, 2).flatten(0, 1) for tensor in (query, key, value))
        return attend_varlen(q, k, v, sizes, scaling, window).view(num_rows, length, -1, width), None
    short = tuple(span for span in spans if span[2] - span[1] <= LONGEST)
    if device != "cpu" or dropout or not short:
        return _one_by_one(query, key, value, spans, scaling, dropout, window), None
    q, k, v = (tensor.to(dtype) for tensor in (query, key, value))
    mixed = attend_short(q, k, v, short, scale=width**-0.5 if scaling is None else scaling, window=window)
    if long := tuple(span for span in spans if span[2] - span[1] > LONGEST):
        mixed = mixed + _one_by_one(q, k, v, long, scaling, dropout, window)  # each gives zeros where the other one works
    return mixed, None


def _one_by_one(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    spans: Spans,
    scaling: float | None,
    dropout: float,
    window: int | None,
) -> torch.Tensor:
    """Returns the same from torch's own attention, called for one document after the other."""
    num_rows, heads, length, _ = query.shape
    sizes, are_padding = _pieces(spans, num_rows, length)
    # Split and joined once: a slice for every document would cost a copy of the whole batch for every document on the way back.
    flat = [torch.split(tensor.transpose(1, 2).flatten(0, 1), sizes) for tensor in (query, key, value)]
    mixed = []
    for is_padding, *parts in zip(are_padding, *flat, strict=True):
        q, k, v = (part.transpose(0, 1)[None] for part in parts)
        if is_padding:
            mixed.append(value.new_zeros(q.shape[2], heads, value.shape[3]))
            continue
        mask = _band(q.shape[2], window, query.device) if window and q.shape[2] > window else None
        grouped = k.shape[1] != heads
        options = {"dropout_p": dropout, "is_causal": mask is None, "scale": scaling, "enable_gqa": grouped}
        mixed.append(F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)[0].transpose(0, 1))
    return torch.cat(mixed).view(num_rows, length, heads, value.shape[3])


def _pieces(spans: Spans, num_rows: int, length: int) -> tuple[list[int], list[bool]]:
    """Returns the flattened batch as the sizes of its pieces, and which of them are padding.

    >>> _pieces(((0, 0, 2), (1, 0, 3)), 2, 3)
    ([2, 1, 3], [False, True, False])
    """
    sizes, are_padding, done = list[int](), list[bool](), 0
    for start, end in [*((row * length + first, row * length + last) for row, first, last in spans), (num_rows * length,) * 2]:
        if start > done:
            sizes.append(start - done)
            are_padding.append(True)
        if end > start:
            sizes.append(end - start)
            are_padding.append(False)
        done = end
    return sizes, are_padding


def _band(length: int, window: int, device: torch.device) -> torch.Tensor:
    """Returns the boolean (length, length) mask of causal attention to the last `window` tokens."""
    places = torch.arange(length, device=device)
    distance = places[:, None] - places[None, :]
    return (distance >= 0) & (distance < window)


def _no_mask(*_: Any, **__: Any) -> None:
    """Keeps transformers from building a mask of the row's length squared."""


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, _no_mask)


def keep_apart(model: Any, vocabulary: int, tolerance: float = 1e-4) -> float:
    """Gives a model this attention, and returns how far its packed logits are from separate ones with its own attention.

    Args:
        model: A transformers causal language model.
        vocabulary: Token ids to draw from.
        tolerance: Largest difference that is rounding, relative to the largest logit (or to 1).

    Raises:
        ModelError: Documents of a packed row see one another, or this attention is not the model's.
    """
    ids = _probe(model, vocabulary)
    lengths = [7, 5]
    positions = torch.cat([torch.arange(length, device=model.device) for length in lengths])
    model.set_attn_implementation("eager")
    separate = torch.cat([_logits(model, part) for part in torch.split(ids, lengths)])
    model.set_attn_implementation(NAME)
    with documents(((0, 0, 7), (0, 7, 12))):
        packed = _logits(model, ids, position_ids=positions[None])
    difference = float((packed - separate).abs().max())
    if not difference <= tolerance * max(1.0, float(separate.abs().max())):
        raise ModelError(
            f"documents in a packed row see one another in {type(model).__name__} (logits differ by {difference:.2g})",
            remedy="sequence.pack=false",
        )
    return difference


def can_keep_apart(model: Any, vocabulary: int) -> bool:
    """Gives a model this attention where that changes nothing of what it says; else leaves it as it is, and says no."""
    own = model.config._attn_implementation
    try:
        keep_apart(model, vocabulary)
    except (ModelError, RuntimeError, ValueError, TypeError, AttributeError):  # whatever an unusual model does with it
        model.set_attn_implementation(own)
        return False
    return True


def check_causal(model: Any, vocabulary: int, tolerance: float = 1e-4) -> None:
    """Changes the last token of a probe and looks whether an earlier prediction noticed.

    Args:
        model: What is to be trained on predicting the next token: a decoder, or an encoder-decoder, whose decoder is probed.
        vocabulary: Token ids to draw from.
        tolerance: As in `keep_apart`.

    Raises:
        ModelError: It did: the model sees the token that it is to predict. Or its logits are not numbers.
    """
    ids = _probe(model, vocabulary)
    other = ids.clone()
    other[-1] = (ids[-1] + 1) % vocabulary
    before, after = _logits(model, ids)[:-1], _logits(model, other)[:-1]
    _check_numbers(model, before, after)
    if _differ(before, after, tolerance):
        raise ModelError(
            f"{type(model).__name__} sees the token that it is to predict",
            expected="a decoder: a model that reads from left to right",
            remedy="set model.base to a causal language model",
        )


def check_finite(model: Any, vocabulary: int) -> None:
    """Looks whether a model's logits on a probe are numbers.

    Raises:
        ModelError: They are not.
    """
    _check_numbers(model, _logits(model, _probe(model, vocabulary)))


def check_prefix(model: Any, vocabulary: int, tolerance: float = 1e-4) -> None:
    """Looks on a probe of two packed documents whether the model keeps to the mask of a prefix language model.

    Args:
        model: A decoder that is to be trained on `objective.kind: prefix`.
        vocabulary: Token ids to draw from.
        tolerance: As in `keep_apart`.

    Raises:
        ModelError: A prediction sees its own token or another document, or the beginning of a prefix does not see its end.
    """
    ids = _probe(model, vocabulary)
    segments = torch.tensor([[1] * 7 + [2] * 5], device=model.device)
    prefix = torch.tensor([[True] * 4 + [False] * 3 + [True] * 2 + [False] * 3], device=model.device)
    positions = torch.cat([torch.arange(length, device=model.device) for length in (7, 5)])[None]
    mask = as_the_model_takes_it(prefix_mask(segments, prefix), model)

    def logits(changed: int | None = None) -> torch.Tensor:
        tokens = ids.clone()
        if changed is not None:
            tokens[changed] = (ids[changed] + 1) % vocabulary
        return _logits(model, tokens, attention_mask=mask, position_ids=positions)

    refusal = ModelError(f"{type(model).__name__} does not keep to the mask of a prefix language model", remedy="objective.kind=causal")
    try:
        plain, suffix, end_of_prefix = logits(), logits(6), logits(3)
    except (RuntimeError, ValueError, TypeError) as error:  # BLOOM, for one, makes its positions from a mask of another shape
        raise refusal from error
    _check_numbers(model, plain)
    leaks = _differ(plain[:6], suffix[:6], tolerance) or _differ(plain[7:], suffix[7:], tolerance)
    if leaks or not _differ(plain[:1], end_of_prefix[:1], 0.0):
        raise refusal


def probe_logits(model: Any, vocabulary: int) -> torch.Tensor:
    """Returns a model's logits (T, V) on the probe's tokens."""
    return _logits(model, _probe(model, vocabulary))


def _differ(before: torch.Tensor, after: torch.Tensor, tolerance: float) -> bool:
    """Says whether logits differ by more than rounding; what is no number differs."""
    return not float((before - after).abs().max()) <= tolerance * max(1.0, float(before.abs().max()))


def _check_numbers(model: Any, *logits: torch.Tensor) -> None:
    if not all(bool(torch.isfinite(part).all()) for part in logits):
        raise ModelError(f"the logits of {type(model).__name__} are not numbers", remedy="set model.base to a model that is whole")


def _probe(model: Any, vocabulary: int) -> torch.Tensor:
    return torch.arange(1, 13, device=model.device) * 7 % vocabulary


@torch.no_grad()
def _logits(model: Any, ids: torch.Tensor, **options: Any) -> torch.Tensor:
    """Returns the model's logits (T, V) for one row of tokens, nothing dropped; an encoder-decoder's decoder gets them."""
    was_training, architecture = model.training, architecture_of(model.config)
    given = {"input_ids": ids[None]}
    if architecture == "encoder_decoder":
        given = {"input_ids": ids.new_tensor([[1, 2, 3]]), "decoder_input_ids": ids[None]}
    if architecture == "encoder":
        options["attention_mask"] = torch.ones_like(ids[None])  # without it, encoders warn of padding
    else:
        options["use_cache"] = False
    model.eval()
    try:
        logits: torch.Tensor = logits_of(model(**given, **options))[0]
        return logits
    finally:
        model.train(was_training)
