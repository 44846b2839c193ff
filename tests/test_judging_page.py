"""docs/judging.md: its commands run, its names of benchmarks can be asked, its keys are the recipe's."""

import re
from pathlib import Path

import pytest
from verbs import didact

from didact.assemble import HOLD_OUT
from didact.base.recipe import EvaluateSection
from didact.evals.protocols import FLAN, PROTOCOLS, check_asked

PAGE = (Path(__file__).parents[1] / "docs" / "judging.md").read_text(encoding="utf-8")
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("didact ")]


def test_every_name_of_the_table_can_be_asked() -> None:
    cells = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    names = tuple(name for cell in cells for name in re.findall(r"`([^`]+)`", cell) if "TASK" not in name)
    assert len(names) > 15
    check_asked(names, tuple(HOLD_OUT))
    assert set(FLAN) <= {*names}
    assert {name.partition("/")[0] for name in names} <= {*PROTOCOLS, *HOLD_OUT, "flan"}


def test_every_key_of_the_page_is_one_of_the_recipe() -> None:
    named = set(re.findall(r"`evaluate\.(\w+)", PAGE))
    assert len(named) > 3
    assert named <= set(EvaluateSection.model_fields)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_run(here: Path, command: str) -> None:
    seen = didact(command.removeprefix("didact "))
    assert seen.code == 0, seen.err
    assert "Traceback" not in seen.err
