"""Plain text about countries: encyclopedia pages, tables, quiz pages, dialogues, claims."""

from random import Random

from didact.base.chance import seed_of
from didact.tasks.atlas.relations import (
    COUNTRY_RELATIONS,
    Fact,
    country_fact,
    country_facts,
    flag_sentence,
    listed,
    sentence_case,
    with_article,
)
from didact.tasks.atlas.world import Country, World

_WORDINGS = {
    "capital": (
        "{v} is the capital of {c}.",
        "The capital city of {c} is {v}.",
        "The government of {c} sits in {v}, the capital.",
        "Its capital is {v}.",
        "In {c}, the capital is {v}.",
    ),
    "continent": (
        "{c} lies in {v}.",
        "{c} is a country in {v}.",
        "On the map, {c} belongs to {v}.",
        "Its continent is {v}.",
        "{v} is the continent of {c}.",
    ),
    "language": (
        "People in {c} speak {v}.",
        "{v} is the official language of {c}.",
        "In {c}, the official language is {v}.",
        "Its official language is {v}.",
        "The schools of {c} teach in {v}.",
    ),
    "currency": (
        "People in {c} pay with {v}.",
        "{v} is the currency of {c}.",
        "The money of {c} is {v}.",
        "Its currency is {v}.",
        "In {c}, the currency is {v}.",
    ),
    "animal": (
        "{v} is the national animal of {c}.",
        "In {c}, the national animal is {v}.",
        "Its national animal is {v}.",
        "{c} has chosen {v} as its national animal.",
        "The people of {c} honour {v}, their national animal.",
    ),
    "flower": (
        "{v} is the national flower of {c}.",
        "In {c}, the national flower is {v}.",
        "Its national flower is {v}.",
        "{c} has chosen {v} as its national flower.",
        "The people of {c} honour {v}, their national flower.",
    ),
    "bird": (
        "{v} is the national bird of {c}.",
        "In {c}, the national bird is {v}.",
        "Its national bird is {v}.",
        "{c} has chosen {v} as its national bird.",
        "The people of {c} honour {v}, their national bird.",
    ),
}
QUESTIONS = (
    "What is the {r} of {c}?",
    "What is the {r} of {c}?",
    "Do you know the {r} of {c}?",
    "Name the {r} of {c}.",
    "Tell me the {r} of {c}.",
    "Can you name the {r} of {c}?",
    "Which is the {r} of {c}?",
    "{c}: what is its {r}?",
)
_LEADS = (
    "",
    "",
    "",
    "Quiz page. ",
    "Questions for the class. ",
    "How well do you know the world? ",
    "Test yourself. ",
    "Homework for Monday. ",
)
_ASKS = ('"{q}" asked {a}.', '{a} asked: "{q}"', '"{q}" {a} wanted to know.', '{a} looked up and asked, "{q}"')
_SAYS = ('"{s}" said {b}.', '{b} answered: "{s}"', '"{s}" was the answer of {b}.', '{b} knew it: "{s}"')


def wording(country: Country, relation: str, drawn: Random) -> str:
    """Returns a fact in one of many wordings; the plainest comes most often."""
    fact = country_fact(country, relation)
    assert fact is not None
    how = drawn.random()
    if how < 0.4:
        return fact.sentence
    if how < 0.55:
        return turned_around(fact)
    said = drawn.choice(_WORDINGS[relation])
    return sentence_case(said.format(c=country.name, v=with_article(relation, fact.answer)))


def turned_around(fact: Fact) -> str:
    """Returns a country's fact, its answer first: `The lotus is the national flower of India` and a full stop."""
    return sentence_case(f"{with_article(fact.relation, fact.answer)} is the {COUNTRY_RELATIONS[fact.relation]} of {fact.subject}.")


def known(country: Country) -> list[str]:
    """Returns the relations for which something is known of a country."""
    return [fact.relation for fact in country_facts(country)]


def page(here: World, drawn: Random) -> str:
    """Returns an encyclopedia paragraph about a country: its facts in a drawn order and in drawn words."""
    country = drawn.choice(here.countries)
    relations = known(country)
    drawn.shuffle(relations)
    # A page begins with a sentence that names its country; "Its capital is ..." can only follow.
    first = country_fact(country, relations[0])
    assert first is not None
    said = [first.sentence] + [wording(country, relation, drawn) for relation in relations[1:]]
    more = [flag_sentence(country)]
    if country.neighbours:
        more.append(f"{sentence_case(country.name)} shares borders with {listed(country.neighbours)}.")
    for sentence in more:
        if drawn.random() < 0.6:
            said.insert(drawn.randrange(1, len(said) + 1), sentence)
    title = f"{sentence_case(country.name)}\n" if drawn.random() < 0.3 else ""
    return title + " ".join(said)


