"""Tuning on one GPU against TRL's SFTTrainer at equal packing: Qwen2.5-0.5B's shape, the same packed rows, steps and losses.

Lines of 4,096 tokens that hold whole Alpaca rows, four a step, both systems given the same ones; loss on the answers alone. TRL runs
with and without gradient checkpointing, its documents told by `position_ids` (padding free). MFU is the FLOPs that a step needs
(6 for each weight of the blocks and token, 6 for each of the head's and supervised token) as a share of the matrix multiplication's
rate in the same run. Ratios are medians of three rounds, larger is better for us. Not part of `make bench`: type

    python benchmarks/gpu_tuning.py
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

import torch
from peers.child import Case, Run, System, apart, matmul_rates, prepared, run, summary

from didact.base.errors import DidactError, PrerequisiteError
from didact.models.precision import machine

RESULTS = Path(__file__).parent / "results"
SHAPE, LINE, LINES, NUM_STEPS, ROUNDS = "0.5B", 4096, 4, 20, 3
TRL = {"per_device_train_batch_size": LINES, "padding_free": True}
SYSTEMS = {
    "TRL's checkpointing": System("run_trl.py", TRL),
    "TRL, no checkpointing": System("run_trl.py", {**TRL, "gradient_checkpointing": False}),
    "didact": System("run_didact.py", {"micro_batch_tokens": LINE * LINES}),
}
CLOSE = 0.02
"""How far the losses of a step may be apart, relatively: both multiply in bf16."""


def check_gpu() -> None:
    """Ends everything in a plain sentence where there is no GPU.

    Raises:
        PrerequisiteError: There is none.
    """
    if not torch.cuda.is_available():
        raise PrerequisiteError("gpu_tuning measures a GPU, and torch sees none here", remedy="make bench-tuning measures the CPU")


def main() -> None:
    """Measures, keeps the result and prints one JSON line."""
    check_gpu()
    folder = prepared([SHAPE])
    case = Case(SHAPE, NUM_STEPS, rows_per_step=LINES, pack=LINE)
    runs = defaultdict[str, list[Run]](list)
    for number in range(ROUNDS):
        for name in SYSTEMS if number % 2 == 0 else reversed(SYSTEMS):
            runs[name].append(run(folder, case, SYSTEMS[name]))
            print(f"{name:24} {runs[name][-1].rate:10,.0f} supervised tokens/s {runs[name][-1].peak_gb:6.2f} GB", flush=True)
        for name in SYSTEMS:
            apart(runs[name][-1], runs["didact"][-1], CLOSE, name)
    matmul = matmul_rates()["bf16"]
    ours = runs.pop("didact")
    ratios = {name: round(median(a.rate / b.rate for a, b in zip(ours, found, strict=True)), 2) for name, found in runs.items()}
    result = {"name": "gpu_tuning", "machine": machine(), "ratios": ratios, "goal": dict.fromkeys(ratios, 1.0)}
    every = {"didact": ours, **runs}
    mfu = {name: round(median(one.flops for one in found) / matmul, 3) for name, found in every.items()}
    rates = {name: summary(found) for name, found in every.items()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "gpu_tuning.json").write_text(json.dumps({**result, "mfu": mfu, "rates": rates}, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    try:
        main()
    except DidactError as error:
        sys.exit(str(error))
