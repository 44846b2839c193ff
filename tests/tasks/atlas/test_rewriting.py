"""Rewriting rules: what an instance is, how many there are, and that what is unseen was never shown."""

from collections import Counter
from itertools import pairwise

import pytest

from didact.base.chance import rng
from didact.base.errors import RecipeError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.prompts.render import references, render
from didact.prompts.template import TemplateSet
from didact.tasks.atlas.patterns import Constraint, parse_constraint, shape
from didact.tasks.atlas.rewriting import Settings, num_strings_of, place, rewrite, rewriting, rules_of, verify
from didact.tasks.leaks import find_leaks
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task, TaskSet

SMALL = {"num_rules": 20, "num_strings": 30, "num_unseen": 60, "num_unseen_rules": 10}
LEVELS = ["", "unseen_instances", "unseen_relation", "unseen_templates"]


def made(world: int = 0, **settings: int | float | str) -> dict[str, Task]:
    """The tasks by their level."""
    return {task.level: task for task in rewriting(Source(name="rw", reader="rewriting", world=world, settings={**SMALL, **settings}))}


def letters(example: Example) -> tuple[str, str, str]:
    x, y, z = (example.fields[name].replace(" ", "") for name in "xyz")
    return x, y, z


# Worked examples


@pytest.mark.parametrize(
    ("x", "y", "z", "answer"),
    [
        ("abc", "xyz", "abcabc", "xyzabc"),  # the leftmost of two
        ("abc", "xyz", "ababcc", "abxyzc"),  # a false start before it
        ("aba", "ccc", "dababa", "dcccba"),  # of two that overlap the left one
        ("abc", "xyz", "acbacb", "acbacb"),  # not there: nothing happens
        ("ab", "aab", "cab", "caab"),  # y holds x: once is enough
    ],
)
def test_the_leftmost_x_becomes_y_and_nothing_else(x, y, z, answer):
    assert rewrite(x, y, z) == answer


def test_an_answer_is_letters_apart_with_marks_or_without():
    fields = {"x": "a b c", "y": "x y z", "z": "a b c a b c"}
    assert [verify(fields, answer) for answer in ("x y z a b c", "| x y z a b c |", " x y z a b c\n")] == [True] * 3
    wrong = ("", "xyzabc", "x y z x y z", "x y z a b c d", "a b c a b c", "x y z | a b c", "X Y Z A B C")
    assert [verify(fields, answer) for answer in wrong] == [False] * len(wrong)


def test_patterns_by_hand():
    assert shape("abc", Constraint("repeated", 2)) == "aabbcc"
    assert shape("abc", Constraint("periodic", 2)) == "abcabc"
    assert shape("abc", Constraint("mirrored", 2)) == "abccba"
    assert shape("abc", Constraint("none", 1)) == "abc"
    assert parse_constraint("repeated:2+mirrored:3", 6) == (Constraint("repeated", 2), Constraint("mirrored", 3))


def test_x_is_put_in_without_overlap_and_the_length_is_kept():
    # 12 letters = 2 * 3 of x and 6 others, here all of them "-".
    strings = [place(rng(0, "test", number), "abc", 2, 12, "-") for number in range(300)]
    assert {(len(z), z.count("abc"), z.count("-")) for z in strings} == {(12, 2, 6)}
    # 8 slots hold 2 x's in 8 * 7 / 2 = 28 ways; all of them come.
    assert len(set(strings)) == 28


# Instances


def test_the_verifier_knows_a_thousand_answers_and_refuses_changed_ones():
    task = made(num_rules=50, num_strings=20, no_ops=0.2)[""]
    assert len(task.examples) == 1000
    for example, other in pairwise(task.examples):
        target = example.targets[0]
        assert verify(example.fields, target)
        swapped = ("b" if target[0] == "a" else "a") + target[1:]
        for answer in (swapped, target[:-2], f"{target} a", other.targets[0]):
            assert verify(example.fields, answer) == (answer == target), (example, answer)


