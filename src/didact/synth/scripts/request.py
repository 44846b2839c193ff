"""A request as a script reads it: what is said, and which of the methods' wordings it was made from."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from didact.base.chance import rng
from didact.base.files import fingerprint

SLIP = 1 / 12
"""How often a script gets something wrong on purpose, so that there is something for rules and filters to find."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    body: Mapping[str, Any]
    """In OpenAI's form, with `sample`, the number of the draw."""
    seed: int = 0
    """Another one is another teacher."""

    @property
    def is_chat(self) -> bool:
        """Says whether it is a conversation, and no text to go on with."""
        return self.body.get("prompt") is None

    @property
    def last(self) -> str:
        """The text to go on with, or what was said last."""
        return str(self.body["messages"][-1].get("content") or "") if self.is_chat else str(self.body["prompt"])

    @property
    def system(self) -> str:
        """The system message, empty where there is none."""
        first = self.body["messages"][0] if self.is_chat else {}
        return str(first["content"]) if first.get("role") == "system" else ""

    def rand(self, *about: str | int) -> random.Random:
        """Returns chance that is the same whenever the same is asked for the same time; who is asked does not matter."""
        said = fingerprint({key: self.body[key] for key in sorted(self.body) if key != "model"})
        return rng(self.seed, "synth", "scripted", said, *about)


def filled(wording: str, text: str) -> dict[str, str] | None:
    """Returns what stands in the slots of a wording where a text was made from it; None where it was not.

    Args:
        wording: A text with slots, each once, as `str.format` has them.
        text: What may have come of it.

    >>> filled("Sing of {what} to {whom}.", "Sing of rain to me."), filled("Sing of {what}.", "Hum.")
    ({'what': 'rain', 'whom': 'me'}, None)
    """
    found = _pattern(wording).fullmatch(text)
    return found.groupdict() if found else None


@cache
def _pattern(wording: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", wording)
    return re.compile("".join(f"(?P<{one}>.*?)" if number % 2 else re.escape(one) for number, one in enumerate(pieces)), re.DOTALL)
