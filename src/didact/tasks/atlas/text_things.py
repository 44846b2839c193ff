"""Plain text about things and words: what they are, their colours and parts, opposites, plurals."""

from random import Random

from didact.tasks.atlas.relations import a, listed, sentence_case
from didact.tasks.atlas.world import Thing, World


def _said(thing: Thing, drawn: Random) -> list[str]:
    """Returns everything about a thing, each fact in one of several wordings, in a drawn order."""
    it = a(thing.name)
    ways: list[tuple[str, ...]] = [(f"{it} is {a(thing.kind)}.", f"{it} is {a(thing.kind)}.", f"{it} is a kind of {thing.kind}.")]
    ways.append((f"the usual place of {it} is the {thing.place}.", f"{it} is usually found in the {thing.place}."))
    if thing.colour:
        ways.append((f"the colour of {it} is {thing.colour}.", f"{it} is {thing.colour}.", f"{thing.colour} is the colour of {it}."))
    if thing.material:
        ways.append((f"the material of {it} is {thing.material}.", f"{it} is made of {thing.material}."))
    if thing.part:
        ways.append((f"one part of {it} is the {thing.part}.", f"{it} has {a(thing.part)}."))
    drawn.shuffle(ways)
    return [sentence_case(drawn.choice(way)) for way in ways]


def page(here: World, drawn: Random) -> str:
    """Returns what is to be said about one or two things."""
    return " ".join(" ".join(_said(thing, drawn)) for thing in drawn.sample(here.things, drawn.randrange(1, 3)))


def kinds(here: World, drawn: Random) -> str:
    """Returns things sorted by their kinds, the one that does not belong, and choices between kinds."""
    kind, other = drawn.sample(here.kinds, 2)
    same, odd = drawn.sample(here.of_kind(kind), 3), drawn.choice(here.of_kind(other))
    match drawn.randrange(4):
        case 0:
            both = drawn.sample([*same, odd], 4)
            parts = ", ".join(f"{thing.name} is {a(thing.kind)}" for thing in both)
            return f"Which does not belong: {', '.join(t.name for t in both)}? {sentence_case(parts)}, so it is {odd.name}."
        case 1:
            names = [thing.name for thing in drawn.sample(here.of_kind(kind), min(len(here.of_kind(kind)), 6))]
            return f"{sentence_case(listed(names))} are of one kind: each is {a(kind)}. {sentence_case(a(odd.name))} is {a(other)}."
        case 2:
            options = drawn.sample([kind, other, *drawn.sample([k for k in here.kinds if k not in (kind, other)], 1)], 3)
            thing = drawn.choice(same)
            choice = f"{a(options[0])}, {a(options[1])} or {a(options[2])}"
            return f"Is {a(thing.name)} {choice}? {drawn.choice(('Everybody knows: ', '', 'Of course '))}{a(thing.name)} is {a(kind)}."
        case _:
            both = drawn.sample([*same, odd], 4)
            return " ".join(f"{sentence_case(a(thing.name))} is {a(thing.kind)}." for thing in both)


def vocabulary(here: World, drawn: Random) -> str:
    """Returns opposites, plurals, past tenses, young animals and homes."""
    words, lines, ways = here.words, list[str](), tuple[str, ...]()
    for _ in range(drawn.randrange(4, 9)):
        match drawn.randrange(9):
            case 0 | 1 | 2:
                one, other = drawn.sample(drawn.choice(words["opposites"]), 2)
                ways = (
                    f"The opposite of {one} is {other}.",
                    f"The opposite of {one} is {other}.",
                    f"{sentence_case(one)} and {other} are opposites.",
                )
            case 3 | 4:
                one, other = drawn.choice(words["plurals"])
                ways = (f"The plural of {one} is {other}.", f"The plural of {one} is {other}.", f"One {one}, two {other}.")
            case 5 | 6:
                one, other = drawn.choice(words["pasts"])
                ways = (
                    f"The past tense of {one} is {other}.",
                    f"The past tense of {one} is {other}.",
                    f"Today they {one}, yesterday they {other}.",
                )
            case 7:
                one, other = drawn.choice(words["young"])
                ways = (f"The young of {a(one)} is {a(other)}.", f"A young {one} is called {a(other)}.")
            case _:
                one, other = drawn.choice(words["homes"])
                ways = (f"The home of {a(one)} is {a(other)}.", f"{sentence_case(a(one))} lives in {a(other)}.")
        lines.append(drawn.choice(ways))
    return drawn.choice((" ", "\n")).join(lines)


def questions(here: World, drawn: Random) -> str:
    """Returns a page of questions about things and words, no answers."""
    asked = []
    for _ in range(drawn.randrange(4, 9)):
        thing, words = drawn.choice(here.things), here.words
        ways = (
            f"What is the colour of {a(thing.name)}?",
            f"What is the usual place of {a(thing.name)}?",
            f"What is one part of {a(thing.name)}?",
            f"What is the material of {a(thing.name)}?",
            f"What kind of thing is {a(thing.name)}?",
            f"What is the opposite of {drawn.choice(drawn.choice(words['opposites']))}?",
            f"What is the plural of {drawn.choice(words['plurals'])[0]}?",
            f"What is the past tense of {drawn.choice(words['pasts'])[0]}?",
        )
        asked.append(drawn.choice(ways))
    return drawn.choice((" ", "\n")).join(asked)
