"""Packed documents never see one another, and a model for which that does not hold is refused before it is trained."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny import MODELS, VOCABULARY, random_model
from transformers import BertConfig, Gemma2Config, MistralConfig

from didact.base.errors import ModelError
from didact.train.attention import NAME, attend, check_causal, documents, keep_apart, spans_of

HEADS = [(4, 4), (4, 2), (6, 1)]
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": VOCABULARY}
SPANS = ((0, 0, 5), (0, 5, 6), (0, 6, 11), (1, 0, 9))
"""Two rows of 12 tokens: three documents and 1 token of padding, one document and 3 tokens of padding."""


def draw(heads, key_heads, length=12, rows=2):
    generator = torch.Generator().manual_seed(0)
    shapes = [(rows, heads, length, 8), (rows, key_heads, length, 8), (rows, key_heads, length, 8)]
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]


def by_mask(query, key, value, spans, window=None):
    """Softmax attention with the mask written out, (B, T, heads, D): what packing has to equal."""
    rows, heads, length, size = query.shape
    key, value = (part.repeat_interleave(heads // part.shape[1], dim=1) for part in (key, value))
    allowed = torch.zeros(rows, 1, length, length, dtype=torch.bool)
    for row, start, end in spans:
        for t in range(start, end):
            first = start if window is None else max(start, t - window + 1)
            allowed[row, 0, t, first : t + 1] = True
    scores = (query @ key.transpose(2, 3) / size**0.5).masked_fill(~allowed, -torch.inf)
    return (scores.softmax(-1).nan_to_num(0.0) @ value).transpose(1, 2)


@pytest.mark.parametrize(("heads", "key_heads"), HEADS)
def test_packed_documents_are_attended_to_as_if_each_were_alone(heads, key_heads):
    query, key, value = draw(heads, key_heads)
    with documents(SPANS):
        together, weights = attend(None, query, key, value, None)
    assert weights is None
    for row, start, end in SPANS:
        parts = [tensor[row : row + 1, :, start:end] for tensor in (query, key, value)]
        alone = F.scaled_dot_product_attention(*parts, is_causal=True, enable_gqa=heads != key_heads)
        torch.testing.assert_close(together[row, start:end], alone[0].transpose(0, 1))


@pytest.mark.parametrize(("heads", "key_heads"), HEADS)
@pytest.mark.parametrize("window", [None, 1, 3, 100])
def test_attention_and_its_gradient_are_those_of_the_mask_written_out(heads, key_heads, window):
    inputs = draw(heads, key_heads)
    with documents(SPANS):
        ours = attend(None, *inputs, None, sliding_window=window)[0]
    theirs = by_mask(*inputs, SPANS, window)
    torch.testing.assert_close(ours, theirs)
    pull = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
    kept = torch.zeros(2, 12, 1, 1)
    for row, start, end in SPANS:
        kept[row, start:end] = 1
    ours_back, theirs_back = (torch.autograd.grad((out * pull * kept).sum(), inputs) for out in (ours, theirs))
    for one, other in zip(ours_back, theirs_back, strict=True):
        torch.testing.assert_close(one, other.nan_to_num(0.0), rtol=1e-4, atol=1e-5)


def test_padding_gets_zeros_and_neither_value_nor_gradient_is_nan():
    inputs = draw(4, 2)
    with documents(SPANS):
        output = attend(None, *inputs, None)[0]
    assert not output[0, 11:].any() and not output[1, 9:].any()
    assert output[0, :11].abs().sum(-1).all()
    output.square().sum().backward()
    for tensor in inputs:
        assert torch.isfinite(tensor.grad).all()
        assert not tensor.grad[0, :, 11:].any() and not tensor.grad[1, :, 9:].any()


def test_the_factor_of_the_scores_is_the_models():
    query, key, value = draw(4, 4)
    half = attend(None, query, key, value, None, scaling=0.5)[0]
    torch.testing.assert_close(half, F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=0.5).transpose(1, 2))


def test_without_spans_every_row_is_one_document():
    query, key, value = draw(4, 2)
    torch.testing.assert_close(attend(None, query, key, value, None)[0], by_mask(query, key, value, ((0, 0, 12), (1, 0, 12))))


def test_spans_are_read_off_the_segments():
    # Row 0: documents of 2 and 1 tokens, 1 of padding; row 1: one document of 4; row 2: padding alone.
    segments = np.array([[1, 1, 2, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    assert spans_of(segments) == ((0, 0, 2), (0, 2, 3), (1, 0, 4))


def test_spans_hold_only_inside_their_block():
    inputs = draw(4, 4)
    before = attend(None, *inputs, None)[0]
    with pytest.raises(ZeroDivisionError), documents(SPANS):
        raise ZeroDivisionError
    torch.testing.assert_close(attend(None, *inputs, None)[0], before, rtol=0, atol=0)


@pytest.mark.parametrize("option", ["softcap", "s_aux"])
def test_what_this_attention_cannot_do_is_refused(option):
    with pytest.raises(ModelError, match=r"sequence\.pack=false"):
        attend(None, *draw(4, 4), None, **{option: torch.tensor(30.0)})


def test_generation_with_a_cache_is_refused_rather_than_wrong():
    query, key, value = draw(4, 4)
    with pytest.raises(ModelError, match="cannot generate"):
        attend(None, query[:, :, -1:], key, value, None)


CONFIGS = {
    **MODELS,
    "mistral with a window": MistralConfig(**SHAPE, num_key_value_heads=2, sliding_window=3),
    "every head its own key": type(MODELS["llama"])(**SHAPE, num_key_value_heads=4),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_self_test_passes_models_whose_documents_stay_apart(name):
    model = random_model(CONFIGS[name])
    assert keep_apart(model, VOCABULARY) < 1e-4
    assert model.config._attn_implementation == NAME
    assert model.training


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_the_self_test_refuses_a_model_that_mixes_neighbouring_tokens(scale):
    # As a convolution over tokens does: causal, and blind to where documents end.
    model = random_model(MODELS["llama"], scale=scale)
    model.get_input_embeddings().register_forward_hook(lambda _, __, out: out + F.pad(out, (0, 0, 1, -1)))
    check_causal(model, VOCABULARY)
    with pytest.raises(ModelError, match=r"see one another in LlamaForCausalLM(.|\n)*sequence\.pack=false"):
        keep_apart(model, VOCABULARY)


def test_the_self_test_refuses_a_model_whose_positions_do_not_restart():
    model = random_model(MODELS["gpt2"])
    model.transformer.wpe.register_forward_pre_hook(lambda _, given: (torch.arange(given[0].shape[-1])[None],))
    with pytest.raises(ModelError, match="see one another"):
        keep_apart(model, VOCABULARY)


def test_the_self_test_refuses_a_model_with_soft_capped_attention():
    model = random_model(Gemma2Config(**SHAPE, num_key_value_heads=2, head_dim=8))
    with pytest.raises(ModelError, match="soft-capped"):
        keep_apart(model, VOCABULARY)


@pytest.mark.parametrize("name", MODELS)
def test_decoders_do_not_see_what_they_predict(name):
    check_causal(random_model(MODELS[name]), VOCABULARY)


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_an_encoder_is_refused(scale):
    model = random_model(BertConfig(**SHAPE), scale=scale)
    with pytest.raises(ModelError, match=r"BertLMHeadModel sees the token(.|\n)*model\.base"):
        check_causal(model, VOCABULARY)
