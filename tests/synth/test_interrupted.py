"""A synthesis that is ended by force, any number of times and at any moment, ends in the same bytes and pays for nothing twice."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback import loopback, seen

from didact.base.chance import rng
from didact.base.checked_log import checked
from didact.synth.request_log import request_hash

PROGRAM = Path(__file__).with_name("interrupted.py")
MOST_LINES = 12
"""Replies between two kills, before some milliseconds more."""


def start(url: str, folder: Path, num_rows: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(PROGRAM), url, str(folder), str(num_rows)], stderr=subprocess.PIPE, text=True)


def finish(url: str, folder: Path, num_rows: int) -> bytes:
    with start(url, folder, num_rows) as process:
        _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return (folder / "out.jsonl").read_bytes()


def logged(log: Path) -> list[dict]:
    return [row for line in log.read_bytes().splitlines(keepends=True) if (row := checked(line))] if log.exists() else []


def kill_when_it_has_answered(num_lines: int, url: str, folder: Path, num_rows: int, sleep_s: float) -> None:
    """Ends the program by force some milliseconds after so many more lines are in its log."""
    log = folder / "log.jsonl"
    wanted = len(logged(log)) + num_lines
    with start(url, folder, num_rows) as process:
        while process.poll() is None and len(logged(log)) < wanted:
            time.sleep(0.005)
        time.sleep(sleep_s)
        process.kill()
    assert process.returncode == -9, "it had ended before"


def tear(log: Path, num_bytes: int) -> None:
    """Takes away a part of the last line, as a write that a crash has cut."""
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + lines[-1][: -1 - num_bytes % (len(lines[-1]) - 1)])


def resumed_like_uninterrupted(folder: Path, num_kills: int) -> None:
    num_rows = 40 + 12 * num_kills  # about four requests each
    with loopback(latency_s=0.01) as url:
        smooth = finish(url, folder / "smooth", num_rows)
        assert set(seen(url).values()) == {1}
    with loopback(latency_s=0.01, share=0.3) as url:
        assert finish(url, folder / "faulty", num_rows) == smooth
        assert sum(seen(url).values()) > 1.2 * len(seen(url)), "three in ten sendings go wrong"
    log = folder / "killed" / "log.jsonl"
    with loopback(latency_s=0.01, share=0.3) as url:
        answered: dict[str, int] = {}
        for kill in range(num_kills):
            draw = rng(0, "kill", kill)
            kill_when_it_has_answered(draw.randint(1, MOST_LINES), url, log.parent, num_rows, draw.random() / 50)
            if kill % 2:
                tear(log, draw.randrange(10**6))
            now = {request_hash(url, body.encode()): number for body, number in seen(url).items()}
            # What the log had before this start was not sent in it.
            assert {name: now[name] for name in answered} == answered
            answered = {row["hash"]: now[row["hash"]] for row in logged(log)}
            assert not (log.parent / "out.jsonl").exists()
        assert finish(url, log.parent, num_rows) == smooth
        now = {request_hash(url, body.encode()): number for body, number in seen(url).items()}
        assert {name: now[name] for name in answered} == answered
    names = [row["hash"] for row in logged(log)]
    assert len(names) == len(set(names)) == len(now)


def test_a_run_that_was_killed_four_times_under_faults_ends_in_the_same_bytes(tmp_path: Path):
    resumed_like_uninterrupted(tmp_path, 4)


@pytest.mark.slow
def test_a_run_that_was_killed_twenty_times_under_faults_ends_in_the_same_bytes(tmp_path: Path):
    resumed_like_uninterrupted(tmp_path, 20)