@pytest.mark.parametrize("level", LEVELS)
def test_targets_are_what_the_rule_says_and_change_only_where_x_stands(level):
    for example in made(no_ops=0.3)[level].examples:
        x, y, z = letters(example)
        before, found, after = z.partition(x)
        assert example.targets[0].replace(" ", "") == (before + y + after if found else z)


def test_there_are_rules_times_strings_instances():
    task = made()[""]
    per_rule = Counter(letters(example)[:2] for example in task.examples)
    assert (len(task.examples), len(per_rule), set(per_rule.values())) == (600, 20, {30})
    assert len({example.id for example in task.examples}) == 600


@pytest.mark.parametrize("num_rules", [1, 7, 100, 600])
def test_a_fixed_product_stays_the_same_whatever_the_number_of_rules(num_rules):
    counts = num_strings_of(Settings(num_rules=num_rules, num_instances=600))
    assert (sum(counts), len(counts), max(counts) - min(counts) <= 1) == (600, num_rules, True)


def test_a_power_law_gives_the_first_rules_most():
    # u^(1/2) at 0, 1/4, 1/2, 3/4, 1 is 0, .5, .707, .866, 1: of 100 instances 50, 21, 16 and 13.
    assert num_strings_of(Settings(num_rules=4, num_instances=100, exponent=0.5)) == [50, 21, 16, 13]


def test_no_ops_have_their_share():
    share = {level: [x not in z for x, _, z in map(letters, made(no_ops=0.25, num_unseen=400)[level].examples)] for level in LEVELS}
    # 600 and 400 draws at 1/4: a standard deviation is about 0.02.
    assert all(abs(sum(flags) / len(flags) - 0.25) < 0.08 for flags in share.values())
    assert not any(x not in z for x, _, z in map(letters, made()[""].examples))


def test_x_stands_in_z_as_often_as_asked():
    tasks = made(string_length=20, occurrences="1+3", unseen_occurrences=4)
    assert {z.count(x) for x, _, z in map(letters, tasks[""].examples)} == {1, 3}
    assert {z.count(x) for x, _, z in map(letters, tasks["unseen_relation"].examples)} == {4}


def test_constrained_rules_look_so_and_unseen_ones_may_look_otherwise():
    tasks = made(pattern_length=4, constraint="repeated:2+mirrored:2", unseen_constraint="periodic:2")
    kinds = {(x[0] == x[1], x == x[::-1], y[0] == y[1], y == y[::-1]) for x, y, _ in map(letters, tasks[""].examples)}
    assert {(True, False, True, False), (False, True, False, True)} <= kinds
    assert all(text[:2] == text[2:] for x, y, _ in map(letters, tasks["unseen_relation"].examples) for text in (x, y))


# What is unseen


def test_unseen_rules_share_neither_x_nor_y_with_training():
    tasks = made(alphabet=6)
    seen = {text for x, y, _ in map(letters, tasks[""].examples) for text in (x, y)}
    unseen = {text for x, y, _ in map(letters, tasks["unseen_relation"].examples) for text in (x, y)}
    assert (len(seen), len(unseen), seen & unseen) == (40, 20, set())


def test_unseen_strings_were_never_shown_under_any_rule():
    # 3^6 = 729 strings in all: without a rule they would meet.
    tasks = made(alphabet=3, pattern_length=2, string_length=6, num_rules=2, num_unseen_rules=1, num_unseen=10)
    strings = {level: {z for _, _, z in map(letters, tasks[level].examples)} for level in LEVELS}
    assert [strings[""] & strings[level] for level in LEVELS[1:]] == [set()] * 3
    assert strings["unseen_instances"] & strings["unseen_templates"] == set()


def test_unseen_instances_are_about_the_trained_rules():
    tasks = made()
    rules = {level: {letters(example)[:2] for example in tasks[level].examples} for level in LEVELS}
    assert rules["unseen_instances"] == rules["unseen_templates"] == rules[""]
    assert [len(tasks[level].examples) for level in LEVELS[1:]] == [60, 60, 60]


