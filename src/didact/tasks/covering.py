"""The rule of the covered share: runs that two examples share cover much of one of them, as in 8-gram-50."""

import numpy as np

from didact.base.leaks_section import Overlap
from didact.tasks.fingerprints import Index, joined, spans
from didact.tasks.matchers import Met, measured, merged, nothing_met, with_copies, words_at
from didact.tasks.wording import Block

MAX_PAIRS = 1 << 22
"""Pairs of runs looked at together."""


class Covering:
    """Runs that two examples share cover at least so many percent of the words of one of them.

    Words of constant wording are not counted, and an example with fewer words of its own than a run has is not measured.

    Source: Chowdhery et al. 2022, PaLM, arXiv 2204.02311 (8-grams); Lambert et al. 2024, Tülu 3, arXiv 2411.15124 (half of the
    words of a test instance, in one training instance).
    """

    def __init__(self, rule: Overlap) -> None:
        self.kind, self.ngram, self._percent = rule.name, rule.ngram, rule.percent
        self._hashes, self._owners, self._starts = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
        self._own, self._lengths, self._firsts, self._num_words = list[np.ndarray](), list[np.ndarray](), list[np.ndarray](), 0

    def add(self, block: Block, first_owner: int) -> None:
        """Takes unseen examples."""
        hashes, starts, constant = block.own_runs(self.ngram)
        first = block.first_alike()
        kept = first[block.hashed.rows[starts]] == block.hashed.rows[starts]
        hashes, starts = hashes[kept], starts[kept]
        self._firsts.append(first + first_owner)
        self._hashes.append(hashes)
        self._owners.append(block.hashed.rows[starts].astype(np.int64) + first_owner)
        self._starts.append(starts + self._num_words)
        self._own.append(~self._covered(constant, len(block.hashed.words)))
        self._lengths.append(np.bincount(block.hashed.rows, minlength=len(block.rows)))
        self._num_words += len(block.hashed.words)

    def seal(self, task_of: np.ndarray) -> None:
        """Ends the unseen side."""
        self._task_of, self._first_owner, starts = task_of, joined(self._firsts), joined(self._starts)
        self._index = Index(joined(self._hashes, np.uint64), joined(self._owners), task_of)
        self._first_words = starts[self._index.order].astype(np.int32)
        self._place_at = np.full(self._num_words, -1, np.int32)
        self._place_at[self._first_words] = self._index.place_of
        self._count = _Count(joined(self._own, bool), joined(self._lengths))
        self._hashes, self._owners, self._starts, self._own = [], [], [], []

    def _covered(self, starts: np.ndarray, num_words: int) -> np.ndarray:
        """Returns which words lie in a run that begins at one of `starts`; no run crosses the end of a text."""
        begins = np.zeros(num_words + self.ngram, np.int32)
        begins[starts + self.ngram] = 1
        total = np.cumsum(begins)
        covered: np.ndarray = total[self.ngram :] > total[:num_words]
        return covered if num_words else np.zeros(0, bool)

    def meet(self, block: Block) -> Met:
        """Returns what seen examples have in common with the unseen ones."""
        hashes, starts, constant = block.own_runs(self.ngram)
        asked, places = self._index.find(hashes)
        if not len(asked):
            return nothing_met()
        # Copies are measured once: a thousand of one text on either side would be a million pairs.
        first = block.first_alike()
        kept = first[block.hashed.rows[starts[asked]]] == block.hashed.rows[starts[asked]]
        places, starts, num_words = places[kept], starts[asked[kept]], len(block.hashed.words)
        own = ~self._covered(constant, num_words)
        count = _Count(own, np.bincount(block.hashed.rows, minlength=len(block.rows)))
        rows = block.hashed.rows[starts]
        covered = self._covered(starts, num_words) & own
        enough = self._enough(np.bincount(block.hashed.rows[covered], minlength=len(block.rows)), count.total)
        others = self._others_that_may_be_covered(places)
        holds = np.zeros(len(self._index.hashes), bool)
        words = spans(self._count.first[others], self._count.lengths[others])
        held = self._place_at[words]
        holds[held[held >= 0]] = True
        kept = np.flatnonzero(enough[rows] | holds[places])
        if not len(kept):
            return nothing_met()
        chosen = np.zeros(len(self._task_of), bool)
        chosen[others] = True
        met = self._pairs(rows[kept], starts[kept], places[kept], enough, chosen, count)
        return with_copies(met, first, self._first_owner, self._task_of)

    def _enough(self, covered: np.ndarray, total: np.ndarray) -> np.ndarray:
        found: np.ndarray = (total >= self.ngram) & (covered * 100 >= total * self._percent)
        return found

    def _others_that_may_be_covered(self, places: np.ndarray) -> np.ndarray:
        """Returns the unseen examples that all rows together cover enough of: one alone covers no more."""
        met = np.zeros(len(self._index.hashes), bool)
        met[places] = True
        others = self._index.owners_at(places).astype(np.int64)
        lengths = self._count.lengths[others]
        words = spans(self._count.first[others], lengths)
        held = self._place_at[words]
        covered = self._covered(np.flatnonzero((held >= 0) & met[held]), len(words)) & self._count.own[words]
        sums = np.bincount(np.repeat(np.arange(len(others)), lengths)[covered], minlength=len(others))
        enough: np.ndarray = others[self._enough(sums, self._count.total[others])]
        return enough

    def _pairs(
        self, rows: np.ndarray, starts: np.ndarray, places: np.ndarray, enough: np.ndarray, chosen: np.ndarray, count: "_Count"
    ) -> Met:
        """Returns the pairs of which one covers enough of the other, rows in slices."""
        index, num_owners = self._index, len(self._task_of)
        num_holders = index.starts[places + 1] - index.starts[places]
        row_ends = np.flatnonzero(rows[1:] != rows[:-1]) + 1
        ends = np.cumsum(num_holders)[np.append(row_ends, len(rows)) - 1]
        found = list[Met]()
        for part in np.split(np.arange(len(rows)), row_ends[np.diff(ends // MAX_PAIRS) > 0]):
            held = spans(index.starts[places[part]], num_holders[part])
            repeat = np.repeat(part, num_holders[part])
            owners = index.owners[held].astype(np.int64)
            kept = enough[rows[repeat]] | chosen[owners]
            repeat, owners, held = repeat[kept], owners[kept], held[kept]
            codes = rows[repeat].astype(np.int64) * num_owners + owners
            pairs, ours = self._words_covered(codes, starts[repeat], count)
            _, theirs = self._words_covered(codes, self._first_words[held].astype(np.int64), self._count)
            row, owner = np.divmod(pairs, num_owners)
            total, other_total = count.total[row], self._count.total[owner]
            ok = self._enough(ours, total) | self._enough(theirs, other_total)
            share = np.maximum(
                np.where(total >= self.ngram, ours / np.maximum(total, 1), 0.0),
                np.where(other_total >= self.ngram, theirs / np.maximum(other_total, 1), 0.0),
            )
            found.append(measured(row[ok], owner[ok], share[ok], self._task_of))
        return merged(found, self._task_of)

    def _words_covered(self, codes: np.ndarray, starts: np.ndarray, count: "_Count") -> tuple[np.ndarray, np.ndarray]:
        """Returns each pair once, and how many own words of one side the runs of the pair cover, every word counted once."""
        order = np.lexsort((starts, codes))
        codes, starts = codes[order], starts[order]
        ends = starts + self.ngram
        same = codes[1:] == codes[:-1]
        ends[:-1][same] = np.minimum(ends[:-1], starts[1:])[same]
        first = np.flatnonzero(np.append(True, ~same)) if len(codes) else np.zeros(0, np.int64)
        covered = count.before[ends] - count.before[starts]
        return codes[first], np.add.reduceat(covered, first) if len(first) else first

    def first_shared(self, block: Block, task: int, owner: int = -1) -> tuple[str, int]:
        """Returns the first text in common, and the unseen example that has it."""
        hashes, starts, _ = block.own_runs(self.ngram)
        number, owner = self._index.first_shared(hashes, task, owner)
        return words_at(block, int(starts[number]), self.ngram), owner


class _Count:
    """Own words of examples, which stand one after the other."""

    def __init__(self, own: np.ndarray, lengths: np.ndarray) -> None:
        self.own, self.lengths = own, lengths
        self.first = np.cumsum(lengths) - lengths
        self.before = np.append(0, np.cumsum(own))
        """Own words before each word, and in all."""
        self.total = self.before[self.first + lengths] - self.before[self.first]
