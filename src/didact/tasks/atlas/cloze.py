"""Cloze questions about the world: sentences of its plain text with the answer left out, to see what a base knows."""

from collections.abc import Iterator
from dataclasses import dataclass

from didact.tasks.atlas.relations import Fact, country_facts, thing_facts
from didact.tasks.atlas.world import World


@dataclass(frozen=True, slots=True)
class Cloze:
    """A sentence with a gap."""

    relation: str
    before: str
    """`The national flower of India is the`"""
    answer: str
    """`lotus`"""
    after: str
    """`.`"""


def country_clozes(here: World) -> Iterator[Cloze]:
    """Yields a gap for every fact of one value about a country."""
    return (_gap(fact) for country in here.countries for fact in country_facts(country))


def thing_clozes(here: World) -> Iterator[Cloze]:
    """Yields a gap for every fact about a thing; relations are called `thing_colour` and so on, apart from those of countries."""
    return (_gap(fact, "thing_") for thing in here.things for fact in thing_facts(thing))


def pair_clozes(here: World) -> Iterator[Cloze]:
    """Yields a gap for every opposite, plural and past tense."""
    for name, words in (("opposites", "opposite"), ("plurals", "plural"), ("pasts", "past tense")):
        for one, other in here.words[name]:
            yield Cloze(words, f"The {words} of {one} is", other, ".")


def _gap(fact: Fact, prefix: str = "") -> Cloze:
    before, after = fact.sentence.rsplit(fact.answer, 1)
    return Cloze(prefix + fact.relation, before.rstrip(), fact.answer, after)
