"""Agreement between raters beyond what chance would give: Cohen's, Fleiss' and Krippendorff's coefficients, with intervals over rows."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from didact.base.chance import generator
from didact.base.errors import DataError

Floats = NDArray[np.float64]
Weights = Literal["none", "linear", "quadratic"]
Scale = Literal["nominal", "ordinal", "interval"]


def cohens_kappa(first: Sequence[str], second: Sequence[str], levels: Sequence[str], weights: Weights = "none") -> float | None:
    """Returns the agreement of two raters about the same rows: 1 is perfect, 0 what chance gives; None where chance alone agrees always.

    Args:
        first: One rater's level of each row.
        second: The other's, in the same order.
        levels: All levels, in order.
        weights: How bad it is to be further apart: `none`: any difference counts alike.

    Raises:
        DataError: No rows, not the same number, or a level that is unknown.

    Source: Cohen 1960, and 1968 for weights.

    Both say yes in 20 rows of 50 and no in 15: observed 0.7, by chance 0.5, so (0.7 - 0.5) / (1 - 0.5):

    >>> pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    >>> round(cohens_kappa([a for a, _ in pairs], [b for _, b in pairs], "yn"), 12)
    0.4
    """
    return _number(_kappa(_table(first, second, levels)[None], _distances(len(levels), weights))[0])


def fleiss_kappa(counts: Sequence[Sequence[int]]) -> float | None:
    """Returns the agreement of several raters; None where chance alone agrees always.

    Args:
        counts: For each row, how many raters chose each level; the same number of raters for every row, at least two.

    Raises:
        DataError: No rows, or not the same number of raters.

    Source: Fleiss 1971.

    Row 1: both say the first level, row 2: they differ. Observed (1 + 0) / 2, by chance 9/16 + 1/16:

    >>> round(fleiss_kappa([[2, 0], [1, 1]]), 4)
    -0.3333
    """
    table = np.asarray(counts, dtype=np.float64)
    sizes = table.sum(axis=1) if table.ndim == 2 else np.zeros(0)
    if not len(sizes) or sizes.min() < 2 or sizes.min() != sizes.max():
        raise DataError("rows without raters, or with different numbers of them", expected="two raters or more, the same number for all")
    return _number(_fleiss(table, np.ones((1, len(table))))[0])


def krippendorff_alpha(units: Sequence[Sequence[str]], levels: Sequence[str], scale: Scale = "ordinal") -> float | None:
    """Returns the agreement of any number of raters where some rows lack some of them; None where chance alone agrees always.

    Args:
        units: For each row, the levels that it was given; rows with fewer than two say nothing.
        levels: All levels, in order.
        scale: How far levels are from one another: `nominal`: all alike; `ordinal`: by the ratings between them; `interval`: by number.

    Raises:
        DataError: No row has two ratings, or a level is unknown.

    Source: Krippendorff 2011, Computing Krippendorff's alpha-reliability.

    >>> krippendorff_alpha([["a", "a"], ["b", "b"], ["a"]], "ab")
    1.0
    """
    parts = _coincidences(_counts(units, levels))
    if not len(parts):
        raise DataError("no row has two ratings", expected="rows that two people or more have rated")
    return _number(_alpha(parts.sum(axis=0)[None], scale)[0])


def agreement(
    ratings: Mapping[str, Mapping[str, str]],
    levels: Sequence[str],
    *,
    resamples: int,
    seed: int,
    clusters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Returns how well raters agree, as a plain table: all of them together, and each two.

    Args:
        ratings: Rater, row, level.
        levels: All levels, from best to worst.
        resamples: Resamples of rows for the 95 % intervals.
        seed: What they are drawn from.
        clusters: Row to the question that it answers: answers to one question are drawn together. None: every row stands alone.

    Raises:
        DataError: An unknown level.

    >>> agreement({"ann": {"1": "A", "2": "B"}, "bob": {"1": "A", "2": "B"}}, "AB", resamples=50, seed=0)["pairs"][0]["exact"]["value"]
    100.0
    """
    rows = sorted({row for one in ratings.values() for row in one})
    units = [[one[row] for one in ratings.values() if row in one] for row in rows]
    table: dict[str, Any] = {"num_raters": len(ratings), "num_rows": len(rows), "pairs": []}
    if sum(len(unit) > 1 for unit in units) == 0:
        return {**table, "note": "no row was rated by two: agreement cannot be told"}
    counts = _counts(units, levels)

    def drawn(chosen: Sequence[str], of: str) -> Floats:
        """Returns how often each row counts (1 + resamples, rows): once, then as often as its question was drawn."""
        names, members = np.unique([(clusters or {}).get(row, row) for row in chosen], return_inverse=True)
        number = len(names)
        times = generator(seed, "agreement", of, number, resamples).multinomial(number, np.full(number, 1 / number), size=resamples)
        return np.vstack([np.ones(len(chosen)), times[:, members].astype(np.float64)])

    parts, shared = _coincidences(counts), counts.sum(axis=1) > 1
    times = drawn([row for row, kept in zip(rows, shared, strict=True) if kept], "alpha")
    table["krippendorff_ordinal"] = _interval(_alpha(np.tensordot(times, parts, axes=1), "ordinal"))
    by_all = counts.sum(axis=1) == len(ratings)
    if by_all.any() and len(ratings) > 1:
        times = drawn([row for row, kept in zip(rows, by_all, strict=True) if kept], "fleiss")
        table["fleiss"] = {"num_rows": int(by_all.sum()), **_interval(_fleiss(counts[by_all], times))}
    for first, second in combinations(ratings, 2):
        both = [row for row in rows if row in ratings[first] and row in ratings[second]]
        if not both:
            continue
        cells = np.stack([_table([ratings[first][row]], [ratings[second][row]], levels) for row in both])
        stack = np.tensordot(drawn(both, f"{first} and {second}"), cells, axes=1)
        told = {
            "raters": [first, second],
            "num_rows": len(both),
            "exact": _interval(100 * np.trace(stack, axis1=1, axis2=2) / stack.sum(axis=(1, 2))),
        }
        ways: tuple[tuple[str, Weights], ...] = (("kappa", "none"), ("kappa_quadratic", "quadratic"))
        for name, weights in ways:
            told[name] = _interval(_kappa(stack, _distances(len(levels), weights)))
        table["pairs"].append(told)
    return table


