"""The plan's memory against the resident memory of a process that trains: three recipes, each within 15 per cent."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import TEXTS
from transformers import AutoModelForCausalLM, LlamaConfig

from didact.models.bundled import bundled
from didact.models.tokenizer import load_tokenizer

# Trains three steps in a process of its own and prints what was planned, and the resident memory's peak less what it was before the model.
MEASURE = """
import json, sys
from pathlib import Path
from didact import jobs
from didact.base.recipe_file import load_recipe
from didact.run import create_run

def status(name):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))

seen, foresee, load_base = {}, jobs.foresee, jobs.load_base

def plans(*given, **named):
    plan = foresee(*given, **named)
    seen["needed"] = plan.memory.needed
    return plan

def loads(*given, **named):
    seen["before"] = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    return load_base(*given, **named)

jobs.foresee, jobs.load_base = plans, loads
recipe = load_recipe(Path(sys.argv[1]), sys.argv[2:])
jobs.train(recipe, create_run(recipe))
print(json.dumps({"needed": seen["needed"], "peak": status("VmHWM") - seen["before"]}))
"""


def write(folder: Path) -> Path:
    """Three hundred rows of 60 to 500 tokens and a recipe for them: a decoder of 7 M parameters."""
    draw, words = random.Random(0), sorted({word for text in TEXTS for word in text.split()})
    rows = [
        {"instruction": "Go on.", "input": " ".join(draw.choices(words, k=half)), "output": " ".join(draw.choices(words, k=half))}
        for half in (draw.randint(20, 110) for _ in range(300))
    ]
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    recipe = {
        "name": "measured",
        "model": {"base": "new", "new": {"width": 256, "depth": 6, "heads": 8, "vocabulary": 4096}},
        "tasks": {"sources": [{"name": "words", "reader": "alpaca", "path": "rows.json"}]},
        "prompts": {"templates": ["alpaca/standard"], "chat_format": "plain"},
        "sequence": {"max_length": 512},
        "train": {"batch_tokens": 8192, "micro_batch_tokens": 4096, "max_steps": 3, "precision": "fp32"},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return folder / "recipe.yaml"


def base(folder: Path) -> Path:
    """A random Llama of 15 M parameters with a bundled tokenizer."""
    tokenizer = load_tokenizer(bundled("atlas-decoder"), None)
    shape = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 6}
    AutoModelForCausalLM.from_config(LlamaConfig(**shape, vocab_size=len(tokenizer), tie_word_embeddings=True)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


RECIPES = {
    "decoder": [],
    "encoder-decoder": ["model.new.architecture=t5", "model.new.depth=4", "objective.kind=seq2seq"],
    "adapter": ["model.adapter.kind=lora", "train.micro_batch_tokens=2048"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_the_plan_is_within_fifteen_per_cent_of_what_a_training_takes(name: str, tmp_path: Path, monkeypatch) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the system does not tell the largest size of a process, or does not set it back")
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    settings = [*RECIPES[name], *([f"model.base={base(tmp_path / 'base')}"] if name == "adapter" else [])]
    command = [sys.executable, "-c", MEASURE, str(write(tmp_path)), *settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["needed"] == pytest.approx(found["peak"], rel=0.15)
