"""A run with an adapter, whole: train, resume, eval, chat, report, export; its base is found again, or refused with what to type."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import MODELS, TEXTS
from transformers import AutoModelForCausalLM, AutoTokenizer
from verbs import didact

from didact.apps.export import export
from didact.base.errors import ModelError
from didact.base.files import read_jsonl
from didact.jobs import load_tuned
from didact.models.load import load_checkpoint
from didact.models.tokenizer import train_tokenizer
from didact.run import Run

pytest.importorskip("peft")
RECIPE = """
name: a
model: {base: base, adapter: {kind: lora, rank: 4}}
tasks:
  sources: [{name: say, reader: alpaca, path: say.jsonl}, {name: shout, reader: alpaca, path: shout.jsonl, category: Shouting}]
  hold_out: {category: [Shouting]}
prompts: {templates: [alpaca/standard], chat_format: chatml}
sequence: {max_length: 256}
train: {precision: fp32, batch_tokens: 512, max_steps: 4, log_every: 1, learning_rate: 1e-2, checkpoint_every: 2}
evaluate: {examples_per_task: 3, max_new_tokens: 6, resamples: 50}
"""
PROMPT = "model.adapter.kind=prompt model.adapter.num_virtual_tokens=5 prompts.chat_format=plain"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a base that somebody has pre-trained, two data files and a recipe."""
    folder = tmp_path_factory.mktemp("made")
    torch.manual_seed(1)
    config = type(MODELS["llama"])(**{**MODELS["llama"].to_dict(), "vocab_size": 300, "tie_word_embeddings": True})
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder / "base")
    train_tokenizer(TEXTS, 300).save_pretrained(folder / "base")
    for name, verb in (("say", "Say"), ("shout", "Shout")):
        rows = [
            {"instruction": f"{verb} it.", "input": f"{word} {n}", "output": f"{word} {n}"} for n in range(6) for word in ("red", "dog")
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "a.yaml").write_text(RECIPE)
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """The same, as a working folder of its own."""
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setenv("DIDACT_RUNS", "runs")
    return tmp_path / "place"


def done(command):
    seen = didact(command)
    assert (seen.code, "Traceback" in seen.err) == (0, False), seen.err
    return seen


@pytest.mark.parametrize("settings", ["", "model.adapter.kind=dora", PROMPT])
def test_a_run_with_an_adapter_goes_the_whole_way(place, settings):
    seen = done(f"train a.yaml {settings}")
    assert "of them trained" in seen.err
    files = {path.name for path in (Path("runs/a-001/checkpoints/step_00000004")).iterdir()}
    assert {"adapter.json", "adapter_config.json", "adapter_model.safetensors"} <= files
    assert "model.safetensors" not in files
    result = json.loads(done("eval last --json").out)
    assert result["levels"]["unseen"]["overall"]["rouge_l"]["num_examples"] == 3
    for name in ("base", "tuned"):
        assert len(list(read_jsonl(Path(f"runs/a-001/scores/predictions_{name}.jsonl")))) == 3
    assert "kind: " in Path(done("report a-0").out.strip()).read_text()
    done("chat a-0 hello")


def test_the_base_of_a_trained_prompt_is_asked_without_it(place):
    done(f"train a.yaml {PROMPT}")
    done("eval last")
    base, tuned = (list(read_jsonl(Path(f"runs/a-001/scores/predictions_{name}.jsonl"))) for name in ("base", "tuned"))
    front = "".join(f"<|prompt_{number}|>" for number in range(5))
    assert [row["prompt"] for row in tuned] == [front + row["prompt"] for row in base]


@pytest.mark.parametrize("settings", ["", PROMPT])
def test_a_resumed_run_ends_in_the_same_bytes(place, settings):
    command = f"train a.yaml {settings} train.keep_checkpoints=2"
    done(command)
    weights = Path("runs/a-001/checkpoints/step_00000004/adapter_model.safetensors")
    whole = weights.read_bytes()
    shutil.rmtree(weights.parent)
    Path("runs/a-001/summary.json").unlink()
    done(f"{command} --resume")
    assert weights.read_bytes() == whole


