"""What one row asked in many wordings says: its scores, whether the answers are the same, and how much chance alone would part wordings.

Tables are (rows, wordings); a wording in which a row was not asked holds NaN, or `NOT_ASKED`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from didact.base.chance import generator
from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.intervals import Floats
from didact.evals.task_level import judged
from didact.tasks.metrics import squad_words
from didact.tasks.set_metrics import SET_METRICS

NOT_ASKED, NO_ANSWER = -2, -1
ROW_BY_ROW = ("mcq_accuracy", "squad_f1", "squad_em", "record_f1", "record_em")
"""Metrics over whole tasks that are means over rows: each row has a score of its own."""
_CELLS_AT_ONCE = 2_000_000
"""Bounds the memory of exchanges: draws times rows times wordings."""
_ROUNDING = 1e-9
"""Points."""


def row_score(row: Prediction, metric: str) -> float | None:
    """Returns one row's score; None for metrics that are no mean over rows, as Matthews' correlation.

    Raises:
        DataError: The row has no such score, or the metric makes no sense for it.
    """
    if metric in row.scores:
        return float(row.scores[metric])
    if metric in ROW_BY_ROW:
        return float(SET_METRICS[metric](judged([row])))
    if metric in SET_METRICS:
        return None
    where = f"task {row.task}, example {row.example}, template {row.template}"
    known = f"its metrics: {', '.join(row.scores) or 'none'}"
    raise DataError(f"a row has no score '{metric}'", where=where, expected=known, remedy="didact eval RUN")


def said(row: Prediction, score: float | None = None) -> str:
    """Returns what a row answers, the same for the same answer in other words; empty where it gives none.

    Of a row with choices it is the choice, by its place in id order, whatever item name it has in this wording. Two right answers
    are the same answer. Other texts are compared as SQuAD does: without case, punctuation and articles.

    Args:
        row: A row.
        score: Its score where there is one; 100 is right.

    >>> row = Prediction("t", "1", "my/x", "", "(A)", ("(A)",), "stop", 1, choices=("(A)", "(B)"), options=("yes", "no"), order=(1, 0))
    >>> said(row), said(Prediction("t", "1", "my/x", "", "The cat!", ("dog",), "stop", 1), 0.0)
    ('choice 1', 'text cat')
    """
    if row.choices:
        (one,) = judged([row])
        place = one.place(one.completion)
        return "" if place is None else f"choice {place}"
    text = " ".join(squad_words(row.answer or row.completion))
    if score is not None and score >= 100 - _ROUNDING:
        return "right"
    return f"text {text}" if text else ""


def coded(answers: Sequence[Sequence[str | None]]) -> NDArray[np.int64]:
    """Returns answers as numbers (rows, wordings): equal ones are the same answer of that row.

    >>> coded([["choice 0", "choice 1", "choice 0"], ["", None, "text x"]]).tolist()
    [[0, 1, 0], [-1, -2, 0]]
    """
    table = np.full((len(answers), len(answers[0]) if answers else 0), NOT_ASKED, np.int64)
    for number, given in enumerate(answers):
        known: dict[str, int] = {}
        for place, answer in enumerate(given):
            if answer is not None:
                table[number, place] = known.setdefault(answer, len(known)) if answer else NO_ANSWER
    return table


def worst(scores: Floats) -> Floats:
    """Returns each row's lowest score (rows,); of scores that are 0 or 100 the mean is the share of rows right in every wording.

    >>> worst(np.array([[100.0, 100.0], [100.0, 0.0]])).tolist()
    [100.0, 0.0]
    """
    low: Floats = np.where(np.isnan(scores), np.inf, scores).min(axis=1, initial=np.inf)
    return np.where(np.isinf(low), np.nan, low)


def mean_difference(scores: Floats) -> Floats:
    """Returns each row's mean absolute difference of scores over pairs of wordings (rows,), NaN with fewer than two wordings.

    Source: Zhuo et al. 2024, ProSA, arXiv 2410.12405, the prompt sensitivity score of an instance.

    Of 0, 0 and 100 there are three pairs, two of which differ by 100:

    >>> mean_difference(np.array([[0.0, 0.0, 100.0]])).round(2).tolist()
    [66.67]
    """
    return _mean_over_pairs(np.abs(scores[:, :, None] - scores[:, None, :]), ~np.isnan(scores))


def agreement(codes: NDArray[np.int64]) -> Floats:
    """Returns in what share of the pairs of wordings each row has the same answer (rows,), in points; NaN with fewer than two wordings.

    Two wordings without an answer do not agree: nothing was said twice.

    Source: Nalbandyan et al. 2025, SCORE, arXiv 2503.00137, consistency rate.

    >>> agreement(np.array([[0, 0, 1], [-1, -1, -2]])).round(2).tolist()  # one pair of three; nothing was said
    [33.33, 0.0]
    """
    alike = (codes[:, :, None] == codes[:, None, :]) & (codes[:, :, None] >= 0)
    return _mean_over_pairs(100.0 * alike, codes != NOT_ASKED)


def spread_by_chance(scores: Floats, *, draws: int, seed: int) -> tuple[float, float] | None:
    """Returns the spread of wordings that do not matter: its mean, and p, how often it is at least the spread that was found.

    Each row's scores are dealt to its wordings at random. The best of many wordings is above the worst by chance, the more so the fewer
    the rows: only what is beyond that speaks of wordings.

    Args:
        scores: Scores (rows, wordings).
        draws: How often to deal; p is (k + 1) / (draws + 1).
        seed: The recipe's.

    Returns:
        None where a row was not asked in every wording.

    Every row has one right answer of two: 2 rows dealt at random have spread 100 or 0, each half the time.

    >>> mean, p = spread_by_chance(np.array([[100.0, 0.0], [100.0, 0.0]]), draws=999, seed=0)
    >>> 45 < mean < 55, 0.45 < p < 0.55
    (True, True)
    """
    num_rows, num_wordings = scores.shape
    if np.isnan(scores).any() or num_wordings < 2 or not num_rows:
        return None
    found = np.ptp(scores.mean(axis=0))
    uneven = scores[np.ptp(scores, axis=1) > 0]  # rows that are alike in every wording part none of them
    if not len(uneven):
        return 0.0, 1.0
    chance = generator(seed, "dealt to wordings", num_rows, num_wordings, draws)
    size = max(1, _CELLS_AT_ONCE // uneven.size)
    spreads = []
    for start in range(0, draws, size):
        dealt = chance.permuted(np.broadcast_to(uneven, (min(size, draws - start), *uneven.shape)), axis=2)
        spreads.append(np.ptp(dealt.sum(axis=1), axis=1) / num_rows)
    every = np.concatenate(spreads)
    return float(every.mean()), float((np.sum(every >= found - _ROUNDING) + 1) / (draws + 1))


def _mean_over_pairs(values: Floats, asked: NDArray[np.bool_]) -> Floats:
    """Returns the mean over pairs of different wordings that were both asked (rows,), from a table of all pairs (rows, n, n)."""
    both = asked[:, :, None] & asked[:, None, :] & ~np.eye(asked.shape[1], dtype=bool)
    count = both.sum(axis=(1, 2))
    total = np.where(both, np.nan_to_num(values), 0.0).sum(axis=(1, 2))
    means: Floats = np.divide(total, count, out=np.full(len(asked), np.nan), where=count > 0)
    return means
