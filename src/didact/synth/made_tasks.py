"""Tasks of a small grammar with right answers: what the scripted teacher knows, so that a whole synthesis can be seen offline."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

ANIMALS = "fox owl otter badger heron goat mole wren toad hare seal crow".split()
FRUITS = "apple pear plum cherry mango fig peach quince".split()
TOOLS = {
    "hammer": "driving nails",
    "saw": "cutting wood",
    "needle": "sewing cloth",
    "broom": "sweeping floors",
    "kettle": "boiling water",
    "ladder": "reaching high places",
    "compass": "finding north",
    "sieve": "straining lumps out of flour",
}
PLACES = "library harbour bakery museum station garden market school theatre clinic".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MIXED = {("blue", "yellow"): "green", ("red", "yellow"): "orange", ("blue", "red"): "purple"}
VERBS = {"jump": "jumped", "walk": "walked", "look": "looked", "climb": "climbed", "rest": "rested", "wait": "waited"}
GOOD = ("The staff were kind and quick.", "I would come back every week.", "Everything was clean and bright.")
BAD = ("Nobody answered my question.", "I waited an hour for nothing.", "The floor was dirty and the light broken.")

SLOTS: Mapping[str, tuple[str, ...]] = {
    "animal": tuple(ANIMALS),
    "other": tuple(ANIMALS),
    "fruit": tuple(FRUITS),
    "tool": tuple(TOOLS),
    "place": tuple(PLACES),
    "day": tuple(DAYS),
    "number": tuple(str(number) for number in range(3, 60, 4)),
    "mixed": tuple(f"{first} and {second}" for first, second in MIXED),
}

Words = Mapping[str, str]
Instance = tuple[str, str]
"""Input and output."""


@dataclass(frozen=True)
class Family:
    """Instructions of one pattern, and how an instance of one is made."""

    patterns: str
    """The instruction's wordings, with slots, a bar between them."""
    make: Callable[[Words, random.Random], Instance]
    """From the slots' words and chance."""
    labels: tuple[str, ...] = ()
    """Of a classification."""


def _some(rand: random.Random, words: list[str], least: int = 3, most: int = 5) -> list[str]:
    return rand.sample(words, rand.randint(least, most))


def _sorted(_: Words, rand: random.Random) -> Instance:
    found = _some(rand, ANIMALS)
    return ", ".join(found), ", ".join(sorted(found))


def _longest(words: Words, rand: random.Random) -> Instance:
    found = sorted(_some(rand, [*ANIMALS, *FRUITS]), key=len)
    line = [*(word for word in found if len(word) < len(found[-1])), found[-1] + "s"]
    rand.shuffle(line)
    return " ".join(line), found[-1] + "s"


def _receipt(_: Words, rand: random.Random) -> Instance:
    prices = [(fruit, rand.randint(1, 9)) for fruit in _some(rand, FRUITS)]
    return ", ".join(f"{fruit} {price}" for fruit, price in prices), str(sum(price for _, price in prices))


def _kind(_: Words, rand: random.Random) -> Instance:
    label, words = rand.choice([("animal", ANIMALS), ("fruit", FRUITS), ("tool", list(TOOLS))])
    return f"Text: On the table of the {rand.choice(PLACES)} there was a {rand.choice(words)}.", label


def _review(words: Words, rand: random.Random) -> Instance:
    label, said = rand.choice([("positive", GOOD), ("negative", BAD)])
    return f"Review: We went on {rand.choice(DAYS)}. {rand.choice(said)}", label


def _parity(_: Words, rand: random.Random) -> Instance:
    first, second = rand.randint(2, 60), rand.randint(2, 60)
    return f"{first} + {second}", "odd" if (first + second) % 2 else "even"


def _urgent(_: Words, rand: random.Random) -> Instance:
    urgent = rand.random() < 0.5
    message = f"water is running into the {rand.choice(PLACES)}" if urgent else f"the {rand.choice(list(TOOLS))} may come back in spring"
    return f"Message: {message.capitalize()}.", "urgent" if urgent else "can wait"


