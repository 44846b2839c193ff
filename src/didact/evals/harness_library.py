"""lm-eval as a library: is it there, which tasks it has, how many demonstrations they show, what goes wrong inside it."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from didact.base.errors import DataError, DidactError, PrerequisiteError, RecipeError, did_you_mean, missing_extra
from didact.evals.protocols import LM_EVAL

_SHOTS_SEED = 1234
"""The seed of its demonstrations, as that library has it: other seeds show other rows."""


def with_shots(task: Any, shots: int | None) -> None:
    """Settles how many demonstrations a task shows; one that is meant to be asked without any stays so.

    Args:
        task: As lm-eval has it.
        shots: Demonstrations; None: as many as the task says.
    """
    known = task.get_config("num_fewshot")
    if known is None or (shots is not None and known != 0):
        task.set_config(key="num_fewshot", value=shots or 0)
    task.set_fewshot_seed(seed=_SHOTS_SEED)


def check_installed(task: str) -> None:
    """Looks whether lm-eval is there.

    Args:
        task: What is wanted of it, for the message.

    Raises:
        PrerequisiteError: It is not.
    """
    try:
        import_module("lm_eval.api.model")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "lm_eval":
            raise
        raise missing_extra(f"{LM_EVAL}{task}", "harness") from None


def is_file(name: str) -> bool:
    """Says whether a task is named by its file.

    >>> is_file("tasks/mine.yaml"), is_file("arc_easy")
    (True, False)
    """
    return name.endswith((".yaml", ".yml"))


def loaded_tasks(name: str) -> Any:
    """Returns a task, or all tasks of a group, as lm-eval has them.

    Raises:
        RecipeError: There is no such task, or no such file.
        DataError: It runs what a model has written, or its rows are not to be had.
    """
    if is_file(name) and not Path(name).is_file():
        raise RecipeError(f"no file '{name}'", expected="a task of lm-eval in YAML", remedy="--on lm_eval:FOLDER/TASK.yaml")
    known = _of_folder(Path(name).parent) if is_file(name) else _library()
    if not is_file(name) and name not in known.all_tasks:
        near = did_you_mean(name, known.all_tasks)
        raise RecipeError(f"lm-eval has no task named '{name}'", expected=near, remedy="lm-eval ls tasks shows them all")
    with told(name, OSError, LookupError, ValueError, TypeError, AssertionError, RuntimeError):
        loaded = known.load([_named(known, Path(name)) if is_file(name) else name])
    if unsafe := [task for task, one in loaded["tasks"].items() if getattr(one, "UNSAFE_CODE", False)]:
        what = f"the task '{unsafe[0]}' runs code that a model has written"
        raise DataError(what, remedy="lm-eval run --confirm_run_unsafe_code, in a machine that may break")
    return loaded


def _of_folder(folder: Path) -> Any:
    """Returns the tasks whose YAML files lie in a folder."""
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(folder), include_defaults=False)


def _named(known: Any, file: Path) -> str:
    """Returns what a file's task or group is called; that library finds tasks by their file, and groups by their name alone."""
    names = [name for name, entry in known.task_index.items() if entry.yaml_path is not None and Path(entry.yaml_path) == file]
    return names[0] if names else str(file)


@cache
def _library() -> Any:
    """Returns lm-eval's own tasks by name; it takes seconds to read them."""
    from lm_eval.tasks import TaskManager

    return TaskManager()


@contextmanager
def told(name: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turns what goes wrong inside the library into errors of ours.

    Args:
        name: The task.
        kinds: Errors that are about the task, and not slips of ours.

    Raises:
        DidactError: It did.
    """
    try:
        yield
    except DidactError:
        raise
    except ImportError as error:
        missing = error.name or "what it names"
        raise PrerequisiteError(f"the task '{name}' needs more than lm-eval alone: {error}", remedy=f"pip install {missing}") from error
    except kinds as error:
        offline = bool(os.environ.get("HF_HUB_OFFLINE")) or isinstance(error, OSError)
        remedy = "without a network: name a YAML file that reads your own rows" if offline else f"lm-eval validate --tasks {name}"
        said = " ".join(str(error).split())[:300]
        raise DataError(f"lm-eval cannot ask '{name}': {type(error).__name__}: {said}", remedy=remedy) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the library's bars and remarks off the screen; its warnings stay in the log of Python's logging."""
    log = logging.getLogger("lm_eval")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        log.setLevel(before)
