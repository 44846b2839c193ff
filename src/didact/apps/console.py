"""The story on stderr and the results on stdout: sentences, progress bars, errors without tracebacks."""

import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from didact.base.errors import DidactError

if TYPE_CHECKING:
    from didact.data.problem_examples import ProblemExample
    from didact.train.loop import Step


class StepHearer(Protocol):
    """Hears every step of a training."""

    def __call__(self, step: "Step") -> None:
        """Shows one step."""


def is_main() -> bool:
    """Says whether this process is the one that talks: not a second rank of a training."""
    return os.environ.get("RANK", "0") == "0"


def say(line: str) -> None:
    """Tells one sentence of the story."""
    if is_main():
        print(line, file=sys.stderr, flush=True)


def put(text: str) -> None:
    """Puts a result on stdout."""
    if is_main():
        print(text, flush=True)


def terminal_width() -> int:
    """Returns the characters of a line where stdout is a terminal, else 0: a file or another program gets all there is."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def put_json(value: Any) -> None:
    """Puts one JSON object on stdout."""
    from didact.base.files import to_json

    put(to_json(value))


def fail(error: DidactError) -> int:
    """Shows an error that the user can put right; returns the exit code."""
    print(f"error: {error}", file=sys.stderr, flush=True)
    return 1


def show_problem(problem: "ProblemExample") -> None:
    """Shows an example on stderr, its tokens coloured by loss weight on a terminal, with marks around what is trained on elsewhere."""
    if not is_main():
        return
    from didact.apps import views

    say(f"example: {problem.what} ({problem.where})")
    rows = views.excerpt(views.example_rows(problem.example, problem.weights, problem.tokeniser))
    if sys.stderr.isatty():
        from rich.console import Console

        Console(stderr=True).print(views.coloured(rows), soft_wrap=True)
    else:
        say(views.marked(rows))


@contextmanager
def bar(title: str, fields: str) -> Iterator[Any]:
    """Gives a progress bar on stderr; without a terminal it stays silent.

    Args:
        title: What is being done.
        fields: A rich format string for the numbers beside the bar, over `task.fields`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(fields), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=False, disable=not (console.is_terminal and is_main())) as progress:
        yield progress


@contextmanager
def training_bar() -> Iterator[StepHearer]:
    """Gives a hearer of steps: a bar with loss, tokens/s and time left on a terminal, a line every ten seconds elsewhere."""
    with bar("training", "{task.fields[numbers]}") as progress:
        task, told = None, time.monotonic()

        def hear(step: "Step") -> None:
            nonlocal task, told
            # The loss is a mean since the last logged step: before the first one there is none to show.
            loss = "" if math.isnan(step.loss) else f"loss {step.loss:.3f}, "
            numbers = f"{loss}{step.tokens_per_second or step.num_tokens / max(step.seconds, 1e-9):,.0f} tokens/s"
            if task is None:
                task = progress.add_task("training", total=step.num_steps, numbers=numbers)
            progress.update(task, completed=step.step, numbers=numbers)
            if progress.disable and (time.monotonic() - told > 10 or step.step == step.num_steps):
                told = time.monotonic()
                left = (step.num_steps - step.step) * step.seconds / max(step.step, 1)
                say(f"step {step.step:,} of {step.num_steps:,}: {numbers}, {left:.0f} s left")

        yield hear


@contextmanager
def asking_bar() -> Iterator[Any]:
    """Gives a hearer of answered rows: a bar for each model on a terminal, a line every half minute elsewhere."""
    with bar("{task.description}", "") as progress:
        tasks: dict[str, Any] = {}
        told = time.monotonic()

        def hear(model: str, total: int, count: int) -> None:
            nonlocal told
            if model not in tasks:
                tasks[model] = progress.add_task(f"asking {model}", total=total)
                if progress.disable:
                    say(f"asking {model}: {total:,} rows")
            progress.advance(tasks[model], count)
            if progress.disable and time.monotonic() - told > 30:
                told = time.monotonic()
                say(f"asking {model}: {int(progress.tasks[tasks[model]].completed):,} of {total:,} rows")

        yield hear
