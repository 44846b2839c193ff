"""Where to compute and in which precision: read off the machine, never assumed."""

import platform
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

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


def pick_precision(setting: Literal["auto", "fp32", "bf16", "bf16_weights"], device: torch.device) -> Precision:
    """Returns in which precision matrices are multiplied; `auto` takes bf16 exactly where the device multiplies in it."""
    if setting != "auto":
        return "fp32" if setting == "fp32" else "bf16"
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if device.type == "cpu" and cpu_flags() & _BF16_FLAGS else "fp32"


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Returns the context in which matrices are multiplied in `precision`."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def hold_in_bf16(model: Any) -> None:
    """Turns a model's weights into bf16, in place; those of an adapter stay as they are where the rest is frozen.

    Norms, softmax and the loss are still summed up in float32: autocast and the kernels see to that.

    >>> layer = torch.nn.Linear(1, 1)
    >>> hold_in_bf16(layer)
    >>> layer.weight.dtype
    torch.bfloat16
    """
    adapts = not all(parameter.requires_grad for parameter in model.parameters())
    for parameter in model.parameters():
        if parameter.dtype == torch.float32 and not (adapts and parameter.requires_grad):
            parameter.data = parameter.data.to(torch.bfloat16)


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
