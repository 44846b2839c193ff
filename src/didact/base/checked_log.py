"""A log: one checksummed line of JSON for each thing that has ended, written as it ends; what a crash has torn is cut off."""

import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from didact.base.errors import DataError, RunError

try:
    import fcntl
except ImportError:  # a system without it: nobody looks whether two processes write
    fcntl = None  # type: ignore[assignment]

Place = tuple[int, int]
"""Where a line begins, and how long it is, in bytes."""
_MARK = b', "check": "'
_TAIL = len(_MARK) + 8 + len('"}')


class CheckedLog:
    """An append-only file that one process writes, and that is whole whenever that process is killed.

    A line is JSON whose last key is a checksum of all before it. A line that a crash has torn is cut off when the file is opened.

    Args:
        path: The file; it is made where it is missing.
        remember: Called with each row that is there, and with its place.

    Raises:
        RunError: Another process writes to it.
        DataError: A line before the last is damaged.
    """

    def __init__(self, path: Path, remember: Callable[[dict[str, Any], Place], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.num_torn, self.num_unsynced = path, 0, 0
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
            self._end = self._read_all(remember)
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def row_at(self, place: Place) -> dict[str, Any]:
        """Returns the row of a place that was remembered."""
        row: dict[str, Any] = json.loads(os.pread(self._handle, place[1], place[0]))
        return row

    def write(self, rows: Sequence[dict[str, Any]]) -> list[Place]:
        """Appends rows and returns their places. They are in the system's hands when this returns, and on the disk after `sync`.

        Raises:
            RunError: The file cannot be written: the disk is full. None of the rows is there then.
        """
        lines = [checked_line(row) for row in rows]
        block, written = b"".join(lines), 0
        try:
            while written < len(block):
                written += os.pwrite(self._handle, block[written:], self._end + written)
        except OSError as error:
            os.ftruncate(self._handle, self._end)
            raise RunError(
                f"an answer cannot be written: {error.strerror}", where=str(self.path), remedy="make room and start again"
            ) from None
        places = list[Place]()
        for line in lines:
            places.append((self._end, len(line)))
            self._end += len(line)
        self.num_unsynced += len(lines)
        return places

    def sync(self) -> None:
        """Makes what was appended survive a power cut; may run in a thread of its own."""
        if not self.num_unsynced:
            return
        self.num_unsynced = 0
        os.fsync(self._handle)

    def close(self) -> None:
        """Syncs and closes."""
        if self._handle >= 0:
            self.sync()
            os.close(self._handle)
            self._handle = -1

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError("another process writes to this log", where=str(self.path), remedy="wait for it, or end it") from None

    def _read_all(self, remember: Callable[[dict[str, Any], Place], None]) -> int:
        """Reads what is there and cuts off a torn end; returns where the next line goes."""
        good, bad = 0, list[int]()
        for number, (place, line) in enumerate(self._lines(), start=1):
            row = checked(line)
            if row is None:
                bad.append(number)
                continue
            if bad:
                raise DataError(
                    f"line {bad[0]} of the log is damaged, and lines after it are not",
                    where=f"{self.path}:{bad[0]}",
                    remedy=f"sed -i {bad[0]}d {self.path}: what it held is then asked again",
                )
            good = place + len(line)
            remember(row, (place, len(line)))
        if bad:
            os.ftruncate(self._handle, good)
            self.num_torn = len(bad)
        return good

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        place = 0
        with self.path.open("rb") as handle:
            for line in handle:
                yield place, line
                place += len(line)


def checked_line(row: dict[str, Any]) -> bytes:
    """Returns a row as one line of JSON with its checksum.

    >>> checked(checked_line({"a": 1}))
    {'a': 1}
    """
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)[:-1].encode()
    except UnicodeEncodeError:  # half a sign, as models may write
        text = json.dumps(row, allow_nan=False)[:-1].encode()
    return text + _MARK + f"{zlib.crc32(text):08x}".encode() + b'"}\n'


def checked(line: bytes) -> dict[str, Any] | None:
    """Returns the row of a line; None where the line is torn or damaged."""
    text, tail = line[: -_TAIL - 1], line[-_TAIL - 1 :]
    if tail != _MARK + f"{zlib.crc32(text):08x}".encode() + b'"}\n':
        return None
    row: dict[str, Any] = json.loads(text + b"}")
    return row
