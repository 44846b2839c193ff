"""Families about lists, texts, scenes, numbers and compositions: their verifiers are right, and so are their wordings."""

import re
from functools import cache
from itertools import pairwise
from random import Random

import pytest

from didact.base.types import Example
from didact.prompts.render import render
from didact.prompts.template import LIBRARY, Template, check_fields, read_templates
from didact.tasks.atlas.families.compositions import FACTS, FORMS
from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.registry import FAMILIES
from didact.tasks.atlas.world import world
from didact.tasks.task import Task

NAMES = (
    *("pick", "reverse", "alphabetical", "count", "contains", "replace", "letter_case", "layout"),
    *("extract", "fill_in", "record", "quiz_card", "arithmetic", "next_number", "compose"),
)
PARTS = [(name, part) for name in NAMES for part in FAMILIES[name].parts]
INPUTS = ("items", "text", "sum", "numbers", "pattern", "question")
"""What an inverted wording asks for."""

WORKED = [
    ("pick", {"position": "second", "items": "lamp, cup, tree, dog"}, "cup", "tree"),
    ("pick", {"position": "last", "items": "lamp, cup, tree, dog"}, "dog", "lamp"),
    ("pick", {"position": "fourth", "items": "lamp, cup, tree, dog, egg"}, "dog", "egg"),
    ("reverse", {"items": "lamp, cup, tree, dog"}, "dog, tree, cup, lamp", "lamp, cup, tree, dog"),
    ("alphabetical", {"items": "lamp, cup, tree, dog"}, "cup, dog, lamp, tree", "cup, lamp, dog, tree"),
    ("count", {"what": "words", "items": "apple, hammer, pear"}, "three", "two"),
    ("count", {"what": "fruits", "items": "apple, hammer, pear"}, "two", "three"),
    ("count", {"what": "fish", "items": "apple, hammer, shark"}, "1", "2"),
    ("contains", {"word": "cup", "items": "lamp, cup, tree"}, "yes", "no"),
    # `cup` is a part of `cupboard`, not a word of the list.
    ("contains", {"word": "cup", "items": "lamp, cupboard, tree"}, "no", "yes"),
    (
        "replace",
        {"old": "cat", "new": "dog", "text": "the small cat sleeps near the lamp"},
        "the small dog sleeps near the lamp",
        "the small cat sleeps near the lamp",
    ),
    (
        "replace",
        {"old": "ant", "new": "dog", "text": "the ant waits behind the giant ant"},
        "the dog waits behind the giant dog",
        "the dog waits behind the gidog dog",
    ),
    ("letter_case", {"style": "capital letters", "text": "red lamp"}, "RED LAMP", "Red Lamp"),
    ("letter_case", {"style": "small letters", "text": "RED LAMP"}, "red lamp", "RED LAMP"),
    ("letter_case", {"style": "a capital at the start of each word", "text": "red lamp"}, "Red Lamp", "Red lamp"),
    ("layout", {"style": "with dashes", "items": "lamp, cup, tree"}, "lamp - cup - tree", "lamp, cup, tree"),
    ("layout", {"style": "with semicolons", "items": "lamp, cup, tree"}, "lamp; cup; tree", "lamp;cup;tree"),
    ("layout", {"style": "in brackets", "items": "lamp, cup, tree"}, "(lamp) (cup) (tree)", "(lamp, cup, tree)"),
    ("layout", {"style": "with numbers", "items": "lamp, cup, tree"}, "1. lamp 2. cup 3. tree", "1. lamp 2. cup"),
    ("layout", {"style": "with slashes", "items": "lamp, cup, tree"}, "lamp / cup / tree", "lamp - cup - tree"),
    ("extract", {"what": "name", "text": "Anna bought a red lamp in Paris."}, "Anna", "Paris"),
    ("extract", {"what": "thing", "text": "In New Delhi, Anna found an orange lamp."}, "lamp", "orange lamp"),
    ("extract", {"what": "place", "text": "Anna from New Delhi has a red lamp."}, "New Delhi", "Delhi"),
    ("extract", {"what": "colour", "text": "There is a red lamp in Paris, and Anna likes it."}, "red", "red lamp"),
    (
        "fill_in",
        {"pattern": "NAME likes the THING in PLACE.", "name": "Anna", "thing": "lamp", "place": "Paris"},
        "Anna likes the lamp in Paris.",
        "NAME likes the lamp in Paris.",
    ),
    (
        "record",
        {"text": "Anna Berg, an electrician from Port-au-Prince, likes chess."},
        "name: Anna Berg; job: electrician; city: Port-au-Prince; hobby: chess",
        "name: Anna Berg; job: an electrician; city: Port-au-Prince; hobby: chess",
    ),
    (
        "quiz_card",
        {"question": "What is the capital of France?", "right": "Paris", "wrong": "Rome, Oslo", "place": "A"},
        "[What is the capital of France?] A: Paris B: Rome C: Oslo. Right: A",
        "[What is the capital of France?] A: Paris B: Oslo C: Rome. Right: A",
    ),
    (
        "quiz_card",
        {"question": "What is the capital of France?", "right": "Paris", "wrong": "Rome, Oslo", "place": "B"},
        "[What is the capital of France?] A: Rome B: Paris C: Oslo. Right: B",
        "[What is the capital of France?] A: Rome B: Paris C: Oslo. Right: A",
    ),
    ("arithmetic", {"sum": "12 + 7 + 5"}, "12 + 7 = 19, 19 + 5 = 24.", "12 + 7 = 19"),
    ("arithmetic", {"sum": "12 + 7 - 5"}, "19 - 5 = 14", "24"),
    ("arithmetic", {"sum": "20 - 7 - 5"}, "8", "18"),
    ("next_number", {"numbers": "2, 4, 6, 8"}, "10", "9"),
    ("compose", {"fact": "the capital of France", "form": "in capital letters"}, "PARIS", "Paris"),
    ("compose", {"fact": "the continent of France", "form": "twice"}, "Europe Europe", "Europe"),
    ("compose", {"fact": "the official language of France", "form": "with an exclamation mark"}, "French!", "French"),
    ("compose", {"fact": "the colour of a banana", "form": "in quotation marks"}, '"yellow"', "yellow"),
    ("compose", {"fact": "the kind of thing that an apple is", "form": "between stars"}, "* fruit *", "- fruit"),
    (
        "compose",
        {"fact": "the national animal of India", "form": "twice"},
        "The national animal of India is the tiger: tiger tiger",
        "The national animal of India is the tiger",
    ),
    ("compose", {"fact": "the capital of Atlantis", "form": "twice"}, None, "None None"),
]


