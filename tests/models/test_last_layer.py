"""The last layer is asked about the places that predict something, and says there what it says when it is asked about all."""

import numpy as np
import pytest
import torch
from test_likelihoods import DECODERS, TREES, asked, check, local
from tiny import MODELS, random_model

from didact.models.answer_reading import can_read_trees
from didact.models.last_layer import few_places
from didact.models.likelihoods import likelihoods
from didact.models.shared_attention import reading, shared_attention

WHOLE = {"gpt2"}
"""Gives what its last layer returns the shape of what it was given: it is asked about all tokens."""


def seen_by_last(model: torch.nn.Module, layers: torch.nn.ModuleList, prompts: list[np.ndarray], answers: list[list[np.ndarray]]) -> int:
    """Returns of how many tokens the last layer computed more than keys and values in the last forward pass."""
    seen: list[int] = []
    handle = layers[-1].mlp.register_forward_hook(lambda _, args, out: seen.append(args[0].shape[0] * args[0].shape[1]))
    likelihoods(local(model), prompts, answers)
    handle.remove()
    return seen[-1]


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_that_reads_trees_can_be_asked_at_few_places(name: str) -> None:
    model = random_model(DECODERS[name], scale=2.0).eval()
    assert can_read_trees(model, 60, 0, few=True) == (name in TREES - WHOLE)


def test_letters_are_asked_about_at_one_place_of_each_prompt() -> None:
    model = random_model(MODELS["llama"])
    prompts = [np.arange(number + 3, number + 11, dtype=np.int32) for number in range(10)]
    letters = [np.array([token], np.int32) for token in (5, 6, 7, 8)]
    assert seen_by_last(model, model.model.layers, prompts, [letters] * 10) == 10
    # ' A' and ' B' in two tokens each: the end of the prompt and the space behind it.
    spaced = [np.array([9, token], np.int32) for token in (5, 6, 7, 8)]
    assert seen_by_last(model, model.model.layers, prompts, [spaced] * 10) == 20


def test_where_nearly_all_places_predict_something_all_are_asked() -> None:
    model = random_model(MODELS["llama"], scale=2.0).eval()
    prompt, text = np.array([3], np.int32), np.arange(5, 15, dtype=np.int32)
    assert seen_by_last(model, model.model.layers, [prompt], [[text]]) == 10  # the prompt and all tokens of the text but the last
    check(model, [prompt], [[text]])


def test_a_row_with_fewer_places_than_others_says_the_same() -> None:
    model = random_model(MODELS["llama"], scale=2.0).eval()
    prompts = [np.arange(number + 3, number + 23, dtype=np.int32) for number in range(4)]
    answers = [[np.arange(5, 5 + 2 * number + 1, dtype=np.int32), np.array([7], np.int32)] for number in range(4)]
    assert seen_by_last(model, model.model.layers, prompts, answers) == 4 * 7  # the longest has 7 places
    check(model, prompts, answers)


def test_the_layer_is_left_as_it_was() -> None:
    model = random_model(MODELS["llama"]).eval()
    columns = torch.tensor([[2]])
    with torch.no_grad():
        whole = model.model(torch.tensor([[5, 6, 7]]), use_cache=False).last_hidden_state
        with shared_attention(model), reading(None, None), few_places(model, columns):
            few = model.model(torch.tensor([[5, 6, 7]]), use_cache=False).last_hidden_state
        again = model.model(torch.tensor([[5, 6, 7]]), use_cache=False).last_hidden_state
    assert few.shape == (1, 1, whole.shape[2])
    torch.testing.assert_close(few[0, 0], whole[0, 2])
    assert torch.equal(again, whole)


def test_a_model_in_bf16_is_asked_at_few_places_too() -> None:
    model = random_model(MODELS["llama"], scale=2.0).eval().to(torch.bfloat16)
    prompts, answers = asked()
    assert can_read_trees(model, 60, 0, few=True)
    assert all(np.isfinite(value.logprob) for several in likelihoods(local(model), prompts, answers) for value in several)
