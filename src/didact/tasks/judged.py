"""What a metric over a whole task reads and returns: judged rows, and points that can be counted again over other draws of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didact.base.errors import DataError
from didact.base.files import fingerprint
from didact.base.types import Example
from didact.tasks.answers import choice_of
from didact.tasks.benchmarks.benchmark import group_of as said_by_id
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.task import Task

Floats = NDArray[np.float64]
Over = Callable[[Floats], Floats]
"""`over(weights)`: how often each row is counted (draws, rows) -> the score of each draw (draws,), NaN where it is undefined."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One answered row, as a metric over a whole task sees it."""

    completion: str
    references: tuple[str, ...]
    """Every answer that counts as right."""
    choices: tuple[str, ...] = ()
    """The options as they should be answered, in the order shown: `(A)` or `Yes`; in id order, the second of two is the positive class."""
    example: str = ""
    """The row's id, for messages."""
    group: str = ""
    """Rows of the same group belong together: the answers to one question, the two halves of a pair. Empty: it stands alone."""
    options: tuple[str, ...] = ()
    """The same options by their texts, where `choices` are names of items; empty: the same."""
    order: tuple[int, ...] = ()
    """The place in id order of each choice shown; empty: they are shown in id order."""

    def place(self, text: str) -> int | None:
        """Returns the place in id order of the choice that a text gives; None where it gives none, or more than one.

        So a label means the same in whatever order its choices are shown, while "the second" and "B" are read as shown.

        >>> row = Judged("", (), ("1.", "2."), options=("2", "4"))
        >>> [row.place(text) for text in ("2.", "The answer is 2.", "2", "4.", "four")]
        [1, 1, 0, 1, None]
        >>> [Judged("", (), ("yes", "no"), order=(1, 0)).place(text) for text in ("yes", "(A)", "no", "perhaps")]
        [1, 1, 0, None]
        """
        shown = self._place_shown(text)
        return self.order[shown] if self.order and shown is not None else shown

    def _place_shown(self, text: str) -> int | None:
        return choice_of(text, self.choices, self.options)


class Points(float):
    """A task's score in points, with what stands behind it.

    A share goes from 0 to 100, a correlation from -100 to 100. It is never NaN: what is undefined counts as 0 and says so.

    Args:
        over: Counts the score over any draw of the rows; NaN where it is undefined.
        num_rows: How many rows there are.
        num_unparsed: Completions that could not be read as an answer.
        undefined: Said in `note` where the score of all rows is undefined.
        note: What else has to be known about the number.

    Raises:
        DataError: No rows.

    >>> share = Points(lambda weights: 100 * (weights @ [0, 1, 1, 1]) / weights.sum(axis=1), 4)
    >>> float(share), share.over(np.array([[3.0, 1, 0, 0]])).tolist()
    (75.0, [25.0])
    """

    num_unparsed: int
    note: str
    """Empty where there is nothing to add."""
    _over: Over

    def __new__(cls, over: Over, num_rows: int, *, num_unparsed: int = 0, undefined: str = "", note: str = "") -> "Points":
        """Counts every row once."""
        if not num_rows:
            raise DataError("no rows to score", remedy="didact eval RUN")
        value = float(over(np.ones((1, num_rows)))[0])
        points = super().__new__(cls, 0.0 if np.isnan(value) else value)
        points.num_unparsed = num_unparsed
        points.note = "; ".join(part for part in (f"undefined: {undefined}" if np.isnan(value) else "", note) if part)
        points._over = over
        return points

    def over(self, weights: Floats) -> Floats:
        """Returns the score (draws,) of draws in which each row is counted so often (draws, rows); 0 where it is undefined."""
        return np.nan_to_num(self._over(weights), nan=0.0)


def ratio(above: Floats, below: Floats) -> Floats:
    """Returns one sum over another, in points; NaN where nothing was counted.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [25.0, nan]
    """
    parts: Floats = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) != 0)
    return 100 * parts


def share(values: Floats, counted: Floats | None = None) -> Over:
    """Returns how to count the mean of values (rows,) in points, over those rows that count with more than 0.

    >>> share(np.array([1.0, 0.0, 0.5]))(np.ones((1, 3))).tolist()
    [50.0]
    """
    below = np.ones(len(values)) if counted is None else counted
    return lambda weights: ratio(weights @ (values * below), weights @ below)


def group_of(task: Task, example: Example, index: int) -> str:
    """Returns the group of a task's row: the question of a MultiRC answer, the pair of an AX-g row; empty for most.

    Rows of a benchmark say it in their ids. Other tasks with MultiRC's fields are grouped by paragraph and question, other
    tasks that are judged by gender parity two by two.

    Args:
        task: The task.
        example: One of its rows.
        index: Its place among them, from 0.

    >>> answer = Example("1", {"paragraph": "It rained.", "question": "Was it dry?", "answer": "No."})
    >>> group_of(Task("mine", ()), answer, 0) == group_of(Task("mine", ()), answer, 1) != ""
    True
    >>> [group_of(Task("mine", (), metric="gender_parity"), Example("1"), index) for index in range(4)]
    ['pair 0', 'pair 0', 'pair 1', 'pair 1']
    """
    if task.kind in BENCHMARKS:
        return said_by_id(example.id)
    if task.metric == "gender_parity":
        return f"pair {index // 2}"
    if {"paragraph", "question", "answer"} <= example.fields.keys():
        return f"question {fingerprint(example.fields['paragraph'], example.fields['question'])[:12]}"
    return ""
