"""The report: one page that says what was trained, how it went and what it brought, from the files of a run folder.

Every file may be absent; the page then says what to type to get it. Nothing on the page is loaded from elsewhere, and
everything that comes from files is escaped.
"""

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from didact.base.chance import seed_of
from didact.base.errors import DataError, RunError
from didact.base.files import read_jsonl, write_text
from didact.evals.suites import remarks
from didact.studies import judging_page, plots
from didact.studies.page_words import chance, duration, metric_name, nats, number, points, signed

USUAL = {"unseen": "Unseen tasks", "held_in": "Held-in tasks (unseen rows of trained tasks)"}
LEVELS = {
    **USUAL,
    "validation": "Validation tasks (never trained on; settings may have been chosen by them)",
    "unseen_instances": "Unseen instances (of tasks, in wordings, that were trained on)",
    "unseen_templates": "Unseen templates (trained tasks in wordings that were never trained on)",
    "unseen_compositions": "Unseen compositions (of skills that were trained on apart)",
    "unseen_relation": "Unseen relation (a rule or relation that was never asked for, in a trained family)",
    "unseen_family": "Unseen family (tasks of a family that was never trained on)",
}
"""Level to its heading; the last five belong to sources that have levels of their own."""
_NUM_SAMPLES = 20
_FINAL_SHARE = 0.1
"""The final loss is the mean of this share of the logged values, the last ones: one step alone is mostly noise in a long run."""

Table = dict[str, Any]


