"""What a synthesis ends in: rows that are kept, rows that are dropped with their reason, and requests that got no answer."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from didact.base.types import Message


@dataclass(frozen=True, slots=True)
class Row:
    """One synthetic conversation, and where it comes from."""

    id: str
    """Stable: the same in every run of the same recipe."""
    messages: tuple[Message, ...] = ()
    """What is said; empty for a row that got no further than its instruction."""
    parents: tuple[str, ...] = ()
    """Ids of the seeds and rows that it was made from."""
    operation: str = ""
    """What made it: instance, deepen, backtranslate ..."""
    prompt_hash: str = ""
    """Fingerprint of the wording that asked for it."""
    model: str = ""
    """Who wrote it."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """What filters and judges gave it."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Its parts by name: instruction, input, output, label ..."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that is not kept."""

    row: Row
    """What there is of it."""
    reason: str
    """Why, in a few words that can be counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a synthesis made."""

    rows: tuple[Row, ...] = ()
    """Kept."""
    dropped: tuple[Dropped, ...] = ()
    """Written by the model, and refused."""
    failed: tuple[Dropped, ...] = ()
    """Never answered."""

    @property
    def num_in(self) -> int:
        """Rows in all."""
        return len(self.rows) + len(self.dropped) + len(self.failed)

    def counts(self) -> dict[str, Any]:
        """Returns the account: in = kept + dropped (by reason) + failed (by reason).

        >>> Outcome((Row("a"),), (Dropped(Row("b"), "too short"),)).counts()
        {'num_in': 2, 'num_kept': 1, 'dropped': {'too short': 1}, 'failed': {}}
        """
        dropped, failed = (dict(Counter(one.reason for one in part).most_common()) for part in (self.dropped, self.failed))
        return {"num_in": self.num_in, "num_kept": len(self.rows), "dropped": dropped, "failed": failed}
