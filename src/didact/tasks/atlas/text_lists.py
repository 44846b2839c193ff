"""Plain text in which earlier words return: lists that are counted, turned round and put in order; letters; words replaced."""

from random import Random

from didact.tasks.atlas.relations import country_facts, listed, sentence_case
from didact.tasks.atlas.world import World

PLACES = ("first", "second", "third", "fourth", "fifth")
_OPENINGS = (
    "{n} wrote {k} words on the board: {w}.",
    "{n} read out {k} words: {w}.",
    "On the list of {n} stood {w}.",
    "The words of {n} were {w}.",
    "{n} said: {w}.",
    "Words: {w}.",
    "List of {n}: {w}.",
    "{n} had {k} words, {w}.",
)


def _words(here: World, drawn: Random, count: int) -> list[str]:
    """Returns words for a list: of one kind or of all, now and then names."""
    match drawn.randrange(8):
        case 0:
            return drawn.sample(here.words["first_names"], count)
        case 1 | 2:
            # Two kinds, so that they can be counted apart.
            one, other = drawn.sample(here.kinds, 2)
            both = [*drawn.sample(here.of_kind(one), 4), *drawn.sample(here.of_kind(other), 4)]
            return [thing.name for thing in drawn.sample(both, count)]
        case _:
            return [thing.name for thing in drawn.sample(here.things, count)]


def _remarks(here: World, drawn: Random, words: list[str]) -> list[str]:
    """Returns what can be said of a list."""
    count, joined = len(words), ", ".join(words)
    place = drawn.randrange(count)
    absent = drawn.choice([thing.name for thing in here.things if thing.name not in words])
    present = drawn.choice(words)
    remarks = [
        f"The {PLACES[place]} word is {words[place]}.",
        f"The last word is {words[-1]}.",
        f"The first word is {words[0]} and the last word is {words[-1]}.",
        f"The {PLACES[place]} one is {words[place]}.",
        f"{sentence_case(PLACES[place])} comes {words[place]}.",
        f"Backwards they are {', '.join(reversed(words))}.",
        f"In reverse order: {', '.join(reversed(words))}.",
        f"From last to first: {', '.join(reversed(words))}.",
        f"In alphabetical order they are {', '.join(sorted(words))}.",
        f"In alphabetical order: {', '.join(sorted(words))}.",
        f"Sorted from A to Z: {', '.join(sorted(words))}.",
        f"There are {here.words['numbers'][count]} words.",
        f"The number of words is {here.words['numbers'][count]}.",
        f"The word {present} is in the list: yes.",
        f"The word {absent} is in the list: no.",
        f"Is {present} among them? yes. Is {absent} among them? no.",
        f"Again: {joined}.",
        f"With dashes: {' - '.join(words)}.",
        f"With semicolons: {'; '.join(words)}.",
        f"With slashes: {' / '.join(words)}.",
        f"In brackets: {' '.join(f'({word})' for word in words)}.",
        f"With numbers: {' '.join(f'{n}. {word}' for n, word in enumerate(words, 1))}.",
        f"The word {present} twice: {present} {present}.",
    ]
    kinds = {thing.name: thing.kind for thing in here.things}
    if all(word in kinds for word in words):
        kind = kinds[present]
        same = [word for word in words if kinds[word] == kind]
        verb = "is" if len(same) == 1 else "are"
        remarks += [
            f"{sentence_case(listed(same))} {verb} of the kind {kind}, so the number of that kind is {here.words['numbers'][len(same)]}."
        ] * 2
    return remarks


def board(here: World, drawn: Random) -> str:
    """Returns a list of words and what several people say about it."""
    words = _words(here, drawn, drawn.randrange(3, 6))
    opening = drawn.choice(_OPENINGS).format(
        n=drawn.choice(here.words["first_names"]), k=here.words["numbers"][len(words)], w=", ".join(words)
    )
    return " ".join([opening, *drawn.sample(_remarks(here, drawn, words), drawn.randrange(3, 7))])


def letters(here: World, drawn: Random) -> str:
    """Returns words in capital letters, small letters, brackets, quotation marks, and answers of the world in such forms."""
    said = []
    for _ in range(drawn.randrange(3, 7)):
        word = drawn.choice(here.things).name
        if drawn.random() < 0.5:
            fact = drawn.choice(country_facts(drawn.choice(here.countries)))
            word = fact.answer
        phrase = f"{drawn.choice(here.words['adjectives'])} {word}" if drawn.random() < 0.3 else word
        said.append(
            drawn.choice(
                (
                    f"In capital letters {phrase} is {phrase.upper()}.",
                    f"In capital letters {phrase} is {phrase.upper()}.",
                    f"{phrase.upper()} in small letters is {phrase.lower()}.",
                    f"With a capital at the start of each word: {' '.join(w.capitalize() for w in phrase.split())}.",
                    f"{phrase} in brackets: ({phrase}).",
                    f'{phrase} in quotation marks: "{phrase}".',
                    f"{phrase} twice: {phrase} {phrase}.",
                    f"{phrase} with an exclamation mark: {phrase}!",
                    f"{phrase} after a dash: - {phrase}.",
                    f"{phrase} between stars: * {phrase} *.",
                )
            )
        )
    return drawn.choice((" ", "\n")).join(said)


def rewriting(here: World, drawn: Random) -> str:
    """Returns sentences in which one word takes the place of another."""
    said = []
    for _ in range(drawn.randrange(2, 4)):
        old, new, third = (thing.name for thing in drawn.sample(here.things, 3))
        adjective, room = drawn.choice(here.words["adjectives"]), drawn.choice(here.words["rooms"])
        sentence = drawn.choice(
            (
                f"the {adjective} {old} is near the {third}",
                f"the {old} and the {third} are in the {room}",
                f"the {old} lies beside another {old}",
                f"the {room} holds the {adjective} {old}",
                f"no {old} without a {third}",
            )
        )
        changed = " ".join(new if word == old else word for word in sentence.split())
        said.append(
            drawn.choice(
                (
                    f"The sentence was: {sentence}. With {new} instead of {old} it is: {changed}.",
                    f"{sentence_case(sentence)}. Replace {old} by {new}: {changed}.",
                    f"Put {new} for {old} in: {sentence}. It becomes: {changed}.",
                    f"{sentence_case(sentence)}. They copied it: {sentence}.",
                )
            )
        )
    return " ".join(said)
