"""The levels of evaluation: what a source calls unseen is never trained on, and is asked about in the wordings of its level."""

from collections import Counter

import pytest

from didact.assemble import DRAWN, JUDGED, Assembly
from didact.base.errors import DataError, RecipeError, TemplateError
from didact.base.recipe import HoldOut, Recipe
from didact.base.types import Example
from didact.prompts.template import Template, TemplateSet
from didact.tasks.readers import READERS, load_tasks
from didact.tasks.splits import describe, hold_out
from didact.tasks.task import LEVELS, Task, TaskSet

NUM_ROWS = 40


def task(name, level="", kind="atlas", datasets=("atlas",), count=NUM_ROWS):
    rows = tuple(Example(f"{name} {number}", {"word": f"{name} {number}"}, (str(number),), accepted=("any",)) for number in range(count))
    return Task(name, rows, kind=kind, categories=(name.split("/")[1] if "/" in name else name,), datasets=datasets, level=level)


WORLD = [task("atlas/a"), task("atlas/b"), *(task(f"atlas/a/{level}", level) for level in LEVELS[:4]), task("atlas/c", "unseen_family")]
WORDINGS = TemplateSet(
    Template(f"w/{name}", ("atlas",), prompt="{{ word }} " + name, held_out=name.startswith("h")) for name in ("h1", "h2", "s1", "s2", "s3")
)


@pytest.fixture
def assembly(monkeypatch):
    """The parts of a recipe over that world; keywords go into its `evaluate`."""
    monkeypatch.setitem(READERS._parts, "atlas", lambda source: WORLD)

    def assembled(hold_out=None, seed=0, **evaluate):
        table = {
            "seed": seed,
            "tasks": {"sources": [{"name": "atlas", "reader": "atlas"}], "hold_out": hold_out or {}},
            "evaluate": {"on": LEVELS, **evaluate},
        }
        made = Assembly(Recipe.model_validate(table))
        made.__dict__["templates"] = WORDINGS
        return made

    return assembled


def names(tasks):
    return [task.name for task in tasks]


def test_there_are_five_levels_besides_unseen_and_held_in():
    assert LEVELS == ("unseen_instances", "unseen_templates", "unseen_compositions", "unseen_relation", "unseen_family")
    assert list(JUDGED) == ["unseen", "held_in", *LEVELS]


def test_a_task_with_a_level_is_unseen_whatever_the_recipe_says():
    split = hold_out(TaskSet(WORLD), HoldOut())
    assert names(split.seen) == ["atlas/a", "atlas/b"]
    assert {task.name: task.level for task in split.unseen} == {task.name: task.level for task in WORLD if task.level}
    # They share their dataset with seen tasks, and still nothing is left out: the source keeps them apart by itself.
    assert split.left_out == {}


def test_a_seen_task_that_the_recipe_holds_out_is_unseen_and_takes_nothing_with_it():
    split = hold_out(TaskSet(WORLD), HoldOut(task=("atlas/b",)))
    assert names(split.seen) == ["atlas/a"]
    assert split.unseen.named("atlas/b").level == ""
    assert split.left_out == {}


def test_sources_without_levels_keep_the_rule_of_shared_datasets():
    others = [
        task("nli", kind="rows", datasets=("snli",)),
        task("write", kind="rows", datasets=("SNLI",)),
        task("sum", kind="rows", datasets=("x",)),
    ]
    split = hold_out(TaskSet([*WORLD, *others]), HoldOut(task=("nli",)))
    assert names(split.seen) == ["atlas/a", "atlas/b", "sum"]
    assert list(split.left_out) == ["write"]


def test_examples_of_seen_tasks_are_held_in_and_those_with_a_level_stay_whole():
    split = hold_out(TaskSet(WORLD), HoldOut(examples=5))
    assert {task.name: len(task.examples) for task in split.held_in} == {"atlas/a": 5, "atlas/b": 5}
    assert {len(task.examples) for task in split.seen} == {NUM_ROWS - 5}
    assert {len(task.examples) for task in split.unseen} == {NUM_ROWS}


def test_the_story_counts_the_levels():
    lines = describe(hold_out(TaskSet(WORLD), HoldOut(task=("atlas/b",))))
    each = ", ".join(f"{name} 1" for name in sorted(["b", *LEVELS]))
    assert lines[:2] == ["seen: 1 task", f"unseen: 6 tasks ({each})"]


def test_each_level_is_judged_on_its_own_tasks(assembly):
    made = assembly({"task": ["atlas/b"], "examples": 2})
    assert {level: names(made.judged(level)) for level in JUDGED} == {
        "unseen": ["atlas/b"],
        "held_in": ["atlas/a"],
        **{level: [f"atlas/a/{level}"] for level in LEVELS[:4]},
        "unseen_family": ["atlas/c"],
    }
    assert made.levels == JUDGED
    assert assembly().levels == LEVELS


