"""How much may be asked: in all, in a minute, and at a time; the last is found out while asking."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import sqrt
from sys import maxsize
from typing import Any, Literal

from didact.base.chance import rng

FEW = 10
"""Where requests go in batches: fewer than these go one by one, as they are not worth a day."""
Policy = Literal["keep", "drop", "raise"]
"""What becomes of a reply: it is kept, it counts as failed, or it is asked for once more with twice the tokens."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a synthesis may ask for. None: no limit."""

    concurrency: int | None = 32
    """Most requests at a time; fewer while the server has too much to do. None: any number, always."""
    requests_per_minute: float | None = None
    """They are spread evenly."""
    tokens_per_minute: float | None = None
    """Read and written; before a reply is there, as many as it may be."""
    requests: int | None = None
    """Most requests of the run, those that were sent again included."""
    tokens: int | None = None
    """Most tokens of the run, read and written."""
    money: float | None = None
    """Most that the run may cost, in the currency of the prices."""
    price_in: float = 0.0
    """For a million tokens that the model reads."""
    price_out: float = 0.0
    """For a million tokens that it writes."""
    price_batch: float = 0.5
    """What replies of a batch cost, as a share of these prices."""
    batched: bool = False
    """Replies under way are taken to come in batches."""
    attempts: int = 8
    """A request is given up after so many."""
    backoff_s: float = 1.0
    """Seconds before a request is sent again for the first time; then twice as many, and so on. Drawn between half of it and all of it."""
    backoff_max_s: float = 60.0
    """Most of these seconds."""
    stall_s: float = 600.0
    """The run stops when nothing has moved for so many seconds."""
    finish: Mapping[str, Policy] = field(default_factory=lambda: {"content_filter": "drop"})
    """What becomes of replies by why they ended: stop, length, content_filter, tool_calls, unknown. Kept where nothing is said."""

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Returns what tokens cost.

        >>> Limits(price_in=2.0, price_out=10.0).cost(1_000, 500)
        0.007
        """
        return (prompt_tokens * self.price_in + completion_tokens * self.price_out) / 1e6

    def for_batches(self) -> "Limits":
        """Returns the same for requests that go in batches: any number at a time, and nothing is taken to have stopped for hours.

        >>> Limits(money=5.0).for_batches().concurrency, Limits(money=5.0).for_batches().money
        (None, 5.0)
        """
        free: dict[str, Any] = {"concurrency": None, "requests_per_minute": None, "tokens_per_minute": None}
        return replace(self, **free, backoff_s=0.0, stall_s=float("inf"), batched=True)

    def backoff(self, seed: int, name: str, attempt: int) -> float:
        """Returns the seconds to wait after the `attempt`-th try, drawn from which request it is.

        >>> 2.0 <= Limits(backoff_s=1.0).backoff(0, "ab", 3) <= 4.0
        True
        """
        longest = min(self.backoff_max_s, self.backoff_s * 2.0 ** min(attempt - 1, 40))
        return longest * rng(seed, "synth", "backoff", name, attempt).uniform(0.5, 1.0)


class Slots:
    """How many requests go at a time: as many as the server takes, found out by trying more, or fewer, for a while.

    A single refusal is no sign of too many, as servers also fail by chance. When clearly more than a quarter of the last answers are
    refusals, the number is halved at once. Else it rests for some answers, and then another one is tried: fewer where clearly more
    than an eighth was refused, and more where not. The share of refusals judges the trial: of k more than a server takes it refuses
    k, whereas chance hits the same share of any number. Each trial of more that fails doubles the rest before the next one.
    Answers to what was sent before the last change are about the past and do not count.

    Args:
        most: Never more than this; None: any number, whatever is refused.

    >>> slots = Slots(8)
    >>> any([slots.heard(busy=True, sent_in=0) for _ in range(15)]), slots.heard(busy=True, sent_in=0), slots.limit
    (False, True, 4)
    """

    _SHORTEST, _LONGEST = 16, 1024
    """Answers that are heard between two trials, at least and at most."""

    def __init__(self, most: int | None) -> None:
        self._most = maxsize if most is None else most
        self.limit = self._most
        """Requests at a time, at least one."""
        self.generation = 0
        """How often that has changed."""
        self._steady = self._most  # what was last found to be good; another limit is a trial
        self._share = self._chance = 0.0  # of refusals there, and of those that fewer did not help against
        self._step, self._rest = 1, self._SHORTEST
        self._heard = list[bool]()

    def heard(self, *, busy: bool, sent_in: int) -> bool:
        """Takes one answer in, and says whether it has halved the number.

        Args:
            busy: The server said that it has too much to do.
            sent_in: The generation in which the request was sent.
        """
        if sent_in != self.generation or self._most == maxsize:
            return False
        self._heard.append(busy)
        if self.limit > self._steady:
            self._more()
        elif self.limit < self._steady:
            self._fewer()
        elif self._in_trouble():
            self._settle(max(1, self.limit // 2), 1, self._SHORTEST)
            return True
        elif len(self._heard) >= max(self._rest, self.limit):
            self._try()
        return False

    def _in_trouble(self) -> bool:
        last = self._heard[-max(16, self.limit) :]
        return len(last) >= 16 and self.limit > 1 and sum(last) > len(last) / 4 + 2  # 2: chance weighs more in few answers

    def _try(self) -> None:
        """Tries another number: as many fewer as were refused, where that is clearly more than an eighth, and else some more."""
        self._share = sum(self._heard) / len(self._heard)
        eighth = len(self._heard) / 8
        if sum(self._heard) >= eighth + 2 * sqrt(eighth) and self._share > self._chance * 3 / 2 and self.limit > 1:
            self._go(max(1, min(self.limit - 1, round(self.limit * (1 - self._share)))))
        elif self.limit < self._most and self._share <= 1 / 4:
            self._go(min(self._most, self.limit + self._step * max(1, self.limit // 16)))
        else:
            self._heard.clear()

    def _more(self) -> None:
        """Judges a trial of more: it fails when refusals grow by more than chance and half of what they would if no more is taken."""
        excess = (self.limit - self._steady) / self.limit
        enough = max(16, self.limit, round(4 / excess))
        if sum(self._heard) > (self._share + excess / 2) * enough + sqrt(self._share * enough):
            self._settle(self._steady, max(1, self._step // 2), min(self._LONGEST, 2 * self._rest))
        elif len(self._heard) >= enough:
            self._settle(self.limit, 2 * self._step, self._SHORTEST)

    def _fewer(self) -> None:
        """Judges a trial of fewer: they stay where the share of refusals is less than a third of what it was."""
        enough = max(16, 2 * self.limit)
        if sum(self._heard) * 3 >= self._share * enough:
            self._chance = max(self._chance, self._share)
            self._settle(self._steady, self._step, min(self._LONGEST, 2 * self._rest))
        elif len(self._heard) >= enough:
            self._share = 0.0
            self._settle(self.limit, 1, self._SHORTEST)

    def _settle(self, limit: int, step: int, rest: int) -> None:
        self._steady, self._step, self._rest = limit, step, rest
        self._go(limit)

    def _go(self, limit: int) -> None:
        self.generation += limit != self.limit
        self.limit = limit
        self._heard.clear()


class Pace:
    """Spreads an amount a minute evenly: each piece moves the time of the next.

    Args:
        per_minute: How much; None: any.

    >>> pace = Pace(60)
    >>> pace.take(0.0, 1); pace.wait(0.0)
    1.0
    """

    _AT_ONCE_S = 0.1
    """Seconds' worth that may come at once after a pause: clocks are not finer than that under load."""

    def __init__(self, per_minute: float | None) -> None:
        self._seconds = 60.0 / per_minute if per_minute else 0.0
        self._next = float("-inf")

    def wait(self, now: float) -> float:
        """Returns the seconds until the next piece may go."""
        return max(0.0, self._next - now) if self._seconds else 0.0

    def take(self, now: float, amount: float) -> None:
        """Takes a piece that goes now."""
        late = self._AT_ONCE_S if self._next > float("-inf") else 0.0
        self._next = max(self._next, now - late) + amount * self._seconds

    def give_back(self, amount: float) -> None:
        """Gives back what was taken and not used."""
        self._next -= amount * self._seconds
