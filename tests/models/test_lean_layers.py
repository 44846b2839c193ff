"""Norms, gated layers and GELUs written as one step: the same logits and gradients, with less kept on the way."""

from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from tiny import MODELS
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    Gemma2Config,
    GemmaConfig,
    MistralConfig,
    Olmo2Config,
    Phi3Config,
    Qwen3Config,
    T5Config,
)

from didact.models.lean_layers import make_lean, make_plain

_LAYERS = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
SHAPE: dict[str, Any] = _LAYERS | {"vocab_size": 50, "head_dim": 8, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 50, "dropout_rate": 0.0}
FAMILIES: dict[str, tuple[Any, int, set[str]]] = {
    # configuration, how many parts are rewritten, norms in front of products in half precision. Norms in front of the residual stream
    # (Gemma 2, OLMo 2) get half precision already, which is left to them.
    "llama": (MODELS["llama"], 2 * 3 + 1, {"input_layernorm", "post_attention_layernorm"}),
    "mistral": (MistralConfig(**SHAPE), 2 * 3 + 1, {"input_layernorm", "post_attention_layernorm"}),
    "qwen3": (Qwen3Config(**SHAPE), 2 * 5 + 1, {"input_layernorm", "post_attention_layernorm"}),
    "gemma": (GemmaConfig(**SHAPE), 2 * 3 + 1, {"input_layernorm", "post_attention_layernorm"}),
    "gemma2": (Gemma2Config(**SHAPE), 2 * 5 + 1, {"input_layernorm", "pre_feedforward_layernorm"}),
    "olmo2": (Olmo2Config(**SHAPE), 2 * 5 + 1, set()),
    "phi3": (Phi3Config(**SHAPE), 2 * 2 + 1, {"input_layernorm", "post_attention_layernorm"}),
    "t5 gated": (T5Config(**T5, feed_forward_proj="gated-gelu"), 2 * 3 + 2 * 4 + 2 + 4, {"layer_norm"}),
    "t5": (T5Config(**T5), 2 * 2 + 2 * 3 + 2, {"layer_norm"}),
    "gpt2": (MODELS["gpt2"], 2, set()),
}
WRITTEN_OUT = {"t5 gated", "gpt2"}
"""Their GELU, which transformers writes out, rounding six times on the way to it."""


def made(config: Any) -> Any:
    """A random model whose norms have weights that are not all 1."""
    torch.manual_seed(0)
    maker = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = maker.from_config(deepcopy(config), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model.train()


def logits_of(model: Any, *, half: bool = False) -> torch.Tensor:
    ids = torch.arange(3, 15)[None]
    given = {"input_ids": ids, **({"decoder_input_ids": ids} if model.config.is_encoder_decoder else {})}
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        return model(**given).logits


def gradients(model: Any) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    logits_of(model).logsumexp(-1).sum().backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("name", FAMILIES)
def test_logits_and_gradients_are_what_they_were(name: str) -> None:
    config, num_parts, _ = FAMILIES[name]
    model = made(config)
    logits, theirs = logits_of(model), gradients(model)
    assert make_lean(model) == num_parts
    torch.testing.assert_close(logits_of(model), logits, rtol=1e-4, atol=1e-5)
    for parameter, ours in gradients(model).items():
        torch.testing.assert_close(ours, theirs[parameter], rtol=1e-3, atol=1e-5 * float(theirs[parameter].abs().max()))
    make_plain(model)
    assert torch.equal(logits_of(model), logits)


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - WRITTEN_OUT))
def test_under_autocast_not_a_bit_of_the_logits_changes(name: str) -> None:
    config, _, _ = FAMILIES[name]
    model = made(config)
    before = logits_of(model, half=True)
    make_lean(model, lambda: logits_of(model, half=True))
    assert torch.equal(logits_of(model, half=True), before)


@pytest.mark.parametrize("name", sorted(WRITTEN_OUT))
def test_a_gelu_that_is_rounded_once_is_nearer_to_the_truth(name: str) -> None:
    model = made(FAMILIES[name][0])
    truth, before = logits_of(model), logits_of(model, half=True)
    make_lean(model, lambda: logits_of(model, half=True))
    assert (logits_of(model, half=True) - truth).abs().mean() <= 1.02 * (before - truth).abs().mean()


@pytest.mark.parametrize("name", FAMILIES)
def test_norms_give_half_precision_only_in_front_of_products(name: str) -> None:
    config, _, expected = FAMILIES[name]
    model = made(config)
    make_lean(model, lambda: logits_of(model, half=True))
    given = set[str]()

    def look(_: Any, x: tuple[torch.Tensor, ...], y: torch.Tensor, name: str) -> None:
        if x[0].dtype == torch.float32 and y.dtype == torch.bfloat16:
            given.add(name)

    for path, module in model.named_modules():
        if "norm" in (name := path.rpartition(".")[2]):
            module.register_forward_hook(partial(lambda name, module, x, y: look(module, x, y, name), name))
    logits_of(model, half=True)
    assert given == expected


def test_a_norm_that_does_something_else_is_left_alone() -> None:
    class OddRMSNorm(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.eps = torch.nn.Parameter(torch.ones(4)), 1e-6

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.weight * x / x.abs().mean(-1, keepdim=True)  # no squares

    assert make_lean(torch.nn.Sequential(OddRMSNorm())) == 0


def test_a_norm_keeps_its_input_and_one_number_for_each_row() -> None:
    # Llama's own: its input, that as float32 again squared, divided by its root ... Here 3·4 numbers came in, 3 factors are added.
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    def kept(norm: Any) -> int:
        found = dict[int, int]()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: found.setdefault(t.data_ptr(), t.numel()) and t, lambda t: t):
            norm(torch.randn(3, 4, requires_grad=True))
        return sum(found.values())

    norm = LlamaRMSNorm(4)
    plain = kept(norm)
    make_lean(torch.nn.Sequential(norm))
    assert kept(norm) == 3 * 4 + 4 + 3 < plain


def test_a_gelu_keeps_its_input_alone() -> None:
    from transformers.activations import NewGELUActivation

    kept, part = dict[int, int](), NewGELUActivation()
    make_lean(torch.nn.Sequential(part))
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.setdefault(t.data_ptr(), t.numel()) and t, lambda t: t):
        part(torch.randn(3, 4, requires_grad=True))
    assert list(kept.values()) == [3 * 4]


def test_layers_are_copied_with_their_own_weights() -> None:
    model = made(MODELS["llama"])
    make_lean(model)
    other = deepcopy(model)
    with torch.no_grad():
        other.model.norm.weight.zero_()
    assert logits_of(other).abs().max() == 0.0 < logits_of(model).abs().max()
