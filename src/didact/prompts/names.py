"""Every name that a recipe chooses by, looked up before anything is read: a slip is told at once, not after training."""

from pathlib import Path

from didact.base.config import about
from didact.base.recipe import Recipe
from didact.prompts.chat_format import FORMATS
from didact.prompts.options import STYLES
from didact.prompts.template import TemplateSet
from didact.tasks.catalogue import settled
from didact.tasks.readers import READERS
from didact.tasks.set_metrics import metric_named


def check_names(recipe: Recipe) -> None:
    """Looks up every name, and reads the template files of the recipe's own.

    Raises:
        RecipeError: There is no such reader, metric, chat format or style of options.
        TemplateError: A template in one of the files is wrong.
    """
    for number, source in enumerate(recipe.tasks.sources):
        with about(f"tasks.sources[{number}].{'catalogue' if source.catalogue else 'reader'}"):
            READERS[settled(source).reader]
        with about(f"tasks.sources[{number}].metric"):
            metric_named(source.metric)
    for number, name in enumerate(recipe.evaluate.metrics):
        with about(f"evaluate.metrics[{number}]"):
            metric_named(name)
    with about("prompts.chat_format"):
        if recipe.prompts.chat_format != "model":
            FORMATS[recipe.prompts.chat_format]
    if recipe.prompts.files:
        with about("prompts.files"):
            TemplateSet.load([Path(file) for file in recipe.prompts.files], ())
    for key, style in (("prompts", recipe.prompts.options_style), ("evaluate", recipe.evaluate.options_style)):
        if style is not None:
            with about(f"{key}.options_style"):
                STYLES[style]
