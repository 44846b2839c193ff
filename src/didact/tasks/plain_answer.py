"""A completion without the marks that Markdown puts around words, every character knowing where it was written."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

_MARK = re.compile(r"\*\*|`")
_CLUSTER = regex.compile(r"\X")
_RAISED = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉")
"""Figures above and below the line: exponents and indices, no part of a number."""


@dataclass(frozen=True, slots=True)
class Plain:
    """What a completion says, in one form of every letter (NFKC)."""

    text: str
    written: str
    """The completion as it was written."""
    starts: Sequence[int]
    """Where in it each character of `text` begins."""
    ends: Sequence[int]
    """And where it ends."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns where a part of `text` was written: first character, last + 1.

        >>> said = plain("So **(B)**.")
        >>> said.text, said.written[slice(*said.span(3, 6))]
        ('So (B).', '(B)')
        """
        if start >= end:
            place = self.starts[start] if start < len(self.starts) else len(self.written)
            return place, place
        return self.starts[start], self.ends[end - 1]

    def level(self) -> str:
        """Returns `text` with a sign in place of each raised and lowered figure: 5 m² is no 52.

        >>> plain("10² m").text, plain("10² m").level()
        ('102 m', '10^ m')
        """
        if _RAISED.isdisjoint(self.written):
            return self.text
        return "".join("^" if self.written[start] in _RAISED else char for char, start in zip(self.text, self.starts, strict=True))


@lru_cache(maxsize=64)  # each rule asks anew
def plain(text: str) -> Plain:
    """Returns a completion in one form of every letter (NFKC), without bold and code marks and white space around it.

    >>> plain(" **Answer: Ｂ** ").text
    'Answer: B'
    """
    chars = text
    starts: Sequence[int] = range(len(text))
    ends: Sequence[int] = range(1, len(text) + 1)
    if not unicodedata.is_normalized("NFKC", text):
        parts = [(char, m.start(), m.end()) for m in _CLUSTER.finditer(text) for char in unicodedata.normalize("NFKC", m.group())]
        chars, starts, ends = "".join(char for char, _, _ in parts), [start for _, start, _ in parts], [end for _, _, end in parts]
    if _MARK.search(chars):
        marked = {place for m in _MARK.finditer(chars) for place in range(m.start(), m.end())}
        kept = [place for place in range(len(chars)) if place not in marked]
        chars, starts, ends = "".join(chars[i] for i in kept), [starts[i] for i in kept], [ends[i] for i in kept]
    left, right = trimmed(chars, 0, len(chars))
    return Plain(chars[left:right], text, starts[left:right], ends[left:right])


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Returns a part of a text without white space and asterisks at its ends.

    >>> trimmed(" *B* ", 0, 5)
    (2, 3)
    """
    while start < end and (text[start].isspace() or text[start] == "*"):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] == "*"):
        end -= 1
    return start, end
