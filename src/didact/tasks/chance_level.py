"""What a task's rows give to those who know nothing: random answers, and the one answer that is right most often."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example, Prediction
from didact.tasks.ifeval.checks import is_instruction

Levels = Mapping[str, "ChanceLevel"]
"""Task to its chance levels."""


@dataclass(frozen=True, slots=True)
class ChanceLevel:
    """What answers without knowledge score, as accuracy in points."""

    random: float
    """Of answers drawn at random: the mean over rows of 100 over the number of choices; 0 for a row of free answers."""
    majority: float
    """Of the one answer that is right in most rows, always given: a choice by its place, a free answer by its text."""
    num_rows: int
    num_free: int
    """Rows without choices."""
    fewest: int = 0
    """Choices of the row that has fewest of them, free rows aside."""
    most: int = 0

    def line(self) -> str:
        """Returns both levels and where they come from, for people.

        >>> ChanceLevel(30.0, 40.0, 10, 2, 2, 5).line()
        'random 30.0, always the same 40.0 (10 rows of 2 to 5 choices; 2 of free answers)'
        """
        some = f"{self.fewest} to {self.most}" if self.fewest < self.most else f"{self.most}"
        rows = f"{self.num_rows:,} rows" + (f" of {some} choices" if self.most else " of free answers")
        free = f"; {self.num_free:,} of free answers" if self.num_free and self.most else ""
        return f"random {self.random:.1f}, always the same {self.majority:.1f} ({rows}{free})"


def chance_level(rows: Iterable[Example | Prediction]) -> ChanceLevel:
    """Returns the chance levels of one task, from its rows or from what a model was asked.

    Args:
        rows: Examples of the task, or predictions, whatever was answered.

    Raises:
        DataError: No rows.

    Two rows of four choices and one of two; the second choice is right in two of three rows:

    >>> rows = [Example("1", {}, ("b",), tuple("abcd")), Example("2", {}, ("c",), tuple("abcd")), Example("3", {}, ("no",), ("yes", "no"))]
    >>> level = chance_level(rows)
    >>> round(level.random, 2), round(level.majority, 2), level.fewest, level.most
    (33.33, 66.67, 2, 4)
    """
    shares, right = list[float](), Counter[int | str]()
    numbers = list[int]()
    for row in rows:
        shares.append(100 / len(row.choices) if row.choices else 0.0)
        right.update(_right(row))
        numbers.append(len(row.choices))
    if not shares:
        raise DataError("chance over no rows", expected="a task with examples", remedy="didact ls tasks")
    listed = [number for number in numbers if number]
    return ChanceLevel(
        random=math.fsum(shares) / len(shares),
        majority=100 * max(right.values(), default=0) / len(shares),
        num_rows=len(shares),
        num_free=len(numbers) - len(listed),
        fewest=min(listed, default=0),
        most=max(listed, default=0),
    )


def _right(row: Example | Prediction) -> set[int | str]:
    """Returns every answer that is right: the places of choices, the texts of free answers; instructions to be checked are none."""
    accepted = row.references if isinstance(row, Prediction) else (*row.targets, *row.accepted)
    if not row.choices:
        return {text.strip() for text in accepted if not is_instruction(text)}
    options = row.options if isinstance(row, Prediction) else ()
    found: set[int | str] = {listed.index(text) for text in accepted for listed in (row.choices, options) if text in listed}
    return found


def mean_level(levels: Sequence[ChanceLevel]) -> ChanceLevel:
    """Returns the levels of several tasks together: every task counts alike, as in a mean over tasks.

    Args:
        levels: One or more.

    Raises:
        DataError: None.

    >>> mean_level([ChanceLevel(50.0, 60.0, 4, 0, 2, 2), ChanceLevel(0.0, 10.0, 1, 1)]).line()
    'random 25.0, always the same 35.0 (5 rows of 2 choices; 1 of free answers)'
    """
    if not levels:
        raise DataError("the mean chance level of no tasks", expected="one task or more")
    listed = [level for level in levels if level.most]
    return ChanceLevel(
        random=math.fsum(level.random for level in levels) / len(levels),
        majority=math.fsum(level.majority for level in levels) / len(levels),
        num_rows=sum(level.num_rows for level in levels),
        num_free=sum(level.num_free for level in levels),
        fewest=min((level.fewest for level in listed), default=0),
        most=max((level.most for level in listed), default=0),
    )


def plain_level(level: ChanceLevel) -> dict[str, Any]:
    """Returns the levels as a plain table.

    >>> plain_level(ChanceLevel(25.0, 30.0, 4, 0, 4, 4))
    {'random': 25.0, 'majority': 30.0, 'num_rows': 4, 'num_free': 0, 'choices': [4, 4]}
    """
    numbers = {"random": level.random, "majority": level.majority, "num_rows": level.num_rows, "num_free": level.num_free}
    return {**numbers, "choices": [level.fewest, level.most]}


def chance_table(rows: Iterable[Prediction], kinds: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Returns the chance levels of all tasks that were asked about, and their mean over tasks, as a plain table.

    Args:
        rows: Predictions of either model.
        kinds: Task name to the name to call it by; its own where it is not listed.

    >>> row = Prediction("snarks", "1", "t", "", "", ("(A)",), "stop", 1, choices=("(A)", "(B)"))
    >>> table = chance_table([row], {"snarks": "bbh/snarks"})
    >>> table["macro"]["random"], table["tasks"]["bbh/snarks"]["random"]
    (50.0, 50.0)
    """
    by_task: dict[str, list[Prediction]] = {}
    for row in rows:
        by_task.setdefault(kinds.get(row.task, row.task), []).append(row)
    levels = {task: chance_level(mine) for task, mine in sorted(by_task.items())}
    return {"macro": plain_level(mean_level(list(levels.values()))), "tasks": {task: plain_level(level) for task, level in levels.items()}}