def _sentence_kind(_: Words, rand: random.Random) -> Instance:
    place, animal = rand.choice(PLACES), rand.choice(ANIMALS)
    kinds = {"question": f"Where is the {place}?", "statement": f"The {animal} sleeps.", "command": f"Close the {place}."}
    label = rand.choice(sorted(kinds))
    return f"Sentence: {kinds[label]}", label


def _past(_: Words, rand: random.Random) -> Instance:
    verb, animal, place = rand.choice(sorted(VERBS)), rand.choice(ANIMALS), rand.choice(PLACES)
    return f"The {animal}s {verb} near the {place}.", f"The {animal}s {VERBS[verb]} near the {place}."


def _sequence(_: Words, rand: random.Random) -> Instance:
    first, step = rand.randint(1, 20), rand.randint(2, 9)
    return ", ".join(str(first + step * number) for number in range(4)), str(first + 4 * step)


def _question(_: Words, rand: random.Random) -> Instance:
    animal, place = rand.choice(ANIMALS), rand.choice(PLACES)
    return f"The {animal} is in the {place}.", f"Is the {animal} in the {place}?"


def _vowels(_: Words, rand: random.Random) -> Instance:
    phrase = f"{rand.choice(FRUITS)} {rand.choice(ANIMALS)} {rand.choice(PLACES)}"
    return phrase, re.sub("[aeiou]", "", phrase)


def _address(_: Words, rand: random.Random) -> Instance:
    first, last = rand.choice(("Ada", "Ivo", "Mina", "Otto", "Rosa")), rand.choice(("Berg", "Costa", "Dahl", "Moreau"))
    return f"Name: {first} {last}", f"{first.lower()}.{last.lower()}@mail.example"


def _larger(_: Words, rand: random.Random) -> Instance:
    first, second = rand.sample(range(10, 99), 2)
    return f"{first} and {second}", str(max(first, second))


def _mixture(words: Words, rand: random.Random) -> Instance:
    first, _, second = words["mixed"].partition(" and ")
    return "", MIXED[first, second]


def _between(words: Words, _: random.Random) -> Instance:
    return "", ", ".join(DAYS[(DAYS.index(words["day"]) + number) % 7] for number in (1, 2, 3))


