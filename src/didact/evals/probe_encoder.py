"""Encoders without their heads: loaded, made anew with random weights in the same shape, and what they are given to read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoModel
from transformers.utils import logging

from didact.base.errors import ModelError
from didact.evals.probe_rows import Texts
from didact.models.adapter_card import is_adapter
from didact.models.architecture import Architecture, architecture_of
from didact.models.bundled import bundled
from didact.models.load import load_checkpoint, merged
from didact.models.pretrained import positions_of
from didact.models.tokenizer import load_tokenizer

Pool = Literal["mean", "first", "last"]
"""What stands for a text: the mean of its tokens' states, the state of its first token ([CLS]), or of its last."""
POOL: dict[Architecture, Pool] = {"encoder": "mean", "encoder_decoder": "mean", "decoder": "last"}
"""What is taken where nobody says: a decoder's last token is the only one that has seen the whole text."""
_NOT_LOADABLE = (OSError, ValueError, KeyError, ImportError, RuntimeError)


@dataclass(frozen=True)
class Encoder:
    """A model that reads: states of tokens come out, no words."""

    name: str
    network: Any
    """A transformers model without a head; of an encoder-decoder, the encoder."""
    config: Any
    """What the whole model is."""
    tokenizer: Any
    architecture: Architecture
    positions: int | None
    """The longest sequence that it was built for, in tokens."""

    @property
    def width(self) -> int:
        """Numbers in a state."""
        return int(self.config.get_text_config().hidden_size)

    @property
    def num_parameters(self) -> int:
        """Its weights."""
        return sum(parameter.numel() for parameter in self.network.parameters())


@dataclass(frozen=True, slots=True)
class Read:
    """One sequence as tokens."""

    ids: list[int]
    types: list[int]
    """0 for the first segment, 1 for the second."""
    is_cut: bool
    """It did not fit, and the longer segment lost its end."""
    words: tuple[list[int], list[int]]
    """The tokens of both segments, without what stands around them."""


def load_encoder(name: str) -> Encoder:
    """Returns a model without its head.

    Args:
        name: A hub id, a folder in transformers' layout, or a checkpoint of a run.

    Raises:
        ModelError: There is no such model, weights are missing from its files, or it is a trained prompt.
    """
    tokenizer = load_tokenizer(bundled(name))
    if is_adapter(Path(name)):
        loaded = load_checkpoint(Path(name), whole=True)
        if loaded.adapter is not None and loaded.adapter.virtual:
            what = f"{name} is a trained prompt: its encoder is its base, which it leaves as it is"
            raise ModelError(what, remedy=f"didact probe {loaded.adapter.base} TASK")
        whole = merged(loaded).model
        return _encoder(name, whole.get_encoder() if whole.config.is_encoder_decoder else whole.base_model, whole.config, tokenizer)
    options: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False, "output_loading_info": True}
    try:
        with _without_report():
            model, told = AutoModel.from_pretrained(bundled(name), **options)
    except _NOT_LOADABLE as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        remedy = "name a run (didact ls runs), a folder with config.json and model.safetensors, or a hub id (needs the network)"
        raise ModelError(f"no model could be loaded from '{name}': {reason}", remedy=remedy) from None
    # BERT's pooler was trained to tell the next sentence, and many files lack it: no head here stands on it.
    lacking = sorted(key for key in told["missing_keys"] if "pooler" not in key)
    if lacking:
        what = f"'{name}' lacks {len(lacking)} of the weights of {type(model).__name__}: {', '.join(lacking[:3])}"
        raise ModelError(what, expected="a complete model", remedy="name another one")
    return _encoder(name, model.get_encoder() if model.config.is_encoder_decoder else model, model.config, tokenizer)


