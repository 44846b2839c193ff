"""Loss weights by hand: weighted instruction tuning over roles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.base.recipe import Objective
from didact.data.objectives import last_response, loss_weights

# Two exchanges: prompt, prompt, answer, end, prompt, answer, end, and one token that nobody learns.
ROLES = np.array([1, 1, 2, 2, 1, 2, 2, 0], np.uint8)


def weights(**keys):
    return loss_weights(ROLES, Objective(**keys)).tolist()


def test_conventional_tuning_weighs_responses_one_and_prompts_nothing():
    assert weights() == [0, 0, 1, 1, 0, 1, 1, 0]


def test_prompts_weigh_lambda_p_and_responses_lambda_r_but_the_first_token_is_nobodys_target():
    assert weights(prompt_weight=0.25, response_weight=0.75) == [0, 0.25, 0.75, 0.75, 0.25, 0.75, 0.75, 0]


def test_continual_pre_training_is_one_and_one():
    assert weights(prompt_weight=1) == [0, 1, 1, 1, 1, 1, 1, 0]


def test_only_the_last_response_may_be_trained_and_the_others_weigh_as_prompt():
    assert weights(train_on="last") == [0, 0, 0, 0, 0, 1, 1, 0]
    assert weights(train_on="last", prompt_weight=0.5) == [0, 0.5, 0.5, 0.5, 0.5, 1, 1, 0]


@pytest.mark.parametrize(("roles", "begin"), [([1, 1], 2), ([], 0), ([2], 0), ([1, 2, 2], 1), ([2, 1, 2, 1], 2), ([1, 2, 1, 2, 2], 3)])
def test_the_last_response_begins_where_it_begins(roles, begin):
    assert last_response(np.array(roles, np.uint8)) == begin


# Weights that float32 can hold: below 1e-38 it has too few digits for a rounded weight to double exactly.
@given(
    st.lists(st.sampled_from([0, 1, 2]), max_size=30),
    st.floats(0, 2, width=32),
    st.floats(0.25, 2, width=32),
    st.sampled_from(["all", "last"]),
)
def test_a_weight_depends_on_the_role_alone_and_scales_with_both_lambdas(roles, low, high, which):
    roles = np.array(roles, np.uint8)
    once = loss_weights(roles, Objective(prompt_weight=low, response_weight=high, train_on=which))
    twice = loss_weights(roles, Objective(prompt_weight=2 * low, response_weight=2 * high, train_on=which))
    assert once.dtype == np.float32 and once.shape == roles.shape
    np.testing.assert_array_equal(twice, 2 * once)
    assert not once[roles == 0].any() and not once[:1].any()
    assert set(once[roles == 1][1:].tolist()) <= {np.float32(low).item()}
