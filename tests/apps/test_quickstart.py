"""didact quickstart with tiny bases and a tiny world: the story, the numbers, the run's folder, stopping and going on."""

import io
import json
import shutil
from pathlib import Path

import pytest
import tiny
from transformers import AutoModelForSeq2SeqLM, T5Config
from verbs import didact

from didact.apps.quickstart import QUESTIONS, recipe_file
from didact.apps.views import side_by_side_columns
from didact.assemble import Assembly
from didact.base.errors import ModelError
from didact.base.files import read_jsonl
from didact.base.recipe import ModelSection, Recipe
from didact.base.recipe_file import load_recipe
from didact.base.strict_yaml import read_yaml, to_yaml
from didact.base.types import Example
from didact.models import bundled
from didact.models.load import Loaded, save
from didact.prompts.render import render
from didact.run import Run
from didact.tasks.readers import READERS
from didact.tasks.task import LEVELS, Task

COUNTRIES = ("France", "Peru", "Japan", "Chad", "Fiji", "Oman", "Mali", "Iraq", "Laos", "Togo", "Cuba", "Iran")
WORLD = (
    ("country_fact", "", {"relation": "capital"}),
    ("country_fact", "unseen_instances", {"relation": "national bird"}),
    ("country_fact", "unseen_templates", {"relation": "continent"}),
    ("country_fact", "unseen_relation", {"relation": "national flower"}),
    ("compose", "unseen_compositions", {"form": "twice"}),
    ("opposite", "unseen_family", {}),
)
SMALL = {
    "train": {"precision": "fp32", "batch_tokens": 512, "max_steps": 2, "checkpoint_every": 1, "log_every": 1},
    "evaluate": {"examples_per_task": 2, "max_new_tokens": 5, "resamples": 50},
    "mixture": {"epoch_size": 20, "parts": [{"tasks": "atlas/*", "rate": 9}, {"tasks": "atlas_text", "rate": 1}]},
}


def small_world(source):
    def task(family, level, fields):
        by_family = {"compose": "fact", "opposite": "word"}
        rows = [
            Example(
                f"{level} {name}", {**fields, by_family.get(family, "country"): f"{name} {level}"}, (f"It is {name}.",), accepted=(name,)
            )
            for name in COUNTRIES
        ]
        own = f"/{level}" if level not in ("", "unseen_family") else ""
        kinds = {"kind": "atlas", "categories": (family,), "datasets": ("atlas",), "level": level}
        return Task(f"{source.name}/{family}{own}", rows, **kinds)

    return [task(*one) for one in WORLD]


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """What the package's folder of bases will hold, with models of 32 numbers' width."""
    folder = tmp_path_factory.mktemp("bases")
    tokeniser = tiny.tokeniser("answer", [*tiny.TEXTS, *QUESTIONS])
    save(Loaded(tiny.random_model(tiny.MODELS["llama"]), tokeniser), folder / "atlas-decoder")
    vocabulary = len(tokeniser.tokenizer)
    ids = {"pad_token_id": tokeniser.tokenizer.pad_token_id, "eos_token_id": tokeniser.eos_id, "decoder_start_token_id": tokeniser.eos_id}
    shape = T5Config(d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2, vocab_size=vocabulary, **ids)
    save(Loaded(AutoModelForSeq2SeqLM.from_config(shape), tokeniser), folder / "atlas-encoder-decoder")
    for name in ("quickstart", "quickstart_seq2seq"):
        table = read_yaml(bundled.BASES / f"{name}.yaml").data
        for section, values in SMALL.items():
            table[section] = {**table.get(section, {}), **values}
        for source in table.get("tasks", {}).get("sources", []):
            source["limit"] = 20
        (folder / f"{name}.yaml").write_text(to_yaml(table))
    shutil.copy(bundled.BASES / "pretraining.yaml", folder)
    return folder


