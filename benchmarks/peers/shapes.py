"""The models of the tuning benchmarks: each shape is drawn once from a seed and saved, and every system loads that folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GPT2_TOKENIZER, END = 50_257, "<|endoftext|>"


@dataclass(frozen=True)
class Shape:
    """A model's numbers: width, layers, heads and key-value heads, width of the MLP, vocabulary."""

    width: int
    depth: int
    heads: int
    kv_heads: int
    mlp: int
    vocabulary: int
    kind: str = "llama"

    @property
    def block_parameters(self) -> int:
        """Weights of the matrices in all blocks; what a token is multiplied with on its way to the head.

        >>> Shape(4, 2, 2, 1, 8, 100).block_parameters  # 2 · (query and output 4·4, key and value 4·2, gate, up and down 4·8)
        288
        """
        shared = self.width * self.kv_heads // self.heads
        return self.depth * (2 * self.width**2 + 2 * self.width * shared + (2 if self.kind == "gpt2" else 3) * self.width * self.mlp)

    @property
    def head_parameters(self) -> int:
        """Weights of the output head, which are the embeddings too."""
        return self.width * self.vocabulary


SHAPES = {
    "256x6": Shape(256, 6, 4, 4, 1024, GPT2_TOKENIZER, "gpt2"),
    "384x6": Shape(384, 6, 6, 6, 1536, GPT2_TOKENIZER, "gpt2"),
    "135M": Shape(576, 30, 9, 3, 1536, 49_152),
    "0.5B": Shape(896, 24, 14, 2, 4864, 151_936, "qwen2"),
}
"""GPT-2 at two small widths, SmolLM2-135M, Qwen2.5-0.5B."""


def config_of(shape: Shape) -> Any:
    """Returns the configuration that transformers makes a model of that shape from. Nothing is dropped out: runs have to agree."""
    from transformers import GPT2Config, LlamaConfig, Qwen2Config

    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "vocab_size": shape.vocabulary}
    if shape.kind == "gpt2":
        still = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        return GPT2Config(n_embd=shape.width, n_layer=shape.depth, n_head=shape.heads, n_inner=shape.mlp, n_positions=1024, **still, **ends)
    return (Qwen2Config if shape.kind == "qwen2" else LlamaConfig)(
        hidden_size=shape.width,
        intermediate_size=shape.mlp,
        num_hidden_layers=shape.depth,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        tie_word_embeddings=True,
        max_position_embeddings=2048,
        **ends,
    )


def save_model(name: str, folder: Path, tokenizer: Path, seed: int = 0) -> Path:
    """Returns the folder of a shape with random weights and the rows' tokenizer; it is made where it is not there."""
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    place = folder / name
    if not (place / "model.safetensors").is_file():
        torch.manual_seed(seed)
        AutoModelForCausalLM.from_config(config_of(SHAPES[name]), dtype=torch.float32).save_pretrained(place)
        kept = PreTrainedTokenizerFast(tokenizer_object=cut(tokenizer, SHAPES[name].vocabulary), eos_token=END, bos_token=END)
        kept.pad_token = kept.eos_token
        kept.save_pretrained(place)
    return place


def cut(tokenizer: Path, vocabulary: int) -> Any:
    """Returns GPT-2's tokenizer with its first tokens and the end of text, as many as a shape has: didact would grow a smaller table."""
    from tokenizers import Tokenizer

    given = json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))
    size = min(vocabulary, GPT2_TOKENIZER) - 1
    # GPT-2 numbers 256 bytes, then what each merge makes, in order, then the end of text.
    words = {word: number for word, number in given["model"]["vocab"].items() if number < size}
    given["model"] |= {"vocab": {**words, END: size}, "merges": given["model"]["merges"][: size - 256]}
    given["added_tokens"][0]["id"] = size
    return Tokenizer.from_str(json.dumps(given))
