"""Which tasks the shares of a recipe's formats reach: a share that reaches none is a wish that nobody would see unfulfilled."""

from collections.abc import Iterator, Sequence
from itertools import islice

from didact.prompts.chosen import ChosenFormats
from didact.tasks.task import Task

LOOKED_AT = 100
"""First rows of a task that are looked at for a rationale."""


def out_of_reach(formats: ChosenFormats, tasks: Sequence[Task]) -> Iterator[str]:
    """Yields a sentence for each share, of rows that reason or are turned around, that does not reach all tasks.

    Args:
        formats: What the tasks are worded with.
        tasks: What is trained on.
    """
    prompts = formats.recipe.prompts
    worded = [task for task in tasks if len(task.examples) and not task.examples[0].messages]
    if prompts.cot:
        without = [task.name for task in worded if not any(row.rationale for row in islice(task.examples, LOOKED_AT))]
        yield from _said("cot", prompts.cot, "have no rationale in their rows, so none of these reasons", without, len(worded))
    if prompts.inverted:
        without = [task.name for task in worded if not formats.trained(task).inverted.all]
        yield from _said("inverted", prompts.inverted, "have no inverted template that may be used", without, len(worded))


def _said(key: str, share: float, why: str, without: Sequence[str], num_tasks: int) -> Iterator[str]:
    if without:
        more = f" and {len(without) - 3:,} more" if len(without) > 3 else ""
        reached = f"{num_tasks - len(without):,} of {num_tasks:,} tasks"
        yield f"note: prompts.{key}={share:g} reaches {reached}; the others {why}: {', '.join(without[:3])}{more}"
