"""Asking: the questions of one level or one benchmark, the same for base and tuned, each in the wordings that are wanted."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from didact.base.files import fingerprint
from didact.base.recipe import Recipe
from didact.base.types import Example
from didact.data.tokens import Tokeniser
from didact.evals.gather import Gathered
from didact.evals.protocols import TEMPLATES, Protocol
from didact.evals.suites import own_metrics
from didact.evals.unseen import Question, asked_in
from didact.prompts.chosen import ChosenFormats
from didact.prompts.few_shot import LAYOUTS, same_text
from didact.prompts.formats import Format
from didact.prompts.template import AS_IS, TemplateSet
from didact.prompts.variants import Variant, variants
from didact.tasks.ifeval.checks import CHECKED
from didact.tasks.set_metrics import over_rows, over_tasks
from didact.tasks.task import Task, TaskSet

SHARE_OF_ANSWER = 2
"""Of a model's length, at most one part in so many is kept free for the answer: the question needs the rest."""

MARGIN = 8
"""Tokens kept free where a choice stands behind a prompt: a wording may say a little more, a format may part words otherwise."""


@dataclass(frozen=True)
class AskedSet:
    """The questions of one level or benchmark."""

    name: str
    tasks: TaskSet
    written: tuple[Question, ...]
    """Those that are answered in writing."""
    ranked: tuple[Question, ...]
    """Those whose likeliest choice is taken."""
    metrics: tuple[str, ...]
    """Of rows and of whole tasks."""
    max_new_tokens: int
    norm: str = "sum"
    stops: tuple[str, ...] = ()
    gathered: Gathered | None = None
    """Where a benchmark's rows come from; None for a level."""

    @property
    def ranks_first(self) -> bool:
        """Whether the likeliest choice is the score of record."""
        return bool(self.ranked) and self.gathered is not None and self.gathered.protocol.asked[0] == "rank"

    def rows(self) -> int:
        """Returns how many answers a model will give."""
        return len(self.written) + len(self.ranked)


