"""Predictions on tasks outside the training set, through the same rendering that training goes through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from didact.base.types import Example, Prediction
from didact.data.tokens import Tokeniser
from didact.models.local import LocalModel
from didact.prompts.render import references, render
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


def questions(
    tasks: TaskSet,
    level: str,
    template_of: Callable[[Task, Example], Template | None],
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
        template_of: The wording of a row.
        tokeniser: The models' tokeniser and chat format.
        limit: The first so many rows of each task, less those of a group that this cuts in two.
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
            unanswered = Prediction(
                task=task.name,
                example=example.id,
                template=said.origin.template,
                prompt=tokeniser.tokenizer.decode(prompt.input_ids.tolist()),
                completion="",
                references=references(task, example, template),
                stop="length",
                num_tokens=0,
                category=task.category,
                level=level,
                choices=example.choices,
                group=group,
            )
            asked.append(Question(unanswered, prompt.input_ids, prompt.num_cut))
    return asked


def _first(task: Task, limit: int) -> list[tuple[Example, str]]:
    """Returns the first rows of a task with their groups; a group that the limit cuts in two is left out."""
    rows = [(example, group_of(task, example, index)) for index, example in enumerate(task.examples[: limit + 1])]
    if len(rows) <= limit:
        return rows
    cut = rows[-1][1]
    whole = [row for row in rows[:limit] if not cut or row[1] != cut]
    return whole or rows[:limit]


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
    return [
        replace(
            question.unanswered,
            completion=completion.text,
            stop=completion.stop,
            num_tokens=len(completion.ids),
            scores={name: judge(completion.text, question.unanswered.references) for name, judge in judges.items()},
        )
        for question, completion in zip(asked, completions, strict=True)
    ]
