"""Likelihoods are those of one row at a time, whatever is shared, batched or packed; written out by hand for every architecture."""

import random
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from test_local_seq2seq import random_model as random_seq2seq
from test_prefix_cache import FAMILIES, SMALL
from tiny import MODELS, VOCABULARY, random_model, tokeniser
from transformers import BertConfig, BertForMaskedLM, CohereConfig, GraniteConfig, MambaConfig, Qwen2Config

from didact.base.errors import ModelError
from didact.models import likelihoods as module
from didact.models.answer_reading import can_read_trees
from didact.models.likelihoods import Likelihood, likelihoods
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.models.prefix import as_the_model_takes_it, mark_prefix, prefix_mask
from didact.models.shared_attention import shared_attention

CPU = torch.device("cpu")
DECODERS = {
    **FAMILIES,
    "qwen2 (bias in attention)": Qwen2Config(**SMALL, intermediate_size=64, num_key_value_heads=1),
    "cohere (scaled logits)": CohereConfig(**SMALL, intermediate_size=64, num_key_value_heads=2, logit_scale=0.3, pad_token_id=0),
    "granite (scaled logits)": GraniteConfig(**SMALL, intermediate_size=64, num_key_value_heads=2, logits_scaling=4.0),
    "mamba (a running state)": MambaConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=4),
}
TREES = {"llama", "gpt2", "opt", "qwen3", "gpt-neox", "qwen2 (bias in attention)", "cohere (scaled logits)", "granite (scaled logits)"}
"""Those that read a prompt once for all its answers; the others read it with each."""


def ids(draw: random.Random, length: int) -> np.ndarray:
    return np.array([draw.randrange(3, 290) for _ in range(length)], np.int32)


