"""Scores over wordings: what a task's score depends on besides the model. By template, order of options and way to itemise.

A part is a set of wordings: `templates` (all, as they are), `mixture` and `held_out` (those of them that training draws from, and those
that it never does), `orders` and `styles` (one template, as it is and with its options in other orders or itemised otherwise). Over the
wordings of a part: `mean`, `median`, `iqr`, `min`, `max`, `spread` (max - min). Over its rows: `worst` (the lowest score of each row; of
scores that are 0 or 100, the share right in every wording), `pss` (mean difference between two wordings), `consistency` (share of pairs
of wordings with the same answer). The wordings of a part are compared on the same rows: those asked in all of them.

Source: Sclar et al. 2023, arXiv 2310.11324 (spread); Sanh et al. 2021, arXiv 2110.08207 (median and inter-quartile range).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didact.base.chance import generator
from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.entries import plain
from didact.evals.intervals import ONE_ROW, ONE_TASK, Floats, Interval, bootstrap
from didact.evals.matched import matched
from didact.evals.wording_rows import NOT_ASKED, agreement, mean_difference, spread_by_chance, worst
from didact.evals.wording_tables import Asked, by_task, table_of
from didact.tasks.set_metrics import SET_METRICS

Draws = dict[str, dict[str, Floats]]
"""Part to statistic to its value (first) and its draws, (1 + resamples,)."""
HELD_OUT_GAP = "held_out_minus_mixture"
"""The part that holds the mean over held-out wordings minus that over the mixture's."""
_EACH = "each wording"
"""Stands where a part does, for the scores of the wordings themselves."""
_CELLS_AT_ONCE = 2_000_000
"""Bounds the memory of one batch of draws: draws times rows."""
_DEALS = 200
"""How often scores are dealt to wordings at random, for the spread that chance alone makes."""


def over_wordings(
    rows: Sequence[Prediction], metric: str, *, base: Sequence[Prediction] | None = None, resamples: int, seed: int
) -> dict[str, Any]:
    """Returns how much a score depends on the wording, ready for JSON: by task, and as means over tasks.

    Intervals are 95 % percentile ones over draws of rows (the rows of a group together, a row with all its wordings), the same for both
    models; those of `macro` over draws of whole tasks. Each draw adds noise to a spread, so its interval lies
    high: `by_chance` says what spread wordings that do not matter would have, and `p` how often at least the one found.

    Args:
        rows: Predictions of one level by one model, each row in one wording or many.
        metric: Of rows or over whole tasks; `worst` and `pss` need one that every row has.
        base: The same rows answered by the base model.
        resamples: Draws.
        seed: The recipe's.

    Returns:
        `metric`, `num_tasks`, `macro` (part to statistic), `tasks` (task to `num_examples`, `wordings` and `parts`) and, where the metric
        makes no sense for a task, `left_out`. A statistic has `tuned` and, with `base`, `base` and `difference`.

    Raises:
        DataError: No rows, a row twice in one wording, rows that only one model answered, or a row without the metric.

    Two rows, right in one wording, one of them wrong in the other: 100 and 50.

    >>> scores = {("1", "x"): 100.0, ("2", "x"): 100.0, ("1", "y"): 100.0, ("2", "y"): 0.0}
    >>> rows = [Prediction("t", e, w, "", "", ("a",), "stop", 1, {"accuracy": s}) for (e, w), s in scores.items()]
    >>> found = over_wordings(rows, "accuracy", resamples=100, seed=0)["tasks"]["t"]["parts"]["templates"]
    >>> [found[name]["tuned"]["value"] for name in ("median", "spread", "worst", "pss")]
    [75.0, 50.0, 50.0, 50.0]
    """
    known_before, known = matched(base, rows)
    after, before = by_task(known.values()), by_task((known_before or {}).values())
    tasks: dict[str, Any] = {}
    drawn: dict[str, dict[str, Draws]] = {}
    left_out: dict[str, str] = {}
    for task, mine in after.items():
        try:
            tables = {"tuned": table_of(mine, metric), **({"base": table_of(before[task], metric)} if before else {})}
        except DataError as error:
            if metric not in SET_METRICS:
                raise
            left_out[task] = f"{error.what} ({error.where})" if error.where else error.what
            continue
        drawn[task] = _drawn(task, tables, resamples, seed)
        tasks[task] = _task_entry(tables["tuned"], drawn[task], tables, seed)
    macro = _macro(drawn, resamples, seed)
    table = {"metric": metric, "num_tasks": len(tasks), "resamples": resamples, "macro": macro, "tasks": tasks}
    return {**table, **({"left_out": left_out} if left_out else {})}


