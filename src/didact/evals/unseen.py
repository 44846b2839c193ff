"""Predictions on tasks outside the training set, through the same rendering that training goes through."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from didact.base.types import Example, Prediction
from didact.data.tokens import Tokeniser
from didact.models.local import LocalModel
from didact.prompts.chain_of_thought import final_answer
from didact.prompts.formats import Format, words_of_choices
from didact.prompts.render import choices_in_words, references, render
from didact.prompts.template import Template
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
    asked = []
    for task in tasks:
        for example, group in _first(task, limit) if task.kind != "text" else ():
            template = template_of(task, example)
            said = render(task, example, template, seed=seed, count_tokens=tokeniser.count, max_prompt_length=max_prompt_length)
            prompt = tokeniser.prompt(said, max_length)
            reasons = isinstance(template, Format) and template.reasons
            right, choices = references(task, example, template, seed=seed), choices_in_words(task, example, template, seed=seed)
            if reasons:  # a wording's own words may hold the rationale: only what follows its cue is compared
                right, choices = tuple(map(final_answer, right)), tuple(map(final_answer, choices))
            unanswered = Prediction(
                task=task.name,
                example=example.id,
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
            )
            asked.append(Question(unanswered, prompt.input_ids, prompt.num_cut, reasons))
    return asked


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
) -> list[Prediction]:
    """Returns one model's predictions, scored, in the order of the questions.

    Args:
        model: Answers greedily.
        asked: From `questions`.
        metrics: Names of metrics; every row gets those of rows.
        max_new_tokens: A completion is cut after this many tokens.
        batch_tokens: Most tokens of a generation batch.
        done: Called with the number of rows that a batch has answered.
    """
    judges = {name: METRICS[name] for name in over_rows(metrics)}
    prompts = [question.prompt for question in asked]
    completions = model.generate(prompts, max_new_tokens=max_new_tokens, batch_tokens=batch_tokens, done=done)
    answered = []
    for question, completion in zip(asked, completions, strict=True):
        row, answer = question.unanswered, final_answer(completion.text) if question.reasons else completion.text
        scores = {name: judge(answer, row.references) for name, judge in judges.items()}
        row = replace(row, completion=completion.text, stop=completion.stop, num_tokens=len(completion.ids), scores=scores)
        answered.append(replace(row, answer=answer) if question.reasons else row)
    return answered
