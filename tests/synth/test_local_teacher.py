"""A model in this process as a teacher: rows do not depend on those beside them, draws on nothing but the request."""

import asyncio
from collections import Counter

import numpy as np
import pytest
import torch
from tiny import MODELS, random_model, tokeniser

from didact.base.types import Message
from didact.models.endpoint import Refused
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.synth.ask import Ask, Reply, Sampling
from didact.synth.draws import Draws, draw
from didact.synth.local import Local, plain_ids


@pytest.fixture(scope="module")
def model() -> LocalModel:
    # Weights of a usual size: with larger ones every draw would be the likeliest token.
    return LocalModel(Loaded(random_model(MODELS["llama"], scale=1.0), tokeniser()), torch.device("cpu"), "fp32")


def replies(local: Local, *asks: Ask) -> list[Reply]:
    async def run() -> list[Reply]:
        found = await asyncio.gather(*(local.send(local.wire(ask), ask.sample) for ask in asks))
        await local.close()
        return found

    return asyncio.run(run())


def chat(text: str, sample: int = 0, **sampling: object) -> Ask:
    return Ask("s", (Message("user", text),), sampling=Sampling(**{"max_tokens": 12, **sampling}), sample=sample)


ASKS = [chat("the cat"), chat("a dog runs to the green garden", temperature=1.0), Ask("s", prompt="the", sampling=Sampling(0.7, 0.9, 5))]


def test_a_row_alone_and_beside_others_gets_the_same_reply(model: LocalModel):
    together = replies(Local(model, "tiny"), *ASKS)
    assert together == [replies(Local(model, "tiny"), ask)[0] for ask in ASKS]
    assert together == [replies(Local(model, "tiny", batch_tokens=1), *ASKS[::-1])[2 - place] for place in range(3)]


def test_without_temperature_the_reply_is_the_models_own_greedy_one(model: LocalModel):
    ids = plain_ids(model.tokeniser, "the cat")
    greedy = model.generate([ids], max_new_tokens=8)[0]
    reply = replies(Local(model, "tiny"), Ask("s", prompt="the cat", sampling=Sampling(max_tokens=8)))[0]
    assert (reply.text, reply.finish, reply.prompt_tokens, reply.completion_tokens) == (greedy.text, greedy.stop, len(ids), len(greedy.ids))


def test_draws_of_one_request_differ_and_are_drawn_again_the_same(model: LocalModel):
    asks = [chat("the cat", sample=number, temperature=1.0) for number in range(4)]
    first = replies(Local(model, "tiny"), *asks)
    assert len({reply.text for reply in first}) == 4
    assert replies(Local(model, "tiny"), *asks) == first
    assert replies(Local(model, "tiny", seed=1), *asks) != first
    assert Local(model, "tiny", seed=1).address != Local(model, "tiny").address


def test_a_reply_ends_before_a_stop_text(model: LocalModel):
    greedy = replies(Local(model, "tiny"), chat("the cat"))[0].text
    part = greedy[len(greedy) // 2 :][:3]
    ended = replies(Local(model, "tiny"), chat("the cat", stop=(part,)))[0]
    assert (ended.text, ended.finish) == (greedy[: greedy.index(part)], "stop")
    assert ended.completion_tokens < 12


def test_the_likeliest_tokens_are_told_as_a_plain_forward_pass_has_them(model: LocalModel):
    ids = plain_ids(model.tokeniser, "the cat")
    logits = model._model(input_ids=torch.tensor(ids.astype(np.int64))[None]).logits[0, -1]
    values, tokens = torch.log_softmax(logits, -1).topk(3)
    reply = replies(Local(model, "tiny"), Ask("s", prompt="the cat", sampling=Sampling(1.0, max_tokens=4, top_logprobs=3)))[0]
    assert len(reply.top_logprobs) == reply.completion_tokens
    # Of two tokens with one text, parts of a sign, the likelier is told: written last here, as the order is turned round.
    texts = [model.tokeniser.tokenizer.decode([token]) for token in tokens.tolist()]
    assert reply.top_logprobs[0] == pytest.approx(dict(list(zip(texts, values.tolist(), strict=True))[::-1]), abs=1e-5)


def test_draws_follow_the_models_shares():
    shares = torch.tensor([0.1, 0.6, 0.3])
    chance = np.random.default_rng(0)
    counts = Counter(draw(shares.log(), 1.0, chance.random()) for _ in range(10_000))
    # Standard errors are at most sqrt(0.6 * 0.4 / 10,000) = 0.005; four of them.
    assert [counts[token] / 10_000 for token in range(3)] == pytest.approx(shares.tolist(), abs=0.02)
    counts = Counter(draw(shares.log(), 0.7, chance.random()) for _ in range(10_000))
    # 0.6 is below 0.7, so the next one is kept too, and the third is not: 0.6 to 0.3.
    assert counts[0] == 0
    assert counts[1] / 10_000 == pytest.approx(2 / 3, abs=0.02)


def test_penalties_are_taken_from_tokens_that_were_written():
    draws = Draws([Sampling(0.0, presence_penalty=1.0, frequency_penalty=0.5)], [np.random.default_rng(0)], str)
    logits = torch.zeros((1, 4))
    prompt = torch.tensor([[3, 3]])
    assert draws(prompt, logits).tolist() == [[0, 0, 0, 0]]  # the prompt does not count
    # Token 1 twice: 1 + 2 * 0.5; token 2 once: 1 + 0.5.
    assert draws(torch.tensor([[3, 3, 1, 1, 2]]), logits).tolist() == [[0, -2.0, -1.5, 0]]


def test_a_prompt_that_is_too_long_is_refused_and_the_others_are_answered(model: LocalModel):
    local = Local(model, "tiny", length=40)

    async def run() -> list[Reply | BaseException]:
        asks = [chat("the cat"), chat("the cat sleeps in the red house " * 20)]
        found = await asyncio.gather(*(local.send(local.wire(ask)) for ask in asks), return_exceptions=True)
        await local.close()
        return found

    well, long = asyncio.run(run())
    assert isinstance(well, Reply)
    assert isinstance(long, Refused)
    assert long.reason == "prompt too long"
