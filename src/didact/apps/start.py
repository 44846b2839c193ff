"""Which run a `didact train` works on, and what it says and returns when it is stopped."""

import os
from pathlib import Path

import typer

from didact.apps.console import say
from didact.base.recipe import Recipe
from didact.run import Run, create_run, unfinished_run


def chosen_run(recipe: Recipe, *, resume: bool, into: Path | None, processes: int) -> Run:
    """Returns the run to train: a new one, or the one to continue; processes that were started together agree on it.

    Args:
        recipe: What to train.
        resume: Continue the newest unfinished run of this recipe.
        into: The run that `--processes` has chosen already.
        processes: What `--processes` says.
    """

    def choose() -> Path:
        return (unfinished_run(recipe) if resume else create_run(recipe)).folder

    several = int(os.environ.get("WORLD_SIZE", "1"))
    if several > 1 and processes > 1:
        raise typer.BadParameter(f"{several} processes have been started already; leave --processes out")
    if several == 1:
        return Run(into or choose())
    from didact.train.together import agreed_folder, end_with_parent

    end_with_parent()
    return Run(into or agreed_folder(choose))


def stopped(error: KeyboardInterrupt, command: str) -> typer.Exit:
    """Says how to continue after a training was asked to stop, and returns its exit: 130 for SIGINT, 143 for SIGTERM."""
    step = getattr(error, "step", None)
    said = (
        f"stopped behind step {step:,}, which is saved; continue" if step else "stopped; continue from the last checkpoint, if there is one"
    )
    say(f"{said}: {command}")
    return typer.Exit(getattr(error, "exit_code", 130))
