"""What made worlds share: settings read from the recipe, strings that are never trained on, and letters apart."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from didact.base.chance import seed_of
from didact.base.config import Document, Section, validate
from didact.base.errors import RecipeError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.task import LazyExamples, Task

NUM_TRIES = 1000
"""Draws for one string or pattern, before there is taken to be no further one."""
UNSEEN_SHARE = 5
"""One in so many strings or instances is never trained on."""

STRINGS = "made world unseen"
"""The purpose that draws which strings are never trained on."""

S = TypeVar("S", bound=Section)


def settings_of(source: Source, schema: type[S]) -> S:
    """Returns the settings of a source, defaults filled in.

    Raises:
        RecipeError: A setting is unknown or wrong; all problems at once, and the names of the known ones.
    """
    try:
        return validate(Document(dict(source.settings)), schema)
    except RecipeError as error:
        what = error.what.replace("in the recipe", f"in the settings of source '{source.name}'")
        expected = f"settings of reader {source.reader}: {', '.join(schema.model_fields)}"
        raise RecipeError(what, expected=expected, remedy=f"put right the key `settings` of source '{source.name}'") from None


def exhausted(what: str, remedy: str) -> RecipeError:
    """Returns the error for a world that is too small for what its settings ask."""
    return RecipeError(f"no further {what} after {NUM_TRIES:,} draws", expected="a world with room for as many", remedy=remedy)


def share_of(seed: int, purpose: str, *identity: str) -> str:
    """Says which share something belongs to, from its identity alone: `seen`, or the `even` or `odd` half of what is never trained on."""
    number = seed_of(seed, purpose, *identity)
    return "seen" if number % UNSEEN_SHARE else ("even", "odd")[number // UNSEEN_SHARE % 2]


def apart(text: str) -> str:
    """Returns letters with blanks between them, so that any tokenizer sees letters.

    >>> apart("abc")
    'a b c'
    """
    return " ".join(text)


def made_task(source: Source, level: str, definition: str, make: Callable[[], Sequence[Example]]) -> Task:
    """Returns a task of a made world; its examples are made when they are first asked for."""
    return Task(
        name=f"{source.name}/{level}" if level else source.name,
        examples=LazyExamples(partial(_first, make, source.limit)),
        kind=source.reader,
        definition=source.definition or definition,
        categories=(source.category or source.reader,),
        datasets=(source.dataset or source.reader,),
        licence="CC0-1.0",
        metric="exact_match",
        level=level,
    )


def _first(make: Callable[[], Sequence[Example]], limit: int | None) -> list[Example]:
    return list(islice(make(), limit))
