"""Texts as strings of one sign a word, and as bits that bound what two texts have in common.

Every distinct word sets one of 64 W bits. A bit that one text has and the other lacks is a word that they do not share, so with
k such bits the longest common subsequence is at most m - k: the bound never misses a pair, whatever the words hash to.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from didact.synth.overlap import Limit
from didact.tasks.word_hashes import mixed

NUM_SIGNS = 0x110000 - 0x800 - 1
"""Distinct strings of one sign: code points from 1 on without the surrogates."""
_ALONE, _GROWTH = 24, 1.12
"""Texts up to so many words are grouped by their exact length, longer ones by lengths within twelve percent."""
_AT_ONCE = 1 << 15
"""Pairs looked at together: their bits stay in the cache."""


class Signs(dict[str, str]):
    """A sign for every word, in the order in which words are first met.

    Args:
        limit: Distinct signs; further words share them, and `full` then says that a sign no longer tells the word.

    >>> signs = Signs()
    >>> [signs[word] == signs["a"] for word in ("a", "b", "a")], signs.full
    ([True, False, True], False)
    """

    def __init__(self, limit: int = NUM_SIGNS) -> None:
        self._limit = limit

    @property
    def full(self) -> bool:
        """Says whether two words may have one sign."""
        return len(self) > self._limit

    def __missing__(self, word: str) -> str:
        code = len(self) % self._limit + 1
        sign = self[word] = chr(code if code < 0xD800 else code + 0x800)
        return sign

    def written(self, words: Iterable[str]) -> str:
        """Returns a text of one sign a word."""
        return "".join(map(self.__getitem__, words))


def group_of(lengths: np.ndarray) -> np.ndarray:
    """Returns the group of texts of so many words, int64.

    >>> group_of(np.array([3, 23, 24, 26, 27, 48])).tolist()
    [3, 23, 24, 24, 25, 30]
    """
    longer = np.log(np.maximum(lengths, _ALONE) / _ALONE) / np.log(_GROWTH)
    return np.where(lengths < _ALONE, lengths, _ALONE + longer.astype(np.int64))


def num_words_of_bits(length: int) -> int:
    """Returns W for texts of so many words: about four bits a word, so that a foreign word seldom meets a bit that is set."""
    return next((size for size in (1, 2, 4) if length <= 20 * size), 8)


def bits_of(texts: Sequence[str], size: int) -> np.ndarray:
    """Returns the bits of texts of one sign a word, none of them empty, uint64 (W, N).

    >>> np.bitwise_count(bits_of(["aab", "c"], 1)).tolist()
    [[2, 1]]
    """
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32).astype(np.uint64)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.cumsum(lengths) - lengths
    hashes = mixed(codes)
    bit, place = np.left_shift(np.uint64(1), hashes & np.uint64(63)), (hashes >> np.uint64(6)) & np.uint64(size - 1)
    return np.stack([np.bitwise_or.reduceat(np.where(place == word, bit, np.uint64(0)), starts) for word in range(size)])


def folded(bits: np.ndarray, size: int) -> np.ndarray:
    """Returns bits as they would be with a smaller W."""
    return bits if len(bits) == size else np.bitwise_or.reduce(bits.reshape(-1, size, bits.shape[1]), axis=0)


@dataclass(slots=True)
class Group:
    """Texts of about one length."""

    shortest: int = 1 << 30
    longest: int = 0
    num: int = 0
    bits: np.ndarray = field(default_factory=lambda: np.zeros((1, 0), np.uint64))
    """uint64 (W, room)."""
    about: np.ndarray = field(default_factory=lambda: np.zeros((3, 0), np.int32))
    """int32 (3, room): which text each is, its words, and its bits that are set."""

    def extend(self, texts: Sequence[str], numbers: np.ndarray, size: int) -> None:
        """Takes texts; the room doubles when it is full."""
        lengths = [len(text) for text in texts]
        self.shortest, self.longest = min(self.shortest, *lengths), max(self.longest, *lengths)
        total = self.num + len(texts)
        if total > self.about.shape[1]:
            room = max(total, 2 * self.about.shape[1])
            bits, about = np.zeros((size, room), np.uint64), np.zeros((3, room), np.int32)
            if self.num:
                bits[:, : self.num], about[:, : self.num] = self.bits[:, : self.num], self.about[:, : self.num]
            self.bits, self.about = bits, about
        fresh = bits_of(texts, size)
        self.bits[:, self.num : total] = fresh
        self.about[:, self.num : total] = numbers, lengths, np.bitwise_count(fresh).sum(axis=0, dtype=np.int32)
        self.num = total

    def with_bits(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns bits and `about` with a W that may be smaller than the group's own."""
        bits, about = self.bits[:, : self.num], self.about[:, : self.num]
        if size == len(bits):
            return bits, about
        bits = folded(bits, size)
        return bits, np.stack([about[0], about[1], np.bitwise_count(bits).sum(axis=0, dtype=np.int32)])


