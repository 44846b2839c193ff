"""Requests are counted where they pass, whatever the engine does with them."""

from collections.abc import Mapping
from typing import Any

from didact.synth.ask import Ask, Chain, Failed, Program, Reply
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.tally import Tally, counted


def chain(name: str) -> Chain:
    first = yield Ask("write", prompt=name)
    if isinstance(first, Failed):
        return Dropped(Row(name), f"failed: {first.reason}")
    second = yield Ask("rate", prompt=first.text)
    return Row(name, about={"output": first.text, "rating": second.text})


def program() -> Program:
    found = yield {name: chain(name) for name in ("a", "b")}
    more = yield {"c": chain("c"), "nothing": _says_nothing()}
    rows = tuple(one for one in {**found, **more}.values() if isinstance(one, Row))
    return Outcome(rows, failed=tuple(one for one in {**found, **more}.values() if isinstance(one, Dropped)))


def _says_nothing() -> Chain:
    return None
    yield


def run(running: Program, answer: Any) -> Outcome:
    """The smallest engine: one request after the other."""
    results: Mapping[str, Any] | None = None
    while True:
        try:
            table = next(running) if results is None else running.send(results)
        except StopIteration as end:
            return end.value
        results = {}
        for name, one in table.items():
            try:
                ask = next(one)
                while True:
                    ask = one.send(answer(ask))
            except StopIteration as end:
                results[name] = end.value


def answer(ask: Ask) -> Reply | Failed:
    if ask.prompt == "b":
        return Failed("timeout")
    return Reply(f"<{ask.prompt}>", "length" if ask.stage == "rate" else "stop", 10, 3, "teacher")


def test_a_counted_program_ends_in_the_same_outcome():
    assert run(counted(program(), Tally()), answer) == run(program(), answer)


def test_requests_tokens_and_prices_add_up_by_stage():
    """a and c are answered twice each, b fails: 3 requests of stage write, 2 of them answered with 10 + 3 tokens; 2 of stage rate."""
    tally, heard = Tally(price_in=100.0, price_out=1000.0), []
    run(counted(program(), tally, lambda one: heard.append(one.total("num_asked"))), answer)
    write, rate = tally.stages["write"], tally.stages["rate"]
    assert (write.num_asked, write.num_failed, write.num_cut, write.prompt_tokens, write.completion_tokens) == (3, 1, 0, 20, 6)
    assert (rate.num_asked, rate.num_failed, rate.num_cut) == (2, 0, 2)
    # 4 answers: 40 tokens read at 100 a million and 12 written at 1000 are 0.004 + 0.012.
    assert tally.cost == 0.016
    assert [row["cost"] for row in tally.rows()] == [0.008, 0.008]
    assert heard == [1, 2, 3, 4, 5]
    assert tally.models == {"teacher": 4}
