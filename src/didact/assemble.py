"""From a recipe to the parts that it names, one after the other, each ready to be looked at.

read -> hold_out -> leaks -> mix -> tokenise -> forecast
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from didact.base.auto_section import with_a_number
from didact.base.chance import permutation
from didact.base.config import about
from didact.base.errors import RecipeError
from didact.base.recipe import Recipe
from didact.base.types import Conversation, Example
from didact.data.audit import Audit
from didact.data.audit_table import account, refusal, tables
from didact.data.identity import window_parts
from didact.data.made import make
from didact.data.mixture import Draw, Mixture
from didact.data.objective_tokens import objective_controls
from didact.data.objectives import check_task_weights
from didact.data.prepare import check_kinds
from didact.data.problem_examples import ProblemExample, problem_examples
from didact.data.shares import branches
from didact.data.stream import WINDOW, Forecast, TrainingStream, longest_text
from didact.data.tokens import Tokeniser
from didact.data.window_cache import WindowCache
from didact.data.workers import Make, Workers
from didact.evals.detectable import detectable_line
from didact.evals.judged_levels import HOLD_OUT as HOLD_OUT
from didact.evals.judged_levels import JUDGED as JUDGED
from didact.evals.judged_levels import VALIDATION as VALIDATION
from didact.evals.judged_levels import spelled_out
from didact.evals.protocols import check_asked, check_posix
from didact.prompts.bare import without_prompt
from didact.prompts.chosen import DRAWN as DRAWN
from didact.prompts.chosen import ChosenFormats, not_asked
from didact.prompts.formats import Format
from didact.prompts.names import check_names
from didact.prompts.reach import out_of_reach
from didact.prompts.render import render
from didact.prompts.template import Template, TemplateSet
from didact.tasks.ifeval.checks import check_answers
from didact.tasks.leak_report import LeakReport
from didact.tasks.leaks import settle, without_leaks
from didact.tasks.readers import load_tasks
from didact.tasks.splits import Split, describe, hold_out
from didact.tasks.task import Task, TaskSet


@dataclass
class Assembly:
    """The parts of a recipe, made when first asked for and then kept."""

    recipe: Recipe
    say: Callable[[str], None] = field(default=lambda _: None)
    """Hears a short story: one sentence for every stage."""
    given: Tokeniser | None = None
    """A tokeniser that is there already: the one of the checkpoint that is resumed or judged."""
    show: Callable[[ProblemExample], None] = field(default=lambda _: None)
    """Sees one example of each kind of problem that the audit finds."""
    _source_of: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    _shown: dict[str, Sequence[Example]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.recipe = with_a_number(self.recipe)

    @cached_property
    def tasks(self) -> TaskSet:
        """All tasks of the sources."""
        check_names(self.recipe)
        if not self.recipe.tasks.sources:
            raise RecipeError(
                "the recipe names no source of tasks",
                expected="tasks.sources: [{name: ..., reader: ..., path: ...}]",
                remedy="didact new my --from demo",
            )
        tasks = list[Task]()
        for number, source in enumerate(self.recipe.tasks.sources):
            key = next((key for key in ("path", "settings", "catalogue") if getattr(source, key)), "reader")
            with about(f"tasks.sources[{number}].{key}"):
                loaded = load_tasks([source])
            self._source_of |= {task.name: source.name for task in loaded}
            tasks += loaded
        return TaskSet(tasks)

    @cached_property
    def split(self) -> Split:
        """Seen, unseen and held-in tasks."""
        split = hold_out(self.tasks, self.recipe.tasks.hold_out, self.recipe.seed)
        for line in describe(split):
            self.say(line)
        return split

    @cached_property
    def _settled(self) -> tuple[TaskSet, LeakReport]:
        used = TaskSet([*self.split.unseen, *self.split.validation])
        seen, report = settle(self.split.seen, used, self.recipe.tasks.leaks, self.split.held_in)
        if len(used) or report.further:
            for line in report.lines():
                self.say(line)
            if self.recipe.tasks.leaks.action == "drop" and report.num_seen_leaking:
                self.say(f"leaks: {report.num_seen_leaking:,} seen examples left out")
        return seen, report

    @property
    def seen(self) -> TaskSet:
        """What is trained on, leaking examples left out where the recipe says so."""
        return self._settled[0]

    @property
    def leaks(self) -> LeakReport:
        """The overlap between seen and unseen."""
        return self._settled[1]

    @cached_property
    def templates(self) -> TemplateSet:
        """The bundled templates for tasks of these kinds, and the recipe's own."""
        with about("prompts.files"):
            return TemplateSet.load([Path(file) for file in self.recipe.prompts.files], {task.kind for task in self.tasks})

    @cached_property
    def formats(self) -> ChosenFormats:
        """What the tasks are worded with, in training and when a model is judged."""
        return ChosenFormats(self.recipe, self.templates, self.split.holds_out)

    def wordings(self, task: Task) -> tuple[Template, ...]:
        """Returns the templates that the recipe names for a task."""
        return self.formats.wordings(task)

    def wording_of_record(self, task: Task, example: Example | None = None) -> Template:
        """Returns the template that a task is judged with; with `evaluate.template: drawn`, that an example of it is judged with."""
        return self.formats.template_of_record(task) if example is None else self.format_of_record(task, example).template

    def format_of_record(self, task: Task, example: Example) -> Format:
        """Returns the format in which an example is judged."""
        return self.formats.format_of_record(task, example, self.demonstrations(task) if self.recipe.evaluate.shots else ())

    def demonstrations(self, task: Task) -> Sequence[Example]:
        """Returns the rows of a judged task that may be shown: of a seen task those it is trained on, else those not asked about."""
        if task.name not in self._shown:
            unseen = any(task.name == other.name for other in (*self.split.unseen, *self.split.validation))
            limit = self.recipe.evaluate.examples_per_task
            self._shown[task.name] = not_asked(task, limit) if unseen else self._seen_by_name[task.name].examples
        return self._shown[task.name]

    def judged(self, level: str) -> TaskSet:
        """Returns the tasks of a level, one of `JUDGED` or validation, that can be asked about: plain text asks nothing."""
        kept = {"held_in": self.split.held_in, VALIDATION: self.split.validation}
        unseen = (task for task in self.split.unseen if (task.level or "unseen") == level)
        return TaskSet(task for task in kept.get(level, unseen) if task.kind != "text")

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that have tasks to ask about."""
        return tuple(level for level in JUDGED if len(self.judged(level)))

    def check_judging(self) -> None:
        """Words every task that will be judged; says what differences a level can show, and where it has no tasks.

        Raises:
            RecipeError: There is no such level or benchmark, or POSIX is wanted of one wording.
            TemplateError: No template fits such a task.
        """
        with about("evaluate.on"):
            check_asked(self.recipe.evaluate.on, tuple(HOLD_OUT))
        check_posix(self.recipe.evaluate)
        asked = (name for name in self.recipe.evaluate.on if name in HOLD_OUT)
        for level in dict.fromkeys(chain.from_iterable(spelled_out(name, self.levels) for name in asked)):
            judged = self.judged(level)
            for task in judged:
                self.formats.judged(task)
            if len(judged):
                num_rows = sum(min(len(task.examples), self.recipe.evaluate.examples_per_task) for task in judged)
                self.say(detectable_line(level, num_rows, len(judged)))
            else:
                self.say(f"note: didact eval will find nothing to ask at level {level}; {HOLD_OUT[level]}")

    @cached_property
    def mixture(self) -> Mixture:
        """How often each seen task is drawn."""
        self._check_drawn()
        sizes = {task.name: len(task.examples) for task in self.seen}
        for report in self.tasks.reports:
            self.say(report.line())
        mixture = Mixture(sizes, self.recipe.mixture, self.recipe.seed)
        check_task_weights([*mixture.part_of], self.recipe.objective)
        for task in self.seen:
            if task.name in mixture.part_of:
                self.formats.trained(task)
        for line in out_of_reach(self.formats, [task for task in self.seen if task.name in mixture.part_of]):
            self.say(line)
        return mixture

    def _check_drawn(self) -> None:
        """Looks whether every part of the mixture has tasks and these have wordings: leaks are searched for later, which takes long.

        Raises:
            RecipeError: A part names no seen task, or none with examples, or a task that has nothing to train on.
            TemplateError: No template fits a task that is drawn, or one of the recipe's own does not.
        """
        if "_settled" in self.__dict__:
            return
        parts = branches({task.name: len(task.examples) for task in self.split.seen}, self.recipe.mixture)
        drawn = {name for part in parts for leaf in part.leaves for name in leaf.counted}
        # Asked once more behind the search: it may leave out the rows that the wordings were looked at with.
        formats = ChosenFormats(self.recipe, self.templates, self.split.holds_out)
        for task in self.split.seen:
            if task.name in drawn:
                check_answers(task)
                formats.trained(task)

    def texts(self) -> Iterator[str]:
        """Yields seen texts as a model would see them, for training a tokenizer: an even sample over the mixture's first epoch."""
        draws = self.mixture.draws(0)
        order = permutation(len(draws), self.recipe.seed, "tokenizer texts")
        for number in islice(order, self.recipe.model.new.tokenizer_texts):
            yield "\n".join(message.content for message in self.render(draws[number], count=False).messages)

    @cached_property
    def _tokeniser(self) -> tuple[Tokeniser, tuple[str, ...]]:
        if self.given is not None:
            return self.given, ()
        # Torch is loaded only when a tokenizer is needed: lists and mixtures come without it.
        from didact.models.bundled import resolved
        from didact.models.load import load_tokeniser

        controls = objective_controls(self.recipe.objective)
        tokeniser, new = load_tokeniser(resolved(self.recipe.model), self.recipe.prompts.chat_format, self.texts, controls)
        if new and self.recipe.model.base != "new":
            self.say(f"control tokens that this base has never seen: {', '.join(new)} (their embeddings begin as the mean of all others)")
        return tokeniser, new

    @property
    def tokeniser(self) -> Tokeniser:
        """The tokenizer in the recipe's chat format."""
        return self._tokeniser[0]

    @property
    def new_controls(self) -> tuple[str, ...]:
        """Control tokens that the base has never seen."""
        return self._tokeniser[1]

    def render(self, draw: Draw, count: bool = True) -> Conversation:
        """Returns a draw as a conversation, in the wording that its identity draws."""
        recipe, task = self.recipe, self._seen_by_name[draw.task]
        example = task.examples[draw.index]
        longest = recipe.sequence.max_length
        said = render(
            task,
            example,
            self.formats.format_of(task, example, draw.epoch),
            seed=recipe.seed,
            epoch=draw.epoch,
            count_tokens=self.tokeniser.count if count else None,
            max_prompt_length=min(recipe.prompts.max_prompt_length, longest),
            max_length=longest,
        )
        return without_prompt(said) if recipe.prompts.empty_prompt else said

    @cached_property
    def _seen_by_name(self) -> dict[str, Task]:
        return {task.name: task for task in self.seen}

    @cached_property
    def stream(self) -> TrainingStream:
        """The optimiser steps."""
        recipe, mixture = self.recipe, self.mixture
        kinds = {task.name: task.kind for task in self.seen if task.name in mixture.part_of}
        check_kinds(kinds, recipe.objective, recipe.sequence.stream)
        sequence = recipe.sequence
        start = partial(_worker, recipe, self.tokeniser, self.leaks, longest_text(sequence, recipe.objective))
        return TrainingStream(
            mixture,
            self.render,
            self.tokeniser,
            sequence,
            recipe.train.batch_tokens,
            recipe.train.epochs,
            WINDOW,
            recipe.objective,
            workers=Workers(sequence.workers, start) if sequence.workers else None,
            cache=self._cache,
        )

    @cached_property
    def _cache(self) -> WindowCache | None:
        """The windows that were made before, where the recipe asks for them and there are enough to be worth it."""
        if not self.recipe.sequence.cache or sum(count for _, count in self.mixture.epochs(self.recipe.train.epochs)) <= WINDOW:
            return None
        parts, problem = window_parts(self.recipe, self.templates, self.tokeniser, self.mixture.fingerprint)
        if problem:
            self.say(f"cache: not used, {problem}")
        return None if problem else WindowCache(parts)

    @cached_property
    def forecast(self) -> Forecast:
        """What will be trained, looked at before it costs.

        Raises:
            DataError: Nothing would be trained on, or some of it in a way that nobody wants.
        """
        train = self.recipe.train
        forecast = self.stream.forecast(Audit(self.tokeniser, self.recipe.objective), train.max_steps)
        if train.max_steps and 0 < forecast.num_steps < train.max_steps:
            enough = math.ceil(train.epochs * train.max_steps / forecast.num_steps)
            self.say(
                f"note: train.epochs={train.epochs:g} ends after {forecast.num_steps:,} of train.max_steps={train.max_steps:,}; "
                f"for all of them: train.epochs={enough}"
            )
        found = self._account(forecast)
        for line in (*forecast.tokens.lines(), *found["lines"], *tables(found)):
            self.say(line)
        for example in problem_examples(forecast.audit, forecast.tokens):
            self.show(example)
        if self.stream.cache is not None:
            self.say(self.stream.cache.line())
        if error := refusal(forecast.audit, forecast.tokens, forecast.num_steps):
            raise error
        return forecast

    @property
    def audit(self) -> dict[str, Any]:
        """What the audit found, as plain data: in all, by task and by source."""
        return self._account(self.forecast)

    def _account(self, forecast: Forecast) -> dict[str, Any]:
        return account(forecast.audit, forecast.tokens, self._source_of, self._untrained, self.recipe.model.adapter)

    @cached_property
    def _untrained(self) -> dict[str, str] | None:
        """Control tokens that the base has rows for and has never learnt, with how that is known; None: it cannot be seen."""
        from didact.models.embedding_files import untrained_in_files

        return None if self.given is not None else untrained_in_files(self.recipe.model, self.tokeniser, self.new_controls)


def _worker(recipe: Recipe, tokeniser: Tokeniser, leaks: LeakReport, text_length: int) -> Make:
    """Returns what words and tokenises draws in a process of its own, where nothing is there but the recipe and the tokeniser."""
    assembly = Assembly(recipe, given=tokeniser)
    seen = assembly.split.seen
    # Which rows leak was found out once, in the process that asks.
    assembly.__dict__["_settled"] = (without_leaks(seen, leaks) if recipe.tasks.leaks.action == "drop" else seen), leaks
    longest = recipe.sequence.max_length, text_length
    return lambda draws, audited: make(draws, assembly.render, tokeniser, *longest, audited)
