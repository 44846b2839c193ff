"""Writes the demo's tasks, recipes/demo/tasks/*.json, in the format of Super-NaturalInstructions.

    python tools/make_demo_tasks.py

Small enough for a model of a few million weights that starts from nothing, and made of one small world (people, animals, colours,
foods and places), so that what one task teaches can help in another. No input stands in two tasks. Every task is its own source,
so that any of them can be held out without losing its relatives.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from didact.base.chance import rng

FOLDER = Path(__file__).parents[1] / "recipes" / "demo" / "tasks"

NAMES = ["Mia", "Tom", "Ana", "Ben", "Leo", "Zoe", "Sam", "Ida", "Max", "Eva", "Jon", "Amy", "Kim", "Dan", "Sue", "Bob", "Liz", "Ray"]
ANIMALS = ["fox", "owl", "cat", "dog", "hen", "pig", "cow", "duck", "goat", "bear", "wolf", "frog", "mouse", "horse", "sheep", "snake"]
COLOURS = ["red", "blue", "green", "black", "white", "brown", "grey", "pink", "gold", "yellow"]
FOODS = ["bread", "cheese", "soup", "rice", "cake", "honey", "apples", "pears", "plums", "beans", "corn", "eggs", "nuts", "jam"]
PLACES = ["garden", "barn", "park", "forest", "kitchen", "school", "market", "river", "field", "cave", "tower", "hall", "yard", "harbour"]
KINDS = {"animal": ANIMALS, "colour": COLOURS, "food": FOODS, "place": PLACES}
THINGS = [word for words in KINDS.values() for word in words]
NUMBERS = ["one", "two", "three", "four", "five", "six"]

WITH_ANIMAL = (
    "{name} saw a {colour} {animal} in the {place}.",
    "In the {place}, {name} fed a {colour} {animal}.",
    "The {colour} {animal} followed {name} to the {place}.",
    "{name} went to the {place} with a {colour} {animal}.",
    "A {colour} {animal} in the {place} looked at {name}.",
)
WITH_FOOD = (
    "{name} ate {colour} {food} in the {place}.",
    "In the {place}, {name} cooked {colour} {food}.",
    "{name} put {colour} {food} in the {place}.",
    "{name} went to the {place} with {colour} {food}.",
)
STAYS = ("is in", "went to", "waits in", "sleeps in")


@dataclass(frozen=True)
class Row:
    """One input with its answer, a wrong answer, and why each is what it is."""

    input: str
    output: str
    why: str
    wrong: str
    why_wrong: str


@dataclass(frozen=True)
class Fixture:
    """One task of the demo."""

    name: str
    category: str
    definition: str
    make: Callable[[Random, int], Row]
    """Draws one row; the number of the row lets classes take turns."""
    num_instances: int = 100


def words(draw: Random, low: int, high: int) -> list[str]:
    """Returns different words of the world."""
    return draw.sample(THINGS, draw.randint(low, high))


def sentence(draw: Random, patterns: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Returns a sentence and the words that stand in its places."""
    filling = {"name": draw.choice(NAMES), **{kind: draw.choice(known) for kind, known in KINDS.items()}}
    return draw.choice(patterns).format(**filling), filling


def copy_sentence(draw: Random, number: int) -> Row:
    """Repeats a sentence."""
    text, _ = sentence(draw, WITH_ANIMAL + WITH_FOOD)
    return Row(text, text, "It is the same sentence.", " ".join(text.split()[:-1]), "The last word is missing.")


def say_twice(draw: Random, number: int) -> Row:
    """Repeats two words twice."""
    text = f"{draw.choice(COLOURS)} {draw.choice(ANIMALS)}"
    return Row(text, f"{text} {text}", "The words stand there two times.", text, "The words stand there only once.")


def nth_word(position: int, name: str) -> Callable[[Random, int], Row]:
    """Returns the maker of rows that ask for one word of a list."""

    def make(draw: Random, number: int) -> Row:
        given = words(draw, 3, 5)
        answer, other = given[position], given[0 if position else -1]
        return Row(" ".join(given), answer, f"The {name} word is {answer}.", other, f"{other} is not the {name} word.")

    return make


def find(kind: str) -> Callable[[Random, int], Row]:
    """Returns the maker of rows that ask for one word of a list by its kind."""

    def make(draw: Random, number: int) -> Row:
        answer, others = draw.choice(KINDS[kind]), [word for word in THINGS if word not in KINDS[kind]]
        given = [answer, *draw.sample(others, draw.randint(2, 4))]
        wrong = given[-1]
        draw.shuffle(given)
        return Row(" ".join(given), answer, f"The {kind} in the list is {answer}.", wrong, f"{wrong} is not of the kind {kind}.")

    return make


