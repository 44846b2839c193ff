"""Every shipped recipe loads; those whose data are here pass `check` and train two steps with a model of a few thousand weights."""

import json
from pathlib import Path

import pytest
from verbs import didact

from didact.base.recipe_file import load_recipe

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
SMALL = (
    "model.new.width=32 model.new.depth=1 model.new.heads=2 mixture.epoch_size=40 "
    "train.max_steps=2 train.batch_tokens=512 train.precision=fp32"
)


def test_there_are_recipes_and_each_begins_with_what_it_is():
    assert len(RECIPES) >= 1
    assert [path.name for path in RECIPES if not path.read_text(encoding="utf-8").startswith("# ")] == []


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_named_after_its_file(path):
    assert load_recipe(path).name == path.stem


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_checks_and_trains_two_steps(path, monkeypatch, tmp_path):
    recipe = load_recipe(path)
    absent = [source.path for source in recipe.tasks.sources if not Path(source.path).exists()]
    if absent:
        pytest.skip(f"the data of {path.name} are not here: {', '.join(absent)}")
    if recipe.model.base != "new" and not Path(recipe.model.base).exists():
        pytest.skip(f"the base of {path.name} is not here: {recipe.model.base}")
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    seen = didact(f"check {path} {SMALL}")
    assert seen.code == 0, seen.err
    assert "all is well: 2 steps" in seen.out
    seen = didact(f"train {path} {SMALL} --json")
    assert seen.code == 0, seen.err
    assert json.loads(seen.out)["num_steps"] == 2
