"""The recipes of `didact synth`: each loads, names what there is, and its settings are known; no network is needed to see it."""

from pathlib import Path

import pytest

from didact.base.recipe_file import is_synthesis
from didact.base.strict_yaml import read_yaml
from didact.base.synth_file import load_synth_recipe
from didact.synth.filters import filter_named
from didact.synth.methods import METHODS
from didact.synth.teachers import backend_of
from didact.tasks.catalogue import find

ROOT = Path(__file__).parents[2]
RECIPES = [path for path in sorted((ROOT / "recipes").rglob("*.yaml")) if is_synthesis(read_yaml(path).data)]


def test_each_method_that_people_ask_for_by_name_has_a_recipe():
    assert {path.stem for path in RECIPES} >= {
        *("self_instruct_demo", "self_instruct", "alpaca", "evolve", "explain", "backtranslate", "magpie"),
    }


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_of_a_synthesis_names_what_there_is(path, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    recipe = load_synth_recipe(path)
    assert callable(METHODS[recipe.method])
    assert path.read_text(encoding="utf-8").startswith("# ")
    for one in recipe.filters:
        name, settings = (one, {}) if isinstance(one, str) else next(iter(one.items()))
        filter_named(name, settings)
    if recipe.source and recipe.source.catalogue:
        assert find(recipe.source.catalogue).open == "open"
    if recipe.teacher.backend != "local":
        backend_of(recipe.teacher)
    copy = tmp_path / "copy.yaml"
    copy.write_text(recipe.to_yaml(), encoding="utf-8")
    assert load_synth_recipe(copy) == recipe


@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_is_told_in_a_line(name):
    assert (METHODS[name].__doc__ or "").strip().startswith("Returns the program")
