"""Documents in a packed row of an encoder-decoder or a prefix language model are what they are alone: losses and gradients."""

import random
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import MODELS, VOCABULARY, example, random_model
from transformers import BartConfig, BartForConditionalGeneration, T5Config, T5ForConditionalGeneration

from didact.base.errors import ModelError
from didact.base.recipe import Objective
from didact.data.batches import collate, num_targets, rows
from didact.train.loss import WeightedLoss, to_device
from didact.train.packed_pairs import check_pairs

CPU = torch.device("cpu")
SHAPE = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "dropout_rate": 0.0, "vocab_size": VOCABULARY}
BART = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
START = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}
SEQ2SEQ, PREFIX = Objective(kind="seq2seq"), Objective(kind="prefix")


def t5(**more):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return T5ForConditionalGeneration(T5Config(**SHAPE, **START, **more)).train()


def pairs(count, seed=0):
    """Examples of 3 to 14 tokens to read and 2 to 9 to write."""
    draw = random.Random(seed)

    def some(least, most):
        return [draw.randrange(3, 290) for _ in range(draw.randint(least, most))]

    return [replace(example(read := some(3, 14), [1] * len(read)), target_ids=np.array(some(2, 9), np.int32)) for _ in range(count)]


def prefixes(count, seed=0):
    """Examples whose first three tokens are seen whole."""
    draw = random.Random(seed)
    ids = [[draw.randrange(3, 290) for _ in range(draw.randint(5, 15))] for _ in range(count)]
    return [replace(example(one, [1] * 3 + [2] * (len(one) - 3)), num_prefix=3) for one in ids]


def summed(model, batches, objective):
    loss_of = WeightedLoss(model, "fp32")
    model.zero_grad()
    total = sum(loss_of(to_device(collate(batch, objective, 0, 0), CPU)) for batch in batches)
    total.backward()
    return total.item(), {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", ["tied", "gated, its own head"])
def test_packed_rows_of_an_encoder_decoder_are_the_separate_ones(kind, attention):
    model = t5() if kind == "tied" else t5(feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    try:
        model.set_attn_implementation(attention)
    except ValueError:
        pytest.skip(f"transformers gives T5 no {attention} attention")
    examples = pairs(9)
    packed = rows(examples, packed=True, max_length=24, seed=0, window=0)
    assert len(packed) < 9
    check_pairs(model, VOCABULARY)
    one, gradients = summed(model, [[(document,)] for document in examples], SEQ2SEQ)
    other, theirs = summed(model, [packed], SEQ2SEQ)
    assert other == pytest.approx(one, rel=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(theirs[name], gradient, rtol=1e-3, atol=1e-4, msg=name)
    assert num_targets(packed, SEQ2SEQ) == sum(len(document.target_ids) for document in examples)


def test_a_row_holds_what_fits_on_both_sides():
    # 4 + 4 tokens to read fit into 8; 6 + 6 to write do not.
    long = [replace(document, target_ids=np.arange(6, dtype=np.int32)) for document in (example([5] * 4, [1] * 4),) * 2]
    assert [len(row) for row in rows(long, packed=True, max_length=8, seed=0, window=0)] == [1, 1]
    assert [len(row) for row in rows(long, packed=True, max_length=12, seed=0, window=0)] == [2]


def test_models_that_count_places_are_refused_with_what_to_type():
    bart = BartForConditionalGeneration(BartConfig(**BART, **START, vocab_size=VOCABULARY, max_position_embeddings=64, dropout=0.0))
    with torch.no_grad():
        for table in (bart.model.encoder.embed_positions, bart.model.decoder.embed_positions):
            table.weight.normal_()
    with pytest.raises(ModelError, match=r"do not stay what they are in BartForCond(.|\n)*next: sequence\.pack=false"):
        check_pairs(bart, VOCABULARY)


def test_the_test_sees_a_model_whose_encoder_mixes_documents():
    model = t5()
    encoder = deepcopy(model.get_encoder())
    model.get_encoder().forward = lambda input_ids, attention_mask: encoder(input_ids=input_ids)
    with pytest.raises(ModelError, match="do not stay what they are"):
        check_pairs(model, VOCABULARY)


@pytest.mark.parametrize("name", MODELS)
def test_packed_rows_of_a_prefix_language_model_are_the_separate_ones(name):
    model, examples = random_model(MODELS[name]), prefixes(8)
    packed = rows(examples, packed=True, max_length=30, seed=0, window=0)
    assert len(packed) < 8
    one, gradients = summed(model, [[(document,)] for document in examples], PREFIX)
    other, theirs = summed(model, [packed], PREFIX)
    assert other == pytest.approx(one, rel=1e-5)
    for key, gradient in gradients.items():
        torch.testing.assert_close(theirs[key], gradient, rtol=1e-3, atol=1e-3, msg=key)
