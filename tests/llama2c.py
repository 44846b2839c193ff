"""Real pre-trained base models for tests: llama2.c checkpoints of less than a million weights, as transformers folders.

Source: the export and run code of llama2.c (Karpathy 2023): its version-0 file is a header of seven int32 and then float32 arrays.
"""

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from didact.models.tokenizer import load_tokenizer

BOS, EOS = 1, 2
FIRST_PIECE = 259
"""Ids 0 to 2 are <unk>, <s>, </s>; the next 256 stand for the bytes."""


def convert(bin_path: Path, tokenizer_path: Path, folder: Path) -> None:
    """Writes a llama2.c checkpoint and its tokenizer (`.bin` or sentencepiece `.model`) as a transformers Llama folder."""
    model = read_model(bin_path.read_bytes())
    model.generation_config.bos_token_id = BOS
    # llama2.c tells stories apart by <s> alone and stops there; </s> was never trained on.
    model.generation_config.eos_token_id = [BOS, EOS]
    model.save_pretrained(folder)
    tokenizer = load_tokenizer(str(tokenizer_path)) if tokenizer_path.suffix == ".model" else read_tokenizer(tokenizer_path.read_bytes())
    tokenizer.model_max_length = model.config.max_position_embeddings
    tokenizer.save_pretrained(folder)


def read_model(data: bytes) -> LlamaForCausalLM:
    """Returns the model in a version-0 file."""
    width, hidden, depth, heads, kv_heads, vocabulary, positions = struct.unpack_from("<7i", data)
    # A negative vocabulary says that the output matrix is its own, not the embedding.
    tied, vocabulary, head = vocabulary > 0, abs(vocabulary), width // heads
    numbers, taken = np.frombuffer(data, dtype="<f4", offset=28), 0

    def take(*shape: int) -> torch.Tensor:
        nonlocal taken
        part = numbers[taken : taken + int(np.prod(shape))]
        taken += part.size
        return torch.from_numpy(part.reshape(shape).copy())

    weights = {"model.embed_tokens.weight": take(vocabulary, width)}
    # Each array holds all layers, one array after the other.
    layout: list[tuple[str, tuple[int, ...]]] = [
        ("input_layernorm", (width,)),
        ("self_attn.q_proj", (width, width)),
        ("self_attn.k_proj", (kv_heads * head, width)),
        ("self_attn.v_proj", (kv_heads * head, width)),
        ("self_attn.o_proj", (width, width)),
        ("post_attention_layernorm", (width,)),
        ("mlp.gate_proj", (hidden, width)),
        ("mlp.down_proj", (width, hidden)),
        ("mlp.up_proj", (hidden, width)),
    ]
    for name, shape in layout:
        for layer, matrix in enumerate(take(depth, *shape)):
            rotated = name.endswith(("q_proj", "k_proj"))
            weights[f"model.layers.{layer}.{name}.weight"] = _halves(matrix, head) if rotated else matrix.clone()
    weights["model.norm.weight"] = take(width)
    take(2, positions, head // 2)  # cosines and sines of the rotation; transformers computes them
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"] if tied else take(vocabulary, width)
    if taken != numbers.size:
        raise ValueError(f"{numbers.size - taken} numbers are left over: not a llama2.c version-0 file")
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=positions,
        rms_norm_eps=1e-5,
        tie_word_embeddings=tied,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=None,
    )
    model = LlamaForCausalLM(config)
    model.load_state_dict(weights)
    return model.eval()


def _halves(matrix: torch.Tensor, head: int) -> torch.Tensor:
    """Reorders the rows of each head: llama2.c rotates neighbours, transformers the two halves of a head."""
    rows, width = matrix.shape
    return matrix.view(rows // head, head // 2, 2, width).transpose(1, 2).reshape(rows, width)


def read_pieces(data: bytes) -> list[tuple[str, float]]:
    """Returns every piece of a tokenizer file with its score, in the order of ids; a space stands as a space."""
    pieces, at = [], 4  # the first int32 is the length of the longest piece
    while at < len(data):
        score, length = struct.unpack_from("<fi", data, at)
        pieces.append((data[at + 8 : at + 8 + length].decode(), score))
        at += 8 + length
    return pieces


def read_tokenizer(data: bytes) -> Any:
    """Returns a llama2.c tokenizer file as a fast tokenizer: pieces merge best score first, unknown characters become bytes."""
    pieces = read_pieces(data)
    ids = {text: number for number, (text, _) in enumerate(pieces)}
    # The file writes the special pieces as they should be printed, on lines of their own.
    vocabulary = {text.strip() if number < 3 else text: number for text, number in ids.items()}
    found = [
        (-score, ids[text[:cut]], ids[text[cut:]], text[:cut], text[cut:])
        for text, score in pieces[FIRST_PIECE:]
        for cut in range(1, len(text))
        if text[:cut] in ids and text[cut:] in ids
    ]
    merges = [(left, right) for *_, left, right in sorted(found)]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BOS)])
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **names)


if __name__ == "__main__":
    # python tests/llama2c.py MODEL.bin TOKENIZER FOLDER
    convert(*(Path(argument) for argument in sys.argv[1:4]))
