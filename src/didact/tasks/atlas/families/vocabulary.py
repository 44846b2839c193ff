"""Families about words: their opposites, plurals and past tenses."""

from collections.abc import Callable, Mapping
from random import Random

from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.relations import a
from didact.tasks.atlas.world import World


def _pairs(here: World, table: str, both_ways: bool) -> list[tuple[str, str]]:
    """Returns the words of a table, each with what belongs to it."""
    pairs = [(one, other) for one, other in here.words[table]]
    return pairs + [(other, one) for one, other in pairs] if both_ways else pairs


def _maker(table: str, phrase: str, both_ways: bool = False) -> Callable[[World, str, Random], Instance]:
    def make(here: World, part: str, drawn: Random) -> Instance:
        word, answer = drawn.choice(_pairs(here, table, both_ways))
        return Instance({"word": word}, f"The {phrase} of {word} is {answer}.", (answer,))

    return make


def _verifier(table: str, phrase: str, both_ways: bool = False) -> Callable[[World, Mapping[str, str], str], bool]:
    def verify(here: World, fields: Mapping[str, str], answer: str) -> bool:
        word = fields["word"]
        right = [other for one, other in _pairs(here, table, both_ways) if one == word]
        return same(answer, *right, *(f"the {phrase} of {word} is {other}" for other in right))

    return verify


OPPOSITE = Family(
    "opposite",
    "Say the opposite of a word.",
    _maker("opposites", "opposite", both_ways=True),
    _verifier("opposites", "opposite", both_ways=True),
    unseen=True,
)
"""`What is the opposite of hot?` `The opposite of hot is cold.`"""
PLURAL = Family("plural", "Say the plural of a word.", _maker("plurals", "plural"), _verifier("plurals", "plural"), num_train=60)
"""`What is the plural of leaf?` `The plural of leaf is leaves.`"""
PAST_TENSE = Family(
    "past_tense",
    "Say the past tense of a word.",
    _maker("pasts", "past tense"),
    _verifier("pasts", "past tense"),
    num_train=50,
)
"""`What is the past tense of go?` `The past tense of go is went.`"""


# Young animals and homes.

_TABLES = {"young": "young", "home": "homes"}


def _make_animal_word(here: World, part: str, drawn: Random) -> Instance:
    word, answer = drawn.choice(here.words[_TABLES[part]])
    target = f"The {part} of {a(word)} is {a(answer)}."
    return Instance({"relation": part, "animal": a(word)}, target, (answer, a(answer)))


def _verify_animal_word(here: World, fields: Mapping[str, str], answer: str) -> bool:
    relation, animal = fields["relation"], fields["animal"]
    right = next(other for word, other in here.words[_TABLES[relation]] if a(word) == animal)
    return same(answer, right, a(right), f"the {relation} of {animal} is {a(right)}")


ANIMAL_WORD = Family(
    "animal_word",
    "Say what the young or the home of an animal is called.",
    _make_animal_word,
    _verify_animal_word,
    parts={"young": "", "home": ""},
    num_train=40,
)
"""`What is the young of a cat?` `The young of a cat is a kitten.`"""
