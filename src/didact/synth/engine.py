"""The engine: runs a method's chains at once, asks what they ask, retries what fails, and loses nothing that was answered."""

import asyncio
import gc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from heapq import heappop, heappush
from time import monotonic
from typing import Any

from didact.base.errors import ModelError, RunError
from didact.synth.ask import Chain, Failed, Program, Reply
from didact.synth.backend import Backend, Refused, Retry
from didact.synth.budget import Budget
from didact.synth.limits import Limits, Pace, Slots
from didact.synth.outcome import Outcome
from didact.synth.progress import Progress
from didact.synth.request_log import RequestLog, request_hash
from didact.synth.work import Place, Work, judged

_TICK_S = 0.25
"""Seconds between two looks at the clock, and between two reports."""
_SYNC_LINES, _SYNC_S = 64, 1.0
"""The log is synced after so many replies or seconds, whichever comes first."""
_AT_ONCE = 256
"""Chains that are begun before the loop looks at anything else."""
_NOBODY_AFTER = 3
"""Tries of one request after which a server that has never answered is taken to be not there."""


def run_program(
    program: Program,
    backend: Backend,
    log: RequestLog,
    limits: Limits,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    seed: int = 0,
) -> Outcome:
    """Returns what a method ends in, having asked all that it asks.

    What is in the log is not asked again, so a run that was ended goes on where it was.

    Args:
        program: From a method.
        backend: Who answers.
        log: Where every reply goes before the method sees it.
        limits: How much may be asked.
        on_progress: Called a few times a second, and at the end.
        seed: Waiting times are drawn from it.

    Raises:
        RunError: A limit is reached, nothing moves any more, or the log cannot be written. What was answered is in the log.
        ModelError: No request can be answered.
    """

    def run() -> Outcome:
        with _few_collections():
            return asyncio.run(_Engine(backend, log, limits, on_progress, seed).run(program))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    with ThreadPoolExecutor(1) as thread:  # in a notebook, whose own loop is running
        return thread.submit(run).result()


