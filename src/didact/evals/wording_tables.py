"""Rows of one task as a table of rows and wordings; which wordings belong together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didact.base.types import Prediction
from didact.evals.intervals import Floats
from didact.evals.matched import cluster_of, identity
from didact.evals.task_level import judged
from didact.evals.wording_rows import NOT_ASKED, coded, row_score, said
from didact.tasks.judged import Over
from didact.tasks.set_metrics import SET_METRICS

Key = tuple[str, str]
"""A wording: its template, and what of it is not the template."""
Rows = Mapping[tuple[str, Key], Prediction]
"""Predictions of one task by example and wording."""


@dataclass(frozen=True)
class Part:
    """Wordings that are compared with one another, on the same rows."""

    places: list[int]
    rows: NDArray[np.bool_]
    """(rows,)"""


@dataclass(frozen=True)
class Asked:
    """One model's rows of one task, as a table of rows and wordings."""

    keys: tuple[Key, ...]
    held_out: tuple[bool, ...]
    examples: tuple[str, ...]
    unit_of: NDArray[np.int64]
    """(rows,): rows of a group are drawn together."""
    scores: Floats
    """(rows, wordings), NaN where a row was not asked, or where the metric is no mean over rows."""
    overs: tuple[tuple[Over, list[int]], ...]
    """For a metric that is no mean over rows: how to count each wording again, and the rows that it has."""
    codes: NDArray[np.int64]
    """(rows, wordings): equal numbers are the same answer."""
    parts: dict[str, Part]


def parts_of(keys: Sequence[Key], held_out: Sequence[bool], asked: NDArray[np.bool_]) -> dict[str, Part]:
    """Returns the parts that there are, each with its wordings and the rows that were asked in all of them.

    Wordings are compared on the same rows. So one in which less than half as many rows were asked as in the most usual is left out
    (its score stands by itself), and then each row that was not asked in every one that is kept.

    Args:
        keys: Wordings.
        held_out: Whether each of them is never trained with.
        asked: (rows, wordings): who was asked in what.

    >>> parts = parts_of([("a", ""), ("b", ""), ("b", "order=1")], [False, True, True], np.array([[True, True, True], [True, True, False]]))
    >>> {name: (part.places, part.rows.tolist()) for name, part in parts.items() if name != "templates"}
    {'mixture': ([0], [True, True]), 'held_out': ([1], [True, True]), 'orders': ([1, 2], [True, False])}
    """
    as_they_are = [place for place, (_, wording) in enumerate(keys) if not wording]
    parts = {"templates": part_of(as_they_are, asked)} if as_they_are else {}
    if as_they_are:
        every = parts["templates"]
        for name, wanted in (("mixture", False), ("held_out", True)):
            parts[name] = Part([place for place in every.places if held_out[place] is wanted], every.rows)
    for kind in ("order", "style"):
        changed = [place for place, (_, wording) in enumerate(keys) if wording.startswith(f"{kind}=")]
        templates = {keys[place][0] for place in changed}
        parts[f"{kind}s"] = part_of([place for place in as_they_are if keys[place][0] in templates] + changed, asked)
    return {name: part for name, part in parts.items() if part.places and part.rows.any()}


def part_of(places: Sequence[int], asked: NDArray[np.bool_]) -> Part:
    """Returns the wordings of some that were asked often enough, and the rows that were asked in all of these."""
    if not places:
        return Part([], np.zeros(len(asked), bool))
    count = asked[:, list(places)].sum(axis=0)
    kept = [place for place, number in zip(places, count, strict=True) if 2 * number >= count.max()]
    return Part(kept, np.all(asked[:, kept], axis=1))


def by_task(rows: Iterable[Prediction]) -> dict[str, dict[tuple[str, Key], Prediction]]:
    """Returns the rows of each task by example and wording, tasks by name."""
    tasks: dict[str, dict[tuple[str, Key], Prediction]] = {}
    for row in sorted(rows, key=identity):
        tasks.setdefault(row.task, {})[row.example, (row.template, row.wording)] = row
    return tasks


def table_of(mine: Rows, metric: str) -> Asked:
    """Returns one model's rows of one task as a table.

    Raises:
        DataError: The metric makes no sense for them, or a row has no such score.
    """
    keys = sorted({key for _, key in mine}, key=lambda key: (key[1] != "", key))
    examples = sorted({example for example, _ in mine})
    cluster = {row.example: cluster_of(row) for row in mine.values()}
    _, unit_of = np.unique([cluster[example] for example in examples], return_inverse=True)
    cells = [[mine.get((example, key)) for key in keys] for example in examples]
    scored = [[None if row is None else row_score(row, metric) for row in several] for several in cells]
    scores = np.array([[np.nan if score is None else score for score in several] for several in scored], dtype=np.float64)
    overs: list[tuple[Over, list[int]]] = []
    if np.isnan(scores).all():
        for place in range(len(keys)):
            asked = [(number, row) for number, several in enumerate(cells) if (row := several[place]) is not None]
            overs.append((SET_METRICS[metric](judged([row for _, row in asked])).over, [number for number, _ in asked]))
    codes = coded(
        [[None if row is None else said(row, s) for row, s in zip(*both, strict=True)] for both in zip(cells, scored, strict=True)]
    )
    held_out = {key: row.held_out for (_, key), row in mine.items()}
    parts = parts_of(keys, [held_out[key] for key in keys], codes != NOT_ASKED)
    return Asked(tuple(keys), tuple(held_out[key] for key in keys), tuple(examples), unit_of, scores, tuple(overs), codes, parts)
