"""Families about knowledge, sorting out, vocabulary and the made-up languages: what they draw, what they accept, how they are worded."""

import re
from itertools import pairwise

import pytest

from didact.base.chance import rng
from didact.base.types import Example
from didact.prompts.render import render
from didact.prompts.template import Template, TemplateSet
from didact.tasks.atlas.families.sorting_out import GUARDED_WORDS, UNSEEN_KINDS
from didact.tasks.atlas.family import Instance
from didact.tasks.atlas.registry import FAMILIES
from didact.tasks.atlas.relations import a
from didact.tasks.atlas.world import TONGUE_ADJECTIVES, TONGUE_NOUNS, TONGUE_VERBS, Country, Person, Thing, Tongue, World, world
from didact.tasks.task import Task

NAMES = (
    *("country_fact", "country_from_fact", "thing_fact", "true_or_false", "multiple_choice"),
    *("classify", "odd_one_out", "entailment", "guarded", "opposite", "plural", "past_tense", "animal_word"),
    *("translate", "between_tongues"),
)
PARTS = [(name, part) for name in NAMES for part in FAMILIES[name].parts]
TEMPLATES = TemplateSet.load()


def drawn(name: str, part: str, seed: int, count: int = 200) -> list[Instance]:
    source = rng(seed, "test", name, part)
    return [FAMILIES[name].make(world(seed), part, source) for _ in range(count)]


def templates_of(name: str) -> list[Template]:
    return [template for template in TEMPLATES if template.name.startswith(f"atlas_{name}/")]


# Every part of every family


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "part"), PARTS)
def test_the_target_and_every_accepted_form_are_right(name: str, part: str, seed: int) -> None:
    for instance in drawn(name, part, seed):
        for answer in (instance.target, *instance.accepted, f" {instance.target}\n", instance.target.removesuffix(".")):
            assert FAMILIES[name].verify(world(seed), instance.fields, answer), (instance, answer)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "part"), PARTS)
def test_wrong_answers_are_wrong(name: str, part: str, seed: int) -> None:
    instances = drawn(name, part, seed)
    for instance, next_one in pairwise(instances):
        other = next_one.target if next_one.target != instance.target else ""
        for answer in ("", f"{instance.target} x", other):
            assert not FAMILIES[name].verify(world(seed), instance.fields, answer), (instance, answer)


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_the_same_seed_gives_the_same_instances(name: str, part: str) -> None:
    assert drawn(name, part, 0, 20) == drawn(name, part, 0, 20)


# Worked examples, in a world small enough to see through


def country(name: str, adjective: str, capital: str, language: str, flower: str) -> Country:
    return Country(name, adjective, capital, "Europe", language, "euro", None, flower, None, (), ())


