"""What a model is recognised by changes with whatever changes its answers, and with nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import MODELS, random_model, tokeniser

from didact.base.adapter_section import AdapterSection
from didact.models.adapter_card import Adapter
from didact.models.load import Loaded, load_checkpoint, save
from didact.models.model_print import model_print


def loaded(seed: int = 0) -> Loaded:
    return Loaded(random_model(MODELS["llama"], seed).eval(), tokeniser())


def test_the_same_model_is_recognised_wherever_it_is_loaded_from(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        save(loaded(), tmp_path / folder)
    first, second = (model_print(load_checkpoint(tmp_path / folder), "fp32") for folder in ("a", "b"))
    assert first == second == model_print(load_checkpoint(tmp_path / "a"), "fp32")
    assert model_print(loaded(), "fp32") == model_print(loaded(), "fp32") != model_print(loaded(seed=1), "fp32")


def test_the_smallest_change_of_any_one_weight_is_seen() -> None:
    one = loaded()
    known = model_print(one, "fp32")
    for name, parameter in one.model.named_parameters():
        flat = parameter.data.view(-1)
        place, before = len(flat) // 3, flat[len(flat) // 3].clone()
        flat[place] = torch.nextafter(before, torch.tensor(9.0))
        assert model_print(one, "fp32") != known, name
        flat[place] = before
    assert model_print(one, "fp32") == known


def test_precision_scale_tokenizer_and_chat_format_count() -> None:
    one = loaded()
    prints = [model_print(one, "fp32"), model_print(one, "bf16")]
    prints += [model_print(replace(one, tokeniser=other), "fp32") for other in (tokeniser("plain"), tokeniser(texts=["other words"]))]
    for alpha in (16, 32):  # what an adapter's weights are multiplied by is in no weight
        section = AdapterSection(kind="lora", rank=4, alpha=alpha)
        prints.append(model_print(replace(one, adapter=Adapter(section, "base", None, "", (), (), ())), "fp32"))
    one.model.config.rope_parameters = {**one.model.config.rope_parameters, "rope_theta": 5e5}
    prints.append(model_print(one, "fp32"))
    assert len(set(prints)) == len(prints)


def test_other_software_is_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    one = loaded()
    known = model_print(one, "fp32")
    monkeypatch.setattr("didact.models.model_print.code_fingerprint", lambda *_: "of a newer didact")
    assert model_print(one, "fp32") != known
