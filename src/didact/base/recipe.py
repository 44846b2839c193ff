"""The recipe: every key a user may write, its default, its unit and its meaning.

This page is the whole of what can be set. A run keeps its recipe fully resolved; training that file repeats the run.
"""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from didact.base.adapter_section import AdapterSection as AdapterSection
from didact.base.config import Section
from didact.base.evaluate_section import EvaluateSection as EvaluateSection
from didact.base.hold_out_section import HoldOut as HoldOut
from didact.base.leaks_section import Leaks as Leaks
from didact.base.mixture_section import MixtureSection as MixtureSection
from didact.base.mixture_section import Part as Part
from didact.base.objective_sections import ARCHITECTURES, Count
from didact.base.objective_sections import Objective as Objective
from didact.base.prompts_section import PromptsSection as PromptsSection
from didact.base.strict_yaml import to_yaml
from didact.base.train_section import Schedule as Schedule
from didact.base.train_section import TrainSection as TrainSection

Text = Annotated[str, Field(min_length=1)]


class NewModel(Section):
    """The shape of a model made from nothing, for `model.base: new`."""

    architecture: Literal["llama", "gpt2", "t5", "bart", "bert"] = "llama"
    """Family of the network: llama and gpt2 are decoders, t5 and bart encoder-decoders, bert is an encoder; to fit `objective.kind`."""
    width: Annotated[int, Field(ge=16)] = 256
    """Hidden size."""
    depth: Count = 6
    """Layers; of the encoder, where there is a decoder too."""
    decoder_depth: Count | None = None
    """Layers of an encoder-decoder's decoder; null: `depth`."""
    heads: Count | None = None
    """Attention heads; null: one for every 64 of width."""
    vocabulary: Annotated[int, Field(ge=300)] = 4096
    """Tokens of the tokenizer trained on the seen data; at most this many, control tokens come on top."""
    tokenizer: Literal["bpe", "unigram"] = "bpe"
    """Kind of that tokenizer; both write every text byte for byte."""
    positions: Count | None = None
    """Longest sequence in tokens; null: `sequence.max_length`."""
    tokenizer_texts: Count = 20_000
    """Seen texts that the tokenizer is trained on."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "NewModel":
        if self.heads and self.width % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide width ({self.width})")
        return self


class ModelSection(Section):
    """What is tuned."""

    base: Text = "HuggingFaceTB/SmolLM2-135M"
    """A hub id, a folder, a bundled base (`atlas-decoder`), or `new` for a small model made from `model.new`."""
    tokenizer: Text | None = None
    """A hub id, a folder or a sentencepiece `.model` file; null: the base's own (for `new`: trained on the seen data)."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    new: NewModel = NewModel()
    """Shape of a new model."""
    adapter: AdapterSection = AdapterSection()
    """Small matrices that are trained in place of the base's weights."""


class Source(Section):
    """A collection of tasks and the reader that opens it."""

    name: Text
    """Prefix of its task names; a source of one task has this name."""
    reader: str = ""
    """How rows become examples: see `didact ls readers`."""
    catalogue: str = ""
    """In place of `reader`: a public data set by its name, see `didact ls datasets`. Where its rows are and how they are read is
    then known; `path` may name a copy of your own."""
    path: str = ""
    """A file, a folder or a hub id (`owner/name`). A path that exists beside this recipe wins over one in the working folder.
    Readers `atlas`, `atlas_text`, `rewriting` and `composing` need none; `benchmark` reads the hub without one."""
    world: int = 0
    """For readers `atlas`, `atlas_text`, `rewriting` and `composing`: the seed of the world."""
    split: str | None = None
    """Split of a hub dataset or of a benchmark; null: train, of a benchmark without one its only split."""
    subset: str | None = None
    """Configuration of a hub dataset."""
    files: tuple[str, ...] = ()
    """Which files: names or globs below a folder, names in a hub repository (fetched once, into the cache); empty: all."""
    header: tuple[str, ...] = ()
    """Column names of `.csv` and `.tsv` files whose first line is a row already. In such `.tsv` files quotes are plain characters."""
    columns: dict[str, str] = Field(default={})
    """Which column is what: a name that the reader knows to the row's own, `{instruction: problem, output: solution}`;
    `context + question` joins several."""
    limit: Count | None = None
    """At most this many kept rows per task, the first ones; null: all."""
    tasks_by: str = ""
    """The column that names the task of each row: the source is then many tasks, NAME/value, and is read when they are listed.
    `template_type + task_name` joins several with `/`, `metadata.source` is a key of an object. Empty: one task."""
    target: str | None = None
    """For reader `rows`: the column that holds the answer."""
    weight: str = ""
    """The column that holds a factor for the loss weights of each row, a number above 0; empty: all weigh the same."""
    definition: str = ""
    """What the task asks for, in words; templates may use it."""
    category: str = ""
    """Category for hold-outs and score tables; empty: none."""
    category_by: str = ""
    """With `tasks_by`: the column that holds the category; a task has all that its rows name."""
    dataset: str = ""
    """Where the data come from, for hold-outs by dataset; empty: the source's name, with `tasks_by` the task's."""
    dataset_by: str = ""
    """With `tasks_by`: the column that says where the data come from."""
    language: str = "en"
    """Language code or name of the texts."""
    metric: str = "rouge_l"
    """The metric that this task is judged by: see `didact ls metrics`."""
    passage_chars: Count = 2000
    """For reader `text`: documents are cut at blank lines into passages of about this many characters."""
    settings: dict[str, int | float | str] = Field(default={})
    """For made worlds (readers `atlas`, `rewriting`, `composing`): which families, how many rules ...; for reader `benchmark`: `of`
    (the collection, where `name` is another), `only` (`cb rte`), `samples: 1` (our own rows). A wrong one lists all."""

    @model_validator(mode="after")
    def _a_reader_or_the_catalogue(self) -> "Source":
        if bool(self.reader) == bool(self.catalogue):
            problem = "both are given: the catalogue knows the reader" if self.reader else "neither is given"
            raise ValueError(f"a source names its reader: or its catalogue: entry, and {problem}")
        return self

    @model_validator(mode="after")
    def _columns_name_what_tasks_have(self) -> "Source":
        if (self.category_by or self.dataset_by) and not (self.tasks_by or self.catalogue):
            raise ValueError("category_by and dataset_by are for sources of many tasks: give tasks_by too, or category and dataset")
        return self