FAMILIES = (
    Family(
        "Put the names in the list into alphabetical order.|Arrange these animals as a dictionary would have them, from a to z.",
        _sorted,
    ),
    Family(
        "Find the longest word in the line and write only that word.|Of everything written here, which word has most letters?", _longest
    ),
    Family("Add up the prices on this receipt from the {place}.|How much does the shopper from {day} have to pay in total?", _receipt),
    Family(
        "Say whether the thing on the table is an animal, a fruit or a tool.|Classify what lies there: animal, fruit or tool.",
        _kind,
        ("animal", "fruit", "tool"),
    ),
    Family(
        "Label the visitor's review of the {place} as positive or negative.|Was the guest happy? Answer positive or negative.",
        _review,
        ("positive", "negative"),
    ),
    Family("Tell me if this sum is even or odd.|Work out the addition, then write odd or even for its result.", _parity, ("even", "odd")),
    Family(
        "Decide whether the {place} should treat the message as urgent or can wait.|Sort the caretaker's note into: urgent, can wait.",
        _urgent,
        ("urgent", "can wait"),
    ),
    Family(
        "Is the given sentence a question, a statement or a command?|Name the type of the sentence (question, statement, command).",
        _sentence_kind,
        ("question", "statement", "command"),
    ),
    Family("Rewrite the sentence about the animals in the past tense.|It happened yesterday: change the verb to say so.", _past),
    Family("Continue the sequence of numbers with one more.|Which number comes next, when the steps stay equal?", _sequence),
    Family("Turn the statement into a question that can be answered with yes.|You doubt what is claimed here. Ask about it.", _question),
    Family("Remove all vowels from the phrase below.|Copy this text, leaving out a, e, i, o and u.", _vowels),
    Family("Make an e-mail address from a person's first and family name.|Our new colleague needs an address at mail.example.", _address),
    Family("Which of the two numbers is larger?|Compare both values and give back the bigger one.", _larger),
    Family(
        "Write the word {animal} backwards.|For a puzzle at the {place}, spell {animal} from its last letter to the first.",
        lambda words, _: ("", words["animal"][::-1]),
    ),
    Family(
        "How many letters are there in {fruit}?|Count the characters that it takes to write {fruit}.",
        lambda w, _: ("", str(len(w["fruit"]))),
    ),
    Family(
        "Explain in one sentence what people use a {tool} for.|My child asks: why do we own a {tool}?",
        lambda w, _: ("", f"A {w['tool']} is for {TOOLS[w['tool']]}."),
    ),
    Family("What colour comes out when {mixed} paint are mixed?|A painter stirs {mixed} together; name the result.", _mixture),
    Family(
        "Convert {number} metres to centimetres.|A rope is {number} metres long. Give its length in centimetres.",
        lambda words, _: ("", f"{words['number']}00 centimetres"),
    ),
    Family(
        "Give a title to a story about a {animal} who meets a {other}.|What could a fable with {animal} and {other} be called?",
        lambda w, _: ("", f"The {w['animal']} and the {w['other']}".title()),
    ),
    Family(
        "Spell {place} with a dash between its letters.|Separate each letter of {place} by dashes.", lambda w, _: ("", "-".join(w["place"]))
    ),
    Family(
        "Compose a polite request to borrow a {tool} from a neighbour.|I left my {tool} at home; how do I ask for another kindly?",
        lambda w, _: ("", f"Could I please borrow your {w['tool']} today?"),
    ),
    Family("Name the three days that follow {day}.|If today is {day}, what are tomorrow and the two days behind it?", _between),
    Family(
        "Send a reminder that the {place} closes early on {day}.|Tell all visitors briefly: shorter hours, {place}, {day}.",
        lambda w, _: ("", f"Remember: the {w['place']} closes early on {w['day']}."),
    ),
    Family(
        "Suggest one reason to visit a {place} when it rains.|Why might somebody go to the {place} in bad weather?",
        lambda w, _: ("", f"A {w['place']} has a roof, and fewer people come when it rains."),
    ),
    Family(
        "If {number} people each eat two {fruit}s, how many are eaten?|Everyone gets a pair of {fruit}s. Buy enough for {number} guests.",
        lambda w, _: ("", str(2 * int(w["number"]))),
    ),
)
"""What the teacher can think of."""
POOR = (
    "Draw a {animal} beside a {tool}.",
    "Sing",
    "Write a program that counts {fruit}s.",
    "Describe the photo of the {place} in one line.",
)
"""What it should not have: filters are there for these."""


def made_instruction(rand: random.Random) -> str:
    """Returns an instruction of the grammar; one in eight is a poor one."""
    pattern = rand.choice(POOR if rand.random() < 1 / 8 else rand.choice(FAMILIES).patterns.split("|"))
    return re.sub(r"\{(\w+)\}", lambda slot: rand.choice(SLOTS[slot[1]]), pattern)


def known(instruction: str) -> tuple[Family, dict[str, str]] | None:
    """Returns the family that an instruction is of and the words of its slots; None: the grammar does not have it.

    >>> family, words = known("write the word  FOX backwards")
    >>> family.make(words, random.Random(0))
    ('', 'xof')
    """
    said = " ".join(instruction.split()).rstrip(".?: ")
    for family, pattern in _patterns():
        if found := pattern.fullmatch(said):
            words = {slot: _as_written(slot, word) for slot, word in found.groupdict().items()}
            return family, words
    return None


def _as_written(slot: str, word: str) -> str:
    return next((one for one in SLOTS[slot] if one.lower() == word.lower()), SLOTS[slot][0])


@cache
def _patterns() -> tuple[tuple[Family, re.Pattern[str]], ...]:
    def pattern(text: str) -> re.Pattern[str]:
        pieces = re.split(r"\{(\w+)\}", text.rstrip(".?"))
        named = [re.escape(piece) if number % 2 == 0 else rf"(?P<{piece}>{'|'.join(SLOTS[piece])})" for number, piece in enumerate(pieces)]
        return re.compile("".join(named), re.IGNORECASE)

    return tuple((family, pattern(wording)) for family in FAMILIES for wording in family.patterns.split("|"))
