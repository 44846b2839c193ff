"""The scores of one level as a table: base against tuned on the same rows, pooled, by category and by task, and what got worse."""

from collections.abc import Iterable, Sequence
from typing import Any

from didact.base.types import Prediction
from didact.evals.entries import Difference, entry, paired, plain, right_or_wrong
from didact.evals.intervals import ONE_CLUSTER, ONE_ROW, ONE_TASK, Floats, Interval, bootstrap
from didact.evals.matched import cluster_of, columns, identity, matched, places
from didact.evals.paired_tests import mcnemar, sign_flip_p
from didact.evals.proportions import wilson
from didact.evals.regressions import task_entries, worse_tasks

__all__ = [
    "ONE_CLUSTER",
    "ONE_ROW",
    "ONE_TASK",
    "Difference",
    "Floats",
    "Interval",
    "bootstrap",
    "cluster_of",
    "compare",
    "identity",
    "mcnemar",
    "paired",
    "plain",
    "sign_flip_p",
    "wilson",
]


def compare(
    base: Sequence[Prediction] | None, tuned: Sequence[Prediction], metrics: Sequence[str], *, resamples: int, seed: int
) -> dict[str, Any]:
    """Returns every score of one level, ready for JSON: overall, macro, by category, by task, what got worse, how completions ended.

    Rows are matched by task, example, template and wording. Overall and categories are means over rows (SuperNI's rule), `macro` is
    the mean over tasks of their means. Without `base` the entries hold `tuned` alone.

    An entry says in `interval` how its intervals were found: Wilson's (for differences Bonett and Price's) where a metric is 0 or 100
    for every row of both models, else the bootstrap, or Student's t for few pieces; and what was drawn: tasks where there are
    several, else clusters (rows of one group, wordings of one example), else rows. `test` is the paired test on these very rows:
    McNemar's where scores are 0 or 100 and every row stands alone, else sign flips of clusters. `num_discordant` counts the rows on
    which base, and those on which tuned is better; `p_tasks`, where several tasks are pooled, exchanges whole tasks; `q`, for
    tasks, is p among all tasks of the level, after Benjamini and Hochberg.

    Args:
        base: What the base model wrote; None or empty: one model alone.
        tuned: What the tuned model wrote.
        metrics: Names to look up in each row's scores.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.

    Raises:
        DataError: No rows, a row given twice, a row that only one model answered, or a row without one of the metrics.
    """
    before, after = matched(base, tuned)
    tasks = [row.task for row in after.values()]
    categories = [row.category or "uncategorised" for row in after.values()]
    clusters = [cluster_of(row) for row in after.values()]
    scores = [(metric, *columns(before, after, metric)) for metric in metrics]

    def table(rows: list[int], balanced: bool = False) -> dict[str, Any]:
        groups, pieces = [tasks[i] for i in rows], [clusters[i] for i in rows]
        return {
            metric: entry(
                None if old is None else old[rows],
                new[rows],
                groups,
                pieces,
                shares=right_or_wrong(old, new),
                balanced=balanced,
                resamples=resamples,
                seed=seed,
            )
            for metric, old, new in scores
        }

    everything = list(range(len(tasks)))
    by_task = task_entries(before, after, metrics, resamples=resamples, seed=seed)
    return {
        "num_examples": len(tasks),
        "num_tasks": len(set(tasks)),
        "resamples": resamples,
        "interval": "95 %; drawn are tasks, else clusters of rows, else rows",
        "overall": table(everything),
        "macro": table(everything, balanced=True),
        "categories": {name: table(rows) for name, rows in places(categories).items()},
        "tasks": by_task,
        **({} if before is None else {"regressions": worse_tasks(by_task, before, after, metrics)}),
        "endings": {**({} if before is None else {"base": _endings(before.values())}), "tuned": _endings(after.values())},
    }


def _endings(rows: Iterable[Prediction]) -> dict[str, int]:
    """Returns how completions ended; `stop` and `length` add up to all rows, `empty` says how many of them hold no text."""
    listed = list(rows)
    ends = {end: sum(row.stop == end for row in listed) for end in ("stop", "length")}
    return {**ends, "empty": sum(not row.completion.strip() for row in listed)}
