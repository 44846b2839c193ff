"""Sources whose rows name their task: read once, as one task for every name.

sources: [{name: flan2021, catalogue: flan2021, tasks_by: template_type + task_name}]      # flan2021/zs_opt/ag_news_subset_1.0.0
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from didact.base.errors import DataError, did_you_mean
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.rows import Row
from didact.tasks.task import Chosen, Task

MOST = 100_000
"""Tasks of one source; a column that names more is likely one of ids."""
_UNSAFE = re.compile(r"[^\w.+-]+|^\.+")
"""What a part of a task's name must not have: it stands in globs, in lists and in names of files."""


def columns_of(source: Source) -> tuple[str, ...]:
    """Returns the columns that name something: those of `tasks_by`, of `category_by` and of `dataset_by`."""
    return (*_parts(source.tasks_by), *_parts(source.category_by), *_parts(source.dataset_by))


def carried(row: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """Returns what a row says of its task and its weight, for readers that make other rows of it.

    >>> by_source = Source(name="oig", reader="tagged", tasks_by="metadata.source")
    >>> carried({"metadata": {"source": "chip2"}, "text": "..."}, by_source)
    {'metadata': {'source': 'chip2'}}
    """
    wanted = (*columns_of(source), *([source.weight] if source.weight else ()))
    return {key: row[key] for column in wanted if (key := column if column in row else column.partition(".")[0]) in row}


def with_names(rows: Iterable[Row], source: Source) -> Iterator[Row]:
    """Yields the rows; the first one shows whether the columns that name tasks exist at all.

    Raises:
        DataError: One does not.
    """
    for number, (file, label, row) in enumerate(rows):
        for column in columns_of(source) if number == 0 else ():
            if _value(row, column) is _ABSENT:
                near, listed = did_you_mean(column, map(str, row)), ", ".join(str(name)[:40] for name in row)
                expected = f"{near} the columns are: {listed}" if near.startswith("did you mean") else f"the columns are: {listed}"
                key = (
                    "tasks_by"
                    if column in _parts(source.tasks_by)
                    else "dataset_by"
                    if column in _parts(source.dataset_by)
                    else "category_by"
                )
                remedy = f"put {key} of source '{source.name}' right" + ("; for one task: tasks_by: ''" if key == "tasks_by" else "")
                raise DataError(f"no column '{column}' to name tasks by", where=f"{file}, {label}", expected=expected, remedy=remedy)
        yield file, label, row


class RowNames:
    """The tasks that the rows of one source name, numbered in the order in which they are met."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._columns = _parts(source.tasks_by)
        self._number_of: dict[tuple[str, ...], int] = {}
        self._said: dict[str, tuple[str, ...]] = {}
        """Task name to the values that it stands for."""
        self._categories: list[dict[str, None]] = []
        self._datasets: list[dict[str, None]] = []
        self._counts: list[int] = []
        self.numbers = array("i")
        """The task of every kept row."""

    def number(self, row: Mapping[str, Any]) -> int | str:
        """Returns the number of the task that a row names, or why it names none.

        Raises:
            DataError: Its values make a name that other values have made already, or one of too many.
        """
        values = list[str]()
        for column in self._columns:
            value = _value(row, column)
            if value is _ABSENT or value is None or (isinstance(value, str) and not value.strip()):
                return f"no {column} to name its task"
            if not isinstance(value, str | int) or isinstance(value, bool):
                return f"{column} is not a name"
            values.append(str(value).strip())
        said = tuple(values)
        found = self._number_of.get(said)
        return self._new(said) if found is None else found

    def is_full(self, number: int) -> bool:
        """Says whether a task has as many rows as the source's `limit` allows."""
        return self._counts[number] == self._source.limit

    def keep(self, number: int, row: Mapping[str, Any]) -> None:
        """Takes note of a row that is kept."""
        self.numbers.append(number)
        self._counts[number] += 1
        for found, columns in ((self._categories, self._source.category_by), (self._datasets, self._source.dataset_by)):
            values = [value for column in _parts(columns) if isinstance(value := _value(row, column), str | int) and str(value).strip()]
            if values:
                found[number][" ".join(str(value).strip() for value in values)] = None

    def tasks(self, whole: Task, rows: Sequence[Example]) -> list[Task]:
        """Returns one task for every name that has a row, like the task of the whole source but for what its rows say."""
        numbers = np.frombuffer(self.numbers, np.int32) if self.numbers else np.zeros(0, np.int32)
        order = np.argsort(numbers, kind="stable").astype(np.int64)
        places, made = np.split(order, np.cumsum(self._counts)[:-1]), list[Task]()
        for name, mine, categories, datasets in zip(self._said, places, self._categories, self._datasets, strict=True):
            if len(mine):
                full = f"{whole.name}/{name}"
                own = tuple(datasets) or (self._source.dataset or full,)
                chosen = Chosen(rows, array("q", mine.tobytes()))
                made.append(replace(whole, name=full, examples=chosen, categories=tuple(categories) or whole.categories, datasets=own))
        return made

    def state(self) -> list[Any]:
        """Returns all but `numbers` as plain lists, to be kept beside the rows."""
        parts = zip(self._said.items(), self._categories, self._datasets, self._counts, strict=True)
        return [[name, said, [*categories], [*datasets], count] for (name, said), categories, datasets, count in parts]

    def restore(self, state: Sequence[Any], numbers: bytes) -> None:
        """Takes what `state` and `numbers` were when the rows were read."""
        self.numbers = array("i", numbers)
        for name, said, categories, datasets, count in state:
            self._said[name] = tuple(said)
            self._categories.append(dict.fromkeys(categories))
            self._datasets.append(dict.fromkeys(datasets))
            self._counts.append(count)

    def _new(self, said: tuple[str, ...]) -> int:
        if len(self._said) == MOST:
            raise DataError(
                f"more than {MOST:,} tasks in source '{self._source.name}'",
                where=f"column {self._source.tasks_by}",
                expected="a column whose values name tasks, not single rows",
                remedy="name tasks by another column: tasks_by: COLUMN",
            )
        name = "/".join(_UNSAFE.sub("_", value) for value in said)
        if name in self._said:
            one, other = (" + ".join(f"'{value}'" for value in values) for values in (self._said[name], said))
            raise DataError(
                f"two values name one task '{self._source.name}/{name}': {one} and {other}",
                where=f"column {self._source.tasks_by} of source '{self._source.name}'",
                expected="values that stay different when signs other than letters, digits and ._+- become _",
                remedy="write one of them differently in the file, or name tasks by another column: tasks_by: COLUMN",
            )
        self._number_of[said] = len(self._said)
        self._said[name] = said
        self._categories.append({})
        self._datasets.append({})
        self._counts.append(0)
        return self._number_of[said]


_ABSENT = object()


def _value(row: Mapping[str, Any], column: str) -> Any:
    """Returns a cell; `metadata.source` is the key `source` of the object in `metadata`, where no column is called so."""
    if column in row:
        return row[column]
    first, dot, rest = column.partition(".")
    inner = row.get(first) if dot else None
    return _value(inner, rest) if isinstance(inner, Mapping) else _ABSENT


def _parts(columns: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in columns.split(" + ") if part.strip())
