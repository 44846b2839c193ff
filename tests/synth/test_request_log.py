"""The log of a synthesis gives back what was written, cuts off what a crash has torn, and believes no damaged line."""

import json
import os
import stat
from pathlib import Path

import pytest

from didact.base.errors import DataError, RunError
from didact.synth.ask import Failed, Reply
from didact.synth.request_log import RequestLog, request_hash


def name(number: int) -> str:
    return request_hash("a", b"%d" % number)


def write(path: Path, *ends: Reply | Failed) -> None:
    with RequestLog(path) as log:
        for number, end in enumerate(ends, start=len(log)):
            log.append(name(number), "s", end, sample=0, attempts=2, latency_s=0.5)


def found(path: Path, number: int) -> Reply | Failed | None:
    with RequestLog(path) as log:
        return log.find(name(number))


REPLIES = [
    Reply("plain", "stop", 3, 4, "m"),
    Reply("", "unknown"),
    Reply('line\nend " \u2028 é 漢 \x00 \\', "length", 1, 1),
    Reply("half a sign \ud83d", "stop"),
    Reply("x", "stop", 1, 1, "m", top_logprobs=({"1": -0.25, "2": -1.5}, {"5": -9999.0})),
]


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_comes_back_as_it_was(tmp_path: Path, reply: Reply):
    write(tmp_path / "log.jsonl", reply)
    back = found(tmp_path / "log.jsonl", 0)
    assert isinstance(back, Reply)
    assert (back.text, back.finish, back.prompt_tokens, back.top_logprobs) == (
        reply.text,
        reply.finish,
        reply.prompt_tokens,
        reply.top_logprobs,
    )
    assert back.hash == name(0)


def test_a_failed_request_comes_back_as_failed_or_is_asked_again_where_that_is_wanted(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    write(path, Failed("timeout"))
    assert found(path, 0) == Failed("timeout", name(0))
    with RequestLog(path, retry_failed=True) as log:
        assert log.find(name(0)) is None
        log.append(name(0), "s", Reply("now"), sample=0, attempts=1, latency_s=0)
    assert isinstance(found(path, 0), Reply), "the later line counts"
    with RequestLog(path) as log:
        assert (log.stages["s"].num_answered, log.stages["s"].num_failed, log.stages["s"].num_attempts) == (1, 0, 3)


def test_counts_are_kept_by_stage(tmp_path: Path):
    write(tmp_path / "log.jsonl", Reply("a", "stop", 10, 1), Failed("timeout"), Reply("b", "stop", 5, 2))
    with RequestLog(tmp_path / "log.jsonl") as log:
        stage = log.stages["s"]
    counts = stage.num_answered, stage.num_failed, stage.num_attempts, stage.prompt_tokens, stage.completion_tokens
    assert counts == (2, 1, 6, 15, 3)  # two attempts for each of three; 10 + 5 read, 1 + 2 written


def test_a_line_is_json_that_any_tool_reads(tmp_path: Path):
    write(tmp_path / "log.jsonl", Reply("é"))
    row = json.loads((tmp_path / "log.jsonl").read_text())
    assert row["reply"]["text"] == "é"
    assert len(row["check"]) == 8


def test_whatever_part_of_the_last_line_is_missing_the_rest_is_kept_and_goes_on(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    write(path, Reply("first"), Reply("second"))
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    for end in range(second + 1, len(whole)):
        path.write_bytes(whole[:end])
        with RequestLog(path) as log:
            assert (len(log), log.num_torn) == (1, 1)
            assert log.find(name(1)) is None
        assert path.read_bytes() == whole[:second]
    write(path, Reply("second"))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("end", [b"\0" * 4096, b"{}\n", b'{"hash": "00"}\n\0\0\0', b"\xff\n"])
def test_an_end_that_a_power_cut_has_filled_with_anything_is_cut_off(tmp_path: Path, end: bytes):
    path = tmp_path / "log.jsonl"
    write(path, Reply("first"))
    whole = path.read_bytes()
    path.write_bytes(whole + end)
    with RequestLog(path) as log:
        assert len(log) == 1
        assert log.num_torn >= 1
    assert path.read_bytes() == whole


def test_a_damaged_line_before_others_is_named_and_nothing_is_changed(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    write(path, Reply("first"), Reply("second"), Reply("third"))
    damaged = path.read_bytes().replace(b"second", b"sec0nd")
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="line 2 of the log is damaged") as caught:
        RequestLog(path)
    assert caught.value.where.endswith("log.jsonl:2")
    assert caught.value.remedy.startswith("sed -i 2d ")
    assert path.read_bytes() == damaged


def test_two_processes_do_not_write_at_once(tmp_path: Path):
    with RequestLog(tmp_path / "log.jsonl"), pytest.raises(RunError, match="another process"):
        RequestLog(tmp_path / "log.jsonl")
    RequestLog(tmp_path / "log.jsonl").close()


def test_a_write_that_the_disk_refuses_half_way_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "log.jsonl"
    write(path, Reply("first"))
    whole, real = path.read_bytes(), os.pwrite

    def full(handle: int, data: bytes, place: int) -> int:
        if place > len(whole):
            raise OSError(28, "No space left on device")
        return real(handle, data[:10], place)

    with RequestLog(path) as log:
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(RunError, match="No space left on device"):
            log.append(name(1), "s", Reply("second"), sample=0, attempts=1, latency_s=0)
    assert path.read_bytes() == whole


def test_a_short_write_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, data, place: real(handle, data[:7], place))
    write(tmp_path / "log.jsonl", Reply("first"))
    assert isinstance(found(tmp_path / "log.jsonl", 0), Reply)


def test_the_hash_changes_with_whom_is_asked_with_any_byte_and_with_the_draw():
    names = [request_hash("a", b"x"), request_hash("b", b"x"), request_hash("a", b"y"), request_hash("a", b"x", 1), request_hash("ax", b"")]
    assert len(set(names)) == 5


def test_what_was_sent_is_kept_only_where_that_is_wanted(tmp_path: Path):
    for keep in (False, True):
        path = tmp_path / f"{keep}.jsonl"
        with RequestLog(path, keep_bodies=keep) as log:
            log.append(name(0), "s", Reply("a"), sample=0, attempts=1, latency_s=0, body=b'{"prompt":"hello"}')
        assert (json.loads(path.read_text()).get("body") == {"prompt": "hello"}) is keep
        assert stat.S_ISREG(path.stat().st_mode)
