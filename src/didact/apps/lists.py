"""What the looking verbs show: lists of parts, one rendered example, one tokenised draw."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from didact.apps.views import token_rows
from didact.assemble import Assembly
from didact.base.errors import DataError, RecipeError, TemplateError
from didact.base.recipe import Recipe, Source, TasksSection
from didact.base.registry import Registry
from didact.base.types import Conversation, Origin
from didact.data.mixture import Draw
from didact.data.objective_tokens import ObjectiveTokens
from didact.data.objectives import target_weights
from didact.data.prepare import prepare_window, text_length
from didact.data.tokens import RESPONSE, TokenisedExample, TokenReport
from didact.prompts.chat_format import FORMATS, golden
from didact.prompts.formats import Pool, draw_format, needs_rationale, sort_wordings
from didact.prompts.render import render
from didact.prompts.template import TemplateSet
from didact.run import all_runs
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.catalogue import rows as catalogue_rows
from didact.tasks.metrics import METRICS
from didact.tasks.readers import READERS
from didact.tasks.set_metrics import SET_METRICS
from didact.tasks.task import Task

Rows = list[dict[str, Any]]


ATLAS = Recipe(name="atlas", tasks=TasksSection(sources=(Source(name="atlas", reader="atlas"),)))
"""Stands for a recipe where none is given: the tasks that come with the package."""


SAMPLES = "these are didact's own sample rows; for the real ones, name in a recipe: tasks: {sources: [{name: %s, reader: benchmark}]}"
"""Said where sample rows of ours stand for a public benchmark."""


def standing_in(task: str) -> Recipe | None:
    """Returns the recipe that stands in where none is given: the Atlas, or sample rows of benchmarks; None: the task is of neither.

    >>> [source.name for source in standing_in("superglue/cb").tasks.sources]
    ['superglue']
    >>> standing_in("mine/x") is None
    True
    """
    family = task.partition("/")[0]
    if family == "atlas" or task.startswith("*"):
        return ATLAS if family == "atlas" else None
    found = dict.fromkeys(first for name in BENCHMARKS if fnmatchcase(first := name.partition("/")[0], family))
    sources = tuple(Source(name=name, reader="benchmark", settings={"samples": 1}) for name in found)
    return Recipe(name="samples", tasks=TasksSection(sources=sources)) if sources else None


def _tasks(recipe: Recipe | None) -> Rows:
    if recipe is None:
        samples = sorted(sample_tasks("*"), key=lambda task: task.name)
        return [*_tasks(ATLAS), *(_task_row(task, "sample rows") for task in samples)]
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
    }


def _templates(recipe: Recipe | None) -> Rows:
    files = [Path(file) for file in recipe.prompts.files] if recipe else []
    return [
        {"template": t.name, "kinds": ", ".join(t.for_kinds), "style": t.style, "inverted": t.inverted, "in all": t.default}
        for t in TemplateSet.load(files)
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
    return [
        {"run": run.name, "finished": run.finished, "scores": ", ".join(sorted(p.stem for p in (run.folder / "scores").glob("*.json")))}
        for run in all_runs()
    ]


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
    rows = [{"dataset": row.name, "examples": row.num_examples, **{key: getattr(row, key) for key in shown}} for row in catalogue_rows()]
    return [{**row, "languages": " ".join(row["languages"])} for row in rows]


SHOWN = {"datasets": ("dataset", "examples", "languages", "made", "open", "licence", "reader")}
"""The columns of a list that fit on a screen, where `--json` has more."""
LISTS: dict[str, Callable[[Recipe | None], Rows]] = {
    "tasks": _tasks,
    "templates": _templates,
    "metrics": _metrics,
    "formats": _formats,
    "datasets": _datasets,
    "readers": lambda _: [{"reader": name, "about": _first_line(READERS[name])} for name in READERS],
    "recipes": _recipes,
    "runs": _runs,
}


def rendered(
    recipe: Recipe, name: str, template: str | None, index: int, *, shots: int = 0, cot: bool = False, inverted: bool = False
) -> Conversation:
    """Returns one example of a task in one format.

    Args:
        recipe: Names the task's source and the templates.
        name: The task, or a glob for the first such one.
        template: A template's name; None: the first that the recipe names and that has the format.
        index: Number of the example.
        shots: Demonstrations before it.
        cot: Ask for the reasoning.
        inverted: Turn the task around.

    Raises:
        DataError: There is no such example, or it is a conversation and has no format.
        TemplateError: No template of the task has the format.
    """
    assembly = Assembly(recipe)
    task = next(iter(assembly.tasks.select(name)), None) or assembly.tasks.named(name)
    if index >= len(task.examples):
        what = f"task '{name}' has {len(task.examples):,} examples, and no number {index:,}"
        raise DataError(what, expected=f"a number from 0 to {len(task.examples) - 1}", remedy=f"didact show {name} --index 0")
    example = task.examples[index]
    if example.messages and (shots or cot or inverted):
        what = "a conversation is shown as it is: it has no format to choose"
        raise DataError(what, where=f"task '{task.name}'", remedy=f"didact show {name}")
    named = assembly.templates.select(template or recipe.prompts.templates, task)
    shares = {"shots": {shots: 1.0}, "cot": float(cot and not inverted), "inverted": float(inverted)}
    prompts = recipe.prompts.model_copy(update=shares)
    wordings = sort_wordings(named, prompts, assembly.templates.select("*", task) if template is None else ())
    if inverted and cot:  # those that show or ask for the reasoning, where there are any
        reasoning = [one for one in wordings.inverted.all if needs_rationale(one)]
        wordings = replace(wordings, inverted=Pool.of(reasoning or wordings.inverted.all))
    form = draw_format(task, example, wordings, prompts, seed=recipe.seed, training=False, first=True)
    lacks = "inverted" if inverted and not form.template.inverted else "cot" if shares["cot"] and not form.reasons else ""
    if lacks or (shots and form.template.tk_instruct is not None):
        what = f"no template of task '{task.name}' is {lacks}" if lacks else f"template {form.template.name} has its own demonstrations"
        known = ", ".join(one.name for one in assembly.templates.select("*", task) if one.tk_instruct is None)
        raise TemplateError(what, where=f"--template {template}" if template else "", expected=known, remedy=f"didact show {name}")
    return render(task, example, form, seed=recipe.seed)


def draw_as_tokens(recipe: Recipe, index: int) -> tuple[Origin, Rows]:
    """Returns where a draw comes from, and its tokens with roles and weights, as the objective trains on them.

    Of an encoder-decoder, the tokens that are read stand before those that have to be written. A draw is shown by itself, also
    where `sequence.stream` joins it with others.
    """
    assembly = Assembly(recipe)
    draws = assembly.mixture.draws(0)
    if index >= len(draws):
        what = f"the first epoch has {len(draws):,} draws, and no number {index:,}"
        raise DataError(what, expected=f"a number from 0 to {len(draws) - 1}", remedy="didact tokens RECIPE --index 0")
    conversation = assembly.render(draws[index])
    report = TokenReport()
    longest = recipe.sequence.max_length
    example = assembly.tokeniser.tokenise([conversation], longest, report, text_length(recipe.objective, longest))[0]
    if example is None:
        what = f"draw {index:,} cannot be trained on: {', '.join(report.dropped)}"
        where = f"task '{conversation.origin.task}', example '{conversation.origin.example}'"
        raise DataError(what, where=where, remedy="sequence.max_length=... (more tokens), or another --index")
    rows = list[dict[str, Any]]()
    for row in _as_trained(assembly, example, draws[index:]):
        weights = target_weights(row, recipe.objective)
        if row.target_ids is not None:  # an encoder-decoder: what is read, then what has to be written
            rows += token_rows(row.input_ids, row.roles, np.zeros(len(row)), assembly.tokeniser)
            rows += token_rows(row.target_ids, np.full(len(weights), RESPONSE), weights, assembly.tokeniser)
        else:
            rows += token_rows(row.input_ids, row.roles, weights, assembly.tokeniser)
    return conversation.origin, rows


def _as_trained(assembly: Assembly, example: TokenisedExample, draws: Sequence[Draw]) -> tuple[TokenisedExample, ...]:
    """Returns what the objective makes of an example; pairs of texts take the others from the draws behind it."""
    length = assembly.recipe.sequence.max_length
    room = text_length(assembly.recipe.objective, length)
    others = assembly.tokeniser.tokenise([assembly.render(draw) for draw in draws[1:8]], length, text_length=room)
    tokens = ObjectiveTokens(assembly.tokeniser, assembly.recipe.objective)
    return prepare_window([example, *(other for other in others if other is not None)], tokens, length, assembly.recipe.seed)[0]
