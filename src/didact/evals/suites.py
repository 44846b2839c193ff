"""What benchmarks add to scores: the metrics that they name, GLUE's and SuperGLUE's one number, and what a person has to know."""

import math
from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.suites import SUITES, suite_scores
from didact.tasks.task import Task


def own_metrics(task: Task) -> tuple[str, ...]:
    """Returns the metrics that a task itself names: its metric of record, and all those of its benchmark.

    Where a benchmark says accuracy and its rows have choices, that of the choices that completions give is added.

    >>> own_metrics(Task("mine", (), metric="matthews"))
    ('matthews',)
    """
    metrics = (task.metric, *(BENCHMARKS[task.kind].metrics if task.kind in BENCHMARKS else ()))
    chosen = "accuracy" in metrics[1:] and len(task.examples) and task.examples[0].choices
    return tuple(dict.fromkeys((*metrics, "mcq_accuracy") if chosen else metrics))


def suites(table: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Returns the scores of GLUE and SuperGLUE, of those whose tasks are all there, for both models.

    Args:
        table: From `compare_with_tasks`.
        kinds: Task name to the benchmark that it is.

    Returns:
        Suite to `base` and `tuned` in points and `without`, the tasks that do not count; or to `missing`, why there is no score.
    """
    found: dict[str, Any] = {}
    for model in ("base", "tuned"):
        scores = _by_kind(table["tasks"], kinds, model)
        for suite in SUITES:
            try:
                known = suite_scores({name: metrics for name, metrics in scores.items() if name.startswith(f"{suite}/") and metrics})
            except DataError as error:
                found[suite] = {"missing": error.what}
                continue
            for name, (score, without) in known.items():
                found[name] = {**found.get(name, {}), model: score, "without": list(without)}
    return found


def _by_kind(tasks: Mapping[str, Any], kinds: Mapping[str, str], model: str) -> dict[str, dict[str, float]]:
    """Returns benchmark to metric to points; of a benchmark that is judged on several sets, MNLI's two, the mean over them.

    >>> tasks = {name: {"accuracy": {"tuned": {"value": value}}} for name, value in (("m", 80.0), ("mm", 70.0))}
    >>> _by_kind(tasks, {"m": "glue/mnli", "mm": "glue/mnli"}, "tuned")
    {'glue/mnli': {'accuracy': 75.0}}
    """
    found: dict[str, dict[str, list[float]]] = {}
    for task, metrics in tasks.items():
        of_kind = found.setdefault(kinds[task], {}) if task in kinds else {}
        for metric, entry in metrics.items():
            if model in entry:
                of_kind.setdefault(metric, []).append(entry[model]["value"])
    return {kind: {metric: math.fsum(v) / len(v) for metric, v in metrics.items()} for kind, metrics in found.items()}


def remarks(table: Mapping[str, Any]) -> list[str]:
    """Returns what a person has to know about the scores of whole tasks: answers that were not read, tasks that were left out.

    Args:
        table: From `compare_with_tasks`, with `suites` or without.

    >>> remarks({"tasks": {}, "left_out": {"pearson": {"qa": "the reference 'yes' is no number", "nli": "the same"}}})
    ["pearson left out for 2 tasks: the reference 'yes' is no number (qa) ..."]
    """
    lines = []
    for task, metrics in table.get("tasks", {}).items():
        unread = {model: most for model in ("base", "tuned") if (most := _most_unread(metrics, model))}
        if unread:
            counts = ", ".join(f"{count:,} of {rows:,} ({model})" for model, (count, rows) in unread.items())
            lines.append(f"{task}: completions that give no answer: {counts}; they count as wrong")
    for metric, tasks in table.get("left_out", {}).items():
        task, reason = next(iter(tasks.items()))
        many = f"{len(tasks):,} tasks" if len(tasks) > 1 else "one task"
        lines.append(f"{metric} left out for {many}: {reason} ({task}){' ...' if len(tasks) > 1 else ''}")
    for suite, score in table.get("suites", {}).items():
        without = f", without {', '.join(score['without'])}" if score.get("without") else ""
        values = ", ".join(f"{model} {score[model]:.1f}" for model in ("base", "tuned") if model in score)
        lines.append(f"{suite} score: {values}{without}" if values else f"no {suite} score: {score['missing']}")
    return lines


def _most_unread(metrics: Mapping[str, Any], model: str) -> tuple[int, int] | None:
    counts = [(entry[model].get("num_unparsed", 0), entry["num_examples"]) for entry in metrics.values() if model in entry]
    most = max(counts, default=(0, 0))
    return most if most[0] else None
