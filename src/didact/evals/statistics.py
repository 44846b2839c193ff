"""Intervals and paired tests: how far a score would move if other tasks and other rows had been drawn.

Rows of one task resemble one another, so tasks are resampled first and rows within them second. The order of rows changes
nothing: they are sorted before chance is drawn.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didact.base.chance import seed_of
from didact.base.errors import DataError
from didact.base.types import Prediction

Floats = NDArray[np.float64]
Rows = dict[tuple[str, str, str], Prediction]
"""Predictions by task, example and template."""

ONE_ROW = "one row: no interval"
ONE_TASK = "one task: only rows were resampled"
_EXACT_ROWS = 12
"""Up to so many non-zero differences all sign patterns are counted: 2¹² = 4,096 of them."""
_DRAWS_AT_ONCE = 1_000_000
"""Bounds the memory of one batch of resamples."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % percentile interval."""

    value: float
    low: float
    high: float
    note: str = ""
    """What stands in the way of the full interval: one row, one task."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Tuned minus base on the same rows, with its 95 % interval."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, from the sign-flip test over rows."""
    note: str = ""


def bootstrap(
    values: Sequence[float] | Floats, *, groups: Sequence[str] | None = None, resamples: int, seed: int, balanced: bool = False
) -> Interval:
    """Returns the mean over rows with a 95 % percentile bootstrap interval.

    With two groups or more, groups are drawn with replacement and then rows within each drawn group. That counts the noise
    within groups twice, so the interval errs on the wide side where rows differ much more than groups do. With few groups
    (under ten or so) any bootstrap over groups errs on the narrow side.

    Args:
        values: One number for each row.
        groups: The task of each row; None: rows are independent.
        resamples: How many resamples; with 2,000 another seed moves an end by about 2 % of the interval's width.
        seed: The recipe's seed.
        balanced: True: the mean over groups of their means, every group counting alike.

    Raises:
        DataError: No rows, a value that is not a finite number, or not one group for each row.

    Source: Efron and Tibshirani 1993, section 13.3 (percentile); Davison and Hinkley 1997, section 3.8 (two stages).

    >>> bootstrap([0.0, 0.0, 100.0, 100.0], resamples=200, seed=0).value
    50.0
    >>> bootstrap([40.0], resamples=200, seed=0)
    Interval(value=40.0, low=40.0, high=40.0, note='one row: no interval')
    >>> bootstrap([0.0, 0.0, 0.0, 80.0], groups=["a", "a", "a", "b"], resamples=200, seed=0, balanced=True).value
    40.0
    """
    parts = _by_group(values, groups)
    value = _mean(parts, balanced)
    num_rows = sum(len(part) for part in parts)
    if num_rows == 1:
        return Interval(value, value, value, ONE_ROW)
    generator = np.random.Generator(np.random.PCG64(seed_of(seed, "bootstrap", num_rows, len(parts), resamples)))
    # Deviations instead of values: rows that are all alike then give exactly their value as both ends.
    means = value + _resampled_means([part - value for part in parts], resamples, generator, balanced)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(value, float(low), float(high), ONE_TASK if groups is not None and len(parts) == 1 else "")


