"""What became of conversations on their way to tokens: kept, dropped with a reason, or cut to fit, in all and by task."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from didact.base.types import Origin
from didact.data.kept_example import kept

TOO_LONG = "response longer than sequence.max_length"
"""The reason to leave out what no cut of its prompt makes short enough for a row."""
_TOTALS = ("num_kept", "num_tokens", "num_examples_cut", "num_tokens_cut", "num_turns_cut")


@dataclass
class TokenReport:
    """What became of every conversation: in = kept + dropped by reason; and what was cut."""

    num_kept: int = 0
    num_tokens: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    num_examples_cut: int = 0
    num_tokens_cut: int = 0
    num_turns_cut: int = 0
    dropped_by_task: dict[str, Counter[str]] = field(default_factory=dict)
    """Task to reason to conversations."""
    cut_by_task: dict[str, list[int]] = field(default_factory=dict)
    """Task to [examples that were cut, their tokens that are gone, their turns that are gone]."""
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Reason, or `cut`, to the first example that it befell: see `kept`."""

    def __post_init__(self) -> None:
        self.dropped = Counter(self.dropped)
        self.dropped_by_task = {task: Counter(reasons) for task, reasons in self.dropped_by_task.items()}

    def drop(self, reason: str, origin: Origin | None = None, example: Any = None) -> None:
        """Counts a conversation that is left out.

        Args:
            reason: Why, in words that all conversations of one kind share.
            origin: Where it comes from, where that is known.
            example: Its tokens, where it has some: a `TokenisedExample`.
        """
        self.dropped[reason] += 1
        if origin is not None:
            self.dropped_by_task.setdefault(origin.task, Counter())[reason] += 1
            if reason not in self.first:
                self.first[reason] = kept(origin, example)

    def cut(self, origin: Origin, num_tokens: int, num_turns: int = 0, example: Any = None) -> None:
        """Counts a conversation that was made shorter.

        Args:
            origin: Where it comes from.
            num_tokens: Tokens that are gone.
            num_turns: Turns that are gone, those tokens among the others.
            example: What is left: a `TokenisedExample`.
        """
        new = (1, num_tokens, num_turns)
        self.num_examples_cut, self.num_tokens_cut = self.num_examples_cut + 1, self.num_tokens_cut + num_tokens
        self.num_turns_cut += num_turns
        self.cut_by_task[origin.task] = _sum(self.cut_by_task.get(origin.task), new)
        if "cut" not in self.first:
            self.first["cut"] = kept(origin, example)

    def add(self, more: "TokenReport") -> None:
        """Adds what became of other conversations."""
        for name in _TOTALS:
            setattr(self, name, getattr(self, name) + getattr(more, name))
        self.dropped.update(more.dropped)
        for task, reasons in more.dropped_by_task.items():
            self.dropped_by_task.setdefault(task, Counter()).update(reasons)
        for task, counts in more.cut_by_task.items():
            self.cut_by_task[task] = _sum(self.cut_by_task.get(task), counts)
        for reason, example in more.first.items():
            self.first.setdefault(reason, example)

    def to_dict(self) -> dict[str, Any]:
        """Returns the same as plain data, from which `TokenReport(**...)` makes it again."""
        by_task = {task: dict(reasons) for task, reasons in self.dropped_by_task.items()}
        return {**vars(self), "dropped": dict(self.dropped), "dropped_by_task": by_task}

    def lines(self) -> list[str]:
        """Returns the account in plain sentences."""
        reasons = "".join(f" ({reason} {count:,})" for reason, count in self.dropped.most_common())
        total = self.num_kept + self.dropped.total()
        kept = f"{self.num_kept:,} kept + {self.dropped.total():,} dropped{reasons}"
        cut = f"{self.num_examples_cut:,} examples shortened by {self.num_tokens_cut:,} tokens and {self.num_turns_cut:,} old turns"
        return [f"tokenised: {total:,} conversations = {kept}; {self.num_tokens:,} tokens", f"to fit: {cut}; no kept response was cut"]


def _sum(mine: list[int] | None, more: "list[int] | tuple[int, ...]") -> list[int]:
    return list(more) if mine is None else [one + other for one, other in zip(mine, more, strict=True)]
