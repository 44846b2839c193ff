"""A pool of texts that refuses what is too similar to one it has: ROUGE-L against all of them, exact and fast."""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from didact.synth.overlap import Limit, f1, lcs_lengths, lcs_with_all
from didact.synth.signatures import NUM_SIGNS, Groups, Signs
from didact.tasks.metrics import lcs_length
from didact.tasks.words import words

_BLOCK = 8192
"""Texts that are compared with the pool together, and then with one another in their order."""
_MUCH = 1 << 22
"""Pairs from which on threads are worth their start."""
_ALL = 1 << 62
_MEASURED = 1 << 18
"""Pairs whose common subsequence is measured at a time."""


_STRICT_WORD = re.compile("[a-z0-9]+")


def strict_words(text: str) -> list[str]:
    """Returns the words of rouge_score without its stemmer: `english_words`, in less time.

    >>> strict_words("Zoë's 2 cats")
    ['zo', 's', '2', 'cats']
    """
    return _STRICT_WORD.findall(text.lower())


@dataclass(frozen=True, slots=True)
class Similar:
    """What a text is too similar to."""

    number: int
    """The pool's text, counted from 0."""
    f1: float
    """ROUGE-L F1 of the two, 0 to 1."""


class SimilarPool:
    """Texts of which no two are too similar, where they came in by `accept_all`.

    Every decision is that of comparing with all texts of the pool, one after the other. Bits of the words (see
    `didact.synth.signatures`) rule almost all of them out, and what is left is measured.

    Args:
        threshold: ROUGE-L F1 above which a text is refused, 0 to 1.
        strict: As the originals: words are runs of a-z and 0-9, and exact ties are decided by what floating point makes of them.
            Else words of any script, and a tie is not above the threshold.
        workers: Threads that compare; the decisions are the same with any number.
        num_signs: Distinct words that are told apart at first; beyond them, pairs that look similar are compared word by word.

    Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, section 2.2.

    All 6 words among the 7 of another text is 12/13, above 0.7:

    >>> pool = SimilarPool()
    >>> pool.accept_all(["Name three animals of the sea", "Name the two largest fish of the sea", "Add one and two"])
    [True, True, True]
    >>> pool.accepts("Name three animals of the deep sea")
    False
    >>> pool.most_similar("Name four animals of the sea", k=1)
    [('Name three animals of the sea', 0.8333333333333334)]
    """

    def __init__(self, threshold: float = 0.7, strict: bool = False, *, workers: int = 1, num_signs: int = NUM_SIGNS) -> None:
        self._limit, self._signs, self._groups = Limit(threshold, strict), Signs(num_signs), Groups()
        self._words: Callable[[str], list[str]] = strict_words if strict else words
        self._texts, self._written, self._workers = list[str](), list[str](), workers
        self._seen: dict[str, Similar] = {}  # Words that were judged, and what refuses the next text that has them.

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, number: int) -> str:
        return self._texts[number]

    def add(self, text: str) -> None:
        """Takes a text, whatever it is similar to."""
        self.extend([text])

    def extend(self, texts: Iterable[str]) -> None:
        """Takes texts, whatever they are similar to."""
        texts = list(texts)
        self._take(texts, [self._signs.written(self._words(text)) for text in texts])

    def accepts(self, text: str) -> bool:
        """Says whether no text of the pool is too similar; the pool stays as it is."""
        written = [self._signs.written(self._words(text))]
        return not self._alike([text], written, self._texts, self._written, self._groups)

    def accept_all(self, texts: Sequence[str]) -> list[bool]:
        """Returns whether each text is not too similar to the pool and to those before it, and takes those that are not."""
        return [similar is None for similar in self.refusals(texts)]

    def refusals(self, texts: Sequence[str]) -> list[Similar | None]:
        """Returns what each text is too similar to, None where the pool takes it: one after the other, each is compared with all before.

        >>> SimilarPool().refusals(["a b c d", "a b c d", "a b c e f"])
        [None, Similar(number=0, f1=1.0), None]
        """
        found = list[Similar | None]()
        for begin in range(0, len(texts), _BLOCK):
            found += self._block(texts[begin : begin + _BLOCK])
        return found

    def most_similar(self, text: str, k: int = 10) -> list[tuple[str, float]]:
        """Returns the k most similar texts of the pool and their ROUGE-L F1, the most similar first, of equals the first taken."""
        written = self._signs.written(self._words(text))
        if self._signs.full:
            cut = self._words(text)
            common = np.array([lcs_length(cut, self._words(other)) for other in self._texts], np.int64)
        else:
            common = lcs_with_all(written, self._written)
        scores = f1(common, len(written), np.fromiter(map(len, self._written), np.int64, len(self._written)))
        best = np.argsort(-scores, kind="stable")[:k]
        return [(self._texts[number], float(scores[number])) for number in best.tolist()]

    def _block(self, texts: Sequence[str]) -> list[Similar | None]:
        """Returns what each text of one block is too similar to, and takes the others."""
        written = [self._signs.written(self._words(text)) for text in texts]
        # A copy meets the fate of the text it copies; where signs are shared, the same signs need not be the same words.
        copies = self._limit.threshold < 1 and not self._signs.full
        if copies:
            first = {one: len(written) - 1 - row for row, one in enumerate(reversed(written))}
            fresh = sorted(row for one, row in first.items() if one and one not in self._seen)
        else:
            fresh = [row for row, one in enumerate(written) if one]

        def of(rows: list[int]) -> tuple[list[str], list[str]]:
            return [texts[row] for row in rows], [written[row] for row in rows]

        refused = dict[int, Similar]()
        for place, number, score in self._alike(*of(fresh), self._texts, self._written, self._groups):
            refused.setdefault(fresh[place], Similar(number, score))
        left = [row for row in fresh if row not in refused]
        own = Groups()
        own.extend(of(left)[1], 0)
        before: dict[int, list[tuple[int, float]]] = {row: [] for row in left}
        for place, earlier, score in self._alike(*of(left), *of(left), own, among_themselves=True):
            before[left[place]].append((left[earlier], score))
        number_of, kept = dict[int, int](), list[int]()
        for row, one in enumerate(written):
            if row in before:
                found = next(((other, score) for other, score in before[row] if other in number_of), None)
                if found:
                    refused[row] = Similar(number_of[found[0]], found[1])
            if row not in refused and (row in before or not one):
                number_of[row] = len(self._texts) + len(kept)
                kept.append(row)
            if copies and one:
                by = refused.get(row) or (Similar(number_of[row], 1.0) if row in number_of else self._seen[one])
                self._seen.setdefault(one, by)
                if row not in number_of:
                    refused[row] = by
        self._take(*of(kept))
        return [refused.get(row) for row in range(len(texts))]

    def _take(self, texts: list[str], written: list[str]) -> None:
        self._groups.extend(written, len(self._texts))
        self._texts += texts
        self._written += written

    def _alike(
        self,
        texts: Sequence[str],
        written: Sequence[str],
        others: Sequence[str],
        others_written: Sequence[str],
        groups: Groups,
        among_themselves: bool = False,
    ) -> list[tuple[int, int, float]]:
        """Returns (text, other text, F1) of all pairs that are too similar, in order; among themselves, each with those before it."""
        asked = Groups()
        asked.extend(written, 0)
        if self._workers > 1 and len(texts) * len(others) > _MUCH:
            with ThreadPoolExecutor(self._workers) as threads:
                pairs = asked.pairs(groups, self._limit, threads.map)
        else:
            pairs = asked.pairs(groups, self._limit)
        if among_themselves:
            pairs = pairs[:, pairs[1] < pairs[0]]
        pairs = pairs[:, np.lexsort((pairs[1], pairs[0] if among_themselves else -pairs[2], pairs[0]))]
        rank = np.arange(pairs.shape[1]) - np.searchsorted(pairs[0], pairs[0])
        undecided = np.ones(len(texts), bool)
        found = list[tuple[int, int, float]]()
        begin, end = 0, _ALL if among_themselves else 1
        while pairs.shape[1]:
            # One pair is enough to refuse a text: the likeliest of each is measured first, then of those left the next three ...
            now = (rank >= begin) & (rank < end)
            for part in np.array_split(pairs[:2, now], 1 + int(now.sum()) // _MEASURED, axis=1):
                refused = self._measured(part, texts, written, others, others_written)
                undecided[[row for row, _, _ in refused]] = False
                found += refused
            left = (rank >= end) & undecided[pairs[0]]
            pairs, rank, begin, end = pairs[:, left], rank[left], end, 4 * end
        return sorted(found)

    def _measured(
        self, pairs: np.ndarray, texts: Sequence[str], written: Sequence[str], others: Sequence[str], others_written: Sequence[str]
    ) -> list[tuple[int, int, float]]:
        """Returns those of the pairs that are too similar, with their F1."""
        firsts, seconds = pairs[0].tolist(), pairs[1].tolist()
        left, right = [written[row] for row in firsts], [others_written[row] for row in seconds]
        m, n = (np.fromiter(map(len, side), np.int64, len(side)) for side in (left, right))
        common, least = lcs_lengths(left, right), self._limit.least(m, n)
        if self._signs.full:  # Signs can only have made two texts look more alike than they are.
            for row in np.flatnonzero(common >= least).tolist():
                common[row] = lcs_length(self._words(texts[firsts[row]]), self._words(others[seconds[row]]))
        scores = f1(common, m, n).tolist()
        return [(firsts[row], seconds[row], scores[row]) for row in np.flatnonzero(common >= least).tolist()]
