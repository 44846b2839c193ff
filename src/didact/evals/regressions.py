"""What got worse: tasks on which the tuned model is below the base model, the surest first, with the rows that it lost."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from didact.base.types import Prediction
from didact.evals.entries import add_q, entry, right_or_wrong
from didact.evals.matched import Rows, cluster_of, columns, identity, matched, places

NUM_WORST = 10
"""Rows named for each task."""


def regressions(
    base: Sequence[Prediction],
    tuned: Sequence[Prediction],
    metrics: Sequence[str],
    *,
    resamples: int,
    seed: int,
    num_worst: int = NUM_WORST,
) -> list[dict[str, Any]]:
    """Returns every task and metric whose mean fell, the smallest p first; base and tuned stand side by side.

    Args:
        base: What the base model wrote.
        tuned: What the tuned model wrote, on the same rows.
        metrics: Names to look up in each row's scores.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.
        num_worst: How many rows to name for each task.

    Returns:
        For each: `task`, `category`, `metric`, `num_examples`, `base`, `tuned`, `difference`, `test` with p, q (among all tasks, also
        those that did not fall) and `num_discordant`; `worst`: the rows that lost most (`example`, `template`, `wording`, `base`,
        `tuned`).

    Raises:
        DataError: As `compare`.
    """
    before, after = matched(base, tuned)
    by_task = task_entries(before, after, metrics, resamples=resamples, seed=seed)
    return worse_tasks(by_task, before or {}, after, metrics, num_worst)


def task_entries(before: Rows | None, after: Rows, metrics: Iterable[str], *, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Returns task to metric to entry, q among the tasks included; within a task only rows or clusters of them are drawn.

    Args:
        before: Rows of the base model, or None.
        after: The same rows of the tuned model.
        metrics: Names to look up in each row's scores.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.

    Raises:
        DataError: A row without one of the metrics.
    """
    clusters = [cluster_of(row) for row in after.values()]
    by_task: dict[str, dict[str, Any]] = {task: {} for task in sorted({row.task for row in after.values()})}
    names = list(metrics)
    for metric in names:
        old, new = columns(before, after, metric)
        shares = right_or_wrong(old, new)
        for task, rows in places([row.task for row in after.values()]).items():
            pieces, mine = [clusters[i] for i in rows], None if old is None else old[rows]
            by_task[task][metric] = entry(mine, new[rows], None, pieces, shares=shares, resamples=resamples, seed=seed)
    if before is not None:
        add_q(by_task, names)
    return by_task


def worse_tasks(
    by_task: Mapping[str, Mapping[str, Any]], before: Rows, after: Rows, metrics: Iterable[str], num_worst: int = NUM_WORST
) -> list[dict[str, Any]]:
    """Returns those entries of tasks whose difference is below 0, as `regressions` has them.

    Args:
        by_task: Task to metric to entry.
        before: Rows of the base model.
        after: The same rows of the tuned model.
        metrics: Names of metrics.
        num_worst: How many rows to name for each task.
    """
    rows_of: dict[str, list[Prediction]] = {}
    for row in after.values():
        rows_of.setdefault(row.task, []).append(row)
    found = []
    for metric in metrics:
        for task, entries in by_task.items():
            if entries[metric]["difference"]["value"] < 0:
                category = rows_of[task][0].category or "uncategorised"
                worst = _lost_most(before, rows_of[task], metric, num_worst)
                found.append({"task": task, "category": category, "metric": metric, **entries[metric], "worst": worst})
    return sorted(found, key=lambda one: (one["test"]["p"], one["difference"]["value"], one["task"], one["metric"]))


def _lost_most(before: Rows, rows: Sequence[Prediction], metric: str, number: int) -> list[dict[str, Any]]:
    """Returns the rows that fell, those that fell farthest first; of rows that fell alike, in the order of their ids."""
    lost: list[tuple[float, Prediction, float]] = []
    for row in rows:
        old = before[identity(row)].scores[metric]
        if row.scores[metric] < old:
            lost.append((row.scores[metric] - old, row, old))
    lost.sort(key=lambda one: (one[0], identity(one[1])))
    return [
        {"example": row.example, "template": row.template, "wording": row.wording, "base": old, "tuned": row.scores[metric]}
        for _, row, old in lost[:number]
    ]