def test_held_out_wordings_are_for_the_level_that_asks_for_them():
    chosen = {t.name: [template.name for template in WORDINGS.select("all", t)] for t in WORLD}
    seen = ["w/s1", "w/s2", "w/s3"]
    assert chosen == {
        **dict.fromkeys(["atlas/a", "atlas/b", "atlas/a/unseen_instances", "atlas/a/unseen_compositions", "atlas/a/unseen_relation"], seen),
        "atlas/a/unseen_templates": ["w/h1", "w/h2"],
        "atlas/c": ["w/h1", "w/h2", *seen],
    }


def test_a_held_out_wording_is_not_had_by_its_name_either():
    with pytest.raises(TemplateError, match=r"(?s)no template among w/h1 fits task 'atlas/a'.*what fits: w/s1, w/s2, w/s3"):
        WORDINGS.select("w/h1", WORLD[0])
    without = TemplateSet(template for template in WORDINGS if not template.held_out and template.name != "as_is")
    with pytest.raises(TemplateError, match="no template among all fits task 'atlas/a/unseen_templates'"):
        without.select("all", TaskSet(WORLD).named("atlas/a/unseen_templates"))


def test_a_row_is_judged_in_the_first_wording_or_in_one_drawn_from_its_identity(assembly):
    plain, drawn = assembly(), assembly(template=DRAWN)
    for judged in (task for task in WORLD if task.level):
        assert {plain.wording_of_record(judged, example).name for example in judged.examples} == {plain.wordings(judged)[0].name}
        found = [drawn.wording_of_record(judged, example).name for example in judged.examples]
        # 40 rows over at most 5 wordings: each of them is drawn (all 40 miss one of five with probability 0.0001).
        assert set(found) == {template.name for template in drawn.wordings(judged)}
        backwards = [drawn.wording_of_record(judged, example).name for example in reversed(judged.examples)]
        assert backwards == found[::-1]
    family = WORLD[-1]
    assert [assembly(template=DRAWN, seed=1).wording_of_record(family, example).name for example in family.examples] != found
    named = assembly(template="w/s3")
    assert named.wording_of_record(WORLD[0], WORLD[0].examples[0]).name == "w/s3"


def test_every_judged_task_is_worded_before_training_and_an_empty_level_is_told(assembly):
    told = []
    made = assembly(on=["held_in", "unseen", "unseen_family"], template=DRAWN)
    made.say = told.append
    made.check_judging()
    note = "note: didact eval will find nothing to ask at level held_in; hold some out: tasks.hold_out.examples=20"
    assert [line for line in told if line.startswith("note")] == [note]
    assert len([line for line in told if line.startswith("unseen_family: ")]) == 1  # once, though `unseen` stands for it too
    with pytest.raises(TemplateError, match=r"evaluate\.template"):
        assembly(template="w/h1").check_judging()


def test_a_recipe_may_ask_for_levels_and_benchmarks_and_for_nothing_else(assembly):
    named = ("unseen_family", "held_in", "mmlu", "superglue/cb")
    assert Recipe.model_validate({"evaluate": {"on": list(named)}}).evaluate.on == named
    with pytest.raises(RecipeError, match="did you mean 'unseen_family'") as slip:
        assembly(on=["unseen_famly"]).check_judging()
    assert slip.value.where == "evaluate.on"


@pytest.mark.parametrize("reader", ["alpaca", "superni", "text", "rows"])
def test_a_source_of_files_without_a_path_is_refused(reader):
    with pytest.raises(DataError, match=r"(?s)does not say where its rows are.*only readers benchmark, atlas, .* need none.*path: \.\.\."):
        load_tasks(Recipe.model_validate({"tasks": {"sources": [{"name": "x", "reader": reader}]}}).tasks.sources)


def test_the_atlas_has_tasks_at_every_level_each_with_wordings_of_its_level():
    made = Assembly(
        Recipe.model_validate({"tasks": {"sources": [{"name": "atlas", "reader": "atlas"}]}, "evaluate": {"on": LEVELS, "template": DRAWN}})
    )
    assert made.levels == LEVELS
    assert made.split.left_out == {}
    made.check_judging()
    shown = Counter((task.level, template.held_out) for task in made.tasks for template in made.wordings(task))
    families = len({task.category for task in made.tasks})
    assert {level: (shown[level, False] > 0, shown[level, True] > 0) for level in ("", *LEVELS)} == {
        **dict.fromkeys(("", *LEVELS), (True, False)),
        "unseen_templates": (False, True),
        "unseen_family": (True, True),
    }
    assert families >= 24
    # The many templates of a kind are read only where a task of that kind is worded.
    assert not any(template.name.startswith("atlas_") for template in TemplateSet.load(kinds={"rows"}))
