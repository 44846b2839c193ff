"""The journal of batches: which requests each one holds and what the server calls it, so that none is paid for twice after a crash."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from didact.base.checked_log import CheckedLog

JOURNAL = "batches.jsonl"


@dataclass(slots=True)
class Batch:
    """Requests that were handed in together."""

    key: str
    """Ours: the batch carries it, and can be told by it among all that a server has."""
    path: str
    """Where its requests would be posted to."""
    names: tuple[str, ...]
    """Its requests, by their hashes."""
    file: str
    """The server's name for the file that holds them."""
    began: float
    """When, in seconds since 1970."""
    id: str = ""
    """The server's name for it; empty: nothing is known of one, and there may be one nevertheless."""


class BatchJournal(CheckedLog):
    """An append-only file with two lines a batch: before it is created, and when its name is known; each is on the disk at once.

    A crash before the first line leaves a file behind at the server, which costs nothing. After a crash between the two, the server is
    asked whether it has a batch with the key of the first.

    Args:
        path: The file; it is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._batches = dict[str, Batch]()
        self._latest = dict[str, str]()
        super().__init__(path, lambda row, _: self._remember(row))

    def latest(self, name: str) -> Batch | None:
        """Returns the batch that a request was last handed in with.

        Args:
            name: The request's hash.
        """
        return self._batches.get(self._latest.get(name, ""))

    def begin(self, batch: Batch) -> None:
        """Writes which requests a batch will hold; call it before the batch is created."""
        row = {"key": batch.key, "path": batch.path, "file": batch.file, "began": batch.began, "names": list(batch.names)}
        self._written(row)
        self._add(batch)

    def created(self, batch: Batch, name: str) -> None:
        """Writes what the server calls a batch."""
        self._written({"key": batch.key, "id": name})
        batch.id = name

    def forget(self, names: Iterable[str]) -> None:
        """Takes it that requests are in no batch, in this start."""
        for name in names:
            self._latest.pop(name, None)

    def _written(self, row: dict[str, Any]) -> None:
        self.write([row])
        self.sync()

    def _remember(self, row: dict[str, Any]) -> None:
        if "id" not in row:
            self._add(Batch(row["key"], row["path"], tuple(row["names"]), row["file"], row["began"]))
        elif row["key"] in self._batches:  # a user may have deleted its other line
            self._batches[row["key"]].id = row["id"]

    def _add(self, batch: Batch) -> None:
        self._batches[batch.key] = batch
        self._latest |= dict.fromkeys(batch.names, batch.key)
