"""Tallies: what seen tasks have in common with one kind of unseen examples, counted, with some rows kept to look at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from didact.base.types import Example
from didact.tasks.leak_report import Leak
from didact.tasks.matchers import Exact, Matcher, Met, num_tasks
from didact.tasks.task import Task
from didact.tasks.wording import Block, block_of

NUM_SHOWN, NUM_SHOWN_OF_PAIR, NUM_CHARS = 200, 20, 300

Pair = tuple[str, str]
Column = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of one rule: sorted codes, nearest examples, similarities."""


@dataclass(frozen=True, slots=True)
class Known:
    """The unseen side, in the order in which the matchers were given it."""

    tasks: Sequence[Task]
    ids: Sequence[str]
    wheres: Sequence[str]
    task_of: np.ndarray
    """Number of the task of each example, int64."""
    answers: bool


@dataclass(frozen=True, slots=True)
class _Overlap:
    """One seen example and an unseen task that it overlaps with; its text is looked up only if it is shown."""

    example: Example
    wording: Mapping[int, np.ndarray]
    matcher: int
    number: int
    nearest: int
    similarity: float


@dataclass
class Tally:
    """What seen examples have in common with the unseen tasks of one kind.

    Args:
        matchers: The rules.
        known: The unseen side.
        counted: Which of its tasks are counted here, bool.
    """

    matchers: Sequence[Matcher]
    known: Known
    counted: np.ndarray
    by_pair: dict[Pair, int] = field(default_factory=dict)
    by_kind_and_pair: dict[tuple[str, str, str], int] = field(default_factory=dict)
    leaking: set[tuple[str, str]] = field(default_factory=set)
    num_seen: int = 0
    seen_by_kind: list[int] = field(default_factory=list)
    met: list[np.ndarray] = field(default_factory=list)
    _candidates: dict[Pair, list[_Overlap]] = field(default_factory=dict, init=False)
    _num_tasks: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        self._num_tasks = num_tasks(self.known.task_of)
        self.seen_by_kind = [0] * len(self.matchers)
        self.met = [np.zeros(len(self.known.task_of), bool) for _ in self.matchers]

    def add(self, name: str, block: Block, met: Sequence[Met]) -> int:
        """Counts what some examples of a seen task have in common with the unseen side. Returns how many of them have."""
        columns = list[Column]()
        for matcher, one in enumerate(met):
            ours = self.counted[one.codes % self._num_tasks] if len(one.codes) else np.zeros(0, bool)
            codes = one.codes[ours]
            columns.append((codes, one.nearest[ours], one.similarity[ours]))
            self.met[matcher][one.owners] = True
            self.seen_by_kind[matcher] += len(np.unique(codes // self._num_tasks))
            self._count(self.by_kind_and_pair, (self.matchers[matcher].kind, name), codes)
        every = np.unique(np.concatenate([codes for codes, _, _ in columns])) if columns else np.zeros(0, np.int64)
        rows = np.unique(every // self._num_tasks).tolist()
        self._count(self.by_pair, (name,), every)
        self.leaking |= {(name, block.rows[row].id) for row in rows}
        self.num_seen += len(rows)
        if rows:
            self._keep(name, block, every, columns)
        return len(rows)

    def _count(self, counts: dict[Any, int], key: tuple[str, ...], codes: np.ndarray) -> None:
        numbers, sizes = np.unique(codes % self._num_tasks, return_counts=True)
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True):
            whole = (*key, self.known.tasks[number].name)
            counts[whole] = counts.get(whole, 0) + size

    def _keep(self, name: str, block: Block, codes: np.ndarray, columns: Sequence[Column]) -> None:
        """Keeps the first examples, by id, of every pair of tasks."""
        rows, numbers = np.divmod(codes, self._num_tasks)
        ids = {row: block.rows[row].id for row in np.unique(rows).tolist()}
        rank = {row: number for number, row in enumerate(sorted(ids, key=lambda row: ids[row]))}
        order = np.lexsort((np.array([rank[row] for row in rows.tolist()]), numbers))
        place_in_pair = np.arange(len(order)) - np.searchsorted(numbers[order], numbers[order])
        touched = set[Pair]()
        for code in codes[order[place_in_pair < NUM_SHOWN_OF_PAIR]].tolist():
            row, number = divmod(code, self._num_tasks)
            matcher, place = next(_places(columns, code))
            _, nearest, similarity = columns[matcher]
            kept = _Overlap(block.rows[row], block.wording, matcher, number, int(nearest[place]), float(similarity[place]))
            pair = (name, self.known.tasks[number].name)
            self._candidates.setdefault(pair, []).append(kept)
            touched.add(pair)
        for pair in touched:
            self._candidates[pair] = sorted(self._candidates[pair], key=lambda one: one.example.id)[:NUM_SHOWN_OF_PAIR]

    def pairs(self) -> dict[Pair, int]:
        """Returns the pairs of tasks with the most leaks first."""
        return dict(sorted(self.by_pair.items(), key=lambda item: (-item[1], item[0])))

    def kinds_and_pairs(self) -> dict[tuple[str, str, str], int]:
        """Returns the same for each rule, in the order of rules."""
        order = [matcher.kind for matcher in self.matchers]
        return dict(sorted(self.by_kind_and_pair.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0])))

    def unseen(self, matcher: int | None = None) -> np.ndarray:
        """Returns the unseen examples that were met, by one rule or by any."""
        met = self.met if matcher is None else [self.met[matcher]]
        return np.flatnonzero(np.logical_or.reduce(met) & self.counted[self.known.task_of])

    def leaks(self, most: int = NUM_SHOWN) -> Iterator[Leak]:
        """Yields leaks to look at: one of every pair of tasks, then the second of every pair, and so on."""
        layers = zip_longest(*([(pair, overlap) for overlap in self._candidates[pair]] for pair in self.pairs()))
        for (seen_task, unseen_task), overlap in islice((part for layer in layers for part in layer if part is not None), most):
            block, matcher = block_of([overlap.example], self.known.answers, overlap.wording), self.matchers[overlap.matcher]
            text, owner = matcher.first_shared(block, overlap.number, overlap.nearest)
            text = text if len(text) <= NUM_CHARS else text[: NUM_CHARS - 4] + " ..."
            similarity = 1.0 if isinstance(matcher, Exact) else None if overlap.nearest < 0 else round(overlap.similarity, 4)
            where, ids = (overlap.example.where, self.known.wheres[owner]), (overlap.example.id, self.known.ids[owner])
            yield Leak(matcher.kind, seen_task, ids[0], unseen_task, ids[1], text, similarity, *where)


def _places(columns: Sequence[Column], code: int) -> Iterator[tuple[int, int]]:
    """Yields every rule that found a code, and its place there."""
    for number, (codes, _, _) in enumerate(columns):
        place = int(np.searchsorted(codes, code))
        if place < len(codes) and codes[place] == code:
            yield number, place
