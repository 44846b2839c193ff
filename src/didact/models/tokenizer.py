"""Tokenizers: loaded from a hub id, a folder or a sentencepiece file, or trained on the seen texts; made ready for a chat format."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from didact.base.errors import ModelError, missing_extra
from didact.data.objective_tokens import OWN_NAMES
from didact.models.unigram import train_unigram
from didact.prompts.chat_format import FORMATS, ChatFormat
from didact.prompts.model_format import ModelFormat

END_OF_TEXT, PAD = "<|endoftext|>", "<|pad|>"
_NORMAL, _UNKNOWN, _OWN, _BYTE, _BPE = 1, 2, 4, 6, 2
"""Piece types and the model type of sentencepiece's model file (sentencepiece_model.proto)."""


def load_tokenizer(name: str, revision: str | None = None) -> Any:
    """Returns a fast tokenizer.

    Args:
        name: A hub id, a folder in transformers' layout, or a sentencepiece `.model` file.
        revision: Branch, tag or commit of a hub id.

    Raises:
        ModelError: Nothing loadable is there, or it has no fast form.
    """
    path = Path(name)
    if path.is_file():
        return from_sentencepiece(path)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise ModelError(
            f"no tokenizer could be loaded from '{name}': {str(error).strip().splitlines()[0]}", remedy=_where_to_look(path)
        ) from None
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"the tokenizer of '{name}' has no fast form (tokenizer.json)", remedy="set model.tokenizer to one that has")
    return tokenizer


def _where_to_look(path: Path) -> str:
    if path.is_dir():
        return f"the folder needs tokenizer.json; it holds {', '.join(sorted(p.name for p in path.iterdir())[:8]) or 'nothing'}"
    return "check model.base and model.tokenizer: a hub id (owner/name, needs the network), a folder or a .model file"


def chat_format_named(name: str, tokenizer: Any) -> ChatFormat:
    """Returns a chat format by name; `model` is the tokenizer's own template.

    Raises:
        RecipeError: There is no such format.
        TemplateError: The tokenizer's template cannot be used.
    """
    return ModelFormat(tokenizer) if name == "model" else FORMATS[name]


def make_ready(tokenizer: Any, chat_format: ChatFormat, controls: Sequence[str] = ()) -> list[str]:
    """Gives the tokenizer the control tokens that format and objective need, and a padding token. Returns the names that are new to it.

    Args:
        tokenizer: A fast transformers tokenizer; what it has already keeps its id.
        chat_format: How turns are written.
        controls: From `objective_controls`. A tokenizer with a mask, first or separator token of its own gets no second one.
    """
    known = tokenizer.get_vocab()
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    asked = [name for name in controls if name not in OWN_NAMES or getattr(tokenizer, OWN_NAMES[name]) is None]
    new = [name for name in dict.fromkeys([*chat_format.controls, *asked]) if name not in known]
    # A sentinel that is there as an ordinary token becomes a special one and keeps its id: text must not spell it.
    if added := [*new, *(name for name in asked if name in known and name not in special)]:
        tokenizer.add_tokens([AddedToken(name, special=True, normalized=False) for name in added], special_tokens=True)
    for name in asked:
        if name in OWN_NAMES:
            setattr(tokenizer, OWN_NAMES[name], name)
    if tokenizer.pad_token_id is None:
        # Padding carries weight 0 whatever its id is, so any token serves; the end token is what other tools expect.
        tokenizer.pad_token = tokenizer.eos_token or next((name for name in chat_format.stop if name in tokenizer.get_vocab()), None)
    return new


