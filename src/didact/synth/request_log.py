"""The log of a synthesis: one checksummed line for each request that came to an end, written before anything is made of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from didact.base.checked_log import CheckedLog, Place
from didact.synth.ask import Failed, Reply


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
    batched_prompt_tokens: int = 0
    """Those of the tokens read that were read in batches."""
    batched_completion_tokens: int = 0
    """The same of those that it wrote."""


def request_hash(address: str, body: bytes, sample: int = 0) -> str:
    """Returns the name of a request: 32 digits that change with who is asked, with any byte that is sent, and with the number of the draw.

    >>> request_hash("a", b"{}") == request_hash("a", b"{}", 0), request_hash("a", b"{}") == request_hash("a", b"{}", 1)
    (True, False)
    """
    digest = blake2b(digest_size=16)
    for part in (address.encode(), body, str(sample).encode()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


class RequestLog(CheckedLog):
    """An append-only file of ended requests, which finds each by its hash.

    Args:
        path: The file; it is made where it is missing.
        retry_failed: Requests that failed in an earlier start are asked again.
        keep_bodies: What was sent is written too: to look at, and about as large as the rest.

    Raises:
        RunError: Another process writes to it.
        DataError: A line before the last is damaged.
    """

    def __init__(self, path: Path, *, retry_failed: bool = False, keep_bodies: bool = False) -> None:
        self.stages: dict[str, StageTotals] = {}
        self._keep_bodies = keep_bodies
        self._places: dict[bytes, Place] = {}

        def remember(row: dict[str, Any], place: Place) -> None:
            if not ("failed" in row and retry_failed):
                self._remember(row, place)

        super().__init__(path, remember)

    def __len__(self) -> int:
        return len(self._places)

    def find(self, name: str) -> Reply | Failed | None:
        """Returns how a request ended; None where it has not been asked to its end."""
        place = self._places.get(bytes.fromhex(name))
        if place is None:
            return None
        found = self.row_at(place)
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
            if end.batched:
                row["reply"]["batched"] = True
        if self._keep_bodies:
            row["body"] = json.loads(body)
        (place,) = self.write([row])
        self._remember(row, place)

    def total(self, of: Callable[[StageTotals], int]) -> int:
        """Returns a count over all stages, as in `log.total(lambda stage: stage.num_attempts)`."""
        return sum(of(stage) for stage in self.stages.values())

    def _remember(self, row: dict[str, Any], place: Place) -> None:
        name = bytes.fromhex(row["hash"])
        if name in self._places:  # one that had failed and was asked again
            self.stages[row["stage"]].num_failed -= 1
        self._places[name] = place
        stage = self.stages.setdefault(row["stage"], StageTotals())
        stage.num_attempts += row["attempts"]
        if "failed" in row:
            stage.num_failed += 1
            return
        stage.num_answered += 1
        stage.prompt_tokens += row["reply"]["prompt_tokens"]
        stage.completion_tokens += row["reply"]["completion_tokens"]
        if row["reply"].get("batched"):
            stage.batched_prompt_tokens += row["reply"]["prompt_tokens"]
            stage.batched_completion_tokens += row["reply"]["completion_tokens"]
