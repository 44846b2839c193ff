"""Composed functions: what an answer is, which compositions are unseen, and the two forms of the document."""

from collections import Counter
from itertools import pairwise

import pytest

from didact.base.errors import RecipeError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.prompts.render import render
from didact.prompts.template import TemplateSet
from didact.tasks.atlas.composing import Settings, composing, compositions_of, functions_of, names_of, steps_of, verify
from didact.tasks.leaks import find_leaks
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task, TaskSet

SMALL = {"num_strings": 20, "num_unseen": 80}
LEVELS = ["", "unseen_compositions", "unseen_instances"]
SAME, NEXT, SWAP = (dict(zip("abc", text, strict=True)) for text in ("abc", "bca", "bac"))
WORLD = ((SAME, NEXT), (SAME, SWAP), (SAME, NEXT))


def made(world: int = 0, **settings: int | float | str) -> dict[str, Task]:
    """The tasks by their level."""
    return {task.level: task for task in composing(Source(name="co", reader="composing", world=world, settings={**SMALL, **settings}))}


def composition(example: Example) -> tuple[int, ...]:
    return tuple(int(name[1:]) for name in example.fields["functions"].split())


# Worked examples


def test_functions_are_applied_from_the_left_to_the_right():
    # a -> b -> a -> b; b -> c -> c -> a; c -> a -> b -> c.
    assert steps_of(WORLD, (1, 1, 1), "abc") == ["bca", "acb", "bac"]
    # The order counts: without the last step, and without the first.
    assert [steps_of(WORLD, which, "abc")[-1] for which in ((1, 1, 0), (0, 1, 1), (0, 0, 0))] == ["acb", "cba", "abc"]


def test_an_answer_is_what_follows_the_last_mark():
    fields = {"functions": "A1 B1 C1", "string": "a b c"}
    right = ("b a c", "| b a c |", "| b c a | a c b | b a c |")
    wrong = ("", "|", "bac", "b a c a", "a c b", "| b a c | a c b |")
    assert [verify(WORLD, fields, answer) for answer in (*right, *wrong)] == [True] * 3 + [False] * 6


def test_there_are_1024_compositions_of_five_positions_with_three_bijections_each():
    assert Settings().total == 4**5 == 1024
    functions = functions_of(0, Settings())
    assert [len(choices) for choices in functions] == [4] * 5
    for choices in functions:
        assert choices[0] == {letter: letter for letter in "abcdefghij"}
        assert all(sorted(function.values()) == list("abcdefghij") for function in choices)
        assert len({tuple(function.items()) for function in choices}) == 4


# Instances


def test_the_verifier_knows_a_thousand_answers_and_refuses_changed_ones():
    task, functions = made()[""], functions_of(0, Settings(**SMALL))
    assert len(task.examples) == 50 * 20 == 1000
    for example, other in pairwise(task.examples):
        target = example.targets[0]
        assert verify(functions, example.fields, target)
        swapped = ("b" if target[0] == "a" else "a") + target[1:]
        for answer in (swapped, target[:-2], f"{target} a", other.targets[0]):
            assert verify(functions, example.fields, answer) == (answer == target), (example, answer)


@pytest.mark.parametrize("level", LEVELS)
def test_the_rationale_holds_the_steps_before_the_answer(level):
    functions = functions_of(0, Settings(**SMALL))
    for example in made()[level].examples:
        strings = [example.fields["string"], *example.rationale.split(" | "), example.targets[0]]
        assert len(strings) == 6
        for position, (before, after) in enumerate(pairwise(strings)):
            function = functions[position][composition(example)[position]]
            assert [function[letter] for letter in before.split()] == after.split()


def test_there_are_compositions_times_strings_instances():
    task = made(num_compositions=30, num_strings=7)[""]
    counts = Counter(map(composition, task.examples))
    assert (len(task.examples), len(counts), set(counts.values())) == (210, 30, {7})
    assert len({example.id for example in task.examples}) == 210


# What is unseen


def test_compositions_are_disjoint_and_the_unseen_ones_made_of_functions_that_training_shows():
    seen, unseen = compositions_of(0, Settings(num_compositions=6))
    assert (len(seen), set(seen) & set(unseen)) == (6, set())
    assert 0 < len(unseen) < 100  # of the 100 set aside some need a function that six compositions do not show
    shown = [{choice[position] for choice in seen} for position in range(5)]
    assert all(number in known for choice in unseen for number, known in zip(choice, shown, strict=True))


