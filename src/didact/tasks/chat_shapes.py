"""Conversations in shapes of their own: turns as bare texts, turns with tags in one text, a prompt with several ranked answers."""

import math
import re
from collections.abc import Mapping
from typing import Any

from didact.base.config import Section
from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.types import Example, Message
from didact.tasks.atlas.made import settings_of
from didact.tasks.conversations import checked_messages
from didact.tasks.readers import row_tasks, text_of
from didact.tasks.task import Task


class Tags(Section):
    """Settings of reader `tagged`: what stands before a turn."""

    human: str = "Human:"
    assistant: str = "Assistant:"


class Ranked(Section):
    """Settings of reader `best_answer`: the keys of one answer; `tags` are those of a prompt that is a conversation itself."""

    answer: str = "answer"
    """The key of its text."""
    rank: str = ""
    """The key of its rank; the lowest is the best."""
    score: str = ""
    """The key of its score; the highest is the best."""
    human: str = ""
    """What stands before the human turns of a prompt that is several turns; empty: the prompt is one turn."""
    assistant: str = ""
    """The same, for the assistant's."""


def turns(source: Source) -> list[Task]:
    """Returns one task of rows with `turns`: texts that take turns, the human's first, or objects with `input` and `output`."""
    return row_tasks(source, "messages", lambda row, _: turns_example(row), "rows with turns that end with the assistant's")


def tagged(source: Source) -> list[Task]:
    """Returns one task of rows with `text`: a whole conversation, each turn behind a tag (settings `human` and `assistant`)."""
    tags = settings_of(source, Tags)
    if not tags.human or not tags.assistant:
        raise DataError("a tag is empty", expected="settings: {human: ..., assistant: ...}", remedy="put the source's `settings` right")
    expected = f"texts with turns behind '{tags.human}' and '{tags.assistant}'"
    return row_tasks(source, "messages", lambda row, _: Example("", messages=_from_text(row, "text", tags)), expected)


def best_answer(source: Source) -> list[Task]:
    """Returns one task of rows with `prompt` and `answers`, of which the best is trained on (settings `answer`, `rank` or `score`)."""
    keys = settings_of(source, Ranked)
    if bool(keys.rank) == bool(keys.score):
        expected = "settings: {answer: KEY, rank: KEY} or {answer: KEY, score: KEY}"
        raise DataError("either rank or score says which answer is best", expected=expected, remedy="put the source's `settings` right")
    return row_tasks(source, "messages", lambda row, _: _best_example(row, keys), "rows with prompt and a list of ranked answers")


def turns_example(row: Mapping[str, Any]) -> Example:
    """Returns a row of bare turns as an Example.

    Raises:
        DataError: There are none, one is no text, or they break a rule of `checked_messages`.

    >>> [m.role for m in turns_example({"turns": ["Hi?", "Hello.", "2+2?", "4"]}).messages]
    ['user', 'assistant', 'user', 'assistant']
    >>> [m.content for m in turns_example({"turns": [{"input": "Hi?", "output": "Hello."}]}).messages]
    ['Hi?', 'Hello.']
    """
    listed = row.get("turns")
    if not isinstance(listed, list):
        raise DataError("no turns" if listed is None else "turns is not a list")
    texts: list[Any] = []
    for turn in listed:
        texts += [turn.get("input"), turn.get("output")] if isinstance(turn, Mapping) else [turn]
    if not all(isinstance(text, str) for text in texts):
        raise DataError("turn is not text")
    return Example("", messages=checked_messages([Message("assistant" if n % 2 else "user", text) for n, text in enumerate(texts)]))


def tagged_turns(text: str, human: str, assistant: str) -> list[Message]:
    r"""Returns the turns of a text; what stands before the first tag is the system's, an empty human turn at the end is no turn.

    >>> [(m.role, m.content) for m in tagged_turns("Be kind.\n[H] Hi?\n[A] Hello.\n[H] ", "[H]", "[A]")]
    [('system', 'Be kind.'), ('user', 'Hi?'), ('assistant', 'Hello.')]
    """
    before, *pieces = re.split(f"({re.escape(human)}|{re.escape(assistant)})", text)
    found = [Message("system", before.strip())] if before.strip() else []
    for tag, said in zip(pieces[::2], pieces[1::2], strict=True):
        found.append(Message("user" if tag == human else "assistant", said.strip()))
    return found[:-1] if found and found[-1].role == "user" and not found[-1].content else found


def _from_text(row: Mapping[str, Any], column: str, tags: Tags) -> tuple[Message, ...]:
    return checked_messages(tagged_turns(text_of(row, column), tags.human, tags.assistant))


def _best_example(row: Mapping[str, Any], keys: Ranked) -> Example:
    prompt, answers = text_of(row, "prompt"), row.get("answers")
    if not prompt.strip():
        raise DataError("empty prompt" if "prompt" in row else "missing prompt")
    if not isinstance(answers, list) or not all(isinstance(answer, Mapping) for answer in answers):
        raise DataError("missing answers" if answers is None else "answers is not a list of objects")
    told = [answer for answer in answers if str(answer.get(keys.answer) or "").strip()]
    if not told:
        raise DataError(f"no answer with a text under '{keys.answer}'")
    best = min(told, key=lambda answer: _badness(answer, keys))
    if math.isinf(_badness(best, keys)):
        raise DataError(f"no answer with a number under '{keys.rank or keys.score}'")
    before = [Message("user", prompt)]
    if keys.human:
        # What was said before is context: only the best answer was ranked.
        said = tagged_turns(prompt, keys.human, keys.assistant)
        said = said[:-1] if said[-1].role == "assistant" and not said[-1].content else said
        before = [Message(m.role, m.content, train=m.role != "assistant") for m in said]
    return Example("", messages=checked_messages([*before, Message("assistant", text_of(best, keys.answer))]))


def _badness(answer: Mapping[str, Any], keys: Ranked) -> float:
    """Returns a number that is lowest for the best answer; infinity for one that is not ranked. Ties go to the first."""
    value = answer.get(keys.rank or keys.score)
    try:
        number = float(value) if isinstance(value, int | float | str) else math.inf
    except ValueError:
        number = math.inf
    if not math.isfinite(number):
        return math.inf
    return number if keys.rank else -number
