"""Rules by which two inputs overlap, all of one shape; here the two plain ones: the same input, and words in a row.

A matcher is given the unseen examples block by block, is sealed, and then says of each seen block which unseen examples it meets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from didact.base.leaks_section import Overlap
from didact.tasks.fingerprints import MIN_WORDS, Index, hash_whole, joined, spans
from didact.tasks.wording import Block
from didact.tasks.words import words


@dataclass(frozen=True, slots=True)
class Met:
    """What a seen block has in common with the unseen examples."""

    codes: np.ndarray
    """int64 (M,): seen row * number of unseen tasks + unseen task, each once, sorted."""
    owners: np.ndarray
    """Unseen examples that were met, each once, sorted."""
    nearest: np.ndarray
    """int64 (M,): the unseen example that is most like it, the first of several; -1 where the rule does not measure."""
    similarity: np.ndarray
    """float64 (M,): how like it is, from 0 to 1; NaN where the rule does not measure."""


class Matcher(Protocol):
    """One rule."""

    kind: str
    """Its name in reports."""
    ngram: int
    """Length of its runs in words; 0: it has none."""

    def add(self, block: Block, first_owner: int) -> None:
        """Takes unseen examples; the first of the block is `first_owner`."""

    def seal(self, task_of: np.ndarray) -> None:
        """Ends the unseen side; `task_of` is the task of each unseen example."""

    def meet(self, block: Block) -> Met:
        """Returns what seen examples have in common with the unseen ones."""

    def first_shared(self, block: Block, task: int, owner: int = -1) -> tuple[str, int]:
        """Returns the first text that a block of one example shares with an unseen task, or with one example of it, and its example."""


def nothing_met() -> Met:
    """Returns that nothing was met."""
    none = np.zeros(0, np.int64)
    return Met(none, none, none, np.zeros(0))


def unmeasured(codes: np.ndarray, owners: np.ndarray) -> Met:
    """Returns what was met under a rule that holds or does not."""
    return Met(codes, owners, np.full(len(codes), -1), np.full(len(codes), np.nan))


def num_tasks(task_of: np.ndarray) -> int:
    """Returns how many unseen tasks there are up to the last one with an example."""
    return int(task_of.max(initial=0)) + 1


def words_at(block: Block, start: int, ngram: int) -> str:
    """Returns a run of words of a block by the place of its first word."""
    text = int(np.searchsorted(np.cumsum(block.hashed.num_words), start, "right"))
    first = start - int(block.hashed.num_words[:text].sum())
    return " ".join(words(block.texts[text])[first : first + ngram])


def measured(rows: np.ndarray, owners: np.ndarray, similarity: np.ndarray, task_of: np.ndarray) -> Met:
    """Returns what was met from pairs (seen row, unseen example): of each unseen task the most similar, of equals the first."""
    codes = rows.astype(np.int64) * num_tasks(task_of) + task_of[owners]
    order = np.lexsort((owners, -similarity, codes))
    codes, sorted_owners = codes[order], owners[order]
    first = np.append(True, codes[1:] != codes[:-1]) if len(codes) else np.zeros(0, bool)
    return Met(codes[first], np.unique(owners), sorted_owners[first].astype(np.int64), similarity[order][first])


def long_texts(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Returns the texts that are long enough to be compared as a whole, and their rows."""
    long = np.flatnonzero(block.hashed.num_words >= MIN_WORDS)
    return long, block.hashed.rows[(np.cumsum(block.hashed.num_words) - 1)[long]].astype(np.int64)


