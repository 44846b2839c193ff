"""The recipe's `objective.auto`: how the prompt weight is chosen where it is `auto`, and what stands for it until then."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from didact.base.config import Section

if TYPE_CHECKING:
    from didact.base.objective_sections import Objective
    from didact.base.recipe import Recipe

AUTO = "auto"
"""What `objective.prompt_weight` says where it is to be chosen."""


class AutoWeight(Section):
    """Settings of `objective.prompt_weight: auto`: short runs of the recipe, judged on its validation tasks."""

    ratios: tuple[Annotated[float, Field(ge=0)], ...] = (0, 0.01, 0.1, 0.25, 0.5, 1)
    """The values of λp / λr that are tried; 0 is conventional tuning."""
    seeds: Annotated[int, Field(ge=2)] = 3
    """Runs for each ratio, that differ in the order of the rows, in dropout and in a new model's first weights: how far they lie apart is
    the noise, and a ratio that wins by less has not won."""
    steps: Annotated[int, Field(ge=1)] = 200
    """Optimiser steps of each run, at most."""
    examples: Annotated[int, Field(ge=1)] = 50
    """The first so many rows of each validation task."""

    @field_validator("ratios")
    @classmethod
    def _is_a_choice(cls, ratios: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(ratios)) < len(ratios) or len(ratios) < 2:
            raise ValueError("a choice needs two ratios that differ, each given once: [0, 0.1, 1]")
        return ratios


def at_ratio(objective: "Objective", ratio: float) -> "Objective":
    """Returns the objective with λp = ratio · λr.

    >>> from didact.base.objective_sections import Objective
    >>> at_ratio(Objective(prompt_weight="auto", response_weight=0.8), 0.25).prompt_weight
    0.2
    """
    return objective.model_copy(update={"prompt_weight": ratio * objective.response_weight})


def with_a_number(recipe: "Recipe") -> "Recipe":
    """Returns the recipe with the smallest ratio in place of `auto`: the rows, the steps and their cost are those of every ratio.

    >>> from didact.base.recipe import Recipe
    >>> with_a_number(Recipe(objective={"prompt_weight": "auto"})).objective.prompt_weight
    0.0
    """
    objective = recipe.objective
    if objective.prompt_weight != AUTO:
        return recipe
    return recipe.model_copy(update={"objective": at_ratio(objective, min(objective.auto.ratios))})
