"""docs/tuning.md names every recipe of a known model, and what it says of them is what they hold."""

import math
import re
from pathlib import Path

from didact.base.recipe import Recipe
from didact.base.recipe_file import load_recipe
from didact.base.strict_yaml import parse_yaml

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| `recipes/")]


def test_every_known_model_has_its_row():
    named = {name for row in ROWS for name in re.findall(r"`(recipes/[^`]*)`", "|".join(row))}
    there = {str(path.relative_to(ROOT)) for path in [ROOT / "recipes" / "alpaca.yaml", *(ROOT / "recipes" / "models").glob("*.yaml")]}
    assert named == there


def test_rates_and_schedules_are_those_of_the_recipes():
    for name, _, _, rate, _ in ROWS:
        if rate.strip() != "not stated":
            train = load_recipe(ROOT / name.strip(" `")).train
            value, kind = rate.split()[:2]
            assert (float(value), kind) == (train.learning_rate, train.schedule.kind), name
            if " to " in rate:
                assert math.isclose(float(rate.split()[-1]), train.learning_rate * train.schedule.final)


def test_the_settings_of_an_automatic_weight_are_the_defaults():
    written = re.search(r"```yaml\n(.*?)```", PAGE, re.S)[1]
    recipe = Recipe(**parse_yaml(written, "page").data)
    assert recipe.objective.auto == Recipe().objective.auto
    assert recipe.objective.prompt_weight == "auto"


def test_the_bare_loop_is_as_long_as_it_says():
    lines = len((ROOT / "examples" / "flat_loop.py").read_text(encoding="utf-8").splitlines())
    assert f"{lines} lines" in PAGE
