"""A plan that does not fit is refused with one that does: which knob comes first, and that what is proposed fits."""

from functools import cache

import pytest
from transformers import LlamaConfig

from didact.base.errors import ModelError
from didact.models.needs import Wanted
from didact.models.plan import Plan, Trained, plan_of
from didact.models.proposals import overrides, refusal


def big() -> LlamaConfig:
    return LlamaConfig(hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4, vocab_size=1000)


@cache
def planned(**changes) -> Plan:
    wanted = Wanted(**{"max_length": 512, "micro_batch_tokens": 8192, "batch_tokens": 16_384, "device": "cuda", **changes})
    return plan_of(big(), wanted, Trained(10_000, 10))


def refused(available: int | None, **options) -> ModelError | None:
    return refusal(planned(), available, big(), **options)


def need(**changes) -> int:
    return planned(**changes).memory.needed


def test_a_plan_that_fits_is_not_refused_and_one_byte_less_is() -> None:
    assert refused(need()) is None
    assert refused(need() - 1).remedy == "train.micro_batch_tokens=4096"
    assert refused(None) is None  # nobody knows what is free


def test_the_first_knobs_are_those_that_change_no_result() -> None:
    assert refused(need(micro_batch_tokens=1024)).remedy == "train.micro_batch_tokens=1024"
    assert refused(need(micro_batch_tokens=1024) - 1).remedy == "train.micro_batch_tokens=512"
    # With less than one row at a time nothing is won: then the inside of the layers is computed again, of as many tokens as have room.
    available = need(micro_batch_tokens=512) - 1
    most = max(size for size in (512, 1024, 2048, 4096, 8192) if need(micro_batch_tokens=size, checkpointing=True) <= available)
    assert refused(available).remedy == f"train.micro_batch_tokens={most} train.activation_checkpointing=always"


def test_then_the_optimiser_then_the_length() -> None:
    smallest = need(micro_batch_tokens=512, checkpointing=True)
    remedy = refused(smallest - 1).remedy
    assert remedy.endswith("train.optimizer=adamw_8bit")
    assert "max_length" not in remedy
    last = need(micro_batch_tokens=512, checkpointing=True, optimizer="adamw_8bit")
    assert refused(last - 1).remedy.endswith("sequence.max_length=256")


@pytest.mark.parametrize("share", [2, 4, 8])
def test_what_is_proposed_fits(share: int) -> None:
    changes = dict(change.split("=") for change in refused(need() // share).remedy.split())
    typed = {key.split(".")[1]: int(value) if value.isdigit() else value for key, value in changes.items()}
    checkpointing = typed.pop("activation_checkpointing", "never") == "always"
    assert need(checkpointing=checkpointing, **typed) <= need() // share


def test_an_adapter_is_proposed_before_rows_are_cut() -> None:
    available = need(micro_batch_tokens=512, checkpointing=True, optimizer="adamw_8bit") - 1
    error = refused(available, adapter=0.01)
    assert error.remedy.endswith("model.adapter.kind=lora")
    assert "max_length" not in error.remedy


def test_a_gpu_is_told_of_bf16_weights_and_eight_bits_first() -> None:
    settings = {"precision": "bf16", "device": "cuda"}
    plan = planned(**settings)
    least = need(**settings, micro_batch_tokens=512, checkpointing=True)
    assert refusal(plan, least - 1, big()).remedy.endswith("train.precision=bf16_weights")
    least = need(**settings, micro_batch_tokens=512, checkpointing=True, bf16_weights=True)
    known = refusal(planned(**settings, bf16_weights=True), least - 1, big())
    assert known.remedy.endswith("train.optimizer=adamw_8bit")


def test_several_devices_share_the_weights_before_anything_shows_in_the_result() -> None:
    settings = {"processes": 8, "device": "cuda", "batch_tokens": 4096}
    least = need(**settings, micro_batch_tokens=512, checkpointing=True)
    assert refusal(planned(**settings), least - 1, big()).remedy.endswith("train.shard=true train.activation_checkpointing=always")


def test_a_model_that_never_fits_gets_a_size_that_does() -> None:
    error = refused(16_000_000)
    assert error.remedy.startswith("model.base=")
    assert "1 M parameters" in error.expected


def test_a_setting_that_stays_needs_no_typing() -> None:
    assert overrides(Wanted(8, 8, 8), Wanted(8, 8, 8)) == []
