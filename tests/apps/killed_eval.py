"""The program that a test kills: `didact eval` with these arguments, which ends itself by a signal when so many answers are there."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from didact.apps.cli import app, main


@contextmanager
def ending(number: int, num_answers: int) -> Iterator[Callable[[str, int, int], None]]:
    """A hearer of answers that sends this process a signal once there are so many."""
    told = list[int]()

    def hear(_: str, __: int, count: int) -> None:
        before = sum(told)
        told.append(count)
        if before < num_answers <= sum(told):
            os.kill(os.getpid(), number)

    yield hear


if __name__ == "__main__":
    with patch("didact.apps.evaluating.asking_bar", partial(ending, signal.SIGKILL, int(sys.argv[1]))):
        main(partial(app, sys.argv[2:], prog_name="didact"))
