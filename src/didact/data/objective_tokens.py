"""The tokens that an objective needs beside text: sentinels, masks, mode tokens; and what it has to know of the other tokens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from tokenizers import decoders

from didact.base.errors import ModelError
from didact.base.recipe import Objective
from didact.data.tokens import Tokeniser

NUM_SENTINELS = 100
SENTINELS: tuple[str, ...] = tuple(f"<extra_id_{number}>" for number in range(NUM_SENTINELS))
"""T5's names: the first gap of a text is `<extra_id_0>`."""
MODES: tuple[str, ...] = ("<|r|>", "<|s|>", "<|x|>")
"""UL2's families: regular spans, sequential (a prefix and what follows), extreme ones."""
BART_MASK, BERT_MASK, FIRST, SEPARATOR = "<mask>", "[MASK]", "[CLS]", "[SEP]"
OWN_NAMES: Mapping[str, str] = {BART_MASK: "mask_token", BERT_MASK: "mask_token", FIRST: "cls_token", SEPARATOR: "sep_token"}
"""Control tokens for which transformers has a place of its own; a tokenizer with such a token gets no second one."""
_CLOSERS = "'\"”’)]」』"
_SENTENCE_END = re.compile(rf"[.!?。！？][{re.escape(_CLOSERS)}]*\s*$|\n\s*$")
_FULL_WIDTH = ("。", "！", "？")
"""Stops behind which no space follows."""


def objective_controls(objective: Objective) -> tuple[str, ...]:
    """Returns the control tokens that a tokenizer needs for an objective, beside those of its chat format.

    >>> objective_controls(Objective(kind="masked"))
    ('[MASK]', '[CLS]', '[SEP]')
    >>> len(objective_controls(Objective(kind="ul2")))
    103
    """
    if objective.kind in ("span_corruption", "seq2seq"):
        return SENTINELS
    if objective.kind == "ul2":
        return (*SENTINELS, *MODES) if objective.ul2.mode_tokens else SENTINELS
    return {"bart": (BART_MASK,), "masked": (BERT_MASK, FIRST, SEPARATOR)}.get(objective.kind, ())


@dataclass(frozen=True)
class ObjectiveTokens:
    """A tokeniser seen by an objective: ids of its control tokens, and which tokens begin a word or end a sentence."""

    tokeniser: Tokeniser
    objective: Objective
    ids: Mapping[str, int] = field(init=False)
    """Name to id of `objective_controls`; the tokenizer's own mask, first and separator token under our names."""

    def __post_init__(self) -> None:
        tokenizer = self.tokeniser.tokenizer
        names = {name: getattr(tokenizer, OWN_NAMES.get(name, ""), None) or name for name in objective_controls(self.objective)}
        lacking = [name for name, own in names.items() if own not in self.tokeniser.controls]
        if not lacking and self.objective.kind not in ("causal", "prefix", "masked") and self.tokeniser.eos_id is None:
            lacking = ["an end-of-text token"]
        if lacking:
            what = f"objective.kind {self.objective.kind} needs {', '.join(lacking[:3])}, which the tokenizer lacks"
            raise ModelError(what, remedy="set model.tokenizer to another, or objective.kind=causal")
        object.__setattr__(self, "ids", {name: self.tokeniser.controls[own] for name, own in names.items()})

    @cached_property
    def sentinels(self) -> np.ndarray:
        """Sentinels in order, int32."""
        return np.array([self.ids[name] for name in SENTINELS if name in self.ids], np.int32)

    @cached_property
    def modes(self) -> dict[str, int]:
        """UL2's mode tokens by name; empty where they are not wanted."""
        return {name: self.ids[name] for name in MODES if name in self.ids}

    @cached_property
    def ordinary(self) -> np.ndarray:
        """Every token that is not a control token, int32."""
        return np.array(sorted({*self.tokeniser.tokenizer.get_vocab().values()} - {*self.tokeniser.controls.values()}), np.int32)

    def word_starts(self, ids: np.ndarray) -> np.ndarray:
        """Returns where words begin, bool (T,): at white space, or at a token that WordPiece does not mark as a continuation."""
        opens, closes, _, _ = self._tables
        starts: np.ndarray = opens[ids]
        starts[1:] |= closes[ids[:-1]]
        starts[:1] = True
        return starts

    def sentence_ends(self, ids: np.ndarray) -> np.ndarray:
        """Returns the last token of every sentence or line, bool (T,): the last stop of a run, before a new word (3.5 is no end)."""
        _, _, stops, closers = (table[ids] for table in self._tables)
        ends: np.ndarray = stops
        for _ in range(2):  # what closes a quotation or a bracket behind the stop
            ends[1:] |= closers[1:] & ends[:-1]
        ends[:-1] &= ~ends[1:] & self.word_starts(ids)[1:]
        ends[-1:] = True
        return ends

    @cached_property
    def _tables(self) -> tuple[np.ndarray, ...]:
        """For every token, bool (V,) each: it opens with white space; a word may follow it without; it is a stop; it only closes one."""
        vocabulary = self.tokeniser.tokenizer.get_vocab()
        tables = np.zeros((4, max(vocabulary.values()) + 1), bool)
        for number, text in zip(vocabulary.values(), _texts([*vocabulary]), strict=True):
            tables[0, number] = text[:1].isspace()
            tables[1, number] = text[-1:].isspace() or text.endswith(_FULL_WIDTH)
            tables[2, number] = _SENTENCE_END.search(text) is not None
            tables[3, number] = bool(text) and not text.strip(_CLOSERS)
        return tuple(tables)


def _texts(names: list[str]) -> list[str]:
    r"""Returns what the tokens of a vocabulary stand for; white space where a word begins, however the tokenizer writes that.

    >>> _texts(["▁the", "<0x0A>", "re"]), _texts(["Ġthe", "Ċ"]), _texts(["the", "##re"])
    ([' the', '\n', 're'], [' the', '\n'], [' the', 're'])
    """
    if any(name.startswith("▁") for name in names):
        texts = [name.replace("▁", " ") for name in names]
        return [chr(int(text[3:5], 16)) if re.fullmatch("<0x[0-9A-F]{2}>", text) else text for text in texts]
    if any(name.startswith("Ġ") for name in names):
        decoder = decoders.ByteLevel()
        return [decoder.decode([name]) for name in names]
    if any(name.startswith("##") for name in names):
        return [name[2:] if name.startswith("##") else f" {name}" for name in names]
    return names
