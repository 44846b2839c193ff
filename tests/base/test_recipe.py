"""The recipe: written and read back equal, paths seen from the file that states them, defaults for a base from the hub."""

from pathlib import Path

import pytest
import yaml

from didact.base.errors import RecipeError
from didact.base.recipe import Recipe
from didact.base.recipe_file import is_synthesis, load_recipe
from didact.base.strict_yaml import read_yaml

ROOT = Path(__file__).parents[2]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


FULL = """
name: full
seed: 7
model: {base: new, new: {width: 64, heads: 4}}
tasks:
  sources:
    - {name: "no", reader: rows, path: rows.csv, target: "1e5", language: "no", definition: "two\\nlines: yes", limit: 3}
    - {name: hub, reader: messages, path: owner/name, split: "0o7"}
  hold_out: {category: ["null", "*x"], examples: 2}
mixture: {parts: [{tasks: "*", rate: 0.1}], cap: 3000, temperature: 2}
prompts: {templates: [a/*, "12:30"], chat_format: model}
train: {learning_rate: 1e-5, betas: [0.9, 0.95], max_grad_norm: null, epochs: 0.5}
evaluate: {on: [unseen, held_in], metrics: [rouge_l]}
"""


@pytest.mark.parametrize("text", ["", FULL])
def test_a_recipe_written_and_read_back_is_equal(tmp_path, text):
    recipe = load_recipe(write(tmp_path / "a.yaml", text))
    again = load_recipe(write(tmp_path / "elsewhere" / "b.yaml", recipe.to_yaml()))
    assert again == recipe
    assert again.to_yaml() == recipe.to_yaml()


def test_a_written_recipe_holds_every_key_of_every_section():
    written = yaml.safe_load(Recipe().to_yaml())
    assert list(written) == list(Recipe.model_fields)
    assert set(written["train"]) == set(type(Recipe().train).model_fields)


def test_paths_are_seen_from_the_recipe_that_states_them(tmp_path, monkeypatch):
    rows = write(tmp_path / "parent" / "rows.json", "[]")
    own = write(tmp_path / "child" / "mine.yaml", "")
    write(tmp_path / "parent" / "base.yaml", "tasks: {sources: [{name: a, reader: alpaca, path: rows.json}]}")
    child = write(tmp_path / "child" / "child.yaml", "extends: ../parent/base.yaml\nprompts: {files: [mine.yaml]}")
    monkeypatch.chdir(tmp_path / "child")
    recipe = load_recipe(child)
    assert (recipe.tasks.sources[0].path, recipe.prompts.files) == (str(rows), (str(own),))


def test_a_path_beside_the_recipe_wins_over_one_in_the_working_folder_and_the_command_line_means_the_latter(tmp_path, monkeypatch):
    beside, working = write(tmp_path / "r" / "rows.json", "[]"), write(tmp_path / "w" / "rows.json", "[]")
    recipe = write(tmp_path / "r" / "a.yaml", "tasks: {sources: [{name: a, reader: alpaca, path: rows.json}]}")
    monkeypatch.chdir(tmp_path / "w")
    assert load_recipe(recipe).tasks.sources[0].path == str(beside)
    assert load_recipe(recipe, ["tasks.sources.0.path=rows.json"]).tasks.sources[0].path == str(working)
    beside.unlink()
    assert load_recipe(recipe).tasks.sources[0].path == str(working)


@pytest.mark.parametrize(
    ("key", "value", "is_path"),
    [
        ("model.base", "gpt2", False),
        ("model.base", "owner/name", False),
        ("model.base", "new", False),
        ("model.base", "./gpt2", True),
        ("model.base", "../models/gpt2", True),
        ("model.tokenizer", "owner/name", False),
        ("tasks.sources.0.path", "owner/name", False),
        ("tasks.sources.0.path", "rows", True),
        ("tasks.sources.0.path", "data/rows.json", True),
        ("tasks.sources.0.path", "data/rows.jsonl.gz", True),
        ("tasks.sources.0.path", "a/b/c", True),
        ("prompts.files.0", "mine/words", True),
    ],
)
def test_a_name_that_is_nowhere_on_the_disk_is_a_hub_id_or_a_path_beside_the_recipe(tmp_path, key, value, is_path):
    path = write(tmp_path / "a.yaml", "tasks: {sources: [{name: a, reader: rows, path: x/y}]}\nprompts: {files: [x]}\nmodel: {base: x}")
    text = path.read_text().replace(
        {"model.base": "base: x", "tasks.sources.0.path": "path: x/y"}.get(key, "\0"), f"{key.rpartition('.')[2]}: {value}"
    )
    text = text.replace("files: [x]", f"files: [{value}]") if key == "prompts.files.0" else text
    text = text.replace("base: x", f"base: x, tokenizer: {value}") if key == "model.tokenizer" else text
    found = load_recipe(write(path, text)).model_dump()
    for part in key.split("."):
        found = found[int(part) if part.isdigit() else part]
    assert found == (str((tmp_path / value).resolve()) if is_path else value)


