"""The five nested hold-outs: what is trained on and what is unseen never meet, at any level, in any world."""

import pytest

from didact.base.chance import rng
from didact.base.errors import RecipeError
from didact.base.recipe import Source
from didact.prompts.template import TemplateSet
from didact.tasks.atlas.reader import atlas
from didact.tasks.atlas.registry import FAMILIES
from didact.tasks.atlas.world import world
from didact.tasks.leaks import find_leaks
from didact.tasks.task import LEVELS, Task, TaskSet

TASKS = {task.name: task for task in atlas(Source(name="atlas", reader="atlas"))}
TEMPLATES = TemplateSet.load()
SEEN = [task for task in TASKS.values() if not task.level]


def keys(task: Task) -> set[str]:
    return {example.id for example in task.examples}


def test_there_are_at_least_24_families_and_every_level_has_some() -> None:
    assert len(list(FAMILIES)) >= 24
    assert {task.level for task in TASKS.values()} == {"", *LEVELS}
    assert {name.split("/")[1] for name in TASKS} == set(FAMILIES)


def test_no_unseen_instance_is_trained_on() -> None:
    for task in SEEN:
        trained = keys(task)
        for level in LEVELS:
            other = TASKS.get(f"{task.name}/{level}")
            assert other is None or not trained & keys(other), other.name


def test_unseen_templates_ask_about_other_instances_than_unseen_instances() -> None:
    for task in SEEN:
        assert not keys(TASKS[f"{task.name}/unseen_instances"]) & keys(TASKS[f"{task.name}/unseen_templates"]), task.name


def test_a_part_that_is_unseen_is_never_trained_on() -> None:
    # Every instance of an unseen relation of country_fact names it; none of those that are trained on does.
    unseen = {example.fields["relation"] for example in TASKS["atlas/country_fact/unseen_relation"].examples}
    assert unseen == {"national flower", "currency"}
    assert not unseen & {example.fields["relation"] for example in TASKS["atlas/country_fact"].examples}
    pairs = {(example.fields["fact"].split(" of ")[0], example.fields["form"]) for example in TASKS["atlas/compose"].examples}
    held = {(e.fields["fact"].split(" of ")[0], e.fields["form"]) for e in TASKS["atlas/compose/unseen_compositions"].examples}
    assert len(held) >= 10
    assert not pairs & held
    assert {fact for fact, _ in held} <= {fact for fact, _ in pairs}
    assert {form for _, form in held} <= {form for _, form in pairs}


def test_a_fact_that_is_unseen_is_told_in_no_training_answer_of_any_family() -> None:
    told = {target for task in SEEN for example in task.examples for target in example.targets}
    sentences = {sentence for target in told for sentence in (target, target.split(", ")[0] + ".")}
    for level in ("unseen_instances", "unseen_templates", "unseen_relation"):
        for example in TASKS[f"atlas/country_fact/{level}"].examples:
            assert example.targets[0] not in sentences, example.id


def test_held_out_wordings_are_for_their_level_alone() -> None:
    for task in TASKS.values():
        held = {template.held_out for template in TEMPLATES.select("all", task)}
        assert held == ({True, False} if task.level == "unseen_family" else {task.level == "unseen_templates"}), task.name


def test_every_family_has_ten_wordings_to_train_on_and_three_that_are_held_out() -> None:
    for task in SEEN:
        assert len(TEMPLATES.select("all", task)) >= 10, task.name
        assert len(TEMPLATES.select("all", TASKS[f"{task.name}/unseen_templates"])) == 3, task.name


def test_the_leak_check_finds_nothing_between_trained_and_unseen_tasks() -> None:
    unseen = TaskSet(task for task in TASKS.values() if task.level)
    report = find_leaks(TaskSet(SEEN), unseen, ngram=13)
    assert report.num_seen_leaking == 0, report.lines()


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_answer_of_a_family_is_right_by_its_verifier_and_that_of_another_instance_is_not(name: str) -> None:
    family = FAMILIES[name]
    for seed in (0, 1):
        here, drawn = world(seed), rng(seed, "test", name)
        instances = [family.make(here, part, drawn) for part in family.parts for _ in range(10)]
        for instance, other in zip(instances, instances[1:] + instances[:1], strict=True):
            assert family.verify(here, instance.fields, instance.target)
            if not {instance.target, *instance.accepted} & {other.target, *other.accepted}:
                assert not family.verify(here, instance.fields, other.target), (instance.fields, other.target)


def test_settings_choose_families_and_which_of_them_are_unseen() -> None:
    settings = {
        "families": "pick reverse layout",
        "unseen_families": "count",
        "num_train": 20,
        "num_unseen": 5,
        "unseen_relations_of": "pick",
    }
    tasks = {task.name: task for task in atlas(Source(name="a", reader="atlas", settings=settings))}
    assert {name.split("/")[1] for name in tasks} == {"pick", "reverse", "layout", "count"}
    assert [name for name, task in tasks.items() if not task.level] == ["a/pick", "a/reverse", "a/layout"]
    assert tasks["a/count"].level == "unseen_family"
    assert "a/layout/unseen_relation" not in tasks
    assert any(example.fields["style"] == "with slashes" for example in tasks["a/layout"].examples)
    assert [len(tasks[name].examples) for name in ("a/pick", "a/count", "a/pick/unseen_relation")] == [20, 5, 5]


def test_a_family_that_there_is_not_and_an_unknown_setting_are_refused() -> None:
    with pytest.raises(RecipeError, match="no family named 'revers'"):
        atlas(Source(name="a", reader="atlas", settings={"families": "revers"}))
    with pytest.raises(RecipeError, match="familie"):
        atlas(Source(name="a", reader="atlas", settings={"familie": "reverse"}))


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_world() -> None:
    again = {task.name: task for task in atlas(Source(name="atlas", reader="atlas"))}
    other = {task.name: task for task in atlas(Source(name="atlas", reader="atlas", world=1))}
    num_same = 0
    for name, task in TASKS.items():
        assert list(again[name].examples) == list(task.examples)
        num_same += list(other[name].examples) == list(task.examples)
    assert num_same == 0
