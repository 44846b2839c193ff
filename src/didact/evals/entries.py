"""One entry of a score table: base, tuned and their difference over some rows, with intervals and the paired test."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from didact.evals.intervals import ANY, Bounds, Floats, Interval, bootstrap, method, units_of
from didact.evals.many_tests import benjamini_hochberg
from didact.evals.paired_tests import PairedTest, differences, mcnemar, sign_flip, sign_flip_p, sums_of
from didact.evals.proportions import gain_interval, share_interval

_POINTS: Bounds = (0.0, 100.0)
_GAINS: Bounds = (-100.0, 100.0)


@dataclass(frozen=True, slots=True)
class Difference:
    """Tuned minus base on the same rows, with its 95 % interval."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, from the paired test."""
    note: str = ""


def paired(
    base: Sequence[float] | Floats,
    tuned: Sequence[float] | Floats,
    *,
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    resamples: int,
    seed: int,
    balanced: bool = False,
    bounds: Bounds = ANY,
) -> Difference:
    """Returns tuned minus base with its interval and a two-sided p; row i of both is the same example.

    The interval speaks about other tasks like these. p speaks about these tasks: how often a difference at least as large
    appears when the two models are exchanged row by row, at random. So p can be small while the interval holds 0.

    Args:
        base: One number for each row.
        tuned: The same rows in the same order.
        groups: The task of each row; None: rows are independent.
        clusters: The cluster of each row; its rows are exchanged together. None: every row stands alone.
        resamples: Resamples of the interval and random sign patterns of the test.
        seed: The recipe's seed.
        balanced: As for `bootstrap`.
        bounds: As for `bootstrap`.

    Raises:
        DataError: As `bootstrap`, or the two have different lengths.

    >>> paired([0, 0, 0, 0, 0], [10, 10, 10, 10, 10], resamples=200, seed=0)
    Difference(value=10.0, low=10.0, high=10.0, p=0.0625, note='')
    """
    change = differences(base, tuned)
    found = bootstrap(change, groups=groups, clusters=clusters, resamples=resamples, seed=seed, balanced=balanced, bounds=bounds)
    weights = _weights(groups) if balanced and groups is not None else None
    p = sign_flip(base, tuned, clusters=clusters, weights=weights, resamples=resamples, seed=seed).p
    return Difference(found.value, found.low, found.high, p, found.note)


def entry(
    before: Floats | None,
    after: Floats,
    groups: Sequence[str] | None,
    clusters: Sequence[str],
    *,
    shares: bool,
    balanced: bool = False,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Returns one metric of some rows, ready for JSON.

    Args:
        before: The base model's scores (rows,), or None.
        after: The tuned model's scores of the same rows.
        groups: The task of each row; None: rows of one task.
        clusters: The cluster of each row.
        shares: Scores are 0 or 100 and nothing else.
        balanced: As for `bootstrap`.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.

    Returns:
        `num_examples`, `base`, `tuned`, `difference`; `test`: the paired test; `interval`: how intervals were found.

    >>> found = entry(np.zeros(10), np.full(10, 100.0), None, list("abcdefghij"), shares=True, resamples=9, seed=0)
    >>> found["interval"], found["test"]["name"], found["test"]["num_discordant"]
    ('wilson over rows', 'mcnemar', [0, 10])
    """

    def mean(values: Floats) -> Interval:
        if shares:
            return share_interval(values, groups=groups, clusters=clusters, balanced=balanced)
        return _bootstrap(values, _POINTS)

    def _bootstrap(values: Floats, bounds: Bounds) -> Interval:
        return bootstrap(values, groups=groups, clusters=clusters, resamples=resamples, seed=seed, balanced=balanced, bounds=bounds)

    how = {"interval": method(units_of(after, groups=groups, clusters=clusters, balanced=balanced), shares)}
    if before is None:
        return {"num_examples": len(after), "tuned": plain(mean(after)), **how}
    change = differences(before, after)
    gain = gain_interval(change, groups=groups, clusters=clusters, balanced=balanced) if shares else _bootstrap(change, _GAINS)
    weights = _weights(groups) if balanced and groups is not None else None
    found = paired_test(before, after, clusters, weights, shares=shares, resamples=resamples, seed=seed)
    test: dict[str, Any] = {"name": found.name, "p": found.p, "num_discordant": list(found.num_discordant), "num_units": found.num_units}
    if groups is not None and len(set(groups)) > 1:
        by_task = sums_of(change if weights is None else change * weights, groups)
        test["p_tasks"] = sign_flip_p(by_task, resamples=resamples, seed=seed)
    return {
        "num_examples": len(after),
        "base": plain(mean(before)),
        "tuned": plain(mean(after)),
        "difference": plain(Difference(gain.value, gain.low, gain.high, found.p, gain.note)),
        "test": test,
        **how,
    }


def paired_test(
    before: Floats, after: Floats, clusters: Sequence[str], weights: Floats | None, *, shares: bool, resamples: int, seed: int
) -> PairedTest:
    """Returns McNemar's test where scores are 0 or 100 and every row stands alone and counts alike, else that of sign flips.

    >>> paired_test(np.zeros(2), np.full(2, 100.0), ["q", "q"], None, shares=True, resamples=9, seed=0).name
    'sign flip'
    """
    alone = len(set(clusters)) == len(clusters)
    if shares and alone and weights is None:
        return mcnemar(before, after)
    return sign_flip(before, after, clusters=None if alone else clusters, weights=weights, resamples=resamples, seed=seed)


def add_q(by_task: Mapping[str, Mapping[str, Any]], metrics: Iterable[str]) -> None:
    """Writes into the test of every task its q: p among the tests of all tasks by the same metric.

    Args:
        by_task: Task to metric to entry.
        metrics: Names of metrics.
    """
    for metric in metrics:
        tests = [entries[metric]["test"] for entries in by_task.values()]
        for test, q in zip(tests, benjamini_hochberg([test["p"] for test in tests]), strict=True):
            test["q"] = q


def right_or_wrong(before: Floats | None, after: Floats) -> bool:
    """Returns whether scores are 0 or 100 and nothing else.

    >>> right_or_wrong(None, np.array([0.0, 100.0])), right_or_wrong(np.array([50.0]), np.array([0.0]))
    (True, False)
    """
    return all(bool(np.isin(scores, (0.0, 100.0)).all()) for scores in (before, after) if scores is not None)


def plain(score: Interval | Difference) -> dict[str, Any]:
    """Returns the numbers as a plain table; the note only where there is one.

    >>> plain(Interval(50.0, 40.0, 60.0))
    {'value': 50.0, 'low': 40.0, 'high': 60.0}
    """
    numbers = {"value": score.value, "low": score.low, "high": score.high}
    if isinstance(score, Difference):
        numbers["p"] = score.p
    return {**numbers, **({"note": score.note} if score.note else {})}


def _weights(groups: Sequence[str]) -> Floats:
    """Returns the weight of each row where every group counts alike."""
    _, members, sizes = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
    weights: Floats = 1.0 / sizes[members]
    return weights
