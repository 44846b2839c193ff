"""4-bit bases: refused where they cannot be held, recognised by their files, and merged from those, without a GPU."""

import json
import shutil

import pytest
import torch
from test_adapter import answers, base, disturb, with_adapter

from didact.base.errors import ModelError, PrerequisiteError
from didact.base.recipe import AdapterSection, ModelSection
from didact.models import quantised
from didact.models.load import check_fit, load_checkpoint, merged, save
from didact.models.quantised import check_quantise, files_fingerprint, quantised_options

pytest.importorskip("peft")
CUDA = torch.device("cuda")


def test_without_a_gpu_it_is_refused_before_any_weights_are_read(tmp_path):
    section = ModelSection(base=str(base(tmp_path)), adapter=AdapterSection(kind="lora", quantise="nf4"))
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ModelError, match=r"quantise is nf4, and there is no GPU here(.|\n)*next: model\.adapter\.quantise=none"):
        check_fit(section, "causal", 16)


def test_without_the_package_its_pip_line_is_said(monkeypatch):
    monkeypatch.setattr(quantised, "find_spec", lambda name: None)
    with pytest.raises(PrerequisiteError, match="next: pip install bitsandbytes"):
        check_quantise("nf4", CUDA)
    monkeypatch.setattr(quantised, "find_spec", lambda name: object())
    check_quantise("nf4", CUDA)


def test_weights_nobody_trains_are_not_quantised():
    with pytest.raises(ValueError, match="holds weights that nobody trains"):
        AdapterSection(quantise="nf4")


def test_nf4_is_the_papers(monkeypatch):
    assert quantised_options("none") == {}
    monkeypatch.setattr(quantised, "pick_device", lambda: CUDA)
    options = quantised_options("nf4")
    config = options["quantization_config"]
    assert (config.load_in_4bit, config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant) == (True, "nf4", True)
    assert config.bnb_4bit_compute_dtype == torch.bfloat16
    assert options["device_map"] == {"": CUDA}


def test_files_are_recognised_wherever_they_lie_and_a_changed_number_is_seen(tmp_path):
    folder = base(tmp_path / "base")
    shutil.copytree(folder, tmp_path / "copy")
    assert files_fingerprint(str(folder)) == files_fingerprint(str(tmp_path / "copy"))
    path = tmp_path / "copy" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # the seventeenth of 32 places that are looked at begins here
    path.write_bytes(content)
    assert files_fingerprint(str(folder)) != files_fingerprint(str(tmp_path / "copy"))
    with pytest.raises(ModelError, match=r"has no \*\.safetensors files"):
        files_fingerprint(str(tmp_path))


def quantised_checkpoint(tmp_path):
    """What a machine with a GPU would have saved: the same adapter, and a card that says how the base was held."""
    folder = base(tmp_path / "base", tied=True)
    loaded = disturb(with_adapter(folder))
    save(loaded, tmp_path / "saved")
    card = tmp_path / "saved" / "adapter.json"
    table = json.loads(card.read_text())
    table["settings"]["quantise"], table["fingerprint"] = "nf4", files_fingerprint(str(folder))
    card.write_text(json.dumps(table))
    return loaded


def test_a_quantised_run_is_merged_into_the_full_base(tmp_path, monkeypatch):
    loaded = quantised_checkpoint(tmp_path)
    whole = load_checkpoint(tmp_path / "saved", whole=True)
    assert torch.equal(answers(whole), answers(loaded))
    torch.testing.assert_close(answers(merged(whole)), answers(loaded), rtol=1e-5, atol=1e-4)
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="there is no GPU here"):
            load_checkpoint(tmp_path / "saved")
    path = tmp_path / "base" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not the one that this adapter was trained beside"):
        load_checkpoint(tmp_path / "saved", whole=True)


def test_an_adapter_is_no_base_that_can_be_quantised(tmp_path):
    quantised_checkpoint(tmp_path)
    with pytest.raises(ModelError, match=r"is an adapter: its base alone could be held so(.|\n)*next: didact export RUN FOLDER"):
        with_adapter(tmp_path / "saved", quantise="nf4")
