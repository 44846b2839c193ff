"""Scores of whole tasks: metrics that are no mean over rows, with intervals over draws of rows and paired base against tuned.

Rows that belong together (the answers to a MultiRC question, an AX-g pair) are drawn together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from didact.base.chance import generator
from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.many_tests import benjamini_hochberg
from didact.evals.statistics import ONE_ROW, ONE_TASK, Difference, Floats, Interval, bootstrap, compare, identity, plain
from didact.tasks.judged import Judged, Points
from didact.tasks.set_metrics import SET_METRICS, over_rows, over_tasks

GROUPED = ("multirc_f1a", "multirc_em", "gender_parity")
"""Metrics of tasks whose rows belong together: counted only where the task itself names them, not for every task of a recipe."""
_EXACT_UNITS = 10
"""Up to so many units that the models answered differently, all 2¹⁰ ways to exchange them are counted."""
_CELLS_AT_ONCE = 500_000
"""Bounds the memory of one batch of draws: draws times rows."""
_ROUNDING = 1e-9
"""Points. Sums in another order differ by rounding; a tie must count as a tie."""


@dataclass(frozen=True)
class Drawn:
    """One metric of one task, and what it would be over other draws of the task's rows, the same ones for both models."""

    num_rows: int
    num_units: int
    """Groups, and rows that stand alone."""
    tuned: Points
    tuned_draws: Floats
    """(resamples,)"""
    base: Points | None = None
    base_draws: Floats | None = None
    exchanged: Floats | None = None
    """(resamples,): the difference after exchanging the two models at random, unit by unit."""
    p: float = 1.0


