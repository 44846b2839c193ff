"""Variants: one row in many wordings. Every template, in the mixture and held out; other orders of its options; other ways to itemise.

One thing is changed at a time, so that its effect can be told: templates as they are, then orders and styles of the first wording
that shows the options. What is drawn is drawn from identity, so two models are asked the same.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from didact.base.chance import permutation, rng
from didact.base.types import Example
from didact.prompts.chosen import ChosenFormats
from didact.prompts.formats import Format, draw_format, lists_options, sort_wordings, words_of_choices
from didact.prompts.options import STYLES, OptionsFormat
from didact.prompts.promptsource import applies
from didact.prompts.sandbox import names_in
from didact.prompts.template_file import Template
from didact.tasks.task import Task

Which = Literal["record", "all", "mixture", "held_out"]
_POINTS_ELSEWHERE = re.compile(
    r"\b(?:all|none|both|neither|either|any|some)\b.{0,12}\b(?:above|below|these|those|others?)\b"
    r"|^\W*(?:both|neither|either|only|all|none)?\W*\(?[A-Ea-e]\)?,? (?:and|or|nor|&) \(?[A-Ea-e]\)?(?: only| alone)?\W*$",
    re.IGNORECASE,
)
"""Options that speak of others by their place: "all of the above", "both A and B", "(a) and (c) only"."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One row in one wording."""

    format: Format
    """How it is worded."""
    example: Example
    """The row, its choices in the order that is shown."""
    wording: str = ""
    """What of it is not the template: `order=2`, `style=(A)`; empty: as the template has it."""
    held_out: bool = False
    """The template is never trained with."""
    order: tuple[int, ...] = ()
    """The way back: the place in id order of each choice shown; empty: they are in id order."""


def variants(
    task: Task,
    example: Example,
    formats: ChosenFormats,
    which: Which = "record",
    orders: int = 0,
    styles: int = 0,
    seed: int = 0,
    pool: Sequence[Example] = (),
) -> list[Variant]:
    """Returns a row in each of its wordings, the one of record first where it is among them.

    A row has fewer variants than another of its task where a wording does not apply to it, where its options have fewer orders, name
    one another by their places, or do not fit a style. Wordings are never turned around; a recipe without instructions has no others.

    Args:
        task: The row's task.
        example: The row.
        formats: The recipe's.
        which: `record`: the wording of record; `all`: every template that fits; `mixture`: those that training draws from; `held_out`:
            those that are never trained with, possibly none.
        orders: Other orders of the options, all different.
        styles: Other ways to itemise them, the same for all rows of the task.
        seed: Decides which orders and styles; give two models that are to be compared the same.
        pool: Examples that may be shown as demonstrations.

    Raises:
        TemplateError: There is no wording for the row.
    """
    record = formats.format_of_record(task, example, pool)
    if example.messages:
        return [Variant(record, example)]
    trained = formats.trained_with(task)
    bare = formats.recipe.prompts.instructions != "full"
    forms = [record] if which == "record" or bare else [record, *_others(task, example, formats, record, pool)]
    found = [Variant(form, example, held_out=form.template.name not in trained) for form in forms]
    if which in ("mixture", "held_out"):
        found = [one for one in found if one.held_out == (which == "held_out")]
    shows = next((one for one in found if shows_choices(one.format.template, example)), None)
    if shows is not None:
        ways = shuffles(example, task.name, orders, seed)
        found += [replace(shows, example=in_order(example, way), wording=f"order={n}", order=way) for n, way in enumerate(ways, start=1)]
    lists = next((one for one in found if one.format.options is not None and lists_options(one.format.template, example)), None)
    if lists is not None:
        for style in itemisations(task, styles, seed, settled=formats.judged_prompts.options_style):
            if (form := in_style(lists.format, example, style)) is not None:
                found.append(replace(lists, format=form, wording=f"style={style}"))
    return found


def shuffles(example: Example, task: str, count: int, seed: int) -> list[tuple[int, ...]]:
    """Returns other orders of a row's choices, all different; fewer than asked for where there are no more.

    The first ones stay the same when more are asked for. Options that speak of one another by their places stay as they are.

    Args:
        example: The row.
        task: Its task's name.
        count: How many orders.
        seed: Decides, with the row's identity, which.

    Two choices have one other order; "all of the above" has its place:

    >>> shuffles(Example("1", choices=("yes", "no")), "t", 3, seed=0)
    [(1, 0)]
    >>> shuffles(Example("1", choices=("ice", "all of the above")), "t", 3, seed=0)
    []
    """
    size = len(example.choices)
    if size < 2 or any(_POINTS_ELSEWHERE.search(choice) for choice in example.choices):
        return []
    as_it_is = tuple(range(size))
    found = [as_it_is]
    most, draw = min(count, math.factorial(min(size, 12)) - 1), 0
    while len(found) <= most:
        order = tuple(permutation(size, seed, "order of options", task, example.id, draw).tolist())
        draw += 1
        if order not in found:
            found.append(order)
    return found[1:]


