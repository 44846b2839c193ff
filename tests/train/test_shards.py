"""Two processes with a part of every weight each train what one process trains, and one goes on where two stopped, and back."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny import MODELS
from transformers import AutoModelForCausalLM
from two_processes import fresh, trained, with_adapter

from didact.base.recipe import TrainSection
from didact.models.load import load_checkpoint
from didact.train import checkpoint, shards
from didact.train.manifest import damage

TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
"""Of weights after six steps of up to 0.01 each; losses agree to 1e-5 of themselves."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process makes, by model."""
    folder = tmp_path_factory.mktemp("alone")
    for name in MODELS:
        trained(folder / name, fresh(name))
    trained(folder / "adapter", with_adapter())
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory, alone):
    """What two processes make, in one start of them; some go on from step 2 of what one process has made."""
    folder = tmp_path_factory.mktemp("two")
    for kind in ("shards", "whole"):
        place = folder / f"one_then_{kind}"
        shutil.copytree(alone / "llama" / "checkpoints" / "step_00000002", place / "checkpoints" / "step_00000002")
        shutil.copy(alone / "llama" / "metrics.jsonl", place)
    script = Path(__file__).parents[1] / "two_processes.py"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(folder)]
    ended = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder


def told(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line[key] for line in lines for key in ("step", "loss", "grad_norm")]


def same(folder, other):
    assert len(told(folder)) == 3 * 6
    assert told(folder) == pytest.approx(told(other), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_shards_give_the_losses_norms_and_weights_of_one_process(alone, two, name):
    same(two / f"shards_{name}", alone / name)
    ours, theirs = (
        AutoModelForCausalLM.from_pretrained(place / "checkpoints" / "step_00000006") for place in (two / f"shards_{name}", alone / name)
    )
    for key, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], tensor, msg=key, **TOLERANCE)


@pytest.mark.parametrize("name", MODELS)
def test_each_process_writes_a_part_and_the_folder_is_what_transformers_reads(two, alone, name):
    folder = checkpoint.newest(two / f"shards_{name}" / "checkpoints")
    assert damage(folder) == ""
    parts = sorted(path.name for path in folder.glob("*.safetensors"))
    assert parts == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    sizes = [(folder / part).stat().st_size for part in parts]
    assert max(sizes) < 0.7 * sum(sizes)
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    whole = load_file(alone / name / "checkpoints" / "step_00000006" / "model.safetensors")
    assert index.keys() == whole.keys()  # weights that are shared are there once, under the name that transformers gives them
    for key, part in index.items():
        with safe_open(folder / part, "pt") as table:
            assert table.get_tensor(key).shape == whole[key].shape
    cards = [json.loads((place / "config.json").read_text()) for place in (folder, alone / name / "checkpoints" / "step_00000006")]
    assert cards[0] == cards[1]
    assert load_checkpoint(folder).num_parameters == load_checkpoint(alone / name / "checkpoints" / "step_00000006").num_parameters


@pytest.mark.parametrize("kind", ["shards", "whole"])
def test_two_processes_go_on_where_one_stopped(alone, two, kind):
    same(two / f"one_then_{kind}", alone / "llama")


@pytest.mark.parametrize("name", MODELS)
def test_one_process_goes_on_where_two_with_shards_stopped(tmp_path, alone, two, name):
    shutil.copytree(two / f"shards_{name}", tmp_path / "run")
    for step in (4, 6):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / f"step_0000000{step}")
    saved = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert {path.name[:9] for path in saved.glob("*.safetensors")} == {"model-000", "optimizer"}
    trained(tmp_path / "run", load_checkpoint(saved), resume=True)
    same(tmp_path / "run", alone / name)


def test_an_adapter_beside_a_model_in_shards_is_the_adapter_of_one_process(alone, two):
    same(two / "shards_adapter", alone / "adapter")
    ours, theirs = (
        load_file(place / "checkpoints" / "step_00000006" / "adapter_model.safetensors")
        for place in (two / "shards_adapter", alone / "adapter")
    )
    assert ours.keys() == theirs.keys()
    for key, tensor in theirs.items():
        torch.testing.assert_close(ours[key], tensor, msg=key, **TOLERANCE)


def test_an_optimiser_that_needs_whole_matrices_is_refused(two):
    refusal = json.loads((two / "refused.json").read_text())
    assert "adafactor" in refusal and "train.shard=false" in refusal
    assert not shards.shards(TrainSection(shard=True, optimizer="adafactor"), processes=1)  # nobody to share with
