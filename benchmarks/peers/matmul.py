"""How many FLOPs a second matrix multiplication reaches here: two 2048 x 2048 matrices (8192 on a GPU), the best of several."""

import json
import sys
import time

import torch


def rate(dtype: torch.dtype, times: int = 12) -> float:
    """Returns FLOPs a second."""
    device, size = ("cuda", 8192) if torch.cuda.is_available() else ("cpu", 2048)
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
