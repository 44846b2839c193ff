"""What is asked of a model and a machine before the first step: better refused than trained wrong."""

from collections.abc import Sequence

from accelerate.tracking import get_available_trackers
from accelerate.utils import LoggerType

from didact.base.errors import ModelError, PrerequisiteError, RecipeError, did_you_mean
from didact.base.recipe import Objective
from didact.models.architecture import check_objective
from didact.models.load import Loaded
from didact.models.prefix import mark_prefix
from didact.train import attention
from didact.train.packed_pairs import check_pairs


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
