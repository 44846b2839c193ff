"""Words of many texts as 64-bit hashes, and of these the hashes of every run of n words: whole arrays at a time.

Hashes are the same in every process and on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from didact.base.chance import generator
from didact.tasks.words import words

NUM_BYTES = 1 << 21
"""Bytes hashed at a time: keeps the arrays in between small."""

_RADIX = 0x9E3779B97F4A7C15  # Odd, so that it has an inverse modulo 2 ** 64.
_STEP = 0xD1342543DE82EF95

# Signs between words are worth 0, capital letters as much as small ones. Bytes above 127 are letters: see `_as_bytes`.
_IS_WORD = np.array([chr(byte).isalnum() or byte > 127 for byte in range(256)])
_WORTH = np.where(_IS_WORD, generator(0, "word hashes").integers(1, 1 << 64, 256, dtype=np.uint64), np.uint64(0))
_WORTH[ord("A") : ord("Z") + 1] = _WORTH[ord("a") : ord("z") + 1]


@dataclass(frozen=True, slots=True)
class Hashed:
    """Texts as the hashes of their words, one text after the other; a row has one text or several."""

    words: np.ndarray
    """uint64 (W,)."""
    left: np.ndarray
    """int32 (W,): words from here to the end of the text, this one included."""
    rows: np.ndarray
    """int32 (W,): row of the text that the word is in, never falling."""
    num_rows: int
    num_words: np.ndarray
    """int64 (S,): words of each text."""
    whole: np.ndarray
    """uint64 (S,): hash of each text's words in their order."""
    alike: np.ndarray
    """uint64 (R,): hash of each row's texts, whatever their order."""


def mixed(hashes: np.ndarray) -> np.ndarray:
    """Returns hashes of hashes: every bit depends on all bits of the old one.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators).
    """
    hashes = hashes ^ (hashes >> np.uint64(30))
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(27)
    hashes *= np.uint64(0x94D049BB133111EB)
    hashes ^= hashes >> np.uint64(31)
    return hashes


def hash_texts(texts: Sequence[str], rows: np.ndarray | None = None) -> Hashed:
    """Returns the hashes of the words of texts: the words of `didact.tasks.words`, folded.

    Args:
        texts: The texts.
        rows: Row of each text, int32, never falling; none: each text is a row of its own.

    >>> hashed = hash_texts(["One, two", "", "ONE"])
    >>> hashed.num_words.tolist(), hashed.left.tolist(), bool(hashed.words[0] == hashed.words[2])
    ([2, 0, 1], [2, 1, 1], True)
    """
    rows = np.arange(len(texts), dtype=np.int32) if rows is None else rows
    hashes, counts = list[np.ndarray](), list[np.ndarray]()
    part, size = list[bytes](), 0
    for text in texts:
        if size > NUM_BYTES:
            _hash_part(part, hashes, counts)
            part, size = [], 0
        part.append(_as_bytes(text))
        size += len(part[-1])
    _hash_part(part, hashes, counts)
    every, num_words = np.concatenate(hashes), np.concatenate(counts)[: len(texts)]
    ends = np.cumsum(num_words)
    left = np.repeat(ends, num_words) - np.arange(len(every))
    whole, full = np.zeros(len(texts), np.uint64), num_words > 0
    if len(every):
        whole[full] = np.add.reduceat(mixed(every + left.astype(np.uint64) * np.uint64(_STEP)), (ends - num_words)[full])
    num_rows = int(rows[-1]) + 1 if len(rows) else 0
    alike = np.zeros(num_rows, np.uint64)
    np.add.at(alike, rows, mixed(whole))
    return Hashed(every, left.astype(np.int32), np.repeat(rows, num_words), num_rows, num_words, whole, alike)


def _as_bytes(text: str) -> bytes:
    """Returns bytes with the same words: of other scripts only the words, as every byte above 127 counts as a letter."""
    return text.encode() if text.isascii() else " ".join(words(text)).encode("utf-8", "surrogatepass")


def _powers(base: int, size: int) -> np.ndarray:
    powers = np.full(size, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


_POWERS = _powers(_RADIX, 1 << 12)
_INVERSES = _powers(pow(_RADIX, -1, 1 << 64), 1 << 12)


def _grow(size: int) -> None:
    global _POWERS, _INVERSES
    if len(_POWERS) < size:
        _POWERS, _INVERSES = _powers(_RADIX, size), _powers(pow(_RADIX, -1, 1 << 64), size)


def _hash_part(part: list[bytes], hashes: list[np.ndarray], counts: list[np.ndarray]) -> None:
    """Appends the word hashes of some texts and the number of words of each.

    A word is the sum of its letters' worth times a power of the radix; all words at once, each then shifted to begin at power 0.
    """
    raw = np.frombuffer(b"\n".join((*part, b"")), np.uint8)
    _grow(len(raw))
    edges = np.flatnonzero(np.diff(_IS_WORD[raw], prepend=False, append=False))
    starts = edges[0::2]
    if len(starts):
        sums = np.add.reduceat(_WORTH[raw] * _POWERS[: len(raw)], starts)
        hashes.append(mixed(sums * _INVERSES[starts]))
    else:
        hashes.append(np.zeros(0, np.uint64))
    ends = np.cumsum(np.fromiter(map(len, part), np.int64, len(part)) + 1)
    counts.append(np.diff(np.searchsorted(starts, ends), prepend=0))


def runs(hashed: Hashed, ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the hash of every run of `ngram` words within a text, uint64 (N,), and the place of its first word, int64 (N,).

    >>> runs(hash_texts(["a b c d", "x y", "b c d"]), 3)[1].tolist()
    [0, 1, 6]
    """
    if len(hashed.words) < ngram:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    # Runs are doubled, and made longer by one where the binary digit of `ngram` says so: 1, 3, 6, 13.
    run, length = hashed.words, 1
    for digit in bin(ngram)[3:]:
        run = run[:-length] * np.uint64(pow(_STEP, length, 1 << 64)) + run[length:]
        length *= 2
        if digit == "1":
            run = run[:-1] * np.uint64(_STEP) + hashed.words[length:]
            length += 1
    places = np.flatnonzero(hashed.left[: len(run)] >= ngram)
    return mixed(run[places]), places
