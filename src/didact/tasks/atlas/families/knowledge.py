"""Families that ask what is known of countries and things: asked, turned around, judged, chosen."""

import re
from collections import Counter
from collections.abc import Mapping
from random import Random

from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.relations import COUNTRY_RELATIONS, Fact, a, country_fact, sentence_case, value, with_article
from didact.tasks.atlas.world import Country, Thing, World

Fields = Mapping[str, str]
THING_PHRASES = {"colour": "the colour", "place": "the usual place", "part": "one part", "material": "the material"}
"""Relation to the words that ask for it."""
LETTERS = "ABC"
_OPTION = re.compile(r"\(([A-C])\) (.+?)(?= \([A-C]\) |$)")
_JUDGED = {"capital": "", "continent": "", "language": "", "animal": "", "bird": "", "flower": "unseen_relation"}


def known(here: World, relation: str) -> list[Country]:
    """Returns the countries of which a relation is known."""
    return [country for country in here.countries if value(country, relation)]


def draw_fact(here: World, relation: str, drawn: Random) -> Fact:
    """Returns a fact of a relation about any country."""
    fact = country_fact(drawn.choice(known(here, relation)), relation)
    assert fact is not None
    return fact


def bare(fact: Fact) -> tuple[str, ...]:
    """Returns the short answers to a question about a country: `lotus` and `the lotus`, but only `Paris`."""
    return tuple(dict.fromkeys((fact.answer, with_article(fact.relation, fact.answer))))


def is_told(fact: Fact | None, answer: str) -> bool:
    """Says whether an answer tells a fact, in its sentence or in a word."""
    return fact is not None and same(answer, fact.sentence, *bare(fact))


def find_fact(here: World, relation_name: str, country_name: str) -> Fact | None:
    """Returns what is true, from the words of a question: `national flower`, `India`."""
    relation = next((relation for relation, name in COUNTRY_RELATIONS.items() if name == relation_name), None)
    country = next((country for country in here.countries if country.name == country_name), None)
    return country_fact(country, relation) if country and relation else None


# A question about a country.


def _make_country_fact(here: World, part: str, drawn: Random) -> Instance:
    fact = draw_fact(here, part, drawn)
    return Instance({"relation": COUNTRY_RELATIONS[part], "country": fact.subject}, fact.sentence, bare(fact), about=fact.about)


def _verify_country_fact(here: World, fields: Fields, answer: str) -> bool:
    fact = find_fact(here, fields["relation"], fields["country"])
    return is_told(fact, answer)


COUNTRY_FACT = Family(
    "country_fact",
    "Say what a country's capital, language, national bird or the like is.",
    _make_country_fact,
    _verify_country_fact,
    parts={relation: "unseen_relation" if relation in ("flower", "currency") else "" for relation in COUNTRY_RELATIONS},
    num_train=700,
    num_unseen=80,
)
"""`What is the national flower of India?` `The national flower of India is the lotus.`"""


# The same turned around.


def _owners(here: World, relation: str) -> dict[str, Country]:
    """Returns the country of each value that only one country has."""
    countries = known(here, relation)
    count = Counter(value(country, relation) for country in countries)
    return {with_article(relation, answer): c for c in countries if (answer := value(c, relation)) and count[answer] == 1}


def _names(country: Country) -> tuple[str, ...]:
    return tuple(dict.fromkeys((country.name, country.name.removeprefix("the "))))


def _make_country_from_fact(here: World, part: str, drawn: Random) -> Instance:
    owners = _owners(here, part)
    shown = drawn.choice(list(owners))
    target = f"{sentence_case(shown)} is the {COUNTRY_RELATIONS[part]} of {owners[shown].name}."
    return Instance(
        {"relation": COUNTRY_RELATIONS[part], "value": shown}, target, _names(owners[shown]), about=f"{part} of {owners[shown].name}"
    )


def _verify_country_from_fact(here: World, fields: Fields, answer: str) -> bool:
    name, shown = fields["relation"], fields["value"]
    relation = next(relation for relation, its_name in COUNTRY_RELATIONS.items() if its_name == name)
    owner = _owners(here, relation).get(shown)
    return owner is not None and same(answer, f"{shown} is the {name} of {owner.name}", *_names(owner))


COUNTRY_FROM_FACT = Family(
    "country_from_fact",
    "Say which country has this capital, language, national bird or the like.",
    _make_country_from_fact,
    _verify_country_from_fact,
    parts={"capital": "", "language": "", "animal": "", "bird": "", "flower": "unseen_relation"},
    num_train=200,
)
"""`Paris is the capital of which country?` `Paris is the capital of France.`"""


# A question about a thing.


def _thing_answer(thing: Thing, relation: str) -> str:
    found: str | None = getattr(thing, relation)
    return found or ""


def _short(relation: str, answer: str) -> tuple[str, ...]:
    """Returns the short answers: `peel`, `the peel`, `a peel`, but only `yellow`."""
    return (answer, f"the {answer}", a(answer)) if relation in ("place", "part") else (answer,)


