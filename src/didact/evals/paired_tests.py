"""Paired tests: is the tuned model different from the base model on these very rows?

Rows that belong together (answers to one question, wordings of one row) are exchanged together, or one row asked in twenty wordings
would count as twenty.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from didact.base.chance import seed_of
from didact.base.errors import DataError
from didact.evals.intervals import Floats, batches

_EXACT_UNITS = 12
"""Up to so many non-zero differences all sign patterns are counted: 2¹² = 4,096 of them."""
_FEW_EXTREME = 10
"""With fewer patterns as far out as this p is but roughly known, and among a hundred tasks it must be known well below 1 in 1,000."""
_MORE = 20
_MOST_COINS = 50_000_000
"""Bounds the time of a closer look: patterns times differences."""


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The outcome of a paired test."""

    name: str
    """`mcnemar` or `sign flip`."""
    p: float
    """Two-sided."""
    num_discordant: tuple[int, int]
    """Rows on which the base model is better, and rows on which the tuned one is."""
    num_units: int
    """What was exchanged: rows, or clusters of them."""


def mcnemar(base: Sequence[float] | Floats, tuned: Sequence[float] | Floats) -> PairedTest:
    """Returns McNemar's exact test of two models' right and wrong answers to the same rows.

    Of the rows that only one of the two has right, each model would have half, were the models alike.

    Args:
        base: 0 or 100 (or 1, or True) for each row.
        tuned: The same rows in the same order.

    Raises:
        DataError: The two have different lengths.

    Source: McNemar 1947, Psychometrika 12, 153-157; exact: binomial, two-sided.

    >>> found = mcnemar([0] * 10, [100] * 10)  # 2 * (1/2)^10
    >>> round(found.p, 5), found.num_discordant
    (0.00195, (0, 10))
    """
    b, c = discordant(differences(base, tuned))
    p = min(1.0, 2.0 * float(bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0
    return PairedTest("mcnemar", p, (b, c), len(base))


def sign_flip(
    base: Sequence[float] | Floats,
    tuned: Sequence[float] | Floats,
    *,
    clusters: Sequence[str] | None = None,
    weights: Floats | None = None,
    resamples: int,
    seed: int,
) -> PairedTest:
    """Returns the sign-flip test: the two models are exchanged at random, cluster by cluster.

    Args:
        base: One number for each row.
        tuned: The same rows in the same order.
        clusters: Rows that belong together; None: every row stands alone.
        weights: How much each row counts; None: all alike.
        resamples: Random sign patterns.
        seed: The recipe's seed.

    Raises:
        DataError: The lengths differ.

    Two rows of one cluster are exchanged together: of two sign patterns both are as far out.

    >>> sign_flip([0, 0], [10, 10], clusters=["q", "q"], resamples=10, seed=0).p
    1.0
    """
    change = differences(base, tuned)
    weighted = change if weights is None else change * weights
    sums = weighted if clusters is None else sums_of(weighted, clusters)
    return PairedTest("sign flip", sign_flip_p(sums, resamples=resamples, seed=seed), discordant(change), len(sums))


def sign_flip_p(differences: Sequence[float] | Floats, *, resamples: int, seed: int) -> float:
    """Returns the two-sided p of the paired sign-flip permutation test: is the sum of differences 0?

    Exact for up to 12 non-zero differences; above that (k + 1) / (n + 1) over n random sign patterns, which never is 0. Where k is
    below 10, n becomes twenty times as large.

    Args:
        differences: One number for each row or cluster; zeros say nothing and are left out.
        resamples: Random sign patterns, to begin with.
        seed: The recipe's seed.

    Source: Fisher 1935; Phipson and Smyth 2010, arXiv 1603.05766, for the + 1; Besag and Clifford 1991, Biometrika 78, 301-304, for
        looking closer only where p is small.

    >>> sign_flip_p([1.0, 2.0], resamples=100, seed=0)  # sums: 3, 1, -1, -3; two of four are as far out as 3
    0.5
    """
    signed = np.asarray(differences, dtype=np.float64)
    sizes = np.sort(np.abs(signed[signed != 0]))
    if not len(sizes):
        return 1.0
    # Sums of the same numbers in another order differ by rounding; a tie must count as a tie.
    bar = abs(math.fsum(signed)) - 1e-9 * math.fsum(sizes)
    if len(sizes) <= _EXACT_UNITS:
        patterns = (np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes))) & 1
        return float(np.mean(np.abs(_flipped_sums(patterns, sizes)) >= bar))
    generator = np.random.Generator(np.random.PCG64(seed_of(seed, "sign flips", len(sizes), resamples)))
    num_bytes, num_extreme, num_drawn = -(-len(sizes) // 8), 0, 0
    for wanted in (resamples, min((_MORE - 1) * resamples, _MOST_COINS // len(sizes))):
        if num_extreme >= _FEW_EXTREME:
            break
        for count in batches(wanted, len(sizes)):
            coins = np.unpackbits(generator.integers(0, 256, (count, num_bytes), dtype=np.uint8), axis=1, count=len(sizes))
            num_extreme += int(np.sum(np.abs(_flipped_sums(coins, sizes)) >= bar))
        num_drawn += wanted
    return (num_extreme + 1) / (num_drawn + 1)


def differences(base: Sequence[float] | Floats, tuned: Sequence[float] | Floats) -> Floats:
    """Returns tuned minus base, row by row.

    Raises:
        DataError: The two have different lengths.
    """
    if len(base) != len(tuned):
        raise DataError(f"{len(base):,} base rows and {len(tuned):,} tuned rows", expected="the same rows for both models")
    change: Floats = np.asarray(tuned, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    return change


def discordant(differences: Floats) -> tuple[int, int]:
    """Returns on how many rows the base model is better, and on how many the tuned one.

    >>> discordant(np.array([100.0, 0.0, -100.0, 100.0]))
    (1, 2)
    """
    return int((differences < 0).sum()), int((differences > 0).sum())


def sums_of(values: Floats, names: Sequence[str]) -> Floats:
    """Returns the sum of each cluster, clusters by name; the order of rows cannot show.

    >>> sums_of(np.array([1.0, 2.0, 4.0]), ["b", "a", "b"]).tolist()
    [2.0, 5.0]
    """
    _, members = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    order = np.lexsort((values, members))
    sums: Floats = np.bincount(members[order], weights=values[order]).astype(np.float64)
    return sums


def _flipped_sums(patterns: NDArray[Any], sizes: Floats) -> Floats:
    """Returns the sum under each sign pattern: 1 keeps a difference positive, 0 makes it negative."""
    sums: Floats = 2 * (patterns @ sizes) - sizes.sum()
    return sums
