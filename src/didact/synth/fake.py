"""Fake: a backend that answers from a function and goes wrong as real servers do, the same way each time."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from didact.base.chance import rng
from didact.base.errors import RecipeError, did_you_mean
from didact.base.registry import Registry
from didact.models.endpoint import Retry
from didact.synth.ask import Ask, Reply
from didact.synth.request_log import request_hash
from didact.synth.wire import body_of

Answerer = Callable[[Mapping[str, Any]], str | Reply]
"""From what is sent (`messages` or `prompt`, `temperature` and so on, and `sample`, the number of the draw) to the reply."""

FAULTS: Mapping[str, Retry] = {
    "429": Retry("http 429", busy=True),
    "429 with retry-after": Retry("http 429", after_s=0.02, busy=True),
    "500": Retry("http 500", busy=True),
    "timeout": Retry("timeout", busy=True),
    "connection reset": Retry("connection reset"),
    "truncated": Retry("truncated reply"),
    "malformed": Retry("malformed reply"),
}
"""How a request can go wrong on its way, and what the engine hears of it."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong, drawn by which request it is and how often it was sent.

    >>> Faults.each(0.7).shares["429"]
    0.1
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    """For each of `FAULTS`: how often, as a share of the sendings."""
    most: int = 3
    """A request goes wrong at most so often, so that it is answered in the end."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.shares:
            if name not in FAULTS:
                raise RecipeError(f"no fault named '{name}'", expected=did_you_mean(name, FAULTS))
        if sum(self.shares.values()) > 1:
            raise RecipeError(f"the shares of faults sum to {sum(self.shares.values()):g}", expected="at most 1")

    @classmethod
    def each(cls, share: float, *, most: int = 3, seed: int = 0) -> "Faults":
        """Returns faults of every kind, as often each, `share` of the sendings in all."""
        return cls({name: round(share / len(FAULTS), 12) for name in FAULTS}, most, seed)

    def drawn(self, name: str, number: int) -> str | None:
        """Returns what goes wrong when a request is sent for the `number`-th time; None: nothing."""
        if number > self.most:
            return None
        left = rng(self.seed, "synth", "fault", name, number).random()
        for kind, share in self.shares.items():
            left -= share
            if left < 0:
                return kind
        return None


class Fake:
    """Answers at once, or after a while, from a function.

    A text is cut as a server would: before a stop text, and after `max_tokens` words.

    Args:
        answer: From what is sent to the reply: a text, or a `Reply` that is taken as it is.
        faults: What goes wrong.
        latency_s: Seconds that a reply takes.
        model: Who the replies say that they are from.

    >>> fake = Fake(lambda asked: asked["prompt"] + " 3")
    >>> asyncio.run(fake.send(fake.wire(Ask("count", prompt="1 2")))).text
    '1 2 3'
    """

    def __init__(self, answer: Answerer, faults: Faults | None = None, *, latency_s: float = 0.0, model: str = "fake") -> None:
        self._answer, self._faults, self._latency_s, self._model = answer, faults or Faults(), latency_s, model
        self._arrived: Counter[str] = Counter()

    @property
    def address(self) -> str:
        """That it is none."""
        return "fake:"

    def wire(self, ask: Ask) -> bytes:
        """Returns what a server would be sent."""
        return body_of(ask, self._model)

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        """Returns the reply, or goes wrong."""
        await asyncio.sleep(self._latency_s)
        name = request_hash("", body, sample)
        self._arrived[name] += 1
        kind = self._faults.drawn(name, self._arrived[name])
        if kind is not None:
            problem = FAULTS[kind]
            raise Retry(problem.reason, after_s=problem.after_s, busy=problem.busy)
        asked = json.loads(body)
        said = self._answer({**asked, "sample": sample})
        if isinstance(said, Reply):
            return said if said.model else replace(said, model=self._model)
        text, finish = _cut(said, asked)
        read = asked.get("prompt") or " ".join(message["content"] for message in asked["messages"])
        return Reply(text, finish, len(read.split()), len(text.split()), self._model)

    async def close(self) -> None:
        """Nothing is open."""


def _cut(text: str, asked: Mapping[str, Any]) -> tuple[str, str]:
    """Returns what a server would have sent of a text, and why it ended."""
    ends = [place for stop in asked.get("stop", ()) if (place := text.find(stop)) >= 0]
    text = text[: min(ends)] if ends else text
    words = list(re.finditer(r"\S+", text))
    if len(words) > asked["max_tokens"]:
        return text[: words[asked["max_tokens"] - 1].end()], "length"
    return text, "stop"


def last_words(asked: Mapping[str, Any]) -> str:
    """Returns the last thing that was said: the prompt, or the last message.

    >>> last_words({"messages": [{"role": "user", "content": "hello"}]})
    'hello'
    """
    return str(asked["prompt"]) if "prompt" in asked else str(asked["messages"][-1]["content"])


def nothing(asked: Mapping[str, Any]) -> str:
    """Returns an empty reply, as a model that has nothing to say."""
    return ""


SCRIPTS: Registry[Answerer] = Registry(
    "script", {"grammar": "didact.synth.scripted:grammar", "echo": last_words, "silent": nothing}, "teacher.script=echo"
)
"""What a fake can answer, by name."""
