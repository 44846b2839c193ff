"""The account of a run: what it has used, what replies under way may still use, and whether there is room for one more."""

from didact.synth.limits import FEW, Limits
from didact.synth.request_log import RequestLog

Tokens = tuple[float, float]
"""Read and written."""


class Budget:
    """What is used of the limits of the whole run.

    Args:
        limits: Those limits.
        log: Everything that has ended, in this start and in earlier ones.
    """

    def __init__(self, limits: Limits, log: RequestLog) -> None:
        self._limits, self._log = limits, log
        self._unlogged = 0
        self._reserved: Tokens = (0.0, 0.0)
        self._one = 0.0

    @property
    def tokens(self) -> Tokens:
        """Tokens of all replies."""
        return self._log.total(lambda stage: stage.prompt_tokens), self._log.total(lambda stage: stage.completion_tokens)

    @property
    def priced_tokens(self) -> Tokens:
        """The same, each token of a batch counted as the share of its price that it costs."""
        off = 1 - self._limits.price_batch
        batched = self._log.total(lambda stage: stage.batched_prompt_tokens), self._log.total(lambda stage: stage.batched_completion_tokens)
        return self.tokens[0] - off * batched[0], self.tokens[1] - off * batched[1]

    @property
    def money(self) -> float:
        """What they have cost."""
        return self._limits.cost(*self.priced_tokens)

    def sent(self, most: Tokens) -> None:
        """Takes in that a request is sent, which may use so many tokens."""
        self._unlogged += 1
        self._reserved = self._reserved[0] + most[0], self._reserved[1] + most[1]

    def came_back(self, most: Tokens) -> None:
        """Takes in that a request has come back, with a reply or without."""
        self._reserved = self._reserved[0] - most[0], self._reserved[1] - most[1]

    def ended(self, num_attempts: int) -> None:
        """Takes in that a request is in the log, with all its attempts."""
        self._unlogged -= num_attempts

    def reached(self, most: Tokens) -> str:
        """Returns which limit would be passed if one more request used all that it may; empty: none."""
        limits = self._limits
        if limits.requests is None and limits.tokens is None and limits.money is None:
            return ""
        num_sent, used = self._log.total(lambda stage: stage.num_attempts) + self._unlogged, self.tokens
        coming = self._reserved[0] + most[0], self._reserved[1] + most[1]
        looks: tuple[tuple[str, float | None, float, float], ...] = (
            ("requests", limits.requests, num_sent, num_sent + 1),
            ("tokens", limits.tokens, sum(used), sum(used) + sum(coming)),
            ("money", limits.money, self.money, self.money + self._dearest(coming, most)),
        )
        for name, limit, now, after in looks:
            if limit is not None and after > limit:
                return f"limits.{name}={limit:g}: {now:.6g} used, and one more request may take it to {after:.6g}"
        return ""

    def _dearest(self, coming: Tokens, most: Tokens) -> float:
        """Returns what replies under way cost at most, one of which has at most these tokens."""
        limits = self._limits
        self._one, whole = max(self._one, limits.cost(*most)), limits.cost(*coming)
        if not limits.batched:
            return whole
        # A few of them may go by the ordinary way.
        return min(whole, limits.price_batch * whole + (1 - limits.price_batch) * FEW * self._one)
