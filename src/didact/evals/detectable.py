"""What can be seen at all: the smallest difference that so many rows of so many tasks show, counted before anything is asked."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.matched import columns, matched

DISCORDANT = 0.3
"""Share of rows that one of two models answers better: what is assumed before there is a run to tell."""
CORRELATION = 0.1
"""Correlation within tasks: what is assumed before there is a run to tell."""


def minimum_detectable(
    num_rows: int,
    num_tasks: int = 1,
    rho: float = CORRELATION,
    *,
    share: float = 0.5,
    discordant: float = DISCORDANT,
    power: float = 0.8,
    alpha: float = 0.05,
) -> dict[str, Any]:
    """Returns the smallest differences of a share of right answers that are found with this power, in points.

    With k = z(1 - alpha/2) + z(power), n rows and m = n / tasks: two models on the same rows differ by d when
    d = (z(1 - alpha/2) √ψ + z(power) √(ψ - d²)) / √n, ψ the discordant share (at least d); for tasks like these n is divided by the
    design effect 1 + (m - 1) rho, and Student's t with tasks - 1 degrees of freedom stands for z. Two models on rows of their own
    differ by d = k √(2 share (1 - share) / n).

    Args:
        num_rows: Rows of all tasks together; wordings of one row count once.
        num_tasks: Tasks that they come from, about as many rows of each.
        rho: Correlation of rows within a task: 0, tasks are all alike; 1, a task is one row.
        share: Share of right answers; 0.5 is the worst.
        discordant: Share of rows that only one of the two models has right; `seen_before` reads it from an earlier run.
        power: How often such a difference is to be found.
        alpha: How often one may be found where there is none.

    Returns:
        `points`: same rows, these very tasks (what p tells); `points_like_these`: same rows, tasks like these (what the interval
        tells; None for one task); `points_other_rows`: each model on rows of its own, of tasks like these. 100 where nothing less can
        be seen. Beside them what was assumed, and `design_effect`.

    Raises:
        DataError: Numbers that make no sense.

    Source: Connor 1987, Biometrics 43, 207-211 (paired); Donner, Birkett and Buck 1981, American Journal of Epidemiology 114,
        906-914 (design effect).

    >>> round(minimum_detectable(1000)["points"], 1)  # about 2.80 √(0.3 / 1000)
    4.8
    """
    shares = {"rho": rho, "share": share, "discordant": discordant}
    if num_rows < 1 or not 1 <= num_tasks <= num_rows:
        raise DataError(f"{num_rows:,} rows of {num_tasks:,} tasks", expected="one task or more, and a row of each or more")
    for name, value in {**shares, "power": power, "alpha": alpha}.items():
        if not 0 <= value <= 1 or (name in ("power", "alpha") and value in (0, 1)):
            raise DataError(f"{name} is {value}", expected="a share from 0 to 1")
    effect = 1 + (num_rows / num_tasks - 1) * rho
    rows = float(ndtri(1 - alpha / 2)), float(ndtri(power))
    tasks = (float(stdtrit(num_tasks - 1, 1 - alpha / 2)), float(stdtrit(num_tasks - 1, power))) if num_tasks > 1 else rows
    apart = sum(tasks) * math.sqrt(2 * share * (1 - share) * effect / num_rows) if num_tasks > 1 else None
    other = apart if apart is not None else sum(rows) * math.sqrt(2 * share * (1 - share) / num_rows)
    return {
        "points": 100 * _paired(num_rows, discordant, *rows),
        "points_like_these": 100 * _paired(num_rows / effect, discordant, *tasks) if num_tasks > 1 else None,
        "points_other_rows": 100 * min(1.0, other),
        "num_rows": num_rows,
        "num_tasks": num_tasks,
        **shares,
        "power": power,
        "alpha": alpha,
        "design_effect": effect if num_tasks > 1 else 1.0,
    }


def detectable_line(level: str, num_rows: int, num_tasks: int, **assumed: float) -> str:
    """Returns one line for people: what a level can show before it is asked.

    Args:
        level: Its name.
        num_rows: As for `minimum_detectable`.
        num_tasks: As for `minimum_detectable`.
        assumed: The other arguments of `minimum_detectable`.

    Raises:
        DataError: As `minimum_detectable`.

    >>> detectable_line("unseen", 1000, 1)
    'unseen: 1,000 rows of one task show differences from 4.8 points on (80 % power; if 30 % of rows differ)'
    """
    found = minimum_detectable(num_rows, num_tasks, **assumed)
    tasks = f"{num_tasks:,} tasks" if num_tasks > 1 else "one task"
    points, others = found["points"], found["points_like_these"]
    these = "no difference" if points >= 100 else f"differences from {points:.1f} points on"
    like = "" if others is None else f", and {'none' if others >= 100 else f'from {others:.1f} on'} for tasks like these"
    assuming = f"{found['power']:.0%} power; if {found['discordant']:.0%} of rows differ".replace("%", " %")
    rho = f", correlation {found['rho']:g}" if num_tasks > 1 else ""
    return f"{level}: {num_rows:,} rows of {tasks} show {these}{like} ({assuming}{rho})"


def seen_before(base: Sequence[Prediction], tuned: Sequence[Prediction], metric: str) -> dict[str, float]:
    """Returns what an earlier run tells `minimum_detectable`: its `share`, `discordant` and `rho`.

    Args:
        base: Rows of one model.
        tuned: The same rows of another.
        metric: A metric of rows.

    Raises:
        DataError: As `compare`.

    Two tasks of two rows; the second model wins both of one task and none of the other, so that a task tells all of its rows:

    >>> def rows(a, b):
    ...     return [Prediction(t, str(i), "", "", "", (), "stop", 1, {"m": s}) for t, s in (("x", a), ("y", b)) for i in (1, 2)]
    >>> seen_before(rows(0, 0), rows(100, 0), "m")
    {'share': 0.5, 'discordant': 0.5, 'rho': 1.0}
    """
    before, after = matched(base, tuned)
    old, new = columns(before, after, metric)
    change = new if old is None else new - old
    return {
        "share": float(new.mean()) / 100,
        "discordant": float((change != 0).mean()),
        "rho": intraclass(change, [row.task for row in after.values()]),
    }


def intraclass(values: Sequence[float] | np.ndarray, groups: Sequence[str]) -> float:
    """Returns how much rows of one group resemble one another, from 0 to 1; 0 where it cannot be told.

    Args:
        values: One number for each row.
        groups: The group of each row.

    Source: Donald and Donner 1987; one-way analysis of variance: (MSB - MSW) / (MSB + (n0 - 1) MSW).

    MSB is 2 * 2 * 1² = 4, MSW is 0:

    >>> intraclass([1.0, 1.0, 3.0, 3.0], ["a", "a", "b", "b"])
    1.0
    """
    array = np.asarray(values, dtype=np.float64)
    _, members, sizes = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
    number, num_groups = len(array), len(sizes)
    if num_groups < 2 or number == num_groups:
        return 0.0
    means = np.bincount(members, weights=array) / sizes
    between = float((sizes * (means - array.mean()) ** 2).sum()) / (num_groups - 1)
    within = float(((array - means[members]) ** 2).sum()) / (number - num_groups)
    usual = (number - float((sizes**2).sum()) / number) / (num_groups - 1)
    below = between + (usual - 1) * within
    return min(1.0, max(0.0, (between - within) / below)) if below > 0 else 0.0


def _paired(num_rows: float, discordant: float, quantile: float, power: float) -> float:
    """Returns the smallest share by which two models on the same rows differ visibly, by halving; 1 where none is."""

    def seen(gain: float) -> bool:
        differing = max(discordant, gain)  # a gain of 10 points needs 10 % of rows that differ
        needed = quantile * math.sqrt(differing) + power * math.sqrt(max(0.0, differing - gain**2))
        return gain * math.sqrt(num_rows) >= needed

    low, high = 0.0, 1.0
    if not seen(high):
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high
