"""Batches: a server that is handed many requests in a file and answers within a day, for less; nothing is handed in twice."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic, time, time_ns
from typing import Any

from didact.base.errors import DidactError, ModelError, RunError
from didact.models.endpoint import Refused, Retry
from didact.synth.ask import Ask, Reply
from didact.synth.batch_api import BatchApi
from didact.synth.batch_journal import Batch, BatchJournal
from didact.synth.batch_lines import Result, batch_line, parts
from didact.synth.limits import FEW
from didact.synth.remote import Remote
from didact.synth.request_log import request_hash

MOST_REQUESTS, MOST_BYTES = 50_000, 200 * 10**6
"""Of one file. Source: OpenAI's API reference, `Create batch`."""
_ENDED = {"completed", "failed", "expired", "cancelled"}
_FULL = "token_limit_exceeded"
"""A batch is refused because too much is waiting already."""
_FEWEST = 100
"""Requests below which a file is not made smaller for that reason."""
_TRIES = 3
"""Requests of one kind that may be refused one by one before a batch of them is handed in all the same."""
_TELL_S = 600.0
"""Seconds between two reports of a batch in which only counts change."""


@dataclass(slots=True)
class _Asked:
    """A request that waits for its reply."""

    body: bytes
    sample: int
    future: "asyncio.Future[Reply]"


