"""A run that is killed and resumed cannot be told from one that was left alone: the same weights, byte for byte."""

import json
import os
import random
import shutil
import signal
import time

import pytest
import torch
from tiny import didact, finished, write_recipe

from didact.models.precision import pick_precision

SETTINGS = {"fp32 on one thread": ("fp32", 1), "fp32 on two threads": ("fp32", 2), "bf16 on two threads": ("bf16", 2)}
NUMBERS = ("step", "loss", "learning_rate", "grad_norm", "num_tokens")


def lines_of(folder):
    return [json.loads(line) for line in (folder / "runs" / "tiny-001" / "metrics.jsonl").read_text().splitlines()]


def weights_of(folder):
    """The bytes of the last checkpoint's weights."""
    (checkpoint,) = (folder / "runs" / "tiny-001" / "checkpoints").glob("step_*")
    return (checkpoint / "model.safetensors").read_bytes()


def start(folder, settings, *arguments):
    precision, threads = SETTINGS[settings]
    if precision == "bf16" and pick_precision("auto", torch.device("cpu")) != "bf16":
        pytest.skip("this CPU does not multiply in bf16")
    recipe = write_recipe(folder, checkpoint_every=3, precision=precision)
    return didact("train", recipe.name, *arguments, folder=folder, threads=threads)


def kill_behind(process, folder, step, pause=0.0):
    """Kills a training as soon as it has logged more than so many steps, or so many seconds later; says which step it got to."""
    metrics, until = folder / "runs" / "tiny-001" / "metrics.jsonl", time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        if metrics.exists() and metrics.read_text().count("\n") > step:
            time.sleep(pause)
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "runs" / "tiny-001" / "summary.json").exists()
    return len(lines_of(folder))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Folder of a finished run, made once for each setting."""
    made = {}

    def folder(settings):
        if settings not in made:
            made[settings] = tmp_path_factory.mktemp("whole")
            finished(start(made[settings], settings))
        return made[settings]

    return folder


slow = [pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS if name != "fp32 on one thread"]


@pytest.mark.parametrize("settings", ["fp32 on one thread", *slow])
def test_the_same_recipe_twice_gives_the_same_bytes(tmp_path, uninterrupted, settings):
    whole = uninterrupted(settings)
    told = finished(start(tmp_path, settings))
    assert weights_of(tmp_path) == weights_of(whole)
    assert [[line[key] for key in NUMBERS] for line in lines_of(tmp_path)] == [[line[key] for key in NUMBERS] for line in lines_of(whole)]
    ours, theirs = (json.loads((folder / "runs" / "tiny-001" / "summary.json").read_text()) for folder in (tmp_path, whole))
    assert f"parameters; {ours['num_steps']:,} steps, {ours['num_tokens']:,} tokens" in told  # what was forecast is what was trained
    assert (ours["loss"], ours["num_tokens"], ours["num_steps"]) == (theirs["loss"], theirs["num_tokens"], theirs["num_steps"])


@pytest.mark.parametrize(
    ("settings", "kills"),
    [
        ("fp32 on one thread", [9, 40]),
        pytest.param("fp32 on two threads", [25], marks=pytest.mark.slow),
        pytest.param("bf16 on two threads", [13, 50], marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path, uninterrupted, settings, kills):
    whole, reached = uninterrupted(settings), 0
    for number, step in enumerate(kills):
        process = start(tmp_path, settings, *(["--resume"] if number else []))
        reached = kill_behind(process, tmp_path, step)
    assert kills[-1] < reached < len(lines_of(whole))
    told = finished(start(tmp_path, settings, "--resume"))
    assert "tiny-001" in told and not (tmp_path / "runs" / "tiny-002").exists()
    assert weights_of(tmp_path) == weights_of(whole)
    resumed = lines_of(tmp_path)
    assert [line["step"] for line in resumed] == list(range(1, len(resumed) + 1))
    assert [[line[key] for key in NUMBERS] for line in resumed] == [[line[key] for key in NUMBERS] for line in lines_of(whole)]
    assert [line["seconds"] for line in resumed] == sorted(line["seconds"] for line in resumed)
    found = (tmp_path / "runs" / "tiny-001").rglob("*")
    assert not [path.name for path in found if path.suffix in (".bin", ".pt", ".pth", ".pkl", ".tmp")]


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_resumes_to_the_same_bytes(tmp_path, uninterrupted):
    # Between two steps, in the midst of one, while a checkpoint is written: the pause is drawn over about three steps.
    settings, draw = "fp32 on one thread", random.Random(0)
    whole = uninterrupted(settings)
    for step in sorted(draw.sample(range(1, len(lines_of(whole)) - 12), 10)):
        kill_behind(start(tmp_path, settings, *(["--resume"] if has_checkpoint(tmp_path) else [])), tmp_path, step, draw.uniform(0, 0.1))
        if not has_checkpoint(tmp_path):  # killed before the first one: there is nothing to continue
            shutil.rmtree(tmp_path / "runs")
    finished(start(tmp_path, settings, "--resume"))
    assert weights_of(tmp_path) == weights_of(whole)
    assert [[line[key] for key in NUMBERS] for line in lines_of(tmp_path)] == [[line[key] for key in NUMBERS] for line in lines_of(whole)]


def has_checkpoint(folder):
    return any((folder / "runs").glob("tiny-001/checkpoints/step_*/manifest.json"))
