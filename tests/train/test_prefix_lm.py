"""A prefix language model reads its prompt in both directions, never looks ahead behind it, and is asked as it was trained."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import MODELS, VOCABULARY, random_model, tokeniser
from transformers import AutoModelForCausalLM, BloomConfig, Gemma2Config, GPTNeoXConfig

from didact.base.errors import ModelError
from didact.data.batches import IGNORE, Batch
from didact.models.load import Loaded, load_checkpoint, save
from didact.models.local import LocalModel
from didact.models.prefix import as_the_model_takes_it, mark_prefix, prefix_mask
from didact.train.attention import check_prefix
from didact.train.loss import WeightedLoss, to_device

CPU = torch.device("cpu")
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": VOCABULARY}
CONFIGS = {**MODELS, "gpt_neox": GPTNeoXConfig(**SHAPE)}
ATTENTION = ("sdpa", "eager")
Document = tuple[list[int], int]
"""Tokens, and how many of them are the prefix."""


def documents(count, seed=0):
    draw = random.Random(seed)
    return [([draw.randrange(3, 290) for _ in range(draw.randint(6, 16))], draw.randint(1, 5)) for _ in range(count)]


def batch_of(rows, more=0):
    """Rows of one or several documents; each token behind the prefix has to be told, the first of them by the last of the prefix."""
    length = max(sum(len(ids) for ids, _ in row) for row in rows) + more
    shape = (len(rows), length)
    ids, labels, weights = np.zeros(shape, np.int64), np.full(shape, IGNORE, np.int64), np.zeros(shape, np.float32)
    segments, positions, prefix = np.zeros(shape, np.int32), np.zeros(shape, np.int64), np.zeros(shape, bool)
    for line, row in enumerate(rows):
        start = 0
        for number, (tokens, split) in enumerate(row, start=1):
            end = start + len(tokens)
            ids[line, start:end], segments[line, start:end], positions[line, start:end] = tokens, number, np.arange(len(tokens))
            prefix[line, start : start + split] = True
            told = slice(start + split - 1, end - 1)
            labels[line, told], weights[line, told] = tokens[split:], 1.0
            start = end
    return Batch(ids, labels, weights, segments, positions, prefix=prefix)


def literal_mask(length, split):
    """Who sees whom, one pair after the other: additive, so that eager attention takes it."""
    mask = torch.full((1, 1, length, length), torch.finfo(torch.float64).min, dtype=torch.float64)
    for query in range(length):
        for key in range(length):
            if key <= query or key < split:
                mask[0, 0, query, key] = 0.0
    return mask


def literal_sum(model, docs):
    """Σ −log p of the tokens behind the prefix, one document after the other, in float64 with eager attention."""
    own = model.config._attn_implementation
    model.set_attn_implementation("eager")
    model, total = model.double(), 0.0
    with torch.no_grad():
        for tokens, split in docs:
            logits = model(input_ids=torch.tensor([tokens]), attention_mask=literal_mask(len(tokens), split)).logits[0]
            logs = logits.log_softmax(-1)
            total -= sum(float(logs[place - 1, tokens[place]]) for place in range(split, len(tokens)))
    model.float().set_attn_implementation(own)
    return total


def summed(model, batch):
    model.zero_grad()
    loss = WeightedLoss(model, "fp32")(to_device(batch, CPU))
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}


def assert_same(one, other):
    assert other[0] == pytest.approx(one[0], rel=1e-5)
    for name, gradient in one[1].items():
        torch.testing.assert_close(other[1][name], gradient, rtol=1e-4, atol=1e-4 * max(1.0, float(gradient.abs().max())), msg=name)


def test_the_mask_of_two_documents_and_padding_by_hand():
    # Document 1: a prefix of 2, then 1; document 2: a prefix of 1, then 1; one token of padding, which sees itself alone.
    segments = torch.tensor([[1, 1, 1, 2, 2, 0]])
    prefix = torch.tensor([[True, True, False, True, False, False]])
    assert prefix_mask(segments, prefix).int().tolist() == [
        [
            [
                [1, 1, 0, 0, 0, 0],
                [1, 1, 0, 0, 0, 0],
                [1, 1, 1, 0, 0, 0],
                [0, 0, 0, 1, 0, 0],
                [0, 0, 0, 1, 1, 0],
                [0, 0, 0, 0, 0, 1],
            ]
        ]
    ]


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", CONFIGS)
def test_the_loss_is_the_literal_sum(name, attention):
    model, docs = random_model(CONFIGS[name]), documents(5)
    model.set_attn_implementation(attention)
    batch = batch_of([[document] for document in docs])
    assert batch.num_targets == sum(len(tokens) - split for tokens, split in docs)
    expected = literal_sum(model, docs)
    assert summed(model, batch)[0] == pytest.approx(expected, rel=1e-5)
    # The same predictions without the second direction are others.
    causal = replace(batch, prefix=None)
    assert summed(model, causal)[0] != pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", MODELS)
def test_rows_permuted_padded_or_packed_have_the_same_sum_and_gradient(name, attention):
    model, docs = random_model(MODELS[name]), documents(6)
    model.set_attn_implementation(attention)
    whole = summed(model, batch_of([[document] for document in docs]))
    assert_same(whole, summed(model, batch_of([[docs[i]] for i in (3, 0, 5, 1, 4, 2)])))
    assert_same(whole, summed(model, batch_of([[document] for document in docs], more=9)))
    assert_same(whole, summed(model, batch_of([docs[:2], docs[2:5], docs[5:]])))


def logits_of(model, tokens, split):
    batch = batch_of([[(tokens, split)]])
    mask = as_the_model_takes_it(prefix_mask(torch.from_numpy(batch.segment_ids), torch.from_numpy(batch.prefix)), model)
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens]), attention_mask=mask).logits[0]


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", MODELS)
def test_a_suffix_never_changes_what_stands_before_it_and_a_prefix_does(name, attention):
    model, tokens, split = random_model(MODELS[name]).eval(), list(range(10, 22)), 5
    model.set_attn_implementation(attention)
    plain = logits_of(model, tokens, split)
    for place in range(len(tokens)):
        changed = logits_of(model, [*tokens[:place], 99, *tokens[place + 1 :]], split)
        differs = [float((changed[other] - plain[other]).abs().max()) > 1e-4 for other in range(len(tokens))]
        # Behind the prefix: what comes before is untouched. In it: even the first token notices.
        assert differs == [other >= place or place < split for other in range(len(tokens))]


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", CONFIGS)
def test_the_self_test_passes_decoders_that_keep_to_the_mask(name, attention):
    for scale in (1.0, 5.0):
        model = random_model(CONFIGS[name], scale=scale)
        model.set_attn_implementation(attention)
        check_prefix(model, VOCABULARY)
        assert model.training


def test_the_self_test_refuses_a_model_that_ignores_the_mask():
    model = random_model(MODELS["llama"])
    model.model.register_forward_pre_hook(lambda _, args, given: (args, {**given, "attention_mask": None}), with_kwargs=True)
    with pytest.raises(ModelError, match=r"LlamaForCausalLM does not keep to the mask of a prefix(.|\n)*next: objective\.kind=causal"):
        check_prefix(model, VOCABULARY)


def test_the_self_test_refuses_a_model_that_sees_what_it_predicts():
    model = random_model(MODELS["llama"])
    model.get_input_embeddings().register_forward_hook(lambda _, __, out: out + torch.nn.functional.pad(out, (0, 0, -1, 1)))
    with pytest.raises(ModelError, match="does not keep to the mask"):
        check_prefix(model, VOCABULARY)


def test_a_model_with_capped_scores_is_trained_right_and_one_without_room_for_the_mask_is_refused():
    docs, told = documents(3), []
    for config in (Gemma2Config(**SHAPE, num_key_value_heads=2, head_dim=8), BloomConfig(hidden_size=32, n_layer=2, n_head=4)):
        config.vocab_size = VOCABULARY
        model = random_model(config)
        try:
            check_prefix(model, VOCABULARY)
        except ModelError:
            told.append(type(model).__name__)
            continue
        assert summed(model, batch_of([[document] for document in docs]))[0] == pytest.approx(literal_sum(model, docs), rel=1e-4)
    assert told == ["BloomForCausalLM"]


LENGTHS = (3, 17, 1, 8, 8, 30, 2)


def prompts():
    draw = random.Random(0)
    return [np.array([draw.randrange(3, 290) for _ in range(length)], np.int32) for length in LENGTHS]


def by_hand(model, prompt, max_new_tokens, stops):
    """The largest logit, again and again, the whole row each time, the prompt seen whole: no cache, no padding, no batch."""
    ids = prompt.tolist()
    for _ in range(max_new_tokens):
        token = int(logits_of(model, ids, len(prompt))[-1].argmax())
        if token in stops:
            return tuple(ids[len(prompt) :]), "stop"
        ids.append(token)
    return tuple(ids[len(prompt) :]), "length"


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_trained_on_prefixes_is_asked_with_its_prompt_seen_whole(name, attention):
    model = random_model(MODELS[name]).eval()
    model.set_attn_implementation(attention)
    made = tokeniser()
    causal = LocalModel(Loaded(model, made), CPU, "fp32").generate(prompts(), max_new_tokens=12)
    mark_prefix(model, True)
    said = [by_hand(model, prompt, 12, ())[0] for prompt in prompts()]
    made.stop_ids = (next(ids[4] for ids in said if ids[4] not in ids[:4]),)  # one answer ends after four tokens
    stops = (*made.stop_ids, made.eos_id)
    expected = [by_hand(model, prompt, 12, stops) for prompt in prompts()]
    assert "stop" in {how for _, how in expected}
    asked = LocalModel(Loaded(model, made), CPU, "fp32")
    for batch_tokens in (1, 60, 16_384):
        got = asked.generate(prompts(), max_new_tokens=12, batch_tokens=batch_tokens)
        assert [(completion.ids, completion.stop) for completion in got] == expected
    assert [completion.ids for completion in causal] != [ids for ids, _ in expected]
    (one,) = asked.generate(prompts()[:1], max_new_tokens=1)
    assert one.ids == by_hand(model, prompts()[0], 1, stops)[0]


def test_how_a_model_was_trained_comes_back_with_its_checkpoint(tmp_path):
    model = random_model(MODELS["llama"])
    for reads, folder in ((False, "a"), (True, "b"), (False, "c")):
        mark_prefix(model, reads)
        save(Loaded(model, tokeniser()), tmp_path / folder)
        config = json.loads((tmp_path / folder / "config.json").read_text())
        assert config.get("prefix_lm", False) is reads
        assert bool(getattr(load_checkpoint(tmp_path / folder).model.config, "prefix_lm", False)) is reads
        assert ("prefix_lm" in config) == (folder != "a")  # an ordinary model says nothing of it
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "b").config.prefix_lm is True
