"""The engine asks what methods ask: in any order, each thing once, within its limits, and tells failures from answers."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from didact.base.errors import ModelError, RunError
from didact.synth.ask import Ask, Chain, Failed, Program, Reply, Sampling
from didact.synth.backend import Refused, Retry
from didact.synth.engine import run_program
from didact.synth.fake import Fake, Faults, last_words
from didact.synth.limits import Limits
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.progress import Progress
from didact.synth.request_log import RequestLog
from didact.synth.wire import body_of

QUICK = Limits(concurrency=8, backoff_s=0.001, attempts=4)


class Scripted:
    """A backend whose answers are written by the test; it counts what it is sent and how many at a time."""

    address = "scripted:"

    def __init__(self, answer: Callable[[str, int], Reply | Exception], latency_s: float = 0.001) -> None:
        self.answer, self.latency_s = answer, latency_s
        self.sent: Counter[str] = Counter()
        self.flying = self.most = 0

    def wire(self, ask: Ask) -> bytes:
        return body_of(ask, "m")

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        said = body.decode().partition('"prompt":"')[2].partition('"')[0]
        self.sent[said] += 1
        number = self.sent[said]
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.flying -= 1
        found = self.answer(said, number)
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        pass


def one_each(*prompts: str, sampling: Sampling | None = None) -> Program:
    """A row for each prompt, asked once."""

    def chain(prompt: str) -> Chain:
        return (yield Ask("s", prompt=prompt, sampling=sampling or Sampling()))

    found: Mapping[str, Reply | Failed] = yield {f"row {prompt}": chain(prompt) for prompt in prompts}
    return Outcome(
        tuple(Row(name, about={"said": end.text, "finish": end.finish}) for name, end in found.items() if isinstance(end, Reply)),
        failed=tuple(Dropped(Row(name), f"failed: {end.reason}") for name, end in found.items() if isinstance(end, Failed)),
    )


def run(path: Path, program: Program, backend: Any, limits: Limits = QUICK, **more: Any) -> Outcome:
    with RequestLog(path / "log.jsonl") as log:
        return run_program(program, backend, log, limits, **more)


def echo(said: str, number: int) -> Reply:
    return Reply(said.upper(), "stop", 3, 2, "m")


def test_results_come_in_the_tables_order_whatever_the_replies(tmp_path: Path):
    class Shuffled(Scripted):
        async def send(self, body: bytes, sample: int = 0) -> Reply:
            self.latency_s = (sum(body) * 7919 % 20) / 1000
            return await super().send(body, sample)

    prompts = [str(number) for number in range(40)]
    outcome = run(tmp_path, one_each(*prompts), Shuffled(echo))
    assert [row.id for row in outcome.rows] == [f"row {prompt}" for prompt in prompts]


def test_what_was_there_before_is_kept_from_the_collector_while_the_engine_runs_and_no_longer(tmp_path: Path):
    frozen = list[int]()

    def answer(said: str, number: int) -> Reply:
        frozen.append(gc.get_freeze_count())
        return echo(said, number)

    run(tmp_path, one_each("a"), Scripted(answer))
    assert frozen[0] > 0 == gc.get_freeze_count()
    with pytest.raises(AssertionError, match="not expected"):
        run(tmp_path, one_each("b"), Scripted(lambda said, number: AssertionError("not expected")))
    assert gc.get_freeze_count() == 0


def test_a_second_start_sends_nothing_and_ends_in_the_same(tmp_path: Path):
    first = run(tmp_path, one_each("a", "b"), Scripted(echo))
    backend = Scripted(lambda said, number: AssertionError("sent again"))
    heard: list[Progress] = []
    assert run(tmp_path, one_each("a", "b"), backend, on_progress=heard.append) == first
    assert backend.sent == {}
    assert (heard[-1].num_sent, heard[-1].num_replayed, heard[-1].num_answered) == (0, 2, 2)


def test_equal_requests_are_sent_once_and_other_draws_of_them_are_not_the_same(tmp_path: Path):
    def chain(sample: int) -> Chain:
        return (yield Ask("s", prompt="p", sample=sample))

    def program() -> Program:
        found = yield {str(number): chain(number // 3) for number in range(6)}
        return Outcome(tuple(Row(name, about={"said": end.text}) for name, end in found.items()))

    backend = Fake(lambda asked: f"draw {asked['sample']}")
    outcome = run(tmp_path, program(), backend)
    assert [row.about["said"] for row in outcome.rows] == ["draw 0"] * 3 + ["draw 1"] * 3
    assert sum(backend._arrived.values()) == 2


@given(share=st.floats(0, 0.9), seed=st.integers(0, 9))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_faults_change_nothing_that_comes_out(tmp_path_factory: pytest.TempPathFactory, share: float, seed: int):
    prompts = [str(number) for number in range(30)]
    smooth = run(tmp_path_factory.mktemp("a"), one_each(*prompts), Fake(last_words))
    faulty = run(tmp_path_factory.mktemp("b"), one_each(*prompts), Fake(last_words, Faults.each(share, seed=seed)), seed=seed)
    assert faulty == smooth


def test_a_request_is_given_up_after_its_attempts_and_one_that_is_refused_at_once(tmp_path: Path):
    ends = {"busy": Retry("http 503"), "slow": Retry("timeout"), "bad": Refused("http 400")}
    backend = Scripted(lambda said, number: ends.get(said) or echo(said, number))
    outcome = run(tmp_path, one_each("good", *ends), backend)
    assert backend.sent == {"good": 1, "busy": 4, "slow": 4, "bad": 1}
    assert outcome.counts() == {
        "num_in": 4,
        "num_kept": 1,
        "dropped": {},
        "failed": {"failed: http 503": 1, "failed: timeout": 1, "failed: http 400": 1},
    }


def test_a_server_is_waited_for_as_long_as_it_asks(tmp_path: Path):
    times: list[float] = []

    def answer(said: str, number: int) -> Reply | Exception:
        times.append(asyncio.get_running_loop().time())
        return Retry("http 429", after_s=0.3, busy=True) if number == 1 else echo(said, number)

    run(tmp_path, one_each("a"), Scripted(answer))
    assert times[1] - times[0] >= 0.29


def test_a_wait_that_is_longer_than_patience_ends_the_run_and_says_so(tmp_path: Path):
    backend = Scripted(lambda said, number: Retry("http 429", after_s=86_400.0))
    with pytest.raises(RunError, match="asks to wait for 86,400 seconds"):
        run(tmp_path, one_each("a"), backend)


def test_no_more_go_at_a_time_than_is_allowed(tmp_path: Path):
    backend = Scripted(echo, latency_s=0.01)
    run(tmp_path, one_each(*map(str, range(30))), backend, replace(QUICK, concurrency=5))
    assert backend.most == 5


def test_a_server_that_is_too_busy_gets_fewer_at_a_time(tmp_path: Path):
    backend = Scripted(lambda said, number: Retry("http 429", busy=True) if backend.flying >= 4 else echo(said, number), latency_s=0.005)
    heard: list[Progress] = []
    outcome = run(tmp_path, one_each(*map(str, range(300))), backend, replace(QUICK, concurrency=32, attempts=50), on_progress=heard.append)
    assert len(outcome.rows) == 300
    assert heard[-1].num_slots < 16


def test_the_number_of_requests_of_a_run_is_limited_over_all_its_starts(tmp_path: Path):
    limits, prompts = replace(QUICK, requests=7), [str(number) for number in range(20)]
    backend = Scripted(lambda said, number: Retry("http 500") if number == 1 and said == "0" else echo(said, number))
    with pytest.raises(RunError, match=r"limits\.requests=7") as caught:
        run(tmp_path, one_each(*prompts), backend, limits)
    assert backend.sent.total() == 7
    assert "raise limits.requests" in caught.value.remedy
    with pytest.raises(RunError, match=r"limits\.requests=9"):
        run(tmp_path, one_each(*prompts), backend, replace(QUICK, requests=9))
    # One sending of the first start may have gone to a request that was not answered in it: it is not in the log.
    assert 9 <= backend.sent.total() <= 10
    assert len(run(tmp_path, one_each(*prompts), backend).rows) == 20


def test_money_is_never_spent_beyond_the_limit(tmp_path: Path):
    # Each reply reads 3 tokens and writes 2 for a price of 1 each: 5.
    # Before it is there, it may write 10, and reads up to a third of its bytes.
    reserve = len(body_of(Ask("s", prompt="0", sampling=Sampling(max_tokens=10)), "m")) / 3 + 10
    limits = replace(QUICK, money=60.0, price_in=1e6, price_out=1e6)
    with pytest.raises(RunError, match=r"limits\.money=60") as caught:
        run(tmp_path, one_each(*map(str, range(20)), sampling=Sampling(max_tokens=10)), Scripted(echo), limits)
    with RequestLog(tmp_path / "log.jsonl") as log:
        spent = 5 * len(log)
    assert 60 - reserve < spent <= 60
    assert f"{spent} used" in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "said", "finish", "sizes"),
    [("keep", "half", "length", [10]), ("raise", "whole", "stop", [10, 20]), ("drop", None, None, [10])],
)
def test_a_reply_that_was_cut_is_kept_dropped_or_asked_for_once_more(tmp_path: Path, policy: str, said: str, finish: str, sizes: list[int]):
    asked = []

    def answer(body: Mapping[str, Any]) -> Reply:
        asked.append(body["max_tokens"])
        return Reply("whole", "stop") if body["max_tokens"] >= 20 else Reply("half", "length")

    outcome = run(tmp_path, one_each("a", sampling=Sampling(max_tokens=10)), Fake(answer), replace(QUICK, finish={"length": policy}))
    assert asked == sizes
    if said is None:
        assert outcome.counts()["failed"] == {"failed: finish: length": 1}
    else:
        assert outcome.rows[0].about == {"said": said, "finish": finish}


def test_a_cut_reply_is_kept_where_the_server_refuses_more_tokens(tmp_path: Path):
    class Narrow(Scripted):
        async def send(self, body: bytes, sample: int = 0) -> Reply:
            if b'"max_tokens":10' not in body:
                raise Refused("http 400")
            return Reply("half", "length")

    program = one_each("a", sampling=Sampling(max_tokens=10))
    assert run(tmp_path, program, Narrow(echo), replace(QUICK, finish={"length": "raise"})).rows[0].about["said"] == "half"


def test_a_reply_that_a_content_filter_ended_counts_as_failed(tmp_path: Path):
    outcome = run(tmp_path, one_each("a"), Fake(lambda _: Reply("", "content_filter")))
    assert outcome.counts()["failed"] == {"failed: finish: content_filter": 1}


def test_when_nothing_moves_the_run_ends_and_says_what_it_waits_for(tmp_path: Path):
    backend = Scripted(echo, latency_s=60)
    with pytest.raises(RunError, match="nothing has moved") as caught:
        run(tmp_path, one_each("a", "b"), backend, replace(QUICK, stall_s=0.3))
    assert "2 requests wait" in str(caught.value)
    assert "stage s" in str(caught.value)


def test_a_server_that_is_not_there_is_told_soon(tmp_path: Path):
    backend = Scripted(lambda said, number: Retry("no connection"))
    with pytest.raises(ModelError, match="nobody answers"):
        run(tmp_path, one_each("a"), backend, replace(QUICK, attempts=100))
    assert backend.sent["a"] == 3


def test_what_is_under_way_when_the_run_ends_is_still_written_down(tmp_path: Path):
    class Mixed(Scripted):
        async def send(self, body: bytes, sample: int = 0) -> Reply:
            self.latency_s = 0.01 if b'"bad"' in body else 0.2
            return await super().send(body, sample)

    backend = Mixed(lambda said, number: ModelError("the key is not accepted") if said == "bad" else echo(said, number))
    with pytest.raises(ModelError, match="the key is not accepted"):
        run(tmp_path, one_each("a", "b", "bad", "c"), backend)
    with RequestLog(tmp_path / "log.jsonl") as log:
        assert len(log) == 3


def test_a_slip_in_a_method_loses_no_reply(tmp_path: Path):
    def chain(prompt: str) -> Chain:
        reply = yield Ask("s", prompt=prompt)
        return reply.text[7]  # a parser that does not look

    def program() -> Program:
        yield {prompt: chain(prompt) for prompt in ("longer than seven", "short")}
        return Outcome()

    with pytest.raises(IndexError):
        run(tmp_path, program(), Scripted(echo))
    with RequestLog(tmp_path / "log.jsonl") as log:
        assert len(log) == 2


def test_rounds_empty_tables_and_chains_that_ask_nothing_are_all_right(tmp_path: Path):
    def silent() -> Chain:
        return 7
        yield

    def program() -> Program:
        assert (yield {}) == {}
        assert (yield {"a": silent()}) == {"a": 7}
        return Outcome((Row("a"),))

    assert run(tmp_path, program(), Scripted(echo)) == Outcome((Row("a"),))


def test_it_runs_in_a_notebook_whose_own_loop_is_running(tmp_path: Path):
    async def cell() -> Outcome:
        return run(tmp_path, one_each("a"), Scripted(echo))

    assert len(asyncio.run(cell()).rows) == 1


def test_channels_are_kept_in_the_log_and_only_the_final_one_reaches_the_method(tmp_path: Path):
    raw = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>"
    outcome = run(tmp_path, one_each("a"), Scripted(lambda said, number: Reply(raw)))
    assert outcome.rows[0].about["said"] == "Four."
    assert "analysis" in (tmp_path / "log.jsonl").read_text()


def test_progress_counts_what_has_happened(tmp_path: Path):
    heard: list[Progress] = []
    ends = {"1": Refused("http 400"), "2": Retry("http 500")}
    backend = Scripted(lambda said, number: ends[said] if said in ends and number == 1 else echo(said, number))
    run(tmp_path, one_each("0", "1", "2", "3"), backend, replace(QUICK, price_in=1e6, price_out=2e6), on_progress=heard.append)
    last = heard[-1]
    assert (last.num_rows_done, last.num_rows, last.num_sent, last.num_retried, last.num_answered, last.num_failed) == (4, 4, 5, 1, 3, 1)
    assert last.money == 3 * (3 * 1 + 2 * 2)  # three replies, 3 tokens read for 1 each, 2 written for 2 each