def train_tokenizer(texts: Iterable[str], vocabulary: int, kind: Literal["bpe", "unigram"] = "bpe") -> Any:
    """Returns a tokenizer trained on texts: every text can be written with it, byte for byte.

    Both kinds work on bytes: what the training texts do not hold is written as single bytes.

    Args:
        texts: What it is trained on.
        vocabulary: Tokens, at most.
        kind: bpe merges the most frequent pairs; unigram keeps the pieces that make the texts most probable (arXiv 1804.10959).
    """
    # Numbers are cut into digits, as most current models do: arithmetic needs it and the vocabulary stays small.
    cutter = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    special, alphabet = [END_OF_TEXT, PAD], sorted(pre_tokenizers.ByteLevel.alphabet())
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = cutter
        trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
    else:
        words = Counter(word for text in texts for word, _ in cutter.pre_tokenize_str(text))
        pieces = train_unigram(words, vocabulary - len(special), alphabet)
        tokenizer = Tokenizer(models.Unigram([*((name, 0.0) for name in special), *pieces]))
        tokenizer.pre_tokenizer = cutter
        tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END_OF_TEXT, pad_token=PAD)


def from_sentencepiece(path: Path) -> Any:
    """Returns a sentencepiece model file (BPE or unigram) as a fast tokenizer.

    Raises:
        ModelError: The file is not a sentencepiece model of a known kind.
        PrerequisiteError: The extra `sentencepiece` is not installed.
    """
    try:
        from sentencepiece import sentencepiece_model_pb2
    except ImportError:
        raise missing_extra("reading a sentencepiece file", "sentencepiece") from None
    proto = sentencepiece_model_pb2.ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except Exception as error:
        raise ModelError(f"not a sentencepiece model: {path}", remedy="set model.tokenizer to a folder with tokenizer.json") from error
    pieces = [(piece.piece, piece.score, piece.type) for piece in proto.pieces]
    unknown = next((i for i, (_, _, kind) in enumerate(pieces) if kind == _UNKNOWN), None)
    bytes_too = any(kind == _BYTE for _, _, kind in pieces)
    spec = proto.normalizer_spec
    merges = proto.trainer_spec.model_type == _BPE
    tokenizer = Tokenizer(_bpe(pieces, bytes_too) if merges else models.Unigram(_scored(pieces), unknown, bytes_too))
    steps: list[Any] = [normalizers.Precompiled(spec.precompiled_charsmap)] if spec.precompiled_charsmap else []
    if spec.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    # sentencepiece puts a space before every text, even one that begins with a space.
    steps += [normalizers.Prepend("▁")] if spec.add_dummy_prefix else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    special = [p for p, _, kind in pieces if kind not in (_NORMAL, _OWN, _BYTE)]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    # Pieces that whoever trained the model asked for (USER_DEFINED) are text that is always one token.
    tokenizer.add_tokens([AddedToken(p, special=False, normalized=False) for p, _, kind in pieces if merges and kind == _OWN])
    if merges and "<s>" in special:
        # The file does not say it, but Llama, Mistral and llama2.c put <s> before every text; T5's unigram models do not.
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    names = {
        field: name
        for field, name in (("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>"))
        if name in special
    }
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **names)


def _scored(pieces: list[tuple[str, float, int]]) -> list[tuple[str, float]]:
    """Returns a unigram model's pieces, the asked-for ones with the score that makes them win, as sentencepiece has it."""
    best = max((score for _, score, kind in pieces if kind == _NORMAL), default=0.0)
    return [(piece, len(piece) * best - 0.1 if kind == _OWN else score) for piece, score, kind in pieces]


def _bpe(pieces: list[tuple[str, float, int]], bytes_too: bool) -> models.BPE:
    """Returns sentencepiece's merge-by-score as merges in order: a piece may be made from any two pieces, the best score first."""
    index = {piece: number for number, (piece, _, _) in enumerate(pieces)}
    usable = {piece for piece, _, kind in pieces if kind == _NORMAL}
    merges = []
    for piece, score, kind in pieces:
        if kind != _NORMAL:
            continue
        halves = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
        found = [(left, right) for left, right in halves if left in usable and right in usable]
        merges += [(-score, index[left], index[right], left, right) for left, right in found]
    unknown = next((piece for piece, _, kind in pieces if kind == _UNKNOWN), None)
    return models.BPE(
        index, [(left, right) for *_, left, right in sorted(merges)], unk_token=unknown, fuse_unk=True, byte_fallback=bytes_too
    )
