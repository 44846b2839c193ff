"""Fingerprints: whole inputs and runs of words as 64-bit hashes, and an index that says which examples hold one."""

import hashlib
from collections.abc import Sequence

import numpy as np

from didact.tasks.words import fold

MIN_WORDS = 3
"""Whole inputs of fewer words are the same by chance and get no fingerprint."""


def hash_whole(text: str) -> int:
    """Returns the hash of a whole input.

    Case, white space and the closing mark do not count; other signs do: `5 - 3` and `5 + 3` have the same words.

    >>> hash_whole("Is 5 + 3  odd?") == hash_whole("is 5 + 3 odd"), hash_whole("is 5 - 3 odd") == hash_whole("is 5 + 3 odd")
    (True, False)
    """
    plain = " ".join(fold(text).split()).rstrip(" .?!")
    return int.from_bytes(hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def spans(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the numbers of many spans, one span after the other.

    >>> spans(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    numbers: np.ndarray = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    return numbers


class Sieve:
    """Says quickly which hashes may be among ours: never wrongly no, seldom wrongly yes."""

    def __init__(self, hashes: np.ndarray) -> None:
        bits = min(26, max(10, len(hashes).bit_length() + 4))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, bool)
        self._table[hashes >> self._shift] = True

    def may_hold(self, hashes: np.ndarray) -> np.ndarray:
        """Returns a bool for each hash."""
        found: np.ndarray = self._table[hashes >> self._shift]
        return found


class Index:
    """Hashes and who holds them: which tasks do, and which example of a task is the first that does.

    Args:
        hashes: uint64 (N,); may hold one several times.
        owners: int (N,): the example that holds it; owners count on through all tasks and never fall.
        task_of: Number of the task of every owner, int64, never falling.
    """

    def __init__(self, hashes: np.ndarray, owners: np.ndarray, task_of: np.ndarray) -> None:
        # A stable sort keeps owners, and with them tasks, in order within one hash.
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        self.order = order.astype(np.int32)
        """Number of each (hash, owner) as it was given, in the order of hashes."""
        self.owners = owners[order].astype(np.int32)
        tasks = task_of[self.owners].astype(np.int32)
        new_hash, new_task = np.ones(len(hashes), bool), np.ones(len(hashes), bool)
        new_hash[1:] = hashes[1:] != hashes[:-1]
        new_task[1:] = new_hash[1:] | (tasks[1:] != tasks[:-1])
        self.hashes = hashes[new_hash]
        self.place_of = (np.cumsum(new_hash) - 1).astype(np.int32)
        """Place of the hash of each (hash, owner), in the order of hashes."""
        self.starts = np.append(np.flatnonzero(new_hash), len(hashes)).astype(np.int32)
        """The owners of place p are `owners[starts[p] : starts[p + 1]]`."""
        self._tasks, self._first_owners = tasks[new_task], self.owners[new_task]
        self._task_starts = np.searchsorted(self.place_of[new_task], np.arange(len(self.hashes) + 1)).astype(np.int32)
        self._num_tasks = int(task_of.max(initial=0)) + 1
        self._sieve = Sieve(self.hashes)

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns which of the hashes are among ours, as numbers in their order, and their places among ours."""
        asked = np.flatnonzero(self._sieve.may_hold(hashes))
        places = np.searchsorted(self.hashes, hashes[asked])
        inside = places < len(self.hashes)
        inside[inside] = self.hashes[places[inside]] == hashes[asked[inside]]
        return asked[inside], places[inside]

    def tasks_at(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Returns each (row, task of ours that holds a hash of it) once, as sorted row * tasks + task, int64."""
        starts = self._task_starts[places]
        counts = self._task_starts[places + 1] - starts
        return np.unique(np.repeat(rows, counts).astype(np.int64) * self._num_tasks + self._tasks[spans(starts, counts)])

    def owners_at(self, places: np.ndarray) -> np.ndarray:
        """Returns our owners that hold one of these hashes, each once, sorted."""
        places = np.unique(places)
        return np.unique(self.owners[spans(self.starts[places], self.starts[places + 1] - self.starts[places])])

    def first_shared(self, hashes: np.ndarray, task: int, owner: int = -1) -> tuple[int, int]:
        """Returns the number of the first hash that a task of ours, or one example of it, holds, and its first owner there.

        Raises:
            LookupError: It holds none of them.
        """
        for number, place in zip(*(found.tolist() for found in self.find(hashes)), strict=True):
            if owner >= 0 and owner in self.owners[self.starts[place] : self.starts[place + 1]]:
                return number, owner
            for row in range(self._task_starts[place], self._task_starts[place + 1] if owner < 0 else 0):
                if self._tasks[row] == task:
                    return number, int(self._first_owners[row])
        raise LookupError(f"task {task} holds none of {len(hashes)} hashes")


def joined(parts: Sequence[np.ndarray], kind: type = np.int64) -> np.ndarray:
    """Returns arrays one after the other; of none, an empty one."""
    return np.concatenate(parts) if parts else np.zeros(0, kind)
