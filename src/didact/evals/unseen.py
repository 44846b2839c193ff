"""Predictions on tasks outside the training set, through the same rendering that training goes through."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from didact.base.types import Conversation, Example, Prediction
from didact.data.tokens import Tokeniser
from didact.evals.faults import read_answer
from didact.models.local import Completion, LocalModel
from didact.prompts.chain_of_thought import final_answer
from didact.prompts.formats import Format, settled_format, words_of_choices
from didact.prompts.render import choices_in_words, references, render
from didact.prompts.template import AS_IS, Template
from didact.prompts.variants import Variant
from didact.tasks.judged import group_of
from didact.tasks.metrics import METRICS
from didact.tasks.set_metrics import over_rows
from didact.tasks.task import Task, TaskSet


@dataclass(frozen=True, slots=True)
class Question:
    """One row to be asked."""

    unanswered: Prediction
    """The prediction without its completion."""
    prompt: np.ndarray
    """int32 (T,): the tokens that every model is given."""
    num_cut: int
    """Prompt tokens that did not fit."""
    reasons: bool = False
    """The prompt asks for the reasoning first: what follows the last cue is judged."""
    language: str = ""
    """The task's language."""
    metric: str = ""
    """The task's metric of record."""
    num_bos: int = 0
    """Begin-of-text tokens at the beginning of the prompt: more than one is a slip of the tokenizer's settings."""
    notes: tuple[str, ...] = ()
    """What rendering decided: demonstrations used or left out."""
    ending: str = ""
    """The white space at the end of what is asked: a chat format may move it into the answer."""


def questions(
    tasks: TaskSet,
    level: str,
    template_of: Callable[[Task, Example], Template | Format | None],
    tokeniser: Tokeniser,
    *,
    limit: int,
    max_length: int,
    max_prompt_length: int,
    seed: int,
) -> list[Question]:
    """Returns the rows to ask, the same for every model with this tokeniser.

    Args:
        tasks: Tasks to ask about; plain text has no questions and is left out.
        level: What the tasks are to the training, kept with the rows.
        template_of: The wording or the format of a row.
        tokeniser: The models' tokeniser and chat format.
        limit: The first so many rows of each task, and those that belong together with the last of them.
        max_length: Tokens that a prompt may have; longer ones are cut, and say so.
        max_prompt_length: Length rule of Tk-Instruct templates.
        seed: The recipe's seed.
    """
    return asked_in(
        tasks,
        level,
        lambda task, example: [Variant(_as_format(task, example, template_of(task, example), seed), example)],
        tokeniser,
        limit=limit,
        max_length=max_length,
        max_prompt_length=max_prompt_length,
        seed=seed,
    )


def asked_in(
    tasks: TaskSet,
    level: str,
    wordings: Callable[[Task, Example], Sequence[Variant]],
    tokeniser: Tokeniser,
    *,
    limit: int,
    max_length: int,
    max_prompt_length: int,
    seed: int,
) -> list[Question]:
    """Returns the rows to ask, each in all of its wordings, one behind the other.

    Args:
        tasks: As for `questions`.
        level: As for `questions`.
        wordings: The wordings of a row, the one of record first.
        tokeniser: As for `questions`.
        limit: As for `questions`.
        max_length: As for `questions`.
        max_prompt_length: As for `questions`.
        seed: As for `questions`.
    """
    return [
        _question(task, example, variant, group, level, tokeniser, max_length, max_prompt_length, seed)
        for task in tasks
        if task.kind != "text"
        for example, group in _first(task, limit)
        for variant in wordings(task, example)
    ]


def _question(
    task: Task, row: Example, variant: Variant, group: str, level: str, tokeniser: Tokeniser, most: int, most_in_prompt: int, seed: int
) -> Question:
    """Returns a row in one wording."""
    template, example = variant.format, variant.example
    said = render(task, example, template, seed=seed, count_tokens=tokeniser.count, max_prompt_length=most_in_prompt)
    prompt = tokeniser.prompt(said, most)
    right, choices = references(task, example, template, seed=seed), choices_in_words(task, example, template, seed=seed)
    if template.reasons:  # a wording's own words may hold the rationale: only what follows its cue is compared
        right, choices = tuple(map(final_answer, right)), tuple(map(final_answer, choices))
    unanswered = Prediction(
        task=task.name,
        example=row.id,
        template=said.origin.template,
        prompt=tokeniser.tokenizer.decode(prompt.input_ids.tolist()),
        completion="",
        references=right,
        stop="length",
        num_tokens=0,
        category=task.category,
        level=level,
        choices=choices,
        options=_options(example, template, choices),
        group=group,
        wording=variant.wording,
        held_out=variant.held_out,
        order=variant.order,
    )
    return Question(
        unanswered,
        prompt.input_ids,
        prompt.num_cut,
        template.reasons,
        language=task.languages[0] if task.languages else "",
        metric=task.metric,
        num_bos=_num_bos(prompt.input_ids, tokeniser),
        notes=said.origin.notes,
        ending=_ending(said),
    )


