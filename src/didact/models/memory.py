"""Memory of the process: on Linux, what training frees is kept for its next step instead of going back to the system."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Numbers of glibc's settings (malloc.h)."""


def keep_freed_memory() -> bool:
    """Tells glibc to keep freed memory, and returns whether it could be told.

    By default every large tensor is mapped anew and filled with zeros by the system, page by page, in every step. Measured on two
    cores with a 5.6 M model and 4,096 tokens a step: 12 to 24 % more tokens a second.
    """
    if not sys.platform.startswith("linux"):
        return False
    tell = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return tell is not None and bool(tell(_MMAP_MAX, 0)) and bool(tell(_TRIM_THRESHOLD, 2**31 - 1))
