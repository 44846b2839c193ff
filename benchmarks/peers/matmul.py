"""How many FLOPs a second this machine's matrix multiplication reaches: two 2048 x 2048 matrices, the best of several."""

import json
import sys
import time

import torch


def rate(dtype: torch.dtype, size: int = 2048, times: int = 12) -> float:
    """Returns FLOPs a second."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        one @ other
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


if __name__ == "__main__":
    json.dump({"bf16": rate(torch.bfloat16), "fp32": rate(torch.float32)}, sys.stdout)
