"""How large a model is and what a token costs in it, told from its configuration: weights are counted on a device that holds none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from didact.base.recipe import ModelSection
from didact.models.architecture import Architecture, architecture_of
from didact.models.new_model import new_config
from didact.models.pretrained import config_of, empty_model

_CROSS = ("EncDecAttention", "encoder_attn", "crossattention", "cross_attn")
"""What transformers calls the attention of a decoder to an encoder."""
_KEYS_VALUES = ("k", "v", "k_proj", "v_proj", "key", "value")


@dataclass(frozen=True)
class Sizes:
    """The numbers of a model that memory and FLOPs depend on; weights that are shared count once."""

    architecture: Architecture
    num_parameters: int
    """All weights."""
    num_without_embeddings: int
    """Without token, position and type tables, and without the output head: the N of 6·N."""
    num_reading: int
    """Of those, weights that an input token of an encoder-decoder passes: the encoder, and the decoder's keys and values of it."""
    num_largest: int
    """Weights of the largest matrix."""
    num_rows_and_columns: int
    """What Adafactor remembers: a row and a column of each matrix, and vectors whole."""
    num_per_rank: int
    """What an adapter of rank 1 beside every linear layer but the head would train."""
    vocabulary: int
    width: int
    depth: int
    """Layers; of the encoder, where there is one beside a decoder."""
    decoder_depth: int
    """Layers of a decoder beside an encoder, else 0."""
    attention_width: int
    """Heads times the numbers of each: what queries and keys are multiplied over."""
    heads: int = 1


def planned_config(section: ModelSection, tokenizer: Any, positions: int) -> Any:
    """Returns the configuration of the model that a recipe names, with a row for each token of its tokenizer.

    Args:
        section: The recipe's `model`, with folders in place of bundled names.
        tokenizer: A transformers tokenizer.
        positions: Longest sequence of a new model, in tokens.

    Raises:
        ModelError: There is no such model.
    """
    if section.base == "new":
        return new_config(section.new, tokenizer, positions)
    config = config_of(section.base, section.revision)
    text = config.get_text_config()
    text.vocab_size = max(getattr(text, "vocab_size", None) or 0, len(tokenizer))
    return config


def sizes_of(config: Any) -> Sizes:
    """Returns a model's sizes. Nothing is computed or held: the model is laid out on the `meta` device.

    Args:
        config: A transformers configuration.

    >>> from transformers import LlamaConfig
    >>> shape = {"hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    >>> tiny = sizes_of(LlamaConfig(**shape, vocab_size=10, tie_word_embeddings=True))
    >>> tiny.num_without_embeddings == 2 * (4 * 4 + 2 * 4 * 2 + 4 * 4 + 3 * 4 * 8 + 2 * 4) + 4  # q, k and v, o, gated layer, norms
    True
    >>> tiny.num_parameters - tiny.num_without_embeddings  # ten tokens of width 4, for the head too
    40
    """
    model = empty_model(config)
    shapes = [tuple(parameter.shape) for parameter in model.parameters()]
    head = model.get_output_embeddings()
    tables = {id(parameter): parameter for parameter in _tables(model)} | {
        id(p): p for p in (head.parameters() if head is not None else ())
    }
    inside = {name: p for name, p in model.named_parameters() if id(p) not in tables}
    text = config.get_text_config()
    heads = _first(text, "num_attention_heads", "num_heads", "n_head", "encoder_attention_heads")
    width = _first(text, "hidden_size", "d_model", "n_embd")
    per_head = _first(text, "head_dim", "d_kv") or width // max(heads, 1)
    two_sided = architecture_of(config) == "encoder_decoder"
    depth = _first(text, *(("encoder_layers",) if two_sided else ()), "num_hidden_layers", "num_layers", "n_layer")
    return Sizes(
        architecture=architecture_of(config),
        num_parameters=sum(parameter.numel() for parameter in model.parameters()),
        num_without_embeddings=sum(p.numel() for p in inside.values()),
        num_reading=sum(p.numel() for name, p in inside.items() if two_sided and _is_reading(name)),
        num_largest=max(parameter.numel() for parameter in model.parameters()),
        num_rows_and_columns=sum(_rows_and_columns(shape) for shape in shapes),
        num_per_rank=sum(sum(p.shape) for name, p in inside.items() if p.ndim == 2 and name.endswith(".weight")),
        vocabulary=text.vocab_size,
        width=width,
        depth=depth,
        decoder_depth=_first(text, "decoder_layers", "num_decoder_layers") or depth if two_sided else 0,
        attention_width=heads * per_head,
        heads=max(heads, 1),
    )


def _tables(model: Any) -> Iterator[torch.nn.Parameter]:
    """Yields the weights that are looked up and not multiplied by: tokens, positions, types; a distance's bias is one as well."""
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            yield from module.parameters()


def _is_reading(name: str) -> bool:
    parts = name.split(".")
    crosses = any(part in _CROSS for part in parts)
    return "encoder" in parts or (crosses and any(part in _KEYS_VALUES for part in parts))


def _rows_and_columns(shape: tuple[int, ...]) -> int:
    if len(shape) < 2:
        return shape[0] if shape else 1
    number = torch.Size(shape).numel()
    return number // shape[-1] + number // shape[-2]


def _first(config: Any, *names: str) -> int:
    return next((int(value) for name in names if (value := getattr(config, name, None))), 0)
