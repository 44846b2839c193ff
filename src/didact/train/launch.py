"""Several processes on this machine share one training: torchrun, started from `didact train --processes N`."""

import os
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun

from didact.base.errors import ModelError


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Runs `didact ARGUMENTS` in several processes that find one another over loopback.

    Args:
        processes: How many.
        arguments: The command line without `didact`.

    Raises:
        ModelError: One of them failed; its own message is on stderr.
    """
    # Without this every process takes all cores and they stand in one another's way.
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // processes, 1)))
    try:
        torchrun(["--standalone", "--nproc-per-node", str(processes), "-m", "didact", *arguments])
    except ChildFailedError as error:
        remedy = "see the message above, or train with --processes 1"
        raise ModelError(f"training in {processes} processes failed", remedy=remedy) from error
