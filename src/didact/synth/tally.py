"""What was asked and what it cost, stage by stage: counted where a method's requests pass, so answers from the log count as well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
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
    batched_prompt_tokens: int = 0
    """Those of the tokens read that were read in batches."""
    batched_completion_tokens: int = 0
    """The same of those written."""

    def hear(self, reply: Reply | Failed) -> None:
        """Counts what came of one request."""
        if isinstance(reply, Failed):
            self.num_failed += 1
            return
        self.num_cut += reply.finish == "length"
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        if reply.batched:
            self.batched_prompt_tokens += reply.prompt_tokens
            self.batched_completion_tokens += reply.completion_tokens


@dataclass
class Tally:
    """The requests of a synthesis by stage, and their price.

    >>> tally = Tally(price_in=1.0, price_out=2.0)
    >>> tally.hear("rate", Reply("5", prompt_tokens=1_000_000, completion_tokens=500_000))
    >>> tally.cost, tally.stages["rate"].num_asked
    (2.0, 1)
    >>> tally.hear("rate", Reply("5", prompt_tokens=1_000_000, batched=True))
    >>> tally.cost
    2.5
    """

    price_in: float = 0.0
    """Of a million tokens read."""
    price_out: float = 0.0
    """Of a million tokens written."""
    price_batch: float = 0.5
    """What tokens of a batch cost, as a share of that."""
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
        return self._cost(self.total)

    def _cost(self, count: Callable[[str], int]) -> float:
        off = 1 - self.price_batch
        read = count("prompt_tokens") - off * count("batched_prompt_tokens")
        written = count("completion_tokens") - off * count("batched_completion_tokens")
        return (self.price_in * read + self.price_out * written) / 1e6

    def rows(self) -> list[dict[str, Any]]:
        """Returns the stages, by name, with the cost of each."""
        told = ("num_asked", "num_cut", "num_failed", "prompt_tokens", "completion_tokens")
        found = []
        for name, stage in sorted(self.stages.items()):
            cost = round(self._cost(partial(getattr, stage)), 6)
            found.append({"stage": name, **{what: getattr(stage, what) for what in told}, "cost": cost})
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
