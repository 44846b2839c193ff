"""A mixture of 1,000 task files and five million rows: how much memory it takes, and how soon there is something to train on.

The files are made in a temporary folder, with a cache of their own beside them. Two processes then go from the recipe to the first
batch, as `didact train` does before it loads the model: the first one finds nothing kept, the second what the first has left.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from didact.models.precision import machine

NUM_FILES, NUM_ROWS = 1000, 5000
NUM_STEPS = 200
"""Optimiser steps that the recipe asks for: the forecast of a run of all rows takes as long as wording all of them."""
GOAL = {"memory": 2.0, "warm": 20.0}
"""GB, and seconds to the first batch."""
RESULTS = Path(__file__).parent / "results"
WORDS = "red green blue small large round old new cold warm tall short quick slow soft loud plain bright empty full".split()


def write_files(folder: Path, num_rows: int) -> None:
    """Writes the task files: short questions with one-word answers, no two rows the same."""
    for number in range(NUM_FILES):
        chance = random.Random(number)
        with (folder / f"task{number:04}.jsonl").open("w", encoding="utf-8") as handle:
            for row in range(num_rows):
                words = chance.choices(WORDS, k=8)
                asked = f"Task {number}, row {row}: which word comes {1 + number % 8} in this list?"
                handle.write(json.dumps({"instruction": asked, "input": " ".join(words), "output": words[number % 8]}) + "\n")


def measure(folder: Path) -> dict[str, float]:
    """Goes from the recipe to the first batch and returns seconds and memory; runs in a process of its own."""
    began = time.perf_counter()
    from didact.assemble import Assembly
    from didact.base.recipe import Recipe
    from didact.data.batches import collate, micro_batches

    sources = [{"name": file.stem, "reader": "alpaca", "path": str(file)} for file in sorted(folder.glob("*.jsonl"))]
    settings = {
        "model": {"base": "atlas-decoder"},
        "tasks": {"sources": sources},
        "prompts": {"templates": ["alpaca/*"]},
        "sequence": {"max_length": 256, "pack": True},
        "train": {"max_steps": NUM_STEPS},
    }
    said = list[str]()
    assembly = Assembly(Recipe.model_validate(settings), said.append)
    loaded = time.perf_counter()
    num_rows = sum(assembly.mixture.sizes.values())
    read = time.perf_counter()
    num_steps = assembly.forecast.num_steps
    window = assembly.stream.window(0)
    batch = collate(micro_batches(window.steps[0], 8192)[0][0], assembly.recipe.objective)
    done = time.perf_counter()
    return {
        "num_rows": num_rows,
        "num_steps": num_steps,
        "batch_tokens": batch.num_tokens,
        "imports_s": round(loaded - began, 2),
        "read_s": round(read - loaded, 2),
        "first_batch_s": round(done - began, 2),
        "memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3),
        "cache": said[-1].partition(" in /")[0],
    }


def main(num_rows: int = NUM_ROWS) -> None:
    """Measures, keeps the result of a whole run and prints one JSON line; fewer rows only look whether all is well."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "tasks"
        folder.mkdir()
        write_files(folder, num_rows)
        runs = {}
        for name in ("cold", "warm"):
            command = [sys.executable, __file__, "child", str(folder)]
            environment = {**os.environ, "DIDACT_CACHE": f"{place}/cache"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            runs[name] = json.loads(done.stdout.splitlines()[-1])
            print(f"{name}: {runs[name]}")
        kept = sum(file.stat().st_size for file in Path(place, "cache").rglob("*") if file.is_file())
    found = {"memory": max(run["memory_gb"] for run in runs.values()), "warm": runs["warm"]["first_batch_s"]}
    ratios = {name: round(GOAL[name] / found[name], 2) for name in GOAL}
    result = {"name": "mixture", "machine": machine(), "ratios": ratios, "goal": dict.fromkeys(GOAL, 1.0)}
    if num_rows == NUM_ROWS:
        RESULTS.mkdir(exist_ok=True)
        whole = {**result, "goal_of": {"memory": "2 GB", "warm": "first batch in 20 s"}, "runs": runs, "cache_gb": round(kept / 1e9, 2)}
        (RESULTS / "mixture.json").write_text(json.dumps(whole, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
    else:
        main(*map(int, sys.argv[1:]))
