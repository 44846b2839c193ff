"""What was asked and what it cost, stage by stage: counted where a method's requests pass, so answers from the log count as well."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from didact.synth.ask import Ask, Chain, Failed, Program, Reply
from didact.synth.outcome import Outcome


@dataclass
class Stage:
    """The requests of one kind."""

    num_asked: int = 0
    """Requests, answered or not."""
    num_cut: int = 0
    """Answers that were cut at their most tokens."""
    num_failed: int = 0
    """Requests that got no answer."""
    prompt_tokens: int = 0
    """Tokens read."""
    completion_tokens: int = 0
    """Tokens written."""

    def hear(self, reply: Reply | Failed) -> None:
        """Counts what came of one request."""
        if isinstance(reply, Failed):
            self.num_failed += 1
            return
        self.num_cut += reply.finish == "length"
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens


@dataclass
class Tally:
    """The requests of a synthesis by stage, and their price.

    >>> tally = Tally(price_in=1.0, price_out=2.0)
    >>> tally.hear("rate", Reply("5", prompt_tokens=1_000_000, completion_tokens=500_000))
    >>> tally.cost, tally.stages["rate"].num_asked
    (2.0, 1)
    """

    price_in: float = 0.0
    """Of a million tokens read."""
    price_out: float = 0.0
    """Of a million tokens written."""
    stages: dict[str, Stage] = field(default_factory=dict)
    """By the name that the method gives its requests."""
    models: dict[str, int] = field(default_factory=dict)
    """Who answered, and how often."""

    def hear(self, stage: str, reply: Reply | Failed) -> None:
        """Counts one request and what came of it."""
        counted = self.stages.setdefault(stage, Stage())
        counted.num_asked += 1
        counted.hear(reply)
        if isinstance(reply, Reply) and reply.model:
            self.models[reply.model] = self.models.get(reply.model, 0) + 1

    def total(self, what: str) -> int:
        """Returns a count over all stages."""
        return sum(getattr(stage, what) for stage in self.stages.values())

    @property
    def cost(self) -> float:
        """What all answers cost, in the currency of the prices; attempts that failed are not in it."""
        return (self.price_in * self.total("prompt_tokens") + self.price_out * self.total("completion_tokens")) / 1e6

    def rows(self) -> list[dict[str, Any]]:
        """Returns the stages, by name, with the cost of each."""
        prices = {"prompt_tokens": self.price_in, "completion_tokens": self.price_out}
        found = []
        for name, stage in sorted(self.stages.items()):
            cost = sum(price * getattr(stage, what) for what, price in prices.items()) / 1e6
            found.append({"stage": name, **asdict(stage), "cost": round(cost, 6)})
        return found


def counted(program: Program, tally: Tally, hear: Callable[[Tally], None] = lambda _: None) -> Program:
    """Returns the same program, every request and reply of which is told to the tally.

    Args:
        program: A method at work.
        tally: Counts.
        hear: Called behind each reply.
    """
    results: Mapping[str, Any] | None = None
    while True:
        try:
            table = next(program) if results is None else program.send(results)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        results = yield {name: _heard(chain, tally, hear) for name, chain in table.items()}


def _heard(chain: Chain, tally: Tally, hear: Callable[[Tally], None]) -> Chain:
    try:
        ask: Ask = next(chain)
        while True:
            reply = yield ask
            tally.hear(ask.stage, reply)
            hear(tally)
            ask = chain.send(reply)
    except StopIteration as end:
        return end.value
