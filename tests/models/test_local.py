"""Batched greedy generation writes exactly what one prompt at a time would."""

import random

import numpy as np
import pytest
import torch
from tiny import MODELS, VOCABULARY, random_model, tokeniser
from transformers import GenerationConfig, GPT2Config

from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.models.stops import stops_of

CPU = torch.device("cpu")
LENGTHS = (3, 17, 1, 8, 8, 30, 2)


def prompts():
    draw = random.Random(0)
    return [np.array([draw.randrange(3, 290) for _ in range(length)], np.int32) for length in LENGTHS]


def by_hand(model, prompt, max_new_tokens, stops):
    """The largest logit, again and again, the whole row each time: no cache, no padding, no batch."""
    ids = prompt.tolist()
    with torch.no_grad():
        for _ in range(max_new_tokens):
            token = int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
            if token in stops:
                return tuple(ids[len(prompt) :]), "stop"
            ids.append(token)
    return tuple(ids[len(prompt) :]), "length"


def local(model, stop_ids=None):
    made = tokeniser()
    if stop_ids is not None:
        made.stop_ids = tuple(stop_ids)
    return LocalModel(Loaded(model, made), CPU, "fp32")


def stopping(name):
    """A random model and a token that it says to some prompts and not to others."""
    model = random_model(MODELS[name]).eval()
    said = [by_hand(model, prompt, 12, ()) for prompt in prompts()]
    counts = {token: sum(token in ids for ids, _ in said) for token in range(1, VOCABULARY)}
    stop = next(token for token, count in counts.items() if 0 < count < len(said) and all(ids[0] != token for ids, _ in said))
    return model, stop


@pytest.mark.parametrize("batch_tokens", [1, 60, 100, 16_384])
@pytest.mark.parametrize("name", MODELS)
def test_a_batch_writes_what_one_prompt_at_a_time_would(name, batch_tokens):
    model, stop = stopping(name)
    asked = local(model, [stop])
    eos = asked.tokeniser.eos_id
    expected = [by_hand(model, prompt, 12, (stop, eos)) for prompt in prompts()]
    assert {how for _, how in expected} == {"stop", "length"}
    got = asked.generate(prompts(), max_new_tokens=12, batch_tokens=batch_tokens)
    assert [(completion.ids, completion.stop) for completion in got] == expected
    assert all(len(completion.ids) == 12 for completion in got if completion.stop == "length")
    assert [completion.text for completion in got] == [asked.tokeniser.decode(ids) for ids, _ in expected]


def test_answers_come_in_the_order_of_the_prompts():
    asked, order = local(random_model(MODELS["llama"])), [4, 0, 6, 2, 5, 1, 3]
    straight = asked.generate(prompts(), max_new_tokens=5, batch_tokens=50)
    assert asked.generate([prompts()[i] for i in order], max_new_tokens=5, batch_tokens=50) == [straight[i] for i in order]
    assert len({completion.ids for completion in straight}) == len(LENGTHS)


def test_every_prompt_is_reported_once():
    told = []
    local(random_model(MODELS["llama"])).generate(prompts(), max_new_tokens=4, batch_tokens=40, done=told.append)
    # With 4 tokens to come: 30 + 4; 17 + 4 (two: 42); 3 x (8 + 4) for 8, 8 and 3; 2 x (2 + 4) for 2 and 1.
    assert told == [1, 1, 3, 2]


def test_the_end_token_stops_as_well_as_the_formats_own():
    model, said = stopping("llama")
    made = tokeniser()
    made.eos_id = said
    got = LocalModel(Loaded(model, made), CPU, "fp32").generate(prompts(), max_new_tokens=12)
    assert [(c.ids, c.stop) for c in got] == [by_hand(model, prompt, 12, (said, *made.stop_ids)) for prompt in prompts()]
    assert said not in made.stop_ids and "stop" in {c.stop for c in got}


def test_what_the_base_likes_to_sample_with_changes_nothing():
    model = random_model(MODELS["llama"]).eval()
    plain = local(model).generate(prompts(), max_new_tokens=12)
    theirs = GenerationConfig(
        repetition_penalty=5.0, no_repeat_ngram_size=1, do_sample=True, temperature=3.0, min_new_tokens=3, num_beams=2
    )
    model.generation_config = theirs
    assert local(model).generate(prompts(), max_new_tokens=12) == plain
    assert model.generation_config is theirs
    assert any(len(set(completion.ids)) < len(completion.ids) for completion in plain)  # the penalties would have had work to do


def test_dropout_is_off():
    config = GPT2Config(**{**MODELS["gpt2"].to_dict(), "resid_pdrop": 0.5})
    model = random_model(config)
    assert model.training
    asked = local(model)
    once, twice = (asked.generate(prompts(), max_new_tokens=6) for _ in range(2))
    assert once == twice == local(random_model(MODELS["gpt2"])).generate(prompts(), max_new_tokens=6)


def test_no_prompts_have_no_answers():
    assert local(random_model(MODELS["llama"])).generate([], max_new_tokens=4) == []


def test_control_tokens_are_not_part_of_a_text():
    asked = local(random_model(MODELS["llama"]))
    start = asked.tokeniser.controls["<|im_start|>"]
    ids = [*asked.tokeniser.tokenizer("the cat").input_ids, start]
    found = stops_of(asked.tokeniser).cut([*ids, asked.tokeniser.stop_ids[0], 5, 5])
    assert found == (tuple(ids), "the cat", "stop")