def paired(
    base: Sequence[float] | Floats,
    tuned: Sequence[float] | Floats,
    *,
    groups: Sequence[str] | None = None,
    resamples: int,
    seed: int,
    balanced: bool = False,
) -> Difference:
    """Returns tuned minus base with its interval and a two-sided p; row i of both is the same example.

    The interval speaks about other tasks like these. p speaks about these tasks: how often a difference at least as large
    appears when the two models are exchanged row by row, at random. So p can be small while the interval holds 0.

    Args:
        base: One number for each row.
        tuned: The same rows in the same order.
        groups: The task of each row; None: rows are independent.
        resamples: Resamples of the interval and random sign patterns of the test.
        seed: The recipe's seed.
        balanced: As for `bootstrap`.

    Raises:
        DataError: As `bootstrap`, or the two have different lengths.

    >>> paired([0, 0, 0, 0, 0], [10, 10, 10, 10, 10], resamples=200, seed=0)
    Difference(value=10.0, low=10.0, high=10.0, p=0.0625, note='')
    """
    if len(base) != len(tuned):
        raise DataError(f"{len(base):,} base rows and {len(tuned):,} tuned rows", expected="the same rows for both models")
    differences = np.asarray(tuned, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    interval = bootstrap(differences, groups=groups, resamples=resamples, seed=seed, balanced=balanced)
    weights = np.ones(len(differences))
    if balanced and groups is not None:
        _, members, sizes = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
        weights = 1.0 / sizes[members]
    p = sign_flip_p(differences * weights, resamples=resamples, seed=seed)
    return Difference(interval.value, interval.low, interval.high, p, interval.note)


def sign_flip_p(differences: Sequence[float] | Floats, *, resamples: int, seed: int) -> float:
    """Returns the two-sided p of the paired sign-flip permutation test: is the sum of differences 0?

    Exact for up to 12 non-zero differences; above that (k + 1) / (n + 1) over n random sign patterns, which never is 0.

    Args:
        differences: One number for each row; zeros say nothing and are left out.
        resamples: Random sign patterns.
        seed: The recipe's seed.

    Source: Fisher 1935; Phipson and Smyth 2010, arXiv 1603.05766, for the + 1.

    >>> sign_flip_p([1.0, 2.0], resamples=100, seed=0)  # sums: 3, 1, -1, -3; two of four are as far out as 3
    0.5
    """
    signed = np.asarray(differences, dtype=np.float64)
    sizes = np.sort(np.abs(signed[signed != 0]))
    if not len(sizes):
        return 1.0
    # Sums of the same numbers in another order differ by rounding; a tie must count as a tie.
    bar = abs(math.fsum(signed)) - 1e-9 * math.fsum(sizes)
    if len(sizes) <= _EXACT_ROWS:
        patterns = (np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes))) & 1
        return float(np.mean(np.abs(_flipped_sums(patterns, sizes)) >= bar))
    generator = np.random.Generator(np.random.PCG64(seed_of(seed, "sign flips", len(sizes), resamples)))
    num_bytes, num_extreme = -(-len(sizes) // 8), 0
    for count in _batches(resamples, len(sizes)):
        coins = np.unpackbits(generator.integers(0, 256, (count, num_bytes), dtype=np.uint8), axis=1, count=len(sizes))
        num_extreme += int(np.sum(np.abs(_flipped_sums(coins, sizes)) >= bar))
    return (num_extreme + 1) / (resamples + 1)


def compare(
    base: Sequence[Prediction] | None, tuned: Sequence[Prediction], metrics: Sequence[str], *, resamples: int, seed: int
) -> dict[str, Any]:
    """Returns every score of one level, ready for JSON: overall, macro, by category, by task, and how completions ended.

    Rows are matched by task, example and template. Overall and categories are means over rows (SuperNI's rule), `macro` is
    the mean over tasks of their means. Without `base` the entries hold `tuned` alone.

    Args:
        base: What the base model wrote; None or empty: one model alone.
        tuned: What the tuned model wrote.
        metrics: Names to look up in each row's scores.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.

    Raises:
        DataError: No rows, a row given twice, a row that only one model answered, or a row without one of the metrics.
    """
    if not tuned:
        raise DataError("no predictions to score", remedy="didact eval RUN")
    tuned_rows = _by_identity(tuned, "tuned")
    base_rows = _by_identity(base, "base") if base else None
    if base_rows is not None:
        _same_rows(base_rows, tuned_rows)
    tasks = [row.task for row in tuned_rows.values()]
    categories = [row.category or "uncategorised" for row in tuned_rows.values()]

    columns = [(metric, *_columns(base_rows, tuned_rows, metric)) for metric in metrics]

    def table(chosen: Sequence[int], pooled: bool = True, balanced: bool = False) -> dict[str, Any]:
        groups = [tasks[i] for i in chosen] if pooled else None

        def entry(before: Floats | None, after: Floats) -> dict[str, Any]:
            tuned_mean = bootstrap(after, groups=groups, resamples=resamples, seed=seed, balanced=balanced)
            if before is None:
                return {"num_examples": len(after), "tuned": plain(tuned_mean)}
            base_mean = bootstrap(before, groups=groups, resamples=resamples, seed=seed, balanced=balanced)
            gain = paired(before, after, groups=groups, resamples=resamples, seed=seed, balanced=balanced)
            return {"num_examples": len(after), "base": plain(base_mean), "tuned": plain(tuned_mean), "difference": plain(gain)}

        rows = list(chosen)
        return {metric: entry(None if before is None else before[rows], after[rows]) for metric, before, after in columns}

    everything = range(len(tasks))
    endings = {} if base_rows is None else {"base": _endings(base_rows.values())}
    return {
        "num_examples": len(tasks),
        "num_tasks": len(set(tasks)),
        "resamples": resamples,
        "interval": "95 %, tasks resampled, then rows",
        "overall": table(everything),
        "macro": table(everything, balanced=True),
        "categories": {name: table(chosen) for name, chosen in _indices(categories).items()},
        "tasks": {name: table(chosen, pooled=False) for name, chosen in _indices(tasks).items()},
        "endings": {**endings, "tuned": _endings(tuned_rows.values())},
    }


def _by_group(values: Sequence[float] | Floats, groups: Sequence[str] | None) -> list[Floats]:
    """Returns the rows of each group, groups by name and rows by size."""
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise DataError("no rows to average", remedy="didact eval RUN")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise DataError(f"row {bad[0]} is {array[bad[0]]}", expected="finite numbers")
    if groups is None:
        return [np.sort(array)]
    if len(groups) != len(array):
        raise DataError(f"{len(array):,} rows and {len(groups):,} groups", expected="one group for each row")
    _, members = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    order = np.lexsort((array, members))
    return list(np.split(array[order], np.flatnonzero(np.diff(members[order])) + 1))


def _mean(parts: Sequence[Floats], balanced: bool) -> float:
    """Returns the mean over rows, or over groups of their means, exactly rounded: the order of rows cannot show."""
    if balanced:
        return math.fsum(math.fsum(part) / len(part) for part in parts) / len(parts)
    return math.fsum(value for part in parts for value in part) / sum(len(part) for part in parts)


def _resampled_means(parts: Sequence[Floats], resamples: int, generator: np.random.Generator, balanced: bool) -> Floats:
    """Returns the mean of every resample (resamples,); one group alone is drawn exactly once each time."""
    num_groups = len(parts)
    times = generator.multinomial(num_groups, np.full(num_groups, 1 / num_groups), size=resamples)  # (resamples, groups)
    total, weight = np.zeros(resamples), np.zeros(resamples)
    for part, drawn in zip(parts, times.T, strict=True):
        scale = 1 / len(part) if balanced else 1.0
        sums = [
            part[generator.integers(0, len(part), (count, len(part)), dtype=np.int32)].sum(axis=1)
            for count in _batches(int(drawn.sum()), len(part))
        ]
        if sums:
            total += scale * np.bincount(np.repeat(np.arange(resamples), drawn), np.concatenate(sums), resamples)
            weight += scale * len(part) * drawn
    return total / weight


def _flipped_sums(patterns: NDArray[Any], sizes: Floats) -> Floats:
    """Returns the sum under each sign pattern: 1 keeps a difference positive, 0 makes it negative."""
    sums: Floats = 2 * (patterns @ sizes) - sizes.sum()
    return sums


def _batches(num_draws: int, width: int) -> list[int]:
    size = max(1, _DRAWS_AT_ONCE // width)
    return [min(size, num_draws - start) for start in range(0, num_draws, size)]


def _by_identity(rows: Iterable[Prediction], model: str) -> Rows:
    table: Rows = {}
    for row in rows:
        if (row.task, row.example, row.template) in table:
            raise DataError(f"the {model} predictions hold a row twice", where=_where(row), remedy="didact eval RUN")
        table[(row.task, row.example, row.template)] = row
    return table


def _same_rows(base: Rows, tuned: Rows) -> None:
    for rows, others, model in ((tuned, base, "base"), (base, tuned, "tuned")):
        missing = [row for key, row in rows.items() if key not in others]
        if missing:
            what = f"{len(missing):,} of {len(rows):,} rows were not answered by the {model} model"
            raise DataError(what, where=f"first: {_where(missing[0])}", expected="the same rows for both models", remedy="didact eval RUN")


def _columns(base: Rows | None, tuned: Rows, metric: str) -> tuple[Floats | None, Floats]:
    """Returns one metric of every row, in the order of the tuned rows."""

    def score(row: Prediction) -> float:
        if metric not in row.scores:
            known = f"its metrics: {', '.join(row.scores) or 'none'}"
            raise DataError(f"a row has no score '{metric}'", where=_where(row), expected=known, remedy="didact eval RUN")
        return row.scores[metric]

    before = None if base is None else np.array([score(base[key]) for key in tuned])
    return before, np.array([score(row) for row in tuned.values()])


def _where(row: Prediction) -> str:
    return f"task {row.task}, example {row.example}, template {row.template}"


def _indices(names: Sequence[str]) -> dict[str, list[int]]:
    table: dict[str, list[int]] = {name: [] for name in sorted(set(names))}
    for index, name in enumerate(names):
        table[name].append(index)
    return table


def _endings(rows: Iterable[Prediction]) -> dict[str, int]:
    """Returns how completions ended; `stop` and `length` add up to all rows, `empty` says how many of them hold no text."""
    listed = list(rows)
    ends = {end: sum(row.stop == end for row in listed) for end in ("stop", "length")}
    return {**ends, "empty": sum(not row.completion.strip() for row in listed)}


def plain(score: Interval | Difference) -> dict[str, Any]:
    """Returns the numbers as a plain table; the note only where there is one.

    >>> plain(Interval(50.0, 40.0, 60.0))
    {'value': 50.0, 'low': 40.0, 'high': 60.0}
    """
    numbers = {"value": score.value, "low": score.low, "high": score.high}
    if isinstance(score, Difference):
        numbers["p"] = score.p
    return {**numbers, **({"note": score.note} if score.note else {})}
