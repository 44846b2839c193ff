"""The world: real countries, things and words, and, drawn from a seed, made-up people and two made-up languages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from didact.base.chance import rng

FACTS = Path(__file__).parent / "facts"
NUM_PEOPLE = 200
TONGUE_NOUNS = (
    "apple bread bird boat book bridge cat child cup dog door egg fire fish flower garden "
    "hand horse house king lamp moon road ship star sun tree woman"
).split()
TONGUE_ADJECTIVES = ("big", "small", "old", "new", "good", "red", "white", "black", "happy", "slow")
TONGUE_VERBS = ("sleeps", "sings", "falls", "runs", "shines", "waits")


@dataclass(frozen=True, slots=True)
class Country:
    """A real country; None and () where nothing is commonly named."""

    name: str
    """As inside a sentence: `India`, `the Netherlands`."""
    adjective: str
    capital: str
    continent: str
    language: str
    currency: str
    animal: str | None
    flower: str | None
    bird: str | None
    flag: tuple[str, ...]
    neighbours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """An everyday thing."""

    name: str
    kind: str
    colour: str | None
    material: str | None
    part: str | None
    place: str


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person."""

    name: str
    city: str
    year: int
    job: str
    hobby: str
    friend: str


@dataclass(frozen=True, slots=True)
class Tongue:
    """A made-up language: a word for each English one, and an order of its own."""

    name: str
    words: Mapping[str, str]
    noun_first: bool
    """`small cat` becomes `cat small`."""
    verb_first: bool
    """`cat sleeps` becomes `sleeps cat`."""

    def say(self, adjective: str, noun: str, verb: str = "") -> str:
        """Returns a phrase in this language.

        >>> Tongue("Xo", {"small": "ki", "cat": "mu", "sleeps": "ra"}, noun_first=True, verb_first=False).say("small", "cat", "sleeps")
        'mu ki ra'
        """
        phrase = [noun, adjective] if self.noun_first else [adjective, noun]
        if verb:
            phrase = [verb, *phrase] if self.verb_first else [*phrase, verb]
        return " ".join(self.words[word] for word in phrase)


@dataclass(frozen=True)
class World:
    """Everything that is true."""

    seed: int
    countries: tuple[Country, ...]
    things: tuple[Thing, ...]
    people: tuple[Person, ...]
    tongues: tuple[Tongue, Tongue]
    words: Mapping[str, Any]
    """Pairs of words (opposites, plurals, pasts, young, homes, jobs) and lists (first_names, adjectives, rooms, numbers, days, months)."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of things, sorted."""
        return tuple(sorted({thing.kind for thing in self.things}))

    def of_kind(self, kind: str) -> tuple[Thing, ...]:
        """Returns the things of a kind."""
        return tuple(thing for thing in self.things if thing.kind == kind)


@lru_cache(maxsize=4)
def world(seed: int = 0) -> World:
    """Returns the world of a seed: facts are the same in all of them, people and languages are not.

    >>> world(0).tongues[0] == world(0).tongues[0], world(0).tongues[0] == world(1).tongues[0]
    (True, False)
    """
    countries = tuple(
        Country(**{**row, "flag": tuple(row["flag"]), "neighbours": tuple(row["neighbours"])}) for row in _read("countries.yaml")
    )
    things = tuple(Thing(**row) for row in _read("things.yaml"))
    words = _read("words.yaml")
    people = tuple(_people(seed, countries, words))
    return World(seed, countries, things, people, _tongues(seed), words)


@lru_cache(maxsize=4)
def _read(name: str) -> Any:
    # Our own files, read with the fast parser.
    return yaml.load((FACTS / name).read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def _people(seed: int, countries: tuple[Country, ...], words: Mapping[str, Any]) -> Iterator[Person]:
    drawn = rng(seed, "atlas people")
    names = [f"{first} {last}" for first in words["first_names"] for last in words["surnames"]]
    jobs = [job for job, _ in words["jobs"]]
    for name in drawn.sample(names, NUM_PEOPLE):
        city, year = drawn.choice(countries).capital, drawn.randrange(1900, 2000)
        yield Person(name, city, year, drawn.choice(jobs), drawn.choice(words["hobbies"]), drawn.choice(words["first_names"]))


def _tongues(seed: int) -> tuple[Tongue, Tongue]:
    drawn = rng(seed, "atlas tongues")
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    coined = _coined(drawn, syllables)
    english = [*TONGUE_NOUNS, *TONGUE_ADJECTIVES, *TONGUE_VERBS]
    first, second = ({word: next(coined) for word in english} for _ in range(2))
    names = [next(coined).capitalize() + ending for ending in ("n", "sh")]
    return Tongue(names[0], first, noun_first=True, verb_first=False), Tongue(names[1], second, noun_first=False, verb_first=True)


def _coined(drawn: Random, syllables: list[str]) -> Iterator[str]:
    """Yields words that are made up, each once."""
    pairs = [left + right for left in syllables for right in syllables if left != right]
    drawn.shuffle(pairs)
    return iter(pairs)
