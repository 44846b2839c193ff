"""Every broken recipe is told with file, line, value, the nearest name and what to type next; never with a traceback."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from verbs import didact

FOLDER = Path(__file__).parents[1] / "fixtures" / "broken_recipes"
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in (FOLDER / "README.md").read_text().splitlines() if ".yaml |" in line]
CASES = [(name, re.findall(r"`([^`]+)`", said)) for name, _, said in ROWS]


def test_the_table_names_every_recipe_that_is_not_a_parent():
    assert {name for name, _ in CASES} == {path.name for path in FOLDER.glob("*.yaml")} - {"circle_b.yaml"}
    assert len(CASES) >= 10


@pytest.mark.parametrize(("name", "said"), CASES, ids=[name for name, _ in CASES])
def test_check_says_what_is_wrong_where_and_what_to_type(name, said, monkeypatch):
    monkeypatch.chdir(FOLDER)
    seen = didact(f"check {name}")
    assert seen.code == 1
    assert seen.out == ""
    assert [part for part in said if part not in seen.err] == []
    assert "error: " in seen.err
    assert "  next: " in seen.err
    assert "Traceback" not in seen.err


@pytest.mark.parametrize("name", ["several_problems.yaml", "unknown_reader.yaml"])
def test_training_refuses_it_too_and_leaves_no_run_behind(name, monkeypatch, tmp_path):
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    assert didact(f"train {name}").code == 1
    assert not list((tmp_path / "runs").glob("*"))


def test_the_names_can_be_listed_although_the_hold_out_is_wrong(monkeypatch):
    monkeypatch.chdir(FOLDER)
    seen = didact("ls tasks hold_out_matches_nothing.yaml")
    assert seen.code == 0
    assert "Opposites" in seen.out


@pytest.mark.parametrize(
    "arguments", [["check", "several_problems.yaml"], ["check", "missing.yaml"], ["check", "unknown_chat_format.yaml"]]
)
def test_a_real_process_ends_with_1_and_without_a_traceback(arguments):
    done = subprocess.run([sys.executable, "-m", "didact", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "  next: " in done.stderr
    assert "Traceback" not in done.stderr
