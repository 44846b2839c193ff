"""Fixtures that every test may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from verbs import didact, shrink

ROOT = Path(__file__).parents[1]

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels then run as Python; Triton reads this when it is first imported


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real public data; tests that need it are skipped, by name, where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not here")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests keep nothing in the user's cache, and find nothing there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIDACT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder as a user has it: the demo's recipe, made small, and one finished run of it."""
    folder = tmp_path_factory.mktemp("workplace")
    shutil.copytree(ROOT / "recipes" / "demo", folder / "recipes" / "demo")
    shutil.copy(ROOT / "recipes" / "demo.yaml", folder / "recipes")
    shutil.copy(ROOT / "recipes" / "self_instruct_demo.yaml", folder / "recipes")
    shrink(folder / "recipes" / "demo.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIDACT_RUNS", str(folder / "runs"))
        patch.chdir(folder)
        seen = didact("train recipes/demo.yaml train.max_steps=4")
    assert seen.code == 0, seen.err
    return folder


@pytest.fixture
def here(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the working folder of this test."""
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("DIDACT_RUNS", str(workplace / "runs"))
    return workplace
