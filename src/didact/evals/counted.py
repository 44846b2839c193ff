"""Counted: all that stored answers say, from the rows and the manifest alone. No model is asked: anything can be counted again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.detectable import minimum_detectable
from didact.evals.faults import gap, outcomes, rates
from didact.evals.normalised import of_tables
from didact.evals.posix import PromptSet, posix
from didact.evals.statistics import compare
from didact.evals.stored import PromptSets
from didact.evals.suites import suites
from didact.evals.task_level import compare_with_tasks, judged
from didact.evals.three_levels import three_levels
from didact.evals.wordings import over_wordings
from didact.tasks.chance_level import chance_table
from didact.tasks.ifeval.checks import CHECKED
from didact.tasks.ifeval.scores import by_instruction
from didact.tasks.metrics import METRICS
from didact.tasks.set_metrics import over_rows

Rows = Sequence[Prediction]
Table = dict[str, Any]


def counted(manifest: Mapping[str, Any], base: Rows, tuned: Rows, sets: PromptSets | None = None) -> Table:
    """Returns the scores of every level and benchmark, and what they add up to.

    Args:
        manifest: From `judging.evaluate`: what was asked, of which tasks, with which seed.
        base: Every row of the base model.
        tuned: The same rows of the tuned model.
        sets: What POSIX is counted from, where it was asked.

    Returns:
        `levels` and `benchmarks`: name to its table; `three_levels`; `normalised` where a part of it was asked; `absent`: what was to be
        asked and is not to be had, with the reason.

    Raises:
        DataError: The rows are not those of the manifest.
    """
    found: dict[str, Table] = {}
    for one in manifest["sets"]:
        mine = [[row for row in rows if row.level == one["name"]] for rows in (base, tuned)]
        if not mine[1]:
            raise DataError(f"no rows of {one['name']}", where="scores/predictions_tuned.jsonl", remedy="didact eval RUN")
        found[one["name"]] = _set(one, mine[0], mine[1], manifest)
    settings = {"resamples": manifest["resamples"], "seed": manifest["seed"]}
    for name, models in (sets or {}).items():
        found[name]["posix"] = _posix(models, settings)
    absent = manifest.get("absent", {})
    return {
        "levels": {one["name"]: found[one["name"]] for one in manifest["sets"] if not one["protocol"]},
        "benchmarks": {one["name"]: found[one["name"]] for one in manifest["sets"] if one["protocol"]},
        "three_levels": three_levels(found, manifest["sets"], **settings),
        **({"normalised": average} if (average := of_tables(found, manifest["sets"], absent)) else {}),
        **({"absent": absent} if absent else {}),
    }


def _posix(models: Mapping[str, Sequence[PromptSet]], settings: Mapping[str, int]) -> Table:
    try:
        return posix(models["tuned"], models["base"], **settings)
    except DataError as error:  # every row fits one wording alone, or a model says nothing at all
        return {"missing": error.what}


def of_record(rows: Rows, one: Mapping[str, Any]) -> list[Prediction]:
    """Returns the rows that scores are made of: each example once, in the wording of record, in the way that is the set's own.

    Args:
        rows: All rows of a set, the wording of record of each example first.
        one: What the manifest says of the set.
    """
    preferred = [row for row in rows if row.asked == ("rank" if one["ranks_first"] else "generate")]
    others = [row for row in rows if row.asked != ("rank" if one["ranks_first"] else "generate")]
    kept: dict[tuple[str, str], Prediction] = {}
    for row in (*preferred, *others):
        kept.setdefault((row.task, row.example), row)
    return list(kept.values())


def with_metrics(row: Prediction, metrics: Sequence[str]) -> Prediction:
    """Returns a ranked row scored as if its choice had been written.

    >>> row = Prediction("t", "1", "my/x", "", "B", ("B",), "stop", 0, {"rank_accuracy": 100.0}, choices=("A", "B"), asked="rank")
    >>> dict(with_metrics(row, ("exact_match",)).scores)
    {'rank_accuracy': 100.0, 'exact_match': 100.0}
    """
    return replace(row, scores={**row.scores, **{name: METRICS[name](row.completion, row.references) for name in over_rows(metrics)}})


def _set(one: Mapping[str, Any], base: Rows, tuned: Rows, manifest: Mapping[str, Any]) -> Table:
    settings = {"resamples": manifest["resamples"], "seed": manifest["seed"]}
    records = [of_record(rows, one) for rows in (base, tuned)]
    own = {name: tuple(task["metrics"]) for name, task in one["tasks"].items()}
    table = compare_with_tasks(records[0], records[1], one["metrics"], own, **settings)
    suite = suites(table, {name: task["kind"] for name, task in one["tasks"].items()})
    table |= {"suites": suite} if suite else {}
    table |= {key: one[key] for key in ("absent", "num_prompts", "num_prompts_cut") if one.get(key)}
    checked = {name for name, task in one["tasks"].items() if task["kind"] == CHECKED}
    if checked:
        by_model = zip(("base", "tuned"), records, strict=True)
        table["instructions"] = {model: by_instruction(judged([row for row in rows if row.task in checked])) for model, rows in by_model}
    if one["protocol"]:
        table["protocol"] = {key: one["protocol"][key] for key in ("name", "shots", "cot", "asked", "norm", "source")}
    return {
        "name": one["name"],
        **table,
        "of_record": _main_metric(one, table),
        "chance": chance_table(records[1]),
        "rank": _rank(base, tuned, settings),
        "wordings": _wordings(base, tuned, one, table, settings),
        "extraction": _extraction(records),
        "detectable": minimum_detectable(table["num_examples"], table["num_tasks"]),
    }


def _rank(base: Rows, tuned: Rows, settings: Mapping[str, int]) -> Table:
    """Returns norm to accuracy of the likeliest choice, base against tuned, in the wording of record."""
    firsts = [_first_ranked(rows) for rows in (base, tuned)]
    norms = [norm for norm in (firsts[1][0].ranked if firsts[1] else ()) if all(norm in row.ranked for row in (*firsts[0], *firsts[1]))]
    found: Table = {}
    for norm in norms:
        said = [[_judged_rank(row, norm) for row in rows] for rows in firsts]
        table = compare(said[0], said[1], ("accuracy",), **settings)
        found[norm] = {"overall": table["overall"]["accuracy"], "macro": table["macro"]["accuracy"]}
        found[norm]["tasks"] = {task: entry["accuracy"] for task, entry in table["tasks"].items()}
    return found


def _first_ranked(rows: Rows) -> list[Prediction]:
    kept: dict[tuple[str, str], Prediction] = {}
    for row in rows:
        if row.asked == "rank":
            kept.setdefault((row.task, row.example), row)
    return list(kept.values())


def _judged_rank(row: Prediction, norm: str) -> Prediction:
    """Returns a row with 100 where the norm takes a right choice: by its place, as two wordings may say a choice alike."""
    return replace(row, scores={"accuracy": 100.0 * (row.choices[row.ranked[norm]] in row.references)})


def _wordings(base: Rows, tuned: Rows, one: Mapping[str, Any], table: Mapping[str, Any], settings: Mapping[str, int]) -> Table:
    """Returns how scores depend on the wording, by the metric that most tasks are judged by; nothing where there is but one wording."""
    way = "rank" if one["ranks_first"] else "generate"
    mine = [[row for row in rows if row.asked == way] for rows in (base, tuned)]
    if len({(row.template, row.wording) for row in mine[1]}) < 2 or all(
        len({(r.template, r.wording) for r in rows}) < 2 for rows in _by(mine[1]).values()
    ):
        return {}
    metric = _main_metric(one, table)
    if not metric:
        return {}
    found: Table = over_wordings(mine[1], metric, base=mine[0], **settings)
    return found


def _by(rows: Rows) -> dict[tuple[str, str], list[Prediction]]:
    found: dict[tuple[str, str], list[Prediction]] = {}
    for row in rows:
        found.setdefault((row.task, row.example), []).append(row)
    return found


def _main_metric(one: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """Returns the metric of record of most tasks that has been counted."""
    wanted: list[str] = [task["metric"] for task in one["tasks"].values() if task["metric"] in table["overall"]]
    return max(sorted(set(wanted)), key=wanted.count) if wanted else next(iter(table["overall"]), "")


def _extraction(records: Sequence[Rows]) -> Table:
    """Returns what went wrong besides the answers, for both models: rates by task, and which rules found the answers."""
    return {
        model: {"rates": rates(rows), "outcomes": outcomes(rows), "gap": gap(rows)}
        for model, rows in zip(("base", "tuned"), records, strict=True)
    }
