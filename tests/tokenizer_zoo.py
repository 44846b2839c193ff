"""Small tokenizers of every family, trained here in a moment, and the chat templates of well-known model families."""

import json
from functools import cache
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from didact.base.types import Conversation, Message, Origin
from didact.data.tokens import Tokeniser
from didact.models.tokenizer import load_tokenizer, make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS
from didact.prompts.model_format import ModelFormat

CORPUS = [
    "the quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "Hello there, how are you? I am fine. What is the capital of France? Paris is the capital.",
    "user assistant system model im start end of text turn header id INST think, a b c d 0 1 2 3 4 5 6 7 8 9",
    "Below is an instruction that describes a task. Write a response: Be brief. Bye. <|>[]/_{}!#'\"-+*=()",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz",
] * 4
SPECIAL = ["<unk>", "<s>", "</s>"]


def wrapped(tokenizer, *, bos="", eos="", unk="", adds_bos=False):
    if adds_bos:
        number = tokenizer.token_to_id(bos)
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, number)])
    names = {name: token for name, token in (("bos_token", bos), ("eos_token", eos), ("unk_token", unk)) if token}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **names)


def byte_level():
    return train_tokenizer(CORPUS, 400)


def byte_level_bos():
    """As Llama 3 and Qwen 3 are: a BOS, whole words before merges, tokens that text may become (not special) among the special ones."""
    tokenizer = train_tokenizer(CORPUS, 400).backend_tokenizer
    tokenizer.model.ignore_merges = True
    tokenizer.add_special_tokens([AddedToken("<|begin|>", special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("<tool_call>", special=False, normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in ("<think>", "</think>", "    ")])
    return wrapped(tokenizer, bos="<|begin|>", eos="<|end|>", adds_bos=True)


def byte_fallback(kind):
    """BPE with byte fallback, as Llama 2 and Mistral are. `kind`: who puts the space before a text, and where."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]) if kind == "prepend" else None
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always" if kind == "prepend" else kind, split=True)
    tokenizer.pre_tokenizer = metaspace
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False))
    table = json.loads(tokenizer.to_str())
    if kind == "prepend":
        table["pre_tokenizer"] = None
    table["model"]["byte_fallback"] = True
    table["model"]["vocab"] |= {f"<0x{byte:02X}>": len(table["model"]["vocab"]) + byte for byte in range(256)}
    tokenizer = Tokenizer.from_str(json.dumps(table))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return wrapped(tokenizer, bos="<s>", eos="</s>", unk="<unk>", adds_bos=True)


def unigram():
    """As T5 is: white space at the ends and runs of it are lost, characters that were not seen too."""
    tokenizer = Tokenizer(models.Unigram())
    squeeze = [normalizers.Replace("\n", " "), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(squeeze)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    names = ["<pad>", "</s>", "<unk>", "<extra_id_0>"]
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=names, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrapped(tokenizer, eos="</s>", unk="<unk>")


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=names, show_progress=False))
    return wrapped(tokenizer, bos="[CLS]", eos="[SEP]", unk="[UNK]")


FAMILIES = {
    "byte_level": byte_level,
    "byte_level_bos": byte_level_bos,
    "metaspace_first": lambda: byte_fallback("first"),
    "metaspace_always": lambda: byte_fallback("always"),
    "prepend": lambda: byte_fallback("prepend"),
    "unigram": unigram,
    "wordpiece": wordpiece,
}
LOSSLESS = ("byte_level", "byte_level_bos", "metaspace_first", "metaspace_always", "prepend")
"""Families that write every text, and read it back."""
SHARED = {
    "gpt2": "tokenizers/gpt2",
    "mistral_v1": "tokenizers/mistral/tokenizer.model.v1",
    "mistral_v3": "tokenizers/mistral/mistral_instruct_tokenizer_240323.model.v3",
    "seqio": "tokenizers/seqio_t5_test/sentencepiece.model",
    "spiece": "tokenizers/hf_fixture_spiece/spiece.model",
    "tok105": "babyllama_tok105/tok105.model",
}

TURN = "{% for m in messages %}"
TEMPLATES = {
    "like_chatml": (
        TURN + "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "like_llama3": (
        "{{ bos_token }}" + TURN + "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    "like_mistral": (
        "{{ bos_token }}" + TURN + "{% if m.role == 'user' %}{{ '[INST] ' + m.content + '[/INST]' }}"
        "{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}{% else %}{{ raise_exception('no system') }}{% endif %}"
        "{% endfor %}"
    ),
    "like_gemma": (
        "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        + TURN
        + "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content | trim + '<end_of_turn>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    "like_qwen3": (
        TURN + "{% set said = m.content.split('</think>')[-1].lstrip('\n') if m.role == 'assistant' else m.content %}"
        "{{ '<|im_start|>' + m.role + '\n' }}"
        "{% if m.role == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
        "{{ said + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "like_phi3": (
        TURN + "{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
    ),
}
MARKS = {
    "like_chatml": ("<|im_start|>", "<|im_end|>"),
    "like_llama3": ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "like_mistral": ("[INST]", "[/INST]"),
    "like_gemma": ("<start_of_turn>", "<end_of_turn>"),
    "like_qwen3": ("<|im_start|>", "<|im_end|>", "<think>", "</think>"),
    "like_phi3": ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
}
WITH_SYSTEM = ("chatml", "llama3", "mistral", "gemma", "alpaca", "plain", "like_chatml", "like_llama3", "like_qwen3", "like_phi3")
ALL_FORMATS = (*FORMATS, *TEMPLATES)


def with_template(tokenizer, name):
    """Gives a tokenizer one of the templates and its marks. Phi 3's marks swallow the white space behind them."""
    known = tokenizer.get_vocab()
    new = [AddedToken(mark, special=True, normalized=False, rstrip=name == "like_phi3") for mark in MARKS[name] if mark not in known]
    tokenizer.add_tokens(new, special_tokens=True)
    tokenizer.chat_template = TEMPLATES[name]
    return tokenizer


@cache
def ready(family: str, chat_format: str, shared: Path | None = None) -> Tokeniser:
    """Returns the tokeniser of a family in a format or template; `shared` is the folder of real tokenizers."""
    tokenizer = FAMILIES[family]() if family in FAMILIES else load_tokenizer(str(shared / "models" / SHARED[family]))
    form = ModelFormat(with_template(tokenizer, chat_format)) if chat_format in TEMPLATES else FORMATS[chat_format]
    make_ready(tokenizer, form)
    return Tokeniser(tokenizer, form)


def talk(*texts, system=""):
    """Returns a conversation of alternating user and assistant turns."""
    turns = [Message("user" if number % 2 == 0 else "assistant", text) for number, text in enumerate(texts)]
    return Conversation((*([Message("system", system)] if system else []), *turns), Origin("task", "row"))