def drawn(family: Family, part: str, seed: int = 0, count: int = 200) -> list[Instance]:
    """Instances of a part in the world of a seed."""
    rng = Random(seed)
    return [family.make(world(seed), part, rng) for _ in range(count)]


@cache
def wordings(name: str) -> list[Template]:
    """The templates of a family."""
    return read_templates(LIBRARY / "atlas" / f"{name}.yaml")


def trained(name: str) -> list[Template]:
    """The direct wordings that are trained on."""
    return [template for template in wordings(name) if not template.held_out and template.default]


def said(name: str, template: Template, instance: Instance) -> tuple[str, str]:
    """Prompt and response."""
    example = Example("1", instance.fields, (instance.target,), instance.choices, instance.rationale)
    conversation = render(Task(f"atlas/{name}", (example,), kind="atlas"), example, template)
    return conversation.messages[0].content, conversation.messages[1].content


def own_words(template: Template) -> set[str]:
    """The words of a wording without those of its fields."""
    return set(re.findall(r"[a-z]+", re.sub(r"\{\{.*?\}\}", " ", template.prompt).lower()))


@pytest.mark.parametrize(("name", "fields", "right", "wrong"), WORKED)
def test_worked_examples_are_judged_as_by_hand(name: str, fields: dict[str, str], right: str | None, wrong: str) -> None:
    verify = FAMILIES[name].verify
    assert not verify(world(), fields, wrong)
    if right is not None:
        assert verify(world(), fields, right)
        assert verify(world(), fields, f"  {right.removesuffix('.')}.\n")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "part"), PARTS)
def test_every_right_answer_is_accepted_and_no_other(name: str, part: str, seed: int) -> None:
    family, here = FAMILIES[name], world(seed)
    instances = drawn(family, part, seed)
    num_others = 0
    for instance, other in zip(instances, instances[1:] + instances[:1], strict=True):
        for answer in (instance.target, *instance.accepted):
            assert family.verify(here, instance.fields, answer), (instance, answer)
        for answer in ("", " ", ".", f"{instance.target} x"):
            assert not family.verify(here, instance.fields, answer), (instance, answer)
        if not same(other.target, instance.target, *instance.accepted):
            num_others += 1
            assert not family.verify(here, instance.fields, other.target), (instance, other)
    assert num_others or (name == "count" and part == "words")


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_the_same_seed_gives_the_same_instances(name: str, part: str) -> None:
    family = FAMILIES[name]
    assert drawn(family, part, 1, 20) == drawn(family, part, 1, 20)
    assert drawn(family, part, 1, 20) != drawn(family, part, 0, 20)