def _drawn(task: str, tables: Mapping[str, Asked], resamples: int, seed: int) -> dict[str, Draws]:
    """Returns every statistic of both models over the same draws of the task's rows."""
    shape = tables["tuned"]
    num_units = int(shape.unit_of.max()) + 1
    by_row = {model: _by_row(table) for model, table in tables.items()}
    found: dict[str, list[Draws]] = {model: [] for model in tables}
    for weights in _weights(task, num_units, len(shape.examples), resamples, seed):
        for model, table in tables.items():
            found[model].append(_statistics(table, by_row[model], weights[:, table.unit_of]))
    joined: dict[str, Draws] = {}
    for model, chunks in found.items():
        joined[model] = {
            part: {name: np.concatenate([chunk[part][name] for chunk in chunks]) for name in statistics}
            for part, statistics in chunks[0].items()
        }
    return joined


def _weights(task: str, num_units: int, num_rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yields how often each unit is drawn (draws, units): once each first, then at random."""
    chance = generator(seed, "draws of rows", task, num_units, resamples)
    yield np.ones((1, num_units))
    size = max(1, _CELLS_AT_ONCE // num_rows)
    for start in range(0, resamples, size):
        even = np.full(num_units, 1 / num_units)
        yield chance.multinomial(num_units, even, size=min(size, resamples - start)).astype(np.float64)


def _by_row(table: Asked) -> dict[str, dict[str, Floats]]:
    """Returns, for each part, what rows say over its wordings (rows,); what no row can say is left out."""
    found: dict[str, dict[str, Floats]] = {}
    for name, part in table.parts.items():
        values = {"consistency": agreement(table.codes[:, part.places])}
        if not table.overs:
            scores = table.scores[:, part.places]
            values = {"worst": worst(scores), "pss": mean_difference(scores), **values}
        found[name] = {statistic: rows for statistic, rows in values.items() if not np.isnan(rows[part.rows]).all()}
    return found


def _statistics(table: Asked, by_row: Mapping[str, Mapping[str, Floats]], weights: Floats) -> Draws:
    """Returns every statistic over draws in which each row is counted so often (draws, rows)."""
    every = _scores(table, range(len(table.keys)), np.ones(len(table.examples), bool), weights)
    found: Draws = {}
    for name, part in table.parts.items():
        found[name] = _over_wordings(_scores(table, part.places, part.rows, weights))
        for statistic, rows in by_row[name].items():
            found[name][statistic] = _weighted(np.where(part.rows, rows, np.nan)[:, None], weights)[:, 0]
    if "mixture" in found and "held_out" in found:
        found[HELD_OUT_GAP] = {"mean": found["held_out"]["mean"] - found["mixture"]["mean"]}
    return {_EACH: {str(place): every[:, place] for place in range(len(table.keys))}, **found}


def _scores(table: Asked, places: Sequence[int], rows: NDArray[np.bool_], weights: Floats) -> Floats:
    """Returns the scores of some wordings, over some rows, over draws (draws, wordings)."""
    if table.overs:
        counted = weights * rows
        return np.stack([over(counted[:, numbers]) for over, numbers in (table.overs[place] for place in places)], axis=1)
    return _weighted(np.where(rows[:, None], table.scores[:, list(places)], np.nan), weights)


def _over_wordings(scores: Floats) -> dict[str, Floats]:
    """Returns the statistics over the wordings of a part, from scores (draws, wordings); one wording has no range and no spread."""
    low, median, high = np.quantile(scores, [0.25, 0.5, 0.75], axis=1)
    least, most = scores.min(axis=1), scores.max(axis=1)
    found = {"mean": scores.mean(axis=1), "median": median, "min": least, "max": most}
    return {**found, "iqr": high - low, "spread": most - least} if scores.shape[1] > 1 else found


def _weighted(values: Floats, weights: Floats) -> Floats:
    """Returns the mean of each column (draws, columns) over those rows that it has; that of all its rows where none was drawn."""
    has = ~np.isnan(values)
    kept = np.where(has, values, 0.0)
    count = weights @ has
    every = kept.sum(axis=0) / np.maximum(has.sum(axis=0), 1)
    means: Floats = np.divide(weights @ kept, count, out=np.broadcast_to(every, count.shape).copy(), where=count > 0)
    return means


def _task_entry(shape: Asked, drawn: Mapping[str, Draws], tables: Mapping[str, Asked], seed: int) -> dict[str, Any]:
    note = ONE_ROW if int(shape.unit_of.max()) == 0 else ""
    wordings = []
    for place, (template, wording) in enumerate(shape.keys):
        asked = int(np.sum(shape.codes[:, place] != NOT_ASKED))
        head = {"template": template, "wording": wording, "held_out": shape.held_out[place], "num_examples": asked}
        wordings.append({**head, **_entry({model: one[_EACH][str(place)] for model, one in drawn.items()}, note)})
    parts: dict[str, Any] = {}
    for name, statistics in drawn["tuned"].items():
        if name != _EACH:
            parts[name] = {one: _entry({model: found[name][one] for model, found in drawn.items()}, note) for one in statistics}
    for name, part in shape.parts.items():
        parts[name] |= {"num_wordings": len(part.places), "num_examples": int(part.rows.sum())}
        for model, table in tables.items():
            scores = table.scores[part.rows][:, part.places]
            dealt = None if table.overs else spread_by_chance(scores, draws=_DEALS, seed=seed)
            if dealt is not None:
                parts[name]["spread"][model] |= {"by_chance": dealt[0], "p": dealt[1]}
    return {"num_examples": len(shape.examples), "num_wordings": len(shape.keys), "wordings": wordings, "parts": parts}


def _entry(drawn: Mapping[str, Floats], note: str) -> dict[str, Any]:
    """Returns one statistic of both models and their difference."""
    entry = {model: plain(_interval(values, note)) for model, values in sorted(drawn.items())}
    if "base" in drawn:
        entry["difference"] = plain(_interval(drawn["tuned"] - drawn["base"], note))
    return entry


def _interval(values: Floats, note: str = "") -> Interval:
    value = float(values[0])
    low, high = np.quantile(np.where(np.abs(values - value) < 1e-9, value, values)[1:], [0.025, 0.975])
    return Interval(value, float(low), float(high), note)


def _macro(drawn: Mapping[str, Mapping[str, Draws]], resamples: int, seed: int) -> dict[str, Any]:
    """Returns the mean over tasks of every statistic that they have; whole tasks are drawn, as `bootstrap` does."""
    parts: dict[str, Any] = {}
    names = dict.fromkeys((part, name) for one in drawn.values() for part, found in one["tuned"].items() for name in found)
    for part, name in names:
        if part == _EACH:
            continue
        having = [one for one in drawn.values() if name in one["tuned"].get(part, {})]
        if len(having) == 1:
            entry = _entry({model: found[part][name] for model, found in having[0].items()}, ONE_TASK)
        else:
            means = {model: [float(one[model][part][name][0]) for one in having] for model in sorted(having[0])}
            if "base" in means:
                means["difference"] = [after - before for before, after in zip(means["base"], means["tuned"], strict=True)]
            entry = {model: plain(bootstrap(values, resamples=resamples, seed=seed)) for model, values in means.items()}
        parts.setdefault(part, {})[name] = {"num_tasks": len(having), **entry}
    return parts