def test_tasks_hold_the_compositions_of_their_level():
    tasks = made()
    found = {level: set(map(composition, tasks[level].examples)) for level in LEVELS}
    seen, unseen = compositions_of(0, Settings(**SMALL))
    assert found[""] == found["unseen_instances"] == set(seen)
    assert found["unseen_compositions"] <= set(unseen)
    assert [len(tasks[level].examples) for level in LEVELS[1:]] == [80, 80]


def test_unseen_strings_are_in_no_training_instance():
    # 4^4 = 256 strings in all: without a rule they would meet.
    tasks = made(alphabet=4, string_length=4)
    strings = {level: {example.fields["string"] for example in tasks[level].examples} for level in LEVELS}
    assert [strings[""] & strings[level] for level in LEVELS[1:]] == [set(), set()]


def test_fewer_compositions_are_the_first_of_more_and_those_set_aside_stay():
    (few, unseen_of_few), (many, unseen_of_many) = (compositions_of(0, Settings(num_compositions=count)) for count in (50, 900))
    assert many[:50] == few
    assert set(unseen_of_few) <= set(unseen_of_many)


def test_the_leak_check_finds_nothing():
    tasks = made()
    unseen = TaskSet(tasks[level] for level in LEVELS[1:])
    report = find_leaks(TaskSet([tasks[""]]), unseen)
    assert (report.num_seen, report.num_unseen, report.num_seen_leaking) == (1000, 160, 0)
    # It does look, at whole inputs: five names and six letters are fewer than 13 words.
    assert find_leaks(TaskSet([tasks["unseen_instances"]]), unseen).by_kind == {"exact input": (80, 80), "13-gram": (0, 0)}


# From a recipe


def test_the_same_seed_gives_the_same_bytes_and_another_one_others():
    first, again, other = (repr([list(task.examples) for task in made(world).values()]) for world in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_reader_is_found_by_its_name_and_keeps_to_the_limit():
    tasks = load_tasks([Source(name="co", reader="composing", limit=7)])
    assert [(task.name, len(task.examples)) for task in tasks] == [(f"co/{level}".rstrip("/"), 7) for level in LEVELS]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"num_composition": 3}, "unknown key 'num_composition'; did you mean 'num_compositions'?"),
        ({"depth": 1}, "depth: should be greater than or equal to 2 (got 1)"),
        ({"depth": 11}, "make 4,194,304 compositions"),
        ({"num_compositions": 1000}, "more than the 1,024 that there are"),
        ({"alphabet": 2, "num_functions": 2}, "too few bijections"),
    ],
)
def test_wrong_settings_are_refused_and_the_known_ones_named(settings, what):
    with pytest.raises(RecipeError) as error:
        composing(Source(name="co", reader="composing", settings=settings))
    assert what in error.value.what and "in the settings of source 'co'" in error.value.what
    assert error.value.expected.startswith("settings of reader composing: num_compositions, num_strings")


def test_one_composition_leaves_nothing_unseen_that_is_made_of_its_functions():
    with pytest.raises(RecipeError, match="show too few functions"):
        made(num_compositions=1)


# Wordings


def test_the_two_forms_ask_the_same_and_only_one_shows_its_steps():
    world = {"depth": 3, "num_compositions": 20, "num_unseen_compositions": 10}
    task = made(**world)[""]
    example, templates = task.examples[0], TemplateSet.load()
    steps = steps_of(functions_of(0, Settings(**SMALL, **world)), composition(example), example.fields["string"].replace(" ", ""))
    said = {name: render(task, example, templates.named(f"composing/{name}")).messages for name in ("cot", "direct")}
    prompt = f"{names_of(composition(example))} | {example.fields['string']} |"
    assert said["cot"][0].content == said["direct"][0].content == prompt
    first, second, last = (" ".join(step) for step in steps)
    assert said["cot"][1].content == f"| {first} | {second} | {last} |"
    assert said["direct"][1].content == f"| {last} |"
    assert [template.name for template in templates.select("all", task)] == ["composing/cot"]
