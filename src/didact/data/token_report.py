"""What became of conversations on their way to tokens: kept, dropped with a reason, or cut to fit."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class TokenReport:
    """What became of every conversation: in = kept + dropped by reason; and what was cut."""

    num_kept: int = 0
    num_tokens: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    num_examples_cut: int = 0
    num_tokens_cut: int = 0
    num_turns_cut: int = 0

    def __post_init__(self) -> None:
        self.dropped = Counter(self.dropped)

    def add(self, more: "TokenReport") -> None:
        """Adds what became of other conversations."""
        for name in ("num_kept", "num_tokens", "num_examples_cut", "num_tokens_cut", "num_turns_cut"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        self.dropped.update(more.dropped)

    def to_dict(self) -> dict[str, Any]:
        """Returns the same as plain data, from which `TokenReport(**...)` makes it again."""
        return {**vars(self), "dropped": dict(self.dropped)}

    def lines(self) -> list[str]:
        """Returns the account in plain sentences."""
        reasons = "".join(f" ({reason} {count:,})" for reason, count in self.dropped.most_common())
        total = self.num_kept + self.dropped.total()
        kept = f"{self.num_kept:,} kept + {self.dropped.total():,} dropped{reasons}"
        cut = f"{self.num_examples_cut:,} examples shortened by {self.num_tokens_cut:,} tokens and {self.num_turns_cut:,} old turns"
        return [f"tokenised: {total:,} conversations = {kept}; {self.num_tokens:,} tokens", f"to fit: {cut}; no kept response was cut"]
