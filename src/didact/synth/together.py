"""Together: requests that wait at the same time are worked on together, in a thread of their own."""

import asyncio
from collections.abc import Callable, Sequence

from didact.synth.ask import Reply

_GATHER_S = 0.005
"""Seconds in which requests gather before the first of them is worked on."""
Answers = Callable[[Sequence[tuple[bytes, int]]], Sequence[Reply | Exception]]
"""From (body, sample) of each request to its reply, or to why there is none."""


class Together:
    """A queue before something that answers many requests at once.

    Args:
        answers: Answers all that wait; what it raises is told to each.

    >>> together = Together(lambda asked: [Reply(body.decode() * sample) for body, sample in asked])
    >>> asyncio.run(together.send(b"la", 2)).text
    'lala'
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._waiting = list[tuple[bytes, int, "asyncio.Future[Reply]"]]()
        self._worker: asyncio.Task[None] | None = None

    async def send(self, body: bytes, sample: int) -> Reply:
        """Returns the reply, worked out together with those of other requests."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((body, sample, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        found: Reply = await future
        return found

    async def close(self) -> None:
        """Waits for what is being worked on."""
        if self._worker is not None:
            await self._worker

    async def _work(self) -> None:
        try:
            await asyncio.sleep(_GATHER_S)
            while self._waiting:
                taken, self._waiting = [one for one in self._waiting if not one[2].done()], []
                replies: Sequence[Reply | Exception]
                try:
                    replies = await asyncio.to_thread(self._answers, [(body, sample) for body, sample, _ in taken])
                except Exception as error:  # noqa: BLE001 (told to everyone who waits)
                    replies = [error] * len(taken)
                for (_, _, future), reply in zip(taken, replies, strict=True):
                    if future.done():
                        continue
                    if isinstance(reply, Reply):
                        future.set_result(reply)
                    else:
                        future.set_exception(reply)
        finally:
            self._worker = None