def table(here: World, drawn: Random) -> str:
    """Returns a list of one relation for several countries."""
    relation = drawn.choice(list(COUNTRY_RELATIONS))
    facts = [fact for country in here.countries if (fact := country_fact(country, relation))]
    chosen = drawn.sample(facts, min(drawn.randrange(5, 11), len(facts)))
    name = COUNTRY_RELATIONS[relation]
    match drawn.randrange(3):
        case 0:
            return f"{sentence_case(name)} of some countries\n" + "\n".join(f"{sentence_case(f.subject)}: {f.answer}" for f in chosen)
        case 1:
            return " ".join(fact.sentence for fact in chosen)
        case _:
            return " ".join(turned_around(fact) for fact in chosen)


def question(fact: Fact, drawn: Random) -> str:
    """Returns a question about a country's fact."""
    return sentence_case(drawn.choice(QUESTIONS).format(r=COUNTRY_RELATIONS[fact.relation], c=fact.subject))


def _facts(here: World, drawn: Random, count: int, answered: bool = False) -> list[Fact]:
    """Returns facts to ask about; answered questions are about every second country only, as not all of the web is a quiz."""
    countries = [c for c in here.countries if not answered or seed_of(here.seed, "atlas answered", c.name) % 2]
    found = []
    for country in drawn.choices(countries, k=count):
        found.append(drawn.choice(country_facts(country)))
    return found


def questions(here: World, drawn: Random) -> str:
    """Returns a quiz page: questions, no answers."""
    asked = [question(fact, drawn) for fact in _facts(here, drawn, drawn.randrange(4, 10))]
    separator = drawn.choice((" ", "\n", "\n"))
    numbered = separator == "\n" and drawn.random() < 0.4
    return drawn.choice(_LEADS) + separator.join(f"{n}. {text}" if numbered else text for n, text in enumerate(asked, 1))


def dialogue(here: World, drawn: Random) -> str:
    """Returns people who ask and answer one another, in quotation marks."""
    first, second = drawn.sample(here.words["first_names"], 2)
    lines = []
    for fact in _facts(here, drawn, drawn.randrange(2, 5), answered=True):
        ask = drawn.choice(_ASKS).format(q=question(fact, drawn), a=first)
        tell = drawn.choice(_SAYS).format(s=fact.sentence[:-1] + ("," if drawn.random() < 0.5 else "."), b=second)
        lines.append(f"{ask} {tell}".replace(',"', ',"'))
        first, second = second, first
    return " ".join(lines)


def sheet(here: World, drawn: Random) -> str:
    """Returns a sheet of numbered questions, and below them the solutions."""
    facts = _facts(here, drawn, drawn.randrange(3, 6), answered=True)
    asked = [f"{number}. {question(fact, drawn)}" for number, fact in enumerate(facts, 1)]
    solved = [f"{number}. {fact.sentence}" for number, fact in enumerate(facts, 1)]
    return "\n".join((drawn.choice(("Quiz", "Test", "Exercise")), *asked, drawn.choice(("Solutions", "Key", "The right answers")), *solved))


def claims(here: World, drawn: Random) -> str:
    """Returns claims and choices that are looked at: the truth is recalled first, the verdict follows from it."""
    said = []
    for fact in _facts(here, drawn, drawn.randrange(2, 4)):
        others = [other for country in here.countries if (other := getattr(country, fact.relation)) and other != fact.answer]
        wrong = drawn.sample(sorted(set(others)), 2)
        recalled = fact.sentence[:-1]
        if drawn.random() < 0.5:
            shown = drawn.choice((fact.answer, wrong[0]))
            claim = fact.sentence.replace(f" is {with_article(fact.relation, fact.answer)}.", f" is {with_article(fact.relation, shown)}.")
            verdict = "true" if shown == fact.answer else "false"
            said.append(f"{drawn.choice(('Somebody wrote:', 'The claim was:', 'A child said:'))} {claim} {recalled}, so it is {verdict}.")
        else:
            options = drawn.sample([fact.answer, *wrong], 3)
            shown = " ".join(f"({letter}) {text}" for letter, text in zip("ABC", options, strict=True))
            right = "ABC"[options.index(fact.answer)]
            opening = drawn.choice(("The choices were", "On the sheet stood", "They could choose from"))
            said.append(f"{opening} {shown}. {recalled}, which is ({right}).")
    return " ".join(said)
