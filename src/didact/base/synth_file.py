"""A synthesis recipe from its file: as `recipe_file`, with the paths that such a recipe names."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from didact.base.config import apply_overrides, laid_in, read_with_parents, validate, value_at
from didact.base.errors import RecipeError
from didact.base.recipe_file import HUB_DATASET, HUB_MODEL, anchored, is_synthesis
from didact.base.strict_yaml import Document
from didact.base.synth_section import SynthRecipe

RESOLVED = "synth.yaml"
"""The complete recipe in the folder of what was made."""


def load_synth_recipe(path: Path | str, overrides: Iterable[str] = ()) -> SynthRecipe:
    """Reads a synthesis recipe, its parent and the overrides.

    Args:
        path: The recipe file.
        overrides: `section.key=value` pairs, applied last.

    Raises:
        RecipeError: All problems at once, with file and line.
    """
    return checked_synthesis(read_synth_document(path, overrides))


def checked_synthesis(document: Document) -> SynthRecipe:
    """Returns a document from `read_synth_document` as a recipe.

    Raises:
        RecipeError: All problems at once, with file and line.
    """
    try:
        return validate(document, SynthRecipe)
    except RecipeError as error:
        error.remedy = error.remedy.replace("didact check", "didact synth")
        raise


def read_synth_document(path: Path | str, overrides: Iterable[str] = ()) -> Document:
    """Reads a synthesis recipe as plain data that knows where every key was written; paths are found beside the file that wrote them.

    Raises:
        RecipeError: A file is missing, is not YAML, or repeats a key.
    """
    document = apply_overrides(read_with_parents(Path(path)), overrides)
    data: Any = document.data
    if not is_synthesis(data) and (others := sorted(data.keys() & {"model", "tasks", "mixture", "train", "objective"})):
        what = f"this is a recipe of a training: it has {', '.join(others)}"
        raise RecipeError(
            what, where=document.where(()), expected="method, teacher ...: see docs/synthetic-data.md", remedy=f"didact train {path}"
        )
    named = [(("seeds",), None), (("source", "path"), HUB_DATASET)]
    if value_at(data, ("teacher", "backend")) in ("local", "vllm"):
        named.append((("teacher", "model"), HUB_MODEL))
    for location, hub in named:
        if isinstance(value := value_at(data, location), str) and value:
            data = laid_in(data, location, anchored(value, document.where(location), hub))
    return Document(data, document.lines)