def write_report(folder: Path) -> Path:
    """Writes `report.html` into a run folder and returns its path; the same files give the same bytes.

    Args:
        folder: The run folder.

    Raises:
        RunError: There is no such folder.
        DataError: One of its files is not what it should be.
        PrerequisiteError: matplotlib is not installed.
    """
    found = _read(folder)
    judged = [name for name in LEVELS if name in found["scores"]]
    filters = {
        "number": number,
        "points": points,
        "nats": nats,
        "signed": signed,
        "chance": chance,
        "duration": duration,
        "metric": metric_name,
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(filters)
    template = environment.from_string((files("didact.studies") / "page.html").read_text(encoding="utf-8"))
    rows = found["rows"]
    page = template.render(
        **found,
        headline=_headline(found),
        command=shlex.quote(found["run"]),
        loss_plot=plots.loss_curve(rows) if any("loss" in row for row in rows) else "",
        rates_plot=plots.rates(rows) if rows else "",
        levels=[*(_level(name, found["scores"][name]) for name in judged), *(_benchmark(*item) for item in found["benchmarks"].items())],
        judged=judging_page.parts(
            {**{name: found["scores"][name] for name in judged}, **found["benchmarks"]}, found["three_levels"], found["normalised"]
        ),
        overview=_overview({name: found["scores"][name] for name in judged}),
        # A run that was judged at a source's own levels is not asked for the usual ones.
        missing_levels=[name for name in USUAL if name not in judged] if set(judged) <= set(USUAL) else [],
        # An evaluation replaces the one before: what is there is asked again with what is not.
        asked=[*judged, *found["benchmarks"]],
        level_names=LEVELS,
        samples=samples(found["base"], found["tuned"]),
    )
    # A lone half of a surrogate pair in a completion must not stop the page.
    write_text(folder / "report.html", page.lstrip().encode("utf-8", "replace").decode("utf-8"))
    return folder / "report.html"


def report_json(folder: Path) -> Table:
    """Returns the headline numbers of a run; what was not measured is None or absent.

    Args:
        folder: The run folder.

    Returns:
        `run`, `num_steps`, `num_tokens` and `seconds` since the start of training, `final_loss` (nats per trained token, mean of
        the last tenth of the logged values), and `scores`: level to `num_examples`, `overall`, `macro` and `endings` as `compare` has them.

    Raises:
        RunError: There is no such folder.
        DataError: One of its files is not what it should be.
    """
    return _headline(_read(folder))


def samples(base: Sequence[Mapping[str, Any]], tuned: Sequence[Mapping[str, Any]], most: int = _NUM_SAMPLES) -> list[Table]:
    """Returns rows to look at, one task after the other, drawn by identity: another evaluation shows the same rows.

    Unseen tasks come alone where there are any.

    Args:
        base: Prediction rows of the base model, possibly none.
        tuned: Prediction rows of the tuned model.
        most: How many to return at most.
    """
    unseen = [row for row in tuned if row.get("level", "unseen") != "held_in"]
    before = {_identity(row): row for row in base}
    by_task: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(unseen or tuned, key=lambda row: (seed_of(0, "sample", *_identity(row)), _identity(row))):
        by_task.setdefault(row["task"], []).append(row)
    tasks = sorted(by_task, key=lambda task: seed_of(0, "sample task", task))
    depth = max(map(len, by_task.values()), default=0)
    chosen = [by_task[task][turn] for turn in range(depth) for task in tasks if turn < len(by_task[task])][:most]
    return [{"tuned": row, "base": before.get(_identity(row))} for row in chosen]


def _read(folder: Path) -> Table:
    """Returns everything the run folder holds; absent files are None or empty."""
    if not folder.is_dir():
        raise RunError(f"no such run folder: {folder}", remedy="didact ls runs")
    lines = _rows(folder / "metrics.jsonl")
    # A step that was done twice, after a resume, counts as it was done last.
    steps = {line["step"]: line for line in lines if "event" not in line and "step" in line}
    levels = {name: _json(folder / "scores" / f"{name}.json") for name in LEVELS}
    return {
        "run": folder.resolve().name,
        "recipe": _text(folder / "recipe.yaml"),
        "mixture": _text(folder / "mixture.txt"),
        "environment": _flat(_json(folder / "environment.json") or {}),
        "leaks": _account(_json(folder / "leaks.json")),
        "audit": _account(_json(folder / "audit.json")),
        "reading": _json(folder / "reading.json"),
        "rows": [steps[step] for step in sorted(steps)],
        "events": [_event(line) for line in lines if "event" in line],
        "scores": {name: table for name, table in levels.items() if table},
        "benchmarks": _benchmarks(folder),
        "three_levels": _json(folder / "scores" / "three_levels.json") or {},
        "normalised": _json(folder / "scores" / "normalised.json") or {},
        "base": judging_page.of_record(_rows(folder / "scores" / "predictions_base.jsonl")),
        "tuned": judging_page.of_record(_rows(folder / "scores" / "predictions_tuned.jsonl")),
    }


def _benchmarks(folder: Path) -> dict[str, Table]:
    """Returns the tables of the benchmarks that were asked about last: rows of earlier ones are no longer there."""
    asked = [one["name"] for one in (_json(folder / "scores" / "manifest.json") or {}).get("sets", ()) if one["protocol"]]
    tables = {name: _json(folder / "scores" / "benchmarks" / f"{name.replace('/', '.')}.json") for name in asked}
    return {name: table for name, table in tables.items() if table}


def _headline(found: Table) -> Table:
    rows = found["rows"]
    logged = [row["loss"] for row in rows if row.get("loss") is not None]
    losses = logged[-max(round(_FINAL_SHARE * len(logged)), 1) :]
    kept = ("num_examples", "num_tasks", "overall", "macro", "endings")
    return {
        "run": found["run"],
        "num_steps": rows[-1]["step"] if rows else None,
        "num_tokens": max((row["num_tokens"] for row in rows if row.get("num_tokens") is not None), default=None),
        "seconds": max((row["seconds"] for row in rows if row.get("seconds") is not None), default=None),
        "final_loss": math.fsum(losses) / len(losses) if logged else None,
        "scores": {level: {key: table[key] for key in kept if key in table} for level, table in found["scores"].items()},
    }


def _level(name: str, table: Table) -> Table:
    """Returns what the page shows of one level: for each metric its tables and its forest plot."""
    metrics = []
    for metric, overall in table["overall"].items():
        categories, tasks = (_ordered(table.get(key, {}), metric) for key in ("categories", "tasks"))
        # Where all tasks have one category, the tasks themselves say more, as long as they fit.
        shown = categories if len(categories) > 1 or len(tasks) > 40 else tasks
        entries = [{"label": "All tasks" if "num_tasks" in overall else "All rows", **overall}, *(shown if len(shown) > 1 else [])]
        forest = plots.forest(entries, f"{metric_name(metric)} (points, 0 to 100)")
        kind = "category" if shown is categories else "task"
        verdict = _verdict(overall.get("difference"))
        entry = {"name": metric, "overall": overall, "macro": table.get("macro", {}).get(metric), "verdict": verdict}
        metrics.append({**entry, "categories": categories, "tasks": tasks, "forest": forest, "forest_kind": kind})
    rest = {key: value for key, value in table.items() if key not in ("tasks", "categories")}
    return {"name": name, "title": LEVELS.get(name, name), "metrics": metrics, "remarks": remarks(table), **rest}


def _benchmark(name: str, table: Table) -> Table:
    """Returns what the page shows of one benchmark: its metric of record, by task where there are several."""
    metric = table["of_record"]
    short = {**table, **{key: {metric: table[key][metric]} for key in ("overall", "macro") if metric in table[key]}}
    return {**_level(name, short), "title": f"Benchmark {name}"}


def _overview(scores: Mapping[str, Table]) -> list[Table]:
    """Returns, for each metric that all levels have, its entry at every level and their plot; nothing for one level alone."""
    if len(scores) < 2:
        return []
    shared = [metric for metric in next(iter(scores.values()))["overall"] if all(metric in table["overall"] for table in scores.values())]
    found = []
    for metric in shared:
        entries = [{"label": name.replace("_", " "), **table["overall"][metric]} for name, table in scores.items()]
        found.append({"name": metric, "entries": entries, "plot": plots.level_bars(entries, f"{metric_name(metric)} (points)")})
    return found


def _ordered(table: Mapping[str, Table], metric: str) -> list[Table]:
    """Returns the entries of one metric, the largest gain first; without a base model the best score first."""
    entries = [{"label": label, **entry[metric]} for label, entry in table.items() if metric in entry]
    return sorted(entries, key=lambda entry: (-entry.get("difference", entry["tuned"])["value"], entry["label"]))


def _verdict(difference: Mapping[str, Any] | None) -> str:
    if difference is None:
        return "one model alone: nothing to compare with"
    if difference["low"] > 0:
        return "better than the base model"
    return "worse than the base model" if difference["high"] < 0 else "no clear difference: the interval holds 0"


def _identity(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row["task"]), str(row["example"]), str(row.get("template", ""))


def _account(table: Any) -> Table | None:
    """Returns a check's own sentences where it has them, and its plain numbers."""
    if not isinstance(table, Mapping):
        return None
    return {"lines": [str(line) for line in table.get("lines", [])], "numbers": _numbers(table)}


def _numbers(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    plain = [(key, value) for key, value in table.items() if isinstance(value, str | int | float) and key != "lines"]
    return [(key.removeprefix("num_").replace("_", " "), value) for key, value in plain]


def _event(line: Mapping[str, Any]) -> str:
    rest = ", ".join(f"{key} {number(value)}" for key, value in line.items() if key != "event" and value not in (None, ""))
    return f"{line['event']}: {rest}" if rest else str(line["event"])


def _flat(table: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Returns nested tables as dotted keys.

    >>> _flat({"python": "3.12", "gpu": {"name": "none"}})
    [('python', '3.12'), ('gpu.name', 'none')]
    """
    pairs: Iterable[tuple[str, Any]] = table.items() if isinstance(table, Mapping) else ()
    flat: list[tuple[str, Any]] = []
    for key, value in pairs:
        flat += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", _joined(value))]
    return flat


def _joined(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _rows(path: Path) -> list[Any]:
    return read_jsonl(path) if path.is_file() else []


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"not JSON: {error}", where=str(path), remedy="remove the file, or run what wrote it again") from None
