"""A checkpoint is there as a whole or not at all, holds no pickle, and gives every bit back."""

import errno
import json
import re
import shutil
from collections import namedtuple

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tiny import MODELS, random_model, tokeniser

from didact.base.errors import RunError
from didact.data.tokens import Tokeniser
from didact.models.load import Loaded, load_checkpoint
from didact.prompts.model_format import ModelFormat
from didact.train import checkpoint

Disk = namedtuple("Disk", "total used free")


@pytest.fixture(scope="module")
def loaded():
    return Loaded(random_model(MODELS["llama"]), tokeniser())


def stepped(model, steps=2):
    """An AdamW as the loop makes it, after a few steps."""
    vectors = [p for p in model.parameters() if p.ndim < 2]
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    optimiser = torch.optim.AdamW([{"params": matrices}, {"params": vectors, "weight_decay": 0.0}], lr=0.01, fused=True)
    for number in range(steps):
        model.zero_grad()
        model(input_ids=torch.arange(3 + number, 13)[None]).logits.square().mean().backward()
        optimiser.step()
    return optimiser


def write(folder, loaded, step, keep=1, optimiser=None):
    return checkpoint.write(folder, loaded, optimiser, {"step": step}, keep)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_checkpoint_has_what_is_needed_and_nothing_pickled(tmp_path):
    loaded = Loaded(random_model(MODELS["gpt2"]), tokeniser())
    folder = write(tmp_path, loaded, 42, optimiser=stepped(loaded.model))
    assert folder == tmp_path / "step_00000042"
    assert set(names(folder)) == {
        "chat_format.json",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "manifest.json",
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    # A pickle begins with the byte 0x80, a zip of pickles with PK.
    assert not [path for path in folder.iterdir() if path.read_bytes()[:1] == b"\x80" or path.read_bytes()[:2] == b"PK"]


def test_weights_come_back_bit_for_bit(tmp_path, loaded):
    stepped(loaded.model, 1)
    again = load_checkpoint(write(tmp_path, loaded, 1)).model
    ours = loaded.model.state_dict()
    assert list(again.state_dict()) == list(ours)
    assert all(torch.equal(tensor, ours[name]) for name, tensor in again.state_dict().items())


def test_an_optimiser_comes_back_bit_for_bit_and_goes_on_the_same(tmp_path, loaded):
    optimiser = stepped(loaded.model)
    folder = write(tmp_path, loaded, 2, optimiser=optimiser)
    twin = load_checkpoint(folder).model.train()
    other = stepped(twin, 0)
    checkpoint.restore_optimiser(folder, other)
    ours, theirs = optimiser.state_dict(), other.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    assert {key for moments in ours["state"].values() for key in moments} == {"step", "exp_avg", "exp_avg_sq"}
    assert ours["state"].keys() == theirs["state"].keys()
    for number, moments in ours["state"].items():
        for key, tensor in moments.items():
            assert torch.equal(tensor, theirs["state"][number][key]) and tensor.dtype == theirs["state"][number][key].dtype
    for model, adamw in ((loaded.model, optimiser), (twin, other)):
        model.zero_grad()
        model(input_ids=torch.arange(20, 40)[None]).logits.square().mean().backward()
        adamw.step()
    assert all(torch.equal(one, two) for one, two in zip(loaded.model.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize(("keep", "left"), [(1, ["step_00000120"]), (2, ["step_00000030", "step_00000120"])])
def test_only_the_newest_are_kept(tmp_path, loaded, keep, left):
    for step in (5, 10, 30, 120):
        write(tmp_path, loaded, step, keep)
    assert names(tmp_path) == left
    assert checkpoint.newest(tmp_path).name == "step_00000120"
    assert checkpoint.read_state(checkpoint.newest(tmp_path)) == {"step": 120}


def test_what_a_crash_left_behind_is_ignored_and_then_removed(tmp_path, loaded):
    write(tmp_path, loaded, 5)
    # Killed while it wrote, while it removed an old one, and before it wrote the state.
    shutil.copytree(tmp_path / "step_00000005", tmp_path / ".step_00000010.4711.tmp")
    (tmp_path / ".step_00000001.old.tmp").mkdir()
    (tmp_path / "step_00000010").mkdir()
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["step_00000005"]
    said = []
    assert checkpoint.newest(tmp_path, said.append).name == "step_00000005"
    assert said == ["checkpoint step_00000010 is torn: state.json is missing; taking step_00000005"]
    write(tmp_path, loaded, 10)
    assert names(tmp_path) == ["step_00000010"]


@pytest.mark.parametrize("moment", ["save", "save_file", "write_json"])
def test_a_crash_while_writing_leaves_the_last_checkpoint_as_it_was(tmp_path, loaded, monkeypatch, moment):
    optimiser = stepped(loaded.model, 1)
    folder = write(tmp_path, loaded, 5, optimiser=optimiser)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    inner = getattr(checkpoint, moment)

    def torn(*arguments):
        inner(*arguments)
        raise OSError("no space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(checkpoint, moment, torn)
        write(tmp_path, loaded, 10, optimiser=optimiser)
    assert checkpoint.checkpoints(tmp_path) == [folder]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write(tmp_path, loaded, 10, optimiser=optimiser)
    assert names(tmp_path) == ["step_00000010"]


def test_every_file_is_on_the_disk_before_the_name_is(tmp_path, loaded, monkeypatch):
    synced = []
    monkeypatch.setattr(checkpoint, "_sync", lambda path: synced.append((path.name, (tmp_path / "step_00000005").exists())))
    folder = write(tmp_path, loaded, 5, optimiser=stepped(loaded.model, 1))
    assert {name for name, named in synced if not named} >= set(names(folder))
    assert synced[-1] == (tmp_path.name, True)


def test_an_old_one_half_removed_is_no_checkpoint(tmp_path, loaded, monkeypatch):
    write(tmp_path, loaded, 5)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint.shutil, "rmtree", lambda path, **_: interrupt(path))
        write(tmp_path, loaded, 10)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["step_00000010"]
    write(tmp_path, loaded, 15)
    assert names(tmp_path) == ["step_00000015"]


def interrupt(path):
    """rmtree that is killed when it has something to remove."""
    if path.exists():
        (path / "model.safetensors").unlink()
        raise KeyboardInterrupt


def test_several_templates_of_one_tokenizer_are_saved_too(tmp_path):
    # They lie in a folder of their own inside the checkpoint; only the format `model` keeps what a tokenizer came with.
    turns = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    chatml = turns + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    tokenizer = tokeniser().tokenizer
    tokenizer.chat_template = {"default": chatml, "tool_use": "{{ tools }}" + chatml}
    named = Tokeniser(tokenizer, ModelFormat(tokenizer))
    folder = write(tmp_path, Loaded(random_model(MODELS["llama"]), named), 1)
    assert any(path.is_dir() for path in folder.iterdir())
    assert load_checkpoint(folder).tokeniser.tokenizer.chat_template == tokenizer.chat_template


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    with pytest.raises(RunError, match=r"no checkpoint in (.|\n)*next: didact train RECIPE"):
        checkpoint.newest(tmp_path / "none")


def test_the_optimisers_file_is_named_by_parameter_and_moment(tmp_path, loaded):
    folder = write(tmp_path, loaded, 1, optimiser=stepped(loaded.model, 3))
    table = load_file(folder / checkpoint.OPTIMISER)
    numbers = {name.split(".")[0] for name in table}
    assert numbers == {str(number) for number in range(len(list(loaded.model.parameters())))}
    assert table["0.step"].item() == 3.0
    assert json.loads((folder / "state.json").read_text()) == {"step": 1}


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_block(path):
    """As a power cut leaves it: the length is right, and what was written last is zeros."""
    content = path.read_bytes()
    path.write_bytes(content[:-5000] + bytes(5000))


TEARS = {
    "model.safetensors is missing": lambda folder: (folder / "model.safetensors").unlink(),
    r"model.safetensors has [\d,]+ of [\d,]+ bytes": lambda folder: cut(folder / "model.safetensors"),
    "model.safetensors is not what was written": lambda folder: flip_a_block(folder / "model.safetensors"),
    "optimizer.safetensors is empty": lambda folder: (folder / "optimizer.safetensors").write_bytes(b""),
    "tokenizer.json is missing": lambda folder: (folder / "tokenizer.json").unlink(),
    "config.json is cut short": lambda folder: cut(folder / "config.json"),
    "state.json is missing": lambda folder: (folder / "state.json").unlink(),
    "manifest.json is no manifest": lambda folder: (folder / "manifest.json").write_text('{"model.safe'),
}


@pytest.mark.parametrize("problem", TEARS)
def test_a_torn_checkpoint_is_told_and_the_one_before_is_taken(tmp_path, loaded, problem):
    for step in (5, 10):
        folder = write(tmp_path, loaded, step, keep=2, optimiser=stepped(loaded.model, 1))
    assert checkpoint.newest(tmp_path) == folder
    TEARS[problem](folder)
    with pytest.raises(RunError, match=f"checkpoint step_00000010 is torn: {problem}(.|\n)*--resume"):
        checkpoint.newest(tmp_path)  # nobody listens: an older model must not stand in for the newest without a word
    said = []
    assert checkpoint.newest(tmp_path, said.append).name == "step_00000005"
    assert len(said) == 1 and re.search(f"step_00000010 is torn: {problem}; taking step_00000005", said[0])
    checkpoint.set_torn_aside(tmp_path)
    assert checkpoint.newest(tmp_path).name == "step_00000005"


def test_text_files_may_be_edited_by_hand(tmp_path, loaded):
    folder = write(tmp_path, loaded, 5)
    (folder / "generation_config.json").write_text('{"max_new_tokens": 5}')
    (folder / "README.md").write_text("mine")
    assert checkpoint.newest(tmp_path) == folder


def test_a_checkpoint_of_before_there_were_manifests_is_read_and_its_tears_are_seen(tmp_path, loaded):
    folder = write(tmp_path, loaded, 5, optimiser=stepped(loaded.model, 1))
    (folder / "manifest.json").unlink()
    assert checkpoint.newest(tmp_path) == folder
    cut(folder / "optimizer.safetensors")
    with pytest.raises(RunError, match=r"optimizer\.safetensors is cut short"):
        checkpoint.newest(tmp_path)


def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path, loaded, monkeypatch):
    optimiser = stepped(loaded.model, 1)
    folder = write(tmp_path, loaded, 5, optimiser=optimiser)
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: Disk(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(RunError, match=r"a checkpoint needs about 34 MB, and 1 MB of the disk are free(.|\n)*next: free 33 MB"):
        write(tmp_path, loaded, 10, optimiser=optimiser)
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_checkpoint_needs_is_what_it_takes(tmp_path, loaded):
    # 32-bit weights, and two 32-bit moments of each: 12 bytes a parameter, whether the moments are there already or not.
    loaded = Loaded(random_model(MODELS["llama"]), loaded.tokeniser)
    fresh, used = stepped(loaded.model, 0), stepped(loaded.model, 1)
    besides = checkpoint.size_of(loaded, None) - 4 * loaded.num_parameters
    assert checkpoint.size_of(loaded, fresh) - besides == 12 * loaded.num_parameters
    taken = sum(path.stat().st_size for path in write(tmp_path, loaded, 1, optimiser=used).glob("*.safetensors"))
    assert checkpoint.size_of(loaded, used) - besides == pytest.approx(taken, rel=0.03)  # names and shapes of the tensors


FULL = {
    "an OSError": OSError(errno.ENOSPC, "No space left on device"),
    "safetensors'": SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
}


@pytest.mark.parametrize("error", FULL)
@pytest.mark.parametrize("moment", ["save", "save_file", "write_manifest"])
def test_a_disk_that_fills_up_while_writing_leaves_the_last_checkpoint(tmp_path, loaded, monkeypatch, moment, error):
    optimiser = stepped(loaded.model, 1)
    folder = write(tmp_path, loaded, 5, optimiser=optimiser)

    def full(*_):
        raise FULL[error]

    with monkeypatch.context() as patch, pytest.raises(RunError, match=r"the disk was full(.|\n)*free some of the disk"):
        patch.setattr(checkpoint, moment, full)
        write(tmp_path, loaded, 10, optimiser=optimiser)
    assert list(tmp_path.iterdir()) == [folder] and checkpoint.newest(tmp_path) == folder


def test_the_old_one_stays_until_the_new_one_has_been_read_back(tmp_path, loaded, monkeypatch):
    folder = write(tmp_path, loaded, 5)
    inner = checkpoint.write_manifest

    def then_torn(place):
        inner(place)
        cut(place / "model.safetensors")

    monkeypatch.setattr(checkpoint, "write_manifest", then_torn)
    with pytest.raises(RunError, match="the checkpoint of step 10 is not what was written"):
        write(tmp_path, loaded, 10)
    assert checkpoint.checkpoints(tmp_path) == [folder]
