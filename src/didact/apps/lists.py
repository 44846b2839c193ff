"""What `didact ls` lists: rows of what there is, all of them or those that a word stands for."""

import json
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from didact.apps.looking import ATLAS, SAMPLE_ROWS
from didact.assemble import Assembly
from didact.base.errors import DataError, RecipeError, did_you_mean
from didact.base.recipe import Recipe
from didact.base.registry import Registry
from didact.base.synth_file import RESOLVED
from didact.prompts.chat_format import FORMATS, golden
from didact.prompts.template import TemplateSet
from didact.run import Run, all_runs, synthesised
from didact.synth.filters import FILTERS
from didact.synth.methods import METHODS
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.catalogue import Row
from didact.tasks.catalogue import rows as catalogue_rows
from didact.tasks.metrics import METRICS
from didact.tasks.readers import READERS
from didact.tasks.set_metrics import SET_METRICS
from didact.tasks.task import Task

Rows = list[dict[str, Any]]


def _tasks(recipe: Recipe | None) -> Rows:
    if recipe is None:
        samples = sorted(sample_tasks("*"), key=lambda task: task.name)
        return [*_tasks(ATLAS), *(_task_row(task, SAMPLE_ROWS) for task in samples)]
    assembly = Assembly(recipe)
    try:
        split = assembly.split
        level = {**{task.name: "left out" for task in assembly.tasks}, **{task.name: "seen" for task in split.seen}}
        level |= {task.name: task.level or "unseen" for task in split.unseen} | {task.name: "validation" for task in split.validation}
    except RecipeError:
        level = {}  # A wrong hold-out sends people here: they have to see the names.
    return [_task_row(task, level.get(task.name, "not settled")) for task in assembly.tasks]


def _task_row(task: Task, level: str) -> dict[str, Any]:
    return {
        "task": task.name,
        "level": level,
        "category": task.category,
        "examples": len(task.examples),
        "metric": task.metric,
        "dataset": ", ".join(task.datasets),
        "language": ", ".join(task.languages),
        "kind": task.kind,
        "licence": task.licence,
        "definition": task.definition,
    }


def _templates(recipe: Recipe | None) -> Rows:
    files = [Path(file) for file in recipe.prompts.files] if recipe else []
    return [
        {
            "template": one.name,
            "kinds": ", ".join(one.for_kinds),
            "style": one.style,
            "inverted": one.inverted,
            "held out": one.held_out,
            "in all": one.default,
            "becomes": one.becomes,
            "labels": ", ".join(f"{label}: {words}" for label, words in one.labels.items()),
            "system": one.system,
            "prompt": one.promptsource.jinja if one.promptsource else one.prompt,
            "response": "" if one.promptsource else one.response,
            "where": one.where,
        }
        for one in TemplateSet.load(files)
    ]


def _first_line(part: Any) -> str:
    return (getattr(part, "__doc__", None) or "").strip().split("\n")[0]


def _metrics(_: Recipe | None) -> Rows:
    kinds: tuple[tuple[str, Registry[Any]], ...] = (("rows", METRICS), ("a task", SET_METRICS))
    return [{"metric": name, "over": kind, "about": _first_line(known[name])} for kind, known in kinds for name in known]


def _formats(_: Recipe | None) -> Rows:
    rows = [{"format": name, "controls": " ".join(FORMATS[name].controls), "example": _shown(name)} for name in FORMATS]
    return [*rows, {"format": "model", "controls": "", "example": "the tokenizer's own chat template"}]


def _shown(name: str) -> str:
    return "".join(piece.text for piece in FORMATS[name].pieces(golden(system=False))).replace("\n", "\\n")


def _runs(_: Recipe | None) -> Rows:
    """Returns trainings and syntheses, the newest first."""
    found = {run.folder / "recipe.yaml": _training(run) for run in all_runs()}
    found |= {folder / RESOLVED: _synthesis(folder) for folder in synthesised()}
    return [found[path] for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)]


def _training(run: Run) -> dict[str, Any]:
    scores = ", ".join(sorted(path.stem for path in (run.folder / "scores").glob("*.json")))
    return {"run": run.name, "kind": "train", "finished": run.finished, "scores": scores, "num_rows": None}


def _synthesis(folder: Path) -> dict[str, Any]:
    card = folder / "card.json"
    num_rows = json.loads(card.read_text(encoding="utf-8"))["counts"]["num_kept"] if card.is_file() else 0
    return {"run": folder.name, "kind": "synth", "finished": card.is_file(), "scores": "", "num_rows": num_rows}


def recipe_files() -> list[Path]:
    """Returns the recipes in `recipes/` of the working folder and in the working folder itself."""
    return sorted([*Path("recipes").rglob("*.yaml"), *Path().glob("*.yaml")])