def asked(seed: int = 0) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Prompts of two tasks with demonstrations and of none, with one to four answers; some begin alike, some are one token."""
    draw = random.Random(seed)
    heads = [ids(draw, 40), ids(draw, 35), np.zeros(0, np.int32)]
    prompts, answers = [], []
    for number in range(9):
        prompts.append(np.concatenate([heads[number % 3], ids(draw, draw.choice([1, 3, 8]))]))
        first = ids(draw, 3)
        several = [first, np.append(first[:2], 7).astype(np.int32), ids(draw, draw.randint(1, 5)), first[:1]]
        answers.append(several[: draw.choice([1, 2, 4])])
    return prompts, answers


def local(model: Any) -> LocalModel:
    return LocalModel(Loaded(model, tokeniser()), CPU, "fp32")


def by_hand(model: Any, prompt: np.ndarray, answer: np.ndarray) -> Likelihood:
    """Log-softmax of the whole row, one row at a time, in float64."""
    row = torch.from_numpy(np.concatenate([prompt, answer]).astype(np.int64))[None]
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            start = torch.tensor([[model.config.decoder_start_token_id]])
            decoder = torch.cat([start, row[:, len(prompt) :]], 1)
            logits = model(input_ids=row[:, : len(prompt)], decoder_input_ids=decoder).logits[0, :-1]
        else:
            given = {}
            if getattr(model.config, "prefix_lm", False):
                is_prompt = torch.arange(row.shape[1])[None] < len(prompt)
                given = {"attention_mask": as_the_model_takes_it(prefix_mask(torch.ones_like(row), is_prompt), model)}
            logits = model(input_ids=row, **given).logits[0, len(prompt) - 1 : -1]
    logprobs = torch.log_softmax(logits.double(), -1)
    wanted = torch.from_numpy(answer.astype(np.int64))
    picked = logprobs.gather(1, wanted[:, None])[:, 0]
    return Likelihood(float(picked.sum()), len(answer), bool((logprobs.argmax(1) == wanted).all()))


def check(model: Any, prompts: list[np.ndarray], answers: list[list[np.ndarray]], **options: Any) -> None:
    got = likelihoods(local(model), prompts, answers, **options)
    expected = [[by_hand(model, prompt, answer) for answer in several] for prompt, several in zip(prompts, answers, strict=True)]
    assert [len(several) for several in got] == [len(several) for several in answers]
    for mine, theirs in zip(chain(*got), chain(*expected), strict=True):
        assert mine.logprob == pytest.approx(theirs.logprob, abs=1e-4, rel=1e-5)
        assert (mine.num_tokens, mine.greedy) == (theirs.num_tokens, theirs.greedy)


@pytest.mark.parametrize("batch_tokens", [1, 100, 16_384])
@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_finds_answers_as_likely_as_one_row_at_a_time_by_hand(name: str, batch_tokens: int) -> None:
    model = random_model(DECODERS[name], scale=2.0).eval()
    check(model, *asked(), batch_tokens=batch_tokens)
    assert can_read_trees(model, 60, 0) == (name in TREES)


@pytest.mark.parametrize("batch_tokens", [1, 100, 16_384])
@pytest.mark.parametrize("name", ["t5", "bart"])
def test_so_does_an_encoder_decoder_whose_encoder_reads_each_prompt_once(name: str, batch_tokens: int) -> None:
    model = random_seq2seq(name).eval()
    prompts, answers = asked()
    seen: list[int] = []
    handle = model.get_encoder().register_forward_hook(lambda _, args, given, out: seen.append(len(out[0])), with_kwargs=True)
    got = likelihoods(local(model), prompts, answers, batch_tokens=batch_tokens)
    handle.remove()
    assert sum(seen) == len(prompts)
    assert got[0][0].num_tokens == 3
    check(model, prompts, answers, batch_tokens=batch_tokens)


@pytest.mark.parametrize("name", MODELS)
def test_a_prefix_language_model_sees_its_prompt_whole(name: str) -> None:
    model = random_model(MODELS[name], scale=2.0).eval()
    causal = likelihoods(local(model), *asked())
    mark_prefix(model, True)
    check(model, *asked())
    assert likelihoods(local(model), *asked()) != causal


def test_a_row_says_the_same_whatever_stands_beside_it() -> None:
    model = local(random_model(MODELS["llama"], scale=2.0))
    prompts, answers = asked()
    together = likelihoods(model, prompts, answers)
    order = [8, 0, 3, 5, 1, 7, 2, 6, 4]
    moved = likelihoods(model, [prompts[i] for i in order], [answers[i][::-1] for i in order], batch_tokens=80)
    for place, number in enumerate(order):
        alone = likelihoods(model, [prompts[number]], [answers[number]])[0]
        for a, b, c in zip(together[number], alone, moved[place][::-1], strict=True):
            assert a.logprob == pytest.approx(b.logprob, abs=1e-4) == pytest.approx(c.logprob, abs=1e-4)
            assert a.num_tokens == b.num_tokens == c.num_tokens


def test_the_probabilities_of_all_tokens_sum_to_one() -> None:
    model = local(random_model(MODELS["llama"], scale=2.0))
    every = [np.array([token], np.int32) for token in range(VOCABULARY)]
    (found,) = likelihoods(model, [ids(random.Random(1), 9)], [every])
    assert sum(np.exp(value.logprob) for value in found) == pytest.approx(1.0, abs=1e-5)
    assert sum(value.greedy for value in found) == 1
    # What comes first and what comes then multiply: log p(a b) = log p(a) + log p(b behind a).
    draw = random.Random(2)
    prompt, a, b = ids(draw, 5), ids(draw, 2), ids(draw, 3)
    ((both,),) = likelihoods(model, [prompt], [[np.append(a, b)]])
    ((first,),) = likelihoods(model, [prompt], [[a]])
    ((then,),) = likelihoods(model, [np.append(prompt, a)], [[b]])
    assert both.logprob == pytest.approx(first.logprob + then.logprob, abs=1e-4)


def test_letters_cost_no_token_beyond_the_prompt_and_demonstrations_are_read_once() -> None:
    model = random_model(MODELS["llama"])
    draw = random.Random(0)
    head = ids(draw, 50)
    prompts = [np.append(head, ids(draw, 6)).astype(np.int32) for _ in range(10)]
    letters = [np.array([token], np.int32) for token in (5, 6, 7, 8)]
    read: list[int] = []
    likelihoods(local(model), prompts[:1], [letters])  # the probe of the attention
    handle = model.get_input_embeddings().register_forward_hook(lambda _, args, out: read.append(args[0].numel()))
    likelihoods(local(model), prompts, [letters] * 10)
    probe = len(read)
    handle.remove()
    # The last two calls: the demonstrations (50 tokens) and the ten questions (6 tokens each), not 10 x 4 x 56 = 2,240.
    assert probe >= 2 and read[-2:] == [50, 60]


def test_answers_that_begin_alike_are_read_once() -> None:
    model = random_model(MODELS["llama"])
    prompt, answers = np.arange(3, 9, dtype=np.int32), [np.array([9, 8, token], np.int32) for token in range(20, 30)]
    read: list[int] = []
    handle = model.get_input_embeddings().register_forward_hook(lambda _, args, out: read.append(args[0].numel()))
    likelihoods(local(model), [prompt], [answers])
    handle.remove()
    assert read[-1] == 6 + 2  # the prompt, 9 and 8


def test_very_many_answers_are_read_in_parts() -> None:
    model, draw = random_model(MODELS["llama"], scale=2.0).eval(), random.Random(3)
    prompts, many = [ids(draw, 50), ids(draw, 4)], [ids(draw, draw.randint(1, 12)) for _ in range(150)]  # some 975 tokens
    got = likelihoods(local(model), prompts, [many, many[:1]])
    assert [len(several) for several in got] == [150, 1]
    for number in (0, 70, 149):
        assert got[0][number].logprob == pytest.approx(by_hand(model, prompts[0], many[number]).logprob, abs=1e-4)


def test_every_prompt_is_reported_once_and_one_without_answers_has_none() -> None:
    prompts, answers = asked()
    told: list[int] = []
    got = likelihoods(local(random_model(MODELS["llama"])), prompts, [*answers[:4], [], *answers[5:]], batch_tokens=50, done=told.append)
    assert sum(told) == len(prompts) and got[4] == []
    assert likelihoods(local(random_model(MODELS["llama"])), [], []) == []


def test_the_model_keeps_its_own_attention() -> None:
    model = random_model(MODELS["llama"]).eval()
    own = model.config._attn_implementation
    likelihoods(local(model), *asked())
    assert model.config._attn_implementation == own
    with pytest.raises(ZeroDivisionError), shared_attention(model):
        assert model.config._attn_implementation == "didact_shared"
        raise ZeroDivisionError
    assert model.config._attn_implementation == own


def test_large_tables_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = local(random_model(MODELS["llama"], scale=2.0))
    whole = likelihoods(model, *asked())
    monkeypatch.setattr(module, "_LOGIT_BYTES", 4 * VOCABULARY * 3)  # logits of three places at once
    for mine, theirs in zip(chain(*likelihoods(model, *asked())), chain(*whole), strict=True):
        assert mine.logprob == pytest.approx(theirs.logprob, abs=1e-4)


def test_an_encoder_and_a_text_that_is_too_long_are_refused() -> None:
    bert = BertForMaskedLM(BertConfig(**SMALL, intermediate_size=64))
    with pytest.raises(ModelError, match="is an encoder: it tells masked words, and not how likely a text is"):
        likelihoods(local(bert), *asked())
    gpt2 = local(random_model(MODELS["gpt2"]))  # 256 places
    prompt = np.full(250, 5, np.int32)
    assert len(likelihoods(gpt2, [prompt], [[np.full(7, 6, np.int32)]])[0]) == 1  # the last token is predicted and never read
    with pytest.raises(ModelError, match="a prompt of 250 tokens with an answer of 8, and GPT2LMHeadModel was built for 256"):
        likelihoods(gpt2, [prompt], [[np.full(8, 6, np.int32)]])
