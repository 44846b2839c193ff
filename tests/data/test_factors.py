"""Every factor of the loss weights alone, and all of them multiplied, by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.base.errors import RecipeError
from didact.base.recipe import Objective
from didact.base.roles import CONTEXT, FORMAT, PROMPT, RESPONSE, SYSTEM, TOOL
from didact.base.types import Origin
from didact.data.batches import collate, num_targets
from didact.data.objectives import check_task_weights, loss_weights, num_predictions, target_weights, task_weight, weighed
from didact.data.prepare import joined
from didact.data.tokenised import TokenisedExample

# BOS; system; user's header, user; tool; an assistant's turn to read; the answer's header, the answer; a user again; the last answer.
ROLES = np.array([11, 3, 9, 1, 4, 5, 13, 2, 1, 2], np.uint8)


def row(roles=ROLES, task="t", **keys):
    return TokenisedExample(np.arange(5, 5 + len(roles), dtype=np.int32), np.asarray(roles, np.uint8), Origin(task, "0"), **keys)


def weights(**keys):
    return loss_weights(ROLES, Objective(**keys)).tolist()


def test_whoever_speaks_a_prompt_weighs_lambda_p():
    assert weights(prompt_weight=0.5) == [0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 0.5, 1]


def test_each_speaker_has_a_factor():
    by = {"system": 0, "user": 0.5, "assistant": 2, "tool": 4}
    #                                                     system user's  user tool read header answer user answer
    assert weights(prompt_weight=0.5, role_weights=by) == [0, 0, 0.25, 0.25, 2, 1, 1, 2, 0.25, 2]


def test_the_formats_words_have_a_factor_in_prompts_and_the_end_of_an_answer_has_none():
    assert weights(prompt_weight=0.5, format_weight=0) == [0, 0.5, 0, 0.5, 0.5, 0.5, 0, 1, 0.5, 1]
    assert weights(prompt_weight=0.5, format_weight=3) == [0, 0.5, 1.5, 0.5, 0.5, 0.5, 1.5, 1, 0.5, 1]
    assert weights(prompt_weight=0.5, format_weight=1) == weights(prompt_weight=0.5)


def test_an_answer_that_is_not_the_last_weighs_as_what_the_assistant_says_to_be_read():
    by = {"assistant": 0.5}
    assert weights(prompt_weight=0.5, train_on="last", role_weights=by) == [0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.5, 0.5]


def test_plain_text_has_its_own_factor_and_the_others_leave_it():
    objective = Objective(role_weights={"text": 0.5, "assistant": 3, "user": 3, "system": 3})
    assert target_weights(row([11, 2, 2], plain=True), objective).tolist() == [0, 0.5, 0.5]
    assert target_weights(row([1, 2, 2]), objective).tolist() == [0, 3, 3]


def test_a_turns_factors_and_an_examples_are_multiplied_in():
    own = np.array([1, 1, 1, 0.5, 1, 1, 1, 2, 1, 0], np.float32)
    example = row(weights=own, weight=0.5)
    assert target_weights(example, Objective(prompt_weight=0.5)).tolist() == [0, 0.25, 0.25, 0.125, 0.25, 0.25, 0.25, 1, 0.25, 0]
    assert num_predictions(example, Objective()) == 1  # of two answers, the last one has the factor 0


def test_all_factors_are_one_product():
    objective = Objective(
        prompt_weight=0.5,
        response_weight=2,
        role_weights={"user": 0.5, "assistant": 0.25},
        format_weight=0.5,
        task_weights={"a/*": 4, "*b": 0.5},
    )
    own = np.array([1, 1, 1, 1, 1, 1, 1, 2, 0.5, 1], np.float32)
    (example,) = weighed([row(task="a/b", weights=own, weight=3.0)], objective)
    assert example.weight == 3 * 4 * 0.5
    # 6 times: 0; system .5; header .5*.5*.5; user .5*.5; tool .5; read .5*.25; header half of it; answer 2*.25*2; user .25*.5; 2*.25
    expected = [0, 3, 0.75, 1.5, 3, 0.75, 0.375, 6, 0.75, 3]
    assert target_weights(example, objective).tolist() == expected


def test_a_decoders_and_an_encoders_targets_have_the_factors_too():
    objective = Objective(kind="seq2seq", response_weight=2, role_weights={"assistant": 0.5, "text": 0.25})
    targets = row([1, 1], target_ids=np.array([7, 8, 0]), weights=np.array([1, 0.5, 1], np.float32), weight=2.0)
    assert target_weights(targets, objective).tolist() == [2, 1, 2]
    assert target_weights(replace(targets, plain=True), objective).tolist() == [1, 0.5, 1]
    masked = row([1, 1, 1], labels=np.array([-100, 7, 8]), token_types=np.zeros(3, np.int8), plain=True, weight=4.0)
    assert target_weights(masked, Objective(kind="masked", role_weights={"text": 0.25})).tolist() == [0, 1, 1]


speakers = st.sampled_from([0, 1, 2, 3, 4, 5, 9, 11, 12, 13])
factor = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0])


@given(st.lists(st.tuples(speakers, factor), min_size=1, max_size=12), factor, factor, factor, factor, factor, factor)
def test_the_vector_is_the_literal_product_for_every_token(tokens, prompt, by_user, by_tool, by_system, of_format, of_example):
    objective = Objective(
        prompt_weight=prompt, role_weights={"user": by_user, "tool": by_tool, "system": by_system}, format_weight=of_format
    )
    roles, own = [role for role, _ in tokens], np.array([weight for _, weight in tokens], np.float32)
    found = target_weights(row(roles, weights=own, weight=of_example), objective)
    said = {PROMPT: by_user, TOOL: by_tool, SYSTEM: by_system, CONTEXT: 1.0}
    for place, (role, weight) in enumerate(tokens):
        base = 1.0 if role == RESPONSE else prompt * said[role & ~FORMAT] if role else 0.0
        base *= of_format if role & FORMAT else 1.0
        assert found[place] == (base * weight * of_example if place else 0.0)


def test_packed_rows_have_the_weights_of_separate_ones_and_the_same_number_of_targets():
    examples = [row(weight=0.5), row([1, 2, 2], weights=np.array([1, 0, 2], np.float32)), row([9, 1, 2, 2])]
    objective = Objective(prompt_weight=0.5, format_weight=0)
    packed, separate = collate([tuple(examples)], objective), collate([(one,) for one in examples], objective)
    assert sorted(packed.loss_weights[packed.loss_weights > 0]) == sorted(separate.loss_weights[separate.loss_weights > 0])
    assert packed.num_targets == separate.num_targets == num_targets([(one,) for one in examples], objective)
    # By hand: 7 of the first (two of the format's are off), 1 of the second (the other's factor is 0), 3 of the third.
    assert packed.num_targets == 7 + 1 + 3


def test_texts_joined_into_rows_keep_their_own_weights_and_their_tasks():
    objective = Objective(task_weights={"b": 0.5})
    texts = [row([2, 2, 2], "a", plain=True), row([2, 2, 2], "b", plain=True, weight=4.0), row([2, 2], "a", plain=True)]
    rows = joined(texts, 4, 0, objective)
    assert [example.weights.tolist() for example in rows] == [[1, 1, 1, 2], [2, 2, 1, 1]]
    assert [target_weights(example, objective).tolist() for example in rows] == [[0, 1, 1, 2], [0, 2, 1, 1]]
    assert joined([texts[0]], 4, 0, objective)[0].weights is None


def test_a_tasks_factor_is_the_product_of_all_that_meet_it():
    assert task_weight("superni/task1", {"superni/*": 0.5, "superni/task1": 4, "alpaca": 9}) == 2
    assert task_weight("flan", {"superni/*": 0.5}) == 1


def test_a_glob_that_meets_no_task_is_told_with_the_tasks_that_there_are():
    check_task_weights(["superni/a", "alpaca"], Objective(task_weights={"superni/*": 2, "alpaca": 1}))
    with pytest.raises(RecipeError, match="'supernl/\\*'") as error:
        check_task_weights(["superni/a", "alpaca"], Objective(task_weights={"supernl/*": 2}))
    assert "superni/a, alpaca" in str(error.value)


def test_an_automatic_weight_that_nobody_has_chosen_is_refused():
    with pytest.raises(RecipeError, match="no weight has been chosen"):
        loss_weights(ROLES, Objective(prompt_weight="auto"))


@pytest.mark.parametrize(
    "keys",
    [
        {"role_weights": {"assistant": 0, "text": 0}},
        {"prompt_weight": 1, "response_weight": 0, "role_weights": dict.fromkeys(("system", "user", "assistant", "tool"), 0)},
    ],
)
def test_factors_that_leave_nothing_to_learn_are_refused(keys):
    with pytest.raises(ValueError, match="nothing would be learnt"):
        Objective(**keys)
