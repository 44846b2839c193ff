"""`didact synth`: the whole path offline, from seed tasks to a model tuned on what came of them; nothing is asked twice."""

import json
from pathlib import Path

import pytest
from verbs import Seen, didact

from didact.base.files import read_jsonl

DEMO = Path(__file__).parents[2] / "recipes" / "self_instruct_demo.yaml"


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def synth(*more: str) -> Seen:
    return didact(" ".join(["synth", str(DEMO), *more]))


def account(seen: Seen) -> dict:
    assert seen.code == 0, seen.err
    return json.loads(seen.out)


def made(runs: Path, *names: str) -> list[bytes]:
    return [
        (runs / "self_instruct_demo" / name).read_bytes() for name in names or ("messages.jsonl", "dropped.jsonl", "card.json", "card.md")
    ]


def test_every_row_is_kept_or_dropped_for_a_reason_or_failed(runs):
    told = account(synth("--json"))
    assert told["num_in"] == told["num_kept"] + sum(told["dropped"].values()) + sum(told["failed"].values())
    assert told["num_kept"] > 60
    assert {"too similar", "no output", "shorter than 4 words"} <= told["dropped"].keys()
    rows = read_jsonl(runs / "self_instruct_demo" / "messages.jsonl")
    lost = read_jsonl(runs / "self_instruct_demo" / "dropped.jsonl")
    assert (len(rows), len(lost)) == (told["num_kept"], sum(told["dropped"].values()))
    assert len({row["id"] for row in [*rows, *lost]}) == told["num_in"]
    for row in rows:
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
        assert (len(row["parents"]), bool(row["operation"]), len(row["prompt_hash"]), row["model"]) == (8, True, 16, "fake grammar")


def test_a_second_start_asks_nothing_and_writes_the_same_bytes(runs):
    first = account(synth("--json"))
    files = made(runs)
    again = account(synth("--json"))
    assert first["num_sent"] > 0
    assert (again["num_sent"], again["num_replayed"]) == (0, again["num_requests"])
    assert made(runs) == files


def test_faults_change_nothing_that_is_made(runs):
    account(synth("--json"))
    files = made(runs, "messages.jsonl", "dropped.jsonl")
    (runs / "self_instruct_demo" / "log.jsonl").unlink()
    told = account(synth("teacher.faults.timeout=0.15", "teacher.faults.500=0.15", "limits.backoff_s=0.01", "--json"))
    assert told["num_retried"] > 10
    assert made(runs, "messages.jsonl", "dropped.jsonl") == files


def test_other_filters_cost_nothing(runs):
    first = account(synth("filters=[]", "--json"))
    stricter = account(synth("'filters=[{rouge: {threshold: 0.3}}]'", "--json"))
    assert stricter["num_sent"] == 0
    assert stricter["num_kept"] < first["num_kept"]
    assert stricter["num_in"] == first["num_in"]


def test_a_preflight_tells_what_the_whole_takes_and_the_whole_pays_for_it_once(runs):
    seen = synth("--preflight", "--json", "limits.price_in=10", "limits.price_out=20")
    told = account(seen)
    assert not (runs / "self_instruct_demo" / "messages.jsonl").exists()
    assert (told["num_rows"], told["whole"]["num_rows"]) == (20, 100)
    assert {stage["stage"] for stage in told["stages"]} == {"instructions", "classification", "instances"}
    # Tokens read cost 10 a million, tokens written 20.
    assert told["whole"]["cost"] == pytest.approx(
        (10 * told["whole"]["prompt_tokens"] + 20 * told["whole"]["completion_tokens"]) / 1e6, rel=0.01
    )
    whole = account(synth("--json"))
    assert whole["num_replayed"] == sum(stage["num_asked"] for stage in told["stages"])
    assert whole["num_requests"] == pytest.approx(told["whole"]["num_requests"], rel=0.5)


def test_a_teacher_who_says_nothing_is_asked_no_more(runs):
    seen = synth("teacher.script=silent")
    assert seen.code == 1
    assert "too few to go on" in seen.err
    assert "preflight.least_yield=0" in seen.err
    assert not (runs / "self_instruct_demo" / "messages.jsonl").exists()
    assert (runs / "self_instruct_demo" / "preflight" / "dropped.jsonl").exists()


def test_a_model_is_tuned_on_the_rows(runs, tmp_path):
    told = account(synth("--json"))
    (tmp_path / "tuned.yaml").write_text(
        f"""name: tuned
model: {{base: new, new: {{width: 32, depth: 1, heads: 2, vocabulary: 400}}}}
tasks: {{sources: [{{name: self_instruct_demo, reader: messages, path: {told["messages"]}}}], hold_out: {{examples: 10}}}}
prompts: {{chat_format: chatml}}
sequence: {{max_length: 256}}
train: {{max_steps: 2, batch_tokens: 512, precision: fp32}}
"""
    )
    seen = didact("train tuned.yaml --json")
    assert account(seen)["num_steps"] == 2
    assert f"{told['num_kept']} rows read = {told['num_kept']} kept" in didact("check tuned.yaml").err + didact("check tuned.yaml").out


@pytest.mark.parametrize(
    ("override", "pieces"),
    [
        ("method=self_instrukt", ("no synthesis method named 'self_instrukt'", "command line: method=self_instrukt", "self_instruct")),
        ("settings.num_showm=3", ("unknown key 'num_showm'", "command line: settings.num_showm=3", "num_shown")),
        ("filters=[lenght]", ("no filter named 'lenght'", "length")),
        ("filters=[{length: {leest: 3}}]", ("leest", "filters")),
        ("seeds=nothing.jsonl", ("nothing.jsonl", "seeds")),
        ("teacher.faults.snow=0.5", ("no fault named 'snow'", "teacher")),
        ("teacher.script=poet", ("no script named 'poet'", "teacher")),
        ("limits.money=3", ("money needs price_in",)),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_asked(runs, override, pieces):
    seen = didact(f"synth {DEMO} '{override}'")
    assert (seen.code, seen.out) == (1, "")
    for piece in pieces:
        assert piece in seen.err
    assert "Traceback" not in seen.err
    assert not (runs / "self_instruct_demo" / "log.jsonl").exists() or not (runs / "self_instruct_demo" / "log.jsonl").read_bytes()


def test_a_key_that_is_not_there_is_asked_for_by_its_variable(runs, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    seen = synth("teacher.backend=endpoint", "teacher.url=http://127.0.0.1:1/v1", "teacher.model=m", "teacher.key_env=NO_SUCH_KEY")
    assert seen.code == 1
    assert "export NO_SUCH_KEY=" in seen.err


def test_a_limit_stops_and_a_higher_one_goes_on(runs):
    stopped = synth("limits.requests=50", "preflight.num_rows=0")
    assert stopped.code == 1
    assert "limits.requests" in stopped.err
    told = account(synth("preflight.num_rows=0", "--json"))
    assert told["num_replayed"] == 50
    assert told["num_replayed"] + told["num_sent"] == told["num_requests"]


def test_two_at_once_are_one_too_many(runs):
    from didact.synth.request_log import RequestLog

    with RequestLog(runs / "self_instruct_demo" / "log.jsonl"):
        seen = synth()
    assert seen.code == 1
    assert "another process writes" in seen.err
