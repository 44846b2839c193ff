"""Formats: what is drawn about a row besides its example. Which wording, how many demonstrations, reasoning or not, which list style.

One function draws all of it, from the row's identity, for training, judging and showing alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from didact.base.chance import rng
from didact.base.errors import TemplateError
from didact.base.prompts_section import PromptsSection
from didact.base.types import Example
from didact.prompts.bare import BARE
from didact.prompts.chain_of_thought import Reasoning, reasoning_at
from didact.prompts.few_shot import LAYOUTS, Layout, draw_shots
from didact.prompts.labels import in_words
from didact.prompts.options import OptionsFormat, draw_options
from didact.prompts.promptsource import applies
from didact.prompts.sandbox import names_in
from didact.prompts.template_file import AS_IS, OPTIONS, Template
from didact.tasks.task import Task

MIXED = 0.25
"""Share of the rows with demonstrations in which each of these has a wording of its own."""


@dataclass(frozen=True, slots=True)
class Format:
    """All that is drawn about one row, its target excepted."""

    template: Template
    """Its wording."""
    options: OptionsFormat | None = None
    """How options are written, in the row and its demonstrations; None: no wording lists them."""
    reasoning: Reasoning | None = None
    """Asks for the reasoning where the wording itself does not."""
    reasons: bool = False
    """The row was drawn to reason, in the wording's own words or with `reasoning`."""
    shots: tuple[tuple[Example, Template], ...] = ()
    """Demonstrations and their wordings."""
    num_shots: int = 0
    """How many were drawn; the task may have had fewer."""
    layout: Layout = LAYOUTS[0]


@dataclass(frozen=True, slots=True)
class Pool:
    """Wordings to draw from."""

    all: tuple[Template, ...] = ()
    without_rationale: tuple[Template, ...] = ()
    """Those that can word an example without a rationale."""

    @classmethod
    def of(cls, templates: Sequence[Template]) -> "Pool":
        """Returns a pool of these templates."""
        return cls(tuple(templates), tuple(template for template in templates if not needs_rationale(template)))

    def fitting(self, example: Example, training: bool) -> tuple[Template, ...]:
        """Returns the wordings for a row: one without a rationale is never trained to reason."""
        return self.all if example.rationale or not training else self.without_rationale


@dataclass(frozen=True, slots=True)
class Wordings:
    """The wordings of a task by what they do."""

    usual: Pool
    """For rows that are neither drawn to reason nor to be turned around."""
    cot: Pool = Pool()
    """Asks for the reasoning in words of its own."""
    asked: Pool = Pool()
    """Direct ones, to which a sentence that asks for the reasoning can be added."""
    inverted: Pool = Pool()


def sort_wordings(
    templates: Sequence[Template],
    prompts: PromptsSection,
    more: Sequence[Template] = (),
    holds_out: Callable[[str], bool] = lambda _: False,
) -> Wordings:
    """Returns the wordings of a task by what they do.

    Args:
        templates: Those that the recipe names.
        prompts: Its section: a share for reasoning or turned-around rows takes these wordings out of the usual ones.
        more: All others that fit the task; where a share asks for a kind that the recipe names none of, they serve.
        holds_out: Says whether a category is held out: no wording may turn a task into one of it.

    Raises:
        TemplateError: All of the wordings do.
    """
    named, templates = templates, [one for one in templates if not (one.becomes and holds_out(one.becomes))]
    if named and not templates:
        what = f"every wording turns the task into a category that is held out: {', '.join(sorted({one.becomes for one in named}))}"
        raise TemplateError(what, remedy="add a template to prompts.templates that is not inverted")
    usual = [t for t in templates if (prompts.cot is None or t.style != "cot") and (prompts.inverted is None or not t.inverted)]
    upright = [t for t in templates if not t.inverted]
    others = [t for t in more if not (t.becomes and holds_out(t.becomes))]
    inverted = [t for t in templates if t.inverted] or [t for t in others if t.inverted]
    asked = [t for t in upright if t.style != "cot" and t.tk_instruct is None]
    cot = [t for t in upright if t.style == "cot"]
    if not cot and not asked:
        cot = [t for t in others if t.style == "cot" and not t.inverted]
    return Wordings(Pool.of(usual or templates), Pool.of(cot), Pool.of(asked), Pool.of(inverted))


