"""The weighted loss: Σ w·nll over the tokens of non-zero weight, divided by their number in the whole optimiser step.

    L = − Σ_i ( λp Σ_j log p(prompt token j) + λr Σ_j log p(response token j) ) / Σ_i ( [λp ≠ 0]·|P_i| + [λr ≠ 0]·|R_i| )

Source: weighted instruction tuning, arXiv 2507.07817, Eq. 2. The denominator counts tokens, it does not sum weights.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from didact.data.batches import Batch
from didact.models.precision import Precision, autocast
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
    rows: torch.Tensor
    """int64 (N,): where in the flattened batch a prediction has a weight."""
    labels: torch.Tensor
    """int64 (N,)"""
    weights: torch.Tensor
    """float32 (N,)"""
    spans: Spans | None


def to_device(batch: Batch, device: torch.device) -> Targets:
    """Returns the batch on a device. The positions that count are found on the host, so the device never waits for them."""
    flat = batch.loss_weights.reshape(-1)
    rows = np.flatnonzero(flat)
    if not len(rows):  # one prediction of weight 0: a loss of 0 that can still be differentiated
        rows = np.zeros(1, np.int64)
    packed = bool((batch.segment_ids > 1).any())

    def move(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)

    return Targets(
        input_ids=move(batch.input_ids),
        positions=move(batch.positions) if packed else None,
        rows=move(rows),
        labels=move(np.maximum(batch.labels.reshape(-1)[rows], 0)),
        weights=move(flat[rows]),
        spans=spans_of(batch.segment_ids) if packed else None,
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
    """A causal language model whose output is its summed weighted loss; positions of zero weight never reach the output head.

    Args:
        model: A transformers causal language model.
        precision: In which precision to multiply.
    """

    def __init__(self, model: Any, precision: Precision) -> None:
        super().__init__()
        self.model = model
        self._precision = precision
        self.direct = self._head_is_plain()
        """Whether the output head can be fed on its own. Where it cannot (scaled or capped logits), all positions pass through it."""

    def forward(self, targets: Targets) -> torch.Tensor:
        """Returns the sum over the batch, a scalar; the caller divides by the step's number of targets."""
        options = {} if targets.positions is None else {"position_ids": targets.positions}
        with autocast(self._precision, targets.input_ids.device), documents(targets.spans):
            if not self.direct:
                logits = self.model(input_ids=targets.input_ids, use_cache=False, **options).logits
                return weighted_nll(logits.flatten(0, 1)[targets.rows], targets.labels, targets.weights)
            hidden = self.model.base_model(input_ids=targets.input_ids, use_cache=False, **options).last_hidden_state
            chosen = hidden.flatten(0, 1).index_select(0, targets.rows)
            return self._from_hidden(chosen, targets)

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
        ids = torch.arange(1, 9, device=self.model.device)[None]
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
                factor = 1000.0 / float(head(hidden).abs().max().clamp(min=1e-6))
                hook = head.register_forward_pre_hook(lambda _, given: (given[0] * factor, *given[1:]))
                try:
                    theirs = self.model(input_ids=ids, use_cache=False).logits
                finally:
                    hook.remove()
                ours = head(hidden * factor)
                return ours.shape == theirs.shape and bool(torch.allclose(ours, theirs, atol=1e-2, rtol=1e-5))
        finally:
            self.model.train(was_training)
