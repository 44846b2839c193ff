"""How much may be asked: in all, in a minute, and at a time; the last is found out while asking."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from didact.base.chance import rng

Policy = Literal["keep", "drop", "raise"]
"""What becomes of a reply: it is kept, it counts as failed, or it is asked for once more with twice the tokens."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a synthesis may ask for. None: no limit."""

    concurrency: int = 32
    """Most requests at a time; fewer while the server has too much to do."""
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

    def backoff(self, seed: int, name: str, attempt: int) -> float:
        """Returns the seconds to wait after the `attempt`-th try, drawn from which request it is.

        >>> 2.0 <= Limits(backoff_s=1.0).backoff(0, "ab", 3) <= 4.0
        True
        """
        longest = min(self.backoff_max_s, self.backoff_s * 2.0 ** min(attempt - 1, 40))
        return longest * rng(seed, "synth", "backoff", name, attempt).uniform(0.5, 1.0)


class Slots:
    """How many requests go at a time: more with every reply, half as many when the server has too much to do.

    A single refusal is no sign of that, as servers also fail by chance: it is halved when more than a quarter of the last answers say so.
    Answers to what was sent before the last change are about the past and do not count.

    Args:
        most: Never more than this.

    >>> slots = Slots(8)
    >>> any([slots.heard(busy=True, sent_in=0) for _ in range(15)]), slots.heard(busy=True, sent_in=0), slots.limit
    (False, True, 4)
    """

    def __init__(self, most: int) -> None:
        self._most, self._now = most, float(most)
        self._heard = deque[bool]()
        self.generation = 0

    @property
    def limit(self) -> int:
        """Requests at a time, at least one."""
        return max(1, int(self._now))

    def heard(self, *, busy: bool, sent_in: int) -> bool:
        """Takes one answer in, and says whether it has halved the number.

        Args:
            busy: The server said that it has too much to do.
            sent_in: The generation in which the request was sent.
        """
        if not busy:
            # A sixteenth of all in the time of one reply: eight replies' time from half to all.
            self._now = min(self._most, self._now + max(1.0, self._most / 16) / self._now)
        if sent_in != self.generation:
            return False
        self._heard.append(busy)
        num_looked = max(16, self.limit)
        while len(self._heard) > num_looked:
            self._heard.popleft()
        if len(self._heard) < min(num_looked, 16) or sum(self._heard) * 4 <= len(self._heard):
            return False
        self._now = max(1.0, self._now / 2)
        self._heard.clear()
        self.generation += 1
        return True


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
