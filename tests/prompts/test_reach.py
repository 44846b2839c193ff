"""A share that a task cannot follow is told, with the task."""

from didact.base.recipe import PromptsSection, Recipe
from didact.base.types import Example
from didact.prompts.chosen import ChosenFormats
from didact.prompts.reach import out_of_reach
from didact.prompts.template import Template, TemplateSet
from didact.tasks.task import Task

TEMPLATES = TemplateSet(
    [
        Template("t/ask", ("rows",), prompt="{{ q }}"),
        Template("t/turn", ("rows",), tasks=("b",), prompt="{{ target }}", response="{{ q }}", inverted=True),
    ]
)
REASONED = Task("a", (Example("1", {"q": "1+1"}, targets=("2",), rationale="one more than one"),), kind="rows")
PLAIN = Task("b", (Example("1", {"q": "2+2"}, targets=("4",)),), kind="rows")


def told(**prompts: float) -> list[str]:
    recipe = Recipe(name="x", prompts=PromptsSection(**prompts))  # type: ignore[arg-type]
    return list(out_of_reach(ChosenFormats(recipe, TEMPLATES), [REASONED, PLAIN]))


def test_reasoning_reaches_only_rows_with_a_rationale() -> None:
    (line,) = told(cot=0.5)
    assert line.startswith("note: prompts.cot=0.5 reaches 1 of 2 tasks; the others have no rationale")
    assert line.endswith(": b")


def test_turning_around_reaches_only_tasks_with_such_a_template() -> None:
    (line,) = told(inverted=0.2)
    assert line.startswith("note: prompts.inverted=0.2 reaches 1 of 2 tasks; the others have no inverted template")
    assert line.endswith(": a")


def test_nothing_is_told_where_nothing_is_asked_for() -> None:
    assert told() == []
