"""A training that is asked to stop ends its step, saves it, and leaves with a code that says what asked."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

URGENT = 2.0
"""Seconds after which a second SIGINT stops at once. A terminal and torchrun both pass on the same one, at the same moment."""


class Stopped(KeyboardInterrupt):
    """Training has stopped because a signal asked for it.

    Args:
        number: The signal.
        step: The step that it had ended and saved; None: not known.
    """

    def __init__(self, number: int, step: int | None = None) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number, self.step = number, step

    @property
    def exit_code(self) -> int:
        """What a shell says of a process that a signal ended: 130 for SIGINT, 143 for SIGTERM.

        >>> Stopped(signal.SIGTERM).exit_code
        143
        """
        return 128 + self.number


class Requests:
    """Which signal has asked to stop, if one has."""

    def __init__(self) -> None:
        self.number = 0
        """0: none."""
        self._since = 0.0

    def hear(self, number: int, _: FrameType | None) -> None:
        """Takes a signal down; a second SIGINT that is none of the first one's echoes ends everything at once."""
        now = time.monotonic()
        if number == signal.SIGINT and self.number and now - self._since > URGENT:
            raise KeyboardInterrupt
        if not self.number:
            self.number, self._since = number, now


@contextmanager
def stop_requests() -> Iterator[Requests]:
    """Gives what has been asked since the block began; signals do again what they did when it ends.

    Outside of the main thread signals cannot be heard, and nothing is asked.
    """
    requests = Requests()
    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    before = {number: signal.signal(number, requests.hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Makes SIGTERM end the block as Ctrl-C does: at once, but with what has been begun put away. Inside, `stop_requests` is milder."""

    def end(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)
