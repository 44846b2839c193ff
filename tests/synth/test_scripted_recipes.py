"""Every recipe in recipes/synth runs offline to its end: with the scripted teacher in the place of its own."""

import json
from pathlib import Path

import pytest
from verbs import didact

from didact.base.errors import RecipeError
from didact.base.synth_file import load_synth_recipe
from didact.synth.job import Job
from didact.synth.methods import METHODS
from didact.synth.source import source_rows

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "synth").glob("*.yaml"))
NUM_ROWS = 8


def on_the_fake(path: Path) -> list[str]:
    """What is written behind a recipe's name; rows of the hub, or of a run that is not there, are the seed tasks here."""
    source = load_synth_recipe(path).source
    absent = source is not None and (bool(source.catalogue) or not Path(source.path).exists())
    return ["teacher.backend=fake", f"num_rows={NUM_ROWS}", *(["source=null"] if absent else [])]


def test_every_method_has_a_recipe_here():
    assert {load_synth_recipe(path).method for path in RECIPES} == set(METHODS)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_what_it_is_and_its_settings_are_the_methods_own(path: Path):
    recipe = load_synth_recipe(path)
    assert path.read_text(encoding="utf-8").startswith("# ")
    rows = source_rows(load_synth_recipe(path, on_the_fake(path)).source) if recipe.method == "backtranslate" else []
    next(METHODS[recipe.method](Job(settings=recipe.settings, examples=rows)))  # settings are looked at before anything is asked
    with pytest.raises(RecipeError, match="most_hats"):
        next(METHODS[recipe.method](Job(settings={**recipe.settings, "most_hats": 3}, examples=rows)))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_makes_rows_with_the_scripted_teacher(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    seen = didact(f"synth {path} {' '.join(on_the_fake(path))} --json")
    assert seen.code == 0, seen.err
    told = json.loads(seen.out)
    assert told["num_in"] == told["num_kept"] + sum(told["dropped"].values()) + sum(told["failed"].values())
    assert told["num_kept"] >= NUM_ROWS / 2, told
    assert told["failed"] == {}
    rows = [json.loads(line) for line in Path(told["messages"]).read_text(encoding="utf-8").splitlines()]
    assert len(rows) == told["num_kept"]
    assert {row["model"] for row in rows} <= {"fake grammar", ""}
    card = (Path(told["folder"]) / "card.md").read_text(encoding="utf-8")
    assert "- teacher: a fake, script grammar: no model wrote these rows" in card
    assert "Qwen" not in card and "http" not in card


def test_a_recipe_of_a_server_asks_nobody_when_the_fake_is_named_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither key nor address is looked at; a second start is answered by the log."""
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = next(path for path in RECIPES if path.stem == "alpaca")
    first, again = (json.loads(didact(f"synth {path} {' '.join(on_the_fake(path))} --json").out) for _ in range(2))
    assert (first["num_sent"] > 0, again["num_sent"], again["num_kept"]) == (True, 0, first["num_kept"])
