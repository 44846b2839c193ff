"""How many processes share a training changes neither what a step holds nor its loss."""

import json

import pytest
import torch
from safetensors.torch import load_file
from tiny import didact, finished, write_recipe

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
    with pytest.raises(ModelError, match=r"training in 1 processes failed(.|\n)*--processes 1"):
        launch(1, ["train", "no_such_recipe.yaml"])
    assert "no such file: no_such_recipe.yaml" in capfd.readouterr().err
