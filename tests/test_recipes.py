"""Every shipped recipe loads; those whose data are here pass `check` and train two steps with a model of a few thousand weights."""

import json
from pathlib import Path

import pytest
from verbs import didact

from didact.base.recipe import Recipe
from didact.base.recipe_file import is_synthesis, load_recipe
from didact.base.strict_yaml import read_yaml
from didact.prompts.names import check_names
from didact.tasks.catalogue import find

ROOT = Path(__file__).parents[1]
KNOWN = sorted((ROOT / "recipes" / "models").glob("*.yaml"))
TINY = [path for path in KNOWN if path.stem.endswith("_tiny")]
BIG = [path for path in [ROOT / "recipes" / "alpaca.yaml", *KNOWN] if path not in TINY]
"""Recipes of known models: their rows are on the hub, and so are their bases."""
TRAINING = [path for path in sorted((ROOT / "recipes").glob("*.yaml")) if not is_synthesis(read_yaml(path).data)]
RECIPES = [path for path in [*TRAINING, *TINY] if path not in BIG]
SMALL = (
    "model.new.width=32 model.new.depth=1 model.new.heads=2 mixture.epoch_size=40 "
    "train.max_steps=2 train.batch_tokens=512 train.precision=fp32"
)
SIZES = {
    "name",
    "model",
    "tasks.sources",
    "tasks.hold_out.examples",
    "tasks.hold_out.task",
    "tasks.leaks.action",
    "mixture.parts",
    "mixture.epoch_size",
    "prompts.max_prompt_length",
    "prompts.shots",
    "sequence.max_length",
    "train.learning_rate",
    "train.optimizer",
    "train.epochs",
    "train.max_steps",
    "train.batch_tokens",
    "train.micro_batch_tokens",
    "train.precision",
    "train.keep_checkpoints",
}
"""What a tiny twin may say for itself: sizes, rows, and what a model made from nothing needs. `evaluate` is its own, too."""


def test_there_are_recipes_and_each_begins_with_what_it_is():
    assert len(RECIPES) >= 1
    assert [path.name for path in [*RECIPES, *BIG] if not path.read_text(encoding="utf-8").startswith("# ")] == []


@pytest.mark.parametrize("path", [*RECIPES, *BIG], ids=lambda path: path.stem)
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


def test_nine_known_models_have_a_recipe_with_its_source_and_a_twin():
    names = {"flan_t5", "t0", "tk_instruct", "alpaca", "wizardlm", "openorca", "lima", "tulu", "wit"}
    assert {path.stem for path in BIG} == names
    assert {path.stem for path in TINY} == {f"{name}_tiny" for name in names}
    assert [path.name for path in BIG if "\n# Source: " not in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("path", BIG, ids=lambda path: path.stem)
def test_the_names_of_a_known_models_recipe_exist_without_the_hub(path):
    recipe = load_recipe(path)
    check_names(recipe)  # readers, metrics, chat format, templates
    assert recipe.tasks.sources
    for source in recipe.tasks.sources:
        assert find(source.catalogue).open != "closed" if source.catalogue else source.reader == "benchmark"


def _flat(recipe: Recipe) -> dict[str, object]:
    """A recipe as `section.key` to value; the model is one, and so is `tasks.leaks.action`."""
    found: dict[str, object] = {}
    for section, value in recipe.model_dump(mode="json").items():
        if section == "evaluate":
            continue
        for key, inner in value.items() if isinstance(value, dict) and section != "model" else [("", value)]:
            name = f"{section}.{key}" if key else section
            found |= {f"{name}.{last}": deep for last, deep in inner.items()} if isinstance(inner, dict) else {name: inner}
    return found


@pytest.mark.parametrize("path", TINY, ids=lambda path: path.stem)
def test_a_tiny_twin_has_its_models_method(path):
    big = next(other for other in BIG if f"{other.stem}_tiny" == path.stem)
    ours, theirs = _flat(load_recipe(path)), _flat(load_recipe(big))
    others = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    assert {key for key in others if key not in SIZES and key.rpartition(".")[0] not in SIZES} == set()


def test_the_twin_of_flan_t5_has_the_shares_of_the_release():
    big, twin = (load_recipe(ROOT / "recipes" / "models" / f"flan_t5{end}.yaml").mixture.parts for end in ("", "_tiny"))
    assert [(part.name, part.rate, part.cap) for part in big] == [(part.name, part.rate, part.cap) for part in twin]


def test_the_steps_of_known_models_follow_from_their_batches():
    """52,002 rows in 3 epochs of 128 are 1,218.8 steps; 1,030 rows in 15 epochs of 32 are 482.8, and a checkpoint an epoch fits."""
    alpaca = load_recipe(ROOT / "recipes" / "alpaca.yaml").train
    assert round(52_002 * alpaca.epochs / 128, 1) == 1218.8
    assert alpaca.batch_tokens == 128 * 122
    flan = load_recipe(ROOT / "recipes" / "models" / "flan_t5.yaml")
    assert flan.train.batch_tokens == 64 * (2048 + 512) == 163_840
    assert flan.sequence.max_length == 2048 + 512
    t0 = load_recipe(ROOT / "recipes" / "models" / "t0.yaml")
    assert t0.train.batch_tokens == 2**20
    assert len([source for source in t0.tasks.sources if source.catalogue == "p3"]) == 294
    assert [part.cap for part in t0.mixture.parts[:-1]] == [500_000 // prompts for prompts in (9, 4, 9, 5, 7)]
