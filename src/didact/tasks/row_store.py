"""Rows on disk: the examples of large sources, one record each, read when they are asked for, so that memory stays small.

A file is records, their offsets, and what became of the rows that were read; it appears whole or not at all. Its name follows from
the source's settings, its files and the code that reads them, so a second reading of the same is only an opening.
"""

import json
import os
import tempfile
import threading
import time
import weakref
from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np

from didact.base.files import cache_root
from didact.base.types import Example, Message, Role
from didact.tasks.task import Chosen, ReadReport, Refusal

HELD = 50_000
"""Examples that all sources of a process hold in memory; what is read after them goes to disk."""
FEW = 128
"""Fewer rows of a source than these are not worth a file."""
MAX_AGE_S = 30 * 24 * 3600
"""Files that nobody has opened for so long are removed when another is written."""
_MARK = b"didact rows 2\n\0\0"
_AT_ONCE = 1 << 20
"""Bytes that are read at once when all rows are gone through."""


def encoded(example: Example) -> bytes:
    """Returns an example as one compact record.

    >>> decoded(encoded(Example("1", {"q": "2 + 2?"}, ("4",)))).fields
    {'q': '2 + 2?'}
    """
    said = [
        [m.role, m.content, m.train, m.tool_calls, m.name, *([m.weight, m.spans] if m.weight != 1 or m.spans else ())]
        for m in example.messages
    ]
    parts = [example.id, example.where, dict(example.fields), example.targets, example.choices, example.rationale]
    rest = [example.accepted, said, example.tools, [example.weight] if example.weight != 1 else ()]
    while rest and not rest[-1]:
        rest.pop()
    return json.dumps(parts + rest, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def decoded(record: bytes) -> Example:
    """Returns the example of a record."""
    name, where, fields, targets, choices, rationale, *rest = json.loads(record.decode("utf-8", "surrogatepass"))
    if not rest:
        return Example(name, fields, tuple(targets), tuple(choices), rationale, (), (), where)
    accepted, said, tools, weight = [*rest, (), (), ()][:4]  # At least the first of them is there.
    messages = tuple(_message(*turn) for turn in said)
    own = (tuple(tools), where, tuple(accepted), *weight)
    return Example(name, fields, tuple(targets), tuple(choices), rationale, messages, *own)


def _message(role: Role, content: str, train: bool, calls: Sequence[Any], who: str, weight: float = 1.0, spans: Any = ()) -> Message:
    return Message(role, content, train, tuple(calls), who, weight, tuple(map(tuple, spans)))


class StoredRows(Sequence[Example]):
    """Examples in a file; slices are views of it."""

    def __init__(self, path: Path, offsets: np.ndarray, report: ReadReport, beside: tuple[Any, bytes] = (None, b"")) -> None:
        self._path, self._offsets = path, offsets
        self.beside = beside
        """What else is known of the rows: one JSON value, and bytes."""
        self.report = report
        """What became of the rows when they were read."""

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return Chosen(self, range(len(self))[index])
        place = range(len(self))[index]
        start, stop = int(self._offsets[place]), int(self._offsets[place + 1])
        return decoded(_FILES.read(self._path, stop - start, start))

    def __iter__(self) -> Iterator[Example]:
        first = 0
        while first < len(self):
            start = int(self._offsets[first])
            last = max(first + 1, int(np.searchsorted(self._offsets, start + _AT_ONCE, side="right")) - 1)
            block = _FILES.read(self._path, int(self._offsets[last]) - start, start)
            places = (self._offsets[first : last + 1] - start).tolist()
            for here, there in pairwise(places):
                yield decoded(block[here:there])
            first = last


def stored_rows(key: str) -> StoredRows | None:
    """Returns the rows that are kept under a key; None where there are none, or the file is not whole."""
    path = _folder() / f"{key}.rows"
    try:
        with path.open("rb") as handle:
            handle.seek(-24, os.SEEK_END)
            length, mark = int.from_bytes(handle.read(8), "little"), handle.read(16)
            if mark != _MARK:
                return None
            handle.seek(-24 - length, os.SEEK_END)
            about = json.loads(handle.read(length))
            handle.seek(about["end"])
            offsets = np.frombuffer(handle.read(8 * (about["num_rows"] + 1)), np.int64)
            beside = about["beside"], handle.read(about["num_bytes"])
        os.utime(path)
    except (OSError, ValueError, KeyError):
        return None
    refusals = [Refusal(*refusal) for refusal in about["refusals"]]
    return StoredRows(path, offsets, ReadReport(about["source"], about["num_rows"], Counter(about["dropped"]), refusals), beside)


class RowKeeper:
    """Takes the examples of one source, in memory while there is room for them, then on disk.

    Use it with `with`: a reading that fails leaves nothing behind.

    Args:
        key: The name to keep the rows under; None: they cannot be known again, and are removed when nobody holds them.
    """

    def __init__(self, key: str | None) -> None:
        self._key = key
        self._held = HeldRows()
        self._file: BinaryIO | None = None
        self._temporary: Path | None = None
        self._offsets = array("q", [0])

    def __enter__(self) -> "RowKeeper":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._held) if self._file is None else len(self._offsets) - 1

    def append(self, example: Example) -> None:
        """Takes the next example."""
        if self._file is not None:
            self._write(example)
            return
        self._held.append(example)
        if len(self._held) >= FEW and HeldRows.num_settled + len(self._held) > HELD:
            self._spill()

    def id_of(self, number: int) -> str:
        """Returns the id of one of the examples so far."""
        if self._file is None or self._temporary is None:
            return self._held[number].id
        self._file.flush()
        start, stop = self._offsets[number], self._offsets[number + 1]
        with self._temporary.open("rb") as handle:
            return decoded(os.pread(handle.fileno(), stop - start, start)).id

    def finish(self, report: ReadReport, beside: Any = None, numbers: bytes = b"") -> Sequence[Example]:
        """Returns all of them; on disk, what became of the other rows is kept with them, and what else is known of them."""
        if self._file is None or self._temporary is None:
            return self._held.settled()
        offsets = np.array(self._offsets, np.int64)
        refusals = [[one.file, one.row, one.reason] for one in report.refusals]
        about = {"source": report.source, "num_rows": len(self), "dropped": report.dropped, "refusals": refusals}
        about |= {"beside": beside, "num_bytes": len(numbers)}
        written = json.dumps({**about, "end": int(offsets[-1])}, ensure_ascii=False).encode("utf-8", "surrogatepass")
        for part in (offsets.tobytes(), numbers, written, len(written).to_bytes(8, "little"), _MARK):
            self._file.write(part)
        self._file.flush()
        path, self._temporary = self._temporary, None
        if self._key is None:
            rows = StoredRows(path, offsets, report)
            weakref.finalize(rows, path.unlink, missing_ok=True)
            return rows
        os.fsync(self._file.fileno())
        kept = path.with_name(f"{self._key}.rows")
        path.replace(kept)
        return StoredRows(kept, offsets, report)

    def _spill(self) -> None:
        """Moves what is held to a file, and everything else after it."""
        folder = _folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(".tmp", "rows-", folder)
        except OSError:  # A cache that cannot be written to: these rows are then written anew each time.
            number, name = tempfile.mkstemp(".tmp", "didact-rows-")
            self._key = None
        _remove_old(folder)
        self._temporary, self._file = Path(name), os.fdopen(number, "wb", buffering=1 << 20)
        for example in self._held:
            self._write(example)
        self._held = HeldRows()

    def _write(self, example: Example) -> None:
        assert self._file is not None
        record = encoded(example)
        self._file.write(record)
        self._offsets.append(self._offsets[-1] + len(record))


