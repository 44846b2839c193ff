"""Fingerprints: inputs and their n-grams as 64-bit hashes, and an index that says which tasks hold one.

Hashes are Python's own: quick, and good within one process. Sorted arrays keep an n-gram in tens of bytes.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from didact.base.types import Example
from didact.tasks.task import Task
from didact.tasks.words import fold, words

MIN_WORDS = 3
"""Whole inputs of fewer words are the same by chance and get no fingerprint."""

MIN_CONSTANT = 5
"""Examples that an n-gram has to stand in, besides more than half of its task, to be the constant wording of the task."""


@dataclass(frozen=True, slots=True)
class Prints:
    """Hashes of one kind and who holds them, in the order of the examples."""

    hashes: np.ndarray
    """int64 (N,); each once for an example."""
    owners: np.ndarray
    """int64 (N,); row of the example."""


@dataclass(frozen=True, slots=True)
class TaskPrints:
    """One task, read: its examples by id, and their whole inputs and n-grams as hashes."""

    rows: list[Example]
    whole: Prints
    ngrams: Prints
    constant: np.ndarray
    """Hashes of the n-grams that are the task's constant wording; these are not among `ngrams`."""
    num_too_short: int
    """Examples of fewer than `MIN_WORDS` words."""


def hash_whole(text: str, found: Sequence[str]) -> list[int]:
    """Returns the hash of a whole input, or nothing where its words are too few to tell.

    Case, white space and the closing mark do not count; other signs do: `5 - 3` and `5 + 3` have the same words.

    >>> hash_whole("Is 5 + 3  odd?", "is 5 3 odd".split()) == hash_whole("is 5 + 3 odd", "is 5 3 odd".split())
    True
    >>> hash_whole("5 + 3", "5 3".split())
    []
    """
    return [hash(" ".join(fold(text).split()).rstrip(" .?!"))] if len(found) >= MIN_WORDS else []


def hash_ngrams(found: Sequence[str], ngram: int) -> Iterator[int]:
    """Yields the hash of every `ngram` words in a row.

    >>> len(list(hash_ngrams("a b c d".split(), 3)))
    2
    """
    return map(hash, zip(*(found[start:] for start in range(ngram)), strict=False))


def read_prints(task: Task, ngram: int) -> TaskPrints:
    """Returns the fingerprints of a task's inputs. The order of its examples changes nothing."""
    rows = sorted(task.examples, key=lambda example: example.id)
    texts = (row.text() for row in rows)
    whole, ngrams = array("q"), array("q")
    num_whole, num_ngrams = list[int](), list[int]()
    for text in texts:
        found = words(text)
        one, many = hash_whole(text, found), set(hash_ngrams(found, ngram))
        whole.extend(one)
        ngrams.extend(many)
        num_whole.append(len(one))
        num_ngrams.append(len(many))
    everything = _prints(ngrams, num_ngrams)
    distinct, num_holders = np.unique(everything.hashes, return_counts=True)
    constant = distinct[num_holders >= max(MIN_CONSTANT, len(rows) // 2 + 1)]
    kept = ~np.isin(everything.hashes, constant)
    own = Prints(everything.hashes[kept], everything.owners[kept])
    return TaskPrints(rows, _prints(whole, num_whole), own, constant, num_whole.count(0))


def _prints(hashes: "array[int]", counts: list[int]) -> Prints:
    return Prints(np.array(hashes, np.int64), np.repeat(np.arange(len(counts)), np.array(counts, np.int64)))


class Index:
    """The hashes of many tasks: which tasks hold one, and which example of a task is the first that does.

    Args:
        parts: The fingerprints, task after task; owners count on through all tasks.
        task_of: Number of the task of every owner, int64, never falling.
    """

    def __init__(self, parts: Sequence[Prints], task_of: np.ndarray) -> None:
        hashes = np.concatenate([part.hashes for part in parts])
        # A stable sort keeps owners, and with them tasks, in order within one hash.
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        self._holders = np.concatenate([part.owners for part in parts])[order].astype(np.int32)
        tasks = task_of[self._holders]
        new_hash, new_task = np.ones(len(hashes), bool), np.ones(len(hashes), bool)
        new_hash[1:] = hashes[1:] != hashes[:-1]
        new_task[1:] = new_hash[1:] | (tasks[1:] != tasks[:-1])
        self._hashes = hashes[new_hash]
        self._place_of_holder = (np.cumsum(new_hash) - 1).astype(np.int32)
        # One row for every hash and task that holds it; the rows of place p are starts[p] to starts[p + 1].
        self._tasks, self._first_holders = tasks[new_task], self._holders[new_task]
        self._starts = np.searchsorted(self._place_of_holder[new_task], np.arange(len(self._hashes) + 1))
        self._met = np.zeros(len(self._hashes), bool)
        self._num_tasks = int(task_of.max(initial=0)) + 1

    def _find(self, hashes: np.ndarray) -> np.ndarray:
        """Returns the place of each hash among ours, -1 where it is not."""
        # Looked up in order: neighbours share cache lines, which is several times quicker.
        order = np.argsort(hashes)
        places = np.empty(len(hashes), np.int64)
        places[order] = np.searchsorted(self._hashes, hashes[order])
        inside = places < len(self._hashes)
        inside[inside] = self._hashes[places[inside]] == hashes[inside]
        return np.where(inside, places, -1)

    def meet(self, prints: Prints) -> np.ndarray:
        """Returns each (owner, task of ours) that share a hash once, sorted, int64 (M, 2); remembers which hashes were met."""
        places = self._find(prints.hashes)
        owners, places = prints.owners[places >= 0], places[places >= 0]
        self._met[places] = True
        counts = self._starts[places + 1] - self._starts[places]
        # Every row from starts[p] on, counts[p] of them, for all places at once.
        rows = np.arange(counts.sum()) + np.repeat(self._starts[places] - np.cumsum(counts) + counts, counts)
        codes = np.unique(np.repeat(owners, counts) * self._num_tasks + self._tasks[rows])
        return np.stack(np.divmod(codes, self._num_tasks), axis=1)

    def first_shared(self, hashes: Sequence[int], ignored: np.ndarray, task: int) -> tuple[int, int]:
        """Returns the position of the first hash that a task of ours holds, and its first owner there.

        Raises:
            LookupError: The task holds none of them.
        """
        asked = np.array(hashes, np.int64)
        places = np.where(np.isin(asked, ignored), -1, self._find(asked))
        for position in np.flatnonzero(places >= 0).tolist():
            for row in range(self._starts[places[position]], self._starts[places[position] + 1]):
                if self._tasks[row] == task:
                    return position, int(self._first_holders[row])
        raise LookupError(f"task {task} holds none of {len(hashes)} hashes")

    def owners_met(self) -> np.ndarray:
        """Returns our owners that hold a hash that was met, each once, sorted."""
        return np.unique(self._holders[self._met[self._place_of_holder]])