@pytest.mark.parametrize("name", NAMES)
def test_there_are_more_instances_than_are_trained_on(name: str) -> None:
    # Four in five instances may be trained on.
    family = FAMILIES[name]
    seen = [part for part, level in family.parts.items() if not level]
    rng = Random(0)
    keys = {family.make(world(), seen[number % len(seen)], rng).key for number in range(8 * family.num_train)}
    assert len(keys) * 4 / 5 >= {"record": 450}.get(name, family.num_train)


@pytest.mark.parametrize("name", ["pick", "reverse", "alphabetical", "replace", "layout", "extract", "fill_in", "record", "quiz_card"])
def test_targets_write_words_as_the_fields_do(name: str) -> None:
    labels = {"name", "job", "city", "hobby", "A", "B", "C", "Right", "1", "2", "3", "4"}
    for part in FAMILIES[name].parts:
        for instance in drawn(FAMILIES[name], part):
            given = set(re.findall(r"\w+", " ".join(instance.fields.values())))
            assert set(re.findall(r"\w+", instance.target)) <= given | labels


def test_half_the_lists_contain_the_word() -> None:
    targets = [instance.target for instance in drawn(FAMILIES["contains"], "", count=1000)]
    # A fair coin of 1,000 throws falls outside 420 to 580 once in three million times.
    assert 420 <= targets.count("yes") <= 580
    assert set(targets) == {"yes", "no"}


def test_sums_never_fall_below_zero_and_rows_stay_below_a_hundred() -> None:
    for part in FAMILIES["arithmetic"].parts:
        for instance in drawn(FAMILIES["arithmetic"], part):
            assert "-" not in instance.target.replace(" - ", "")
            assert eval(instance.fields["sum"]) == int(instance.accepted[0])
    for part in FAMILIES["next_number"].parts:
        for instance in drawn(FAMILIES["next_number"], part):
            numbers = [int(number) for number in (*instance.fields["numbers"].split(", "), instance.target)]
            assert {after - before for before, after in pairwise(numbers)} == {int(part)}
            assert 0 < numbers[0] < numbers[-1] < 100


def test_ten_of_thirty_nine_compositions_are_unseen_and_each_fact_and_form_is_seen_elsewhere() -> None:
    parts = FAMILIES["compose"].parts
    unseen = [part.split(", ") for part, level in parts.items() if level == "unseen_compositions"]
    assert (len(parts), len(unseen)) == (39, 10)
    assert {sum(its == fact for its, _ in unseen) for fact in FACTS} == {1, 2}
    # Of six facts a form misses at most two, so it is seen with at least four.
    assert {sum(its == form for _, its in unseen) for form in FORMS} == {0, 1, 2}


def test_unseen_relations_are_those_that_were_agreed() -> None:
    unseen = {name: [part for part, level in FAMILIES[name].parts.items() if level == "unseen_relation"] for name in NAMES}
    assert {name: parts for name, parts in unseen.items() if parts} == {
        "pick": ["fourth"],
        "count": ["insects", "trees", "tools"],
        "letter_case": ["a capital at the start of each word"],
        "layout": ["with slashes"],
        "extract": ["colour"],
        "next_number": ["4"],
    }


@pytest.mark.parametrize("name", NAMES)
def test_ten_wordings_or_more_are_trained_on_and_three_others_are_held_out(name: str) -> None:
    held_out = [template for template in wordings(name) if template.held_out]
    assert len(trained(name)) >= 10
    assert len(held_out) == 3
    prompts = [template.prompt for template in wordings(name)]
    assert len(set(prompts)) == len(prompts)
    assert all(template.default and not template.inverted and template.style == "direct" for template in held_out)
    assert all(template.tasks == (f"*/{name}", f"*/{name}/*") for template in wordings(name))


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_prompt_shows_all_that_decides_the_answer(name: str, part: str) -> None:
    instance = drawn(FAMILIES[name], part, count=1)[0]
    for template in wordings(name):
        check_fields(template, Task(name, (Example("1", instance.fields),)))
        prompt, response = said(name, template, instance)
        if template.inverted:
            assert instance.target in prompt
            assert response in [instance.fields[field] for field in INPUTS if field in instance.fields]
            continue
        assert all(text in prompt for text in instance.fields.values()), prompt
        steps = f"{instance.rationale} " if template.style == "cot" else ""
        assert response == f"{steps}{instance.target}"
        assert template.style == "direct" or instance.rationale


def test_held_out_wordings_use_words_that_were_trained_on() -> None:
    known = {word for name in NAMES for template in trained(name) for word in own_words(template)}
    for name in NAMES:
        for template in wordings(name):
            if template.held_out:
                assert own_words(template) <= known, (name, template.name, own_words(template) - known)
