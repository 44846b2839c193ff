"""Longest common subsequences of many pairs of texts, and from how long on a pair is too similar."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from didact.base.errors import DataError
from didact.tasks.metrics import lcs_length


def lcs_lengths(firsts: Sequence[str], seconds: Sequence[str]) -> np.ndarray:
    """Returns the length of the longest common subsequence of each pair of strings, int64 (N,).

    With rapidfuzz where it is installed, else in plain Python, which takes about ten times as long and finds the same.

    >>> lcs_lengths(["abcd", ""], ["acd", "x"]).tolist()
    [3, 0]
    """
    quick = _quick()
    if quick is None:
        return np.fromiter(map(lcs_length, firsts, seconds), np.int64, len(firsts))
    process, scorer = quick
    found: np.ndarray = process.cpdist(firsts, seconds, scorer=scorer, dtype=np.int64)
    return found


def lcs_with_all(text: str, others: Sequence[str]) -> np.ndarray:
    """Returns the length of the longest common subsequence of one string with each of others, int64 (N,).

    >>> lcs_with_all("abcd", ["acd", "dcba"]).tolist()
    [3, 1]
    """
    quick = _quick()
    if quick is None or not others:
        return np.array([lcs_length(text, other) for other in others], np.int64)
    process, scorer = quick
    found: np.ndarray = process.cdist([text], others, scorer=scorer, dtype=np.int64)[0]
    return found


def _quick() -> tuple[Any, Any] | None:
    try:
        from rapidfuzz import process
        from rapidfuzz.distance import LCSseq
    except ImportError:
        return None
    return process, LCSseq.similarity


class Limit:
    """From which common subsequence on two texts are too similar: ROUGE-L F1 above a threshold.

    F1 of m and n words with L in common is 2 L / (m + n). Exactly the threshold is not above it: in integers, 20 L > 7 (m + n)
    for 0.7. The originals divide and multiply in floating point, where almost half of the exact ties come out above; `strict`
    decides as they do.

    Args:
        threshold: From 0 to 1.
        strict: At an exact tie, what double precision says.

    Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, section 2.2 (0.7); rouge_score 0.1.2 (order of operations).

    7 of 7 and 13 words is 14/20, a tie:

    >>> int(Limit(0.7).least(7, 13)), int(Limit(0.7, strict=True).least(7, 13))
    (8, 7)
    """

    def __init__(self, threshold: float, strict: bool = False) -> None:
        if not 0 <= threshold <= 1:
            raise DataError(f"a similarity of {threshold} does not exist", expected="0 to 1", remedy="threshold=0.7")
        exact = Fraction(str(threshold))
        self.threshold, self.strict = threshold, strict
        self._times, self._parts = exact.numerator, 2 * exact.denominator

    def least(self, m: Any, n: Any) -> np.ndarray:
        """Returns the shortest common subsequence that is too long, for texts of m and n words, int64; arrays broadcast."""
        tie = self._times * (np.asarray(m, np.int64) + n) // self._parts
        if not self.strict:
            return np.asarray(tie + 1)
        return np.asarray(np.where((tie > 0) & (f1(tie, m, n) > self.threshold), tie, tie + 1))

    def at_least(self, m: int, n: int) -> int:
        """Returns a number that `least` is never below, which does not fall as m or n grow."""
        return self._times * (m + n) // self._parts + (0 if self.strict else 1)


def f1(lcs: Any, m: Any, n: Any) -> np.ndarray:
    """Returns ROUGE-L F1, float64, by the operations of rouge_score in their order; 0 where nothing is in common.

    >>> float(f1(7, 7, 13)), f1(0, 0, 3).tolist()
    (0.7000000000000001, 0.0)
    """
    precision = lcs / np.maximum(m, 1)
    recall = lcs / np.maximum(n, 1)
    both = precision + recall
    return np.asarray(2 * precision * recall / np.where(both > 0, both, 1))
