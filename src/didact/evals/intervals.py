"""Intervals of means: what would the score be, had other tasks or other rows been drawn?

What is drawn is the largest piece whose rows resemble one another: tasks where there are several, else clusters (a passage, the
wordings of one row), else rows. Rows within a piece are never drawn again: their noise stands in the piece's mean already, and
counting it twice made intervals of tasks that differ little cover 99 % instead of 95.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from didact.base.chance import seed_of
from didact.base.errors import DataError

Floats = NDArray[np.float64]
Bounds = tuple[float, float]
"""What a mean can be at all."""

ONE_ROW = "one row: no interval"
ONE_CLUSTER = "one group of rows: no interval"
ONE_TASK = "one task: only rows were resampled"
ANY: Bounds = (-math.inf, math.inf)
_FEW_UNITS = 8
"""Under so many units no resample reaches beyond the outermost of them: of 3, one time in four the truth lies outside them all."""
_DRAWS_AT_ONCE = 1_000_000
"""Bounds the memory of one batch of resamples."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float
    note: str = ""
    """What stands in the way of the full interval: one row, one task."""


@dataclass(frozen=True, slots=True)
class Units:
    """The pieces that are drawn, as deviations from the mean: rows that are all alike then have an interval without width."""

    value: float
    """The mean over all rows, or over groups of their means."""
    sums: Floats
    """(U,) sum of each unit's deviations."""
    weights: Floats
    """(U,) how much each unit counts: its rows; 1 where every group counts alike."""
    num_rows: int
    drawn: str
    """`rows`, `clusters` or `tasks`."""
    note: str

    def effective(self) -> float:
        """Returns how many units of equal weight would tell as much.

        Source: Carter, Schnepel and Steigerwald 2017, effective number of clusters, for a mean.
        """
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())

    def standard_error(self) -> float:
        """Returns the standard error of the mean, from what units say of one another; 0 where there is one unit or no difference."""
        number = self.effective()
        if len(self.sums) < 2:
            return 0.0
        return math.sqrt(number / (number - 1) * float((self.sums**2).sum())) / float(self.weights.sum())

    def quantile(self) -> float:
        """Returns Student's t for 95 %, with one degree of freedom less than there are effective units."""
        return -float(stdtrit(self.effective() - 1, 0.025))


