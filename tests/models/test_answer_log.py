"""A model that keeps its answers: it says what one without would, asks nothing twice, and goes on where it was ended, to the last bit."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import MODELS, random_model, tokeniser
from transformers import T5Config

from didact.base.checked_log import checked
from didact.models.answer_log import AnswerLog
from didact.models.likelihoods import Likelihood, likelihoods
from didact.models.load import Loaded
from didact.models.local import LocalModel

CPU = torch.device("cpu")
NUM = 24


def ids(draw: random.Random, length: int) -> np.ndarray:
    return np.array([draw.randrange(3, 290) for _ in range(length)], np.int32)


def prompts(num: int = NUM) -> list[np.ndarray]:
    """Prompts of many lengths; every other one begins with the same forty tokens."""
    draw = random.Random(0)
    shared = ids(draw, 40)
    return [np.concatenate([shared[: 40 * (n % 2)], ids(draw, draw.randint(1, 30))]) for n in range(num)]


def choices(num: int = NUM) -> list[list[np.ndarray]]:
    """One to four answers to each prompt."""
    draw = random.Random(1)
    return [[ids(draw, draw.randint(1, 5)) for _ in range(1 + n % 4)] for n in range(num)]


def local(name: str = "llama") -> LocalModel:
    return LocalModel(Loaded(random_model(MODELS[name]).eval(), tokeniser()), CPU, "fp32")


@contextmanager
def keeping(model: LocalModel, path: Path) -> Iterator[AnswerLog]:
    with AnswerLog(path) as log:
        model.answers = log
        yield log
    model.answers = None


@contextmanager
def counted(model: LocalModel) -> Iterator[list[int]]:
    """Counts the calls of a model."""
    calls = list[int]()
    hook = model.network.register_forward_hook(lambda *_: calls.append(1))
    yield calls
    hook.remove()


def write(model: LocalModel, asked: list[np.ndarray], **more: Any) -> list[Any]:
    return model.generate(asked, **{"max_new_tokens": 6, "batch_tokens": 200, **more})


def rate(model: LocalModel, asked: list[np.ndarray], behind: list[list[np.ndarray]], **more: Any) -> list[Any]:
    return likelihoods(model, asked, behind, **{"batch_tokens": 200, **more})


class UnpluggedError(Exception):
    """Somebody pulled the plug."""


def after(num: int) -> Callable[[int], None]:
    """Pulls the plug when so many answers are there."""
    told = list[int]()

    def done(count: int) -> None:
        told.append(count)
        if sum(told) >= num:
            raise UnpluggedError

    return done


@pytest.mark.parametrize("name", MODELS)
def test_what_is_kept_is_what_a_model_that_keeps_nothing_says(name: str, tmp_path: Path) -> None:
    model = local(name)
    plain = write(model, prompts()), rate(model, prompts(), choices())
    with keeping(model, tmp_path / "log.jsonl"):
        assert (write(model, prompts()), rate(model, prompts(), choices())) == plain
    with keeping(model, tmp_path / "log.jsonl") as log, counted(model) as calls:
        told = list[int]()
        assert (write(model, prompts(), done=told.append), rate(model, prompts(), choices(), done=told.append)) == plain
        assert (calls, told, len(log)) == ([], [NUM, NUM], 2 * NUM)


def test_an_encoder_decoder_keeps_its_answers_too(tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = T5Config(vocab_size=320, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0)
        model = LocalModel(Loaded(AutoModelForSeq2SeqLM.from_config(config).eval(), tokeniser()), CPU, "fp32")
    plain = write(model, prompts()), rate(model, prompts(), choices())
    for num in (3, 10, 17):
        with keeping(model, tmp_path / "log.jsonl"), pytest.raises(UnpluggedError):
            write(model, prompts(), done=after(num))
        with keeping(model, tmp_path / "log.jsonl"), pytest.raises(UnpluggedError):
            rate(model, prompts(), choices(), done=after(num))
    with keeping(model, tmp_path / "log.jsonl"):
        assert (write(model, prompts()), rate(model, prompts(), choices())) == plain


@pytest.mark.parametrize("more", [{"max_new_tokens": 7}, {"stops": ["e"]}, {"stops": ["<|im_end|>"], "max_new_tokens": 5}])
def test_with_other_stops_or_another_length_all_is_asked_again(more: dict[str, Any], tmp_path: Path) -> None:
    model = local()
    with keeping(model, tmp_path / "log.jsonl") as log:
        write(model, prompts())
        with counted(model) as calls:
            found = write(model, prompts(), **more)
        assert (bool(calls), len(log)) == (True, 2 * NUM)
    assert found == write(model, prompts(), **more)


def test_stops_in_another_order_and_other_batches_ask_nothing_again(tmp_path: Path) -> None:
    model = local()
    with keeping(model, tmp_path / "log.jsonl"):
        found = write(model, prompts(), stops=["e", "the"])
        with counted(model) as calls:
            assert write(model, prompts()[::-1], stops=["the", "e"], batch_tokens=100) == found[::-1]
    assert calls == []


def test_a_prompt_with_one_other_token_and_a_choice_with_one_are_asked(tmp_path: Path) -> None:
    model, asked, behind = local(), prompts(), choices()
    with keeping(model, tmp_path / "log.jsonl") as log:
        write(model, asked), rate(model, asked, behind)
        asked[5] = np.append(asked[5], np.int32(7))
        behind[6] = [*behind[6], np.array([9], np.int32)]
        found = write(model, asked), rate(model, asked, behind)
        assert len(log) == 2 * NUM + 1 + 2  # a written answer; a prompt with its choices, and one with other choices
    assert found[0] == write(model, asked)
    np.testing.assert_allclose([one.logprob for one in found[1][6]], [one.logprob for one in rate(model, asked, behind)[6]], atol=1e-4)


def test_what_is_asked_twice_is_answered_once_and_both_are_told(tmp_path: Path) -> None:
    model, told = local(), list[int]()
    with keeping(model, tmp_path / "log.jsonl") as log:
        found = write(model, [*prompts(), *prompts()[:4]], done=told.append)
        assert found[NUM:] == found[:4]
        assert (sum(told), len(log)) == (NUM + 4, NUM)
        told.clear()
        values = rate(model, [*prompts(), prompts()[0]], [*choices(), choices()[0]], done=told.append)
        assert values[-1] == values[0]
        assert (sum(told), len(log)) == (NUM + 1, 2 * NUM)


@pytest.mark.parametrize("num", [1, 7, 12, 17])
def test_what_was_ended_after_any_number_of_answers_goes_on_and_ends_in_the_same_bits(num: int, tmp_path: Path) -> None:
    model, path = local(), tmp_path / "log.jsonl"
    plain = write(model, prompts()), rate(model, prompts(), choices())
    with keeping(model, path) as log:
        with pytest.raises(UnpluggedError):
            write(model, prompts(), done=after(num))
        kept = len(log)
        assert num <= kept < NUM
    with keeping(model, path) as log:
        told = list[int]()
        assert write(model, prompts(), done=told.append) == plain[0]
        assert (told[0], sum(told)) == (kept, NUM)
        with pytest.raises(UnpluggedError):
            rate(model, prompts(), choices(), done=after(num))
        rated = len(log) - NUM
    with keeping(model, path), counted(model) as calls:
        told = list[int]()
        assert rate(model, prompts(), choices(), done=told.append) == plain[1]  # floats, to the last bit
        assert (told[0], sum(told)) == (rated, NUM)
    with counted(model) as all_calls:
        rate(model, prompts(), choices())
    assert 0 < len(calls) < len(all_calls), "whole batches are left out"


def test_what_was_asked_for_more_rows_and_ended_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    model, few = local(), 10
    found = []
    for file, num in (("smooth.jsonl", 1000), ("ended.jsonl", 15)):
        with keeping(model, tmp_path / file):
            first = rate(model, prompts()[:few], choices()[:few])
            try:
                rate(model, prompts(), choices(), done=after(num))
            except UnpluggedError:
                assert num == 15
        with keeping(model, tmp_path / file) as log:
            found.append(rate(model, prompts(), choices()))
            assert len(log) == NUM
        assert found[-1][:few] == first, "what was there is not asked again"
    assert found[0] == found[1]
    np.testing.assert_allclose(
        [one.logprob for several in found[0] for one in several],
        [one.logprob for several in rate(model, prompts(), choices()) for one in several],
        atol=1e-4,
    )


def test_a_torn_last_line_costs_its_answer_alone(tmp_path: Path) -> None:
    model, path = local(), tmp_path / "log.jsonl"
    with keeping(model, path):
        plain = write(model, prompts())
    path.write_bytes(path.read_bytes()[:-20])
    with keeping(model, path) as log, counted(model) as calls:
        assert (log.num_torn, len(log)) == (1, NUM - 1)
        assert write(model, prompts()) == plain
    assert 1 <= len(calls) <= 6, "the six tokens of one answer"


def test_a_line_says_what_was_written_in_plain_json(tmp_path: Path) -> None:
    model, path = local(), tmp_path / "log.jsonl"
    with keeping(model, path):
        (said,), ((value,),) = write(model, prompts()[:1]), rate(model, prompts()[:1], choices()[:1])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert {key: rows[0][key] for key in ("ids", "text", "stop")} == {"ids": list(said.ids), "text": said.text, "stop": said.stop}
    assert rows[1]["likely"] == [[value.logprob, value.num_tokens, value.greedy]]
    assert all(checked(line) for line in path.read_bytes().splitlines(keepends=True))


def test_what_can_never_be_written_is_kept_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("didact.models.likelihoods.virtual_ids", lambda *_: [9])
    model = local()
    for _ in range(2):
        with keeping(model, tmp_path / "log.jsonl"):
            assert rate(model, prompts()[:1], [[np.array([9], np.int32)]]) == [[Likelihood(-np.inf, 1, False)]]


def test_what_is_steered_is_not_kept(tmp_path: Path) -> None:
    class Longest:
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            return scores

        def ended(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            return torch.zeros(len(input_ids), dtype=torch.bool)

    model = local()
    with keeping(model, tmp_path / "log.jsonl") as log:
        write(model, prompts()[:2], steer=lambda _: Longest())
        assert len(log) == 0
