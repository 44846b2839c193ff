"""Near-duplicates: MinHash finds pairs that may be alike, and the Jaccard similarity of their words in threes says whether they are.

Source: Broder 1997, On the resemblance and containment of documents; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets,
sections 3.3 and 3.4 (banding).
"""

import numpy as np

from didact.base.chance import generator
from didact.tasks.fingerprints import Index, Sieve, joined, spans
from didact.tasks.matchers import Met, measured, merged, with_copies
from didact.tasks.word_hashes import mixed
from didact.tasks.wording import Block, among, sets_of

SHINGLE = 3
"""Words in a row that are one element of a text's set."""
MIN_SHINGLES = 5
"""Texts of fewer elements are alike by chance and are not compared."""
NUM_HASHES = 128
MAX_MISSED = 1e-3
"""Share of pairs just at the threshold that banding may miss."""
MAX_ELEMENTS = 1 << 22
"""Set elements looked at together."""


def banding(similarity: float) -> int:
    """Returns how many of the hashes make a band: the most with which pairs at the threshold are hardly ever missed.

    With b bands of r hashes a pair is missed with probability (1 - s^r)^b: for s = 0.8, 16 bands of 8 miss 0.053 of them and 32
    bands of 4 miss 5e-8.

    >>> banding(0.8), banding(0.5)
    (4, 2)
    """
    return next((r for r in (16, 8, 4, 2) if (1 - similarity**r) ** (NUM_HASHES // r) <= MAX_MISSED), 1)


class Near:
    """Sets of words in threes, without constant wording, that are alike."""

    kind, ngram = "near-duplicate", SHINGLE

    def __init__(self, similarity: float) -> None:
        self._similarity, self._size = similarity, banding(similarity)
        draws = generator(0, "minhash").integers(0, 1 << 64, (2, NUM_HASHES), dtype=np.uint64)
        self._times, self._plus = draws[0] | np.uint64(1), draws[1]
        self._elements, self._owners, self._firsts = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()

    def _sets(self, block: Block, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the elements of each row and their rows, of rows that have enough and are the first with their words."""
        elements, rows = sets_of(block.hashed, SHINGLE)
        constant = block.wording.get(SHINGLE)
        if constant is not None and len(constant):
            kept = ~among(constant, elements)
            elements, rows = elements[kept], rows[kept]
        # Copies are measured once: a thousand of one text on either side would be a million pairs.
        kept = (np.bincount(rows, minlength=len(block.rows))[rows] >= MIN_SHINGLES) & (first[rows] == rows)
        return elements[kept], rows[kept]

    def add(self, block: Block, first_owner: int) -> None:
        """Takes unseen examples."""
        first = block.first_alike()
        elements, rows = self._sets(block, first)
        self._firsts.append(first + first_owner)
        self._elements.append(elements)
        self._owners.append(rows + first_owner)

    def seal(self, task_of: np.ndarray) -> None:
        """Ends the unseen side."""
        elements, owners = joined(self._elements, np.uint64), joined(self._owners)
        self._elements, self._owners, self._task_of, self._first_owner = [], [], task_of, joined(self._firsts)
        self._known = np.unique(elements)
        self._sieve = Sieve(mixed(self._known))
        self._sizes = np.bincount(owners, minlength=len(task_of))
        # An example and an element of its set as one number; sorted, as both are.
        self._members = owners * len(self._known) + np.searchsorted(self._known, elements)
        keys, distinct = self._bands(elements, owners)
        self._buckets = Index(keys, distinct, np.zeros(len(task_of), np.int64))

    def _bands(self, elements: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the keys of the bands of every row, and whose they are, in the order of rows."""
        if not len(elements):
            return elements, rows
        first = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
        num_bands = NUM_HASHES // self._size
        keys = np.empty((len(first), num_bands), np.uint64)
        scattered = mixed(elements)
        for band in range(num_bands):
            key = np.full(len(first), band, np.uint64)
            for number in range(band * self._size, (band + 1) * self._size):
                key = mixed(key ^ np.minimum.reduceat(scattered * self._times[number] + self._plus[number], first))
            keys[:, band] = key
        return keys.ravel(), np.repeat(rows[first], num_bands)

    def meet(self, block: Block) -> Met:
        """Returns what seen examples have in common with the unseen ones."""
        first = block.first_alike()
        elements, rows = self._sets(block, first)
        # A pair this much alike has at least that share of either set in common: most rows have fewer elements that are known at all.
        known = np.bincount(rows[self._sieve.may_hold(mixed(elements))], minlength=len(block.rows))
        sizes = np.bincount(rows, minlength=len(block.rows))
        likely = (known >= self._similarity * sizes - 1e-9)[rows]
        elements, rows = elements[likely], rows[likely]
        keys, holders = self._bands(elements, rows)
        asked, places = self._buckets.find(keys)
        starts = self._buckets.starts[places]
        counts = self._buckets.starts[places + 1] - starts
        found, num_owners = list[Met](), len(self._task_of)
        for part in _slices(counts):
            pairs = np.repeat(holders[asked[part]], counts[part]) * num_owners + self._buckets.owners[spans(starts[part], counts[part])]
            row, owner = np.divmod(np.unique(pairs), num_owners)
            alike = self._jaccard(elements, rows, sizes, row, owner)
            kept = alike >= self._similarity - 1e-9
            found.append(measured(row[kept], owner[kept], alike[kept], self._task_of))
        return with_copies(merged(found, self._task_of), first, self._first_owner, self._task_of)

    def _jaccard(self, elements: np.ndarray, rows: np.ndarray, sizes: np.ndarray, row: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Returns the elements that both have over those that either has, for pairs of a seen row and an unseen example."""
        places = np.searchsorted(self._known, elements)
        places[places == len(self._known)] = 0
        places = np.where(self._known[places] == elements, places, -1)
        begins = np.searchsorted(rows, np.arange(len(sizes)))
        shared = np.zeros(len(row), np.int64)
        for part in _slices(sizes[row]):
            held = places[spans(begins[row[part]], sizes[row[part]])]
            asked = np.repeat(owner[part], sizes[row[part]]) * len(self._known) + held
            inside = (held >= 0) & among(self._members, asked)
            pair = np.repeat(np.arange(len(part)), sizes[row[part]])
            shared[part] = np.bincount(pair[inside], minlength=len(part))
        alike: np.ndarray = shared / (sizes[row] + self._sizes[owner] - shared)
        return alike

    def first_shared(self, block: Block, task: int, owner: int = -1) -> tuple[str, int]:
        """Returns the input, and the unseen example that is most like it."""
        return block.texts[0], owner


def _slices(counts: np.ndarray) -> list[np.ndarray]:
    """Returns the numbers from 0 in slices of which the counts add up to about `MAX_ELEMENTS`."""
    numbers = np.arange(len(counts))
    return np.split(numbers, np.flatnonzero(np.diff(np.cumsum(counts) // MAX_ELEMENTS)) + 1) if len(counts) else []