class TasksSection(Section):
    """Where examples come from and what is unseen."""

    sources: tuple[Source, ...] = ()
    """The collections."""
    hold_out: HoldOut = HoldOut()
    """Unseen tasks."""
    leaks: Leaks = Leaks()
    """Overlap between seen and unseen."""


class Sequence(Section):
    """How long, and how rows are put together."""

    max_length: Annotated[int, Field(ge=8)] = 1024
    """Tokens; a longer prompt is cut, oldest turns first, the response last of all."""
    pack: bool = False
    """True: several conversations share a row, kept apart; False: rows of like length are padded to the longest. Not for masked."""
    stream: bool = False
    """True: plain texts are joined, each ended by the end-of-text token, and cut into rows of exactly `max_length` tokens."""
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that word and tokenise; 0: none beside the one that trains. Their number changes nothing that is trained."""
    cache: bool = True
    """True: what was worded and tokenised is kept in `DIDACT_CACHE` (else `~/.cache/didact`) and used again while nothing that decides
    it has changed; only for runs of more than 20,000 draws."""


class Recipe(Section):
    """Everything that decides a result."""

    name: Text = "run"
    """Name of the run's folder, which gets a number too: letters, digits, `.`, `_` and `-`."""
    seed: int = 0
    """The one seed: template, order, initial weights and dropout are drawn from it by identity."""
    model: ModelSection = ModelSection()
    """What is tuned."""
    tasks: TasksSection = TasksSection()
    """Where examples come from and what is unseen."""
    mixture: MixtureSection = MixtureSection()
    """How often each task is drawn."""
    prompts: PromptsSection = PromptsSection()
    """How examples are worded."""
    sequence: Sequence = Sequence()
    """How long, and how rows are put together."""
    objective: Objective = Objective()
    """What is learnt from which token."""
    train: TrainSection = TrainSection()
    """How the model is tuned."""
    evaluate: EvaluateSection = EvaluateSection()
    """How base and tuned model are judged."""

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[^\W_][\w.-]*", name):
            raise ValueError("a run's name is made of letters, digits, '.', '_' and '-', and begins with a letter or a digit")
        return name

    @model_validator(mode="after")
    def _a_prompt_fits(self) -> "Recipe":
        if self.evaluate.max_new_tokens >= self.sequence.max_length:
            limit = f"sequence.max_length ({self.sequence.max_length})"
            raise ValueError(f"evaluate.max_new_tokens ({self.evaluate.max_new_tokens}) leaves no room for a prompt in {limit}")
        return self

    @model_validator(mode="after")
    def _objective_fits(self) -> "Recipe":
        kind, architecture, fitting = self.objective.kind, self.model.new.architecture, ARCHITECTURES[self.objective.kind]
        if self.model.base == "new" and architecture not in fitting:
            what = f"objective.kind ({kind}) trains {' or '.join(fitting)}, and model.new.architecture is {architecture}"
            raise ValueError(f"{what}: model.new.architecture={fitting[0]}")
        if self.sequence.pack and kind == "masked":
            raise ValueError("sequence.pack (true) is not for objective.kind masked: sequence.pack=false")
        if self.sequence.pack and self.sequence.stream:
            raise ValueError("sequence.stream fills its rows, so sequence.pack (true) has nothing to do: sequence.pack=false")
        if self.sequence.stream and kind == "masked" and self.objective.masked.next_sentence:
            what = "sequence.stream (true) joins the texts that objective.masked.next_sentence (true) tells from one another"
            raise ValueError(f"{what}: objective.masked.next_sentence=false")
        return self

    def to_yaml(self) -> str:
        """Returns the complete recipe as YAML that `load_recipe` reads back to an equal one."""
        return to_yaml(self.model_dump(mode="json"))
