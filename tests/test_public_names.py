"""One door: the public names are sorted, resolve, load no torch by themselves, and have examples that run."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import didact

DOCS = Path(__file__).parents[1] / "docs" / "python.md"


def test_public_names_are_sorted_and_resolve_twice_to_the_same_thing():
    assert didact.__all__ == sorted(set(didact.__all__))
    first = [getattr(didact, name) for name in didact.__all__]
    assert all(part is getattr(didact, name) for name, part in zip(didact.__all__, first, strict=True))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match="no public name 'tain'; it has: Assembly, Chat"):
        didact.tain  # noqa: B018


def test_importing_didact_loads_no_torch():
    code = "import sys, didact; didact.load_recipe, didact.Mixture; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_examples_in_the_docs_run(tmp_path, monkeypatch):
    monkeypatch.chdir(DOCS.parents[1])
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    failed, tried = doctest.testfile(str(DOCS), module_relative=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert (failed, tried >= 15) == (0, True)


def test_every_public_name_has_an_example():
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in didact.__all__ if name not in text and name != "__version__"] == []
