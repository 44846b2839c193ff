"""Runs of the systems: each in a process of its own, the peers in an environment of their own, made on first use."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from peers.rows import num_supervised, steps_of, tokenizer_in, write_rows
from peers.shapes import SHAPES, save_model

from didact.base.errors import PrerequisiteError
from didact.base.files import cache_root, fingerprint

HERE = Path(__file__).parent
SHARED = HERE.parents[1].parent / "shared" / "data"
LEARNING_RATE = 1e-4
WARM_UP = 2
"""Steps that are left out in front; the last one is left out too, since didact's writes the checkpoint."""


@dataclass(frozen=True)
class System:
    """Who trains: a script beside this file, and what it is told."""

    script: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """What is trained."""

    shape: str
    num_steps: int
    rows: str = "alpaca"
    prompt_weight: float = 0.0
    precision: str = "bf16"
    clock: str = "wall"
    rows_per_step: int = 16
    pack: int = 0
    """Tokens of a line that holds several rows; 0: one row a line."""


@dataclass(frozen=True)
class Run:
    """A run in numbers."""

    rate: float
    """Supervised tokens a second, warm-up and last step left out."""
    wall_s: float
    """The whole process: imports, loading, training, saving."""
    peak_gb: float
    """Largest resident memory of the process; on a GPU, what torch held there."""
    flops: float
    """FLOPs a second that the step needs: 6 for each weight of the blocks and token, 6 for each of the head's and supervised token."""
    losses: tuple[float, ...]
    profile: dict[str, float]


def peers_python() -> Path:
    """Returns the interpreter of the peers' environment, with the packages of requirements.txt and didact's own version of torch."""
    wanted, torch = HERE / "requirements.txt", f"torch=={version('torch').partition('+')[0]}"
    place = cache_root() / "bench_peers" / fingerprint(wanted.read_text(), torch, sys.version)
    python, ready = place / "bin" / "python", place / "ready"
    if not ready.is_file():
        print(f"making the peers' environment in {place}: {torch} and {wanted.name}, some minutes", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [str(python), "-m", "pip", "install", "--quiet", torch],
            [str(python), "-m", "pip", "install", "--quiet", torch, "-r", str(wanted)],
        ):
            subprocess.run(command, check=True)
        ready.touch()
    return python


def prepared(shapes: Sequence[str]) -> Path:
    """Returns the folder with rows and models; what is there already is used again.

    Raises:
        PrerequisiteError: The real rows are not on this machine.
    """
    if not SHARED.is_dir():
        raise PrerequisiteError("the benchmark's rows are not here", expected="../shared/data/alpaca, superni and models/tokenizers/gpt2")
    folder = cache_root() / "bench_tuning" / fingerprint((HERE / "rows.py").read_text(), (HERE / "shapes.py").read_text())
    for name, number in {"alpaca": 9000, "superni": 400}.items():
        write_rows(name, SHARED, folder / f"{name}.jsonl", number)
    for shape in shapes:
        save_model(shape, folder / "models", tokenizer_in(SHARED))
    return folder


def run(folder: Path, case: Case, system: System, profile: bool = False) -> Run:
    """Runs a system over a case in a process of its own."""
    shape = SHAPES[case.shape]
    with tempfile.TemporaryDirectory() as place:
        spec = {
            "model": str(folder / "models" / case.shape),
            "vocabulary": shape.vocabulary,
            "mlp": shape.mlp,
            "rows": str(folder / f"{case.rows}.jsonl"),
            "rows_per_step": case.rows_per_step,
            "pack": case.pack,
            "num_steps": case.num_steps,
            "prompt_weight": case.prompt_weight,
            "precision": case.precision,
            "clock": case.clock,
            "learning_rate": LEARNING_RATE,
            "settings": system.settings,
            "scratch": place,
            "profile": profile,
        }
        file, out = Path(place, "spec.json"), Path(place, "out.json")
        file.write_text(json.dumps(spec))
        python = sys.executable if system.script == "run_didact.py" else str(peers_python())
        began = time.perf_counter()
        done = subprocess.run([python, str(HERE / system.script), "--spec", str(file), "--out", str(out)], capture_output=True, text=True)
        wall = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{system.script} {system.settings} failed:\n{done.stderr[-3000:]}")
        found = json.loads(out.read_text())
    counted = slice(min(WARM_UP, case.num_steps - 2), -1)
    steps, seconds = steps_of(spec)[counted], sum(found["seconds"][counted])
    supervised = num_supervised(steps, case.prompt_weight)
    tokens = sum(len(row["ids"]) for step in steps for line in step for row in line)
    flops = 6 * (shape.block_parameters * tokens + shape.head_parameters * supervised) / seconds
    return Run(supervised / seconds, wall, found["gpu_gb"] or found["peak_gb"], flops, tuple(found["losses"]), found.get("profile", {}))


def apart(theirs: Run, ours: Run, most: float, name: str) -> float:
    """Returns the largest relative difference of two runs' losses; ends everything where it is too large."""
    differences = [abs(a - b) / abs(a) for a, b in zip(theirs.losses, ours.losses, strict=True)]
    if not all(difference <= most for difference in differences):  # what is no number is not equal either
        raise SystemExit(f"{name}: the losses differ, {theirs.losses} and {ours.losses}: there is nothing to compare")
    return max(differences)


def matmul_rates() -> dict[str, float]:
    """Returns the FLOPs a second of a matrix multiplication, by precision."""
    done = subprocess.run([sys.executable, str(HERE / "matmul.py")], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def summary(runs: Sequence[Run]) -> dict[str, float]:
    """Returns the medians of a system's runs."""
    names = {"supervised_tokens_per_s": "rate", "wall_s": "wall_s", "peak_gb": "peak_gb"}
    return {name: round(median(getattr(run, key) for run in runs), 2) for name, key in names.items()}
