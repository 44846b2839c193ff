"""Layers whose inside is computed again, or that are compiled, give the losses and gradients that they gave before."""

import shutil

import pytest
import torch
from tiny import MODELS, batch_of, random_model, random_rows
from transformers import AutoModelForMaskedLM, AutoModelForSeq2SeqLM, BertConfig, T5Config

from didact.base.errors import ModelError
from didact.base.recipe import Objective
from didact.models.lean_layers import layers_of
from didact.train import attention
from didact.train.layers import prepare_layers
from didact.train.loss import WeightedLoss, to_device


def gradients(model, batch, precision: str = "fp32") -> dict[str, torch.Tensor]:
    """The loss and every gradient of one batch."""
    torch.manual_seed(0)
    model.zero_grad(set_to_none=True)
    loss = WeightedLoss(model, precision)(to_device(batch, torch.device("cpu")))
    loss.backward()
    return {"": loss.detach(), **{name: p.grad for name, p in model.named_parameters() if p.grad is not None}}


def worst(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """The largest difference, as a share of the largest number of its tensor."""
    assert ours.keys() == theirs.keys()
    return max(float((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max().clamp(min=1e-6)) for name in theirs)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_packed_rows_have_the_same_gradients_when_layers_are_computed_again(name: str, precision: str) -> None:
    model, batch = random_model(MODELS[name]), batch_of(random_rows(3, documents=3), Objective(prompt_weight=0.5))
    attention.keep_apart(model, 290)
    kept = gradients(model, batch, precision)
    prepare_layers(model, checkpointing=True, compile=False)
    assert worst(gradients(model, batch, precision), kept) == 0.0


def test_the_documents_are_what_that_depends_on() -> None:
    # The same rows as one document each have other gradients: had the second pass lost the documents, the test above would fail.
    model = random_model(MODELS["llama"])
    attention.keep_apart(model, 290)
    batch = batch_of(random_rows(3, documents=3), Objective())
    apart = gradients(model, batch)
    batch.segment_ids[batch.segment_ids > 1] = 1
    assert worst(gradients(model, batch), apart) > 1e-2


def test_what_is_dropped_by_chance_is_dropped_again() -> None:
    config = MODELS["gpt2"].__class__.from_dict({**MODELS["gpt2"].to_dict(), "resid_pdrop": 0.5})
    model, batch = random_model(config), batch_of(random_rows(3), Objective())
    kept = gradients(model, batch)
    prepare_layers(model, checkpointing=True, compile=False)
    assert worst(gradients(model, batch), kept) == 0.0


def test_only_the_inputs_of_the_layers_are_kept() -> None:
    config = MODELS["llama"].__class__.from_dict({**MODELS["llama"].to_dict(), "num_hidden_layers": 8})
    model, ids, held = random_model(config), torch.arange(256)[None], []

    def bytes_kept() -> int:
        held.clear()
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: held.append(tensor) or tensor, lambda tensor: tensor):
            model.base_model(input_ids=ids, use_cache=False)
        own = {p.untyped_storage().data_ptr() for p in model.parameters()}
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held}
        return sum(size for place, size in storages.items() if place not in own)

    everything = bytes_kept()
    prepare_layers(model, checkpointing=True, compile=False)
    assert bytes_kept() < everything / 8  # the last norm, and what was looked up: the inputs themselves are held by the layers


@pytest.mark.parametrize("kind", ["t5", "bert"])
def test_encoders_and_decoders_beside_them_have_layers_too(kind: str) -> None:
    shape = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 320, "dropout_rate": 0.0}
    bert = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 320}
    config = T5Config(**shape, decoder_start_token_id=0) if kind == "t5" else BertConfig(**bert)
    torch.manual_seed(0)
    model = (AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForMaskedLM).from_config(config).train()
    assert len(layers_of(model)) == (4 if kind == "t5" else 2)
    ids = torch.arange(3, 43).reshape(2, 20)
    given = {"input_ids": ids, "labels": ids, **({"use_cache": False} if kind == "t5" else {})}

    def found() -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        model.zero_grad(set_to_none=True)
        model(**given).loss.backward()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    kept = found()
    prepare_layers(model, checkpointing=True, compile=False)
    assert worst(found(), kept) < 1e-5  # what all layers share (T5's distances) is summed up in another order


def test_a_model_without_layers_is_refused_with_what_to_type() -> None:
    with pytest.raises(ModelError, match="has no layers") as refused:
        prepare_layers(torch.nn.Linear(2, 2), checkpointing=True, compile=False)
    assert refused.value.remedy == "train.activation_checkpointing=never"
    prepare_layers(torch.nn.Linear(2, 2), checkpointing=False, compile=False)  # nothing was asked for


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch's compiler looks at its own inputs
@pytest.mark.parametrize("checkpointing", [False, True])
def test_compiled_layers_have_the_same_gradients_up_to_rounding(checkpointing: bool) -> None:
    model = random_model(MODELS["llama"])
    attention.keep_apart(model, 290)
    batches = [batch_of(random_rows(rows, seed=rows, documents=2), Objective()) for rows in (2, 3)]
    kept = [gradients(model, batch) for batch in batches]
    prepare_layers(model, checkpointing=checkpointing, compile=True)
    assert all(worst(gradients(model, batch), before) < 1e-4 for batch, before in zip(batches, kept, strict=True))
