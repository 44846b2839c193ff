"""The recipe of a synthesis: read strictly, its paths found beside it, its problems told together."""

import pytest

from didact.base.errors import RecipeError
from didact.base.recipe_file import load_recipe
from didact.base.synth_file import load_synth_recipe
from didact.base.synth_section import SynthRecipe


def written(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return path


def test_an_empty_recipe_asks_the_fake_and_reads_back_equal(tmp_path):
    recipe = load_synth_recipe(written(tmp_path, ""))
    assert recipe == SynthRecipe()
    assert recipe.teacher.backend == "fake"
    assert load_synth_recipe(written(tmp_path, recipe.to_yaml())) == recipe


def test_every_problem_is_told_with_its_line(tmp_path):
    path = written(tmp_path, "name: ../x\nteacher: {backend: endpoint}\nlimits:\n  money: 3\n  concurrency: 0\nmethood: alpaca\n")
    with pytest.raises(RecipeError) as told:
        load_synth_recipe(path)
    text = str(told.value)
    for piece in (
        "r.yaml:1",
        "a name is made of letters",
        "needs url",
        "limits.concurrency",
        "did you mean 'method'?",
        "next: put it right and run: didact synth",
    ):
        assert piece in text


def test_money_needs_prices(tmp_path):
    with pytest.raises(RecipeError, match="money needs price_in and price_out"):
        load_synth_recipe(written(tmp_path, "limits: {money: 3}"))


def test_a_filter_with_settings_has_one_name(tmp_path):
    recipe = load_synth_recipe(written(tmp_path, "filters: [rouge, {length: {least_words: 3}}]"))
    assert recipe.filters == ("rouge", {"length": {"least_words": 3}})
    with pytest.raises(RecipeError, match="one name"):
        load_synth_recipe(written(tmp_path, "filters: [{length: {}, rouge: {}}]"))


def test_paths_are_found_beside_the_recipe(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "seeds.jsonl").write_text("")
    (tmp_path / "deep" / "model").mkdir()
    text = "seeds: seeds.jsonl\nsource: {name: web, reader: text, path: rows.txt}\nteacher: {backend: local, model: model}\n"
    path = written(tmp_path / "deep", text)
    monkeypatch.chdir(tmp_path)
    recipe = load_synth_recipe(path)
    assert recipe.seeds == str(tmp_path / "deep" / "seeds.jsonl")
    assert recipe.source.path == str(tmp_path / "deep" / "rows.txt")
    assert recipe.teacher.model == str(tmp_path / "deep" / "model")


def test_a_hub_id_and_a_servers_name_stay_as_they_are(tmp_path):
    text = "teacher: {backend: endpoint, url: http://localhost:8000/v1, model: big/one}\nsource: {name: a, catalogue: alpaca}\n"
    assert load_synth_recipe(written(tmp_path, text)).teacher.model == "big/one"
    assert load_synth_recipe(written(tmp_path, "teacher: {backend: local, model: big/one}")).teacher.model == "big/one"
    assert load_synth_recipe(written(tmp_path, "teacher: {backend: local, model: atlas-decoder}")).teacher.model == "atlas-decoder"


def test_an_override_wins(tmp_path):
    assert load_synth_recipe(written(tmp_path, "num_rows: 5"), ["num_rows=7", "teacher.faults.timeout=0.5"]).teacher.faults == {
        "timeout": 0.5
    }


def test_a_training_and_a_synthesis_are_told_apart(tmp_path):
    training = written(tmp_path, "model: {base: new}\n")
    with pytest.raises(RecipeError, match="recipe of a training") as told:
        load_synth_recipe(training)
    assert told.value.remedy == f"didact train {training}"
    synthesis = written(tmp_path, "method: alpaca\n")
    with pytest.raises(RecipeError, match="recipe of a synthesis") as told:
        load_recipe(synthesis)
    assert told.value.remedy == f"didact synth {synthesis}"
