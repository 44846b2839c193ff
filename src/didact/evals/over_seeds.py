"""Scores over several seeds: the mean over trainings, with an interval over both the rows and the seeds, and two models paired by row."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from didact.base.chance import generator
from didact.base.types import Prediction
from didact.evals.intervals import Floats, batches
from didact.evals.task_level import judged
from didact.tasks.judged import Judged, Points, share
from didact.tasks.metrics import METRICS
from didact.tasks.set_metrics import SET_METRICS

Runs = Sequence[Sequence[Prediction]]
"""For each seed the same rows in the same order."""
_ROUNDING = 1e-9


def points_of(metric: str, rows: Sequence[Judged]) -> Points:
    """Returns a metric of either kind over rows, as a number that can be counted again over other draws of them.

    >>> points_of("accuracy", [Judged("yes", ("yes",)), Judged("no", ("yes",))])
    50.0
    """
    if metric in SET_METRICS:
        return SET_METRICS[metric](rows)
    values = np.array([METRICS[metric](row.completion, row.references) for row in rows]) / 100
    return Points(share(values), len(rows))


def score_over_seeds(metric: str, runs: Runs, *, resamples: int, seed: int) -> dict[str, Any]:
    """Returns the mean score over seeds with a 95 % interval, ready for JSON.

    Every draw takes as many seeds as there are, and rows (whole groups), with replacement: the interval says what other rows and
    other seeds would have brought. Three seeds are few: it is somewhat too narrow.

    Args:
        metric: Of rows or of whole tasks.
        runs: What each seed said.
        resamples: Draws.
        seed: What they are drawn from.

    Returns:
        `value`, `low`, `high`, `seeds` (the score of each), `deviation` (over seeds), `note` where there is one.

    >>> run = [Prediction("t", str(n), "", "", said, ("a",), "stop", 0) for n, said in enumerate("aabb")]
    >>> score_over_seeds("accuracy", [run, run], resamples=50, seed=0)["seeds"]
    [50.0, 50.0]
    """
    points = [points_of(metric, judged(run)) for run in runs]
    values = [float(one) for one in points]
    drawn = _drawn([points], runs[0], resamples, seed)[0]
    note = next((one.note for one in points if one.note), "")
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    found = {"value": float(np.mean(values)), "low": low, "high": high, "deviation": deviation, "seeds": values}
    return {**found, **({"note": note} if note else {})}


def difference_over_seeds(metric: str, before: Runs, after: Runs, *, resamples: int, seed: int) -> dict[str, Any]:
    """Returns the difference of two models' mean scores on the same rows, its 95 % interval and p, ready for JSON.

    The interval draws the same rows for both and seeds for each. p is that of an exchange test over rows: how often a difference at
    least as large appears when what all seeds of both said is exchanged at random, row by row. It knows nothing of other seeds; so
    where twice the share of the draws on the other side of 0 is larger, p is that, and does not say more than the interval.

    Args:
        metric: As for `score_over_seeds`.
        before: What each seed of one model said; where it has fewer seeds, they count again.
        after: What each seed of the other said, on the same rows in the same order.
        resamples: Draws, and exchanges.
        seed: What they are drawn from.

    >>> run = [Prediction("t", str(n), "", "", "a", ("a",), "stop", 0) for n in range(4)]
    >>> difference_over_seeds("accuracy", [run], [run], resamples=50, seed=0)
    {'value': 0.0, 'low': 0.0, 'high': 0.0, 'p': 1.0}
    """
    sides = [[points_of(metric, judged(run)) for run in runs] for runs in (before, after)]
    old, new = _drawn(sides, after[0], resamples, seed)
    value = float(np.mean([float(one) for one in sides[1]]) - np.mean([float(one) for one in sides[0]]))
    low, high = np.quantile(new - old, [0.025, 0.975]).tolist()
    number = max(len(before), len(after))
    both = [
        points_of(metric, [*_marked(judged(before[place % len(before)]), "a"), *_marked(judged(after[place % len(after)]), "b")])
        for place in range(number)
    ]
    _, unit_of = _units(after[0])
    chance, exchanged = generator(seed, "exchanges over seeds", len(unit_of), resamples), list[Floats]()
    for size in batches(resamples, 2 * len(unit_of)):
        swapped = chance.integers(0, 2, (size, int(unit_of.max()) + 1)).astype(float)[:, unit_of]
        one, other = np.hstack([swapped, 1 - swapped]), np.hstack([1 - swapped, swapped])
        exchanged.append(np.mean([points.over(one) - points.over(other) for points in both], axis=0))
    extreme = int(np.sum(np.abs(np.concatenate(exchanged)) >= abs(value) - _ROUNDING))
    beyond = 2 * min(float(np.mean(new <= old)), float(np.mean(new >= old)))
    return {"value": value, "low": low, "high": high, "p": min(1.0, max((extreme + 1) / (resamples + 1), beyond))}


def _drawn(sides: Sequence[Sequence[Points]], rows: Sequence[Prediction], resamples: int, seed: int) -> list[Floats]:
    """Returns for each model its mean score over drawn seeds in each draw of rows (resamples,), the same rows for all."""
    names, unit_of = _units(rows)
    chance = generator(seed, "draws over seeds", len(unit_of), len(names), resamples)
    even = np.full(len(names), 1 / len(names))
    found: list[list[Floats]] = [[] for _ in sides]
    for size in batches(resamples, len(unit_of)):
        weights = chance.multinomial(len(names), even, size=size)[:, unit_of].astype(float)
        for place, points in enumerate(sides):
            scores = np.array([one.over(weights) for one in points])
            picks = chance.integers(0, len(points), (len(points), size))
            found[place].append(scores[picks, np.arange(size)].mean(axis=0))
    return [np.concatenate(parts) for parts in found]


def _units(rows: Sequence[Prediction]) -> tuple[Any, Any]:
    """Returns the pieces that are drawn, groups and single rows, and the piece of each row."""
    return np.unique([f"group {row.group}" if row.group else f"row {row.example}" for row in rows], return_inverse=True)


def _marked(rows: Sequence[Judged], model: str) -> list[Judged]:
    return [replace(row, group=f"{model} {row.group}" if row.group else "") for row in rows]
