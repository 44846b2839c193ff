"""A run that ends before `train.max_steps` says so."""

from didact.assemble import Assembly
from didact.base.recipe_file import load_recipe


def test_epochs_that_are_too_few_for_max_steps_are_told_with_how_many_would_do(here):
    told: list[str] = []
    recipe = load_recipe(here / "recipes" / "demo.yaml", ["train.epochs=1", "train.max_steps=100000"])
    num_steps = Assembly(recipe, told.append).forecast.num_steps
    assert 0 < num_steps < 100_000
    enough = -(-100_000 // num_steps)
    assert f"note: train.epochs=1 ends after {num_steps:,} of train.max_steps=100,000; for all of them: train.epochs={enough}" in told


def test_a_run_that_reaches_max_steps_says_nothing(here):
    told: list[str] = []
    Assembly(load_recipe(here / "recipes" / "demo.yaml", ["train.max_steps=2"]), told.append).forecast  # noqa: B018
    assert not [line for line in told if "max_steps" in line]
