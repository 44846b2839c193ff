"""A family of tasks: one skill, made into any number of instances, each with an exact verifier."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from didact.tasks.atlas.world import World


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a family."""

    fields: Mapping[str, str]
    """What templates may use; together they say everything that decides the answer."""
    target: str
    """The response that is trained on."""
    accepted: tuple[str, ...] = ()
    """Further answers that count as right, for example the bare word."""
    choices: tuple[str, ...] = ()
    rationale: str = ""
    """The steps that lead to the answer, where there are any."""
    about: str = ""
    """The fact that it is about, where one is told: families share what is unseen of the facts. Empty: only itself."""

    @property
    def key(self) -> str:
        """What makes two instances the same."""
        return "\n".join(f"{name}: {text}" for name, text in sorted(self.fields.items()))


@dataclass(frozen=True)
class Family:
    """One skill."""

    name: str
    definition: str
    """What it asks for, in one sentence."""
    make: Callable[[World, str, Random], Instance]
    """Draws an instance of a part."""
    verify: Callable[[World, Mapping[str, str], str], bool]
    """Says whether an answer is right, from the fields alone."""
    parts: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    """Rules, relations or compositions, each with its level: `` (trained on), `unseen_relation` or `unseen_compositions`."""
    unseen: bool = False
    """True: the whole family is never trained on."""
    num_train: int = 500
    """Training instances, over all seen parts; fewer where the world has no more."""
    num_unseen: int = 60
    """Instances of each of its unseen tasks."""


def same(answer: str, *right: str, case: bool = False) -> bool:
    """Says whether an answer is one of the right ones, whatever the space around it, a final full stop and, unless `case`, its case.

    >>> same(" Lamp.", "lamp"), same("RED LAMP", "red lamp", case=True)
    (True, False)
    """

    def plain(text: str) -> str:
        text = text.strip().removesuffix(".").rstrip()
        return text if case else text.lower()

    return plain(answer) in [plain(text) for text in right]
