"""What the name of a level stands for when a run is judged."""

from pathlib import Path

from didact.assemble import Assembly
from didact.base.recipe_file import load_recipe
from didact.questions import every
from didact.tasks.task import LEVELS

ROOT = Path(__file__).parents[1]


def assembled(path: str) -> Assembly:
    return Assembly(load_recipe(ROOT / path))


def test_unseen_is_every_unseen_level_of_a_recipe_whose_tasks_say_which_one_they_are_of() -> None:
    assembly = assembled("src/didact/bases/quickstart.yaml")
    assert every(["unseen", "mmlu"], assembly) == (*LEVELS, "mmlu")
    assert every(["unseen_family", "unseen"], assembly)[0] == "unseen_family"  # each once, where it is first asked for


def test_unseen_is_a_level_of_its_own_elsewhere() -> None:
    assert every(["unseen", "held_in"], assembled("recipes/demo.yaml")) == ("unseen", "held_in")