def _recipes(_: Recipe | None) -> Rows:
    rows = []
    for path in recipe_files():
        first = path.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0]
        rows.append({"recipe": str(path), "about": first.lstrip("# ") if first.startswith("#") else ""})
    return rows


def _datasets(_: Recipe | None) -> Rows:
    shown = "languages made open licence reader title where shape how_to_get note paper".split()
    rows = [
        (row, {"dataset": row.name, "examples": row.num_examples, **{key: getattr(row, key) for key in shown}}) for row in catalogue_rows()
    ]
    return [{**shown, "languages": " ".join(row.languages), "in a recipe": _as_source(row)} for row, shown in rows]


def _as_source(row: Row) -> str:
    """Returns how a recipe names a data set; nothing for a closed one."""
    if row.open == "closed":
        return ""
    copy = "" if row.loads and row.open == "open" else f", path: {row.where if row.loads and not row.files else 'FOLDER'}"
    return f"tasks: {{sources: [{{name: {row.name}, catalogue: {row.name}{copy}}}]}}"


SHOWN = {
    "tasks": ("task", "level", "category", "examples", "metric", "dataset", "language"),
    "templates": ("template", "kinds", "style", "inverted", "held out", "in all"),
    "datasets": ("dataset", "examples", "languages", "made", "open", "licence", "reader"),
    "runs": ("run", "kind", "finished", "scores"),
}
"""The columns of a list as a table; `--json`, or a name that leaves one row, has more."""
LISTS: dict[str, Callable[[Recipe | None], Rows]] = {
    "tasks": _tasks,
    "templates": _templates,
    "metrics": _metrics,
    "formats": _formats,
    "datasets": _datasets,
    "readers": lambda _: [{"reader": name, "about": _first_line(READERS[name])} for name in READERS],
    "methods": lambda _: [
        {"method": name, "about": _first_line(METHODS[name]).partition("the program")[2].lstrip(": ")} for name in METHODS
    ],
    "filters": lambda _: [{"filter": name, "about": FILTERS[name].what} for name in FILTERS],
    "recipes": _recipes,
    "runs": _runs,
}


def columns(kind: str, rows: Rows) -> list[str]:
    """Returns the columns that a list shows as a table."""
    return list(SHOWN.get(kind, rows[0]))


def chosen(kind: str, rows: Rows, wanted: str) -> Rows:
    """Returns the rows that a word stands for: a name, the beginning of names, a glob; else part of what the table shows.

    Args:
        kind: What is listed; its first column has the names.
        rows: All of them.
        wanted: The word. Of templates it may be the kind of task that they word.

    Raises:
        DataError: It stands for none; the nearest name is shown.

    >>> known = [{"task": "glue/cola"}, {"task": "glue/cola/x"}, {"task": "glue/sst2"}]
    >>> [row["task"] for row in chosen("tasks", known, "glue/cola")]
    ['glue/cola', 'glue/cola/x']
    >>> [row["task"] for row in chosen("tasks", known, "SST")]
    ['glue/sst2']
    """
    if not rows:
        return []
    key = next(iter(rows[0]))

    def is_named(row: dict[str, Any]) -> bool:
        name = row[key]
        kinds = row["kinds"].split(", ") if kind == "templates" else []
        named = name == wanted or name.startswith(f"{wanted}/") or fnmatchcase(name, wanted)
        return named or any(fnmatchcase(wanted, one) or fnmatchcase(one, wanted) for one in kinds)

    def says(row: dict[str, Any]) -> bool:
        return any(wanted.lower() in str(row.get(column, "")).lower() for column in SHOWN.get(kind, (key,)))

    found = [row for row in rows if is_named(row)] or [row for row in rows if says(row)]
    if not found:
        kinds = [one for row in rows for one in row["kinds"].split(", ")] if kind == "templates" else []
        expected = did_you_mean(wanted, kinds) if "/" in wanted and kinds else did_you_mean(wanted, [row[key] for row in rows])
        raise DataError(f"no {kind} named '{wanted}'", expected=expected, remedy=f"didact ls {kind}")
    return found


def split_arguments(arguments: Sequence[str]) -> tuple[Path | None, str]:
    """Returns the recipe and the word among what stands behind `didact ls KIND`.

    Raises:
        RecipeError: There are two of one of them.

    >>> split_arguments(["superglue/cb"])
    (None, 'superglue/cb')
    """
    files = [one for one in arguments if one.endswith((".yaml", ".yml"))]
    words = [one for one in arguments if one not in files]
    if len(files) > 1 or len(words) > 1:
        first, second = (files if len(files) > 1 else words)[:2]
        raise RecipeError(f"one recipe and one name can be given, and here are '{first}' and '{second}'", remedy="didact ls --help")
    return (Path(files[0]) if files else None), (words[0] if words else "")
