"""The log of a synthesis: one checksummed line for each request that came to an end, written before anything is made of it."""

import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from didact.base.errors import DataError, RunError
from didact.synth.ask import Failed, Reply

try:
    import fcntl
except ImportError:  # a system without it: nobody looks whether two processes write
    fcntl = None  # type: ignore[assignment]

_MARK = b', "check": "'
_TAIL = len(_MARK) + 8 + len('"}')


@dataclass(slots=True)
class StageTotals:
    """What one stage has asked for."""

    num_answered: int = 0
    """Requests with a reply."""
    num_failed: int = 0
    """Requests that never got one."""
    num_attempts: int = 0
    """How often they were sent, in all."""
    prompt_tokens: int = 0
    """Tokens that the model read."""
    completion_tokens: int = 0
    """Tokens that it wrote."""


def request_hash(address: str, body: bytes, sample: int = 0) -> str:
    """Returns the name of a request: 32 digits that change with who is asked, with any byte that is sent, and with the number of the draw.

    >>> request_hash("a", b"{}") == request_hash("a", b"{}", 0), request_hash("a", b"{}") == request_hash("a", b"{}", 1)
    (True, False)
    """
    digest = blake2b(digest_size=16)
    for part in (address.encode(), body, str(sample).encode()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


class RequestLog:
    """An append-only file of ended requests, which finds each by its hash.

    A line is JSON whose last key is a checksum of all before it. A line that a crash has torn is cut off when the file is opened.

    Args:
        path: The file; it is made where it is missing.
        retry_failed: Requests that failed in an earlier start are asked again.
        keep_bodies: What was sent is written too: to look at, and about as large as the rest.

    Raises:
        RunError: Another process writes to it.
        DataError: A line before the last is damaged.
    """

    def __init__(self, path: Path, *, retry_failed: bool = False, keep_bodies: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.num_torn, self.num_unsynced = path, 0, 0
        self.stages: dict[str, StageTotals] = {}
        self._keep_bodies = keep_bodies
        self._places: dict[bytes, tuple[int, int]] = {}
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
            self._end = self._read_all(retry_failed)
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._places)

    def find(self, name: str) -> Reply | Failed | None:
        """Returns how a request ended; None where it has not been asked to its end."""
        place = self._places.get(bytes.fromhex(name))
        if place is None:
            return None
        found = json.loads(os.pread(self._handle, place[1], place[0]))
        if "failed" in found:
            return Failed(found["failed"], name)
        return replace(Reply(**found["reply"]), hash=name, top_logprobs=tuple(found["reply"].get("top_logprobs", ())))

    def append(
        self, name: str, stage: str, end: Reply | Failed, *, sample: int, attempts: int, latency_s: float, body: bytes = b""
    ) -> None:
        """Writes how a request ended. It is in the system's hands when this returns, and on the disk after `sync`.

        Args:
            name: Its hash.
            stage: What it was for.
            end: The reply, or why there is none.
            sample: Which draw it was.
            attempts: How often it was sent.
            latency_s: Seconds that the reply took.
            body: What was sent; written where the log keeps bodies.

        Raises:
            RunError: The file cannot be written: the disk is full.
        """
        row: dict[str, Any] = {"hash": name, "stage": stage, "sample": sample, "attempts": attempts, "latency_s": round(latency_s, 4)}
        if isinstance(end, Failed):
            row["failed"] = end.reason
        else:
            row["reply"] = {key: getattr(end, key) for key in ("text", "finish", "prompt_tokens", "completion_tokens", "model")}
            if end.top_logprobs:
                row["reply"]["top_logprobs"] = [dict(place) for place in end.top_logprobs]
        if self._keep_bodies:
            row["body"] = json.loads(body)
        line = checked_line(row)
        try:
            written = 0
            while written < len(line):
                written += os.pwrite(self._handle, line[written:], self._end + written)
        except OSError as error:
            os.ftruncate(self._handle, self._end)
            raise RunError(
                f"a reply cannot be written: {error.strerror}", where=str(self.path), remedy="make room and start again"
            ) from None
        self._remember(row, self._end, len(line))
        self._end += len(line)
        self.num_unsynced += 1

    def sync(self) -> None:
        """Makes what was appended survive a power cut; may run in a thread of its own."""
        self.num_unsynced = 0
        os.fsync(self._handle)

    def close(self) -> None:
        """Syncs and closes."""
        if self._handle >= 0:
            self.sync()
            os.close(self._handle)
            self._handle = -1

    def total(self, of: Callable[[StageTotals], int]) -> int:
        """Returns a count over all stages, as in `log.total(lambda stage: stage.num_attempts)`."""
        return sum(of(stage) for stage in self.stages.values())

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError("another process writes to this log", where=str(self.path), remedy="wait for it, or end it") from None

    def _read_all(self, retry_failed: bool) -> int:
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
                    remedy=f"sed -i {bad[0]}d {self.path}: its request is then asked again",
                )
            good = place + len(line)
            if not ("failed" in row and retry_failed):
                self._remember(row, place, len(line))
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

    def _remember(self, row: dict[str, Any], place: int, length: int) -> None:
        name = bytes.fromhex(row["hash"])
        if name in self._places:  # one that had failed and was asked again
            self.stages[row["stage"]].num_failed -= 1
        self._places[name] = (place, length)
        stage = self.stages.setdefault(row["stage"], StageTotals())
        stage.num_attempts += row["attempts"]
        if "failed" in row:
            stage.num_failed += 1
            return
        stage.num_answered += 1
        stage.prompt_tokens += row["reply"]["prompt_tokens"]
        stage.completion_tokens += row["reply"]["completion_tokens"]


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
