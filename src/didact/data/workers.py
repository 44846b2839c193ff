"""Worker processes that word and tokenise: each is started afresh and rebuilds what it needs, and none changes what comes out."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import repeat

import numpy as np

from didact.base.errors import DataError
from didact.data.draws import Draw
from didact.data.made import Made, from_arrays, to_arrays

Make = Callable[[Sequence[Draw], bool], Made]
"""Takes draws, and whether conversations are compared with their tokens."""


class Workers:
    """Processes that turn runs of draws into tokenised examples; they are started when there is first something to do.

    Args:
        number: How many.
        start: Called once in each of them, so it can be pickled; returns what does the work there.
    """

    def __init__(self, number: int, start: Callable[[], Make]) -> None:
        self._number, self._start = number, start
        self._pool: ProcessPoolExecutor | None = None

    def make(self, parts: Iterable[Sequence[Draw]], audited: bool = True) -> Iterator[Made]:
        """Yields what became of each run of draws, in their order.

        Raises:
            DidactError: What a worker met, as if it had been met here.
            DataError: A worker was killed, or cannot be started.
        """
        if self._pool is None:
            # Started afresh: a copy of a process with the threads of torch and of the tokenizer in it may hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._number, context, initializer=_begin, initargs=(self._start,))
        try:
            for arrays in self._pool.map(_make, parts, repeat(audited)):
                yield from_arrays(arrays)
        except BrokenProcessPool:
            self.close()
            raise DataError(
                f"one of {self._number} worker processes ended in the middle of its work",
                where="sequence.workers",
                expected="memory for all of them; in a script of your own, the call below: if __name__ == '__main__'",
                remedy="sequence.workers=0",
            ) from None

    def close(self) -> None:
        """Ends the processes; they are started again when there is something to do."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None


_start: Callable[[], Make] | None = None
_work: Make | None = None


def _begin(start: Callable[[], Make]) -> None:
    """Remembers how the work is done; doing so only later lets an error come back as itself."""
    global _start
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a worker is one core's work
    _start = start


def _make(draws: Sequence[Draw], audited: bool) -> dict[str, np.ndarray]:
    global _work
    if _work is None:
        assert _start is not None
        _work = _start()
    return to_arrays(_work(draws, audited))
