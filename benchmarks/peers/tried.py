"""The peers' settings: what was tried on a CPU with two cores and bf16 (`bench_tuning.py --explore`), and what was chosen."""

from typing import Any

from peers.child import System


def _trl(**settings: Any) -> System:
    return System("run_trl.py", settings)


def _trainer(**settings: Any) -> System:
    return System("run_trainer.py", settings)


def _rows(number: int) -> dict[str, int]:
    """Returns a step of 16 rows, so many at a time."""
    return {"per_device_train_batch_size": number, "gradient_accumulation_steps": 16 // number}


STILL = {"gradient_checkpointing": False}
TRIED = {
    "TRL's defaults, 8 rows at a time": _trl(**_rows(8)),
    "TRL, no checkpointing, 16 rows at a time": _trl(**STILL),
    "TRL, no checkpointing, 4 rows at a time": _trl(**STILL, **_rows(4)),
    "TRL, no checkpointing, 2 rows at a time": _trl(**STILL, **_rows(2)),
    "TRL, no checkpointing, 1 row at a time": _trl(**STILL, **_rows(1)),
    "TRL, no checkpointing, 1 row, fp32": _trl(**STILL, **_rows(1)),
    "TRL, no checkpointing, padding free": _trl(**STILL, padding_free=True),
    "TRL, no checkpointing, padding free, 4 rows": _trl(**STILL, padding_free=True, **_rows(4)),
    "TRL, no checkpointing, 1 row, a loader worker": _trl(**STILL, **_rows(1), dataloader_num_workers=1),
    "Trainer, 16 rows at a time": _trainer(),
    "Trainer, 4 rows at a time": _trainer(**_rows(4)),
    "Trainer, 1 row at a time": _trainer(**_rows(1)),
    "Trainer, 1 row at a time, fp32": _trainer(**_rows(1)),
}
PEERS = {
    "TRL's defaults": TRIED["TRL's defaults, 8 rows at a time"],
    "TRL's best": TRIED["TRL, no checkpointing, 1 row at a time"],
    "Trainer": TRIED["Trainer, 4 rows at a time"],
    "Trainer's best": TRIED["Trainer, 1 row at a time"],
}
"""As measured. Alpaca's own script takes 4 rows at a time. One row at a time has no padding, which on a CPU is worth more than large
matrices: grouping rows by length, which would change what a step holds, could not do better."""
