"""What `didact check --probe` foretells against what the run then takes: memory and time of three recipes, each in processes of its own.

A decoder of 7 M parameters, an encoder-decoder, and a rank-16 adapter on a base of 15 M, on rows of 60 to 500 tokens that are made here.
The probe sees ten seconds of steps, training takes 40. A ratio is what was foretold to what was seen; 1 is right, and the goal is told as
the largest that is allowed: memory 1.15, time 1.2 (the smallest is its inverse). Medians of 3 rounds, all of which are kept: the speed of a
machine that others share drifts by a fifth within minutes, and a probe cannot know of that.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM, LlamaConfig

from didact.models.bundled import bundled
from didact.models.precision import machine
from didact.models.tokenizer import load_tokenizer

RESULTS = Path(__file__).parent / "results"
NUM_STEPS, ROUNDS = 40, 3
GOAL = {"memory": 1.15, "time": 1.2}
RECIPES = {
    "decoder": [],
    "encoder-decoder": ["model.new.architecture=t5", "model.new.depth=4", "objective.kind=seq2seq"],
    "adapter": ["model.adapter.kind=lora", "train.micro_batch_tokens=2048"],
}
WORDS = "the a red blue house river walks sings slowly never under over tall green bird letter seven morning winter answers".split()

PROBE = """
import json, sys
from pathlib import Path
from didact import jobs
from didact.base.recipe_file import load_recipe

checked = jobs.check(load_recipe(Path(sys.argv[1]), sys.argv[2:]), probes=True)
print(json.dumps({"tokens_per_second": checked.tokens_per_second, "num_tokens": checked.num_tokens, "num_steps": checked.num_steps}))
"""
TRAIN = """
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
steps = []
result = jobs.train(recipe, create_run(recipe), on_step=steps.append)
print(json.dumps({"needed": seen["needed"], "peak": status("VmHWM") - seen["before"], "seconds": result["seconds"],
                  "num_tokens": result["num_tokens"]}))
"""


def write(folder: Path, num_rows: int = 2500) -> Path:
    """Writes rows and a recipe for them, and returns the recipe."""
    draw = random.Random(0)
    rows = [
        {"instruction": "Go on.", "input": " ".join(draw.choices(WORDS, k=half)), "output": " ".join(draw.choices(WORDS, k=half))}
        for half in (draw.randint(20, 110) for _ in range(num_rows))
    ]
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    recipe = {
        "name": "foretold",
        "model": {"base": "new", "new": {"width": 256, "depth": 6, "heads": 8, "vocabulary": 4096}},
        "tasks": {"sources": [{"name": "words", "reader": "alpaca", "path": "rows.json"}]},
        "prompts": {"templates": ["alpaca/standard"], "chat_format": "plain"},
        "sequence": {"max_length": 512},
        "train": {"batch_tokens": 8192, "micro_batch_tokens": 4096, "max_steps": NUM_STEPS},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return folder / "recipe.yaml"


def base(folder: Path) -> Path:
    """Writes a random Llama of 15 M parameters with a bundled tokenizer."""
    tokenizer = load_tokenizer(bundled("atlas-decoder"), None)
    shape = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 6}
    AutoModelForCausalLM.from_config(LlamaConfig(**shape, vocab_size=len(tokenizer), tie_word_embeddings=True)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def settings_of(name: str, folder: Path) -> list[str]:
    """Returns what one of the recipes changes; an adapter's base is written into the folder."""
    return [*RECIPES[name], *([f"model.base={base(folder / 'base')}"] if name == "adapter" else [])]


def told(program: str, folder: Path, recipe: Path, settings: list[str]) -> dict[str, float]:
    """Returns what a process prints last."""
    command = [sys.executable, "-c", program, str(recipe.resolve()), *settings]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures, keeps the result and prints one JSON line."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in RECIPES}
    for name in [*RECIPES] * ROUNDS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            recipe = write(folder)
            chosen = settings_of(name, folder)
            probed, trained = told(PROBE, folder, recipe, chosen), told(TRAIN, folder, recipe, chosen)
        foretold = trained["num_tokens"] / probed["tokens_per_second"]
        found = {"memory": round(trained["needed"] / trained["peak"], 3), "time": round(foretold / trained["seconds"], 3)}
        seen[name].append({**found, **trained, "foretold_seconds": round(foretold, 1)})
        print(f"{name:16} memory {trained['needed'] / 1e9:.2f} GB foretold, {trained['peak'] / 1e9:.2f} seen; ", end="")
        print(f"time {foretold:.0f} s foretold, {trained['seconds']:.0f} seen", flush=True)
    cases = [(name, what) for name in RECIPES for what in GOAL]
    ratios = {f"{name}: {what}": statistics.median(one[what] for one in seen[name]) for name, what in cases}
    goal = {f"{name}: {what}": GOAL[what] for name, what in cases}
    result = {"name": "forecast", "machine": machine(), "ratios": ratios, "goal": goal}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "forecast.json").write_text(json.dumps({**result, "seen": seen}, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
