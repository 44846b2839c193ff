"""What a machine can do: memory that is free, and multiplications a second, known for GPUs and measured for CPUs."""

import os
import time
from pathlib import Path

import torch

from didact.models.precision import Precision

_TERA = 1e12
PEAKS = {
    "B200": 2250 * _TERA,
    "H200": 989 * _TERA,
    "H100": 989 * _TERA,
    "A100": 312 * _TERA,
    "A10G": 70 * _TERA,
    "A10": 125 * _TERA,
    "L40S": 362 * _TERA,
    "L4": 121 * _TERA,
    "RTX 4090": 165 * _TERA,
    "RTX 3090": 71 * _TERA,
}
"""Part of a GPU's name to its FLOPs a second in bf16 without sparsity, from its data sheet."""
_CGROUP = Path("/sys/fs/cgroup")


def known_peak(name: str) -> float | None:
    """Returns a GPU's bf16 FLOPs a second from its name; None for an unknown one.

    >>> known_peak("NVIDIA A100-SXM4-80GB") / 1e12
    312.0
    """
    return next((peak for part, peak in PEAKS.items() if f"{part} " in f"{name} ".replace("-", " ")), None)


def peak_flops(device: torch.device, precision: Precision, seconds: float = 0.2) -> float:
    """Returns the FLOPs a second that a device can do: a known GPU's in bf16, else the best of a few matrix products.

    Args:
        device: Where to multiply.
        precision: In which.
        seconds: For how long to measure.
    """
    known = known_peak(torch.cuda.get_device_name(device)) if device.type == "cuda" and precision == "bf16" else None
    return known if known else measured_peak(device, precision, seconds)


def measured_peak(device: torch.device, precision: Precision, seconds: float = 0.2, size: int = 1024) -> float:
    """Returns the FLOPs a second of the fastest of several products of two square matrices.

    Args:
        device: Where to multiply.
        precision: In which.
        seconds: For how long to measure; three products at least.
        size: Rows and columns; a product takes 2 · size³ FLOPs.
    """
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    matrix = torch.ones(size, size, dtype=dtype, device=device)
    best, began, number = float("inf"), time.perf_counter(), 0
    while number < 4 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        matrix @ matrix
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if number:  # the first one warms up
            best = min(best, time.perf_counter() - start)
        number += 1
    return 2 * size**3 / best


def available_memory(device: torch.device) -> int | None:
    """Returns the bytes that this process may still take; None where the system does not say.

    On a CPU, what the system and the container leave, shared by the processes of a training on this machine.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [number for number in (_system(), _container()) if number is not None]
    return min(found) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if found else None


def _system() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _container() -> int | None:
    """Returns what a cgroup (version 2) leaves; memory that it can take back from file caches counts as free."""
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        kept = {line.split()[0]: int(line.split()[1]) for line in (_CGROUP / "memory.stat").read_text().splitlines()}
    except OSError:
        return None
    return None if limit == "max" else max(int(limit) - int(used) + kept.get("inactive_file", 0), 0)
