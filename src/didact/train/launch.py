"""Several processes on this machine share one training: torchrun, started from `didact train --processes N`."""

import logging
import os
import signal
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun

from didact.base.errors import ModelError
from didact.train.signals import Stopped

_PATIENCE = "600"
"""Seconds that processes have to end their step and save it, when all are asked to stop."""


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Runs `didact ARGUMENTS` in several processes that find one another over loopback.

    Args:
        processes: How many.
        arguments: The command line without `didact`.

    Raises:
        ModelError: One of them failed; its own message is on stderr.
        Stopped: SIGTERM or SIGINT came; they have saved what they had.
    """
    # Without this every process takes all cores and they stand in one another's way.
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // processes, 1)))
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", _PATIENCE)
    # It would tell of every signal that it passes on; what a failure is, the process that failed says itself.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("torch.distributed.elastic")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)}
    try:
        torchrun(["--standalone", "--nproc-per-node", str(processes), "-m", "didact", *arguments])
    except SignalException as stopped:
        raise Stopped(stopped.sigval) from None
    except ChildFailedError as error:
        codes = [failure.exitcode for failure in error.failures.values()]
        for number in (signal.SIGTERM, signal.SIGINT):
            if 128 + number in codes:  # they were asked themselves
                raise Stopped(number) from None
        remedy = "see the message above, or train with --processes 1"
        raise ModelError(f"training in {processes} processes failed", remedy=remedy) from error
    finally:
        for number, handler in before.items():  # torchrun leaves its own behind
            signal.signal(number, handler)
