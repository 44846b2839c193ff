"""docs/synthetic-data.md: every file on the page is written as it stands there, and every command on it runs, in its order."""

import re
import shutil
from pathlib import Path

import pytest
from verbs import didact

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "synthetic-data.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = [re.split(r"\s{2,}", line)[0] for line in PAGE.splitlines() if line.startswith("didact ")]


@pytest.fixture(scope="module")
def as_on_the_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page, and the recipe that it begins with."""
    folder = tmp_path_factory.mktemp("synthetic")
    (folder / "recipes").mkdir()
    shutil.copy(ROOT / "recipes" / "self_instruct_demo.yaml", folder / "recipes")
    shutil.copytree(ROOT / "recipes" / "synth", folder / "recipes" / "synth")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_page_shows_its_files_and_commands() -> None:
    assert list(FILES) == ["tuned.yaml", "mine.yaml"]
    assert {command.split()[1] for command in COMMANDS} == {"synth", "ls", "filter", "check", "train"}


def test_every_command_of_the_page_runs(as_on_the_page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(as_on_the_page)
    monkeypatch.setenv("DIDACT_RUNS", "runs")
    for command in COMMANDS:
        seen = didact(command.removeprefix("didact "))
        assert seen.code == 0, f"{command}: {seen.err}"
        assert seen.out
    made = as_on_the_page / "runs" / "self_instruct_demo"
    for name in re.findall(r"^\| `([\w.]+)`", PAGE.partition("## What comes of it")[2].partition("Rows in")[0], re.MULTILINE):
        assert (made / name).is_file()


def test_every_recipe_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(\w+)`", PAGE.partition("`recipes/synth/` has")[2].partition("Each can be")[0])
    assert sorted(named) == sorted(path.stem for path in (ROOT / "recipes" / "synth").glob("*.yaml"))