def test_an_exported_folder_is_an_ordinary_model_that_says_the_same(place):
    done("train a.yaml")
    written = json.loads(done("export last out --json").out)
    assert {"folder", "run", "checkpoint", "base", "adapter", "num_parameters", "difference"} == written.keys()
    assert (written["run"], written["adapter"]["kind"]) == ("a-001", "lora")
    assert written["difference"] < 1e-5
    tuned = load_tuned(Run(Path("runs/a-001")))
    theirs, tokenizer = AutoModelForCausalLM.from_pretrained("out"), AutoTokenizer.from_pretrained("out")
    said = [{"role": "user", "content": "Say it."}]
    ids = tokenizer(tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True), return_tensors="pt")["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(theirs(input_ids=ids).logits, tuned.model.eval()(input_ids=ids).logits, rtol=1e-5, atol=1e-5)
    assert theirs.generation_config.eos_token_id == [*tuned.tokeniser.stop_ids, tuned.tokeniser.eos_id]
    assert {path.name for path in Path("out").iterdir()} >= {"chat_format.json", "didact.json", "chat_template.jinja", "tokenizer.json"}
    # It is talked with, and tuned again.
    assert done("chat out hello").out.startswith(done("chat a-001 hello").out.rstrip())  # it knows no sequence.max_length
    done("train a.yaml model.base=out model.adapter.kind=none name=b")
    seen = didact("export last out")
    assert (seen.code, "out exists already" in seen.err, "next: didact export b-001 out_2" in seen.err) == (1, True, True)


def test_a_run_without_an_adapter_is_exported_as_it_is(place):
    done("train a.yaml model.adapter.kind=none")
    seen = done("export last out")
    assert seen.out == "out\n"
    assert "merged" not in seen.err
    own = load_file(next(Path("runs/a-001/checkpoints").glob("step_*")) / "model.safetensors")
    written = load_file("out/model.safetensors")
    assert own.keys() == written.keys()
    assert all(torch.equal(own[name], written[name]) for name in own)


def test_an_exported_prompt_is_written_by_the_template(place):
    done(f"train a.yaml {PROMPT}")
    done("export last out")
    assert Path("out/chat_template.jinja").read_text().startswith("{{- '<|prompt_0|><|prompt_1|>")
    assert done("chat out hello").out.startswith(done("chat a-001 hello").out.rstrip())


def test_base_and_run_may_be_moved_together_and_the_base_back(place, monkeypatch):
    done("train a.yaml")
    card = json.loads(Path("runs/a-001/checkpoints/step_00000004/adapter.json").read_text())
    assert card["base"] == str(place / "base")
    answer = done("chat a-001 hello").out
    place.rename(place.parent / "elsewhere")
    monkeypatch.chdir(place.parent / "elsewhere")
    assert done("chat a-001 hello").out == answer
    Path("base").rename("moved")
    seen = didact("chat a-001 hello")
    assert (seen.code, "is gone" in seen.err, "adapter.json" in seen.err) == (1, True, True)
    assert "write where it is now into base: of that file" in seen.err


def test_a_base_that_changed_is_refused_with_what_to_do(place):
    done("train a.yaml")
    table = load_file("base/model.safetensors")
    table["model.layers.1.mlp.up_proj.weight"] += 1
    save_file(table, "base/model.safetensors", {"format": "pt"})
    for command in ("chat a-001 hello", "eval a-001", "export a-001 out"):
        seen = didact(command)
        assert seen.code == 1
        assert "is not the one that this adapter was trained beside" in seen.err
        assert "next: put the base back" in seen.err
    assert not Path("out").exists()


def test_a_merge_that_says_something_else_is_not_written(place, monkeypatch):
    done("train a.yaml")
    from didact.apps import export as module

    monkeypatch.setattr(module, "merged", lambda loaded: load_checkpoint(Path("runs/a-001/checkpoints/step_00000004")) and spoilt(loaded))
    with pytest.raises(ModelError, match="merged, the model says something else"):
        export(Run(Path("runs/a-001")), Path("out"))
    assert not Path("out").exists()


def spoilt(loaded):
    """A model whose last norm has been changed."""
    with torch.no_grad():
        loaded.model.model.norm.weight[0] += 5
    return loaded
