"""The weighted loss: Σ w·nll over the tokens of non-zero weight, divided by their number in the whole optimiser step.

    L = − Σ_i ( λp Σ_j log p(prompt token j) + λr Σ_j log p(response token j) ) / Σ_i ( [λp ≠ 0]·|P_i| + [λr ≠ 0]·|R_i| )

Source: weighted instruction tuning, arXiv 2507.07817, Eq. 2. The denominator counts tokens, it does not sum weights.
Decoders, encoder-decoders and encoders differ in what the model is given and in nothing else. An encoder that also tells the
next text from another one adds −log p of that answer, one prediction of weight 1 for each row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from didact.base.errors import ModelError
from didact.data.batches import IGNORE, Batch
from didact.models.architecture import architecture_of, logits_of
from didact.models.precision import Precision, autocast
from didact.models.prefix import as_the_model_takes_it, prefix_mask
from didact.train.attention import Spans, documents, spans_of

NORMALISER = "nonzero_tokens"
"""What the sum is divided by, as runs record it."""
_CHUNK = 2**25
"""Logits held at once (elements): 128 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Targets:
    """A batch on its device, with only the positions that count."""

    input_ids: torch.Tensor
    """int64 (B, T)"""
    positions: torch.Tensor | None
    """int64 (B, T) for packed rows, else None."""
    segments: torch.Tensor
    """int32 (B, T): 0 for padding."""
    rows: torch.Tensor
    """int64 (N,): where in the flattened labels a prediction has a weight."""
    labels: torch.Tensor
    """int64 (N,)"""
    weights: torch.Tensor
    """float32 (N,)"""
    spans: Spans | None
    decoder_input_ids: torch.Tensor | None = None
    """int64 (B, D), for an encoder-decoder."""
    prefix: torch.Tensor | None = None
    """bool (B, T), for a prefix language model."""
    token_types: torch.Tensor | None = None
    """int64 (B, T), for an encoder."""
    next_segment: torch.Tensor | None = None
    """int64 (B,), for an encoder; -100 where nothing is asked."""


def to_device(batch: Batch, device: torch.device) -> Targets:
    """Returns the batch on a device. The positions that count are found on the host, so the device never waits for them."""
    flat = batch.loss_weights.reshape(-1)
    rows = np.flatnonzero(flat)
    if not len(rows):  # one prediction of weight 0: a loss of 0 that can still be differentiated
        rows = np.zeros(1, np.int64)
    packed = bool((batch.segment_ids > 1).any())

    def move(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)

    def move_if(array: np.ndarray | None) -> torch.Tensor | None:
        return None if array is None else move(array)

    return Targets(
        input_ids=move(batch.input_ids),
        positions=move(batch.positions) if packed else None,
        segments=move(batch.segment_ids),
        rows=move(rows),
        labels=move(np.maximum(batch.labels.reshape(-1)[rows], 0)),
        weights=move(flat[rows]),
        spans=spans_of(batch.segment_ids) if packed else None,
        decoder_input_ids=move_if(batch.decoder_input_ids),
        prefix=move_if(batch.prefix),
        token_types=move_if(batch.token_types),
        next_segment=move_if(batch.next_segment),
    )