class Batches:
    """A server that answers by batches.

    Requests gather until no more come; the first of each kind goes by the ordinary way, which finds out within seconds whether the key, the
    model and the form are right; the others are handed in, unless they are few. A request that an earlier start has handed in is waited
    for.

    Args:
        remote: The same server, asked one by one.
        journal: Where each batch is written down.
        say: Hears what becomes of the batches.
        poll_s: Seconds between two looks at a batch.
        patience_s: Seconds for which the server may be silent.
        gather_s: A file is closed when no request has come for so many seconds.
        most_requests: Of one file.
        most_bytes: Of one file.
        few: Fewer requests than these go by the ordinary way.
    """

    def __init__(
        self,
        remote: Remote,
        journal: BatchJournal,
        *,
        say: Callable[[str], None] = lambda _: None,
        poll_s: float = 60.0,
        patience_s: float = 600.0,
        gather_s: float = 1.0,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
        few: int = FEW,
    ) -> None:
        self._remote, self._journal, self._say = remote, journal, say
        self._api = BatchApi(remote.endpoint, patience_s=patience_s, longest_wait_s=poll_s)
        self._poll_s, self._gather_s, self._most_requests, self._most_bytes = poll_s, gather_s, most_requests, most_bytes
        self._few = few
        self._asked = dict[str, _Asked]()
        self._waiting = list[str]()
        self._used = dict[str, str]()  # by request: the last batch that brought it a result, or never will
        self._seen_alive = set[str]()
        self._tasks = set[asyncio.Task[None]]()
        self._worker: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """The server's: a reply that it gave by the ordinary way is a reply to the same request."""
        return self._remote.address

    def wire(self, ask: Ask) -> bytes:
        """Returns what would be sent by the ordinary way."""
        return self._remote.wire(ask)

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        """Returns the reply, handed in together with other requests.

        Raises:
            Retry: The batch has ended without it.
            Refused: The server refuses the request.
            DidactError: No request will be answered, or a batch was cancelled.
        """
        name = request_hash(self.address, body, sample)
        self._asked[name] = _Asked(body, sample, asyncio.get_running_loop().create_future())
        self._wait(name)
        return await self._asked[name].future

    async def close(self) -> None:
        """Closes the connections; batches go on at the server."""
        tasks = [*self._tasks, *([self._worker] if self._worker else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._asked.clear()
        self._waiting.clear()
        await self._api.close()

    def _wait(self, *names: str) -> None:
        self._waiting += names
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """Hands in what waits, as long as anything does."""
        try:
            while self._waiting:
                num = 0
                while num != len(self._waiting):
                    num = len(self._waiting)
                    await asyncio.sleep(self._gather_s)
                names, self._waiting = self._waiting, []
                await self._hand_in(names)
        except Exception as error:  # noqa: BLE001 (told to everyone who waits)
            self._break_off(error)
        finally:
            self._worker = None

    async def _hand_in(self, names: Sequence[str]) -> None:
        held = dict[str, tuple[Batch, list[str]]]()
        fresh = list[str]()
        for name in names:
            batch = self._journal.latest(name)
            if batch is None or self._used.get(name) == batch.key:
                fresh.append(name)
            else:
                held.setdefault(batch.key, (batch, []))[1].append(name)
        for batch, group in held.values():
            if not batch.id and (found := await self._api.find(batch)):
                self._journal.created(batch, found)
            if batch.id:
                self._say(f"batch {batch.id}: handed in by an earlier start, {len(group):,} requests wait for it")
                self._begin(self._collect(batch, group))
            else:  # that start came no further than the file
                self._journal.forget(batch.names)
                fresh += group
        if len(fresh) < self._few:
            await asyncio.gather(*map(self._ask_one, fresh))
            return
        for path, bodies in (await self._tried(fresh)).items():
            lines = {name: batch_line(name, path, body) for name, body in bodies.items()}
            for part in parts(lines, self._most_requests, self._most_bytes):
                await self._hand_in_file(path, part)

    async def _tried(self, names: Iterable[str]) -> dict[str, dict[str, bytes]]:
        """Asks the first request of each kind by the ordinary way; returns what is to be sent for the others, by address and name."""
        found = dict[str, dict[str, bytes]]()
        num_refused = dict[tuple[str, bool], int]()
        for name in names:
            asked = self._asked[name]
            kind = self._remote.kind(asked.body)
            if kind in self._remote.known_kinds or num_refused.get(kind, 0) >= _TRIES:
                found.setdefault(kind[0], {})[name] = self._remote.as_sent(asked.body)
                continue
            num_refused[kind] = num_refused.get(kind, 0) + await self._ask_one(name)
        return found

    async def _ask_one(self, name: str) -> bool:
        """Asks by the ordinary way, and says whether the server has refused it."""
        asked = self._asked[name]

        async def once() -> Reply | Refused:
            try:
                return await self._remote.send(asked.body, asked.sample)
            except Refused as problem:
                return problem

        result = await self._api.patiently(once)
        self._settle(name, result)
        return isinstance(result, Refused)

    async def _hand_in_file(self, path: str, lines: Mapping[str, bytes]) -> None:
        content = b"".join(lines.values())
        key = f"{blake2b(content, digest_size=8).hexdigest()}-{time_ns():x}"  # the same requests may be handed in again later
        file = await self._api.upload(f"{key}.jsonl", content)
        batch = Batch(key, path, tuple(lines), file, time())
        self._journal.begin(batch)
        self._journal.created(batch, await self._api.create(batch))
        self._seen_alive.add(key)
        size = f"{len(content) / 1e6:,.1f} MB" if len(content) >= 50_000 else f"{len(content):,} bytes"
        self._say(f"batch {batch.id}: {len(lines):,} requests handed in, {size}; it may take 24 hours, and goes on when didact is stopped")
        self._begin(self._collect(batch, list(lines)))

    async def _collect(self, batch: Batch, names: Sequence[str]) -> None:
        """Waits for a batch and gives what it brings to those who wait for it."""
        said = await self._ended(batch)
        status, ours = said["status"], batch.key in self._seen_alive
        if status == "failed":
            await self._failed(batch, names, said, ours)
            return
        results = await self._api.results(batch, said)
        num_open = 0
        for name in names:
            result = results.get(name) or Retry("batch_expired" if status == "expired" else "no result in the batch")
            if status == "cancelled" and ours and isinstance(result, Retry):
                num_open += 1
                continue
            self._used[name] = batch.key
            self._settle(name, result)
        if num_open:
            what = f"batch {batch.id} was cancelled: {num_open:,} of {len(names):,} requests have no answer"
            raise RunError(what, where=self.address, remedy="start again to hand them in anew: what is answered is kept")

    async def _ended(self, batch: Batch) -> dict[str, Any]:
        """Returns what the server says of a batch when it has come to its end."""
        seconds, told, told_at = min(1.0, self._poll_s), "", 0.0
        while True:
            said = await self._api.look(batch)
            status, counts = str(said.get("status")), said.get("request_counts") or {}
            if status != told or monotonic() - told_at > _TELL_S:
                told, told_at = status, monotonic()
                done = f", {counts.get('completed', 0):,} of {counts['total']:,} answered" if counts.get("total") else ""
                self._say(f"batch {batch.id}: {status.replace('_', ' ')}{done}")
            if status in _ENDED:
                return said
            self._seen_alive.add(batch.key)
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, self._poll_s)

    async def _failed(self, batch: Batch, names: Sequence[str], said: Mapping[str, Any], ours: bool) -> None:
        """Hands requests in anew whose batch was refused: in smaller parts where it was too much, at once where an earlier start did it."""
        errors = (said.get("errors") or {}).get("data") or [{}]
        if any(error.get("code") == _FULL for error in errors):
            self._most_requests = min(self._most_requests, max(_FEWEST, len(batch.names) // 2))
            self._say(f"batch {batch.id}: too much waits at the server; tried again in {self._poll_s:g} seconds in smaller parts")
            await asyncio.sleep(self._poll_s)
        elif ours:
            why = "; ".join(f"{error.get('code', 'unknown')}: {error.get('message', '')}" for error in errors[:3])
            raise ModelError(
                f"batch {batch.id} was refused",
                where=self.address,
                expected=why,
                remedy="put that right and start again: it has cost nothing",
            )
        self._used |= dict.fromkeys(names, batch.key)
        self._wait(*names)

    def _settle(self, name: str, result: Result) -> None:
        if isinstance(result, DidactError):
            raise result
        asked = self._asked.pop(name, None)
        if asked is None or asked.future.done():
            return
        if isinstance(result, Reply):
            asked.future.set_result(result)
        else:
            asked.future.set_exception(result)

    def _begin(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._break_off(error)

    def _break_off(self, error: BaseException) -> None:
        """Tells everyone who waits that the run ends: what has been answered is in the log, and batches go on at the server."""
        for asked in self._asked.values():
            if not asked.future.done():
                asked.future.set_exception(error)
        self._asked.clear()
        self._waiting.clear()
