"""docs/collections.md: every file on the page is written as it stands there, and every command on it runs."""

import re
from pathlib import Path

import pytest
from verbs import didact

PAGE = (Path(__file__).parents[1] / "docs" / "collections.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = [re.split(r"\s{2,}|(?<=--json) ", line)[0] for line in PAGE.splitlines() if line.startswith("didact ")]


@pytest.fixture(scope="module")
def as_on_the_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page."""
    folder = tmp_path_factory.mktemp("collections")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_page_shows_its_files_and_commands() -> None:
    assert list(FILES) == ["mine.yaml", "wishes.jsonl", "choices.yaml", "wishes.yaml", "promptsource.yaml"]
    assert {command.split()[1] for command in COMMANDS} == {"ls", "show", "check", "tokens"}
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_runs(as_on_the_page: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(as_on_the_page)
    seen = didact(command.removeprefix("didact "))
    assert seen.code == 0, seen.err
    assert seen.out


def test_the_recipe_of_the_page_does_what_the_page_says(as_on_the_page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(as_on_the_page)
    seen = didact("check mine.yaml")
    # Entailment is unseen: axb, axg, cb and rte of SuperGLUE and rte of GLUE. Paraphrase is too near to it: mrpc is left out.
    assert "unseen: 5 tasks (entailment 5)" in seen.err
    assert "glue/mrpc: its cluster 'paraphrase' is left out together with 'entailment'" in seen.err
    shares = {name: float(share) for name, share in re.findall(r"[├└]── (\w+).*\(rate .*?\) +(\d+\.\d\d) ", seen.out)}
    # 3 + 1 + 1 = 5 shares: Understanding has 60 %, and of these SuperGLUE two thirds.
    assert (shares["Understanding"], shares["Reasoning"], shares["Mine"]) == pytest.approx((60, 20, 20), abs=0.01)