def in_order(example: Example, order: Sequence[int]) -> Example:
    """Returns a row with its choices in another order; what is right stays right, as targets are texts and no places.

    >>> in_order(Example("1", targets=("no",), choices=("yes", "no", "maybe")), (2, 0, 1)).choices
    ('maybe', 'yes', 'no')
    """
    return replace(example, choices=tuple(example.choices[place] for place in order))


def itemisations(task: Task, count: int, seed: int, settled: str | None = None) -> list[str]:
    """Returns names of ways to itemise, drawn for a task: with names and without, in turn, so that few of them differ much.

    The first ones stay the same when more are asked for.

    Args:
        task: Whose rows they are for; the first row decides which fit.
        count: How many.
        seed: Decides, with the task's name, which.
        settled: The style of the recipe, which is no other one.
    """
    choices = task.examples[0].choices if count and len(task.examples) else ()
    drawn = [name for name in STYLES if name != settled and STYLES[name].fits(choices)]
    rng(seed, "styles of options", task.name).shuffle(drawn)
    named, bare = [name for name in drawn if STYLES[name].names], [name for name in drawn if not STYLES[name].names]
    ordered = [name for pair in zip(named, bare, strict=False) for name in pair]
    return [*ordered, *(name for name in drawn if name not in ordered)][:count]


def in_style(form: Format, example: Example, style: str) -> Format | None:
    """Returns a format with its options, and those of its demonstrations, itemised in another way; None where that does not fit."""
    itemised = STYLES[style]
    listed = [words_of_choices(form.template, example), *(words_of_choices(wording, shot) for shot, wording in form.shots)]
    if form.options is None or not all(itemised.fits(options) for options in listed):
        return None
    return replace(form, options=OptionsFormat(itemised, form.options.start, form.options.end))


def shows_choices(template: Template, example: Example) -> bool:
    """Says whether the order of a row's choices can be seen in the prompt, and nothing else settles which of them is which.

    A wording that spells its options itself, or takes them from other fields, would only be judged wrongly in another order; so would
    one of promptsource, whose answers are listed apart.

    >>> row = Example("1", {"question": "Is ice cold?"}, choices=("yes", "no"))
    >>> prompts = ("{{ question }} {{ options }}", "{{ question }} {{ choices | join(', ') }}", "{{ question }} Yes or no?")
    >>> [shows_choices(Template("my/x", ("rows",), prompt), row) for prompt in prompts]
    [True, True, False]
    """
    if template.promptsource is not None or not example.choices:
        return False
    asks = names_in(template.prompt) | names_in(template.system)
    return lists_options(template, example) or ("choices" in asks and "choices" not in example.fields)


def _others(task: Task, example: Example, formats: ChosenFormats, record: Format, pool: Sequence[Example]) -> list[Format]:
    """Returns the formats of all other templates that fit, by name, of those that ask for the reasoning or of those that do not."""
    prompts, every = formats.judged_prompts, formats.every(task)
    same_kind = (every.cot.all or every.asked.all or every.usual.all) if prompts.cot else every.usual.all
    applying, seed = _applies_to(task, example), formats.recipe.seed
    found = []
    for one in same_kind:
        if one.name != record.template.name and not one.inverted and applying(one):
            wordings = sort_wordings([one], prompts)
            form = draw_format(task, example, wordings, prompts, seed=seed, pool=pool, training=False, first=True)
            found.append(_with_shots_of(record, form))
    return found


def _with_shots_of(record: Format, form: Format) -> Format:
    """Returns a format with the demonstrations of the one of record, in its own wording, where they can be listed in its style."""
    fits = form.options is None or all(shot.choices and form.options.style.fits(shot.choices) for shot, _ in record.shots)
    if not (form.shots and record.shots and fits):
        return form
    return replace(form, shots=tuple((shot, form.template) for shot, _ in record.shots))


def _applies_to(task: Task, example: Example) -> Callable[[Template], bool]:
    def applying(template: Template) -> bool:
        where = f"task '{task.name}', example '{example.id}', template {template.name}"
        return template.promptsource is None or applies(template.promptsource, example, where, (task.name, example.id))

    return applying
