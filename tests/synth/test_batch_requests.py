"""Requests that go in batches: whatever goes wrong, the same bytes come out as of ordinary requests, and nothing answered is paid again."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from batch_server import asked, batch_server
from batched import STEPS, run
from interrupted import program
from verbs import didact

from didact.base.chance import rng
from didact.base.errors import ModelError, RunError
from didact.base.files import write_jsonl
from didact.models.endpoint import Endpoint
from didact.synth.batch_journal import JOURNAL
from didact.synth.budget import Budget
from didact.synth.engine import run_program
from didact.synth.limits import Limits
from didact.synth.remote import Remote
from didact.synth.request_log import RequestLog

PROGRAM = Path(__file__).with_name("batched.py")
DEMO = Path(__file__).parents[2] / "recipes" / "self_instruct_demo.yaml"


def ordinary(folder: Path, num_rows: int) -> bytes:
    """What comes of the same rows by ordinary requests."""
    with batch_server() as url, RequestLog(folder / "log.jsonl") as log:
        outcome = run_program(program(num_rows), Remote(Endpoint(url), "m"), log, Limits())
    write_jsonl(folder / "out.jsonl", [*outcome.rows, *outcome.failed])
    return (folder / "out.jsonl").read_bytes()


@pytest.fixture(scope="module")
def smooth(tmp_path_factory: pytest.TempPathFactory) -> dict[int, bytes]:
    return {num: ordinary(tmp_path_factory.mktemp("ordinary"), num) for num in (8, 24)}


def paid_once(url: str) -> None:
    seen = asked(url, "/seen")
    assert set(seen["batched"].values()) == {1}
    assert set(seen["ordinary"].values()) == {1}
    assert not set(seen["batched"]) & set(seen["ordinary"])


def test_batches_end_in_what_ordinary_requests_end_in_and_cost_less(tmp_path: Path, smooth: dict[int, bytes]):
    told: list[str] = []
    with batch_server() as url:
        run(url, tmp_path, 24, say=told.append)
        seen = asked(url, "/seen")
        paid_once(url)
    assert (tmp_path / "out.jsonl").read_bytes() == smooth[24]
    # Two rounds of at most three requests a row: a batch for each, and one request by the ordinary way, the first.
    assert (len(seen["batches"]), sum(seen["ordinary"].values())) == (6, 1)
    assert sum(line.endswith("completed, 23 of 23 answered") for line in told) == 1
    with RequestLog(tmp_path / "log.jsonl") as log:
        assert log.total(lambda stage: stage.num_answered) == len(seen["batched"]) + 1
        assert log.total(lambda stage: stage.batched_completion_tokens) == 2 * len(seen["batched"])


@pytest.mark.parametrize("fault", [{"expire": 0.4}, {"error": 0.4}, {"drop": 0.4}, {"expire": 0.3, "error": 0.3, "drop": 0.3}])
def test_what_a_batch_does_not_answer_is_handed_in_again_and_the_rest_is_not(tmp_path: Path, smooth: dict[int, bytes], fault: dict):
    with batch_server(**fault) as url:
        run(url, tmp_path, 24)
        seen = asked(url, "/seen")
        paid_once(url)
    assert (tmp_path / "out.jsonl").read_bytes() == smooth[24]
    assert len(seen["batches"]) > 6


def test_requests_that_the_server_refuses_fail_and_the_others_are_answered(tmp_path: Path):
    with batch_server(refuse="a5: begin") as url:
        outcome = run(url, tmp_path, 8)
        paid_once(url)
    assert [one.row.id for one in outcome.failed] == ["a5"]
    assert outcome.failed[0].reason == "http 400"


def test_files_hold_no_more_than_is_allowed(tmp_path: Path, smooth: dict[int, bytes]):
    with batch_server() as url:
        run(url, tmp_path / "a", 24, most_requests=5)
        assert max(batch["request_counts"]["total"] for batch in asked(url, "/seen")["batches"]) == 5
    with batch_server() as url:
        run(url, tmp_path / "b", 24, most_bytes=1000)
        batches = asked(url, "/seen")["batches"]
    assert len(batches) > 12
    assert (tmp_path / "a" / "out.jsonl").read_bytes() == (tmp_path / "b" / "out.jsonl").read_bytes() == smooth[24]


def test_few_requests_are_not_worth_a_day(tmp_path: Path, smooth: dict[int, bytes]):
    with batch_server(expire=0.2) as url:
        run(url, tmp_path, 24, few=10)
        seen = asked(url, "/seen")
        paid_once(url)
    assert (tmp_path / "out.jsonl").read_bytes() == smooth[24]
    assert min(batch["request_counts"]["total"] for batch in seen["batches"]) >= 9  # ten, one of which went by the ordinary way
    assert 1 < sum(seen["ordinary"].values()) < 10 * 6


def test_money_is_kept_for_all_that_is_under_way_at_the_price_of_a_batch(tmp_path: Path, smooth: dict[int, bytes]):
    # A reply may have 512 tokens at 1/256 each, half of that in a batch: 1 is kept for it, and 1 more for each of ten that may go by the
    # ordinary way. 2 tokens come, and cost 1/256 in a batch.
    limits = Limits(money=30.0, price_out=1e6 / 256)
    with batch_server() as url:
        run(url, tmp_path, 24, limits)
        seen = asked(url, "/seen")
    assert (tmp_path / "out.jsonl").read_bytes() == smooth[24]
    # 20 + 10 at first, one of which went by the ordinary way; fewer later, as something is spent.
    assert max(batch["request_counts"]["total"] for batch in seen["batches"]) == 19
    with RequestLog(tmp_path / "log.jsonl") as log:
        assert Budget(limits, log).money == pytest.approx(len(seen["batched"]) / 256 + len(seen["ordinary"]) * 2 / 256)


def test_a_recipe_with_batches_makes_the_same_files_for_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    told = {}
    with batch_server(script=True, expire=0.1) as url:
        for name, more in (("plain", ""), ("batched", "teacher.batch=true teacher.poll_s=0.1")):
            teacher = f"'teacher={{backend: endpoint, url: \"{url}\", model: m}}' limits.price_in=1 limits.price_out=2 {more}"
            seen = didact(f"synth {DEMO} name={name} num_rows=30 preflight.num_rows=4 {teacher} --json")
            assert seen.code == 0, seen.err
            told[name] = json.loads(seen.out)
    for file in ("messages.jsonl", "dropped.jsonl"):
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "batched" / file).read_bytes()
    assert told["plain"]["num_kept"] == told["batched"]["num_kept"] > 10
    # The preflight, and what is left over, went by the ordinary way.
    assert told["plain"]["cost"] / 2 < told["batched"]["cost"] < told["plain"]["cost"]
    assert "preflight: by ordinary requests" in seen.err
    assert "within 24 hours for each round of requests" in seen.err
    again = json.loads(didact(f"synth {DEMO} name=batched num_rows=30 preflight.num_rows=4 {teacher} --json").out)
    assert again["num_sent"] == 0


@pytest.mark.parametrize("lose", [["create"], ["create", "create", "list"], ["upload", "look", "download"]])
def test_a_step_that_was_taken_and_not_heard_of_is_not_taken_twice(tmp_path: Path, smooth: dict[int, bytes], lose: list[str]):
    with batch_server(lose=lose, page=1) as url:
        run(url, tmp_path, 8)
        seen = asked(url, "/seen")
        paid_once(url)
    assert (tmp_path / "out.jsonl").read_bytes() == smooth[8]
    assert len({batch["metadata"]["didact"] for batch in seen["batches"]}) == len(seen["batches"])


def test_a_batch_for_which_the_server_has_no_room_goes_later_in_smaller_parts(tmp_path: Path):
    told: list[str] = []
    with batch_server(fail=["token_limit_exceeded"] * 2) as url:
        outcome = run(url, tmp_path, 220, say=told.append)
        sizes = [batch["request_counts"]["total"] for batch in asked(url, "/seen")["batches"][2:]]
        paid_once(url)
    assert len(outcome.rows) == 440
    # 219 of the first round are too many, and go as 109, 109 and 1. The first of these is refused, too: half of it is below the fewest.
    assert sizes[:2] == [109, 1]
    assert max(sizes[2:]) == 100
    assert sum("too much waits" in line for line in told) == 2


def test_a_batch_that_is_refused_ends_the_run_with_the_reason_and_the_next_start_hands_it_in_anew(tmp_path: Path, smooth: dict[int, bytes]):
    with batch_server(fail=["model_not_found"]) as url:
        with pytest.raises(ModelError, match="model_not_found: told"):
            run(url, tmp_path, 8)
        run(url, tmp_path, 8)
        paid_once(url)
    assert (tmp_path / "out.jsonl").read_bytes() == smooth[8]


def test_a_batch_that_somebody_cancels_ends_the_run_and_is_handed_in_anew_by_the_next_start(tmp_path: Path, smooth: dict[int, bytes]):
    with batch_server(seconds=60) as url:

        def cancel() -> None:
            while not (batches := asked(url, "/seen")["batches"]):
                time.sleep(0.02)
            time.sleep(0.1)
            asked(url, f"/cancel/{batches[0]['id']}", b"")

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(RunError, match="was cancelled: 7 of 7 requests have no answer"):
            run(url, tmp_path, 8)
        thread.join()
        child = subprocess.Popen([sys.executable, str(PROGRAM), url, str(tmp_path), "8"])
        while len(asked(url, "/seen")["batches"]) < 2:
            time.sleep(0.02)
        child.kill()
        child.wait()


def test_a_server_without_batches_is_told_with_what_to_type(tmp_path: Path):
    with batch_server(none=True) as url, pytest.raises(ModelError) as caught:
        run(url, tmp_path, 8)
    assert "http 404" in str(caught.value)
    assert caught.value.remedy.startswith("teacher.batch=false")


def test_a_server_that_falls_silent_is_told_and_its_batch_found_again(tmp_path: Path):
    with batch_server(lose=["look"] * 10_000) as url, pytest.raises(RunError, match="has not answered for"):
        run(url, tmp_path, 8, patience_s=0.2)
    row = json.loads((tmp_path / JOURNAL).read_text().splitlines()[-1])
    assert row["id"] == "batch_0"


def killed_at(url: str, folder: Path, num_rows: int, step: str) -> None:
    done = subprocess.run([sys.executable, str(PROGRAM), url, str(folder), str(num_rows), step], timeout=60, check=False)
    assert done.returncode == -9, f"{step}: it had ended before"


def resumed(folder: Path, url: str, num_rows: int) -> bytes:
    subprocess.run([sys.executable, str(PROGRAM), url, str(folder), str(num_rows)], timeout=60, check=True)
    return (folder / "out.jsonl").read_bytes()


EVERY_STEP = [f"{step} {when} {number}" for step in STEPS for when in ("before", "after") for number in (2,)]
FIRST_STEPS = ["begin before 1", "create before 1", "create after 1", "created after 1", "download after 1", "append after 4"]


@pytest.mark.parametrize("step", [*FIRST_STEPS, *(pytest.param(step, marks=pytest.mark.slow) for step in EVERY_STEP)])
def test_a_run_that_was_killed_between_two_steps_pays_nothing_twice(tmp_path: Path, smooth: dict[int, bytes], step: str):
    with batch_server() as url:
        killed_at(url, tmp_path, 8, step)
        assert resumed(tmp_path, url, 8) == smooth[8]
        if step != "append before 2":  # the ordinary request stands for one that was under way
            paid_once(url)


@pytest.mark.slow
def test_a_run_that_was_killed_twenty_times_under_faults_ends_in_the_same_bytes(tmp_path: Path):
    expected = ordinary(tmp_path / "smooth", 200)
    with batch_server(expire=0.15, error=0.15, drop=0.05) as url:
        for kill in range(20):
            draw = rng(0, "kill", kill)
            step = draw.choice(list(STEPS))
            number = draw.randint(2, 40) if step == "append" else 1
            killed_at(url, tmp_path, 200, f"{step} {draw.choice(['before', 'after'])} {number}")
        assert resumed(tmp_path, url, 200) == expected
        seen = asked(url, "/seen")
    assert set(seen["batched"].values()) == {1}
    # Each start asks one by the ordinary way, and may be killed before it is written down.
    assert sum(seen["ordinary"].values()) <= 21
    with RequestLog(tmp_path / "log.jsonl") as log:
        assert log.total(lambda stage: stage.num_answered) == len(set(seen["batched"]) | set(seen["ordinary"]))
