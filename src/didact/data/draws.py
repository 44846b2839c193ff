"""Draws: which example comes when. An epoch of them is three arrays, so that five million take 60 MB."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

_AT_ONCE = 65_536
"""Draws that are made at once when all are gone through."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One example to train on: which task, which of its examples, and how often the task was gone through before."""

    task: str
    index: int
    """Position in the task's examples."""
    epoch: int
    """Whole passes over this task before this draw; 0 in the first pass, so that wording is drawn anew on a repetition."""


class Draws(Sequence[Draw]):
    """Draws in their order, each made when it is asked for; a slice is a view of the same arrays.

    Args:
        names: The names of the tasks.
        tasks: Number of the task of each draw, int32 (draws,).
        indices: Position of each draw in its task, int32 (draws,).
        passes: Whole passes over the task before each draw, int32 (draws,).

    >>> draws = Draws(["a", "b"], np.array([1, 0]), np.array([7, 3]), np.array([0, 2]))
    >>> draws[1], len(draws[:1])
    (Draw(task='a', index=3, epoch=2), 1)
    """

    __slots__ = ("_indices", "_names", "_passes", "_tasks")

    def __init__(self, names: Sequence[str], tasks: np.ndarray, indices: np.ndarray, passes: np.ndarray) -> None:
        self._names, self._tasks, self._indices, self._passes = names, tasks, indices, passes

    @property
    def num_bytes(self) -> int:
        """Memory of the arrays."""
        return int(self._tasks.nbytes + self._indices.nbytes + self._passes.nbytes)

    def __len__(self) -> int:
        return len(self._tasks)

    @overload
    def __getitem__(self, index: int) -> Draw: ...
    @overload
    def __getitem__(self, index: slice) -> "Draws": ...
    def __getitem__(self, index: int | slice) -> "Draw | Draws":
        if isinstance(index, slice):
            return Draws(self._names, self._tasks[index], self._indices[index], self._passes[index])
        return Draw(self._names[self._tasks[index]], int(self._indices[index]), int(self._passes[index]))

    def __iter__(self) -> Iterator[Draw]:
        for start in range(0, len(self), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            names = [self._names[number] for number in self._tasks[part].tolist()]
            yield from map(Draw, names, self._indices[part].tolist(), self._passes[part].tolist())

    def __add__(self, more: "Draws") -> list[Draw]:
        return [*self, *more]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # like a list: equal to any sequence of the same draws

    def __repr__(self) -> str:
        return f"Draws({len(self):,}: {', '.join(map(repr, self[:3]))}{', ...' if len(self) > 3 else ''})"
