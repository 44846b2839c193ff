"""The recipe's `prompts`: how examples are worded, with how many demonstrations, and how often they reason or are turned around."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from didact.base.config import Section
from didact.base.objective_sections import Share

Count = Annotated[int, Field(ge=1)]
NumShots = Annotated[int, Field(ge=0, le=100)]


class PromptsSection(Section):
    """How examples are worded."""

    templates: str | tuple[str, ...] = "all"
    """Template names or globs; `all`: every template that fits the task. One is drawn for each example and epoch."""
    files: tuple[str, ...] = ()
    """YAML files with templates of your own, or files of promptsource as they are."""
    chat_format: str = "chatml"
    """How turns are written: see `didact ls formats`. `model`: the tokenizer's own chat template."""
    max_prompt_length: Count = 1024
    """Tokens of a prompt with demonstrations: of the Tk-Instruct templates, they are added while it has at most this many; of
    `shots`, the first ones are left out until it has."""
    shots: dict[NumShots, Share] = Field(default={0: 1.0})
    """Number of demonstrations to the share of the rows that have so many, for example {0: 0.5, 2: 0.5}. They come from the task's
    own examples and are never the row itself. Conversations and the Tk-Instruct templates have their own."""
    cot: Share | None = None
    """Share of the rows that reason before they answer; only rows that have a rationale can. null: the templates of style cot are
    drawn as often as any other."""
    inverted: Share | None = None
    """Share of the rows that are turned around, for tasks that have inverted templates. null: those that `templates` names are drawn
    as often as any other."""
    options_style: str | None = None
    """One way to itemise options, such as (A) or 1. or -, in place of one drawn for each row."""
    instructions: Literal["full", "task_name", "none"] = "full"
    """full: templates word the examples; task_name: the task's name and the fields, nothing else; none: the fields alone. The last
    two are baselines that show what instructions bring."""
    empty_prompt: bool = False
    """True: in training, system and user turns are empty, so that only responses are learnt (response tuning, arXiv 2409.14254); what
    is asked of a tuned model is worded as ever."""

    @model_validator(mode="after")
    def _shares_add_up(self) -> "PromptsSection":
        total = sum(self.shots.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares in shots sum to {total:g}, and should to 1")
        total = (self.cot or 0) + (self.inverted or 0)
        if total > 1:
            raise ValueError(f"cot and inverted are shares of the same rows, and sum to {total:g}")
        if self.instructions != "full" and total > 0:
            raise ValueError(f"instructions ({self.instructions}) leave no words to ask for cot or inverted rows: set both to null")
        return self