@contextmanager
def _without_report() -> Iterator[None]:
    """Keeps transformers' table of weights to itself: a pre-training's head is left behind on purpose, and missing weights are refused."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _encoder(name: str, network: Any, config: Any, tokenizer: Any) -> Encoder:
    return Encoder(name, network.float().eval(), config, tokenizer, architecture_of(config), positions_of(config))


def untrained(encoder: Encoder, seed: int) -> Any:
    """Returns a network of an encoder's shape with random weights, as its authors draw them: what it knew before its pre-training.

    Args:
        encoder: Whose shape.
        seed: What the weights are drawn from.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        made = AutoModel.from_config(deepcopy(encoder.config), dtype=torch.float32)
    return (made.get_encoder() if encoder.architecture == "encoder_decoder" else made).eval()


def read_texts(encoder: Encoder, texts: Sequence[Texts], max_length: int) -> list[Read]:
    """Returns texts as tokens, framed as the encoder was pre-trained: `[CLS] a [SEP] b [SEP]`, or its tokenizer's own frame.

    A decoder reads both segments on two lines, from its first token on; the encoder of an encoder-decoder has the end token behind.
    Where a pair is too long, the longer segment loses its end, token by token.

    Args:
        encoder: Who reads.
        texts: Pairs of segments; the second may be empty.
        max_length: Tokens of a sequence, at most.
    """
    tokenizer = encoder.tokenizer
    flat = [text for pair in texts for text in _joined(pair, encoder)]
    given = {"add_special_tokens": False, "return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
    ids: list[list[int]] = tokenizer(flat, **given)["input_ids"] if flat else []
    found = []
    for first, second in zip(ids[::2], ids[1::2], strict=True):
        front, between, behind = _frame(encoder, bool(second))
        room = max_length - len(front) - len(between) - len(behind)
        one, other = _fitted(first, second, room)
        left, right = [*front, *one, *between], [*other, *behind]
        if not (left or right):
            left = [_filler(tokenizer)]
        is_cut = len(one) + len(other) < len(first) + len(second)
        types = [0] * len(left) + ([1] * len(right) if second else [0] * len(right))
        found.append(Read([*left, *right], types, is_cut, (one, other)))
    return found


def _joined(pair: Texts, encoder: Encoder) -> Texts:
    """Returns a pair as it is encoded: behind the first line, for models that know no segments, the second is a line of its own."""
    if encoder.architecture == "encoder" or not pair[1]:
        return pair
    return f"{pair[0]}\n", pair[1]


def _frame(encoder: Encoder, pair: bool) -> tuple[list[int], list[int], list[int]]:
    """Returns the tokens in front of the first segment, behind it, and behind the second."""
    tokenizer = encoder.tokenizer
    if encoder.architecture == "decoder":
        adds = tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
        return ([tokenizer.bos_token_id] if adds else []), [], []
    if encoder.architecture == "encoder_decoder":
        return [], [], ([tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else [])
    if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
        return [], [], []
    # RoBERTa and its kin write two separators between the segments; what a tokenizer adds by itself says so.
    doubled = tokenizer.num_special_tokens_to_add(pair=True) == 4
    first, separator = [tokenizer.cls_token_id], [tokenizer.sep_token_id]
    return (first, separator * (2 if doubled else 1), separator) if pair else (first, [], separator)


def _fitted(first: list[int], second: list[int], room: int) -> tuple[list[int], list[int]]:
    """Returns two segments that fit together, the longer one cut at its end.

    >>> _fitted([1, 2, 3, 4, 5], [6, 7], 5)
    ([1, 2, 3], [6, 7])
    """
    over = len(first) + len(second) - max(room, 1)
    if over <= 0:
        return first, second
    # First the longer one down to the other's length, then both by turns.
    alone = min(over, abs(len(first) - len(second)))
    rest = over - alone
    lost = (alone + -(-rest // 2), rest // 2) if len(first) >= len(second) else (rest // 2, alone + -(-rest // 2))
    return first[: len(first) - lost[0]], second[: len(second) - lost[1]]


def _filler(tokenizer: Any) -> int:
    return int(next(found for found in (tokenizer.eos_token_id, tokenizer.pad_token_id, 0) if found is not None))
