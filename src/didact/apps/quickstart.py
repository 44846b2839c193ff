"""Quickstart: a bundled base fails to answer, is tuned in front of one's eyes, and answers what it was never tuned on."""

import sys
import time
from pathlib import Path
from typing import Any

from didact.apps import views
from didact.apps.console import asking_bar, put, say, training_bar
from didact.base.errors import PrerequisiteError
from didact.base.recipe import Recipe
from didact.base.types import Conversation, Message, Origin
from didact.models.bundled import BASES, resolved
from didact.run import Run

QUESTIONS = (
    "What is the national flower of India?",
    "What is the opposite of hot?",
    "Write the national animal of Sweden in brackets.",
    "What is the capital of Peru?",
)
"""Nothing of this kind, of this family, in this combination, about this country: each is unseen at a level of its own."""
METRIC = "accuracy"
"""Equal but for white space around it: in a world of brackets, dashes and capital letters every character counts."""
_SHOWN_TOKENS = 32
"""Tokens of an answer that is only looked at: a base would go on for ever."""


def recipe_file(seq2seq: bool = False) -> Path:
    """Returns the bundled recipe: of the decoder, or of the encoder-decoder."""
    return BASES / ("quickstart_seq2seq.yaml" if seq2seq else "quickstart.yaml")


def quickstart(recipe: Recipe, run: Run, *, resume: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Goes the whole path with a recipe and returns what came of it; the story is told on the way.

    Args:
        recipe: A base that is there before training, tasks with levels.
        run: The run's folder, from `create_run` or `unfinished_run`.
        resume: Continue from the run's newest checkpoint.
        quiet: Put no results on stdout as they come; the story goes to stderr all the same.

    Returns:
        `base` and `tuned`: level to `em`, `low` and `high` (points); `seconds`, `run`, and `questions` with both answers.

    Raises:
        DidactError: As `train` and `evaluate`.
    """
    from didact.jobs import evaluate, load_tuned, load_untuned, train

    started = time.monotonic()
    resolved(recipe.model)  # A base that is not there is told before the story begins.
    say(
        f"Here is a language model that knows a small world and was never taught to answer. It is tuned on instructions, on this "
        f"machine and offline, and then asked what it was never tuned on.\nrun: {run.folder}\n"
    )
    say(f"1. The base, {recipe.model.base}, is given a question and writes on:")
    before = continuations(load_untuned(run, recipe), recipe)
    for question, text in zip(QUESTIONS, before, strict=True):
        say(f"   {question}  →  {views.one_line(text) or '(nothing)'}")

    say("\n2. It is tuned on other questions, in other words:")
    with training_bar() as hear:
        train(recipe, run, resume=resume, say=lambda line: say(f"   {line}"), on_step=hear)

    say("\n3. The same questions, before and after:")
    after = answers(load_tuned(run), recipe)
    questions = [
        {"question": question, "base": base.strip(), "tuned": tuned.strip()}
        for question, base, tuned in zip(QUESTIONS, before, after, strict=True)
    ]
    if not quiet:
        _put_answers(questions)

    say("\n4. Both models answer questions that are unseen in five ways, each worded alike for both:")
    with asking_bar() as told:
        levels = evaluate(run, say=lambda line: say(f"   {line}"), on_rows=told)["levels"]
    scores = {model: {level: _score(table, model) for level, table in levels.items()} for model in ("base", "tuned")}
    if not quiet:
        put(views.level_table(scores))

    _report(run)
    say(
        f'\nnext: didact chat {run.name} "What is the national flower of Japan?"\n'
        f"      didact report {run.name} --open\n"
        f"      didact train {run.folder / 'recipe.yaml'} train.learning_rate=3e-4"
    )
    return {**scores, "seconds": round(time.monotonic() - started, 1), "run": run.name, "questions": questions}


def _put_answers(questions: list[dict[str, str]]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(views.side_by_side_columns(questions))
    else:
        put(views.side_by_side(questions))


def continuations(loaded: Any, recipe: Recipe) -> list[str]:
    """Returns how a base model goes on behind each bare question: it is given the text and nothing else."""
    return _written(loaded, recipe, [Conversation((Message("text", question),), _origin(question)) for question in QUESTIONS])


def answers(loaded: Any, recipe: Recipe) -> list[str]:
    """Returns what a tuned model answers to each question in its chat format."""
    return _written(loaded, recipe, [Conversation((Message("user", question),), _origin(question)) for question in QUESTIONS])


def _written(loaded: Any, recipe: Recipe, said: list[Conversation]) -> list[str]:
    from didact.jobs import local_model

    most = min(_SHOWN_TOKENS, recipe.evaluate.max_new_tokens)
    room = recipe.sequence.max_length - most
    prompts = [loaded.tokeniser.prompt(conversation, room).input_ids for conversation in said]
    return [completion.text for completion in local_model(loaded, recipe).generate(prompts, max_new_tokens=most)]


def _origin(question: str) -> Origin:
    return Origin("quickstart", question)


def _score(table: dict[str, Any], model: str) -> dict[str, float]:
    found = table["overall"][METRIC][model]
    return {"em": found["value"], "low": found["low"], "high": found["high"]}


def _report(run: Run) -> None:
    from didact.studies.report import write_report

    try:
        say(f"\n5. The report: {write_report(run.folder)}")
    except PrerequisiteError as error:
        say(f"\n5. No report: {error.what}; {error.remedy}")