@pytest.mark.parametrize("name", ["a b", "a/b", "..", "-x", "_x", ""])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path, name):
    with pytest.raises(RecipeError, match="name: "):
        load_recipe(write(tmp_path / "a.yaml", f"name: '{name}'"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("objective: {response_weight: 0}", "prompt_weight and response_weight are both 0"),
        (
            "evaluate:\n  max_new_tokens: 1024",
            "a.yaml:2: evaluate.max_new_tokens (1024) leaves no room for a prompt in sequence.max_length (1024)",
        ),
        (
            "model: {base: new}\nobjective: {kind: span_corruption}",
            "objective.kind (span_corruption) trains t5 or bart, and model.new.architecture is llama: model.new.architecture=t5",
        ),
        (
            "model: {base: new, new: {architecture: t5}}",
            "objective.kind (causal) trains llama or gpt2, and model.new.architecture is t5: model.new.architecture=llama",
        ),
        (
            "model: {base: new, new: {architecture: gpt2}}\nobjective: {kind: masked}",
            "objective.kind (masked) trains bert, and model.new.architecture is gpt2: model.new.architecture=bert",
        ),
        (
            "model: {base: new, new: {architecture: bert}}\nobjective: {kind: masked}\nsequence: {pack: true}",
            "sequence.pack (true) is not for objective.kind masked: sequence.pack=false",
        ),
        ("sequence: {pack: true, stream: true}", "sequence.stream fills its rows, so sequence.pack (true) has nothing to do"),
        (
            "objective: {kind: masked}\nsequence: {stream: true}",
            "sequence.stream (true) joins the texts that objective.masked.next_sentence (true) tells from one another",
        ),
        ("objective: {kind: seq2seq, prompt_weight: 0.1}", "kind seq2seq predicts no prompt tokens: prompt_weight=0, or kind=causal"),
        ("objective: {masked: {replace: [0.8, 0.1, 0.2]}}", "the shares of replace add up to 1.1, not 1"),
        ("objective: {kind: bart, bart: {mask: 1.5}}", "objective.bart.mask"),
        ("model:\n  new: {width: 64, heads: 3}", "a.yaml:2: model.new: heads (3) must divide width (64)"),
    ],
)
def test_settings_that_contradict_one_another_are_refused_with_a_line(tmp_path, text, said):
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path / "a.yaml", text))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "kinds"),
    [
        ("llama", ("causal", "prefix")),
        ("gpt2", ("causal", "prefix")),
        ("t5", ("span_corruption", "ul2", "bart", "seq2seq")),
        ("bart", ("span_corruption", "ul2", "bart", "seq2seq")),
        ("bert", ("masked",)),
    ],
)
def test_every_new_architecture_has_its_objectives_and_a_base_from_elsewhere_may_have_any(tmp_path, architecture, kinds):
    for kind in ("causal", "prefix", "span_corruption", "ul2", "bart", "seq2seq", "masked"):
        body = f"objective: {{kind: {kind}}}\nmodel: {{base: {{}}, new: {{architecture: {architecture}}}}}"
        fits = True
        try:
            load_recipe(write(tmp_path / "a.yaml", body.replace("{}", "new")))
        except RecipeError:
            fits = False
        assert fits == (kind in kinds)
        assert load_recipe(write(tmp_path / "b.yaml", body.replace("{}", "owner/name"))).objective.kind == kind


def test_defaults_suit_someone_who_tunes_a_base_from_the_hub():
    recipe = Recipe()
    assert recipe.model.base.count("/") == 1
    assert recipe.model.tokenizer is None
    assert recipe.train.precision == "auto"
    assert recipe.train.learning_rate <= 1e-4
    assert recipe.train.micro_batch_tokens <= recipe.train.batch_tokens
    assert recipe.sequence.max_length <= recipe.train.micro_batch_tokens
    assert (recipe.objective.prompt_weight, recipe.objective.response_weight) == (0, 1)
    assert recipe.tasks.leaks.action == "stop"
    assert recipe.evaluate.metrics == ("rouge_l", "exact_match")


TRAINING = [path for path in sorted((ROOT / "recipes").rglob("*.yaml")) if not is_synthesis(read_yaml(path).data)]


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.name)
def test_every_shipped_recipe_loads_and_round_trips(path, tmp_path):
    recipe = load_recipe(path)
    assert load_recipe(write(tmp_path / "a.yaml", recipe.to_yaml())) == recipe
