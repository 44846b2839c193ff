"""docs/adapters.md: its commands run one after the other, and its table has every kind."""

import re
from pathlib import Path
from typing import get_args

import pytest
from verbs import didact

from didact.base.recipe import AdapterSection

PAGE = (Path(__file__).parents[1] / "docs" / "adapters.md").read_text(encoding="utf-8")
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("didact ")]


def test_every_kind_is_in_the_table() -> None:
    kinds = get_args(AdapterSection.model_fields["kind"].annotation)
    assert [kind for kind in kinds if kind != "none" and f"| `{kind}` |" not in PAGE] == []
    assert set(re.findall(r"`([a-z_]+): ", PAGE)) <= {*AdapterSection.model_fields, "base"}


def test_the_commands_of_the_page_run_in_their_order(here: Path) -> None:
    pytest.importorskip("peft")
    assert [command.split()[1] for command in COMMANDS] == ["train", "eval", "export", "chat", "train"]
    for command in COMMANDS:
        seen = didact(command.removeprefix("didact "))
        assert (seen.code, "Traceback" in seen.err) == (0, False), seen.err