def units_of(
    values: Sequence[float] | Floats,
    *,
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    balanced: bool = False,
) -> Units:
    """Returns the pieces that are drawn: groups where there are two or more, else clusters, else rows; their order cannot show.

    Args:
        values: One number for each row.
        groups: The task of each row.
        clusters: The cluster of each row: rows of one question, wordings of one row.
        balanced: True: every group counts alike, however many rows it has.

    Raises:
        DataError: No rows, a value that is not a finite number, or not one group or cluster for each row.

    >>> units_of([0.0, 10.0, 50.0], groups=["a", "a", "b"]).sums.tolist()  # deviations from 20: -20 - 10 and 30
    [30.0, -30.0]
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise DataError("no rows to average", remedy="didact eval RUN")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise DataError(f"row {bad[0]} is {array[bad[0]]}", expected="finite numbers")
    by_group, by_cluster = _parts(array, groups, "groups"), _parts(array, clusters, "clusters")
    grouped = by_group is not None and len(by_group) > 1
    note = ONE_ROW if len(array) == 1 else ONE_TASK if by_group is not None and not grouped else ""
    if grouped and balanced and by_group is not None:
        value = math.fsum(math.fsum(part) / len(part) for part in by_group) / len(by_group)
        sums = np.sort([float((part - value).mean()) for part in by_group])
        return Units(value, sums, np.ones(len(sums)), len(array), "tasks", note)
    value = math.fsum(array) / len(array)
    parts = by_group if grouped else by_cluster
    if parts is None or (not grouped and len(parts) == len(array)):
        return Units(value, np.sort(array) - value, np.ones(len(array)), len(array), "rows", note)
    sums = np.array([float((part - value).sum()) for part in parts])
    weights = np.array([float(len(part)) for part in parts])
    order = np.lexsort((sums, weights))
    note = ONE_CLUSTER if len(parts) == 1 and len(array) > 1 else note
    return Units(value, sums[order], weights[order], len(array), "tasks" if grouped else "clusters", note)


def bootstrap(
    values: Sequence[float] | Floats,
    *,
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    resamples: int,
    seed: int,
    balanced: bool = False,
    bounds: Bounds = ANY,
) -> Interval:
    """Returns the mean over rows with a 95 % bootstrap interval.

    The ends are quantiles of resampled means, a little farther out than 2.5 and 97.5 %, so that the interval of few units is as wide
    as Student's t would have it. Under eight units, it is Student's t. In simulations 20 tasks or more gave 94 to 96 %; shares of a
    few percent that differ much between tasks 91 to 93 % (see tests/evals/test_coverage.py).

    Args:
        values: One number for each row.
        groups: The task of each row; two or more: tasks are drawn, with all their rows.
        clusters: Rows that belong together; they are drawn together where tasks are not.
        resamples: How many resamples; with 2,000 another seed moves an end by about 2 % of the interval's width.
        seed: The recipe's seed.
        balanced: True: the mean over groups of their means, every group counting alike.
        bounds: What a mean can be at all: no end lies outside.

    Raises:
        DataError: As `units_of`.

    Source: Efron and Tibshirani 1993, section 13.3 (percentile); Hesterberg 2015, arXiv 1411.5279, section 5.3 (farther out);
        Davison and Hinkley 1997, section 3.8 (draw whole clusters only).

    >>> bootstrap([0.0, 0.0, 100.0, 100.0], resamples=200, seed=0).value
    50.0
    >>> bootstrap([40.0], resamples=200, seed=0)
    Interval(value=40.0, low=40.0, high=40.0, note='one row: no interval')
    >>> bootstrap([0.0, 0.0, 0.0, 80.0], groups=["a", "a", "a", "b"], resamples=200, seed=0, balanced=True).value
    40.0
    """
    units = units_of(values, groups=groups, clusters=clusters, balanced=balanced)
    number, error = len(units.sums), units.standard_error()
    if not error:
        return Interval(units.value, units.value, units.value, units.note)
    if number < _FEW_UNITS:
        half = error * units.quantile()
        return Interval(units.value, max(bounds[0], units.value - half), min(bounds[1], units.value + half), units.note)
    generator = np.random.Generator(np.random.PCG64(seed_of(seed, "bootstrap", units.num_rows, number, resamples)))
    effective = units.effective()
    tail = float(ndtr(-math.sqrt(effective / (effective - 1)) * units.quantile()))
    low, high = units.value + np.quantile(_resampled_means(units, resamples, generator), [tail, 1 - tail])
    return Interval(units.value, max(bounds[0], float(low)), min(bounds[1], float(high)), units.note)


def method(units: Units, shares: bool) -> str:
    """Returns in words how an interval was found and what was drawn, for score tables.

    >>> method(units_of([0.0, 100.0]), shares=True), method(units_of([1.0, 2.0]), shares=False)
    ('wilson over rows', 't over rows')
    """
    if len(units.sums) == 1:
        return "none"
    return f"{'wilson' if shares else 't' if len(units.sums) < _FEW_UNITS else 'bootstrap'} over {units.drawn}"


def _parts(array: Floats, names: Sequence[str] | None, what: str) -> list[Floats] | None:
    """Returns the rows of each group, groups by name and rows by size."""
    if names is None:
        return None
    if len(names) != len(array):
        raise DataError(f"{len(array):,} rows and {len(names):,} {what}", expected=f"one of the {what} for each row")
    _, members = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    order = np.lexsort((array, members))
    return list(np.split(array[order], np.flatnonzero(np.diff(members[order])) + 1))


def _resampled_means(units: Units, resamples: int, generator: np.random.Generator) -> Floats:
    """Returns the mean deviation of every resample (resamples,)."""
    number = len(units.sums)
    means = []
    for count in batches(resamples, number):
        drawn = generator.integers(0, number, (count, number), dtype=np.int32)
        means.append(units.sums[drawn].sum(axis=1) / units.weights[drawn].sum(axis=1))
    return np.concatenate(means)


def batches(num_draws: int, width: int) -> list[int]:
    """Returns how many draws of so many numbers to make at once.

    >>> batches(3, 500_000)
    [2, 1]
    """
    size = max(1, _DRAWS_AT_ONCE // width)
    return [min(size, num_draws - start) for start in range(0, num_draws, size)]