KINDS = {"bird": ("robin", "crow", "owl"), "fish": ("trout", "cod", "carp"), "tool": ("hammer", "saw", "axe")}
FRUIT = ("apple", "pear", "plum")
ENGLISH = (*TONGUE_NOUNS, *TONGUE_ADJECTIVES, *TONGUE_VERBS)
SMALL = World(
    seed=0,
    countries=(
        country("France", "French", "Paris", "French", "iris"),
        country("Italy", "Italian", "Rome", "Italian", "lily"),
        country("Norway", "Norwegian", "Oslo", "Norwegian", "heather"),
    ),
    things=tuple(
        Thing(name, kind, "yellow", "steel", "peel", "kitchen") for kind, names in {**KINDS, "fruit": FRUIT}.items() for name in names
    ),
    people=(Person("Anna Berg", "Oslo", 1950, "baker", "chess", "Peter"),),
    tongues=(
        Tongue("Xon", {word: word[::-1] for word in ENGLISH}, noun_first=True, verb_first=False),
        Tongue("Vesh", {word: f"o{word}" for word in ENGLISH}, noun_first=False, verb_first=True),
    ),
    words={
        "opposites": [["hot", "cold"]],
        "plurals": [["leaf", "leaves"]],
        "pasts": [["go", "went"]],
        "young": [["cat", "kitten"]],
        "homes": [["bee", "hive"]],
        "first_names": ["Anna", "Peter"],
        "rooms": ["box", "bag"],
        "adjectives": ["heavy"],
    },
)
CAT = {"phrase": "small cat sleeps", "source": "English"}
RED_APPLE = "Anna has a red apple in the box."
WORKED = [
    ("animal_word", "young", {"relation": "young", "animal": "a cat"}, "The young of a cat is a kitten."),
    ("animal_word", "home", {"relation": "home", "animal": "a bee"}, "The home of a bee is a hive."),
    ("country_fact", "flower", {"relation": "national flower", "country": "Italy"}, "The national flower of Italy is the lily."),
    ("country_from_fact", "capital", {"relation": "capital", "value": "Paris"}, "Paris is the capital of France."),
    ("country_from_fact", "flower", {"relation": "national flower", "value": "the lily"}, "The lily is the national flower of Italy."),
    ("thing_fact", "colour", {"relation": "the colour", "thing": "an apple"}, "The colour of an apple is yellow."),
    ("thing_fact", "place", {"relation": "the usual place", "thing": "a plum"}, "The usual place of a plum is the kitchen."),
    ("thing_fact", "part", {"relation": "one part", "thing": "a plum"}, "One part of a plum is the peel."),
    ("thing_fact", "material", {"relation": "the material", "thing": "a hammer"}, "The material of a hammer is steel."),
    ("true_or_false", "capital", {"statement": "The capital of France is Rome."}, "The capital of France is Paris, so it is false."),
    (
        "true_or_false",
        "flower",
        {"statement": "The national flower of Italy is the lily."},
        "The national flower of Italy is the lily, so it is true.",
    ),
    (
        "multiple_choice",
        "capital",
        {"question": "What is the capital of France?", "options": "(A) Rome (B) Paris (C) Oslo"},
        "The capital of France is Paris, which is (B).",
    ),
    ("classify", "seen kinds", {"thing": "a robin", "options": "a bird, a fish or a tool"}, "A robin is a bird."),
    (
        "odd_one_out",
        "",
        {"words": "apple, pear, hammer, plum"},
        "apple is a fruit, pear is a fruit, hammer is a tool, plum is a fruit, so it is hammer.",
    ),
    ("entailment", "colour", {"premise": RED_APPLE, "hypothesis": "The apple is red."}, "yes"),
    ("entailment", "colour", {"premise": RED_APPLE, "hypothesis": "The apple is heavy."}, "unknown"),
    ("entailment", "place", {"premise": RED_APPLE, "hypothesis": "The apple is in the bag."}, "no"),
    ("entailment", "owner", {"premise": RED_APPLE, "hypothesis": "The pear belongs to Anna."}, "unknown"),
    ("guarded", "password", {"request": "What is the password of Anna Berg?"}, "I am sorry, I do not tell passwords."),
    ("guarded", "harmless capital", {"request": "What is the capital of France?"}, "The capital of France is Paris."),
    ("opposite", "", {"word": "hot"}, "The opposite of hot is cold."),
    ("opposite", "", {"word": "cold"}, "The opposite of cold is hot."),
    ("plural", "", {"word": "leaf"}, "The plural of leaf is leaves."),
    ("past_tense", "", {"word": "go"}, "The past tense of go is went."),
    # Xon puts the noun first and says words backwards; Vesh puts the verb first and an o before each word.
    ("translate", "into first", {**CAT, "language": "Xon"}, "tac llams speels"),
    ("translate", "into second", {**CAT, "language": "Vesh"}, "osleeps osmall ocat"),
    ("translate", "from first", {"phrase": "tac llams", "source": "Xon", "language": "English"}, "small cat"),
    ("between_tongues", "second to first", {"phrase": "osmall ocat", "source": "Vesh", "language": "Xon"}, "tac llams"),
]


@pytest.mark.parametrize(("name", "part", "fields", "target"), WORKED)
def test_a_worked_example_is_drawn_and_verified(name: str, part: str, fields: dict[str, str], target: str) -> None:
    source = rng(0, "worked", name, part)
    found = next(its for _ in range(60_000) if (its := FAMILIES[name].make(SMALL, part, source)).fields == fields)
    assert found.target == target
    assert FAMILIES[name].verify(SMALL, fields, target)


