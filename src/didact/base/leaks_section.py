"""The recipe's `tasks.leaks`: what counts as text that seen and unseen examples share, and what to do about it."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from didact.base.config import Section

OVERLAP = re.compile(r"(\d+)-gram(?:-(\d+))?")
OTHER_WORDS = {"error": "stop", "remove": "drop", "allow": "report"}
"""What other toolkits call the actions."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A rule about words in a row."""

    name: str
    """Its name in reports: `13-gram`, `8-gram-50`."""
    ngram: int
    """Words in a row that have to be the same."""
    percent: int = 0
    """How much of one of the two examples such runs have to cover; 0: one run is enough."""


def overlap_named(rule: str, ngram: int = 13) -> Overlap:
    """Returns the rule that a recipe calls `ngram`, `N-gram` or `N-gram-P`.

    >>> overlap_named("ngram", 13).name, overlap_named("8-gram-50").percent
    ('13-gram', 50)

    Raises:
        ValueError: It is no such rule.
    """
    found = OVERLAP.fullmatch(f"{ngram}-gram" if rule == "ngram" else rule)
    if not found:
        raise ValueError(f"no rule about overlaps is called '{rule}': write exact, ngram, near, N-gram (13-gram) or N-gram-P (8-gram-50)")
    words, percent = int(found[1]), int(found[2] or 0)
    if words < 2 or (found[2] and not 1 <= percent <= 100):
        raise ValueError(f"'{rule}' says nothing: N is at least 2 words and P is 1 to 100 percent, as in 8-gram-50")
    return Overlap(found[0], words, percent)


class Leaks(Section):
    """What to do about text that stands in both seen and unseen examples."""

    rules: tuple[str, ...] = ("exact", "ngram")
    """What counts; one that holds is enough. exact: the same whole input; ngram: `ngram` words in a row (`20-gram`: 20 of them);
    `8-gram-50`: runs of 8 words cover at least 50 percent of one of the two; near: near-duplicates, by `similarity`."""
    ngram: Annotated[int, Field(ge=2)] = 13
    """Words in a row that count as an overlap."""
    similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """For rule near: words of both, in runs of three, over those of either (Jaccard), from 0 to 1."""
    answers: bool = False
    """True: the answers are compared too, with answers and with inputs: for tasks that are turned around (`prompts.inverted`)."""
    action: Literal["stop", "drop", "report"] = "stop"
    """stop: refuse to train; drop: leave the seen examples out; report: only say so."""

    @field_validator("action", mode="before")
    @classmethod
    def _in_our_words(cls, action: Any) -> Any:
        if isinstance(action, str) and action in OTHER_WORDS:
            raise ValueError(f"'{action}' is called {OTHER_WORDS[action]} here: tasks.leaks.action={OTHER_WORDS[action]}")
        return action

    @field_validator("rules")
    @classmethod
    def _are_rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        if not rules:
            raise ValueError("names no rule, so nothing would be found: tasks.leaks.action=report only says what there is")
        for rule in rules:
            if rule not in ("exact", "near"):
                overlap_named(rule)
        return rules