def _ending(said: Conversation) -> str:
    """Returns the last character of what is asked, where it is white space."""
    last = "".join(message.content for message in said.without_response().messages[-1:])[-1:]
    return last if last.isspace() else ""


def _as_format(task: Task, example: Example, template: Template | Format | None, seed: int) -> Format:
    if isinstance(template, Format) or template is None:
        return template or Format(AS_IS)
    return settled_format(task, example, template, seed=seed)


def _num_bos(ids: np.ndarray, tokeniser: Tokeniser) -> int:
    bos = tokeniser.tokenizer.bos_token_id
    return 0 if bos is None else int(np.argmin(np.append(ids, -1) == bos))


def without(asked: Sequence[Question], tokens: Collection[int], tokeniser: Tokeniser) -> list[Question]:
    """Returns questions without some tokens: those that one of the models has never been given.

    Args:
        asked: From `questions`.
        tokens: What to leave out of the prompts.
        tokeniser: The models' tokeniser, for the prompts as text.
    """
    kept = [question.prompt[~np.isin(question.prompt, [*tokens])] for question in asked]
    shown = [tokeniser.tokenizer.decode(prompt.tolist()) for prompt in kept]
    return [
        replace(question, prompt=prompt, unanswered=replace(question.unanswered, prompt=text))
        for question, prompt, text in zip(asked, kept, shown, strict=True)
    ]


def _first(task: Task, limit: int) -> Iterator[tuple[Example, str]]:
    """Yields the first rows of a task with their groups; a group that has begun is asked about as a whole."""
    last = ""
    for index, example in enumerate(task.examples):
        group = group_of(task, example, index)
        if index >= limit and (not group or group != last):
            return
        last = group
        yield example, group


def _options(example: Example, template: Template | Format | None, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the texts of the options in the words of the prompt, where they are not what should be answered."""
    wording = template.template if isinstance(template, Format) else template
    texts = words_of_choices(wording, example) if wording is not None and choices else ()
    return texts if texts != choices else ()


def answer(
    model: LocalModel,
    asked: Sequence[Question],
    metrics: Sequence[str],
    *,
    max_new_tokens: int,
    batch_tokens: int,
    done: Callable[[int], None] = lambda _: None,
    stops: Sequence[str] = (),
) -> list[Prediction]:
    """Returns one model's predictions, scored, in the order of the questions.

    Args:
        model: Answers greedily.
        asked: From `questions`.
        metrics: Names of metrics; every row gets those of rows.
        max_new_tokens: A completion is cut after this many tokens.
        batch_tokens: Most tokens of a generation batch.
        done: Called with the number of rows that a batch has answered.
        stops: Texts at which an answer ends, besides the chat format's own end.
    """
    prompts = [question.prompt for question in asked]
    more: dict[str, Any] = {"stops": stops} if stops else {}
    completions = model.generate(prompts, max_new_tokens=max_new_tokens, batch_tokens=batch_tokens, done=done, **more)
    return [judged_row(question, completion, metrics) for question, completion in zip(asked, completions, strict=True)]


def judged_row(question: Question, completion: Completion, metrics: Sequence[str]) -> Prediction:
    """Returns a question with what a model wrote, scored by the metrics of rows among these; what went wrong is told beside it."""
    row, said = question.unanswered, final_answer(completion.text) if question.reasons else completion.text
    scores = {name: METRICS[name](said, row.references) for name in over_rows(metrics)}
    stop: Literal["stop", "length"] = "length" if completion.stop == "length" else "stop"
    row = replace(row, completion=completion.text, stop=stop, num_tokens=len(completion.ids), scores=scores)
    row = replace(row, answer=said) if question.reasons else row
    return read_answer(row, (question.metric,), num_cut=question.num_cut, language=question.language)
