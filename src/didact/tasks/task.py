"""Task and TaskSet: a named source of examples with what is needed to use them; select, describe."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import get_args, overload

from didact.base.errors import DataError, did_you_mean
from didact.base.types import Example, Level

LEVELS: tuple[str, ...] = get_args(Level)
"""What a task of a source with levels of its own may be unseen at, from the nearest to training to the farthest from it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that was not read, and why."""

    file: str
    row: str
    """`row 12`, `line 12` or the row's id: what finds it again."""
    reason: str
    """Short and the same for all rows of one kind, so that reasons can be counted."""


@dataclass
class ReadReport:
    """What became of every row of a source: read = kept + dropped by reason."""

    source: str
    num_kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    """The refused rows themselves, the first 1,000 of them."""
    absent: dict[str, list[str]] = field(default_factory=dict)
    """Reason to the names of what is not there as a whole: no rows of these were seen, so none is counted."""

    def miss(self, name: str, reason: str) -> None:
        """Notes something that is not there at all, as a whole file."""
        self.absent.setdefault(reason, []).append(name)

    def refuse(self, file: str, row: str, reason: str) -> None:
        """Counts a refused row."""
        self.dropped[reason] += 1
        if len(self.refusals) < 1000:
            self.refusals.append(Refusal(file, row, reason))

    @property
    def num_read(self) -> int:
        """Rows seen: kept and dropped."""
        return self.num_kept + self.dropped.total()

    def line(self) -> str:
        """Returns the one-line account.

        >>> report = ReadReport("alpaca", num_kept=2)
        >>> report.refuse("a.json", "row 3", "empty output")
        >>> report.line()
        'alpaca: 3 rows read = 2 kept + 1 dropped (empty output 1)'
        """
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.dropped.most_common())
        dropped = f"{self.dropped.total():,} dropped" + (f" ({reasons})" if reasons else "")
        line = f"{self.source}: {self.num_read:,} rows read = {self.num_kept:,} kept + {dropped}"
        return "; ".join([line, *(f"{reason}: {_some(names)}" for reason, names in self.absent.items())])


def _some(names: Sequence[str], most: int = 3) -> str:
    """Returns the first names, and how many more there are.

    >>> _some(["cola", "mrpc", "qqp", "rte", "sst2"])
    'cola, mrpc, qqp and 2 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


class LazyExamples(Sequence[Example]):
    """Examples that are read when first asked for, then kept."""

    def __init__(self, load: Callable[[], Sequence[Example]]) -> None:
        self._load: Callable[[], Sequence[Example]] | None = load
        self._rows: Sequence[Example] = ()

    def _all(self) -> Sequence[Example]:
        if self._load is not None:
            self._rows, self._load = self._load(), None
        return self._rows

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Example]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class Chosen(Sequence[Example]):
    """Some of the rows of a sequence, by their numbers: a view, so that rows on disk stay there.

    >>> rows = Chosen([Example("a"), Example("b"), Example("c")], [2, 0])
    >>> rows[0].id, len(rows), [row.id for row in rows[1:]]
    ('c', 2, ['a'])
    """

    def __init__(self, rows: Sequence[Example], numbers: Iterable[int] | range) -> None:
        self._rows = rows
        self._numbers: Sequence[int] = numbers if isinstance(numbers, range | array) else array("q", numbers)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return Chosen(self._rows, self._numbers[index])
        return self._rows[self._numbers[index]]

    def __len__(self) -> int:
        return len(self._numbers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # like a list


@dataclass(frozen=True)
class Task:
    """A named source of examples with what is needed to use them. It names its metric, never its templates."""

    name: str
    examples: Sequence[Example]
    """Read when first asked for."""
    kind: str = "rows"
    """The reader's name: templates say which kinds they word."""
    definition: str = ""
    categories: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    """The source datasets that the examples were made from."""
    languages: tuple[str, ...] = ("en",)
    licence: str = ""
    positive: tuple[Example, ...] = ()
    """Demonstrations that are right; `rationale` is their explanation."""
    negative: tuple[Example, ...] = ()
    """Demonstrations of what not to answer."""
    metric: str = "rouge_l"
    split: str = ""
    """What the source's own split files say: train, test, excluded, or nothing."""
    level: str = ""
    """What the source itself says that these examples are unseen at: one of `LEVELS`, never trained on; empty: they may be."""
    report: ReadReport | None = None
    """The account of the source's rows; filled while examples are read."""

    @property
    def category(self) -> str:
        """The first category, or `uncategorised`: scores are pooled by it."""
        return self.categories[0] if self.categories else "uncategorised"

    def replace(self, examples: Sequence[Example]) -> "Task":
        """Returns the same task with other examples."""
        return Task(**{**{name: getattr(self, name) for name in self.__dataclass_fields__}, "examples": examples})


class TaskSet(Sequence[Task]):
    """Tasks by name, in the order of their names.

    Raises:
        DataError: Two tasks have the same name.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = tuple(sorted(tasks, key=lambda task: task.name))
        names = Counter(task.name for task in self._tasks)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise DataError(f"two tasks are named '{twice[0]}'", remedy="give the sources different names (tasks.sources[].name)")
        self._by_name = {task.name: task for task in self._tasks}

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> "TaskSet": ...
    def __getitem__(self, index: int | slice) -> "Task | TaskSet":
        return TaskSet(self._tasks[index]) if isinstance(index, slice) else self._tasks[index]

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)

    def named(self, name: str) -> Task:
        """Returns one task by its name.

        Raises:
            DataError: There is none; the nearest name is shown.
        """
        if name not in self._by_name:
            raise DataError(f"no task named '{name}'", expected=did_you_mean(name, self._by_name), remedy="didact ls tasks RECIPE")
        return self._by_name[name]

    def select(self, pattern: str) -> "TaskSet":
        """Returns the tasks whose name matches a glob.

        >>> TaskSet([Task("a/x", ()), Task("b", ())]).select("a/*")[0].name
        'a/x'
        """
        return TaskSet(task for task in self if fnmatchcase(task.name, pattern))

    @property
    def reports(self) -> list[ReadReport]:
        """The accounts of the sources behind these tasks, each once."""
        return list({id(task.report): task.report for task in self if task.report is not None}.values())
