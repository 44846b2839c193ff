"""What every system's run reports: the seconds of each step, its loss, the peak memory of the process. Needs nothing but Python."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


class Watch:
    """Notes when steps end.

    Args:
        spec: The run's; its `clock` is `wall`, or `core` for the seconds that cores were busy, on a machine that others use too.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.seconds: list[float] = []
        self.losses: list[float] = []
        self._clock = time.process_time if spec.get("clock") == "core" else time.perf_counter
        self._last = self._clock()

    def start(self) -> None:
        """The first step begins."""
        self._last = self._clock()

    def step_ended(self) -> None:
        """A step has ended, and the next one begins."""
        now = self._clock()
        self.seconds.append(now - self._last)
        self._last = now

    def report(self, **more: Any) -> dict[str, Any]:
        """Returns the run in numbers."""
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
        return {"seconds": self.seconds, "losses": self.losses, "peak_gb": round(peak, 4), **more}


def gpu_gb() -> float | None:
    """Returns the most memory that torch has held on the GPU; None without one."""
    import torch

    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None


def files_of_run() -> tuple[dict[str, Any], Path]:
    """Returns what the command line names: the run's spec, and where its report goes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    return json.loads(given.spec.read_text()), given.out
