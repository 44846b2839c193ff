"""What `didact check` shows of the audit: the table, the worst first, and one example of each problem with its marks."""

import json
import re
from pathlib import Path

import pytest
from tiny import write_recipe
from verbs import didact

from didact.base.files import read_jsonl
from didact.run import find_run


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sources: 40 rows that fit, and one that does, one that is too long and one with a long prompt."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    path = write_recipe(tmp_path, max_steps=2)
    rows = [("Say yes.", "yes"), ("Say much.", "very " * 400), ("Read " + "all of it " * 100, "done")]
    Path("odd.json").write_text(json.dumps([{"instruction": asked, "input": "", "output": said} for asked, said in rows]))
    table = json.loads(path.read_text())
    table["tasks"]["sources"].append({"name": "odd", "reader": "alpaca", "path": "odd.json"})
    path.write_text(json.dumps({**table, "train": {**table["train"], "epochs": 1}}))
    return path


def test_check_shows_a_row_for_each_source_and_an_example_of_each_problem(recipe: Path):
    seen = didact(f"check {recipe}")
    assert seen.code == 0
    lines = seen.err.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("source "))
    assert [line.split()[0] for line in lines[start : start + 3]] == ["source", "odd", "words"]  # the one with problems first
    assert lines[start].split("  ")[0] == "source" and "too long" in lines[start] and "double BOS" not in lines[start]
    assert "example: response longer than sequence.max_length (odd, example row 2)" in lines
    assert "example: a prompt was shortened to fit; this is left of it (odd, example row 3)" in lines
    assert seen.err.count("example: ") == 2
    assert "⟦done<|im_end|>⟧" in seen.err and " tokens … " in seen.err


def test_the_account_of_check_and_of_a_run_are_the_same(recipe: Path):
    audit = json.loads(didact(f"check {recipe} --json").out)["audit"]
    assert (audit["too_long"], audit["too_long_share"]) == (1, 1 / 43)
    assert {name: row["examples"] for name, row in audit["by_source"].items()} == {"odd": 2, "words": 40}
    assert audit["by_task"]["odd"]["cut"] == 1 and audit["untrained_tokens"] is None
    seen = didact(f"train {recipe}")
    assert seen.code == 0 and "source  " in seen.err and "example: " not in seen.err
    folder = find_run("last").folder
    assert json.loads((folder / "audit.json").read_text()) == audit
    assert len(read_jsonl(folder / "metrics.jsonl")) >= 2


def test_rows_that_train_nothing_stop_check_with_their_names_after_they_were_shown(recipe: Path):
    # Only what a system says is learnt, and it speaks in the two rows of one source alone.
    said = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    heard = [{"role": "system", "content": "Count."}, *said]
    Path("odd.jsonl").write_text("".join(f"{json.dumps({'messages': turns})}\n" for turns in (said, heard, said, heard, said)))
    table = json.loads(recipe.read_text())
    table["tasks"]["sources"] = [{"name": "odd", "reader": "messages", "path": "odd.jsonl"}]
    table["objective"] = {"prompt_weight": 1, "response_weight": 0, "role_weights": {"user": 0}, "format_weight": 0}
    recipe.write_text(json.dumps(table))
    seen = didact(f"check {recipe}")
    assert seen.code == 1
    told = seen.err[seen.err.index("example: ") :]
    assert told.startswith("example: no token is supervised (odd, example ") and "⟦" not in told
    assert re.search(
        r"error: the audit found 1 problem\(s\): 3 examples have no supervised token \(first: (odd, example line [135](; )?){3}\)", told
    )
    assert f"next: didact check {recipe} shows them" in told