@dataclass(frozen=True)
class Room:
    """Tokens that a model can see at once."""

    length: int
    """Prompt and answer together."""

    def answer(self, wanted: int) -> int:
        """Returns how many tokens an answer may have.

        >>> Room(256).answer(512), Room(1024).answer(32)
        (128, 32)
        """
        return min(wanted, self.length // SHARE_OF_ANSWER)


def level_set(
    tasks: TaskSet,
    level: str,
    recipe: Recipe,
    formats: ChosenFormats,
    pool_of: Callable[[Task], Sequence[Example]],
    tokeniser: Tokeniser,
) -> AskedSet:
    """Returns the questions of a level, worded as the recipe words them.

    Args:
        tasks: The level's tasks.
        level: Its name.
        recipe: The run's, with what the user asks for instead.
        formats: The recipe's.
        pool_of: The rows of a task that may be shown as demonstrations.
        tokeniser: The models'.
    """
    section = recipe.evaluate
    room = recipe.sequence.max_length - section.max_new_tokens

    def worded(task: Task, example: Example) -> Sequence[Variant]:
        return with_record(task, example, formats, recipe, pool_of(task) if section.shots else ())

    asked = asked_in(
        tasks,
        level,
        worded,
        tokeniser,
        limit=section.examples_per_task,
        max_length=room,
        max_prompt_length=min(recipe.prompts.max_prompt_length, room),
        seed=recipe.seed,
    )
    ranks = _ranks(tokeniser, recipe.sequence.max_length)
    ranked = tuple(question for question in asked if ranks(question)) if section.rank else ()
    metrics = section.metrics if any(task.kind != CHECKED for task in tasks) else over_tasks(section.metrics)
    return AskedSet(level, tasks, tuple(asked), ranked, tuple(metrics), section.max_new_tokens)


def benchmark_set(
    gathered: Gathered, recipe: Recipe, tokeniser: Tokeniser, room: Room, trained_kinds: frozenset[str], shots: int | None = None
) -> AskedSet:
    """Returns the questions of a benchmark, asked as its protocol says.

    Args:
        gathered: Its tasks and demonstrations.
        recipe: The run's, with what the user asks for instead.
        tokeniser: The models'.
        room: Tokens that the models can see at once.
        trained_kinds: Kinds of tasks that were trained on: wordings of others were never trained with.
        shots: Demonstrations; None: as many as the protocol has.
    """
    protocol = gathered.protocol
    settled = _as_asked(recipe, protocol)
    kinds = {task.kind for task in gathered.tasks}
    bundled = (one for one in TemplateSet.load((), kinds) if one is not AS_IS)
    formats = ChosenFormats(settled, TemplateSet([*bundled, *TEMPLATES]))
    number = protocol.shots if shots is None else shots

    def worded(task: Task, example: Example) -> Sequence[Variant]:
        shown = gathered.shown.get(task.name, ())
        found = with_record(task, example, formats, settled, ())
        held_out = task.kind not in trained_kinds
        return [
            replace(one, format=shown_before(one.format, one.example, shown, number), held_out=held_out or one.held_out) for one in found
        ]

    ranks = _ranks(tokeniser, room.length)
    longest = _longest_choice(gathered.tasks, settled.evaluate.examples_per_task, tokeniser) if "rank" in protocol.asked else 0
    max_new_tokens = room.answer(protocol.max_new_tokens)
    most = room.length - max(max_new_tokens, room.answer(longest))
    asked = asked_in(
        gathered.tasks,
        protocol.name,
        worded,
        tokeniser,
        limit=settled.evaluate.examples_per_task,
        max_length=most,
        max_prompt_length=most - max(tokeniser.count(task.definition) for task in gathered.tasks) - MARGIN,  # a system message has no place
        seed=settled.seed,
    )
    can = tuple(question for question in asked if ranks(question)) if "rank" in protocol.asked or settled.evaluate.rank else ()
    # Rows that cannot be ranked are answered in writing: of a benchmark that is ranked, those few would be left out in silence.
    written = tuple(asked) if "generate" in protocol.asked else tuple(question for question in asked if not ranks(question))
    own = [metric for task in gathered.tasks for metric in over_rows(own_metrics(task))]
    # Instructions that a program checks are no answers to compare with.
    compared = ("exact_match",) if any(task.kind != CHECKED for task in gathered.tasks) else ()
    metrics = tuple(dict.fromkeys((*over_rows(own), *protocol.metrics, *compared)))
    return AskedSet(protocol.name, gathered.tasks, written, can, metrics, max_new_tokens, protocol.norm, protocol.stops, gathered)


def with_record(task: Task, example: Example, formats: ChosenFormats, recipe: Recipe, pool: Sequence[Example]) -> list[Variant]:
    """Returns a row in the wordings that are wanted, the one of record always first: scores are those of the first."""
    section, seed = recipe.evaluate, recipe.seed
    found = variants(task, example, formats, section.templates, section.orders, section.styles, seed, pool)
    record = formats.format_of_record(task, example, pool)
    if found and found[0].format.template.name == record.template.name and not found[0].wording:
        return found
    return [*variants(task, example, formats, "record", 0, 0, seed, pool), *found]


def shown_before(form: Format, example: Example, shown: Sequence[Example], number: int) -> Format:
    """Returns a format with these demonstrations, in their order; one that is the row itself, or does not fit, is passed over.

    >>> from didact.prompts.template import Template
    >>> shot, row = Example("1", {"q": "1 + 1?"}, ("2",)), Example("2", {"q": "1 + 2?"}, ("3",))
    >>> form = shown_before(Format(Template("my/x", ("rows",), "{{ q }}")), row, (row, shot), 1)
    >>> [given.id for given, _ in form.shots], form.num_shots
    (['1'], 1)
    """
    if not number or not shown or form.template.tk_instruct is not None:
        return form
    itself = same_text(example)
    usable = [one for one in shown if same_text(one) != itself and (one.rationale or not form.reasons) and _fits(form, one)]
    return replace(form, shots=tuple((one, form.template) for one in usable[:number]), num_shots=number, layout=LAYOUTS[0])


def described(asked: AskedSet, standing: Mapping[str, str]) -> dict[str, Any]:
    """Returns what is known of a set without its answers, as plain data: enough to count its scores again.

    Args:
        asked: The set.
        standing: Task to what it is to the training: see three_levels.
    """
    gathered, questions = asked.gathered, asked.written or asked.ranked
    by_task: dict[str, list[Question]] = {task.name: [] for task in asked.tasks}
    for question in (*asked.written, *asked.ranked):
        by_task[question.unanswered.task].append(question)
    return {
        "name": asked.name,
        "protocol": _plain(gathered.protocol) if gathered else None,
        "metrics": list(asked.metrics),
        "max_new_tokens": asked.max_new_tokens,
        "norm": asked.norm,
        "ranks_first": asked.ranks_first,
        "absent": dict(gathered.absent) if gathered else {},
        "num_prompts": len(questions),
        "num_prompts_cut": sum(question.num_cut > 0 for question in questions),
        "num_tokens_cut": sum(question.num_cut for question in questions),
        "num_short_of_shots": sum(map(short_of_shots, questions)),
        "num_bos": sorted({question.num_bos for question in (*asked.written, *asked.ranked)}),
        "tasks": {task.name: _task(task, by_task[task.name], gathered, standing.get(task.name, "")) for task in asked.tasks},
    }


def short_of_shots(question: Question) -> bool:
    """Says whether some of a question's demonstrations were left out for want of room."""
    return any(re.match(r"\d+ of \d+ shots? fit", note) for note in question.notes)


def _task(task: Task, asked: Sequence[Question], gathered: Gathered | None, standing: str) -> dict[str, Any]:
    rows = [question.unanswered for question in asked]
    texts = sorted("\0".join((row.example, row.template, row.wording, row.prompt, *row.references)) for row in rows)
    return {
        "kind": task.kind,
        "category": task.category,
        "language": task.languages[0] if task.languages else "",
        "metric": task.metric,
        "metrics": list(own_metrics(task)),
        "standing": standing,
        "num_rows": len({row.example for row in rows}),
        "fingerprint": fingerprint(*texts),
        "place": gathered.places.get(task.name, "") if gathered else "the run's recipe",
        "shown": [example.id for example in gathered.shown.get(task.name, ())] if gathered else [],
        "shown_from": gathered.shown_from.get(task.name, "") if gathered else "",
        "template": rows[0].template if rows else "",
        "notes": list(asked[0].notes) if asked else [],
    }


def _plain(protocol: Protocol) -> dict[str, Any]:
    return {name: getattr(protocol, name) for name in protocol.__dataclass_fields__}


def _as_asked(recipe: Recipe, protocol: Protocol) -> Recipe:
    """Returns the recipe as a protocol needs it: any wording that fits, its own one of record, demonstrations given apart."""
    evaluate = recipe.evaluate.model_copy(update={"template": protocol.template or None, "shots": 0, "cot": protocol.cot})
    prompts = recipe.prompts.model_copy(update={"templates": "all", "instructions": "full"})
    return recipe.model_copy(update={"evaluate": evaluate, "prompts": prompts})


def _ranks(tokeniser: Tokeniser, length: int) -> Callable[[Question], bool]:
    """Returns what says whether a question's choices can be ranked: there are some, and each fits behind the prompt."""

    def ranks(question: Question) -> bool:
        row = question.unanswered
        if len(row.choices) < 2 or question.reasons or not all(choice.strip() for choice in row.choices):
            return False
        return len(question.prompt) + max(map(tokeniser.count, row.choices)) + MARGIN <= length

    return ranks


def _longest_choice(tasks: TaskSet, limit: int, tokeniser: Tokeniser) -> int:
    """Returns the tokens of the longest choice among the rows that are asked about, with a margin for words of a wording."""
    texts = {choice for task in tasks for example in task.examples[:limit] for choice in example.choices}
    return max(map(tokeniser.count, texts), default=0) + 2 * MARGIN


def _fits(form: Format, shot: Example) -> bool:
    return form.options is None or (bool(shot.choices) and form.options.style.fits(shot.choices))
