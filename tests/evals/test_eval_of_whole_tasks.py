"""The verbs over benchmarks: train a tiny model on something else, judge it on sample rows of SuperGLUE, read the page."""

import json
from pathlib import Path

import pytest
from verbs import didact

from didact.base.files import read_jsonl

RECIPE = """
name: tiny
model: {base: new, new: {width: 32, depth: 1, heads: 2, vocabulary: 400}}
sequence: {max_length: 512}
tasks:
  sources:
    - {name: say, reader: alpaca, path: say.jsonl, metric: mcq_accuracy}
    - {name: superglue, reader: benchmark, settings: {samples: 1, only: "cb multirc axg"}}
  hold_out: {task: ["superglue/*"]}
  leaks: {action: report}
mixture: {parts: [{tasks: say, rate: 1}]}
train: {precision: fp32, batch_tokens: 512, max_steps: 2, log_every: 1}
evaluate: {max_new_tokens: 4, resamples: 50, metrics: [exact_match, multirc_em, pearson]}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    rows = [{"instruction": "Say it.", "input": f"{word} {i}", "output": f"{word} {i}"} for word in ("yes", "no", "red") for i in range(9)]
    (tmp_path / "say.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return tmp_path


def test_benchmarks_are_judged_by_their_own_metrics_and_the_page_shows_them(place: Path) -> None:
    for command in ("check tiny.yaml", "train tiny.yaml"):
        seen = didact(command)
        assert seen.code == 0, seen.err
    seen = didact("eval last --json")
    assert seen.code == 0, seen.err
    table = json.loads(seen.out)["levels"]["unseen"]
    assert set(table["tasks"]["superglue/multirc"]) == {"exact_match", "multirc_f1a", "multirc_em"}
    assert {"gender_parity", "mcq_accuracy"} <= set(table["tasks"]["superglue/axg"])
    assert set(table["left_out"]) == {"multirc_em", "pearson"}
    assert table["left_out"]["multirc_em"]["superglue/cb"] == "not a task of this metric"
    assert "pearson left out for 3 tasks: the reference " in seen.err
    # Rows keep the scores that they always had, and say what belongs together.
    rows = read_jsonl(place / "runs" / "tiny-001" / "scores" / "predictions_tuned.jsonl")
    assert all(set(row["scores"]) == {"exact_match"} for row in rows)
    pairs = [row["group"] for row in rows if row["task"] == "superglue/axg"]
    assert pairs[:2] == [pairs[0]] * 2
    assert all(row["choices"] for row in rows if row["task"] == "superglue/cb")
    lines = didact("eval last").out.splitlines()
    assert any("multirc_f1a" in line for line in lines)
    assert didact("report last").code == 0
    page = (place / "runs" / "tiny-001" / "report.html").read_text()
    assert "MultiRC F1a" in page
    assert "pearson left out for 3 tasks: the reference " in page


def test_a_metric_that_there_is_not_is_told_before_anything_is_read(place: Path) -> None:
    for key, slip in (("evaluate.metrics=[exact_match,mathews]", "evaluate.metrics[1]"),):
        seen = didact(f"check tiny.yaml {key}")
        assert seen.code == 1
        assert slip in seen.err
        assert "no metric named 'mathews'" in seen.err
        assert "did you mean 'matthews'?" in seen.err
    assert "didact ls metrics" in seen.err


def test_both_kinds_of_metrics_are_listed(place: Path) -> None:
    rows = json.loads(didact("ls metrics --json").out)["metrics"]
    kinds = {row["metric"]: row["over"] for row in rows}
    assert (kinds["rouge_l"], kinds["matthews"], kinds["mcq_accuracy"]) == ("rows", "a task", "a task")
    assert all(row["about"] for row in rows)


def test_a_level_without_a_fitting_metric_still_has_a_page(place: Path) -> None:
    assert didact("train tiny.yaml evaluate.metrics=[pearson] tasks.hold_out.examples=3").code == 0
    seen = didact("eval last --on held_in")
    assert seen.code == 0, seen.err
    # The task's own metric does not fit either: its rows have no choices.
    assert "mcq_accuracy left out for one task: a row without choices" in seen.err
    assert didact("report last").code == 0
    assert "pearson left out for one task" in (place / "runs" / "tiny-001" / "report.html").read_text()
