"""What a forward pass keeps for the way back, found by sending a batch without numbers through a model without weights."""

from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from didact.models.architecture import architecture_of
from didact.models.lean_layers import make_lean
from didact.models.precision import Precision
from didact.models.pretrained import empty_model
from didact.models.sizes import Sizes, sizes_of


@dataclass(frozen=True)
class Activations:
    """Bytes that the layers keep, the output head left out."""

    fixed: int
    """Bytes of every micro-batch, however small: weights cast to bf16."""
    per_token: float
    """Bytes for each token, padding included."""
    found: str
    """How it is known: traced, or by formula where the model cannot be traced."""

    def of(self, num_tokens: int) -> int:
        """Returns the bytes of a micro-batch."""
        return round(self.fixed + self.per_token * num_tokens)

    def with_weights(self, per_token: float) -> "Activations":
        """Returns them with what an attention beside torch's own keeps of each token."""
        return replace(self, per_token=self.per_token + per_token)

    def checkpointed(self, num_tokens: int, sizes: Sizes) -> int:
        """Returns the bytes where only the inputs of the layers are kept, and the inside of one layer at a time is there.

        Source: Chen et al. 2016, arXiv 1604.06174.
        """
        layers = max(sizes.depth + sizes.decoder_depth, 1)
        return round(num_tokens * 4 * sizes.width * (layers + 1) + self.of(num_tokens) / layers)


def activations(config: Any, length: int, precision: Precision, *, eager: bool = False, lean: bool = False) -> Activations:
    """Returns what a model keeps of rows of a length: batches of one row and of two are traced, and the rest is a straight line.

    A model that cannot be traced gets the formula for layers without attention scores: 34 bytes in bf16, 60 in fp32, for each
    token, layer and number of its width.

    Args:
        config: A transformers configuration.
        length: Tokens of a row; in an encoder-decoder, half on either side.
        precision: In which matrices are multiplied.
        eager: Attention is written out, and keeps its scores.
        lean: Norms and gated layers are rewritten: see `lean_layers`.

    Source: Korthikanti et al. 2022, arXiv 2205.05198, section 4.1 (the formula).
    """
    length = max(length, 2)
    try:
        one, two = (_kept(config, rows, length, precision, eager, lean) for rows in (1, 2))
    except (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, IndexError):
        sizes = sizes_of(config)
        layers = sizes.depth + sizes.decoder_depth
        fixed = 2 * sizes.num_without_embeddings if precision == "bf16" else 0
        return Activations(fixed, (34 if precision == "bf16" else 60) * sizes.width * layers, "formula")
    return Activations(max(2 * one - two, 0), (two - one) / length, "traced")


def _kept(config: Any, rows: int, length: int, precision: Precision, eager: bool, lean: bool) -> int:
    """Returns the bytes that are kept of `rows` rows; the same memory under two names counts once."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage  # held, so that no later one gets its number
        return tensor

    config, sided = deepcopy(config), architecture_of(config)
    if eager:
        config._attn_implementation = "eager"
    read = length // 2 if sided == "encoder_decoder" else length
    with FakeTensorMode(), torch.random.fork_rng(devices=[]):
        model = empty_model(config, "cpu").train()
        if lean:
            make_lean(model, asked=False)
        given: dict[str, Any] = {"input_ids": torch.zeros((rows, read), dtype=torch.int64)}
        if sided != "encoder":
            given["use_cache"] = False
        if sided == "encoder_decoder":
            given["decoder_input_ids"] = torch.zeros((rows, length - read), dtype=torch.int64)
        body = model.base_model if sided == "decoder" else model
        own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        cast = torch.autocast("cpu", dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
        head = model.get_output_embeddings()
        # The head is counted apart: it sees only the positions that are trained.
        hook = head.register_forward_pre_hook(lambda _, given: (given[0][:, :0], *given[1:])) if head is not None else None
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), cast:
            body(**given)
        if hook is not None:
            hook.remove()
        return sum(storage.nbytes() for number, storage in kept.items() if number not in own)
