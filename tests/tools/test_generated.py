"""The generated pages hold every key, every module and every verb."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field

from didact.base.config import Section
from didact.base.recipe import Recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generated():
    spec = importlib.util.spec_from_file_location("generated", ROOT / "tools" / "generated.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Inner(Section):
    """What is inside."""

    size: Annotated[int, Field(ge=1)] | None = None
    """How many | how much."""


class Outer(Section):
    """What is outside."""

    name: str
    """Its name."""
    rows: tuple[Inner, ...] = (Inner(size=3),)
    """Its rows."""
    one: Inner = Inner()
    """Its one."""


def test_the_recipe_page_has_type_bounds_default_and_meaning_of_every_key(generated):
    lines = generated.recipe_page(Outer).splitlines()
    assert "| `name` | text | required | Its name. |" in lines
    assert '| `rows` | list of sections | `[{"size": 3}]` | Its rows. |' in lines
    assert "| `one` | section | see below | Its one. |" in lines
    assert lines.count("| `size` | whole number ≥ 1, or null | `null` | How many \\| how much. |") == 2
    assert [line for line in lines if line.startswith("## ")] == ["## Sections", "## `rows[]`", "## `one`"]


def test_every_key_of_the_recipe_has_a_meaning(generated):
    rows = [line for line in generated.recipe_page(Recipe).splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert [row for row in rows if row.endswith("|  |")] == []


def test_types_are_said_in_words(generated):
    assert generated.type_text(Literal["a", "b"] | None) == "`a`, `b`, or null"
    assert generated.type_text(tuple[Annotated[float, Field(gt=0, le=1)], float]) == "pair of numbers > 0, ≤ 1"
    assert generated.type_text(dict[str, int]) == "mapping of texts to whole numbers"


def test_the_first_sentence_ends_at_its_stop_and_stands_on_one_line(generated):
    assert generated.first_sentence("Reads 1.5 rows,\nthen stops. More.\n\nEnd.") == "Reads 1.5 rows, then stops."


def test_the_tree_lists_files_before_folders_and_floors_in_their_order(generated, tmp_path):
    texts = {
        "src/didact/__init__.py": '"""All of it. More."""',
        "src/didact/run.py": '"""A run."""',
        "src/didact/a/__init__.py": '"""Floor 2: late."""',
        "src/didact/b/__init__.py": '"""Floor 1: early."""',
        "src/didact/b/x.py": '"""Says x. And y."""',
        "recipes/demo.yaml": "# Trains a model.\nname: demo\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert generated.file_tree(tmp_path).splitlines() == [
        "src/didact/    All of it.",
        "├── run.py     A run.",
        "├── b/         Floor 1: early.",
        "│   └── x.py   Says x.",
        "└── a/         Floor 2: late.",
        "recipes/",
        "└── demo.yaml  Trains a model.",
    ]


def test_a_stale_page_is_named_with_what_to_type_and_a_fresh_one_passes(generated, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    (tmp_path / "src" / "didact").mkdir(parents=True)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "README.md").write_text("Hello\n<!-- tree -->\nold\n<!-- /tree -->\nBye\n")
    assert generated.main(["--check"]) == 1
    assert "make generated" in capsys.readouterr().err
    assert generated.main([]) == 0
    assert "old" not in (tmp_path / "README.md").read_text()
    assert (tmp_path / "README.md").read_text().startswith("Hello\n<!-- tree -->\n```\nsrc/didact/\n")
    assert generated.main(["--check"]) == 0


def test_the_help_page_has_every_verb_at_a_fixed_width(generated, monkeypatch):
    cli = ModuleType("didact.apps.cli")
    cli.app = typer.Typer(rich_markup_mode=None)

    @cli.app.command()
    def train(recipe: str, processes: int = typer.Option(1, help="How many. " + "word " * 40)) -> None:
        """Trains what the recipe says."""

    @cli.app.command(hidden=True)
    def secret() -> None:
        """Is not shown."""

    monkeypatch.setitem(sys.modules, "didact.apps.cli", cli)
    monkeypatch.setenv("TYPER_USE_RICH", "0")
    page = generated.help_page()
    assert "## didact\n" in page
    assert "## didact train\n" in page
    assert "Usage: didact train [OPTIONS]" in page
    assert "Trains what the recipe says." in page
    assert "secret" not in page
    assert 80 < max(len(line) for line in page.splitlines()) <= 100
