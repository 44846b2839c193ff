"""Metrics over a whole task whose answers are numbers: the correlations of STS-B."""

import re
from collections.abc import Sequence

import numpy as np

from didact.base.errors import DataError
from didact.tasks.judged import Floats, Judged, Points

UNREAD = -1.0
"""What a completion counts as that is no number: below every score that STS-B has."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.IGNORECASE | re.ASCII)


def pearson(rows: Sequence[Judged]) -> Points:
    """Returns Pearson's correlation between right and given numbers, -100 to 100 (STS-B).

    A completion that is no number enters as -1 and is counted in `num_unparsed`: look at that count before the correlation.
    Where all numbers of one side are equal it is undefined.

    Args:
        rows: The first reference of each is a number.

    Raises:
        DataError: No rows, or a reference that is no number.

    Source: Raffel et al. (2020), T5, arXiv 1910.10683, evaluation code, for the -1; `pearsonr` of scipy.

    Around their means the right numbers are -1, 0, 1 and the given ones -1, 1, 0, so 1 / (√2·√2):

    >>> round(pearson([Judged(said, (gold,)) for said, gold in zip("132", "123")]), 6)
    50.0
    """
    gold, said, num_unparsed = _numbers(rows)
    return Points(lambda weights: _correlation(gold, said, weights), len(rows), num_unparsed=num_unparsed, undefined=_constant(gold, said))


def spearman(rows: Sequence[Judged]) -> Points:
    """Returns Spearman's correlation between right and given numbers, -100 to 100 (STS-B): Pearson's between their ranks.

    Equal numbers share the mean of their ranks. The rest is as for `pearson`; every draw of the rows is ranked again.

    Args:
        rows: The first reference of each is a number.

    Raises:
        DataError: As `pearson`.

    Source: Spearman (1904); `spearmanr` of scipy.

    Their order alone counts:

    >>> spearman([Judged(said, (gold,)) for said, gold in (("1", "0.2"), ("2", "0.3"), ("40", "5.0"))])
    100.0
    """
    gold, said, num_unparsed = _numbers(rows)
    return Points(
        lambda weights: _correlation(_ranks(gold, weights), _ranks(said, weights), weights),
        len(rows),
        num_unparsed=num_unparsed,
        undefined=_constant(gold, said),
    )


def parsed(text: str) -> float | None:
    """Returns the number that a whole text is, one final full stop allowed; None for everything else.

    >>> [parsed(text) for text in (" 3.8", "3.8.", "4", "3,8", "nan", "about 3", "")]
    [3.8, 3.8, 4.0, None, None, None, None]
    """
    text = text.strip()
    text = text[:-1] if text.endswith(".") and "." in text[:-1] else text
    number = float(text) if _NUMBER.fullmatch(text) else None
    return number if number is not None and np.isfinite(number) else None


def _numbers(rows: Sequence[Judged]) -> tuple[Floats, Floats, int]:
    gold = [parsed(row.references[0]) if row.references else None for row in rows]
    for row, number in zip(rows, gold, strict=True):
        if number is None:
            what = f"the reference '{row.references[0] if row.references else ''}' is no number"
            raise DataError(what, where=f"example {row.example}" if row.example else "", remedy="use another metric")
    said = [parsed(row.completion) for row in rows]
    return np.array(gold, float), np.array([UNREAD if x is None else x for x in said]), sum(x is None for x in said)


def _constant(gold: Floats, said: Floats) -> str:
    sides = [name for name, side in (("right", gold), ("given", said)) if len(set(side.tolist())) < 2]
    return f"all {' and all '.join(sides)} numbers are equal"


def _correlation(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Returns Pearson's correlation (draws,) of numbers (rows,) or (draws, rows), NaN where one side does not vary."""
    total = weights.sum(axis=1, keepdims=True)
    sides = []
    for side in (x, y):
        spread = side - (weights * side).sum(axis=1, keepdims=True) / total
        # Equal numbers may leave a rounding error behind: that is no spread.
        bar = 1e-12 * np.abs(side).max(axis=-1, keepdims=True)
        sides.append(np.where(np.abs(spread) <= bar, 0.0, spread))
    a, b = sides
    both, of_a, of_b = ((weights * part).sum(axis=1) for part in (a * b, a * a, b * b))
    below = np.sqrt(of_a * of_b)
    parts: Floats = np.divide(both, below, out=np.full(len(both), np.nan), where=below > 0)
    # Rounding must not lead beyond what a correlation can be.
    return np.clip(100 * parts, -100, 100)


def _ranks(numbers: Floats, weights: Floats) -> Floats:
    """Returns the ranks (draws, rows) of numbers (rows,) that are counted so often; equal ones share their mean rank."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(numbers[order]) != 0])
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(counts, axis=1) - (counts - 1) / 2
    place = np.empty(len(numbers), np.int64)
    place[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(numbers)]))
    return middle[:, place]
