"""The section `prompts`: shares are checked, and survive being written and read."""

import pytest

from didact.base.config import parse_yaml, validate
from didact.base.errors import RecipeError
from didact.base.recipe import Recipe


def read(prompts: str) -> Recipe:
    return validate(parse_yaml(f"prompts: {prompts}", "mix.yaml"), Recipe)


def test_shots_map_numbers_to_shares_and_are_read_back_equal() -> None:
    recipe = read("{shots: {0: 0.5, 2: 0.3, 5: 0.2}, cot: 0.1, inverted: 0.05}")
    assert recipe.prompts.shots == {0: 0.5, 2: 0.3, 5: 0.2}
    assert validate(parse_yaml(recipe.to_yaml(), "again.yaml"), Recipe) == recipe
    assert Recipe().prompts.shots == {0: 1.0}


@pytest.mark.parametrize(
    ("prompts", "problem"),
    [
        ("{shots: {0: 0.5, 2: 0.4}}", "the shares in shots sum to 0.9, and should to 1"),
        ("{shots: {}}", "the shares in shots sum to 0, and should to 1"),
        ("{shots: {-1: 1}}", "prompts.shots.-1: should be greater than or equal to 0"),
        ("{shots: {some: 1}}", "prompts.shots.some"),
        ("{cot: 1.5}", "prompts.cot: should be less than or equal to 1"),
        ("{cot: 0.7, inverted: 0.7}", "cot and inverted are shares of the same rows, and sum to 1.4"),
        ("{instructions: none, cot: 0.2}", "instructions (none) leave no words to ask for cot or inverted rows"),
        ("{instructions: some}", "prompts.instructions"),
    ],
)
def test_shares_that_make_no_sense_are_refused_with_file_and_line(prompts: str, problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(prompts)
    assert problem in caught.value.what
    assert "mix.yaml:1" in caught.value.what
