"""`objective.prompt_weight: auto` and its settings, as a recipe has them."""

import pytest
from pydantic import ValidationError

from didact.base.auto_section import AutoWeight, at_ratio, with_a_number
from didact.base.recipe import Objective, Recipe


def test_the_weight_is_the_ratio_times_the_response_weight():
    objective = at_ratio(Objective(prompt_weight="auto", response_weight=0.5), 0.5)
    assert (objective.prompt_weight, objective.response_weight) == (0.25, 0.5)


def test_until_it_is_chosen_the_smallest_ratio_stands_for_it_and_a_number_stays():
    recipe = Recipe(objective={"prompt_weight": "auto", "auto": {"ratios": [0.5, 0.1]}})
    assert with_a_number(recipe).objective.prompt_weight == 0.1
    assert recipe.objective.prompt_weight == "auto"
    fixed = Recipe(objective={"prompt_weight": 0.3})
    assert with_a_number(fixed) is fixed


@pytest.mark.parametrize("ratios", [[0.1], [], [0.1, 0.1]])
def test_one_ratio_is_no_choice(ratios):
    with pytest.raises(ValidationError, match="two ratios that differ"):
        AutoWeight(ratios=ratios)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"prompt_weight": "auto", "response_weight": 0}, "response_weight=1"),
        ({"prompt_weight": "auto", "kind": "seq2seq"}, "predicts no prompt tokens"),
        ({"prompt_weight": "best"}, "auto"),
        ({"auto": {"seeds": 1}}, "greater than or equal to 2"),
    ],
)
def test_what_cannot_be_chosen_is_refused(objective, message):
    with pytest.raises(ValidationError, match=message):
        Objective(**objective)
