"""Which formats the tasks of a recipe get: what training draws from, and the one of record when a model is judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from didact.base.config import about
from didact.base.errors import TemplateError
from didact.base.recipe import PromptsSection, Recipe
from didact.base.types import Example
from didact.prompts.bare import BARE
from didact.prompts.formats import Format, Wordings, draw_format, sort_wordings
from didact.prompts.template import Template, TemplateSet
from didact.tasks.judged import group_of
from didact.tasks.task import Task

DRAWN = "drawn"
"""The word in `evaluate.template` that gives each row a wording of its own."""


@dataclass
class ChosenFormats:
    """The formats of a recipe's tasks; the wordings of each task are looked up once."""

    recipe: Recipe
    templates: TemplateSet
    holds_out: Callable[[str], bool] = lambda _: False
    """Says whether a category is held out: no wording may turn a seen task into it."""
    _wordings: dict[str, tuple[Template, ...]] = field(default_factory=dict, init=False, repr=False)
    _trained: dict[str, Wordings] = field(default_factory=dict, init=False, repr=False)
    _judged: dict[str, Wordings] = field(default_factory=dict, init=False, repr=False)
    _every: dict[str, Wordings] = field(default_factory=dict, init=False, repr=False)

    def wordings(self, task: Task) -> tuple[Template, ...]:
        """Returns the templates that the recipe names for a task."""
        if task.name not in self._wordings:
            with about("prompts.templates"):
                self._wordings[task.name] = self.templates.select(self.recipe.prompts.templates, task)
        return self._wordings[task.name]

    def trained(self, task: Task) -> Wordings:
        """Returns the templates that training draws from, by what they do; none turns the task into a held-out category."""
        if task.name not in self._trained:
            prompts = self.recipe.prompts
            named = self.wordings(task) if prompts.instructions == "full" else ()
            with about("prompts.templates"):
                more = self.templates.select("*", task) if prompts.cot or prompts.inverted else ()
                self._trained[task.name] = sort_wordings(named, prompts, more, self.holds_out)
        return self._trained[task.name]

    def format_of(self, task: Task, example: Example, epoch: int) -> Format:
        """Returns the format in which training words an example of a seen task."""
        return draw_format(task, example, self.trained(task), self.recipe.prompts, seed=self.recipe.seed, epoch=epoch)

    @cached_property
    def judged_prompts(self) -> PromptsSection:
        """The section `prompts` as it is when a model is judged: never turned around."""
        prompts, evaluate = self.recipe.prompts, self.recipe.evaluate
        shares = {"shots": {evaluate.shots: 1.0}, "cot": float(evaluate.cot), "inverted": 0.0}
        return prompts.model_copy(update={**shares, "options_style": evaluate.options_style or prompts.options_style})

    def trained_with(self, task: Task) -> frozenset[str]:
        """Returns the names of the templates that training words tasks like this one with; none where the recipe names none that fit."""
        if self.recipe.prompts.instructions != "full":
            return frozenset({BARE[self.recipe.prompts.instructions].name})
        try:
            return frozenset(template.name for template in self.wordings(task) if not template.held_out)
        except TemplateError:  # evaluate.template names another
            return frozenset()

    def every(self, task: Task) -> Wordings:
        """Returns the templates that a task can be judged with: those that the recipe names, those marked held out, all usual ones."""
        if task.name not in self._every:
            named = self.trained_with(task)
            fitting = self.templates.select("*", replace(task, level="unseen_family"))  # may be asked in held-out wordings and in others
            usable = [one for one in fitting if one.name in named or one.default or one.held_out]
            self._every[task.name] = sort_wordings(usable, self.judged_prompts)
        return self._every[task.name]

    def judged(self, task: Task) -> Wordings:
        """Returns the templates that a task is judged with."""
        if task.name not in self._judged:
            chosen, prompts = self.recipe.evaluate.template, self.judged_prompts
            if chosen and chosen != DRAWN:
                with about("evaluate.template"):
                    named = self.templates.select(chosen, task)[:1]
            else:
                named = self.wordings(task) if prompts.instructions == "full" else ()
            more = self.templates.select("*", task) if prompts.cot else ()
            self._judged[task.name] = sort_wordings(named, prompts, more)
        return self._judged[task.name]

    def format_of_record(self, task: Task, example: Example, pool: Sequence[Example] = ()) -> Format:
        """Returns the format in which an example is judged; with `evaluate.template: drawn`, its wording is drawn.

        Args:
            task: The example's task.
            example: What is asked about.
            pool: Examples that may be shown as demonstrations, besides the task's own.
        """
        first, wordings = self.recipe.evaluate.template != DRAWN, self.judged(task)
        return draw_format(task, example, wordings, self.judged_prompts, seed=self.recipe.seed, pool=pool, training=False, first=first)

    def template_of_record(self, task: Task) -> Template:
        """Returns the first of the templates that a task is judged with."""
        return (*self.judged(task).usual.all, BARE["none"])[0]


def not_asked(task: Task, limit: int) -> Sequence[Example]:
    """Returns the rows of a task behind the first `limit`, and behind those that belong together with the last of them.

    >>> [example.id for example in not_asked(Task("t", tuple(Example(name) for name in "abc")), 2)]
    ['c']
    """
    index, rows = min(limit, len(task.examples)), task.examples
    last = group_of(task, rows[index - 1], index - 1) if index else ""
    while last and index < len(rows) and group_of(task, rows[index], index) == last:
        index += 1
    return rows[index:]
