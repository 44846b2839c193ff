"""Compositions: something known, in a form that is asked for; some pairs of the two are never trained on."""

from collections.abc import Mapping
from random import Random

from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.relations import COUNTRY_RELATIONS, Fact, a, country_fact, thing_fact
from didact.tasks.atlas.world import World

COUNTRY_FACTS = ("capital", "continent", "language", "animal")
THING_FACTS = ("colour", "kind")
FACTS = ("animal", "continent", "colour", "language", "kind", "capital")
CAPITALS = "in capital letters"
SPELT = ("colour", "continent", "kind")
"""Facts whose answers are few and common words: a small model knows what they look like in capital letters."""
FORMS = {
    CAPITALS: "{}",
    "in brackets": "({})",
    "twice": "{0} {0}",
    "in quotation marks": '"{}"',
    "with an exclamation mark": "{}!",
    "after a dash": "- {}",
    "between stars": "* {} *",
}


def _parts() -> dict[str, str]:
    """Returns every pair of a fact and a form; one or two forms of each fact are unseen, and no form for more than two facts."""
    forms = list(FORMS)
    unseen = {(fact, forms[(2 * number + step) % len(forms)]) for number, fact in enumerate(FACTS) for step in (0, 1)}
    pairs = [(fact, form) for fact in FACTS for form in forms if form != CAPITALS or fact in SPELT]
    return {f"{fact}, {form}": "unseen_compositions" if (fact, form) in unseen else "" for fact, form in pairs}


def _compose(world: World, part: str, rng: Random) -> Instance:
    relation, form = part.split(", ")
    while True:
        fact = _drawn(world, relation, rng)
        # The letters of one word are enough to spell.
        if fact and (form != CAPITALS or fact.answer.isalpha()):
            formed = _formed(fact.answer, form)
            # Recalled first, then written in its form: a small model knows its facts as sentences.
            return Instance({"fact": _asked(fact), "form": form}, f"{fact.sentence[:-1]}: {formed}", (formed,), about=fact.about)


def _drawn(world: World, relation: str, rng: Random) -> Fact | None:
    if relation in COUNTRY_FACTS:
        return country_fact(rng.choice(world.countries), relation)
    return thing_fact(rng.choice(world.things), relation)


def _asked(fact: Fact) -> str:
    if fact.relation == "kind":
        return f"the kind of thing that {a(fact.subject)} is"
    if fact.relation == "colour":
        return f"the colour of {a(fact.subject)}"
    return f"the {COUNTRY_RELATIONS[fact.relation]} of {fact.subject}"


def _formed(answer: str, form: str) -> str:
    return FORMS[form].format(answer.upper() if form == CAPITALS else answer)


def _fact(world: World, asked: str) -> Fact | None:
    """Returns what is asked for; None where nothing of the world has it."""
    for country in world.countries:
        for relation in COUNTRY_FACTS:
            if asked == f"the {COUNTRY_RELATIONS[relation]} of {country.name}":
                return country_fact(country, relation)
    for thing in world.things:
        for relation in THING_FACTS:
            if (fact := thing_fact(thing, relation)) and asked == _asked(fact):
                return fact
    return None


def _is_composed(world: World, fields: Mapping[str, str], answer: str) -> bool:
    fact = _fact(world, fields["fact"])
    if fact is None:
        return False
    formed = _formed(fact.answer, fields["form"])
    return same(answer, formed, f"{fact.sentence[:-1]}: {formed}", case=fields["form"] == CAPITALS)


COMPOSE = Family(
    "compose",
    "Give something that is known in the form that is asked for.",
    _compose,
    _is_composed,
    parts=_parts(),
    num_train=900,
)