def reverse_words(draw: Random, number: int) -> Row:
    """Turns a list around."""
    given = words(draw, 3, 4)
    return Row(" ".join(given), " ".join(given[::-1]), "The last word comes first.", " ".join(given), "The order is the same as before.")


def swap_words(draw: Random, number: int) -> Row:
    """Turns two words around."""
    one, two = draw.choice(FOODS), draw.choice(PLACES)
    return Row(f"{one} {two}", f"{two} {one}", f"{two} comes first now.", f"{one} {two}", "The order is the same as before.")


def upper_words(draw: Random, number: int) -> Row:
    """Writes small letters large."""
    text = f"{draw.choice(COLOURS)} {draw.choice(FOODS)}"
    return Row(text, text.upper(), "All letters are capital letters.", text, "These are small letters.")


def lower_words(draw: Random, number: int) -> Row:
    """Writes large letters small."""
    text = f"{draw.choice(ANIMALS)} {draw.choice(PLACES)}"
    return Row(text.upper(), text, "All letters are small letters.", text.upper(), "These are capital letters.")


def kind_of_words(draw: Random, number: int) -> Row:
    """Names the kind of three words."""
    kind, other = list(KINDS)[number % 4], list(KINDS)[(number + 1) % 4]
    given = draw.sample(KINDS[kind], 3)
    return Row(" ".join(given), kind, f"All three are of the kind {kind}.", other, f"{given[0]} is not of the kind {other}.")


def has_animal(draw: Random, number: int) -> Row:
    """Says whether a sentence names an animal."""
    has = number % 2 == 0
    text, filling = sentence(draw, WITH_ANIMAL if has else WITH_FOOD)
    why = f"The sentence names the animal {filling['animal']}." if has else "The sentence names no animal."
    return Row(text, "yes" if has else "no", why, "no" if has else "yes", why)


def extract(kind: str) -> Callable[[Random, int], Row]:
    """Returns the maker of rows that ask for one word of a sentence by its kind."""

    def make(draw: Random, number: int) -> Row:
        text, filling = sentence(draw, WITH_ANIMAL)
        other = "place" if kind == "name" else "name"
        why_wrong = f"{filling[other]} is the {other}, not the {kind}."
        return Row(text, filling[kind], f"The {kind} in the sentence is {filling[kind]}.", filling[other], why_wrong)

    return make


def _two_stays(draw: Random) -> tuple[str, list[str], list[str]]:
    """Returns a context of two sentences with its people and its places."""
    people, places = draw.sample(NAMES, 2), draw.sample(PLACES, 2)
    verb = draw.choice(STAYS)
    context = " ".join(f"{person} {verb} the {place}." for person, place in zip(people, places, strict=True))
    return context, people, places


def where_is(draw: Random, number: int) -> Row:
    """Asks for the place of a person."""
    context, people, places = _two_stays(draw)
    asked = number % 2
    why_wrong = f"That is where {people[1 - asked]} is."
    return Row(f"{context} Where is {people[asked]}?", places[asked], f"{people[asked]} is there.", places[1 - asked], why_wrong)


def who_is_there(draw: Random, number: int) -> Row:
    """Asks for the person in a place."""
    context, people, places = _two_stays(draw)
    asked = number % 2
    why_wrong = f"{people[1 - asked]} is in the {places[1 - asked]}."
    why = f"{people[asked]} is in the {places[asked]}."
    return Row(f"{context} Who is in the {places[asked]}?", people[asked], why, people[1 - asked], why_wrong)


def sort_numbers(draw: Random, number: int) -> Row:
    """Puts three numbers in order."""
    given = draw.sample(range(1, 10), 3)
    while given == sorted(given):
        draw.shuffle(given)
    text, answer = " ".join(map(str, given)), " ".join(map(str, sorted(given)))
    return Row(text, answer, f"{min(given)} is the smallest and {max(given)} the largest.", text, "They are not in order.")


def count_words(draw: Random, number: int) -> Row:
    """Says how many words a list has."""
    count = 1 + number % 6
    given = draw.sample(THINGS, count)
    wrong = NUMBERS[count % 6]
    return Row(
        " ".join(given), NUMBERS[count - 1], f"The number of words is {NUMBERS[count - 1]}.", wrong, f"The number of words is not {wrong}."
    )


def complete(draw: Random, number: int) -> Row:
    """Ends a sentence with what the text said before."""
    people, liked = draw.sample(NAMES, 2), draw.sample(COLOURS + FOODS, 2)
    asked = number % 2
    context = " ".join(f"{person} likes {thing}." for person, thing in zip(people, liked, strict=True))
    why = f"The text says that {people[asked]} likes {liked[asked]}."
    return Row(f"{context} {people[asked]} likes", liked[asked], why, liked[1 - asked], f"{people[1 - asked]} likes {liked[1 - asked]}.")


