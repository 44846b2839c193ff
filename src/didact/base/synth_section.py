"""The recipe of `didact synth`: every key, its default and its meaning."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from didact.base.config import Section
from didact.base.objective_sections import Count
from didact.base.recipe import Source
from didact.base.strict_yaml import to_yaml

Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]
FilterName = Annotated[str, Field(min_length=1)]


class Teacher(Section):
    """Who is asked."""

    backend: Literal["endpoint", "local", "vllm", "fake"] = "fake"
    """endpoint: a server that speaks OpenAI's protocol (vLLM, llama.cpp, Ollama, `transformers serve`, OpenAI); local: a model in this
    process; vllm: the same by vLLM, which needs a GPU and the extra `vllm`; fake: answers written by a script, for trying things out
    offline: `teacher.backend=fake` behind any recipe's name."""
    url: str = ""
    """For endpoint: what its addresses begin with, `http://localhost:8000/v1`."""
    model: str = ""
    """What the server calls the model; for local and vllm a hub id or a folder, for local also a bundled base."""
    revision: str | None = None
    """Branch, tag or commit of a hub id, for local and vllm."""
    key_env: str = ""
    """The environment variable that holds the key; empty: no key is sent. Keys themselves never stand in a recipe."""
    timeout_s: Positive = 120.0
    """Seconds after which a request is given up and tried again."""
    batch: bool = False
    """For endpoint: requests are handed in as files, by the server's batch API, and answered within 24 hours for `limits.price_batch` of
    the price. The preflight goes by ordinary requests all the same, and so does the first request of a kind."""
    poll_s: Positive = 60.0
    """With batch: seconds between two looks at one."""
    chat_format: str = "model"
    """For local: how a conversation is written; see `didact ls formats`."""
    script: Text = "grammar"
    """For fake: what it answers; grammar: right answers to the tasks of a small grammar, among slips; echo, silent: for tests."""
    faults: dict[str, Share] = Field(default={})
    """For fake: what goes wrong, and how often: a share of the attempts for each kind, as `{"429": 0.1, "timeout": 0.05}`."""
    latency_s: Amount = 0.0
    """For fake: seconds until an answer comes."""

    @model_validator(mode="after")
    def _is_complete(self) -> "Teacher":
        if self.backend == "endpoint" and not self.url:
            raise ValueError("backend endpoint needs url: http://localhost:8000/v1, or another server's")
        if self.backend in ("local", "vllm") and self.url:
            raise ValueError(f"backend {self.backend} has no url: write backend: endpoint, or leave url out")
        if self.backend in ("local", "vllm") and self.batch:
            raise ValueError("batch is for a server that has a batch API: write backend: endpoint, or leave batch out")
        if self.backend != "fake" and not self.model:
            raise ValueError(f"backend {self.backend} needs model: its name")
        return self


class Limits(Section):
    """How much is asked at once, per minute and in all."""

    concurrency: Count = 32
    """Most requests under way at once; fewer when the server says that it is too much."""
    requests_per_minute: Positive | None = None
    """Most requests begun in a minute; null: no limit."""
    tokens_per_minute: Positive | None = None
    """Most tokens, read and written, in a minute; null: no limit."""
    requests: Count | None = None
    """Most requests in all, those that are sent again included; null: no limit."""
    tokens: Count | None = None
    """Most tokens in all, read and written; null: no limit."""
    money: Positive | None = None
    """Most that may be spent in all, in the currency of the prices; null: no limit."""
    price_in: Amount = 0.0
    """Price of a million tokens that the model reads."""
    price_out: Amount = 0.0
    """Price of a million tokens that it writes."""
    price_batch: Share = 0.5
    """What replies of a batch cost, as a share of these prices."""
    attempts: Count = 8
    """A request that still fails after so many is counted as failed."""
    backoff_s: Amount = 1.0
    """Seconds before a request is sent again for the first time; then twice as many, and so on."""
    stall_s: Positive = 600.0
    """The run stops when nothing has moved for so many seconds."""
    finish: dict[Literal["stop", "length", "content_filter", "tool_calls", "unknown"], Literal["keep", "drop", "raise"]] = Field(
        default={"content_filter": "drop"}
    )
    """What becomes of replies by the reason why they ended: drop counts them as failed, raise asks once more with twice the tokens;
    kept where nothing is said."""

    @model_validator(mode="after")
    def _money_needs_prices(self) -> "Limits":
        if self.money is not None and not (self.price_in or self.price_out):
            raise ValueError("money needs price_in and price_out: without prices nothing is ever spent")
        return self


class Preflight(Section):
    """A small beginning that shows what the whole will cost, and stops where nothing comes of it."""

    num_rows: Annotated[int, Field(ge=0)] = 20
    """Rows of the small beginning; it is made when five times as many are wanted, or with `--preflight`. 0: none is made."""
    least_yield: Share = 0.1
    """Kept rows for each row that was begun: with fewer, nothing more is asked."""


class SynthRecipe(Section):
    """Everything that decides what is made."""

    name: Text = "synthetic"
    """The folder `runs/NAME`, where everything is kept; letters, digits, `.`, `_` and `-`."""
    seed: int = 0
    """The one seed: what is drawn by chance is drawn from it, by identity."""
    method: Text = "self_instruct"
    """How the data are made: see `didact ls methods`."""
    num_rows: Count = 100
    """Rows that the method is to make, before the filters."""
    strict: bool = False
    """True: the original's constants and rules, its known slips too."""
    settings: dict[str, Any] = Field(default={})
    """The method's own; a wrong one lists all."""
    teacher: Teacher = Teacher()
    """Who is asked."""
    limits: Limits = Limits()
    """How much is asked at once, per minute and in all."""
    preflight: Preflight = Preflight()
    """A small beginning that shows what the whole will cost."""
    filters: tuple[FilterName | dict[str, dict[str, Any]], ...] = ()
    """Which rows are kept of those that the method made, by names in their order, see `didact ls filters`; with settings as
    `{length: {least_words: 3}}`."""
    seeds: str | None = None
    """A file of seed tasks, one JSON object a line with `instruction`, `input`, `output`; null: the 175 and more that are bundled."""
    source: Source | None = None
    """Rows that the method changes or answers, for those that need some; read as in any recipe."""

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[^\W_][\w.-]*", name):
            raise ValueError("a name is made of letters, digits, '.', '_' and '-', and begins with a letter or a digit")
        return name

    @field_validator("filters")
    @classmethod
    def _one_name_each(cls, filters: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(isinstance(one, dict) and len(one) != 1 for one in filters):
            raise ValueError("a filter with settings is one name: {length: {least_words: 3}}")
        return filters

    def to_yaml(self) -> str:
        """Returns the complete recipe as YAML that `load_synth_recipe` reads back to an equal one."""
        return to_yaml(self.model_dump(mode="json"))