class Groups:
    """Texts by length, with their bits."""

    def __init__(self) -> None:
        self.by_length: dict[int, Group] = {}

    def extend(self, texts: Sequence[str], first: int) -> None:
        """Takes texts that are counted on from `first`; empty ones are left out, as they share nothing with any other."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        groups = group_of(lengths)
        order = np.argsort(groups, kind="stable")
        order = order[np.searchsorted(groups[order], 1) :]
        for part in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else ():
            key = int(groups[part[0]])
            lowest = key if key < _ALONE else int(_ALONE * _GROWTH ** (key - _ALONE))
            self.by_length.setdefault(key, Group()).extend([texts[row] for row in part], part + first, num_words_of_bits(lowest))

    def pairs(self, other: "Groups", limit: Limit, run: Callable[..., Iterable[list[np.ndarray]]] = map) -> np.ndarray:
        """Returns pairs among which are all those that are too similar, and a few that are not, int32 (3, N).

        Each is a text of this, a text of the other, and how far the bound on what they have in common is above the limit.

        Args:
            other: What these are compared with.
            limit: What is too similar.
            run: Calls a function for each of several values, in their order: `map`, or that of a pool of threads.
        """

        def one(group: Group) -> list[np.ndarray]:
            met = (_meet(group, theirs, limit) for theirs in other.by_length.values())
            return [pairs for pairs in met if pairs is not None]

        found = [pairs for part in run(one, self.by_length.values()) for pairs in part]
        return np.concatenate(found, axis=1) if found else np.zeros((3, 0), np.int32)


def _meet(ours: Group, theirs: Group, limit: Limit) -> np.ndarray | None:
    """Returns the pairs that may be too similar, as `Groups.pairs` does; None: there are none."""
    least = limit.at_least(ours.shortest, theirs.shortest)
    if least > min(ours.longest, theirs.longest):
        return None
    # So many bits may be missing: m - least, which grows with m and falls as the other one grows.
    spare = ours.longest - max(1, limit.at_least(ours.longest, theirs.shortest))
    spare_theirs = theirs.longest - max(1, limit.at_least(ours.shortest, theirs.longest))
    size = min(len(ours.bits), len(theirs.bits))
    (left, about), (right, about_theirs) = ours.with_bits(size), theirs.with_bits(size)
    kind = np.uint16 if size > 3 else np.uint8
    by_ours = spare <= spare_theirs
    needed = np.maximum(about[2] - spare if by_ours else about_theirs[2] - spare_theirs, 0).astype(kind)
    columns = min(theirs.num, max(_AT_ONCE // ours.num, 1 << 10))
    rows = max(1, _AT_ONCE // columns)
    found = list[np.ndarray]()
    for row in range(0, ours.num, rows):
        for column in range(0, theirs.num, columns):
            a, b = left[:, row : row + rows, None], right[:, column : column + columns]
            shared = np.bitwise_count(a[0] & b[0])
            if size > 1:
                shared = shared.astype(kind, copy=False)
                for word in range(1, size):
                    shared += np.bitwise_count(a[word] & b[word])
            hits = np.flatnonzero(shared >= (needed[row : row + rows, None] if by_ours else needed[column : column + columns]))
            if len(hits):
                first, second = np.divmod(hits, b.shape[1])
                one, other = about[:, row + first], about_theirs[:, column + second]
                # The same bound once more, with the lengths of the two texts in place of those of their groups.
                bound = np.minimum(one[1] - one[2], other[1] - other[2]) + shared.ravel()[hits]
                excess = bound - limit.least(one[1], other[1])
                likely = excess >= 0
                found.append(np.stack([one[0], other[0], excess.astype(np.int32)])[:, likely])
    return np.concatenate(found, axis=1) if found else None
