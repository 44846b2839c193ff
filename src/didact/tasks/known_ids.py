"""The ids that a source has used so far: exact, and small enough for tens of millions of rows."""

from collections.abc import Callable

import numpy as np

_RECENT = 65_536
"""Ids that are held as text before they become hashes in a sorted array."""
_BITS = 1 << 27
"""Bits of the filter that knows most new ids at once; 16 MB, made only for sources that need it."""


class KnownIds:
    """Ids of rows by their number.

    The newest are held as they are, all older ones as 64-bit hashes with their row number; where a hash is met again, the row's own
    id decides.

    Args:
        id_of: Returns the id of a row by its number: asked only where hashes are the same.
        recent: How many ids are held as text.

    >>> known = KnownIds(["a", "b"].__getitem__)
    >>> for number, name in enumerate(("a", "b")):
    ...     known.add(name, number)
    >>> "a" in known, "c" in known
    (True, False)
    """

    def __init__(self, id_of: Callable[[int], str], recent: int = _RECENT) -> None:
        self._id_of, self._most = id_of, recent
        self._recent: dict[str, int] = {}
        self._filter = bytearray()
        self._older: list[tuple[np.ndarray, np.ndarray]] = []
        """Hashes, sorted, and their row numbers: few and large, each at least twice as long as the one behind it."""

    def __contains__(self, identity: str) -> bool:
        if identity in self._recent:
            return True
        if not self._filter:
            return False
        place = hash(identity) % _BITS
        return bool(self._filter[place >> 3] & (1 << (place & 7))) and self._is_older(identity)

    def add(self, identity: str, number: int) -> None:
        """Takes the id of a row, which must be a new one."""
        self._recent[identity] = number
        if len(self._recent) >= self._most:
            self._settle()

    def _is_older(self, identity: str) -> bool:
        wanted = hash(identity)
        for hashes, numbers in self._older:
            place = int(np.searchsorted(hashes, wanted))
            while place < len(hashes) and hashes[place] == wanted:
                if self._id_of(int(numbers[place])) == identity:
                    return True
                place += 1
        return False

    def _settle(self) -> None:
        """Turns the recent ids into hashes; arrays of like length are joined, so that there are never many."""
        if not self._filter:
            self._filter = bytearray(_BITS >> 3)
        hashes = np.fromiter(map(hash, self._recent), np.int64, len(self._recent))
        numbers = np.fromiter(self._recent.values(), np.int64, len(self._recent))
        self._recent = {}
        bits, places = np.frombuffer(self._filter, np.uint8), hashes % _BITS
        np.bitwise_or.at(bits, places >> 3, (1 << (places & 7)).astype(np.uint8))
        while self._older and len(self._older[-1][0]) < 2 * len(hashes):
            before = self._older.pop()
            hashes, numbers = np.concatenate([before[0], hashes]), np.concatenate([before[1], numbers])
        order = np.argsort(hashes, kind="stable")
        self._older.append((hashes[order], numbers[order]))