@contextmanager
def _few_collections() -> Iterator[None]:
    """Keeps the garbage collector from what was there before, some hundred thousand objects of libraries.

    Each look at them stops all requests, for a tenth of a second.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _Engine:
    """One loop, one queue for new and retried work."""

    def __init__(self, backend: Backend, log: RequestLog, limits: Limits, on_progress: Callable[[Progress], None], seed: int) -> None:
        self.backend, self.log, self.limits, self.on_progress, self.seed = backend, log, limits, on_progress, seed
        self.queue = list[tuple[float, int, Work]]()  # (when it may go, a running number, the request)
        self.open = dict[str, Work]()  # requests that have not come to their end, by hash: equal ones are sent once
        self.flying = dict[asyncio.Task[Reply], Work]()
        self.results = dict[str, Any]()
        self.error: Exception | None = None
        self.slots, self.budget = Slots(limits.concurrency), Budget(limits, log)
        self.requests, self.tokens = Pace(limits.requests_per_minute), Pace(limits.tokens_per_minute)
        self.wake = asyncio.Event()
        self.began = self.moved = self.told = self.synced = monotonic()
        self.paused_until = 0.0
        self.syncing: asyncio.Task[None] | None = None
        self.num_queued = self.num_sent = self.num_heard = self.num_replayed = self.num_retried = self.num_before = self.num_rows = 0

    async def run(self, program: Program) -> Outcome:
        try:
            table = next(program)
            while True:
                table = program.send(await self.run_table(table))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        finally:
            for task in self.flying:
                task.cancel()
            await asyncio.gather(*self.flying, return_exceptions=True)
            await self.backend.close()
            if self.syncing is not None:
                await self.syncing
            self.log.sync()
            self.on_progress(self.progress())

    async def run_table(self, table: Mapping[str, Chain]) -> dict[str, Any]:
        """Returns what every chain of a table returns, in its order."""
        self.num_before, self.results = self.num_before + len(self.results), {}
        self.num_rows += len(table)
        fresh = iter(table.items())
        while True:
            seconds = self.start(fresh)
            if self.error is not None and not self.flying:
                raise self.error
            if len(self.results) == len(table):
                return {name: self.results[name] for name in table}
            await self.pause(seconds)

    def start(self, fresh: Iterator[tuple[str, Chain]]) -> float:
        """Sends all that may go now; returns the seconds after which more may."""
        num_begun = 0
        while self.error is None and len(self.flying) < self.slots.limit:
            now = monotonic()
            if self.queue and self.queue[0][0] <= now:  # rows that are under way go before new ones
                work = self.queue[0][2]
                seconds = max(self.paused_until - now, self.requests.wait(now), self.tokens.wait(now))
                if seconds > 0 or not self.may_spend(work):
                    return seconds or _TICK_S
                self.send(heappop(self.queue)[2], now)
            elif num_begun == _AT_ONCE:
                return 0.0
            elif (begun := next(fresh, None)) is not None:
                num_begun += 1
                self.advance(*begun, None)
            else:
                return self.queue[0][0] - now if self.queue else _TICK_S
        return _TICK_S

    async def pause(self, seconds: float) -> None:
        """Waits until something has happened, or for some seconds, and looks after the log, the clock and the listener."""
        if seconds <= 0:
            await asyncio.sleep(0)
        else:
            timer = asyncio.get_running_loop().call_later(min(seconds, _TICK_S), self.wake.set)
            await self.wake.wait()
            timer.cancel()
        self.wake.clear()
        now = monotonic()
        if now - self.told >= _TICK_S:
            self.told = now
            self.on_progress(self.progress())
        if self.syncing is not None and self.syncing.done():
            self.syncing.result()
            self.syncing = None
        if self.syncing is None and (self.log.num_unsynced >= _SYNC_LINES or (self.log.num_unsynced and now - self.synced >= _SYNC_S)):
            self.synced, self.syncing = now, asyncio.create_task(asyncio.to_thread(self.log.sync))
        if self.flying and now - self.moved > self.limits.stall_s:
            self.stalled(now)

    def stalled(self, now: float) -> None:
        stages = ", ".join(sorted({work.ask.stage for work in self.flying.values()}))
        what = f"nothing has moved for {now - self.moved:.0f} seconds: {len(self.flying)} requests wait for a reply"
        where, remedy = f"{self.backend.address}, stage {stages}", "look at the server, then start again: what is answered is kept"
        self.error = self.error or RunError(what, where=where, remedy=remedy)
        for task in self.flying:
            task.cancel()

    def may_spend(self, work: Work) -> bool:
        """Says whether the limits of the run leave room for a request; ends the run when they never will."""
        reached = self.budget.reached(work.most)
        if reached and not self.flying:
            remedy = f"raise {reached.partition('=')[0]} and start again: what is answered is kept"
            self.error = RunError(f"a limit of the run is reached: {reached}", where=f"stage {work.ask.stage}", remedy=remedy)
        return not reached

    def send(self, work: Work, now: float) -> None:
        work.attempts, work.sent, work.generation = work.attempts + 1, now, self.slots.generation
        self.num_sent, self.moved = self.num_sent + 1, now
        self.budget.sent(work.most)
        self.requests.take(now, 1)
        self.tokens.take(now, sum(work.most))
        task = asyncio.ensure_future(self.backend.send(work.body, work.ask.sample))
        self.flying[task] = work
        task.add_done_callback(self.came_back)

    def came_back(self, task: "asyncio.Task[Reply]") -> None:
        """Takes in how one sending ended."""
        work, self.moved = self.flying.pop(task), monotonic()
        self.wake.set()
        self.budget.came_back(work.most)
        if task.cancelled():
            return
        problem = task.exception()
        used = 0 if problem else task.result().prompt_tokens + task.result().completion_tokens
        self.tokens.give_back(sum(work.most) - used)
        busy = isinstance(problem, Retry) and problem.busy
        halved = self.slots.heard(busy=busy, sent_in=work.generation)
        try:
            if isinstance(problem, Retry):
                self.retry(work, problem, halved)
            elif isinstance(problem, Refused):
                self.end(work, Failed(problem.reason, work.name))
            elif problem is not None:
                raise problem
            else:
                self.num_heard += 1
                self.end(work, task.result())
        except Exception as error:  # noqa: BLE001 (raised where the loop is, once all that is under way has come back)
            self.error = self.error or error

    def retry(self, work: Work, problem: Retry, halved: bool) -> None:
        if problem.reason == "no connection" and work.attempts >= _NOBODY_AFTER and not self.num_heard:
            raise ModelError(
                "nobody answers", where=self.backend.address, expected="a running server", remedy="start it, or put teacher.url right"
            )
        if work.attempts >= self.limits.attempts:
            self.end(work, Failed(problem.reason, work.name))
            return
        asked = problem.after_s or 0.0
        if asked > self.limits.stall_s:
            what = f"the server asks to wait for {asked:,.0f} seconds"
            raise RunError(what, where=self.backend.address, remedy="start again then: what is answered is kept")
        seconds = max(asked, self.limits.backoff(self.seed, work.name, work.attempts))
        if halved:
            self.paused_until = self.moved + asked
        self.num_retried += 1
        self.put(work, self.moved + seconds)

    def end(self, work: Work, answer: Reply | Failed) -> None:
        """Writes how a request ended, and lets every chain that waits for it go on."""
        del self.open[work.name]
        self.log.append(
            work.name,
            work.ask.stage,
            answer,
            sample=work.ask.sample,
            attempts=work.attempts,
            latency_s=monotonic() - work.sent,
            body=work.body,
        )
        self.budget.ended(work.attempts)
        if self.error is not None:
            return
        found = self.log.find(work.name)  # as a later start will hear it
        for place in work.places:
            heard = self.judge(place, found)
            if heard is not None:
                self.advance(place.name, place.chain, heard)

    def advance(self, name: str, chain: Chain, answer: Reply | Failed | None) -> None:
        """Goes on with a chain until it ends or waits for a reply that is not in the log."""
        while True:
            try:
                ask = chain.send(answer) if answer is not None else next(chain)
            except StopIteration as end:
                self.results[name] = end.value
                return
            answer = self.ask(Place(name, chain, ask))
            if answer is None:
                return

    def ask(self, place: Place) -> Reply | Failed | None:
        """Returns the answer to what a chain asks where the log has it; else it is queued, and the answer will come."""
        body = self.backend.wire(place.ask)
        name = request_hash(self.backend.address, body, place.ask.sample)
        found = self.log.find(name)
        if found is not None:
            self.num_replayed += 1
            return self.judge(place, found)
        if name not in self.open:
            self.open[name] = Work(place.ask, body, name)
            self.put(self.open[name], monotonic())
        self.open[name].places.append(place)
        return None

    def judge(self, place: Place, found: Reply | Failed | None) -> Reply | Failed | None:
        """Returns what a chain hears of an answer; None where it is asked for once more with more tokens, and has to wait."""
        heard = judged(place, found, self.limits.finish)
        return self.ask(heard) if isinstance(heard, Place) else heard

    def put(self, work: Work, due: float) -> None:
        self.num_queued += 1
        heappush(self.queue, (due, self.num_queued, work))

    def progress(self) -> Progress:
        log, tokens = self.log, self.budget.tokens
        return Progress(
            num_rows_done=self.num_before + len(self.results),
            num_rows=self.num_rows,
            num_in_flight=len(self.flying),
            num_waiting=len(self.queue),
            num_slots=self.slots.limit,
            num_sent=self.num_sent,
            num_replayed=self.num_replayed,
            num_retried=self.num_retried,
            num_answered=log.total(lambda stage: stage.num_answered),
            num_failed=log.total(lambda stage: stage.num_failed),
            prompt_tokens=int(tokens[0]),
            completion_tokens=int(tokens[1]),
            money=self.budget.money,
            seconds=monotonic() - self.began,
        )