def test_fewer_rules_are_the_first_of_more_and_unseen_rules_stay():
    few, many = (rules_of(0, Settings(num_rules=count, num_unseen_rules=10)) for count in (5, 500))
    assert (many[0][:5], many[1]) == few


def test_the_leak_check_finds_no_whole_instance_twice():
    tasks = made(num_rules=10, num_strings=300)
    unseen = TaskSet(tasks[level] for level in LEVELS[1:])
    report = find_leaks(TaskSet([tasks[""]]), unseen, ngram=18)
    assert (report.num_seen, report.num_unseen, report.num_seen_leaking) == (3000, 180, 0)
    # It does look: an unseen task against itself is a leak through and through.
    assert find_leaks(TaskSet([tasks["unseen_relation"]]), unseen, ngram=18).num_seen_leaking == 60


# From a recipe


def test_the_same_seed_gives_the_same_bytes_and_another_one_others():
    first, again, other = (repr([list(task.examples) for task in made(world).values()]) for world in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_reader_is_found_by_its_name_and_keeps_to_the_limit():
    tasks = load_tasks([Source(name="rw", reader="rewriting", limit=7, settings={"num_rules": 3})])
    assert [(task.name, len(task.examples)) for task in tasks] == [(f"rw/{level}".rstrip("/"), 7) for level in LEVELS]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"num_rule": 3}, "unknown key 'num_rule'; did you mean 'num_rules'?"),
        ({"num_rules": "many"}, "num_rules: should be a"),
        ({"num_rules": 0}, "num_rules: should be greater than or equal to 1 (got 0)"),
        ({"no_ops": 1.5}, "no_ops: should be less than or equal to 1 (got 1.5)"),
        ({"occurrences": 5}, "x has no room to stand 5 times in z"),
        ({"occurrences": "1+0"}, "should be a number from 1 on, or several"),
        ({"constraint": "mirored:3"}, "constraint 'mirored:3' should be none, or repeated, periodic or mirrored"),
        ({"constraint": "mirrored:2"}, "2 copies do not divide a pattern_length of 3"),
        ({"num_strings": 5, "num_instances": 50}, "give either num_strings or num_instances"),
    ],
)
def test_wrong_settings_are_refused_and_the_known_ones_named(settings, what):
    with pytest.raises(RecipeError) as error:
        rewriting(Source(name="rw", reader="rewriting", settings=settings))
    assert what in error.value.what and "in the settings of source 'rw'" in error.value.what
    assert error.value.expected.startswith("settings of reader rewriting: num_rules, num_strings")


@pytest.mark.parametrize("settings", [{"alphabet": 2, "num_rules": 5}, {"num_strings": 3000, "alphabet": 3, "string_length": 6}])
def test_a_world_that_is_too_small_says_so(settings):
    with pytest.raises(RecipeError, match="no further"):
        len(made(**settings)[""].examples)


# Wordings


def test_twelve_wordings_to_train_on_and_three_that_are_held_out():
    templates, tasks = TemplateSet.load(), made()
    assert len(templates.select("all", tasks[""])) == 12
    assert len(templates.select("all", tasks["unseen_templates"])) == 3
    assert [template.name for template in templates.select("rewriting/bare", tasks["unseen_relation"])] == ["rewriting/bare"]


def test_every_wording_says_all_of_the_instance_between_marks():
    task, example = made()[""], made()[""].examples[0]
    said = set()
    for template in (template for template in TemplateSet.load() if template.name.startswith("rewriting/")):
        asked, answered = render(task, example, template).messages
        assert all(f"| {example.fields[name]} |" in asked.content for name in "xyz"), template.name
        assert answered.content == f"| {example.targets[0]} |" == references(task, example, template)[0]
        said.add(asked.content)
    assert len(said) == 16