def compare_with_tasks(
    base: Sequence[Prediction] | None,
    tuned: Sequence[Prediction],
    metrics: Sequence[str],
    own: Mapping[str, Sequence[str]],
    *,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Returns what `compare` returns for the metrics of rows, and beside them the scores of whole tasks.

    A task gets every metric over whole tasks that is listed or its own. It stands under `tasks` like any other; under `overall`,
    `macro` and `categories` stands the mean over the tasks that have it, every task counting alike. Beside accuracy over choices
    stands `random`, what random answers would score. `left_out` says for which tasks a metric makes no sense, and why.

    Args:
        base: What the base model wrote; None or empty: one model alone.
        tuned: What the tuned model wrote.
        metrics: Names of metrics of either kind, for every task.
        own: Task name to the names of its own metrics; those of rows are passed over.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.

    Raises:
        DataError: As `compare`.
    """
    table = compare(base, tuned, over_rows(metrics), resamples=resamples, seed=seed)
    before = {identity(row): row for row in base or ()}
    by_task: dict[str, list[Prediction]] = {}
    for row in sorted(tuned, key=identity):
        by_task.setdefault(row.task, []).append(row)
    drawn: dict[str, dict[str, Drawn]] = {}
    left_out: dict[str, dict[str, str]] = {}
    for task, rows in by_task.items():
        mine = over_tasks(own.get(task, ()))
        for metric in dict.fromkeys((*over_tasks(metrics), *mine)):
            try:
                if metric in GROUPED and metric not in mine:
                    raise DataError("not a task of this metric")
                befores = [before[identity(row)] for row in rows] if before else None
                drawn.setdefault(metric, {})[task] = draw_task(metric, befores, rows, resamples=resamples, seed=seed)
            except DataError as error:
                left_out.setdefault(metric, {})[task] = f"{error.what} ({error.where})" if error.where else error.what
    category = {row.task: row.category or "uncategorised" for row in tuned}
    for metric, tasks in drawn.items():
        for task, found in tasks.items():
            table["tasks"][task][metric] = _entry(found)
        for name in sorted({category[task] for task in tasks}):
            table["categories"][name][metric] = mean_over_tasks({t: f for t, f in tasks.items() if category[t] == name}, seed)
        table["overall"][metric] = table["macro"][metric] = mean_over_tasks(tasks, seed)
    if before:
        table["regressions"] += _worse(drawn, table["tasks"], category)
        table["regressions"].sort(key=lambda one: (one["test"]["p"], one["difference"]["value"], one["task"], one["metric"]))
    for task in drawn.get("mcq_accuracy", {}):
        table["tasks"][task]["mcq_accuracy"]["random"] = float(np.mean([100 / len(row.choices) for row in by_task[task]]))
    return {**table, **({"left_out": left_out} if left_out else {})}


def judged(rows: Sequence[Prediction]) -> list[Judged]:
    """Returns predictions of one task as a metric over a whole task sees them; each wording of a group is a group of its own.

    >>> row = Prediction("t", "1", "my/x", "", "yes", ("no",), "stop", 1, group="q")
    >>> judged([row])[0].group, judged([row, replace(row, template="my/y")])[1].group
    ('q', 'q in my/y')
    """
    several = len({row.example for row in rows}) < len(rows)
    groups = [f"{row.group} in {row.template} {row.wording}".rstrip() if row.group and several else row.group for row in rows]
    return [
        Judged(row.answer or row.completion, row.references, row.choices, row.example, group, row.options, row.order)
        for row, group in zip(rows, groups, strict=True)
    ]


def draw_task(metric: str, base: Sequence[Prediction] | None, tuned: Sequence[Prediction], *, resamples: int, seed: int) -> Drawn:
    """Returns one metric of one task with its draws; row i of both models is the same example.

    p is that of an exchange test: how often a difference at least as large appears when the two models are exchanged at random,
    unit by unit. It is exact where they answered few units differently.

    Args:
        metric: One of `SET_METRICS`.
        base: Rows of the task, or None.
        tuned: The same rows in the same order.
        resamples: Draws, and random exchanges.
        seed: The recipe's seed.

    Raises:
        DataError: The metric makes no sense for these rows.
    """
    score, count = SET_METRICS[metric], len(tuned)
    after = judged(tuned)
    names, unit_of = np.unique([_unit(row) for row in after], return_inverse=True)
    identity = (tuned[0].task, count, len(names), resamples)

    def drawn(over: Callable[[Floats], Floats]) -> Floats:
        chance = generator(seed, "draws of rows", *identity)
        even = np.full(len(names), 1 / len(names))
        parts = [over(chance.multinomial(len(names), even, size=size)[:, unit_of].astype(float)) for size in _batches(resamples, count)]
        return np.concatenate(parts)

    value = score(after)
    if base is None:
        return Drawn(count, len(names), value, _steady(drawn(value.over), value))
    before = judged(base)
    value_before = score(before)
    differs = np.unique(unit_of[[a.completion != b.completion for a, b in zip(before, after, strict=True)]])
    # One reading of both models' rows gives every mixture of them: which rows are counted is a matter of weights.
    both = score([_marked(row, "base") for row in before] + [_marked(row, "tuned") for row in after])
    place = np.full(len(names), len(differs))
    place[differs] = np.arange(len(differs))

    def exchanged(coins: Floats) -> Floats:
        swapped = np.hstack([coins, np.zeros((len(coins), 1))])[:, place[unit_of]]
        kept = 1.0 - swapped
        return both.over(np.hstack([swapped, kept])) - both.over(np.hstack([kept, swapped]))

    chance = generator(seed, "exchanges", *identity)
    sizes = _batches(resamples, 2 * count)
    random = np.concatenate([exchanged(chance.integers(0, 2, (size, len(differs))).astype(float)) for size in sizes])
    gain = float(value) - float(value_before)
    if len(differs) <= _EXACT_UNITS:
        patterns = (np.arange(2 ** len(differs))[:, None] >> np.arange(len(differs))) & 1
        parts = np.array_split(patterns.astype(float), max(1, 2 * len(patterns) * count // _CELLS_AT_ONCE))
        p = float(np.mean(np.abs(np.concatenate([exchanged(part) for part in parts])) >= abs(gain) - _ROUNDING))
    else:
        p = _chance(random, gain)
    draws = _steady(drawn(value.over), value), _steady(drawn(value_before.over), value_before)
    return Drawn(count, len(names), value, draws[0], value_before, draws[1], random, p)


def mean_over_tasks(tasks: Mapping[str, Drawn], seed: int) -> dict[str, Any]:
    """Returns the mean over tasks of one metric, ready for JSON: whole tasks are drawn, as `bootstrap` does.

    Args:
        tasks: Task name to its draws, one or more.
        seed: The recipe's seed.
    """
    if len(tasks) == 1:
        entry = {"num_tasks": 1, **_entry(next(iter(tasks.values())))}
        for model in ("base", "tuned", "difference"):
            if model in entry and not entry[model].get("note"):
                entry[model] = {**entry[model], "note": ONE_TASK}
        return entry
    parts = [tasks[name] for name in sorted(tasks)]
    num_draws = len(parts[0].tuned_draws)
    signed = any(float(draws.min()) < 0 for part in parts for draws in (part.tuned_draws, part.base_draws) if draws is not None)
    low, high = (-100.0 if signed else 0.0), 100.0

    def interval(values: Sequence[float], reach: float = 0.0) -> Interval:
        # A task's score is one number here: the noise of its rows stands in it already.
        return bootstrap([float(value) for value in values], resamples=num_draws, seed=seed, bounds=(low - reach, high + reach))

    head = {"num_tasks": len(parts), "num_examples": sum(part.num_rows for part in parts)}
    after = interval([part.tuned for part in parts])
    unparsed = {"num_unparsed": sum(part.tuned.num_unparsed for part in parts)}
    bases = [(part.base, part.exchanged) for part in parts if part.base is not None and part.exchanged is not None]
    if len(bases) < len(parts):
        return {**head, "tuned": {**plain(after), **unparsed}}
    before = interval([value for value, _ in bases])
    gains = [float(part.tuned) - float(value) for part, (value, _) in zip(parts, bases, strict=True)]
    change = interval(gains, reach=100.0)
    p = _chance(np.mean([swaps for _, swaps in bases], axis=0), change.value)
    return {
        **head,
        "base": {**plain(before), "num_unparsed": sum(value.num_unparsed for value, _ in bases)},
        "tuned": {**plain(after), **unparsed},
        "difference": plain(Difference(change.value, change.low, change.high, p)),
    }


def _worse(
    drawn: Mapping[str, Mapping[str, Drawn]], tasks: Mapping[str, Mapping[str, Any]], category: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Returns the scores of whole tasks that fell, as `regressions` has those of rows; no row of theirs is worse than another."""
    found = []
    for metric, by_task in drawn.items():
        ps = [tasks[task][metric]["difference"]["p"] for task in by_task]
        for task, p, q in zip(by_task, ps, benjamini_hochberg(ps), strict=True):
            entry = tasks[task][metric]
            if entry["difference"]["value"] < 0:
                test = {"name": "exchange", "p": p, "q": q, "num_units": by_task[task].num_units}
                found.append({"task": task, "category": category[task], "metric": metric, **entry, "test": test, "worst": []})
    return found


def _entry(found: Drawn) -> dict[str, Any]:
    """Returns one metric of one task, ready for JSON."""
    few = ONE_ROW if found.num_units == 1 else ""

    def entry(value: Points, draws: Floats) -> dict[str, Any]:
        note = "; ".join(part for part in (few, value.note) if part)
        low, high = (float(value), float(value)) if few else _ends(draws)
        return {**plain(Interval(float(value), low, high, note)), "num_unparsed": value.num_unparsed}

    after = {"num_examples": found.num_rows, "tuned": entry(found.tuned, found.tuned_draws)}
    if found.base is None or found.base_draws is None:
        return after
    gain = float(found.tuned) - float(found.base)
    low, high = (gain, gain) if few else _ends(_steady(found.tuned_draws - found.base_draws, gain))
    change = Difference(gain, low, high, found.p, few)
    return {
        "num_examples": found.num_rows,
        "base": entry(found.base, found.base_draws),
        "tuned": after["tuned"],
        "difference": plain(change),
    }


def _unit(row: Judged) -> str:
    return f"group {row.group}" if row.group else f"row {row.example}"


def _marked(row: Judged, model: str) -> Judged:
    return replace(row, group=f"{model} {row.group}" if row.group else "")


def _batches(num_draws: int, num_rows: int) -> list[int]:
    size = max(1, _CELLS_AT_ONCE // max(1, num_rows))
    return [min(size, num_draws - start) for start in range(0, num_draws, size)]


def _chance(exchanged: Floats, gain: float) -> float:
    """Returns the share of exchanges with a difference as large, plus one: it never is 0 (Phipson and Smyth 2010)."""
    return float((np.sum(np.abs(exchanged) >= abs(gain) - _ROUNDING) + 1) / (len(exchanged) + 1))


def _steady(draws: Floats, value: float) -> Floats:
    return np.where(np.abs(draws - value) <= _ROUNDING, value, draws)


def _ends(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
