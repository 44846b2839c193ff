"""Three levels: how a model does on tasks it was trained on, on new tasks of a kind it was trained on, and on new kinds of tasks.

    seen task                      new rows of a task that was trained on
    unseen task, seen category     the task is new; others of its category were trained on
    unseen category                no task of its category was trained on

Two means that are never mixed: macro, every task counting alike, and micro, every row counting alike.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from didact.evals.statistics import bootstrap, paired, plain
from didact.tasks.clusters import clusters_of
from didact.tasks.task import Task

SEEN, NEW_TASK, NEW_CATEGORY = "seen_task", "unseen_task", "unseen_category"
THREE = (SEEN, NEW_TASK, NEW_CATEGORY)
TITLES = {SEEN: "seen task", NEW_TASK: "unseen task, seen category", NEW_CATEGORY: "unseen category"}
HOW = {
    SEEN: "keep rows of trained tasks, tasks.hold_out.examples=20, and judge them: --on held_in",
    NEW_TASK: "hold out some tasks of a category: tasks.hold_out.task=[...]",
    NEW_CATEGORY: "hold out a whole category, tasks.hold_out.category=[...], or judge a benchmark: --on bbh",
}
"""How to get tasks of a level that has none."""
_OF_LEVEL = {
    "held_in": SEEN,
    "unseen_instances": SEEN,
    "unseen_templates": SEEN,
    "unseen_compositions": NEW_TASK,
    "unseen_relation": NEW_TASK,
    "unseen_family": NEW_CATEGORY,
}
"""Levels that say by themselves what their tasks are to the training."""


def standings(tasks: Iterable[Task], level: str, seen: Sequence[Task]) -> dict[str, str]:
    """Returns what each task is to the training: one of `THREE`.

    Args:
        tasks: Those of one level or benchmark.
        level: Its name.
        seen: What was trained on.

    >>> trained = [Task("snli", (), categories=("entailment",)), Task("rows", ())]
    >>> standings([Task("cb", (), kind="superglue/cb", categories=("Textual Entailment",)), Task("sums", ())], "unseen", trained)
    {'cb': 'unseen_task', 'sums': 'unseen_category'}
    """
    names, clusters = {task.name for task in seen}, {cluster for task in seen for cluster in clusters_of(task)}
    benchmarks = {task.kind for task in seen if "/" in task.kind}

    def standing(task: Task) -> str:
        if level in _OF_LEVEL or task.level in _OF_LEVEL:
            return _OF_LEVEL.get(level) or _OF_LEVEL[task.level]
        if task.name in names or task.kind in benchmarks:
            return SEEN
        return NEW_TASK if clusters.intersection(clusters_of(task)) else NEW_CATEGORY

    return {task.name: standing(task) for task in tasks}


def three_levels(tables: Mapping[str, Any], sets: Sequence[Mapping[str, Any]], *, resamples: int, seed: int) -> dict[str, Any]:
    """Returns base, tuned and their difference at each of the three levels, ready for JSON.

    A task counts once, by the first set that asks about it, with its metric of record.

    Args:
        tables: Set to its scores, from `compare_with_tasks`.
        sets: What is known of each set, from `asking.described`.
        resamples: Of the intervals over tasks.
        seed: The recipe's seed.

    Returns:
        Level to `num_tasks`, `num_rows`, `macro` and `micro`, each with `base`, `tuned` and `difference`; a level without tasks says
        in `missing` how to get some.
    """
    found: dict[str, dict[str, tuple[str, int, float, float]]] = {level: {} for level in THREE}
    for one in sets:
        scores = tables.get(one["name"], {}).get("tasks", {})
        for name, task in one["tasks"].items():
            entry = _of_record(scores.get(name, {}), task)
            if entry and task["standing"] in found and not any(name in there for there in found.values()):
                metric, values = entry
                found[task["standing"]][name] = (metric, values["num_examples"], values["base"]["value"], values["tuned"]["value"])
    return {level: _level(tasks, level, resamples, seed) for level, tasks in found.items()}


def _of_record(scores: Mapping[str, Any], task: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Returns the entry of a task's metric of record, or else of the first that it has."""
    for metric in (task["metric"], *task["metrics"], *scores):
        if "base" in scores.get(metric, {}) and "tuned" in scores[metric]:
            return metric, scores[metric]
    return None


def _level(tasks: Mapping[str, tuple[str, int, float, float]], level: str, resamples: int, seed: int) -> dict[str, Any]:
    if not tasks:
        return {"num_tasks": 0, "num_rows": 0, "missing": HOW[level]}
    rows = [num for _, num, _, _ in tasks.values()]
    base, tuned = [value for *_, value, _ in tasks.values()], [value for *_, value in tasks.values()]
    low = -100.0 if min(*base, *tuned) < 0 else 0.0  # a correlation goes down to -100
    macro = {
        "base": plain(bootstrap(base, resamples=resamples, seed=seed, bounds=(low, 100.0))),
        "tuned": plain(bootstrap(tuned, resamples=resamples, seed=seed, bounds=(low, 100.0))),
        "difference": plain(paired(base, tuned, resamples=resamples, seed=seed, bounds=(low - 100.0, 100.0 - low))),
    }
    micro = {name: {"value": _weighted(values, rows)} for name, values in (("base", base), ("tuned", tuned))}
    micro["difference"] = {"value": micro["tuned"]["value"] - micro["base"]["value"]}
    counted = sorted({metric for metric, *_ in tasks.values()})
    return {"num_tasks": len(tasks), "num_rows": sum(rows), "metrics": counted, "macro": macro, "micro": micro}


def _weighted(values: Sequence[float], rows: Sequence[int]) -> float:
    """Returns the mean in which a task counts as often as it has rows.

    >>> _weighted([100.0, 0.0], [3, 1])
    75.0
    """
    return math.fsum(value * number for value, number in zip(values, rows, strict=True)) / sum(rows)
