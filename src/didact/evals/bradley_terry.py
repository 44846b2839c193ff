"""Bradley-Terry: how strong each of several models is, from who beat whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from didact.base.errors import DataError
from didact.evals.length_control import fit_logistic

Game = tuple[str, str, float]
"""Two models and what the first got: 1 a win, 0.5 a tie, 0 a loss."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong one model is."""

    model: str
    value: float
    """Log-odds of winning against one of mean strength; the strengths of all add up to 0."""
    se: float
    elo: float
    """The same on the scale of chess, 1,000 in the middle: 400 more are odds of 10 to 1."""


def bradley_terry(games: Sequence[Game]) -> list[Strength]:
    """Returns the strength of every model, the strongest first.

    Args:
        games: Each comparison; a tie counts as half a win for both.

    Raises:
        DataError: No games, one model alone, or models that never lost a point to some others: no finite strength fits.

    Source: Bradley and Terry 1952; Ford 1957 for when a finite answer exists.

    a wins three of four against b, so the odds are 3 and the strengths are apart by log 3:

    >>> found = bradley_terry([("a", "b", 1.0)] * 3 + [("a", "b", 0.0)])
    >>> [(one.model, round(one.value, 4)) for one in found]
    [('a', 0.5493), ('b', -0.5493)]
    """
    models = sorted({name for first, second, _ in games for name in (first, second)})
    if len(models) < 2 or any(first == second for first, second, _ in games):
        raise DataError(f"games of {len(models)} models", expected="two models or more, never one against itself")
    _check_connected(games, models)
    x, y = np.zeros((len(games), len(models))), np.zeros(len(games))
    for number, (first, second, score) in enumerate(games):
        x[number, models.index(first)], x[number, models.index(second)], y[number] = 1, -1, score
    # Only differences show, so the first is held at 0 and all are moved to mean 0 afterwards.
    fit = fit_logistic(x[:, 1:], y, np.zeros(len(models) - 1))
    centre = (np.eye(len(models)) - 1 / len(models))[:, 1:]
    values, errors = centre @ fit.coefficients, np.sqrt(np.diag(centre @ fit.covariance @ centre.T))
    found = [
        Strength(name, float(value), float(error), 1000 + 400 * float(value) / float(np.log(10)))
        for name, value, error in zip(models, values, errors, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.value, one.model))


def _check_connected(games: Sequence[Game], models: Sequence[str]) -> None:
    """Refuses models of which some never lost a point to any of the others."""
    took = {name: set[str]() for name in models}
    for first, second, score in games:
        if score > 0:
            took[first].add(second)
        if score < 1:
            took[second].add(first)
    for name in models:
        reached, ahead = {name}, [name]
        while ahead:
            new = took[ahead.pop()] - reached
            reached |= new
            ahead += new
        if len(reached) < len(models):
            others = sorted(set(models) - reached)
            what = f"{', '.join(sorted(reached))} never took a point from {', '.join(others)}"
            raise DataError(what, expected="games in which every model is tied or beaten by some other, in a circle through all of them")
