"""The central types: what is said, by whom, and what became of it. Frozen, plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool", "text"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool", "text")
Level = Literal["unseen_instances", "unseen_templates", "unseen_compositions", "unseen_relation", "unseen_family"]
"""In what way the tasks of a controlled world are unseen, from the nearest to training to the farthest from it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    """Who speaks. `text` is plain text that belongs to nobody: pre-training text, trained on every token."""
    content: str
    """What is said; may be empty only where `tool_calls` is not."""
    train: bool = True
    """False keeps an assistant turn as context: it is read, as a prompt is, and weighs as one."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """OpenAI-style tool calls of an assistant turn."""
    name: str = ""
    """The tool that answers, for role `tool`."""
    weight: float = 1.0
    """Factor of the loss weights of all its tokens."""
    spans: tuple[tuple[int, int, float], ...] = ()
    """(first character, last + 1, factor) of parts of `content`, in order, apart from one another; what is in none has factor 1."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a conversation comes from: enough to render it again."""

    task: str
    example: str
    template: str = ""
    seed: int = 0
    epoch: int = 0
    notes: tuple[str, ...] = ()
    """What rendering decided or left out, for people: demonstrations used, a prompt shortened."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The hinge of the system: readers end in it, formats begin with it."""

    messages: tuple[Message, ...]
    origin: Origin
    tools: tuple[Mapping[str, Any], ...] = ()
    """Tool definitions that the model may use (JSON schema), shown by formats that can show them."""
    weight: float = 1.0
    """Factor of all its loss weights."""

    def without_response(self) -> "Conversation":
        """Returns the same conversation up to where the model has to speak: the last assistant turn is left out."""
        cut = len(self.messages)
        if cut and self.messages[-1].role == "assistant":
            cut -= 1
        return replace(self, messages=self.messages[:cut])


@dataclass(frozen=True, slots=True)
class Example:
    """One instance of a task, before any wording."""

    id: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Named texts that templates may use; the answer is not among them."""
    targets: tuple[str, ...] = ()
    """Every answer that may be trained on; training draws one, metrics take the best."""
    choices: tuple[str, ...] = ()
    """The options of a classification, in their order."""
    rationale: str = ""
    """The reasoning that leads to the answer, where the source has it."""
    messages: tuple[Message, ...] = ()
    """For sources that are conversations already; `fields` is then empty."""
    tools: tuple[Mapping[str, Any], ...] = ()
    where: str = ""
    """File and row, for error messages and leak reports."""
    accepted: tuple[str, ...] = ()
    """Further answers that count as right when judging, as they stand; they are never trained on."""
    weight: float = 1.0
    """Factor of the loss weights of all that it is worded as."""

    def text(self) -> str:
        """Returns the input side as one text: what leak checks compare."""
        if self.messages:
            return "\n".join(m.content for m in self.messages if m.role in ("user", "text"))
        return "\n".join(self.fields.values())


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model wrote for one example, kept as one JSON line."""

    task: str
    example: str
    template: str
    prompt: str
    """The text the model saw, decoded from its tokens."""
    completion: str
    references: tuple[str, ...]
    stop: Literal["stop", "length"]
    """`stop`: the model ended its turn; `length`: it was cut at `max_new_tokens`."""
    num_tokens: int
    scores: Mapping[str, float] = field(default_factory=dict)
    """Metric name to value (0 to 100)."""
    category: str = ""
    level: str = "unseen"
    """`unseen`: a task outside the training set; `held_in`: unseen rows of a trained task; else the task's own level."""
    choices: tuple[str, ...] = ()
    """The options as they should be answered, in the order shown, where the answer is one of them: `(A)`, `Yes`; see `order`."""
    options: tuple[str, ...] = ()
    """The texts of the same options, where `choices` are names of items or say more."""
    group: str = ""
    """Rows of one task and group belong together: the answers to one question, the halves of a pair; empty: it stands alone."""
    answer: str = ""
    """What of a completion that reasons first is judged; empty: all of it."""
    extractor: str = ""
    """Name of the rule that found the answer in the completion; empty: none did, or none was needed."""
    faults: tuple[str, ...] = ()
    """What went wrong besides the answer: `unparsed`, `truncated` (the prompt lost tokens), `empty`, `no_stop`, `wrong_language`."""
    asked: Literal["generate", "rank"] = "generate"
    """`generate`: the model wrote; `rank`: its likeliest choice was taken."""
    ranked: Mapping[str, int] = field(default_factory=dict)
    """The place of the choice that each way of ranking takes: `sum`, `per_token`, `per_byte`, `pmi`, `letter`."""
    logprobs: tuple[float, ...] = ()
    """Log-probability of each choice behind the prompt, in nats, summed over its tokens."""
    wording: str = ""
    """What of the wording is not its template: `order=2`, `style=(A)`; empty: as the template has it."""
    held_out: bool = False
    """The model was never trained with this wording."""
    order: tuple[int, ...] = ()
    """The place in id order of each of `choices`, where the wording shows them in another order; empty: they are in id order."""
