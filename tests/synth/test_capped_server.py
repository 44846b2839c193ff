"""A server that answers 429 to everything above a few requests at a time: the engine finds out how many, and keeps to it."""

import asyncio
from pathlib import Path

import pytest

from didact.synth.ask import Ask, Program, Reply
from didact.synth.backend import Retry
from didact.synth.direct import once
from didact.synth.engine import run_program
from didact.synth.limits import Limits, Slots
from didact.synth.outcome import Outcome, Row
from didact.synth.request_log import RequestLog
from didact.synth.wire import body_of


class Capped:
    """Takes so many requests at a time and refuses all others, at once or after as long as an answer takes."""

    address = "capped:"

    def __init__(self, most: int, *, refuse_s: float) -> None:
        self.most, self.refuse_s, self.num_now, self.refused = most, refuse_s, 0, list[bool]()

    def wire(self, ask: Ask) -> bytes:
        return body_of(ask, "capped")

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        if self.num_now >= self.most:
            await asyncio.sleep(self.refuse_s)
            self.refused.append(True)
            raise Retry("http 429", busy=True)
        self.num_now += 1
        await asyncio.sleep(0.005)
        self.num_now -= 1
        self.refused.append(False)
        return Reply("yes", model="capped")

    async def close(self) -> None:
        """Nothing is open."""


def questions(num_rows: int) -> Program:
    replies = yield {str(number): once(Ask("ask", prompt=f"Is {number} a number?")) for number in range(num_rows)}
    return Outcome(tuple(Row(name) for name, reply in replies.items() if isinstance(reply, Reply)))


@pytest.mark.parametrize("refuse_s", [0.0, 0.005], ids=["at once", "as late as answers"])
@pytest.mark.parametrize(("most", "slots"), [(4, 32), (4, 64), (24, 64)])
def test_of_what_is_sent_in_the_second_half_hardly_anything_is_refused(most: int, slots: int, refuse_s: float, tmp_path: Path):
    """Before: of 64 at a time and a server that takes 4, two of three sendings were refused to the very end."""
    server = Capped(most, refuse_s=refuse_s)
    with RequestLog(tmp_path / "log.jsonl") as log:
        outcome = run_program(questions(600), server, log, Limits(concurrency=slots, backoff_s=0.02))
    assert len(outcome.rows) == 600  # none was given up
    half = len(server.refused) // 2
    assert sum(server.refused[half:]) <= 0.05 * half
    assert len(server.refused) <= 600 * 1.5


def settled(slots: Slots, most: int, turns: int) -> list[int]:
    """The number after each turn in which as many are sent as may be, and those above `most` are refused."""
    seen = []
    for _ in range(turns):
        generation, at_a_time = slots.generation, slots.limit
        for number in range(at_a_time):
            slots.heard(busy=number >= most, sent_in=generation)
        seen.append(slots.limit)
    return seen


@pytest.mark.parametrize("most", [1, 3, 4, 7, 24, 50, 64])
def test_the_number_settles_at_what_the_server_takes(most: int):
    seen = settled(Slots(64), most, 600)[300:]
    assert 0.75 * most <= sorted(seen)[len(seen) // 2] <= 1.1 * most


def test_a_server_that_takes_more_later_is_noticed():
    slots = Slots(64)
    assert settled(slots, 4, 100)[-1] <= 5
    assert max(settled(slots, 48, 400)) >= 40