def weighted_nll(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Returns Σ w·(−log p(label)), in float32.

    Args:
        logits: (N, V)
        labels: int64 (N,)
        weights: float32 (N,)

    >>> even = torch.zeros(2, 4)  # p = 1/4 for every token: −log p = 1.3863
    >>> round(float(weighted_nll(even, torch.tensor([0, 3]), torch.tensor([1.0, 0.5]))), 4)
    2.0794
    """
    return (F.cross_entropy(logits.float(), labels, reduction="none") * weights).sum()


class WeightedLoss(torch.nn.Module):
    """A language model whose output is its summed weighted loss; positions of zero weight never reach the output head.

    Args:
        model: A transformers model with a language modelling head.
        precision: In which precision to multiply.
    """

    def __init__(self, model: Any, precision: Precision) -> None:
        super().__init__()
        self.model = model
        self.architecture = architecture_of(model.config)
        self._precision = precision
        self.direct = self.architecture == "decoder" and self._head_is_plain()
        """Whether the output head can be fed on its own, in chunks. Where it cannot (scaled or capped logits), the model feeds it."""
        self.skips = self.direct or self._head_takes_any_rows()
        """Whether positions of zero weight are kept from the head."""

    def forward(self, targets: Targets) -> torch.Tensor:
        """Returns the sum over the batch, a scalar; the caller divides by the step's number of targets."""
        given = self._given(targets)
        with autocast(self._precision, targets.input_ids.device), documents(targets.spans):
            if self.direct:
                hidden = self.model.base_model(**given).last_hidden_state
                return self._from_hidden(hidden.flatten(0, 1).index_select(0, targets.rows), targets)
            with self._only(targets.rows if self.skips else None):
                output = self.model(**given)
            logits = logits_of(output).flatten(0, 1)
            chosen = logits if self.skips else logits[targets.rows]
            return weighted_nll(chosen, targets.labels, targets.weights) + self._next_segment(output, targets)

    def _given(self, targets: Targets) -> dict[str, Any]:
        """Returns what the model is called with."""
        given: dict[str, Any] = {"input_ids": targets.input_ids}
        if self.architecture == "decoder":
            given["use_cache"] = False
            if targets.positions is not None:
                given["position_ids"] = targets.positions
            if targets.prefix is not None:
                given["attention_mask"] = as_the_model_takes_it(prefix_mask(targets.segments, targets.prefix), self.model)
            return given
        seen = targets.segments != 0
        # A row of padding alone sees its first token: attention to nothing is not a number.
        seen[:, 0] |= ~seen.any(1)
        given["attention_mask"] = seen.long()
        if self.architecture == "encoder_decoder":
            # Padding of the decoder stands behind everything that counts, and a decoder does not look ahead.
            given.update(decoder_input_ids=targets.decoder_input_ids, use_cache=False)
        elif targets.token_types is not None and getattr(self.model.config, "type_vocab_size", 0) > 1:
            given["token_type_ids"] = targets.token_types
        return given

    def _next_segment(self, output: Any, targets: Targets) -> torch.Tensor | float:
        """Returns Σ −log p(next or other), over the rows that ask for it."""
        logits = getattr(output, "seq_relationship_logits", None)
        wanted = targets.next_segment
        if logits is None:
            if wanted is not None and bool((wanted != IGNORE).any()):
                what = f"{type(self.model).__name__} has no head for next-sentence prediction"
                raise ModelError(what, remedy="objective.masked.next_sentence=false")
            return 0.0
        if wanted is None:  # a sum over nothing is 0, and keeps the head in the graph: data-parallel training asks for that
            wanted = torch.full(logits.shape[:1], IGNORE, device=logits.device)
        return F.cross_entropy(logits.float(), wanted, ignore_index=IGNORE, reduction="sum")

    @contextmanager
    def _only(self, rows: torch.Tensor | None) -> Iterator[None]:
        """Lets only these positions of the flattened batch reach the head; whatever the model does before and after stays its own."""
        if rows is None:
            yield
            return
        head = self.model.get_output_embeddings()
        hook = head.register_forward_pre_hook(lambda _, given: (given[0].flatten(0, 1).index_select(0, rows)[None], *given[1:]))
        try:
            yield
        finally:
            hook.remove()

    def _from_hidden(self, hidden: torch.Tensor, targets: Targets) -> torch.Tensor:
        head = self.model.get_output_embeddings()

        def part(hidden: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            return weighted_nll(head(hidden), labels, weights)

        size = max(_CHUNK // head.weight.shape[0], 1)
        if len(hidden) <= size:
            return part(hidden, targets.labels, targets.weights)
        chunks = zip(*(torch.split(tensor, size) for tensor in (hidden, targets.labels, targets.weights)), strict=True)
        return torch.stack([checkpoint(part, *chunk, use_reentrant=False) for chunk in chunks]).sum()

    def _head_is_plain(self) -> bool:
        """Says whether the head applied to the last hidden state gives the model's own logits, on a probe.

        The probe's hidden states are made large on their way into the head: a soft cap does nothing to small logits.
        """
        head = self.model.get_output_embeddings()
        if head is None or self.model.base_model is self.model:
            return False
        with self._probing() as given:
            hidden = self.model.base_model(**given).last_hidden_state
            factor = 1000.0 / float(head(hidden).abs().max().clamp(min=1e-6))
            hook = head.register_forward_pre_hook(lambda _, given: (given[0] * factor, *given[1:]))
            try:
                theirs = self.model(**given).logits
            finally:
                hook.remove()
            return _same(head(hidden * factor), theirs)

    def _head_takes_any_rows(self) -> bool:
        """Says whether the model gives the same logits for some positions when only those reach its head, on a probe."""
        if self.model.get_output_embeddings() is None:
            return False
        with self._probing() as given:
            whole = logits_of(self.model(**given))
            rows = torch.tensor([1, 4, 6], device=whole.device)
            try:
                with self._only(rows):
                    chosen = logits_of(self.model(**given))
            except (RuntimeError, IndexError):  # it counts on having all positions
                return False
            return _same(chosen, whole[:, rows])

    @contextmanager
    def _probing(self) -> Iterator[dict[str, Any]]:
        """Yields what the model is called with for a row of eight tokens; nothing is dropped or differentiated meanwhile."""
        ids = torch.arange(1, 9, device=self.model.device)[None]
        given: dict[str, Any] = {"input_ids": ids}
        if self.architecture == "encoder":
            given["attention_mask"] = torch.ones_like(ids)  # without it, encoders warn of padding
        else:
            given["use_cache"] = False
        if self.architecture == "encoder_decoder":
            given["decoder_input_ids"] = ids
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                yield given
        finally:
            self.model.train(was_training)


def _same(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    return ours.shape == theirs.shape and bool((ours - theirs).abs().max() <= 2e-5 * theirs.abs().max())
