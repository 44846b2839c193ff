"""The answers of one model, kept as they come and found again by exactly what was asked; what is asked twice is answered once."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from didact.base.checked_log import CheckedLog, Place
from didact.base.files import fingerprint

_SYNC_S = 5.0
"""Seconds of answers that a power cut may take; a process that is killed loses none."""
Row = Mapping[str, Any]
"""An answer as its line has it."""


class AnswerLog(CheckedLog):
    """An append-only file of answers, which finds each by its name: the fingerprint of what was asked.

    The file belongs to one model in one state: see `models/model_print.py`.

    Args:
        path: The file; it is made where it is missing.

    Raises:
        RunError: Another process writes to it.
        DataError: A line before the last is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._places: dict[bytes, Place] = {}
        self._synced = time.monotonic()
        super().__init__(path, lambda row, place: self._places.__setitem__(bytes.fromhex(row["asked"]), place))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: str) -> bool:
        return bytes.fromhex(name) in self._places

    def find(self, names: Iterable[str]) -> dict[str, Row]:
        """Returns those of the answers that are there."""
        places = {name: self._places.get(bytes.fromhex(name)) for name in names}
        return {name: self.row_at(place) for name, place in places.items() if place is not None}

    def add(self, answers: Mapping[str, Row]) -> None:
        """Keeps answers by their names: from now on they outlive the process.

        Raises:
            RunError: The file cannot be written: the disk is full.
        """
        rows = [{"asked": name, **row} for name, row in answers.items()]
        for name, place in zip(answers, self.write(rows), strict=True):
            self._places[bytes.fromhex(name)] = place
        if self.num_unsynced and time.monotonic() - self._synced > _SYNC_S:
            self.sync()
            self._synced = time.monotonic()


def asked_name(settings: Sequence[Any], *tokens: np.ndarray) -> str:
    """Returns the name of what is asked: 16 digits that change with every setting, with every token, and with where a text ends.

    >>> one, other = np.array([1, 2]), np.array([3])
    >>> asked_name(["write", 8], one, other) == asked_name(["write", 8], one.astype(np.int32), other)
    True
    >>> len({asked_name(["write", 8], one), asked_name(["write", 9], one), asked_name(["write", 8], one, other)})
    3
    """
    return fingerprint(list(settings), *(np.asarray(ids, "<i4").tobytes() for ids in tokens))


def places_of(names: Sequence[str]) -> dict[str, list[int]]:
    """Returns each name once, with all its places in a list.

    >>> places_of(["a", "b", "a"])
    {'a': [0, 2], 'b': [1]}
    """
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(name, []).append(place)
    return found


def read_together(names: Sequence[str], kept: Mapping[str, Row], limit: int) -> tuple[list[str], str]:
    """Returns what is read in the same batches now, and a mark for that; answers that are kept already can be among it.

    What stands beside a row in a batch changes the last digits of its logits. So that an interrupted reading ends in the same digits as
    one that was not, it is gone through in the batches in which it was begun, those left out of which every answer is kept. It is known
    again by the mark that its answers carry: the fingerprint of all that was to be read together.

    Args:
        names: All that is asked, each once, in the order in which it is asked.
        kept: What is kept of it; each answer says its mark as `together`.
        limit: Most tokens of a batch.

    >>> together, mark = read_together("abcd", {}, 8)
    >>> together, read_together("abcd", {"c": {"together": mark}}, 8) == (together, mark)
    (['a', 'b', 'c', 'd'], True)
    >>> read_together("abcd", {"c": {"together": "of another reading"}}, 8)[0]
    ['a', 'b', 'd']
    """
    left = [name for name in names if name not in kept]
    if not left:
        return [], ""
    for mark in dict.fromkeys(row["together"] for row in kept.values()):
        members = [name for name in names if name not in kept or kept[name]["together"] == mark]
        if fingerprint(members, limit) == mark:
            return members, mark
    return left, fingerprint(left, limit)