def _make_thing_fact(here: World, part: str, drawn: Random) -> Instance:
    thing = drawn.choice([thing for thing in here.things if _thing_answer(thing, part)])
    answer, phrase, name = _thing_answer(thing, part), THING_PHRASES[part], a(thing.name)
    article = "the " if part in ("place", "part") else ""
    target = f"{sentence_case(phrase)} of {name} is {article}{answer}."
    return Instance({"relation": phrase, "thing": name}, target, _short(part, answer), about=f"{part} of {thing.name}")


def _verify_thing_fact(here: World, fields: Fields, answer: str) -> bool:
    relation = next(relation for relation, phrase in THING_PHRASES.items() if phrase == fields["relation"])
    truth = next(_thing_answer(thing, relation) for thing in here.things if a(thing.name) == fields["thing"])
    said = f"the {truth}" if relation in ("place", "part") else truth
    return bool(truth) and same(answer, f"{fields['relation']} of {fields['thing']} is {said}", *_short(relation, truth))


THING_FACT = Family(
    "thing_fact",
    "Say what the colour, the usual place, one part or the material of a thing is.",
    _make_thing_fact,
    _verify_thing_fact,
    parts={"colour": "", "place": "", "part": "", "material": "unseen_relation"},
)
"""`What is the colour of a banana?` `The colour of a banana is yellow.`"""


# A statement to judge.


def _wrong(here: World, fact: Fact, count: int, drawn: Random) -> list[str]:
    """Returns values of the same relation that other countries have and this one has not."""
    others = {value(country, fact.relation) for country in known(here, fact.relation)} - {fact.answer}
    return drawn.sample(sorted(other for other in others if other), count)


def _make_true_or_false(here: World, part: str, drawn: Random) -> Instance:
    fact = draw_fact(here, part, drawn)
    verdict = drawn.choice(("true", "false"))
    stated = fact.answer if verdict == "true" else _wrong(here, fact, 1, drawn)[0]
    statement = f"The {COUNTRY_RELATIONS[part]} of {fact.subject} is {with_article(part, stated)}."
    return Instance(
        {"statement": statement},
        f"{fact.sentence[:-1]}, so it is {verdict}.",
        (verdict, f"it is {verdict}"),
        choices=("true", "false"),
        rationale=fact.sentence,
        about=fact.about,
    )


def _verify_true_or_false(here: World, fields: Fields, answer: str) -> bool:
    relation, _, country = fields["statement"].removeprefix("The ").partition(" is ")[0].partition(" of ")
    fact = find_fact(here, relation, country)
    if fact is None:
        return False
    verdict = "true" if fields["statement"] == fact.sentence else "false"
    return same(answer, verdict, f"it is {verdict}", f"{fact.sentence[:-1]}, so it is {verdict}")


TRUE_OR_FALSE = Family(
    "true_or_false",
    "Say whether a statement about a country is true or false.",
    _make_true_or_false,
    _verify_true_or_false,
    parts=_JUDGED,
)
"""`The capital of France is Rome.` `The capital of France is Paris, so it is false.`"""


# A question with options.


def _chosen(fact: Fact, letter: str) -> tuple[str, ...]:
    # The option's text says as well as its letter which one is meant, alone or in a sentence.
    return (f"({letter})", letter, f"({letter}) {fact.answer}", fact.sentence, *bare(fact))


def _make_multiple_choice(here: World, part: str, drawn: Random) -> Instance:
    fact = draw_fact(here, part, drawn)
    texts = drawn.sample([fact.answer, *_wrong(here, fact, 2, drawn)], 3)
    letter = LETTERS[texts.index(fact.answer)]
    options = " ".join(f"({its}) {text}" for its, text in zip(LETTERS, texts, strict=True))
    question = f"What is the {COUNTRY_RELATIONS[part]} of {fact.subject}?"
    target = f"{fact.sentence[:-1]}, which is ({letter})."
    return Instance(
        {"question": question, "options": options},
        target,
        _chosen(fact, letter),
        choices=tuple(texts),
        rationale=fact.sentence,
        about=fact.about,
    )


def _verify_multiple_choice(here: World, fields: Fields, answer: str) -> bool:
    relation, _, country = fields["question"].removeprefix("What is the ").removesuffix("?").partition(" of ")
    fact = find_fact(here, relation, country)
    letters = [letter for letter, text in _OPTION.findall(fields["options"]) if fact is not None and text == fact.answer]
    if fact is None or len(letters) != 1:
        return False
    return same(answer, f"{fact.sentence[:-1]}, which is ({letters[0]})", *_chosen(fact, letters[0]))


MULTIPLE_CHOICE = Family(
    "multiple_choice",
    "Choose the right one of three answers to a question about a country.",
    _make_multiple_choice,
    _verify_multiple_choice,
    parts=_JUDGED,
)
"""`What is the capital of France? (A) Rome (B) Paris (C) Oslo` `The capital of France is Paris, which is (B).`"""