class HeldRows(list[Example]):
    """Examples in memory, counted over all sources for as long as somebody holds them."""

    __slots__ = ("__weakref__",)
    num_settled = 0
    """Examples of all lists that are settled and still held."""

    def settled(self) -> "HeldRows":
        """Returns the list itself, counted from now on."""
        HeldRows.num_settled += len(self)
        weakref.finalize(self, _let_go, len(self))
        return self


def _let_go(number: int) -> None:
    HeldRows.num_settled -= number


class _OpenFiles:
    """Few open files for many readers: a thousand sources are more than a process may open at once."""

    def __init__(self, most: int = 64) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._most, self._lock = most, threading.Lock()

    def read(self, path: Path, length: int, start: int) -> bytes:
        with self._lock:
            number = self._open.pop(path, None)
            if number is None:
                number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            self._open[path] = number
            if len(self._open) > self._most:
                os.close(self._open.popitem(last=False)[1])
            return os.pread(number, length, start)


_FILES = _OpenFiles()


def _folder() -> Path:
    return cache_root() / "rows"


def _remove_old(folder: Path) -> None:
    """Removes what nobody has opened for long, and what a reading that was killed has left."""
    oldest = time.time() - MAX_AGE_S
    for file in folder.iterdir() if folder.is_dir() else ():
        try:
            if file.suffix in (".rows", ".tmp") and file.stat().st_mtime < oldest:
                file.unlink()
        except OSError:  # another process was quicker
            continue
