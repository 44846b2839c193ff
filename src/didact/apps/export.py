"""Export: a run's model as an ordinary transformers folder, which any tool can load and which is a base again."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from didact.base.errors import ModelError, RunError
from didact.base.files import write_json
from didact.models.architecture import logits_of
from didact.models.load import Loaded, load_checkpoint, merged, save
from didact.prompts.chat_format import golden
from didact.run import Run
from didact.train import checkpoint

ORIGIN = "didact.json"
_FAR = 1e-3


def export(run: Run, folder: Path) -> dict[str, Any]:
    """Writes the model of a run's newest checkpoint, its adapter merged into the base, and returns what was written.

    The folder holds weights in float32, the tokenizer with the chat template, the generation config with the stop tokens, the chat
    format's fingerprint, and where all of it comes from. Without an adapter the model is written as it is.

    Args:
        run: A run with a checkpoint. A base that was held in 4 bits is read in full: no GPU is needed.
        folder: A folder that does not exist yet.

    Raises:
        RunError: The run has no checkpoint, or the folder exists.
        ModelError: The adapter's base is gone or another one, or the merged model says something else.
    """
    if folder.exists():
        raise RunError(f"{folder} exists already", remedy=f"didact export {run.name} {folder}_2")
    found = checkpoint.newest(run.checkpoints)
    loaded = load_checkpoint(found, whole=True)
    adapter, difference = loaded.adapter, None
    if adapter is not None:
        before = _logits(loaded)
        loaded = merged(loaded)
        after = _logits(loaded)[..., : before.shape[-1]]
        difference = float((after - before).abs().max() / before.abs().max().clamp(min=1e-9))
        if not difference < _FAR:
            what = f"merged, the model says something else: logits differ by {difference:.1g} of the largest"
            raise ModelError(what, where=str(found), remedy=f"use the run as it is: didact chat {run.name}")
    origin = {
        "run": run.name,
        "checkpoint": found.name,
        "base": adapter.base if adapter else run.recipe().model.base,
        "adapter": adapter.settings.model_dump(mode="json") if adapter else None,
        "num_parameters": loaded.num_parameters,
        "difference": difference,
    }
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save(replace(loaded, adapter=None), temporary)
    write_json(temporary / ORIGIN, origin)
    temporary.replace(folder)
    return {"folder": str(folder), **origin}


def _logits(loaded: Loaded) -> torch.Tensor:
    """Returns what the model says to the conversation that stands for its format, or to a version of it without a system turn."""
    made = loaded.tokeniser
    example = made.tokenise([golden()], 10_000)[0] or made.tokenise([golden(system=False)], 10_000)[0]
    ids = example.input_ids.tolist() if example else made.tokenizer("a")["input_ids"]
    given = {"input_ids": torch.tensor([ids])}
    if loaded.start_id is not None:
        given["decoder_input_ids"] = torch.full((1, 1), loaded.start_id)
    with torch.no_grad():
        logits: torch.Tensor = logits_of(loaded.model.eval()(**given))
    return logits
