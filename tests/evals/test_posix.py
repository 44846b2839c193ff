"""POSIX: the formula by hand, what must not change it, and a model's own answers against one prompt at a time."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import MODELS, random_model, tokeniser

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.posix import PromptSet, ask, posix, psi
from didact.evals.unseen import Question
from didact.models.load import Loaded
from didact.models.local import LocalModel


def prompt_set(gap: float, task: str = "t", example: str = "1", num: int = 2) -> PromptSet:
    """Answers of one token, each `gap` nats less likely behind every other prompt: psi is the gap."""
    table = tuple(tuple(-1.0 - gap * (i != j) for j in range(num)) for i in range(num))
    return PromptSet(task, example, tuple("abcdef"[:num]), ("yes",) * num, table, (1,) * num)


def test_psi_of_three_wordings_by_hand() -> None:
    # y_1, 1 token: -1, and -2 and -4 behind the others: 1 + 3 = 4.
    # y_2, 2 tokens: -3, and -2 and -4: (1 + 1) / 2 = 1.   y_3, 5 tokens: -5, and -5 and -15: 10 / 5 = 2.
    table = [[-1.0, -2.0, -5.0], [-2.0, -3.0, -15.0], [-4.0, -4.0, -5.0]]
    assert psi(table, [1, 2, 5]) == pytest.approx((4 + 1 + 2) / 6)


def test_the_difference_is_that_of_one_answer_behind_two_prompts_and_not_of_two_answers_behind_one() -> None:
    # Both answers are as likely behind either prompt, but not as likely as one another.
    assert psi([[-1.0, -9.0], [-1.0, -9.0]], [1, 1]) == 0
    assert psi([[-1.0, -1.0], [-9.0, -9.0]], [1, 1]) == 8


def test_prompts_that_say_the_same_to_the_model_have_none() -> None:
    assert psi(np.full((4, 4), -3.5), [3, 3, 3, 3]) == 0


def test_the_order_of_the_wordings_changes_nothing() -> None:
    chance = np.random.default_rng(0)
    table, lengths = -10 * chance.random((5, 5)), chance.integers(1, 9, 5)
    way = chance.permutation(5)
    assert psi(table[np.ix_(way, way)], lengths[way]) == pytest.approx(psi(table, lengths))


def test_twice_as_long_an_answer_counts_half() -> None:
    table = np.array([[-1.0, -4.0], [-2.0, -1.0]])
    assert psi(table, [2, 2]) == pytest.approx(psi(table, [1, 1]) / 2)


@pytest.mark.parametrize(
    ("table", "lengths", "message"),
    [
        ([[-1.0]], [1], "psi of one wording"),
        ([[-1.0, -2.0]], [1, 1], "a table of shape"),
        ([[-1.0, 0.0], [-1.0, 0.0]], [1, 0], "without tokens"),
        ([[-1.0, -math.inf], [-1.0, -1.0]], [1, 1], "without a likelihood"),
    ],
)
def test_what_has_no_psi_is_refused(table: list[list[float]], lengths: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        psi(table, lengths)


def test_posix_is_the_mean_over_sets_and_over_tasks_of_their_means() -> None:
    sets = [prompt_set(gap, task, str(n)) for n, (gap, task) in enumerate([(1.0, "a"), (2.0, "a"), (3.0, "a"), (8.0, "b")])]
    found = posix(sets, resamples=200, seed=0)
    assert found["overall"]["tuned"]["value"] == pytest.approx(14 / 4)
    assert found["macro"]["tuned"]["value"] == pytest.approx((2 + 8) / 2)
    assert {task: (one["num_sets"], one["tuned"]["value"]) for task, one in found["tasks"].items()} == {"a": (3, 2), "b": (1, 8)}
    assert json.loads(json.dumps(found)) == found


def test_two_models_are_compared_on_the_rows_that_both_answered_in_two_wordings() -> None:
    tuned = [prompt_set(1.0, example="1"), prompt_set(2.0, example="2"), prompt_set(9.0, example="3")]
    base = [prompt_set(2.0, example="1"), prompt_set(5.0, example="2"), replace(prompt_set(9.0, example="3", num=1), num_empty=1)]
    found = posix(tuned, base, resamples=200, seed=0)
    assert (found["num_sets"], found["num_left_out"], found["num_empty"]) == (2, 1, {"base": 1, "tuned": 0})
    assert {model: found["overall"][model]["value"] for model in ("base", "tuned", "difference")} == {
        "base": 3.5,
        "tuned": 1.5,
        "difference": -2.0,
    }


def test_sets_are_drawn_and_their_interval_is_that_of_their_mean() -> None:
    chance = np.random.default_rng(2)
    gaps = chance.exponential(2.0, 200)
    found = posix([prompt_set(gap, example=str(n)) for n, gap in enumerate(gaps)], resamples=2000, seed=0)["overall"]["tuned"]
    half = 1.96 * gaps.std(ddof=1) / math.sqrt(200)
    assert (found["low"], found["high"]) == pytest.approx((gaps.mean() - half, gaps.mean() + half), abs=0.1 * half)


def test_rows_without_two_answers_and_rows_given_twice_are_refused() -> None:
    with pytest.raises(DataError, match="no row has two answered wordings"):
        posix([prompt_set(1.0, num=1)], resamples=10, seed=0)
    with pytest.raises(DataError, match="there twice"):
        posix([prompt_set(1.0), prompt_set(2.0)], resamples=10, seed=0)


def question(example: str, template: str, prompt: list[int], wording: str = "") -> Question:
    row = Prediction("t", example, template, "", "", ("yes",), "length", 0, wording=wording)
    return Question(row, np.array(prompt, np.int32), 0)


QUESTIONS = (
    question("1", "a", [5, 9, 11, 40]),
    question("2", "a", [7, 7, 120]),
    question("1", "b", [5, 9, 11, 40, 41, 77]),
    question("1", "c", [200, 3, 90]),
    question("1", "a", [1, 2, 3], wording="order=1"),
    question("2", "b", [7, 7, 120]),
)


def summed(model: torch.nn.Module, prompt: np.ndarray, answer: tuple[int, ...]) -> float:
    ids = torch.tensor([[*prompt.tolist(), *answer]])
    with torch.no_grad():
        logprobs = model(input_ids=ids).logits[0].log_softmax(-1)
    return sum(float(logprobs[len(prompt) - 1 + place, token]) for place, token in enumerate(answer))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_scores_its_own_answers_behind_every_wording(name: str) -> None:
    network = random_model(MODELS[name]).eval()
    model = LocalModel(Loaded(network, tokeniser()), torch.device("cpu"), "fp32")
    heard: list[int] = []
    first, second = ask(model, QUESTIONS, max_new_tokens=5, done=heard.append)
    assert (first.example, first.templates, second.templates) == ("1", ("a", "b", "c"), ("a", "b"))  # no `order=1`
    assert sum(heard) == 2 * 5
    prompts = [QUESTIONS[place].prompt for place in (0, 2, 3)]
    wrote = [completion.ids for completion in model.generate(prompts, max_new_tokens=5)]
    assert first.lengths == tuple(map(len, wrote))
    expected = [[summed(network, prompt, answer) for answer in wrote] for prompt in prompts]
    np.testing.assert_allclose(first.logprobs, expected, atol=2e-3)
    assert psi(first.logprobs, first.lengths) > 0.1
    assert psi(second.logprobs, second.lengths) == pytest.approx(0, abs=1e-4)  # the same prompt under two names
    shuffled = ask(model, QUESTIONS[::-1], max_new_tokens=5, batch_tokens=20)
    assert psi(shuffled[1].logprobs, shuffled[1].lengths) == pytest.approx(psi(first.logprobs, first.lengths), abs=1e-3)


def test_a_wording_without_an_answer_is_left_out_of_its_set_and_counted() -> None:
    network = random_model(MODELS["llama"]).eval()
    made = tokeniser()
    first = LocalModel(Loaded(network, made), torch.device("cpu"), "fp32").generate([QUESTIONS[3].prompt], max_new_tokens=1)[0].ids[0]
    made.stop_ids = (first,)  # so the third wording of row 1 ends at once
    one, _ = ask(LocalModel(Loaded(network, made), torch.device("cpu"), "fp32"), QUESTIONS, max_new_tokens=5)
    assert "c" not in one.templates
    assert one.num_empty == 3 - len(one.templates) >= 1
    assert len(one.logprobs) == len(one.lengths) == len(one.templates)
