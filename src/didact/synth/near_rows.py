"""Near-duplicates: rows with almost the same words in runs of three; MinHash finds who to compare, the sets themselves decide."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field

from didact.base.chance import generator
from didact.base.config import Section
from didact.synth.card import part_of
from didact.synth.filters import Filter, Judged, Rule
from didact.synth.outcome import Row
from didact.tasks.fingerprints import joined
from didact.tasks.near_duplicates import MIN_SHINGLES, NUM_HASHES, SHINGLE, banding
from didact.tasks.word_hashes import hash_texts, mixed
from didact.tasks.wording import sets_of

_AT_ONCE = 1 << 16
"""Texts whose sets are made together."""


class NearSettings(Section):
    """Settings of filter `near`."""

    similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Runs of three words that two rows share over those that either has (Jaccard), at which the later one is dropped."""
    parts: tuple[str, ...] = ("instruction", "input", "output")
    """What is compared of a row, together."""


def near_duplicates(texts: Sequence[str], similarity: float) -> list[tuple[int, float] | None]:
    """Returns for each text the earlier kept one that it is near to, and the Jaccard similarity; None for one that is kept.

    Texts of fewer than five runs of three words are alike by chance, and are kept. Every pair that is told is measured exactly; of
    pairs just at the similarity one in a thousand may be missed.

    Source: Broder (1997), On the resemblance and containment of documents; Leskovec et al., Mining of Massive Datasets, section 3.4.

    Of ten words and the same ten with one more, 8 of 9 runs are shared:

    >>> long = "one two three four five six seven eight nine ten"
    >>> near_duplicates([long, long + " eleven", "something else altogether"], 0.8)
    [None, (0, 0.8888888888888888), None]
    """
    parts = list[tuple[np.ndarray, np.ndarray]]()
    for first in range(0, len(texts), _AT_ONCE):
        sets, owners = sets_of(hash_texts(texts[first : first + _AT_ONCE]), SHINGLE)
        parts.append((sets, owners + first))
    elements, rows = (joined([part[side] for part in parts], kind) for side, kind in enumerate((np.uint64, np.int64)))
    begins = np.searchsorted(rows, np.arange(len(texts) + 1))
    found: list[tuple[int, float] | None] = [None] * len(texts)
    long = np.flatnonzero(np.diff(begins) >= MIN_SHINGLES)
    buckets: dict[int, list[int]] = {}
    for row, keys in zip(long.tolist(), _bands(elements, begins, long, banding(similarity)).tolist(), strict=True):
        own = elements[begins[row] : begins[row + 1]]
        nearest = 0.0
        for other in dict.fromkeys(other for key in keys for other in buckets.get(key, ())):
            theirs = elements[begins[other] : begins[other + 1]]
            shared = len(np.intersect1d(own, theirs, assume_unique=True))
            alike = shared / (len(own) + len(theirs) - shared)
            if alike >= similarity - 1e-9 and alike > nearest:
                found[row], nearest = (other, alike), alike
        if found[row] is None:
            for key in keys:
                buckets.setdefault(key, []).append(row)
    return found


def _bands(elements: np.ndarray, begins: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """Returns a key for each band of so many MinHashes, uint64 (rows, bands): two rows of the same key are to be compared."""
    draws = generator(0, "minhash").integers(0, 1 << 64, (2, NUM_HASHES), dtype=np.uint64)
    keys = np.empty((len(rows), NUM_HASHES // size), np.uint64)
    if not len(rows):
        return keys
    scattered = mixed(elements)
    # Segments run from one long row to the next; the short rows in between are cut off first.
    inside = np.zeros(len(elements) + 1, np.int64)
    np.add.at(inside, begins[rows], 1)
    np.add.at(inside, begins[rows + 1], -1)
    scattered = scattered[np.cumsum(inside)[:-1] > 0]
    lengths = begins[rows + 1] - begins[rows]
    starts = np.cumsum(lengths) - lengths
    for band in range(keys.shape[1]):
        key = np.full(len(rows), band, np.uint64)
        for number in range(band * size, (band + 1) * size):
            key = mixed(key ^ np.minimum.reduceat(scattered * (draws[0, number] | np.uint64(1)) + draws[1, number], starts))
        keys[:, band] = key
    return keys


def _near(settings: NearSettings, seeds: Sequence[str]) -> Filter:
    def judge(rows: Sequence[Row]) -> Judged:
        texts = ["\n".join(part_of(row, part) for part in settings.parts) for row in rows]
        for row, near in zip(rows, near_duplicates(texts, settings.similarity), strict=True):
            if near is None:
                yield row, None
            else:
                scores, told = {**row.scores, "jaccard": near[1]}, {**row.about, "similar_to": rows[near[0]].id}
                yield replace(row, scores=scores, about=told), "almost the words of an earlier row"

    return judge


NEAR = Rule("near-duplicates of earlier rows, by the runs of three words in all their texts", NearSettings, _near)
