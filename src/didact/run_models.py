"""The models of a run, ready to answer: as it was before tuning, and tuned."""

from collections.abc import Callable

from didact.base.recipe import AdapterSection, Recipe
from didact.data.objective_tokens import objective_controls
from didact.data.tokens import Tokeniser
from didact.models.bundled import resolved
from didact.models.load import Loaded, load_base, load_checkpoint, load_tokeniser
from didact.models.local import LocalModel
from didact.models.precision import pick_device, pick_precision
from didact.run import Run
from didact.train import checkpoint


def load_untuned(run: Run, recipe: Recipe, tokeniser: Tokeniser | None = None) -> Loaded:
    """Returns the model as it was before tuning, asked through the tuned one's tokeniser where there is one."""
    if recipe.model.base == "new":
        return load_checkpoint(run.base)
    section = resolved(recipe.model)
    if section.adapter.kind == "prompt":  # the base knows nothing of the trained prompt's tokens
        section, tokeniser = section.model_copy(update={"adapter": AdapterSection()}), None
    own, new = load_tokeniser(section, recipe.prompts.chat_format, lambda: (), objective_controls(recipe.objective))
    return load_base(section, tokeniser or own, new, positions=recipe.sequence.max_length, seed=recipe.seed)


def local_model(loaded: Loaded, recipe: Recipe) -> LocalModel:
    """Returns a loaded model ready to answer: in its training's precision on a GPU, in float32 on a CPU.

    On a CPU, autocast casts every weight again for every token: measured here, 13 times slower than float32.
    """
    device = pick_device()
    return LocalModel(loaded, device, pick_precision(recipe.train.precision, device) if device.type == "cuda" else "fp32")


def load_tuned(run: Run, say: Callable[[str], None] | None = None) -> Loaded:
    """Returns a run's newest model; one whose chat format is not what it was tuned with is refused.

    Args:
        run: A run with a checkpoint.
        say: Hears of torn checkpoints, which are passed over; None: a torn one is an error.
    """
    return load_checkpoint(checkpoint.newest(run.checkpoints, say))
