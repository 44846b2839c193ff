"""Length control: the win rate that is left when both answers are as long as one another, by logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didact.base.errors import DataError

Floats = NDArray[np.float64]
_STEPS = 100
_SEEN = 0.1
"""Least share of items in which either model's answer is the longer one, for the rate at equal lengths to be more than a guess."""
_RIDGE = 0.01
"""Holds the length's coefficient back: without it, a judge that always takes the longer answer has none that is finite."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A logistic regression."""

    coefficients: Floats
    """One for each column (K,)."""
    covariance: Floats
    """Of the coefficients (K, K), right also where answers are shares (the sandwich)."""


@dataclass(frozen=True, slots=True)
class LengthControlled:
    """A win rate at equal lengths."""

    value: float
    """In points (0 to 100)."""
    se: float
    """Its standard error, in points."""
    low: float
    high: float
    length_effect: float
    """Coefficient of the length: above 0 the judge favours the longer answer."""
    note: str = ""


def fit_logistic(columns: Floats, answers: Floats, ridge: Floats) -> Fit:
    """Returns the logistic regression of shares between 0 and 1, by Newton's method.

    Args:
        columns: (N, K).
        answers: (N,), each from 0 to 1.
        ridge: How strongly each coefficient is held at 0 (K,): half of it times the square is added to what is made small.

    Raises:
        DataError: There is no finite answer, or more than one: the columns separate wins from losses or depend on one another.

    Two wins and one loss, nothing else known: the log of 2.

    >>> round(float(fit_logistic(np.ones((3, 1)), np.array([1.0, 1.0, 0.0]), np.zeros(1)).coefficients[0]), 6)
    0.693147
    """
    beta = np.zeros(columns.shape[1])
    loss = _loss(columns, answers, ridge, beta)
    for _ in range(_STEPS):
        chance = _logistic(columns @ beta)
        slope = columns.T @ (answers - chance) - ridge * beta
        curve = _curve(columns, chance, ridge)
        try:
            step = np.linalg.solve(curve, slope)
        except np.linalg.LinAlgError:
            break
        size = 1.0
        while (after := _loss(columns, answers, ridge, beta + size * step)) > loss + 1e-12 and size > 1e-6:
            size /= 2
        beta, loss = beta + size * step, after
        if np.abs(size * step).max() < 1e-10:
            break
    else:
        curve = np.zeros_like(curve)
    chance = _logistic(columns @ beta)
    if np.linalg.matrix_rank(curve) < len(beta) or not np.isfinite(beta).all() or np.abs(beta).max() > 1e4:
        raise DataError("a logistic regression has no finite answer", expected="wins and losses that no column tells apart entirely")
    inverse = np.linalg.inv(_curve(columns, chance, ridge))
    scores = columns * (answers - chance)[:, None]
    return Fit(beta, inverse @ (scores.T @ scores) @ inverse)


def length_controlled(
    preferences: Sequence[float],
    lengths: Sequence[int],
    other_lengths: Sequence[int],
    *,
    difficulty: Sequence[float] | None = None,
    ridge: float = _RIDGE,
) -> LengthControlled:
    """Returns the win rate that a model would have if its answers were as long as the other's.

    The log-odds of a win are θ + φ tanh(d / s) + ψγ: d is how much longer the model's answer is, s the standard deviation of d over
    items, γ how hard the item is. The rate is the mean over items with d = 0.

    This is AlpacaEval 2's form. Ours are: γ only where it is given (theirs comes from a fit over all models of their leaderboard, which
    is not part of an evaluation's files; left out, ψ = 0); φ is held by a weak ridge (0.01) in place of an L1 penalty chosen by
    cross-validation together with made rows of "gamed" baselines; and an interval. The numbers are therefore near to theirs, not equal.

    Args:
        preferences: For each item 1 where the model wins, 0 where the other does, 0.5 for a tie; shares are allowed.
        lengths: Characters of the model's answers.
        other_lengths: Characters of the other's.
        difficulty: γ of each item, with mean near 0; None: left out.
        ridge: Strength of the ridge on φ and ψ.

    Raises:
        DataError: No items, or not the same number of each.

    Source: Dubois et al. 2024, arXiv 2404.04475, section 3.

    The model wins 3 of 4 where it is longer and 1 of 4 where it is as much shorter, and it is longer three times as often: raw 62.5.

    >>> wins, lengths = [1, 1, 1, 0] * 75 + [1, 0, 0, 0] * 25, [30] * 300 + [10] * 100
    >>> round(length_controlled(wins, lengths, [20] * 400).value, 1)
    50.0
    """
    wins = np.asarray(preferences, dtype=np.float64)
    apart = np.asarray(lengths, dtype=np.float64) - np.asarray(other_lengths, dtype=np.float64)
    if not len(wins) or len(wins) != len(apart) or (difficulty is not None and len(difficulty) != len(wins)):
        raise DataError(f"{len(wins):,} preferences and {len(apart):,} lengths", expected="one of each for every item, one or more")
    if wins.min() == wins.max() and wins[0] in (0, 1):
        value = 100 * float(wins[0])
        return LengthControlled(value, 0.0, value, value, 0.0, "one model wins everything: length explains nothing")
    spread = float(apart.std(ddof=1)) if len(apart) > 1 else 0.0
    length = np.tanh(apart / spread) if spread else np.zeros(len(apart))
    columns = [np.ones(len(wins)), length]
    if difficulty is not None:
        columns.append(np.asarray(difficulty, dtype=np.float64))
    x = np.stack(columns, axis=1)
    fit = fit_logistic(x, wins, np.array([0.0, *[ridge] * (len(columns) - 1)]))
    x[:, 1] = 0
    chance = _logistic(x @ fit.coefficients)
    rate = float(chance.mean())
    slope = (x * (chance * (1 - chance))[:, None]).mean(axis=0)
    se = float(np.sqrt(slope @ fit.covariance @ slope))
    # The interval is drawn on the log-odds, where it cannot leave 0 to 100.
    middle, half = np.log(rate / (1 - rate)), 1.96 * se / (rate * (1 - rate))
    low, high = (100 * float(_logistic(np.array(end))) for end in (middle - half, middle + half))
    note = _note(apart) if spread else "all differences in length are the same: nothing to control for"
    return LengthControlled(100 * rate, 100 * se, low, high, float(fit.coefficients[1]), note)


def _note(apart: Floats) -> str:
    """Says so where answers of like length are hardly ever seen, so that the rate at equal lengths is a guess."""
    longer, shorter = float((apart >= 0).mean()), float((apart <= 0).mean())
    if min(longer, shorter) >= _SEEN:
        return ""
    return f"the answers are {'longer' if longer > shorter else 'shorter'} in {100 * max(longer, shorter):.0f} % of the items: extrapolated"


def _logistic(x: Floats) -> Floats:
    chance: Floats = np.exp(-np.logaddexp(0, -x))
    return chance


def _loss(columns: Floats, answers: Floats, ridge: Floats, beta: Floats) -> float:
    x = columns @ beta
    return float((np.logaddexp(0, x) - answers * x).sum() + (ridge * beta**2).sum() / 2)


def _curve(columns: Floats, chance: Floats, ridge: Floats) -> Floats:
    curve: Floats = columns.T @ (columns * (chance * (1 - chance))[:, None]) + np.diag(ridge)
    return curve
