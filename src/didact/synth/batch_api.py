"""A server's batches: handed in once whatever goes wrong on the way, looked at now and then, their results fetched."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic
from typing import Any, TypeVar

from didact.base.errors import ModelError, RunError
from didact.models.endpoint import Endpoint, Refused, Retry
from didact.synth.batch_journal import JOURNAL, Batch
from didact.synth.batch_lines import VERSION, Result, results_of
from didact.synth.wire import canonical

T = TypeVar("T")
_WINDOW = "24h"
"""How long a server may take; the only choice that there is."""
_EARLIER_S = 24 * 3600.0
"""Seconds by which clocks may differ when batches are looked through, newest first."""
_PAGE = 100
"""Batches of one page of their list: the most that is allowed."""
_SETTLE_S = 5.0
"""Seconds after which a batch whose creation was not heard of stands in the list, where it exists."""


class BatchApi:
    """The five addresses of a server's batches.

    Args:
        endpoint: The server.
        patience_s: Seconds for which the server may be silent or too busy, until that is told.
        longest_wait_s: Most seconds between two tries.
    """

    def __init__(self, endpoint: Endpoint, *, patience_s: float = 600.0, longest_wait_s: float = 60.0) -> None:
        self._endpoint, self._patience_s, self._longest_wait_s = endpoint, patience_s, longest_wait_s

    async def upload(self, name: str, content: bytes) -> str:
        """Returns what the server calls a file that it was sent; sending it twice costs nothing.

        Raises:
            ModelError: The server takes no files.
            RunError: It has not answered for long.
        """

        async def once() -> str:
            return _named(await self._endpoint.upload(name, content))

        try:
            return await self.patiently(once)
        except ModelError as error:
            error.remedy = f"teacher.batch=false where the server has no batches; {error.remedy}"
            raise

    async def create(self, batch: Batch) -> str:
        """Returns what the server calls a batch that it has been asked for; never asks while there may be one already.

        Raises:
            ModelError: The server refuses it.
            RunError: It has not answered for long.
        """
        asked = {
            "input_file_id": batch.file,
            "endpoint": VERSION + batch.path,
            "completion_window": _WINDOW,
            "metadata": {"didact": batch.key},
        }
        unsure = False

        async def once() -> str:
            nonlocal unsure
            if unsure and (found := await self.find(batch)):
                return found
            unsure = True
            await self._endpoint.close()  # a connection that was kept may break, and what was sent would be sent again unasked
            return _named(await self._endpoint.post("/batches", canonical(asked)))

        return await self.patiently(once, least_s=min(_SETTLE_S, self._longest_wait_s))

    async def find(self, batch: Batch) -> str | None:
        """Returns what the server calls a batch that may have been created, by our key and by its file; None where there is none.

        Raises:
            ModelError: The server has no list of its batches.
            RunError: It has not answered for long.
        """
        after = ""
        while True:
            address = f"/batches?limit={_PAGE}{after}"
            try:
                page = await self.patiently(lambda address=address: self._endpoint.get(address))  # type: ignore[misc]
            except ModelError as error:
                error.remedy = f"look there whether a batch of {JOURNAL}'s last line runs; if not, delete that line and start again"
                raise
            listed = page.get("data") or []
            for one in listed:
                if (one.get("metadata") or {}).get("didact") == batch.key or one.get("input_file_id") == batch.file:
                    return str(one["id"])
            if not listed or not page.get("has_more") or float(listed[-1].get("created_at") or 0) < batch.began - _EARLIER_S:
                return None
            after = f"&after={listed[-1]['id']}"

    async def look(self, batch: Batch) -> dict[str, Any]:
        """Returns what the server says of a batch: its `status`, its files.

        Raises:
            ModelError: The server does not know it.
            RunError: It has not answered for long.
        """
        try:
            return await self.patiently(lambda: self._endpoint.get(f"/batches/{batch.id}"))
        except ModelError as error:
            error.remedy = _gone(batch)
            raise

    async def results(self, batch: Batch, said: dict[str, Any]) -> dict[str, Result]:
        """Returns the results of a batch that has ended, by the names of its requests; some may be missing.

        Args:
            batch: The batch.
            said: From `look`.

        Raises:
            ModelError: A file is gone.
            RunError: The server has not answered for long.
        """
        try:
            files = [await self.patiently(lambda name=name: self._endpoint.download(name)) for name in _files(said)]  # type: ignore[misc]
        except ModelError as error:
            error.remedy = _gone(batch)
            raise
        return await asyncio.to_thread(results_of, files, lambda answer: self._endpoint.problem(answer, batch.path))

    async def patiently(self, ask: Callable[[], Awaitable[T]], least_s: float = 0.0) -> T:
        """Returns what comes of asking, as often as the server is too busy or silent.

        Args:
            ask: Asks once.
            least_s: Seconds between two tries, at least.

        Raises:
            ModelError: The server refuses.
            RunError: It has been too busy or silent for too long.
        """
        began, wait = monotonic(), min(0.5, self._longest_wait_s)
        while True:
            try:
                return await ask()
            except Refused as problem:
                raise ModelError(
                    f"the server refuses a batch ({problem.reason})",
                    where=self._endpoint.url,
                    expected=problem.said,
                    remedy="put teacher.url or teacher.model right, or teacher.batch=false",
                ) from None
            except Retry as problem:
                if (silent := monotonic() - began) > self._patience_s:
                    what = f"the server has not answered for {silent:.0f} seconds ({problem.reason})"
                    remedy = "start again later: its batches go on, and what they bring is fetched then"
                    raise RunError(what, where=self._endpoint.url, remedy=remedy) from None
                await asyncio.sleep(max(wait, least_s, problem.after_s or 0.0))
                wait = min(2 * wait, self._longest_wait_s)

    async def close(self) -> None:
        """Closes the connections."""
        await self._endpoint.close()


def _gone(batch: Batch) -> str:
    return f"is it the same account? else sed -i /{batch.key}/d {JOURNAL} in the run's folder: its requests are asked and paid again"


def _named(found: dict[str, Any]) -> str:
    if not found.get("id"):
        raise Retry("malformed reply")
    return str(found["id"])


def _files(said: dict[str, Any]) -> Iterator[str]:
    return (said[key] for key in ("output_file_id", "error_file_id") if said.get(key))
