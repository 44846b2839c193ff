"""What a method asks of a model, and what it hears back."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from didact.base.types import Message
from didact.synth.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn."""

    temperature: float = 0.0
    """0: the likeliest token each time."""
    top_p: float = 1.0
    """Share of the probability that is drawn from."""
    max_tokens: int = 512
    """A reply is cut after so many tokens."""
    stop: tuple[str, ...] = ()
    """A reply ends before any of these texts."""
    presence_penalty: float = 0.0
    """Taken from the logits of tokens that have been written."""
    frequency_penalty: float = 0.0
    """The same, for each time that they have been."""
    seed: int | None = None
    """Where the server can draw by a seed."""
    top_logprobs: int | None = None
    """So many of the likeliest tokens are told for each place, with their log-probabilities."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    stage: str
    """What it is for, in a word: counts and prices are told by stage."""
    messages: tuple[Message, ...] = ()
    """A conversation that the model goes on with."""
    prompt: str | None = None
    """In place of `messages`: plain text that the model goes on with."""
    sampling: Sampling = Sampling()
    """How the reply is drawn."""
    schema: Mapping[str, Any] | None = None
    """The JSON schema of the reply, where the server can keep to one."""
    sample: int = 0
    """Which draw this is of requests that are otherwise the same."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer."""

    text: str
    """What it wrote."""
    finish: str = "stop"
    """Why it ended: stop, length, content_filter, tool_calls or unknown."""
    prompt_tokens: int = 0
    """Tokens that it read."""
    completion_tokens: int = 0
    """Tokens that it wrote."""
    model: str = ""
    """Who answered, as the server says."""
    hash: str = ""
    """The request's, by which the log knows it."""
    top_logprobs: tuple[Mapping[str, float], ...] = field(default=())
    """For each token written: the likeliest tokens and their log-probabilities, in nats."""
    batched: bool = False
    """It came in a batch, for less."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A request that got no answer."""

    reason: str
    """Why: timeout, http 400 ..."""
    hash: str = ""
    """The request's."""


Chain = Generator[Ask, Reply | Failed, Any]
"""The work on one row: yields a request, receives its reply, and so on; returns what became of it."""
Program = Generator[Mapping[str, Chain], Mapping[str, Any], Outcome]
"""A method: yields chains by stable id, which run all at once and in any order, receives what they returned in the same order."""
