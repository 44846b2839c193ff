"""What tests of shards ask of two processes, all in one start of them: `torchrun ... two_processes.py FOLDER`."""

import gc
import sys
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from tiny import MODELS, Steps, random_model, random_rows, tokeniser
from torch.nn.parallel import DistributedDataParallel

from didact.base.adapter_section import AdapterSection
from didact.base.files import write_json
from didact.base.recipe import Objective, TrainSection
from didact.models.adapter import Adapter, base_fingerprint, inject
from didact.models.load import Loaded, load_checkpoint
from didact.train import checkpoint
from didact.train.loop import tune

STEPS = Steps([[random_rows(6, seed=step, documents=2) for step in range(6)]])
SETTINGS = {
    "learning_rate": 0.01,
    "precision": "fp32",
    "log_every": 1,
    "schedule": {"kind": "constant", "warmup": 0.0},
    "checkpoint_every": 2,
    "keep_checkpoints": 9,
    "micro_batch_tokens": 64,
    "max_grad_norm": 0.5,
    # With the usual ε, AdamW blows rounding up to a whole step wherever a gradient is as small as rounding.
    "epsilon": 1e-4,
}


def with_adapter() -> Loaded:
    """A model with a LoRA whose second matrices are no zeros."""
    model, settings = random_model(MODELS["llama"]), AdapterSection(kind="lora", rank=2, alpha=4.0)
    found = base_fingerprint(model)
    inject(model, settings, (), seed=0)
    return Loaded(model, tokeniser(), adapter=Adapter(settings, "base", None, found))


def trained(folder: Path, loaded: Loaded, *, resume: bool = False, **settings: Any) -> None:
    """Trains on STEPS, packed."""
    given = {"packed": True, "seed": 0, "folder": folder, "resume": resume}
    tune(loaded, STEPS, 6, objective=Objective(prompt_weight=0.2), settings=TrainSection(**{**SETTINGS, **settings}), **given)


def fresh(name: str) -> Loaded:
    """An untrained model."""
    return Loaded(random_model(MODELS[name]), tokeniser())


def _end(_: Accelerator) -> None:
    """Stands for the end of the group of processes: whoever lets go of it behind that, and holds the interpreter, may wait for ever."""
    assert not any(type(one) is DistributedDataParallel for one in gc.get_objects())


def main(folder: Path) -> None:
    """Runs everything that needs two processes; what it makes lies in folders of its own."""
    # The processes meet once: what ends a training must not part them.
    Accelerator.end_training = _end
    for name in MODELS:
        trained(folder / f"shards_{name}", fresh(name), shard=True)
    trained(folder / "shards_adapter", with_adapter(), shard=True)
    for kind in ("shards", "whole"):
        place = folder / f"one_then_{kind}"
        trained(place, load_checkpoint(checkpoint.newest(place / "checkpoints")), resume=True, shard=kind == "shards")
    try:
        trained(folder / "refused", fresh("llama"), shard=True, optimizer="adafactor")
    except ValueError as error:
        write_json(folder / "refused.json", str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
