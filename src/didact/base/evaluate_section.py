"""The recipe's `evaluate`: what base and tuned model are asked, in which words, and by what they are judged."""

from typing import Annotated, Literal

from pydantic import Field

from didact.base.config import Section
from didact.base.objective_sections import Count
from didact.base.prompts_section import NumShots

Text = Annotated[str, Field(min_length=1)]


class EvaluateSection(Section):
    """How base and tuned model are judged."""

    on: tuple[Text, ...] = ("unseen",)
    """Levels and benchmarks. unseen: tasks outside the training set; held_in: unseen rows of trained tasks; validation: tasks to choose
    by, as `tasks.hold_out.validation` keeps them; unseen_instances, unseen_templates, unseen_compositions, unseen_relation,
    unseen_family: the tasks whose source says so; or a benchmark, such as mmlu, bbh_cot or superglue/cb: see docs/judging.md."""
    metrics: tuple[str, ...] = ("rouge_l", "exact_match")
    """Every row gets those of rows, every task that they fit those of a whole task: see `didact ls metrics`. Tasks are judged by the
    metrics over whole tasks that they name themselves, too."""
    examples_per_task: Count = 100
    """The first so many rows of each unseen task (100 is SuperNI's rule)."""
    max_new_tokens: Count = 128
    """A completion is cut after this many tokens, and counted as cut."""
    batch_tokens: Count = 16_384
    """Most tokens of one generation batch, completions included."""
    template: str | None = None
    """The one wording for evaluation; null: the first of `prompts.templates` that fits; drawn: each row has one of those that
    fit, drawn from its identity."""
    templates: Literal["record", "all", "mixture", "held_out"] = "record"
    """How many wordings each row is asked in. record: the one of `template`; all: every one that fits; mixture: those that training
    draws from; held_out: those that are never trained with. Scores are those of the wording of record; the others add a spread."""
    posix: bool = False
    """True: count POSIX too, how much likelihood a model's own answers lose when the prompt is said in other words. It needs `templates`
    other than record; a row in N wordings costs N more answers and N² likelihoods."""
    orders: Annotated[int, Field(ge=0, le=24)] = 0
    """Further orders of the options in which each row that lists some is asked."""
    styles: Annotated[int, Field(ge=0, le=24)] = 0
    """Further ways to itemise the options in which each row that lists some is asked."""
    rank: bool = False
    """True: of rows with choices, the likeliest choice is taken too, beside what is written. Benchmarks that are always judged so, such
    as mmlu, need no word."""
    shots: NumShots = 0
    """Demonstrations before each question, from the task's own ones and its rows that are not asked about."""
    cot: bool = False
    """True: ask for the reasoning first; what follows the last cue, such as `So the answer is`, is judged."""
    options_style: str | None = None
    """One way to itemise options, such as (A); null: as `prompts.options_style` says."""
    resamples: Count = 2000
    """Bootstrap resamples behind intervals and paired tests."""
