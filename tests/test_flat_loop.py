"""The bare loop of examples/flat_loop.py and `didact train` give the same losses, step by step."""

import importlib.util
import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from didact.assemble import Assembly
from didact.base.files import read_jsonl
from didact.base.recipe_file import load_recipe
from didact.jobs import train
from didact.run import create_run

ROOT = Path(__file__).parents[1]
FILE = ROOT / "examples" / "flat_loop.py"


def _flat():
    spec = importlib.util.spec_from_file_location("flat_loop", FILE)
    module = sys.modules["flat_loop"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


flat = _flat()


@pytest.fixture
def rows(tmp_path):
    """Rows of the repository in Alpaca's shape, every other one with an input."""
    explained = read_jsonl(ROOT / "recipes" / "models" / "rows" / "explained.jsonl")
    found = [{"instruction": row["question"], "input": row["system_prompt"], "output": row["response"]} for row in explained]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def recipe_of(rows, prompt_weight):
    settings = {
        "name": "flat",
        "model": {"base": "new", "new": {"width": 32, "depth": 2, "heads": 2, "vocabulary": 400}},
        "tasks": {"sources": [{"name": "rows", "reader": "alpaca", "path": str(rows)}]},
        "prompts": {"templates": ["alpaca/standard"], "chat_format": "plain"},
        "sequence": {"max_length": 512},
        "objective": {"prompt_weight": prompt_weight, "response_weight": 0.8},
        "train": {
            "learning_rate": 1e-2,
            "epochs": 3,
            "batch_tokens": 1500,
            "micro_batch_tokens": 700,
            "weight_decay": 0.1,
            "betas": [0.9, 0.95],
            "schedule": {"warmup": 0.2},
            "precision": "fp32",
            "log_every": 1,
        },
        "evaluate": {"on": [], "max_new_tokens": 8},
    }
    path = rows.with_suffix(".yaml")
    path.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    return load_recipe(path)


@pytest.mark.parametrize("prompt_weight", [0.0, 0.2])
def test_both_loops_give_the_same_losses_and_the_same_weights(rows, prompt_weight, tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    recipe = recipe_of(rows, prompt_weight)
    run = create_run(recipe)
    summary = train(recipe, run)
    theirs = [line["loss"] for line in read_jsonl(run.folder / "metrics.jsonl")]

    # The same base, and the same rows in each step, by their numbers in the file; wording, tokens and all that follows are the file's own.
    model, tokenizer = AutoModelForCausalLM.from_pretrained(run.base), AutoTokenizer.from_pretrained(run.base)
    settings = flat.Settings(
        prompt_weight=prompt_weight, response_weight=0.8, learning_rate=1e-2, warmup=0.2, weight_decay=0.1, betas=(0.9, 0.95), micro_rows=3
    )
    assembly = Assembly(recipe)
    place = {example.id: number for number, example in enumerate(next(iter(assembly.seen)).examples)}
    written = flat.read_rows(rows)
    steps = [
        [flat.encode(written[place[document.origin.example]], tokenizer, settings) for row in step for document in row]
        for epoch in range(3)
        for step in assembly.stream.window(epoch).steps
    ]
    ours = list(flat.train(model, steps, tokenizer.eos_token_id, settings))

    assert len(ours) == len(theirs) == summary["num_steps"] >= 6
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert ours[-1] < ours[0] - 0.1  # something was learnt, so that equality means something
    tuned = AutoModelForCausalLM.from_pretrained(summary["checkpoint"])
    for (name, one), other in zip(model.named_parameters(), tuned.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3, msg=name)


def test_its_micro_batches_change_nothing(rows, tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    recipe = recipe_of(rows, 0.2)
    run = create_run(recipe)
    train(recipe, run)
    tokenizer = AutoTokenizer.from_pretrained(run.base)
    losses = []
    for micro_rows in (1, 5):
        settings = flat.Settings(prompt_weight=0.2, learning_rate=1e-2, micro_rows=micro_rows, batch_rows=5, epochs=1)
        steps = flat.shuffled([flat.encode(row, tokenizer, settings) for row in flat.read_rows(rows)], settings)
        assert [len(step) for step in steps] == [5, 5, 5, 5, 4]
        losses.append(list(flat.train(AutoModelForCausalLM.from_pretrained(run.base), steps, 0, settings)))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_a_row_by_hand():
    """Three tokens of prompt, two of response: the first is nobody's target, so (λp, λr) = (0.5, 1) gives 0, .5, .5, 1, 1."""

    class Letters:
        eos_token_id = 9

        def __call__(self, text, add_special_tokens):
            response = "###" not in text
            return type("Ids", (), {"input_ids": [7] if response else [1, 2, 3]})

    row = flat.encode({"instruction": "a", "output": "b"}, Letters(), replace(flat.Settings(), prompt_weight=0.5))
    assert (row.ids, row.weights) == ([1, 2, 3, 7, 9], [0.0, 0.5, 0.5, 1.0, 1.0])
    ids, weights = flat.pad([row, flat.Row([4], [0.0])], 0)
    assert ids.tolist() == [[1, 2, 3, 7, 9], [4, 0, 0, 0, 0]]
    assert weights[1].tolist() == [0.0] * 5


def test_the_file_runs_as_its_first_lines_say(rows, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    recipe = recipe_of(rows, 0.0)
    run = create_run(recipe)
    train(recipe, run)
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["flat_loop.py", str(rows), str(run.base), str(out), "--epochs", "1", "--batch_rows", "12"])
    runpy.run_path(str(FILE), run_name="__main__")
    told = capsys.readouterr().out
    assert "24 rows, 0 of them left out" in told
    assert "step 2 of 2: loss" in told
    assert AutoModelForCausalLM.from_pretrained(out).num_parameters() == AutoModelForCausalLM.from_pretrained(run.base).num_parameters()


def test_it_uses_nothing_of_the_package_and_is_short():
    text = FILE.read_text(encoding="utf-8")
    assert "import didact" not in text and "from didact" not in text
    assert len(text.splitlines()) <= 175
