"""What `show` and `tokens` look at: one rendered example, one tokenised draw, and tasks that are there without a recipe."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from didact.apps.views import example_rows
from didact.assemble import Assembly
from didact.base.errors import DataError, TemplateError, did_you_mean
from didact.base.recipe import Recipe, Source, TasksSection
from didact.base.types import Conversation, Origin
from didact.data.mixture import Draw
from didact.data.objective_tokens import ObjectiveTokens
from didact.data.objectives import target_weights
from didact.data.prepare import prepare_window, text_length
from didact.data.tokens import TokenisedExample, TokenReport
from didact.prompts.formats import Pool, draw_format, needs_rationale, sort_wordings
from didact.prompts.render import render
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.task import Task, TaskSet

Rows = list[dict[str, Any]]

ATLAS = Recipe(name="atlas", tasks=TasksSection(sources=(Source(name="atlas", reader="atlas"),)))
"""Stands for a recipe where none is given: the tasks that come with the package."""


SAMPLE_ROWS = "sample rows"
"""Level of tasks made of these."""
SAMPLES = "these are didact's own sample rows; for the real ones, name in a recipe: tasks: {sources: [{name: %s, reader: benchmark}]}"
"""Said where sample rows of ours stand for a public benchmark."""


DEMO = Path("recipes/demo.yaml")
"""Shown from where it is there and no recipe is given: a clone of the repository has it."""
MANY = 60
"""Rows of a list from which on a shorter one is offered."""


def hints(kind: str, rows: Rows, every: Rows, name: str) -> Iterator[str]:
    """Yields what to type next below a list: sentences for people.

    >>> list(hints("readers", [{"reader": "rows"}], [{"reader": "rows"}], ""))
    []
    """
    if not name and len(rows) > MANY:
        example = {"tasks": "superglue", "templates": "superglue/cb", "datasets": "alpaca"}.get(kind, f"'{next(iter(rows[0].values()))}'")
        yield f"{len(rows):,} {kind}; fewer: didact ls {kind} {example}"
    if kind == "tasks" and (samples := [row for row in rows if row["level"] == SAMPLE_ROWS]):
        yield f"where the level says {SAMPLE_ROWS}, {SAMPLES % samples[0]['kind'].partition('/')[0]}"
        yield f"one of them in words: didact show {samples[0]['task']}"
    if kind == "templates" and name and len(rows) == 1 and (kinds := rows[0]["kinds"]) in BENCHMARKS:
        yield f"with an example in it: didact show {kinds} --template {rows[0]['template']}"
    if kind == "datasets" and name and len(rows) == 1:
        alike = [row["dataset"] for row in every if name in row["dataset"] and row != rows[0]]
        yield from [f"others of this name: {', '.join(alike)}"] if alike else []


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


def unknown_task(name: str, known: Iterable[str] = ()) -> DataError:
    """Returns the error for a task that no recipe names and nothing bundled is called; the nearest of all names is shown.

    >>> unknown_task("supergule/cb").expected
    "did you mean 'superglue/cb'?"
    """
    names = {*known, *BENCHMARKS}
    families = sorted({"atlas", *(one.partition("/")[0] for one in names)})
    near = did_you_mean(name, names)
    expected = near if near.startswith("did you mean") else f"a task of {', '.join(families)}; or --recipe RECIPE, which names its source"
    return DataError(f"no task named '{name}'", expected=expected, remedy="didact ls tasks")


def task_named(tasks: TaskSet, name: str, bundled: bool = False) -> Task:
    """Returns the first task that a name or a glob stands for.

    Args:
        tasks: Those of the recipe.
        name: A task, or a glob.
        bundled: Nobody named a recipe: the name may be meant for anything that comes with the package.

    Raises:
        DataError: There is none.

    >>> task_named(TaskSet([Task("wmt/de-en", ()), Task("wmt/en-de", ())]), "wmt/en*").name
    'wmt/en-de'
    """
    if found := next(iter(tasks.select(name)), None):
        return found
    if within := [task.name for task in tasks if task.name.startswith(f"{name}/")]:
        more = f" ... and {len(within) - 20} more" if len(within) > 20 else ""
        what = f"'{name}' is a collection of {len(within)} tasks, and one is shown at a time"
        raise DataError(what, expected=f"one of: {', '.join(within[:20])}{more}", remedy=f"didact show {within[0]}")
    if bundled:
        raise unknown_task(name, [task.name for task in tasks])
    return tasks.named(name)


def rendered(
    recipe: Recipe,
    name: str,
    template: str | None,
    index: int,
    *,
    shots: int = 0,
    cot: bool = False,
    inverted: bool = False,
    bundled: bool = False,
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
        bundled: The recipe stands in for one that nobody named.

    Raises:
        DataError: There is no such example, or it is a conversation and has no format.
        TemplateError: No template of the task has the format.
    """
    assembly = Assembly(recipe)
    task = task_named(assembly.tasks, name, bundled)
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


def draw_as_tokens(recipe: Recipe, index: int, say: Callable[[str], None] = lambda _: None) -> tuple[Origin, Rows]:
    """Returns where a draw comes from, and its tokens with roles and weights, as the objective trains on them.

    Of an encoder-decoder, the tokens that are read stand before those that have to be written. A draw is shown by itself, also
    where `sequence.stream` joins it with others.

    Args:
        recipe: What is drawn from.
        index: Number of the draw.
        say: Hears what is done for it, a line at a time: reading and comparing large collections takes a while.
    """
    assembly = Assembly(recipe, say)
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
        rows += example_rows(row, target_weights(row, assembly.recipe.objective), assembly.tokeniser)
    return conversation.origin, rows


def _as_trained(assembly: Assembly, example: TokenisedExample, draws: Sequence[Draw]) -> tuple[TokenisedExample, ...]:
    """Returns what the objective makes of an example; pairs of texts take the others from the draws behind it."""
    length = assembly.recipe.sequence.max_length
    room = text_length(assembly.recipe.objective, length)
    others = assembly.tokeniser.tokenise([assembly.render(draw) for draw in draws[1:8]], length, text_length=room)
    tokens = ObjectiveTokens(assembly.tokeniser, assembly.recipe.objective)
    return prepare_window([example, *(other for other in others if other is not None)], tokens, length, assembly.recipe.seed)[0]
