"""Where to compute and in which precision: read off the machine, never assumed."""

import platform
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Flags in /proc/cpuinfo of CPUs (x86 and Arm) that multiply in bf16; others emulate it, many times slower than fp32."""


def pick_device() -> torch.device:
    """Returns the first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cpu_flags() -> set[str]:
    """Returns the CPU's feature flags; empty where the system does not list them."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    return {flag for line in text.splitlines() if line.startswith(("flags", "Features")) for flag in line.partition(":")[2].split()}


def pick_precision(setting: Literal["auto", "fp32", "bf16"], device: torch.device) -> Precision:
    """Returns bf16 or fp32; `auto` takes bf16 exactly where the device multiplies in it."""
    if setting != "auto":
        return setting
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if device.type == "cpu" and cpu_flags() & _BF16_FLAGS else "fp32"


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Returns the context in which matrices are multiplied in `precision`."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def machine() -> dict[str, object]:
    """Returns the machine in words, for environment.json and benchmark results."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": torch.get_num_threads(),
        "bf16": bool(cpu_flags() & _BF16_FLAGS),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