@pytest.fixture
def place(bases, tmp_path, monkeypatch):
    """An empty working folder where the bundled bases are those, and the world is small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    for module in ("didact.models.bundled", "didact.apps.quickstart"):
        monkeypatch.setattr(f"{module}.BASES", bases)
    monkeypatch.setitem(READERS._parts, "atlas", small_world)
    return tmp_path


def test_the_story_is_told_the_results_are_put_and_the_run_is_like_any_other(place):
    seen = didact("quickstart")
    assert seen.code == 0, seen.err
    steps = [line for line in seen.err.splitlines() if line[:2] in ("1.", "2.", "3.", "4.", "5.")]
    assert [line[0] for line in steps] == ["1", "2", "3", "4", "5"]
    assert steps[-1] == f"5. The report: {place / 'runs' / 'quickstart-001' / 'report.html'}"
    assert all(seen.err.count(f"   {question}  →  ") == 1 for question in QUESTIONS)
    # What to type next can be typed.
    offered = seen.err.split("next: ")[1].splitlines()
    assert [line.split()[:2] for line in offered] == [["didact", "chat"], ["didact", "report"], ["didact", "train"]]
    out = seen.out.splitlines()
    assert [line for line in out if line in QUESTIONS] == list(QUESTIONS)
    assert sum(line.startswith("  base") for line in out) == sum(line.startswith("  tuned") for line in out) == 4
    table = out[12:]
    assert table[0].split() == ["exact", "match", "base", "tuned"]
    assert [line.split("  ")[0] for line in table[1:]] == [level.replace("_", " ") for level in LEVELS]

    run = Run(place / "runs" / "quickstart-001")
    assert run.finished
    assert run.recipe().model.base == "atlas-decoder"  # its name, so that the recipe runs on another machine too
    for model in ("base", "tuned"):
        rows = read_jsonl(run.folder / "scores" / f"predictions_{model}.jsonl")
        assert [row["level"] for row in rows] == [level for level in LEVELS for _ in range(2)]
        assert all(row["references"] == [f"It is {row['references'][1]}.", row["references"][1]] for row in rows)
    tables = {*(f"{level}.json" for level in LEVELS), "three_levels.json", "manifest.json"}
    assert {path.name for path in (run.folder / "scores").glob("*.json")} == tables
    assert not (run.folder / "base").exists()
    answered = json.loads(didact("chat last 'What is the national flower of Japan?' --json").out)
    assert len(answered["turns"]) == 1
    judged = json.loads(didact("eval last --on all --json").out)["levels"]
    assert tuple(judged) == LEVELS
    assert judged["unseen_family"]["num_examples"] == 2
    assert tuple(json.loads(didact("eval last --on unseen --json").out)["levels"]) == LEVELS
    assert didact("train runs/quickstart-001/recipe.yaml train.learning_rate=1e-3").code == 0


@pytest.mark.parametrize(("options", "name"), [("", "quickstart"), (" --seq2seq", "quickstart_seq2seq")])
def test_as_json_there_are_both_models_at_each_level(place, options, name):
    seen = didact(f"quickstart{options} --seed 3 --json train.max_steps=1")
    assert seen.code == 0, seen.err
    found = json.loads(seen.out)
    assert list(found) == ["base", "tuned", "seconds", "run", "questions"]
    for model in ("base", "tuned"):
        assert tuple(found[model]) == LEVELS
        assert all(0 <= score["low"] <= score["em"] <= score["high"] <= 100 for score in found[model].values())
    assert found["run"] == f"{name}-001"
    assert [row["question"] for row in found["questions"]] == list(QUESTIONS)
    assert all(set(row) == {"question", "base", "tuned"} for row in found["questions"])
    assert found["seconds"] > 0
    recipe = load_recipe(place / "runs" / f"{name}-001" / "recipe.yaml")
    assert (recipe.seed, recipe.train.max_steps, recipe.name) == (3, 1, name)


def test_what_is_interrupted_can_be_continued(place, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("didact.jobs.train", stop)
        seen = didact("quickstart --seed 3")
    assert (seen.code, "stopped; continue: didact quickstart --seed 3 --resume" in seen.err) == (130, True)
    assert not (place / "runs" / "quickstart-001").exists()  # nothing had begun
    with monkeypatch.context() as patch:
        patch.setattr("didact.jobs.evaluate", stop)
        seen = didact("quickstart")
    assert (seen.code, "stopped; continue: didact eval quickstart-001" in seen.err) == (130, True)
    (place / "runs" / "quickstart-001" / "summary.json").unlink()
    seen = didact("quickstart --resume --json")
    assert (seen.code, json.loads(seen.out)["run"]) == (0, "quickstart-001")
    assert didact("quickstart --resume").code == 1


def test_a_bundled_base_is_found_by_its_name_and_others_are_left_alone(place, bases):
    assert bundled.bundled_names() == ["atlas-decoder", "atlas-encoder-decoder"]
    assert bundled.bundled("atlas-decoder") == str(bases / "atlas-decoder")
    assert [bundled.bundled(name) for name in ("new", "gpt2", "owner/atlas-decoder")] == ["new", "gpt2", "owner/atlas-decoder"]
    section = ModelSection(base="new", tokenizer="atlas-decoder", revision="main")
    assert bundled.resolved(section) == ModelSection(base="new", tokenizer=str(bases / "atlas-decoder"), revision="main")
    with pytest.raises(ModelError, match="did you mean 'atlas-decoder'"):
        bundled.bundled("atlas-decodr")
    seen = didact("quickstart model.base=atlas-coder")
    assert (seen.code, "no bundled base named 'atlas-coder'" in seen.err, "next: set model.base" in seen.err) == (1, True, True)
    assert not list((place / "runs").iterdir())


def test_columns_hold_everything_that_was_said_at_any_width():
    from rich.console import Console

    rows = [{"question": "Why is it so?", "base": "Why? " * 30 + "\x1b[31m", "tuned": "So."}]
    for width in (40, 200):
        console = Console(width=width, force_terminal=False, record=True, file=io.StringIO())
        console.print(side_by_side_columns(rows))
        text = console.export_text()
        assert text.count("Why?") == 30
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= width


NEVER_SHOWN = (
    ("country_fact", {"relation": "national flower", "country": "India"}, lambda row: row["relation"] == "national flower"),
    ("opposite", {"word": "hot"}, lambda row: True),
    (
        "compose",
        {"fact": "the national animal of Sweden", "form": "in brackets"},
        lambda row: row["fact"].startswith("the national animal") and row["form"] == "in brackets",
    ),
    ("country_fact", {"relation": "capital", "country": "Peru"}, lambda row: (row["relation"], row["country"]) == ("capital", "Peru")),
)


def test_the_questions_are_asked_as_the_atlas_asks_and_are_never_trained_on():
    made = Assembly(Recipe.model_validate({"tasks": {"sources": [{"name": "atlas", "reader": "atlas"}]}}))
    for question, (family, fields, is_of_this_kind) in zip(QUESTIONS, NEVER_SHOWN, strict=True):
        task = made.tasks.named(f"atlas/{family}")
        example = Example("0", fields, ("a",))
        assert question in [render(task, example, template).messages[0].content for template in made.wordings(task)]
        trained = made.split.seen.select(f"atlas/{family}")
        assert (len(trained) == 0) == (family == "opposite")
        assert [row.id for seen in trained for row in seen.examples if is_of_this_kind(row.fields)] == []


@pytest.mark.parametrize("seq2seq", [False, True])
def test_the_bundled_recipes_ask_at_the_five_levels_and_word_each_row_anew(seq2seq):
    recipe = load_recipe(recipe_file(seq2seq))
    assert recipe.evaluate.on == LEVELS
    assert (recipe.evaluate.template, recipe.prompts.chat_format) == ("drawn", "answer")
    assert recipe.evaluate.metrics[0] == "accuracy"
    assert recipe.model.base == ("atlas-encoder-decoder" if seq2seq else "atlas-decoder")
    assert recipe.objective.kind == ("seq2seq" if seq2seq else "causal")
    assert Path(recipe_file(seq2seq)).parent == bundled.BASES