def merged(parts: Sequence[Met], task_of: np.ndarray) -> Met:
    """Returns what was met in several slices as one."""
    if len(parts) < 2:
        return parts[0] if parts else nothing_met()
    codes, nearest, similarity = (np.concatenate([getattr(part, name) for part in parts]) for name in ("codes", "nearest", "similarity"))
    met = measured(codes // num_tasks(task_of), nearest, similarity, task_of)
    return replace(met, owners=np.unique(np.concatenate([part.owners for part in parts])))


def with_copies(met: Met, first_row: np.ndarray, first_owner: np.ndarray, task_of: np.ndarray) -> Met:
    """Returns what the first of several rows with the same words has met as met by all of them, and by all copies of what it met.

    Args:
        met: What first rows and first unseen examples have in common.
        first_row: For each seen row the first row with the same words.
        first_owner: For each unseen example the first of its task with the same words.
        task_of: Task of each unseen example.
    """
    if not len(met.codes):
        return met
    rows, tasks = np.divmod(met.codes, num_tasks(task_of))
    order = np.argsort(first_row, kind="stable")
    starts = np.searchsorted(first_row[order], rows)
    counts = np.searchsorted(first_row[order], rows, "right") - starts
    part = np.repeat(np.arange(len(rows)), counts)
    codes = order[spans(starts, counts)] * num_tasks(task_of) + tasks[part]
    sort = np.argsort(codes)
    chosen = np.zeros(len(first_owner), bool)
    chosen[met.owners] = True
    return Met(codes[sort], np.flatnonzero(chosen[first_owner]), met.nearest[part][sort], met.similarity[part][sort])


class Exact:
    """The same whole input of at least three words."""

    kind, ngram = "exact input", 0

    def __init__(self) -> None:
        self._hashes, self._words, self._owners = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()

    def add(self, block: Block, first_owner: int) -> None:
        """Takes unseen examples."""
        long, owners = long_texts(block)
        self._hashes.append(np.array([hash_whole(block.texts[text]) for text in long.tolist()], np.uint64))
        self._words.append(block.hashed.whole[long])
        self._owners.append(owners + first_owner)

    def seal(self, task_of: np.ndarray) -> None:
        """Ends the unseen side."""
        owners = joined(self._owners)
        self._same_words = Index(joined(self._words, np.uint64), owners, task_of)
        self._same = Index(joined(self._hashes, np.uint64), owners, task_of)

    def meet(self, block: Block) -> Met:
        """Returns what seen examples have in common with the unseen ones."""
        long, rows = long_texts(block)
        # The same input has the same words: only where these are known are the signs between them looked at.
        maybe, _ = self._same_words.find(block.hashed.whole[long])
        hashes = np.array([hash_whole(block.texts[text]) for text in long[maybe].tolist()], np.uint64)
        asked, places = self._same.find(hashes)
        return unmeasured(self._same.tasks_at(rows[maybe[asked]], places), self._same.owners_at(places))

    def first_shared(self, block: Block, task: int, owner: int = -1) -> tuple[str, int]:
        """Returns the first text in common, and the unseen example that has it."""
        long, _ = long_texts(block)
        number, owner = self._same.first_shared(np.array([hash_whole(block.texts[text]) for text in long.tolist()], np.uint64), task, owner)
        return block.texts[long[number]], owner


class Run:
    """So many words in a row that are not constant wording."""

    def __init__(self, rule: Overlap) -> None:
        self.kind, self.ngram = rule.name, rule.ngram
        self._hashes, self._owners = list[np.ndarray](), list[np.ndarray]()

    def add(self, block: Block, first_owner: int) -> None:
        """Takes unseen examples."""
        hashes, places, _ = block.own_runs(self.ngram)
        self._hashes.append(hashes)
        self._owners.append(block.hashed.rows[places].astype(np.int64) + first_owner)

    def seal(self, task_of: np.ndarray) -> None:
        """Ends the unseen side."""
        self._index = Index(joined(self._hashes, np.uint64), joined(self._owners), task_of)
        self._hashes, self._owners = [], []

    def meet(self, block: Block) -> Met:
        """Returns what seen examples have in common with the unseen ones."""
        hashes, starts, _ = block.own_runs(self.ngram)
        asked, places = self._index.find(hashes)
        return unmeasured(self._index.tasks_at(block.hashed.rows[starts[asked]], places), self._index.owners_at(places))

    def first_shared(self, block: Block, task: int, owner: int = -1) -> tuple[str, int]:
        """Returns the first text in common, and the unseen example that has it."""
        hashes, starts, _ = block.own_runs(self.ngram)
        number, owner = self._index.first_shared(hashes, task, owner)
        return words_at(block, int(starts[number]), self.ngram), owner
