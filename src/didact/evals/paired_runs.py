"""Two runs, or two files of predictions, against each other on the rows that both answered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.matched import Identity, identity, place_of
from didact.evals.task_level import compare_with_tasks

Key = tuple[Identity, str]
"""What is asked, how, and whether in writing or by rank."""


def paired_runs(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    names: tuple[str, str] = ("first", "second"),
    metrics: Sequence[str] | None = None,
    own: Mapping[str, Sequence[str]] | None = None,
    *,
    other_prompts: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Returns two runs compared on the rows they share: `second` minus `first`, ready for JSON.

    Rows are matched by task, example, template, wording and by how they were asked; what only one run has is counted. Each level is
    compared by itself, and answers by rank apart from written ones (`unseen, by rank`), with an accuracy for each way of ranking.

    Args:
        first: One run's predictions of one model; they stand under `base`.
        second: The other's; they stand under `tuned`.
        names: What to call the two.
        metrics: Metrics of rows or of whole tasks; None: those that every shared row of a level has a score for.
        own: Task name to the names of its own metrics, as `compare_with_tasks` takes them.
        other_prompts: True compares also rows whose prompts read differently (another chat format); they are counted.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.

    Returns:
        `runs`: the two names; `num_shared`; `num_only`: name to how many rows only that run has, and `tasks_only`: of which tasks;
        `num_other_prompts`; `num_moved`: rows that the two have at different levels; they stand at the second's; `levels`: level to
        what `compare` returns, its overall entries and tasks with `wins`, `losses` and `ties` of `second` in rows; `without_scores`:
        level to rows, where no metric is there for all of them.

    Raises:
        DataError: No rows or no metric shared, a row given twice, or prompts that differ.
    """
    if names[0] == names[1]:
        names = (f"{names[0]} (1)", f"{names[1]} (2)")
    before, after = _keyed(first, names[0]), _keyed(second, names[1])
    shared = sorted(before.keys() & after.keys())
    if not shared:
        tasks = [sorted({row.task for row in rows}) for rows in (first, second)]
        known = "; ".join(f"{name}: {', '.join(some[:3]) or 'none'}" for name, some in zip(names, tasks, strict=True))
        raise DataError(
            "the two share no rows", expected=f"rows of the same tasks and wordings ({known})", remedy="didact eval RUN --on all"
        )
    changed = [key for key in shared if before[key].prompt != after[key].prompt]
    if changed and not other_prompts:
        what = f"{len(changed):,} of {len(shared):,} shared rows were asked in other words"
        expected = "the same prompts for both; runs with another chat format or length limit ask differently"
        raise DataError(what, where=f"first: {place_of(before[changed[0]])}", expected=expected, remedy="didact eval RUN")
    levels: dict[str, list[Key]] = {}
    for key in shared:
        levels.setdefault(after[key].level + (", by rank" if key[1] == "rank" else ""), []).append(key)
    found, without_scores = {}, {}
    for level, keys in levels.items():
        ours, theirs = ([_ranked(rows[key]) for key in keys] for rows in (before, after))
        listed = _shared_metrics([*ours, *theirs]) if metrics is None or keys[0][1] == "rank" else list(metrics)
        if not listed and not own:
            without_scores[level] = len(keys)
            continue
        table = compare_with_tasks(ours, theirs, listed, own or {}, resamples=resamples, seed=seed)
        found[level] = _with_wins(table)
    if not found:
        raise DataError("no metric that every shared row has a score for", where=place_of(after[shared[0]]), remedy="didact eval RUN")
    only = {
        name: [key for key in rows if key not in others] for name, rows, others in ((names[0], before, after), (names[1], after, before))
    }
    return {
        "runs": list(names),
        "num_shared": len(shared),
        "num_only": {name: len(keys) for name, keys in only.items()},
        "tasks_only": {name: dict(sorted(Counter(key[0][0] for key in keys).items())) for name, keys in only.items()},
        "num_other_prompts": len(changed),
        "num_moved": sum(before[key].level != after[key].level for key in shared),
        "without_scores": without_scores,
        "levels": found,
    }


def _keyed(rows: Sequence[Prediction], name: str) -> dict[Key, Prediction]:
    keyed: dict[Key, Prediction] = {}
    for row in rows:
        key = identity(row), row.asked
        if key in keyed:
            raise DataError(f"the predictions of {name} hold a row twice", where=place_of(row), remedy="didact eval RUN")
        keyed[key] = row
    return keyed


def _ranked(row: Prediction) -> Prediction:
    """Returns a row answered by rank with 100 or 0 for each way of ranking; others as they are."""
    if row.asked != "rank":
        return row
    right = {f"accuracy_{norm}": 100.0 * (row.choices[place] in row.references) for norm, place in row.ranked.items()}
    return replace(row, scores={**row.scores, **right})


def _shared_metrics(rows: Sequence[Prediction]) -> list[str]:
    """Returns the metrics that every row has, in the order of the first."""
    return [name for name in rows[0].scores if all(name in row.scores for row in rows)]


def _with_wins(table: dict[str, Any]) -> dict[str, Any]:
    """Returns the table with the rows on which the second is better, worse and alike; entries of whole tasks have no such rows."""

    def counted(entry: dict[str, Any]) -> dict[str, Any]:
        if "test" not in entry:
            return entry
        losses, wins = entry["test"]["num_discordant"]
        return {**entry, "wins": wins, "losses": losses, "ties": entry["num_examples"] - wins - losses}

    tasks = {task: {metric: counted(one) for metric, one in entries.items()} for task, entries in table["tasks"].items()}
    return {**table, "overall": {metric: counted(one) for metric, one in table["overall"].items()}, "tasks": tasks}
