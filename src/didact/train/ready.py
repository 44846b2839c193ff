"""What is asked of a model and a machine before the first step, better refused than trained wrong, and what is done to the model."""

from collections.abc import Sequence

import torch
from accelerate.tracking import get_available_trackers
from accelerate.utils import LoggerType

from didact.base.errors import ModelError, PrerequisiteError, RecipeError, did_you_mean
from didact.base.recipe import Objective, TrainSection
from didact.models.architecture import check_objective
from didact.models.lean_layers import make_lean
from didact.models.load import Loaded
from didact.models.memory import keep_freed_memory
from didact.models.precision import Precision, autocast
from didact.models.prefix import mark_prefix
from didact.train import attention
from didact.train.layers import prepare_layers
from didact.train.packed_pairs import check_pairs

SHORT = 128
"""Tokens up to which, on a CPU, attention written out is faster than torch's fused one (64 tokens, 5.6 M model: 20 % faster steps)."""


def make_ready(
    loaded: Loaded,
    objective: Objective,
    settings: TrainSection,
    precision: Precision,
    *,
    packed: bool,
    max_length: int,
    checkpointing: bool,
) -> bool:
    """Checks a model that stands on its device and prepares its layers, in place, as the device does them best.

    Args:
        loaded: The model.
        objective: Which token weighs how much.
        settings: The recipe's `train`.
        precision: In which matrices are multiplied.
        packed: Whether rows hold several documents.
        max_length: Tokens of the longest row.
        checkpointing: Keep only the input of each layer for the backward pass.

    Returns:
        Whether documents share a row: see `check_model`.
    """
    model = loaded.model
    joined = check_model(loaded, objective, packed)
    prepare_layers(model, checkpointing=checkpointing, compile=settings.compile)
    if model.device.type != "cpu":
        return joined
    keep_freed_memory()
    if model.config._attn_implementation == "sdpa" and not joined and max_length <= SHORT:
        model.set_attn_implementation("eager")
    if not settings.compile:  # torch writes compiled layers as it likes

        def logits() -> torch.Tensor:
            with autocast(precision, model.device):
                return attention.probe_logits(model, len(loaded.tokeniser.tokenizer))

        make_lean(model, None if precision == "fp32" else logits)
    return joined


def check_model(loaded: Loaded, objective: Objective, packed: bool) -> bool:
    """Asks the model at hand whether it reads as its objective needs it to, and makes it ready for that.

    Returns:
        Whether documents may share a row. On a CPU that is always wanted: rows padded to the longest cost more.
    """
    model, vocabulary = loaded.model, len(loaded.tokeniser.tokenizer)
    check_objective(objective.kind, loaded.architecture, type(model).__name__)
    if objective.kind == "masked":
        attention.check_finite(model, vocabulary)
    else:
        attention.check_causal(model, vocabulary)
    mark_prefix(model, objective.kind == "prefix")
    if objective.kind == "prefix":
        attention.check_prefix(model, vocabulary)
    elif packed and loaded.architecture == "decoder":
        attention.keep_apart(model, vocabulary)
        return True
    elif packed and loaded.architecture == "encoder_decoder":
        check_pairs(model, vocabulary)
    elif packed:
        raise ModelError(f"{type(model).__name__} reads one document a row", remedy="sequence.pack=false")
    return objective.kind == "causal" and model.device.type == "cpu" and attention.can_keep_apart(model, vocabulary)


def check_trackers(wanted: Sequence[str]) -> None:
    """Refuses what accelerate would leave out with no more than a warning: a tracker whose package is not there."""
    for name in wanted:
        if name not in LoggerType.list():
            raise RecipeError(f"no tracker named '{name}'", expected=did_you_mean(name, LoggerType.list()), remedy="train.trackers=[...]")
        if LoggerType(name) not in (LoggerType.ALL, *get_available_trackers()):
            raise PrerequisiteError(f"tracker '{name}' needs a package that is not installed", remedy=f"pip install {name}")
