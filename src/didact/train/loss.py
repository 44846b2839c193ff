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

from didact.base.errors import ModelError
from didact.data.batches import IGNORE, Batch
from didact.models.architecture import architecture_of, logits_of
from didact.models.precision import Precision, autocast
from didact.models.prefix import as_the_model_takes_it, prefix_mask
from didact.train.attention import Spans, documents, spans_of
from didact.train.head_loss import head_loss
from didact.train.neftune import noisy_embeddings
from didact.train.packed_pairs import packed_call
from didact.train.softmax import Head, head_of, weighted_nll
from didact.train.tables import added_in_place, can_add

NORMALISER = "nonzero_tokens"
"""What the sum is divided by, as runs record it."""


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
    written: torch.Tensor | None = None
    """int32 (B, D), for packed rows of an encoder-decoder: the decoder's documents, 0 for padding."""
    prefix: torch.Tensor | None = None
    """bool (B, T), for a prefix language model."""
    token_types: torch.Tensor | None = None
    """int64 (B, T), for an encoder."""
    next_segment: torch.Tensor | None = None
    """int64 (B,), for an encoder; -100 where nothing is asked."""


def to_device(batch: Batch, device: torch.device) -> Targets:
    """Returns the batch on a device. The positions that count are found on the host, so the device never waits for them.

    What a GPU copies lies in pinned memory: from any other the host would first wait for all that the GPU has left to do.
    """
    flat = batch.loss_weights.reshape(-1)
    rows = np.flatnonzero(flat)
    if not len(rows):  # one prediction of weight 0: a loss of 0 that can still be differentiated
        rows = np.zeros(1, np.int64)
    packed = bool((batch.segment_ids > 1).any())

    def move(array: np.ndarray) -> torch.Tensor:
        made = torch.from_numpy(np.ascontiguousarray(array))
        return made.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else made.to(device)

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
        written=move_if(batch.decoder_segment_ids) if packed else None,
        prefix=move_if(batch.prefix),
        token_types=move_if(batch.token_types),
        next_segment=move_if(batch.next_segment),
    )


class WeightedLoss(torch.nn.Module):
    """A language model whose output is its summed weighted loss; positions of zero weight never reach the output head.

    Args:
        model: A transformers model with a language modelling head.
        precision: In which precision to multiply.
        smoothing: The recipe's `objective.label_smoothing`.
        noise: The recipe's `objective.neftune`.
    """

    def __init__(self, model: Any, precision: Precision, smoothing: float = 0.0, noise: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.architecture = architecture_of(model.config)
        self._precision, self._noise = precision, noise
        self._head = head_of(model.config, smoothing)
        self.direct = self._head_is_known()
        """Whether loss and gradient are made in chunks, beside the model's own head. Where what the model does to its logits is not known,
        its head makes them, all at once."""
        self.skips = self.direct or self._head_takes_any_rows()
        """Whether positions of zero weight are kept from the head."""

    def forward(self, targets: Targets, factor: float | None = None) -> torch.Tensor:
        """Returns the sum over the batch, a scalar; the caller divides by the step's number of targets.

        Args:
            targets: The batch.
            factor: What the caller multiplies the sum by before going back, where it goes back once. Gradients of the tables of tokens are
                then added where they lie, those of the head right away: see `tables`. None: nothing is changed on the way there.
        """
        noisy = noisy_embeddings(self.model, self._noise, targets.segments)
        with (
            autocast(self._precision, targets.input_ids.device),
            documents(targets.spans),
            noisy,
            added_in_place(self.model, factor is not None),
        ):
            given = self._given(targets)
            if self.direct:
                with self._hidden(targets.rows) as hidden:
                    output = self.model(**given)
                head = self.model.get_output_embeddings()
                known = factor if can_add(head.weight) else None
                loss = head_loss(hidden[0], head.weight, self._bias(), targets.labels, targets.weights, self._head, factor=known)
                return loss + self._next_segment(output, targets)
            with self._only(targets.rows if self.skips else None):
                output = self.model(**given)
            logits = logits_of(output).flatten(0, 1)
            chosen = logits if self.skips else logits[targets.rows]
            # What the head does to its logits is in them already.
            own = Head(smoothing=self._head.smoothing)
            return weighted_nll(chosen, targets.labels, targets.weights, own) + self._next_segment(output, targets)

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
        if targets.written is not None and targets.decoder_input_ids is not None:
            return packed_call(self.model, targets.input_ids, targets.decoder_input_ids, targets.segments, targets.written)
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

    @contextmanager
    def _hidden(self, rows: torch.Tensor | None) -> Iterator[list[torch.Tensor]]:
        """Catches what reaches the head at these positions (N, D), or at all of them, and keeps the head from working.

        Given nothing, it would still have its matrix cast under autocast.
        """
        caught: list[torch.Tensor] = []

        def catch(_: Any, given: Any) -> Any:
            flat = given[0].flatten(0, 1)
            caught.append(flat if rows is None else flat.index_select(0, rows))
            return (flat[None, :0], *given[1:])

        head = self.model.get_output_embeddings()
        own, hook = head.__dict__.get("forward"), head.register_forward_pre_hook(catch)
        head.forward = lambda nothing: nothing.new_empty((*nothing.shape[:-1], head.weight.shape[0]))
        try:
            yield caught
        finally:
            hook.remove()
            del head.forward
            if own is not None:
                head.forward = own

    def _bias(self) -> torch.Tensor | None:
        """Returns what is added to the products: the head's own, or BART's, which its checkpoints keep beside the head."""
        own: torch.Tensor | None = self.model.get_output_embeddings().bias
        beside: torch.Tensor | None = getattr(self.model, "final_logits_bias", None)
        return own if own is not None or beside is None or not bool(beside.any()) else beside[0]

    def _head_is_known(self) -> bool:
        """Says whether a matrix, a scale and a cap give the model's own logits from what reaches its head, on a probe.

        What reaches the head is made large there: a soft cap does nothing to small logits.
        """
        head = self.model.get_output_embeddings()
        if type(head) is not torch.nn.Linear:  # an adapter's layer is more than its matrix
            return False
        with self._probing() as given:
            try:
                with self._hidden(None) as caught:
                    self.model(**given)
            except (RuntimeError, IndexError):  # it counts on having all positions
                return False
            if len(caught) != 1:
                return False
            factor = 100.0 / float(F.linear(caught[0], head.weight, self._bias()).abs().max().clamp(min=1e-6))
            hook = head.register_forward_pre_hook(lambda _, given: (given[0] * factor, *given[1:]))
            try:
                theirs = logits_of(self.model(**given)).flatten(0, 1)
            finally:
                hook.remove()
            return _same(self._head.logits(F.linear(caught[0] * factor, head.weight, self._bias())), theirs)

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
