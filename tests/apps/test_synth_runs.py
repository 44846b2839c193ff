"""What `didact synth` has made stands in `didact ls runs`; verbs that need a model say what it is and what to type."""

import json
import shutil
from pathlib import Path

import pytest
from verbs import didact

DEMO = Path(__file__).parents[2] / "recipes" / "self_instruct_demo.yaml"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a synthesis of twelve rows or fewer, the only one in `runs`."""
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    assert didact(f"synth {DEMO} num_rows=12").code == 0
    return tmp_path / "runs" / "self_instruct_demo"


def test_trainings_and_syntheses_are_listed_together_and_say_which_they_are(made: Path, here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DIDACT_RUNS", str(made.parent))
    shutil.copytree(here / "runs" / "demo-001", made.parent / "demo-001")
    listed = {row["run"]: row for row in json.loads(didact("ls runs --json").out)["runs"]}
    assert {name: (row["kind"], row["finished"]) for name, row in listed.items()} == {
        "demo-001": ("train", True),
        "self_instruct_demo": ("synth", True),
    }
    kept = (made / "messages.jsonl").read_text(encoding="utf-8").count("\n")
    assert listed["self_instruct_demo"]["num_rows"] == kept > 0
    head, *lines = didact("ls runs").out.splitlines()
    assert head.split() == ["run", "kind", "finished", "scores"]
    assert sorted(line.split()[:3] for line in lines) == [["demo-001", "train", "yes"], ["self_instruct_demo", "synth", "yes"]]
    assert didact("report last").code == 0  # the newest training, whatever was synthesised after it


@pytest.mark.parametrize(
    "line", ["report self_instruct", "eval last", "chat self_instruct_demo hello", "export {made} model", "eval {made}"]
)
def test_a_verb_that_needs_a_model_says_what_a_synthesis_is_and_what_to_type(line: str, made: Path):
    seen = didact(line.format(made=made))
    assert seen.code == 1
    assert "error: self_instruct_demo holds synthetic data and no model" in seen.err
    assert str(made / "card.md") in seen.err
    assert f"{{name: self_instruct_demo, reader: messages, path: {made / 'messages.jsonl'}}}" in seen.err
    assert seen.err.rstrip().endswith("didact train RECIPE")


def test_a_synthesis_that_has_not_ended_is_gone_on_with_by_what_is_shown(made: Path):
    for name in ("messages.jsonl", "card.json"):
        (made / name).unlink()
    assert [row["finished"] for row in json.loads(didact("ls runs --json").out)["runs"]] == [False]
    command = didact("report last").err.rstrip().rpartition("didact ")[2]
    assert command == f"synth {made / 'synth.yaml'}"
    seen = didact(f"{command} --json")
    assert json.loads(seen.out)["num_sent"] == 0  # everything was in the log
    assert (made / "messages.jsonl").is_file()


def test_a_name_of_nothing_is_told_as_before(made: Path):
    seen = didact("report other")
    assert (seen.code, "there are no runs in" in seen.err, "didact train RECIPE" in seen.err) == (1, True, True)
