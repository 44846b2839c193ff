"""NEFTune's noise: as large as the paper says for each document, nowhere else, and never while a model is judged."""

import pytest
import torch
from tiny import MODELS, random_model
from transformers import BartConfig, BartForConditionalGeneration, T5Config, T5ForConditionalGeneration

from didact.train.neftune import noisy_embeddings

# A row of two documents, of 16 and 4 tokens, and padding; a row of one document of 9.
SEGMENTS = torch.tensor([[1] * 16 + [2] * 4 + [0] * 4, [1] * 9 + [0] * 15], dtype=torch.int32)
IDS = torch.arange(48).reshape(2, 24) % 50
SMALL = {"vocab_size": 64, "d_model": 32, "pad_token_id": 0, "decoder_start_token_id": 0}


def added(model, alpha, segments=SEGMENTS, ids=IDS):
    table = model.get_input_embeddings()
    with torch.no_grad(), noisy_embeddings(model, alpha, segments):
        noisy = table(ids)
    return noisy - table(ids).detach()


@pytest.mark.parametrize("name", MODELS)
def test_noise_is_bounded_by_each_documents_own_length_and_padding_has_none(name):
    torch.manual_seed(0)
    noise = added(random_model(MODELS[name]), 8.0)  # d = 32
    for line, span, length in ((0, slice(0, 16), 16), (0, slice(16, 20), 4), (1, slice(0, 9), 9)):
        most = 8.0 / (length * 32) ** 0.5
        part = noise[line, span].abs()
        assert part.max() <= most * 1.0001 and part.max() > 0.9 * most
        assert part.mean() == pytest.approx(most / 2, rel=0.15)  # uniform: half of the largest, on average
    assert not noise[0, 20:].any() and not noise[1, 9:].any()


def test_nothing_is_added_at_alpha_0_while_judging_and_afterwards():
    model = random_model(MODELS["llama"])
    assert not added(model, 0.0).any()
    assert not added(model.eval(), 5.0).any()
    assert added(model.train(), 5.0).any()
    assert not model.get_input_embeddings()._forward_hooks


def test_the_noise_is_that_of_the_paper_on_one_sequence():
    model = random_model(MODELS["llama"])
    torch.manual_seed(3)
    noise = added(model, 5.0, torch.ones(1, 10, dtype=torch.int32), IDS[:1, :10])
    torch.manual_seed(3)
    uniform = torch.rand(1, 10, 32) * 2 - 1
    torch.testing.assert_close(noise, uniform * 5.0 / (10 * 32) ** 0.5, atol=1e-6, rtol=1e-5)


def test_gradients_still_reach_the_embeddings_and_a_tied_head_has_no_noise():
    config = MODELS["llama"].__class__(**{**MODELS["llama"].to_dict(), "tie_word_embeddings": True})
    model = random_model(config)
    before = model.get_output_embeddings().weight.clone()
    with noisy_embeddings(model, 5.0, SEGMENTS):
        model(input_ids=IDS).logits.sum().backward()
    assert model.get_input_embeddings().weight.grad.abs().sum() > 0
    assert torch.equal(model.get_output_embeddings().weight, before)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("family", ["t5", "bart"])
def test_of_an_encoder_decoder_only_what_is_read_gets_noise(family, shared):
    torch.manual_seed(0)
    if family == "t5":
        model = T5ForConditionalGeneration(T5Config(**SMALL, d_kv=8, d_ff=32, num_layers=1, num_heads=4, dropout_rate=0.0))
    else:
        layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
        heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "dropout": 0.0}
        model = BartForConditionalGeneration(BartConfig(**SMALL, **layers, **heads))
    if shared:  # as after the vocabulary was resized: one module for both sides
        model.set_input_embeddings(model.get_encoder().get_input_embeddings())
        model.get_decoder().set_input_embeddings(model.get_encoder().get_input_embeddings())
        model.get_encoder().set_input_embeddings(model.get_decoder().get_input_embeddings())
    seen = {}
    for side, module in (("encoder", model.get_encoder()), ("decoder", model.get_decoder())):
        layer = next(part for name, part in module.named_modules() if name in ("block.0", "layers.0"))
        layer.register_forward_pre_hook(lambda _, given, side=side: seen.setdefault(side, []).append(given[0].detach()))
    given = {"input_ids": IDS, "decoder_input_ids": IDS, "attention_mask": (SEGMENTS > 0).long()}
    model.train()
    model(**given)
    with noisy_embeddings(model, 5.0, SEGMENTS):
        model(**given)
    assert not torch.equal(*seen["encoder"]) and torch.equal(*seen["decoder"])
