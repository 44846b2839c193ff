"""Texts to token ids, several times quicker where the tokenizer never joins words: each word goes through it once and is remembered.

That is so for byte-level BPE behind the patterns of GPT-2, GPT-4 and Qwen 2: whatever they match, a piece never goes on across a space
that a character follows. Where this is not known of a tokenizer, and for texts with runs of white space, the tokenizer does it all.
"""

import json
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer

_MOST = 200_000
"""Words that are remembered, of each kind."""
_AT_ONCE = 256
"""New words that are put through the tokenizer as one text."""
_AWKWARD = re.compile(r" (?:\s|\Z)")
"""A space that belongs to a run of white space."""
_CUTS_AT_SPACES = frozenset(
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    )
)
"""Patterns for which the same holds as for the one that is built into byte-level pre-tokenizers."""


class WordEncoder:
    """A tokenizer for text, without special tokens.

    Args:
        encoder: The tokenizer.
        forbidden: Ids that text must not become.
    """

    def __init__(self, encoder: Tokenizer, forbidden: frozenset[int] = frozenset()) -> None:
        self._encoder, self._forbidden = encoder, forbidden
        self.clean = True
        """No text so far has become a forbidden id."""
        table = json.loads(encoder.to_str())
        self._by_word = _keeps_words(table)
        self._only_ascii = table["normalizer"] is not None
        names = [re.escape(token["content"]) for token in table["added_tokens"]]
        self._added = re.compile("|".join(names)) if names else None
        self._longest = max((len(token["content"]) for token in table["added_tokens"]), default=0)
        self._opening = _opening(table) if self._by_word else np.zeros(0, bool)
        self._first: dict[str, bytes] = {}
        """What a text begins with, up to its first space, to its ids: int32, one behind the other."""
        self._later: dict[str, bytes] = {}
        """What follows a space, the space not written."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_first": {}, "_later": {}}

    def forget(self) -> None:
        """Forgets all words."""
        self._first, self._later = {}, {}

    def encode(self, texts: Sequence[str]) -> list["array[int]"]:
        """Returns the ids of each text."""
        if not self._by_word:
            return self._through(texts)
        results, whole, plain = [array("i")] * len(texts), list[int](), list[tuple[int, str, list[str]]]()
        for number, text in enumerate(texts):
            if self._is_plain(text):
                head, space, rest = text.partition(" ")
                plain.append((number, head, rest.split(" ") if space else []))
            else:
                whole.append(number)
        for number, found in zip(whole, self._through([texts[number] for number in whole]), strict=True):
            results[number] = found
        self._learn(self._first, {head for _, head, _ in plain}, self._through)
        self._learn(self._later, set(chain.from_iterable(words for _, _, words in plain)), self._behind_spaces)
        first, later = self._first, self._later.__getitem__
        for number, head, words in plain:
            results[number] = array("i", b"".join((first[head], *map(later, words))))
        return results

    def apart(self, before: str, behind: str) -> bool:
        """Says whether the ids of a text are known to be those of its beginning and those of what follows.

        Args:
            before: What it begins with.
            behind: The rest of it.
        """
        if not self._by_word or not before or before[-1].isspace() or not behind.startswith(" ") or not self._is_plain(behind):
            return False
        # Tokens that text may become are looked for first, whatever they stand in; some of them swallow a space beside them.
        return self._added is None or not self._added.search(before[-self._longest :] + behind)

    def _is_plain(self, text: str) -> bool:
        if self._only_ascii and not text.isascii():
            return False
        return not (_AWKWARD.search(text) or (self._added is not None and self._added.search(text)))

    def _through(self, texts: Sequence[str]) -> list["array[int]"]:
        ids = [found.ids for found in self._encoder.encode_batch_fast(texts, add_special_tokens=False)] if texts else []
        self.clean = self.clean and all(map(self._forbidden.isdisjoint, ids))
        return [array("i", found) for found in ids]

    def _learn(self, known: dict[str, bytes], met: set[str], ids_of: Callable[[Sequence[str]], Sequence["array[int]"]]) -> None:
        """Puts words that were not met before through the tokenizer."""
        new = met.difference(known)
        if len(known) + len(new) > _MOST:
            known.clear()
            new = met
        known.update(zip(new, map(array.tobytes, ids_of([*new])), strict=True))

    def _behind_spaces(self, words: Sequence[str]) -> list["array[int]"]:
        """Returns the ids of words that follow a space, many at once: a third of the time that they take one by one."""
        if not words:
            return []
        texts = [" " + " ".join(words[start : start + _AT_ONCE]) for start in range(0, len(words), _AT_ONCE)]
        if self._added is None or not any(map(self._added.search, texts)):
            ids = array("i", b"".join(self._through(texts)))
            starts = np.flatnonzero(self._opening[ids]).tolist()
            if len(starts) == len(words):
                return [ids[start:stop] for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True)]
        return self._through([" " + word for word in words])


def _opening(table: Mapping[str, Any]) -> np.ndarray:
    """Returns which tokens begin with a space, bool (V,): the one space of a word stands at its beginning, and is written so."""
    vocabulary = table["model"]["vocab"]
    opening = np.zeros(max([*vocabulary.values(), *(token["id"] for token in table["added_tokens"])]) + 1, bool)
    opening[[number for name, number in vocabulary.items() if name.startswith("Ġ")]] = True
    return opening


def _keeps_words(table: Mapping[str, Any]) -> bool:
    """Says whether a tokenizer's pieces never go on across a space that a character follows."""
    normalizer, cutter, model = table["normalizer"], table["pre_tokenizer"], table["model"]
    if normalizer is not None and normalizer["type"] != "NFC":
        return False
    if model["type"] != "BPE" or model.get("dropout") or cutter is None:
        return False
    *before, last = cutter["pretokenizers"] if cutter["type"] == "Sequence" else [cutter]
    if last["type"] != "ByteLevel" or last["add_prefix_space"]:
        return False
    cut = last.get("use_regex", True)
    for part in before:
        if part["type"] == "Split":
            pattern = part["pattern"].get("Regex")
            if pattern not in _CUTS_AT_SPACES or part["behavior"] != "Isolated" or part["invert"]:
                return False
            cut = True
        elif part["type"] != "Digits":
            return False
    return bool(cut)
