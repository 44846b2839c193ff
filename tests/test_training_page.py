"""docs/training.md: its commands run, and every key that it names is one of the recipe's."""

import re
from pathlib import Path

import pytest
from verbs import didact

from didact.base.recipe import Recipe

PAGE = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("didact ")]


def test_every_key_of_the_page_is_one_of_the_recipe() -> None:
    named = set(re.findall(r"`(objective|train|sequence|prompts)\.(\w+)", PAGE))
    assert len(named) > 12
    sections = {name: field.annotation for name, field in Recipe.model_fields.items()}
    assert [f"{section}.{key}" for section, key in named if key not in sections[section].model_fields] == []


@pytest.mark.parametrize("command", [command for command in COMMANDS if "--processes" not in command])
def test_the_commands_of_the_page_run(here: Path, command: str) -> None:
    seen = didact(command.removeprefix("didact "))
    assert seen.code == 0, seen.err
    assert "Traceback" not in seen.err