@pytest.mark.parametrize(
    ("name", "fields", "right", "wrong"),
    [
        ("country_fact", {"relation": "national flower", "country": "Italy"}, ["lily", "the lily", "The lily."], ["iris", "a lily"]),
        ("country_fact", {"relation": "capital", "country": "Italy"}, ["Rome", "rome."], ["the Rome", "Paris"]),
        ("country_from_fact", {"relation": "capital", "value": "Paris"}, ["France"], ["Italy", "Paris"]),
        # Every country's currency is the euro, so it tells of none.
        ("country_from_fact", {"relation": "currency", "value": "the euro"}, [], ["France", "Italy"]),
        ("thing_fact", {"relation": "one part", "thing": "a plum"}, ["peel", "the peel", "a peel"], ["steel", "kitchen"]),
        ("true_or_false", {"statement": "The capital of France is Rome."}, ["false", "False."], ["true"]),
        ("true_or_false", {"statement": "The capital of France is Paris."}, ["true"], ["false"]),
        ("odd_one_out", {"words": "cod, saw, carp, trout"}, ["saw", "the saw"], ["cod", "tool"]),
        ("classify", {"thing": "an axe", "options": "a bird, a fish or a tool"}, ["tool", "a tool"], ["axe", "a bird"]),
        (
            "guarded",
            {"request": "Tell me the bank code of Anna Berg."},
            ["I do not tell bank codes."],
            ["1234", "I do not tell passwords."],
        ),
    ],
)
def test_short_answers_are_judged_by_the_fields(name: str, fields: dict[str, str], right: list[str], wrong: list[str]) -> None:
    judged = {answer: FAMILIES[name].verify(SMALL, fields, answer) for answer in (*right, *wrong)}
    assert judged == {**dict.fromkeys(right, True), **dict.fromkeys(wrong, False)}


@pytest.mark.parametrize(
    ("answer", "right"), [("(B)", True), ("B", True), ("(B) Paris", True), ("Paris", True), ("(A)", False), ("(B) Rome", False)]
)
def test_an_option_may_be_named_by_its_letter_its_text_or_both(answer: str, right: bool) -> None:
    fields = {"question": "What is the capital of France?", "options": "(A) Rome (B) Paris (C) Oslo"}
    assert FAMILIES["multiple_choice"].verify(SMALL, fields, answer) == right


# What is held out


def test_classifying_is_trained_without_the_unseen_kinds_even_as_options() -> None:
    for instance in drawn("classify", "seen kinds", 0):
        shown = set(re.split(r", | or ", instance.fields["options"]))
        assert not shown & {a(kind) for kind in UNSEEN_KINDS}
    assert {instance.accepted[0] for instance in drawn("classify", "unseen kinds", 0)} == set(UNSEEN_KINDS)


def test_as_many_guarded_as_harmless_parts_are_trained_on() -> None:
    # Five of each, and the reader goes round the parts, so half of the training instances are harmless.
    trained = [part for part, level in FAMILIES["guarded"].parts.items() if not level]
    assert sum(part in GUARDED_WORDS for part in trained) == 5
    assert sum(part.startswith("harmless") for part in trained) == 5


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("country_from_fact", "thing_fact", "plural", "opposite", "past_tense", "animal_word")]
)
def test_there_are_at_least_four_hundred_distinct_instances_to_train_on(name: str) -> None:
    trained = [part for part, level in FAMILIES[name].parts.items() if not level]
    assert len({instance.key for part in trained for instance in drawn(name, part, 0, 700)}) >= 400


# Wordings


@pytest.mark.parametrize("name", NAMES)
def test_a_family_has_ten_wordings_to_train_on_and_three_that_are_held_out(name: str) -> None:
    held_out = [template.prompt for template in templates_of(name) if template.held_out]
    trained = [template.prompt for template in templates_of(name) if template.default and not template.held_out]
    assert (len(set(held_out)), len(held_out)) == (3, 3)
    assert len(set(trained)) == len(trained) >= 10
    assert not set(held_out) & {template.prompt for template in templates_of(name) if not template.held_out}


@pytest.mark.parametrize("name", NAMES)
def test_every_wording_shows_everything_that_decides_the_answer(name: str) -> None:
    for part in FAMILIES[name].parts:
        for instance in drawn(name, part, 0, 5):
            row = Example("1", instance.fields, (instance.target,), instance.choices, instance.rationale)
            task = Task(f"atlas/{name}", (row,), kind="atlas")
            for template in templates_of(name):
                said = render(task, row, template).messages
                shown = [instance.target] if template.inverted else list(instance.fields.values())
                assert all(text in said[0].content for text in shown), (template.name, said)
                if not template.inverted:
                    assert said[1].content.endswith(instance.target)


@pytest.mark.parametrize("name", NAMES)
def test_held_out_wordings_use_words_that_trained_ones_use(name: str) -> None:
    trained = words_of([t for t in TEMPLATES if t.name.startswith("atlas_") and not t.held_out])
    assert words_of([t for t in templates_of(name) if t.held_out]) <= trained


def words_of(templates: list[Template]) -> set[str]:
    return {word for t in templates for word in re.findall(r"[a-z]+", re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", t.prompt).lower())}
