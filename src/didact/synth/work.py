"""Requests under way: who waits for each, and what becomes of a reply by the reason why it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from didact.synth.ask import Ask, Chain, Failed, Reply
from didact.synth.limits import Policy
from didact.synth.wire import final_channel


@dataclass(frozen=True, slots=True)
class Place:
    """A chain that waits for an answer."""

    name: str
    """The row's id."""
    chain: Chain
    ask: Ask
    """What it is heard on: the method's own request, or the same with more tokens."""
    cut: Reply | None = None
    """The reply that was cut, where the one that is waited for has more tokens."""


@dataclass(slots=True)
class Work:
    """A request that is on its way, or will be."""

    ask: Ask
    body: bytes
    """What is sent."""
    name: str
    """Its hash."""
    places: list[Place] = field(default_factory=list)
    """Who waits for it."""
    attempts: int = 0
    """How often it was sent in this start."""
    sent: float = 0.0
    """When it was sent last."""
    generation: int = 0
    """Of the number of slots, when it was sent last."""

    @property
    def most(self) -> tuple[float, float]:
        """Tokens that it may read and write: a token is seldom under three bytes of JSON."""
        return len(self.body) / 3, float(self.ask.sampling.max_tokens)


def judged(place: Place, found: Reply | Failed | None, finish: Mapping[str, Policy]) -> Reply | Failed | Place:
    """Returns what a chain hears of an answer, or a place with twice the tokens where a cut reply is asked for once more.

    Args:
        place: Who waits.
        found: How the request ended, from the log.
        finish: What becomes of replies, by the reason why they ended.

    >>> empty = (_ for _ in ())
    >>> judged(Place("a", empty, Ask("s", prompt="x")), Reply("hal", "length"), {"length": "raise"}).ask.sampling.max_tokens
    1024
    >>> judged(Place("a", empty, Ask("s", prompt="x")), Reply("hal", "length", hash="9"), {"length": "drop"})
    Failed(reason='finish: length', hash='9')
    """
    if isinstance(found, Failed) and place.cut is None:
        return found
    reply = found if isinstance(found, Reply) else place.cut  # a server may not allow so many tokens
    assert reply is not None
    policy = finish.get(reply.finish, "keep")
    if policy == "drop":
        return Failed(f"finish: {reply.finish}", reply.hash)
    if policy == "raise" and place.cut is None:
        sampling = replace(place.ask.sampling, max_tokens=2 * place.ask.sampling.max_tokens)
        return replace(place, ask=replace(place.ask, sampling=sampling), cut=reply)
    return replace(reply, text=final_channel(reply.text))
