"""The recipe's `mixture`: how often each task is drawn, as a tree of parts."""

from typing import Annotated

from pydantic import Field, model_validator

from didact.base.config import Section
from didact.base.objective_sections import Positive

Count = Annotated[int, Field(ge=1)]
Temperature = Annotated[float, Field(ge=1)]


class Part(Section):
    """A part of the mixture: tasks by name (`tasks`), or a mixture in itself (`parts`)."""

    tasks: Annotated[str, Field(min_length=1)] | None = None
    """Task name or glob over the seen tasks, for example `superni/*`; or say `parts`."""
    parts: tuple["Part", ...] = ()
    """Parts of this part, in place of `tasks`: their rates share out what this part has, and they may hold parts in turn."""
    name: str = ""
    """What the tree calls this part; empty: its glob."""
    rate: Positive | None = None
    """Share of the draws, relative to the parts beside it; null in all of them: by the examples (after cap and temperature) of their
    tasks."""
    cap: Count | None = None
    """A task counts as at most this many examples here; null: as the part around it says, or `mixture.cap`."""
    temperature: Temperature | None = None
    """1: proportional; larger: flatter; null: as the part around it says, or `mixture.temperature`."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Part":
        if (self.tasks is None) == (not self.parts):
            raise ValueError("a part has either `tasks` or `parts`, such as {tasks: superni/*, rate: 4}")
        return self


class MixtureSection(Section):
    """How often each task is drawn. Within a part: min(examples, cap), then the temperature, as seqio and T5 have it."""

    parts: tuple[Part, ...] = (Part(tasks="*"),)
    """Parts; in one list, a task belongs to the first `tasks` that names it. A part with `parts` names its tasks for itself, and a
    task that is named in several of these has the sum of its shares."""
    cap: Count | None = None
    """A task counts as at most this many examples; null: no cap."""
    temperature: Temperature = 1.0
    """1: proportional; larger: flatter. Applied after the cap."""
    max_repeats: Count | None = None
    """No example is trained on more often than this in the whole run; null: no limit."""
    epoch_size: Count | None = None
    """Draws in one epoch; null: the sum of min(examples, cap) over the tasks."""
