"""Rows of two models, matched: what makes a row the same row, and which rows resemble one another."""

from collections.abc import Iterable, Sequence

import numpy as np

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.intervals import Floats

Identity = tuple[str, str, str, str]
"""Task, example, template and wording: what is asked, and how."""
Rows = dict[Identity, Prediction]


def identity(row: Prediction) -> Identity:
    """Returns what makes a row the same row for another model.

    >>> identity(Prediction("qa", "7", "qa/ask", "", "", (), "stop", 1, wording="order=2"))
    ('qa', '7', 'qa/ask', 'order=2')
    """
    return row.task, row.example, row.template, row.wording


def cluster_of(row: Prediction) -> str:
    """Returns the name of those rows that resemble one another: those of its group, or all wordings of its example.

    >>> cluster_of(Prediction("qa", "7", "qa/ask", "", "", (), "stop", 1))
    'qa, example 7'
    """
    return f"{row.task}, group {row.group}" if row.group else f"{row.task}, example {row.example}"


def place_of(row: Prediction) -> str:
    """Returns where a row is to be found, for messages.

    >>> place_of(Prediction("qa", "7", "qa/ask", "", "", (), "stop", 1, wording="order=2"))
    'task qa, example 7, template qa/ask, order=2'
    """
    return f"task {row.task}, example {row.example}, template {row.template}{f', {row.wording}' if row.wording else ''}"


def by_identity(rows: Iterable[Prediction], model: str) -> Rows:
    """Returns rows by their identity.

    Args:
        rows: What one model wrote.
        model: Its name, for messages.

    Raises:
        DataError: A row is there twice.
    """
    table: Rows = {}
    for row in rows:
        if identity(row) in table:
            raise DataError(f"the {model} predictions hold a row twice", where=place_of(row), remedy="didact eval RUN")
        table[identity(row)] = row
    return table


def matched(base: Sequence[Prediction] | None, tuned: Sequence[Prediction]) -> tuple[Rows | None, Rows]:
    """Returns the rows of both models by their identity; None for a base that is None or empty.

    Args:
        base: What the base model wrote.
        tuned: What the tuned model wrote.

    Raises:
        DataError: No rows, a row given twice, or a row that only one model answered.
    """
    if not tuned:
        raise DataError("no predictions to score", remedy="didact eval RUN")
    after = by_identity(tuned, "tuned")
    if not base:
        return None, after
    before = by_identity(base, "base")
    for rows, others, model in ((after, before, "base"), (before, after, "tuned")):
        missing = [row for key, row in rows.items() if key not in others]
        if missing:
            what = f"{len(missing):,} of {len(rows):,} rows were not answered by the {model} model"
            first = f"first: {place_of(missing[0])}"
            raise DataError(what, where=first, expected="the same rows for both models", remedy="didact eval RUN")
    return before, after


def columns(base: Rows | None, tuned: Rows, metric: str) -> tuple[Floats | None, Floats]:
    """Returns one metric of every row, of both models in the order of the tuned rows.

    Raises:
        DataError: A row without the metric.
    """

    def score(row: Prediction) -> float:
        if metric not in row.scores:
            known = f"its metrics: {', '.join(row.scores) or 'none'}"
            raise DataError(f"a row has no score '{metric}'", where=place_of(row), expected=known, remedy="didact eval RUN")
        return row.scores[metric]

    before = None if base is None else np.array([score(base[key]) for key in tuned])
    return before, np.array([score(row) for row in tuned.values()])


def places(names: Sequence[str]) -> dict[str, list[int]]:
    """Returns at which places each name stands, names sorted.

    >>> places(["b", "a", "b"])
    {'a': [1], 'b': [0, 2]}
    """
    table: dict[str, list[int]] = {name: [] for name in sorted(set(names))}
    for index, name in enumerate(names):
        table[name].append(index)
    return table