def _table(first: Sequence[str], second: Sequence[str], levels: Sequence[str]) -> Floats:
    """Returns how often each two levels were given to the same row (k, k)."""
    if len(first) != len(second) or not len(first):
        raise DataError(f"{len(first):,} ratings and {len(second):,} ratings", expected="the same rows from both, one or more")
    table = np.zeros((len(levels), len(levels)))
    for one, other in zip(first, second, strict=True):
        table[_place(one, levels), _place(other, levels)] += 1
    return table


def _counts(units: Sequence[Sequence[str]], levels: Sequence[str]) -> Floats:
    """Returns how often each row was given each level (N, k)."""
    table = np.zeros((len(units), len(levels)))
    for number, unit in enumerate(units):
        for level in unit:
            table[number, _place(level, levels)] += 1
    return table


def _place(level: str, levels: Sequence[str]) -> int:
    if level not in levels:
        raise DataError(f"unknown level '{level}'", expected=f"one of: {', '.join(levels)}")
    return levels.index(level)


def _distances(number: int, weights: Weights) -> Floats:
    apart = np.abs(np.subtract.outer(np.arange(number), np.arange(number))).astype(np.float64)
    return apart**2 if weights == "quadratic" else apart if weights == "linear" else (apart > 0).astype(np.float64)


def _kappa(tables: Floats, distances: Floats) -> Floats:
    """Returns kappa for each table (R, k, k)."""
    chance = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :] / tables.sum(axis=(1, 2))[:, None, None]
    expected = (distances * chance).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: Floats = np.where(expected > 0, 1 - (distances * tables).sum(axis=(1, 2)) / expected, np.nan)
    return kappa


def _fleiss(counts: Floats, times: Floats) -> Floats:
    """Returns kappa for each line of `times` (R, N): how often each row (N, k) counts."""
    raters = counts[0].sum()
    agree = (counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))
    observed = times @ agree / times.sum(axis=1)
    shares = times @ counts / (times.sum(axis=1) * raters)[:, None]
    chance = (shares**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: Floats = np.where(chance < 1 - 1e-12, (observed - chance) / (1 - chance), np.nan)
    return kappa


def _coincidences(counts: Floats) -> Floats:
    """Returns each row's pairs of ratings (N, k, k), every rating with every other; rows with fewer than two are left out."""
    counts = counts[counts.sum(axis=1) > 1]
    pairs = counts[:, :, None] * counts[:, None, :]
    places = np.arange(counts.shape[1])
    pairs[:, places, places] -= counts
    weighted: Floats = pairs / (counts.sum(axis=1) - 1)[:, None, None]
    return weighted


def _alpha(tables: Floats, scale: Scale) -> Floats:
    """Returns alpha for each table of coincidences (R, k, k)."""
    totals = tables.sum(axis=2)
    number, k = totals.sum(axis=1), tables.shape[1]
    if scale == "ordinal":
        # Between two levels lie all ratings from one to the other, half of those at both ends.
        middle = np.cumsum(totals, axis=1) - totals / 2
        apart = (middle[:, :, None] - middle[:, None, :]) ** 2
    else:
        apart = np.broadcast_to(_distances(k, "quadratic" if scale == "interval" else "none"), tables.shape)
    chance = totals[:, :, None] * totals[:, None, :] / (number - 1)[:, None, None]
    expected = (apart * chance).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        alpha: Floats = np.where(expected > 0, 1 - (apart * tables).sum(axis=(1, 2)) / expected, np.nan)
    return alpha


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _interval(values: Floats) -> dict[str, Any]:
    """Returns the first number with the 95 % percentile interval of the others, ready for JSON; resamples without a value are counted."""
    drawn = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not len(drawn):
        return {"value": _number(float(values[0])), "low": None, "high": None, "note": "all ratings are alike: chance agrees as well"}
    low, high = np.quantile(drawn, [0.025, 0.975])
    lost = len(values) - 1 - len(drawn)
    return {"value": float(values[0]), "low": float(low), "high": float(high), **({"num_undefined": lost} if lost else {})}
