"""Training of a unigram vocabulary: start with too many pieces, then take away those that the texts miss least.

Written here because the trainer of the tokenizers library gives other pieces in every run, and no run could be repeated.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LONGEST_PIECE, LONGEST_WORD = 16, 48
"""Characters. What is longer is cut, for training only."""
_SEEDS_PER_PIECE = 10
_ROUND_KEEPS = 0.75
_NONE = -1e9
"""Log-probability of what is no piece."""


@dataclass
class _Bucket:
    """The words of one length L: (start, end) and, for each of the N words, the piece that stands there, -1 where none does."""

    length: int
    counts: np.ndarray
    """float64 (N,)"""
    spans: list[tuple[int, int]]
    ids: np.ndarray
    """int32 (spans, N)"""


def train_unigram(words: Mapping[str, int], vocabulary: int, alphabet: Sequence[str]) -> list[tuple[str, float]]:
    """Returns pieces with their log-probabilities: all of the alphabet, and at most `vocabulary` in all.

    Args:
        words: How often each word occurs, in characters of the alphabet.
        vocabulary: Pieces, at most; never fewer than the alphabet has.
        alphabet: The characters that are always pieces.

    Source: Kudo 2018, arXiv 1804.10959, section 3.2, with sentencepiece's digamma in the M step.

    >>> [piece for piece, _ in train_unigram({"abab": 9, "ab": 9, "b": 1}, 3, "ab")]
    ['a', 'b', 'ab']
    """
    cut = Counter[str]()
    for word, count in words.items():
        for start in range(0, len(word), LONGEST_WORD):
            cut[word[start : start + LONGEST_WORD]] += count
    pieces = [*alphabet, *_seeds(cut, _SEEDS_PER_PIECE * vocabulary)]
    texts, own = _buckets(cut, pieces), _buckets(dict.fromkeys(pieces, 1), pieces)
    covered = np.maximum(_first_counts(texts, len(pieces)), 0.5) * [len(piece) for piece in pieces]
    scores = np.log(covered / covered.sum())
    while True:
        for _ in range(2):
            counts = _expected(texts, scores)
            scores = _log_probabilities(counts)
        kept = _worth_keeping(counts, scores, own, len(alphabet), vocabulary)
        pieces, scores = [pieces[i] for i in kept], scores[kept]
        new_ids = np.full(len(counts) + 1, -1, np.int32)  # its last place is where -1 points
        new_ids[kept] = np.arange(len(kept))
        for bucket in (*texts, *own):
            bucket.ids = new_ids[bucket.ids]
        if len(pieces) <= max(vocabulary, len(alphabet)):
            return [(piece, round(float(score), 6)) for piece, score in zip(pieces, scores, strict=True)]


def _seeds(words: Mapping[str, int], most: int) -> list[str]:
    """Returns the substrings that occur at least twice, those that cover most characters first."""
    found = Counter[str]()
    for word, count in words.items():
        for start in range(len(word) - 1):
            for end in range(start + 2, min(start + LONGEST_PIECE, len(word)) + 1):
                found[word[start:end]] += count
    covered = {piece: count * len(piece) for piece, count in found.items() if count > 1}
    return sorted(covered, key=lambda piece: (-covered[piece], piece))[:most]


def _buckets(words: Mapping[str, int], pieces: Sequence[str]) -> list[_Bucket]:
    index = {piece: number for number, piece in enumerate(pieces)}
    by_length: dict[int, list[str]] = {}
    for word in words:
        by_length.setdefault(len(word), []).append(word)
    buckets = []
    for length, group in sorted(by_length.items()):
        spans = [(i, j) for j in range(1, length + 1) for i in range(max(j - LONGEST_PIECE, 0), j)]
        ids = np.array([[index.get(word[i:j], -1) for word in group] for i, j in spans], np.int32)
        buckets.append(_Bucket(length, np.array([words[word] for word in group], np.float64), spans, ids))
    return buckets


def _first_counts(buckets: Iterable[_Bucket], size: int) -> np.ndarray:
    """Returns how often each piece stands anywhere, float64 (pieces,)."""
    return sum((_tallied(b.ids, np.broadcast_to(b.counts, b.ids.shape), size) for b in buckets), np.zeros(size))


def _tallied(ids: np.ndarray, amounts: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(ids.ravel() + 1, amounts.ravel(), size + 1)[1:]


def _expected(buckets: Iterable[_Bucket], scores: np.ndarray) -> np.ndarray:
    """Returns how often each piece is used over all segmentations, weighed by their probability: the E step, float64 (pieces,)."""
    total = np.zeros(len(scores))
    for bucket in buckets:
        found = _span_scores(bucket, scores)
        ahead = np.full((bucket.length + 1, len(bucket.counts)), _NONE)
        behind = ahead.copy()
        ahead[0], behind[-1] = 0, 0
        for (i, j), score in zip(bucket.spans, found, strict=True):
            ahead[j] = np.logaddexp(ahead[j], ahead[i] + score)
        # From the last start backwards: whatever ends behind it is known by then.
        for number in sorted(range(len(bucket.spans)), key=lambda n: -bucket.spans[n][0]):
            i, j = bucket.spans[number]
            behind[i] = np.logaddexp(behind[i], behind[j] + found[number])
        starts, ends = np.array(bucket.spans).T
        shares = np.exp(np.minimum(ahead[starts] + found + behind[ends] - ahead[-1], 0))
        total += _tallied(bucket.ids, shares * bucket.counts, len(scores))
    return total


def _span_scores(bucket: _Bucket, scores: np.ndarray) -> np.ndarray:
    """Returns the log-probability of each span of each word, float64 (spans, N)."""
    return np.asarray(np.append(scores, _NONE)[bucket.ids])


def _log_probabilities(counts: np.ndarray) -> np.ndarray:
    """Returns digamma(count) − digamma(total): as logarithms, but rare pieces lose more. Float64 (pieces,)."""
    counts = np.maximum(counts, 1e-3)
    return np.asarray(_digamma(counts) - _digamma(counts.sum(keepdims=True)))


def _digamma(x: np.ndarray) -> np.ndarray:
    """Returns the derivative of log Γ, float64.

    >>> round(float(_digamma(np.array([1.0]))[0]), 6)  # −γ
    -0.577216
    """
    below = sum(1 / (x + k) for k in range(6))
    x = x + 6
    return np.asarray(np.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6) - below)


def _worth_keeping(counts: np.ndarray, scores: np.ndarray, own: Iterable[_Bucket], num_always: int, vocabulary: int) -> np.ndarray:
    """Returns the pieces to keep in order, int64: the alphabet, and those whose loss would make the texts least probable."""
    instead = np.full(len(scores), _NONE)
    for bucket in own:
        found = _span_scores(bucket, scores)
        best = np.full((bucket.length + 1, len(bucket.counts)), _NONE)
        best[0] = 0
        for (i, j), score in zip(bucket.spans, found, strict=True):
            if j - i < bucket.length:
                best[j] = np.maximum(best[j], best[i] + score)
        whole = bucket.ids[bucket.spans.index((0, bucket.length))]
        instead[whole[whole >= 0]] = best[-1][whole >= 0]
    missed = counts * (scores - instead)
    missed[:num_always] = np.inf
    missed[num_always:][counts[num_always:] < 0.5] = -np.inf
    room = max(vocabulary, num_always, int(len(scores) * _ROUND_KEEPS) if len(scores) * _ROUND_KEEPS > 1.1 * vocabulary else 0)
    order = np.argsort(-missed, kind="stable")[:room]
    return np.sort(order[missed[order] > -np.inf])
