"""What a synthesis method is given: how much to make, from what, and its own settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from didact.base.config import Section, validate
from didact.base.errors import RecipeError
from didact.base.strict_yaml import Document, Location
from didact.synth.outcome import Row

if TYPE_CHECKING:
    from didact.synth.seeds import SeedTask

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Job:
    """One piece of work for a method."""

    seed: int = 0
    """Everything that is drawn by chance is drawn from it, by identity."""
    num_rows: int = 100
    """Rows that are wanted."""
    strict: bool = False
    """The original's constants and rules, its known slips too."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The method's own, as the recipe has them: read by `settings_of`."""
    seeds: "Sequence[SeedTask]" = ()
    """Tasks written by people."""
    examples: Sequence[Row] = ()
    """Rows of a source, for methods that change or answer what is there."""
    lines: Mapping[Location, str] = field(default_factory=dict)
    """Where each setting was written, file and line, for messages."""


def settings_of(job: Job, schema: type[S]) -> S:
    """Returns the method's own settings, checked.

    Args:
        job: What the method is given.
        schema: The method's settings: a Section with a meaning under each field.

    Raises:
        RecipeError: Settings that are unknown or wrong, all at once.

    >>> class EchoSettings(Section):
    ...     num_times: int = 2
    >>> settings_of(Job(settings={"num_times": 3}), EchoSettings).num_times
    3
    """
    try:
        return validate(Document(dict(job.settings), dict(job.lines)), schema)
    except RecipeError as error:
        error.remedy = "put `settings` right and run the same command"
        raise
