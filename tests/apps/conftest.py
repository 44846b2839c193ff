"""A working folder as a user has it: the recipes, made small, and one finished run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from verbs import didact, shrink

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="package")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with recipes/ and a run of the demo, which is the working folder for as long as tests of verbs run."""
    folder = tmp_path_factory.mktemp("workplace")
    shutil.copytree(RECIPES / "demo", folder / "recipes" / "demo")
    shutil.copy(RECIPES / "demo.yaml", folder / "recipes")
    shrink(folder / "recipes" / "demo.yaml")
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIDACT_RUNS", str(folder / "runs"))
        os.chdir(folder)
        seen = didact("train recipes/demo.yaml train.max_steps=4")
        assert seen.code == 0, seen.err
        yield folder
    os.chdir(before)


@pytest.fixture
def here(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with the working folder set for this test."""
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("DIDACT_RUNS", str(workplace / "runs"))
    return workplace