LIST, SENTENCE = "You are given a list of words.", "You are given a sentence."
FIXTURES = (
    Fixture("copy_sentence", "Copying", f"{SENTENCE} Write the same sentence.", copy_sentence, 120),
    Fixture("say_twice", "Copying", f"{LIST} Write the same words two times.", say_twice, 80),
    Fixture("first_word", "Word Selection", f"{LIST} Write the first word.", nth_word(0, "first"), 120),
    Fixture("last_word", "Word Selection", f"{LIST} Write the last word.", nth_word(-1, "last"), 120),
    Fixture("second_word", "Word Selection", f"{LIST} Write the second word.", nth_word(1, "second"), 120),
    Fixture("find_animal", "Word Selection", f"{LIST} Write the animal in the list.", find("animal"), 120),
    Fixture("find_colour", "Word Selection", f"{LIST} Write the colour in the list.", find("colour"), 120),
    Fixture("find_place", "Word Selection", f"{LIST} Write the place in the list.", find("place"), 120),
    Fixture("reverse_words", "Reversal", f"{LIST} Write the words in the opposite order.", reverse_words, 120),
    Fixture("swap_words", "Reversal", "You are given two words. Write the two words in the opposite order.", swap_words, 100),
    Fixture("upper_words", "Case", f"{LIST} Write the same words in capital letters.", upper_words, 80),
    Fixture("lower_words", "Case", f"{LIST} Write the same words in small letters.", lower_words, 100),
    Fixture("kind_of_words", "Classification", f"{LIST} Is it animal, colour, food or place? Write the kind.", kind_of_words, 120),
    Fixture("has_animal", "Classification", f"{SENTENCE} Is there an animal in the sentence? Write yes or no.", has_animal, 120),
    Fixture("extract_name", "Extraction", f"{SENTENCE} Write the name in the sentence.", extract("name"), 120),
    Fixture("extract_animal", "Extraction", f"{SENTENCE} Write the animal in the sentence.", extract("animal"), 120),
    Fixture("extract_colour", "Extraction", f"{SENTENCE} Write the colour in the sentence.", extract("colour"), 120),
    Fixture("extract_place", "Extraction", f"{SENTENCE} Write the place in the sentence.", extract("place"), 120),
    Fixture("where_is", "Question Answering", "You are given a text and a question. Write the place.", where_is, 120),
    Fixture("who_is_there", "Question Answering", "You are given a text and a question. Write the name.", who_is_there, 120),
    Fixture("sort_numbers", "Sorting", "You are given three numbers. Write the numbers from small to large.", sort_numbers, 100),
    Fixture("count_words", "Counting", f"{LIST} Write how many words there are.", count_words, 120),
    Fixture("complete", "Completion", "You are given a text. Write the last word, which is missing.", complete, 120),
)


def task_files() -> dict[str, str]:
    """Returns file name to text of every task, the same on every machine."""
    used, files = set[str](), {}
    for number, fixture in enumerate(FIXTURES, start=1):
        draw, rows = rng(0, "demo tasks", fixture.name), list[Row]()
        while len(rows) < fixture.num_instances + 3:
            row = fixture.make(draw, len(rows))
            if row.input.casefold() not in used:
                used.add(row.input.casefold())
                rows.append(row)
        # The first rows become examples; what is left is shuffled, so that classes do not take turns in the file.
        shown, instances = rows[:3], rows[3:]
        draw.shuffle(instances)
        name = f"task{number:03d}_demo_{fixture.name}"
        files[f"{name}.json"] = json.dumps(_task(fixture, name, shown, instances), indent=1, ensure_ascii=False) + "\n"
    return files


def _task(fixture: Fixture, name: str, shown: list[Row], instances: list[Row]) -> dict[str, object]:
    return {
        "Contributors": ["didact"],
        "Source": [name.partition("_")[2]],
        "URL": [],
        "Categories": [fixture.category],
        "Reasoning": [],
        "Definition": [fixture.definition],
        "Input_language": ["English"],
        "Output_language": ["English"],
        "Instruction_language": ["English"],
        "Domains": ["Synthetic"],
        "Positive Examples": [{"input": row.input, "output": row.output, "explanation": row.why} for row in shown[:2]],
        "Negative Examples": [{"input": row.input, "output": row.wrong, "explanation": row.why_wrong} for row in shown[2:]],
        "Instances": [
            {"id": f"{name.partition('_')[0]}-{number:03d}", "input": row.input, "output": [row.output]}
            for number, row in enumerate(instances, start=1)
        ],
        "Instance License": ["Apache-2.0"],
    }


def main() -> None:
    """Writes every task file and removes those that are made no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = task_files()
    for old in FOLDER.glob("*.json"):
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(files)} tasks, {sum(map(len, files.values())) / 1000:.0f} kB, in {FOLDER}")


if __name__ == "__main__":
    main()
