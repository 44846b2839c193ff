"""How many processes share a training changes neither what a step holds nor its loss."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from tiny import didact, finished, write_recipe
from typer import BadParameter

from didact.apps.start import chosen_run
from didact.base.errors import ModelError
from didact.base.recipe_file import load_recipe
from didact.jobs import train
from didact.run import create_run
from didact.train.launch import launch

SETTINGS = {"max_steps": 5, "epsilon": 1e-4}
"""With the usual ε, AdamW blows rounding up to a whole step wherever a gradient is as small as rounding."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The run that one process makes."""
    folder = tmp_path_factory.mktemp("alone")
    recipe = load_recipe(write_recipe(folder, **SETTINGS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIDACT_RUNS", str(folder / "runs"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        run = create_run(recipe)
        train(recipe, run)
    return run.folder


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_several_processes_give_the_losses_and_the_weights_of_one(tmp_path, alone, processes):
    write_recipe(tmp_path, **SETTINGS)
    finished(didact("train", "tiny.yaml", "--processes", processes, "--json", folder=tmp_path))
    shared = tmp_path / "runs" / "tiny-001"
    ours, theirs = ([json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()] for folder in (shared, alone))
    assert [line["step"] for line in ours] == list(range(1, 6))
    for key in ("loss", "grad_norm", "learning_rate"):
        assert [line[key] for line in ours] == pytest.approx([line[key] for line in theirs], abs=1e-5, rel=1e-5)
    assert [line["num_tokens"] for line in ours] == [line["num_tokens"] for line in theirs]
    name = "checkpoints/step_00000005/model.safetensors"
    one, two = load_file(shared / name), load_file(alone / name)
    assert one.keys() == two.keys()
    moved = 0.0
    base = load_file(alone / "base" / "model.safetensors")
    for key, tensor in one.items():
        torch.testing.assert_close(tensor, two[key], rtol=1e-5, atol=1e-5, msg=key)
        moved = max(moved, float((tensor - base[key]).abs().max()))
    assert moved > 0.01  # five steps with a rate of up to 0.01


def test_a_process_that_fails_is_told_without_a_traceback(monkeypatch, capfd):
    # The words of its own error are on stderr already.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ModelError, match=r"training in 1 processes failed(.|\n)*--processes 1"):
        launch(1, ["train", "no_such_recipe.yaml"])
    assert "no such file: no_such_recipe.yaml" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def torchrun(folder, *arguments):
    """Starts `torchrun -m didact ARGUMENTS` in two processes, as a user of torchrun does."""
    environment = {**os.environ, "DIDACT_RUNS": str(folder / "runs"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "didact", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_lines(process, metrics, count):
    """Waits until a training has logged more than so many steps."""
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        if metrics.exists() and metrics.read_text().count("\n") > count:
            return
        time.sleep(0.01)
    raise AssertionError(process.communicate())


def test_processes_that_torchrun_starts_agree_on_one_run_and_survive_the_loss_of_their_parent(tmp_path):
    write_recipe(tmp_path, epochs=50, epsilon=1e-4)
    process = torchrun(tmp_path, "train", "tiny.yaml")
    folder = tmp_path / "runs" / "tiny-001"
    wait_for_lines(process, folder / "metrics.jsonl", 3)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["tiny-001"]
    process.kill()  # nobody is left to end the two; they hear of it, save and leave
    _, told = process.communicate(timeout=120)  # comes back when the last of them has closed its end
    (saved,) = folder.glob("checkpoints/step_*/manifest.json")
    assert f"stopped behind step {int(saved.parent.name[5:]):,}, which is saved; continue: didact train tiny.yaml --resume" in told
    assert not (folder / "summary.json").exists()


def test_processes_that_are_started_twice_over_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadParameter, match="leave --processes out"):
        chosen_run(load_recipe(write_recipe(tmp_path)), resume=False, into=None, processes=2)
    assert not (tmp_path / "runs").exists()


def test_sigterm_to_the_one_that_started_them_is_passed_on_and_they_save(tmp_path):
    write_recipe(tmp_path, epochs=50)
    process = didact("train", "tiny.yaml", "--processes", 2, folder=tmp_path)
    folder = tmp_path / "runs" / "tiny-001"
    wait_for_lines(process, folder / "metrics.jsonl", 3)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 143
    assert told.rstrip().splitlines()[-1].endswith("didact train tiny.yaml --resume")
    assert "Traceback" not in told and "death signal" not in told
    assert len(list(folder.glob("checkpoints/step_*/manifest.json"))) == 1
