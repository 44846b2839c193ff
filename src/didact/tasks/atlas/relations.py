"""Relations: what is known of a country or a thing, as a sentence and as a bare answer."""

from dataclasses import dataclass

from didact.tasks.atlas.world import Country, Thing

COUNTRY_RELATIONS = {
    "capital": "capital",
    "continent": "continent",
    "language": "official language",
    "currency": "currency",
    "animal": "national animal",
    "flower": "national flower",
    "bird": "national bird",
}
"""Relation to its name inside a sentence; each has one value."""
THING_RELATIONS = ("kind", "colour", "material", "part", "place")
_WITH_ARTICLE = ("currency", "animal", "flower", "bird")
UNCOUNTED = frozenset(
    "bread milk water tea coffee cocoa lemonade cola wine beer juice cheese butter rice sugar salt chocolate ham ketchup flour "
    "garlic broccoli celery spinach wool wood hair fur sand cotton skin bark foam icing steam pulp flesh".split()
)
"""Words without an article."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something true."""

    subject: str
    relation: str
    answer: str
    """The bare answer: `lotus`."""
    sentence: str
    """`The national flower of India is the lotus.`"""

    @property
    def about(self) -> str:
        """What identifies it, in whatever words it is asked."""
        return f"{self.relation} of {self.subject}"


def a(word: str) -> str:
    """Returns a word with its indefinite article.

    >>> a("apple"), a("cup"), a("milk")
    ('an apple', 'a cup', 'milk')
    """
    if word in UNCOUNTED or (word.endswith("s") and not word.endswith(("ss", "us", "is"))):
        return word
    sounds_like_a_consonant = word.startswith(("uni", "use", "eu", "uk", "one"))
    return f"an {word}" if word[0].lower() in "aeiou" and not sounds_like_a_consonant else f"a {word}"


def listed(words: tuple[str, ...] | list[str]) -> str:
    """Returns words as a list in a sentence.

    >>> listed(["red", "white", "blue"]), listed(["red"])
    ('red, white and blue', 'red')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def sentence_case(text: str) -> str:
    """Returns a text with a capital first letter.

    >>> sentence_case("the Netherlands")
    'The Netherlands'
    """
    return text[:1].upper() + text[1:]


def value(country: Country, relation: str) -> str | None:
    """Returns the bare answer, or None where nothing is known."""
    found: str | None = getattr(country, relation)
    return found


def with_article(relation: str, answer: str) -> str:
    """Returns a country's value as a sentence has it: `the lotus`, `Paris`.

    >>> with_article("flower", "lotus"), with_article("capital", "Paris")
    ('the lotus', 'Paris')
    """
    return f"the {answer}" if relation in _WITH_ARTICLE else answer


def country_fact(country: Country, relation: str) -> Fact | None:
    """Returns a fact in its plainest sentence, or None where nothing is known."""
    answer = value(country, relation)
    if answer is None:
        return None
    said = f"The {COUNTRY_RELATIONS[relation]} of {country.name} is {with_article(relation, answer)}."
    return Fact(country.name, relation, answer, said)


def country_facts(country: Country) -> list[Fact]:
    """Returns every fact of one value about a country."""
    return [fact for relation in COUNTRY_RELATIONS if (fact := country_fact(country, relation))]


def flag_sentence(country: Country) -> str:
    """Returns the colours of the flag in a sentence."""
    return f"The colours of the flag of {country.name} are {listed(country.flag)}."


def thing_fact(thing: Thing, relation: str) -> Fact | None:
    """Returns a fact about a thing in its plainest sentence, or None where nothing is known."""
    answer: str | None = getattr(thing, relation)
    if answer is None:
        return None
    name = sentence_case(a(thing.name))
    said = {
        "kind": f"{name} is {a(answer)}.",
        "colour": f"The colour of {a(thing.name)} is {answer}.",
        "material": f"{name} is made of {answer}.",
        "part": f"{name} has {a(answer)}.",
        "place": f"The place for {a(thing.name)} is the {answer}.",
    }[relation]
    return Fact(thing.name, relation, answer, said)


def thing_facts(thing: Thing) -> list[Fact]:
    """Returns every fact about a thing."""
    return [fact for relation in THING_RELATIONS if (fact := thing_fact(thing, relation))]
