"""The levels that a recipe's models are judged at, and what to do about one that has no tasks."""

from didact.tasks.task import LEVELS

JUDGED = ("unseen", "held_in", *LEVELS)
"""The levels that models can be judged at."""
VALIDATION = "validation"
"""The level of the tasks that settings and checkpoints are chosen by: judged only where it is asked for by name."""
HOLD_OUT = {
    "unseen": "hold some out: tasks.hold_out.category=[...]",
    "held_in": "hold some out: tasks.hold_out.examples=20",
    VALIDATION: "keep some: tasks.hold_out.validation.num_categories=2",
    **dict.fromkeys(LEVELS, "add a source that has such tasks: didact ls tasks"),
}
"""What to do about a level that has no tasks."""


def spelled_out(level: str, there: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the levels that a name stands for: itself; `unseen` all unseen ones, where each task says of which it is.

    Args:
        level: As a recipe or a user writes it.
        there: The levels that have tasks.

    >>> spelled_out("unseen", ("held_in", "unseen_templates", "unseen_family"))
    ('unseen_templates', 'unseen_family')
    >>> spelled_out("unseen", ("unseen", "held_in"))
    ('unseen',)
    """
    apart = tuple(name for name in there if name in LEVELS) if level == "unseen" else ()
    return apart if apart and level not in there else (level,)
