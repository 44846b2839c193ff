"""Models made from nothing: a few numbers become a decoder, an encoder-decoder or an encoder with weights drawn from the seed."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForPreTraining,
    AutoModelForSeq2SeqLM,
    BartConfig,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    T5Config,
)

from didact.base.chance import seed_of
from didact.base.errors import ModelError
from didact.base.recipe import NewModel
from didact.models.architecture import NEW, Architecture

_MAKERS: dict[Architecture, Any] = {
    "decoder": AutoModelForCausalLM,
    "encoder_decoder": AutoModelForSeq2SeqLM,
    "encoder": AutoModelForPreTraining,
}


def new_model(shape: NewModel, tokenizer: Any, positions: int, seed: int) -> Any:
    """Returns a transformers model in float32, without dropout, its weights drawn from the seed alone.

    Args:
        shape: The recipe's `model.new`.
        tokenizer: A transformers tokenizer; the model gets one row for each of its tokens.
        positions: Longest sequence in tokens, where the shape does not say.
        seed: The recipe's seed.

    Raises:
        ModelError: No model can have this shape.
    """
    config = new_config(shape, tokenizer, positions)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, "initial weights"))
        return _MAKERS[NEW[shape.architecture]].from_config(config, dtype=torch.float32)


def new_config(shape: NewModel, tokenizer: Any, positions: int) -> Any:
    """Returns the transformers configuration of a new model; arguments and errors as of `new_model`."""
    return _CONFIGS[shape.architecture](shape, _heads(shape), tokenizer, shape.positions or positions)


def _heads(shape: NewModel) -> int:
    heads = shape.heads or max(shape.width // 64, 1)
    if shape.width % heads:
        raise ModelError(
            f"width {shape.width} is not a multiple of {heads} heads", remedy="set model.new.heads to a divisor of model.new.width"
        )
    if shape.architecture == "llama" and shape.width // heads % 2:
        raise ModelError(
            f"width {shape.width} gives each of {heads} heads {shape.width // heads} numbers, and llama turns them in pairs",
            remedy="set model.new.heads so that model.new.width / heads is even",
        )
    return heads


def _common(tokenizer: Any) -> dict[str, Any]:
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return {**ids, "vocab_size": len(tokenizer)}


def _gated_width(width: int) -> int:
    """Returns the inner width of a gated layer: 8/3 of the width, so that its three matrices cost what two of 4 times would.

    >>> _gated_width(256)
    704
    """
    return -(-width * 8 // 3 // 64) * 64


def _llama(shape: NewModel, heads: int, tokenizer: Any, positions: int) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=shape.width,
        intermediate_size=_gated_width(shape.width),
        num_hidden_layers=shape.depth,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=positions,
        tie_word_embeddings=True,
        **_common(tokenizer),
    )


def _gpt2(shape: NewModel, heads: int, tokenizer: Any, positions: int) -> GPT2Config:
    none = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    return GPT2Config(n_embd=shape.width, n_layer=shape.depth, n_head=heads, n_positions=positions, **none, **_common(tokenizer))


def _t5(shape: NewModel, heads: int, tokenizer: Any, _: int) -> T5Config:
    """T5 1.1: gated, positions as relative distances, no scaling of attention scores (the initial weights see to that).

    Source: Raffel et al. 2020, arXiv 1910.10683; Shazeer 2020, arXiv 2002.05202 (gated layers).
    """
    return T5Config(
        d_model=shape.width,
        d_kv=shape.width // heads,
        d_ff=_gated_width(shape.width),
        num_layers=shape.depth,
        num_decoder_layers=shape.decoder_depth or shape.depth,
        num_heads=heads,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
        decoder_start_token_id=tokenizer.pad_token_id,
        **_common(tokenizer),
    )


def _bart(shape: NewModel, heads: int, tokenizer: Any, positions: int) -> BartConfig:
    """BART: learned positions, the decoder starts from the end token. Source: Lewis et al. 2020, arXiv 1910.13461."""
    common = _common(tokenizer)
    start = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.pad_token_id
    none = dict.fromkeys(("dropout", "attention_dropout", "activation_dropout", "classifier_dropout"), 0.0)
    return BartConfig(
        d_model=shape.width,
        encoder_layers=shape.depth,
        decoder_layers=shape.decoder_depth or shape.depth,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * shape.width,
        decoder_ffn_dim=4 * shape.width,
        max_position_embeddings=positions,
        decoder_start_token_id=start,
        forced_eos_token_id=None,
        **none,
        **common,
    )


def _bert(shape: NewModel, heads: int, tokenizer: Any, positions: int) -> BertConfig:
    """BERT with both heads: masked words and next sentence. Source: Devlin et al. 2019, arXiv 1810.04805."""
    return BertConfig(
        hidden_size=shape.width,
        intermediate_size=4 * shape.width,
        num_hidden_layers=shape.depth,
        num_attention_heads=heads,
        max_position_embeddings=positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **_common(tokenizer),
    )


_CONFIGS: dict[str, Callable[[NewModel, int, Any, int], Any]] = {
    "llama": _llama,
    "gpt2": _gpt2,
    "t5": _t5,
    "bart": _bart,
    "bert": _bert,
}