def draw_format(
    task: Task,
    example: Example,
    wordings: Wordings,
    prompts: PromptsSection,
    *,
    seed: int = 0,
    epoch: int = 0,
    pool: Sequence[Example] | None = None,
    training: bool = True,
    first: bool = False,
) -> Format:
    """Returns the format that a row gets in an epoch.

    Args:
        task: The row's task.
        example: The row.
        wordings: From `sort_wordings`.
        prompts: Shares and settled choices.
        seed: The recipe's.
        epoch: The pass over the data.
        pool: Where demonstrations come from; None: the task's examples.
        training: A row without a rationale is never drawn to reason; False: it may be, as it only asks.
        first: Take the first of the wordings, in the order of their names, in place of a drawn one.

    Raises:
        TemplateError: There is no wording for the row.
    """
    if example.messages:
        return Format(AS_IS)
    num_most = max(prompts.shots)
    if not (num_most or prompts.cot or prompts.inverted) and prompts.instructions == "full":
        template = _one_of(wordings.usual.fitting(example, training), task, example, seed, epoch, first)
        return settled_format(task, example, template, prompts.options_style, seed=seed, epoch=epoch)
    random = rng(seed, "format", task.name, example.id, epoch)
    draws = [random.random() for _ in range(6)]
    templates, reasons = _drawn_wordings(draws[0], example, wordings, prompts, training)
    template = _one_of(templates, task, example, seed, epoch, first)
    reasoning = reasoning_at(draws[2], draws[3]) if reasons and template.style != "cot" else None
    num_shots = _at_share(prompts.shots, draws[1]) if template.tk_instruct is None else 0
    if not num_shots:
        options = (
            draw_options(random, words_of_choices(template, example), prompts.options_style) if lists_options(template, example) else None
        )
        return Format(template, options, reasoning, reasons)
    others = [one for one in templates if one.tk_instruct is None] if draws[5] < MIXED and not first else [template]
    options = None
    if any(lists_options(one, example) for one in (template, *others)):
        options = draw_options(random, words_of_choices(template, example), prompts.options_style)

    def usable(candidate: Example) -> bool:
        rationale = candidate.rationale or not (reasons or any(needs_rationale(one) for one in others))
        return bool(rationale) and (options is None or (bool(candidate.choices) and options.style.fits(candidate.choices)))

    shown = draw_shots(random, task, example, num_shots, task.examples if pool is None else pool, usable)
    shots = tuple((shot, others[int(random.random() * len(others))]) for shot in shown)
    return Format(template, options, reasoning, reasons, shots, num_shots, LAYOUTS[int(draws[4] * len(LAYOUTS))])


def settled_format(
    task: Task, example: Example, template: Template, options_style: str | None = None, *, seed: int = 0, epoch: int = 0
) -> Format:
    """Returns the format of a row in one wording, without demonstrations: only how its options are written is drawn."""
    if not lists_options(template, example):
        return Format(template)
    random = rng(seed, "format", task.name, example.id, epoch)
    for _ in range(6):  # what else is drawn about a row: its options are then the same with and without it
        random.random()
    return Format(template, draw_options(random, words_of_choices(template, example), options_style))


def choose_template(templates: Sequence[Template], task: Task, example_id: str, seed: int, epoch: int) -> Template:
    """Returns the template that an example gets in an epoch, each with the same chance.

    Raises:
        TemplateError: There is nothing to choose from.
    """
    if not templates:
        raise TemplateError(f"no template to choose from for task '{task.name}'", remedy="didact ls templates")
    if len(templates) == 1:
        return templates[0]
    return templates[rng(seed, "template", task.name, example_id, epoch).randrange(len(templates))]


def needs_rationale(template: Template) -> bool:
    """Says whether a wording has nothing to say for an example without a rationale."""
    return template.style == "cot" or "rationale" in names_in(template.prompt) or "rationale" in names_in(template.response)


def lists_options(template: Template, example: Example) -> bool:
    """Says whether a wording lists an example's choices; a column named `options` is no such list."""
    asks = OPTIONS in names_in(template.prompt) or OPTIONS in names_in(template.system) or OPTIONS in names_in(template.response)
    return asks and bool(example.choices) and OPTIONS not in example.fields


def words_of_choices(template: Template, example: Example, where: str = "") -> tuple[str, ...]:
    """Returns an example's choices as a wording says them."""
    return tuple([in_words(template.labels, choice, where) for choice in example.choices]) if template.labels else example.choices


def _drawn_wordings(
    draw: float, example: Example, wordings: Wordings, prompts: PromptsSection, training: bool
) -> tuple[tuple[Template, ...], bool]:
    """Returns the wordings that a row is drawn to have, and whether it reasons."""
    if prompts.instructions != "full":
        return (BARE[prompts.instructions],), False
    inverted, cot = prompts.inverted or 0.0, prompts.cot or 0.0
    if draw < inverted and (turned := wordings.inverted.fitting(example, training)):
        return turned, False
    if inverted <= draw < inverted + cot and (example.rationale or not training):
        for pool in (wordings.cot, wordings.asked):
            if pool.all:
                return pool.all, True
    return wordings.usual.fitting(example, training), False


def _one_of(templates: Sequence[Template], task: Task, example: Example, seed: int, epoch: int, first: bool) -> Template:
    if not templates:
        where = f"task '{task.name}', example '{example.id}'"
        raise TemplateError("the example has no rationale", where=where, remedy="name a template of style direct in prompts.templates")
    while True:
        template = templates[0] if first else choose_template(templates, task, example.id, seed, epoch)
        wording, where = template.promptsource, f"task '{task.name}', example '{example.id}', template {template.name}"
        if wording is None or len(templates) == 1 or applies(wording, example, where, (task.name, example.id)):
            return template
        templates = tuple(other for other in templates if other is not template)


def _at_share(shares: Mapping[int, float], draw: float) -> int:
    """Returns the number of demonstrations at a point between 0 and 1.

    >>> [_at_share({0: 0.5, 2: 0.5}, draw) for draw in (0.0, 0.49, 0.5, 0.99)]
    [0, 0, 2, 2]
    """
    end = 0.0
    for number in sorted(shares):
        end += shares[number]
        if draw < end:
            return number
    return max(number for number, share in shares.items() if share)
