"""A recipe from its file: parents and overrides laid over one another, paths found beside the file that wrote them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from didact.base.config import apply_overrides, laid_in, read_with_parents, validate, value_at
from didact.base.errors import RecipeError
from didact.base.recipe import Recipe
from didact.base.strict_yaml import Document, Location

HUB_MODEL = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
HUB_DATASET = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]*(?<!\.json)(?<!\.jsonl)(?<!\.csv)(?<!\.tsv)(?<!\.txt)(?<!\.gz)(?<!\.parquet)")
"""What may be a hub id when nothing of that name is on the disk; a file name that rows come from is none."""
BUNDLED = re.compile(r"atlas-[a-z-]+")
"""What a bundled base is called, wherever the package is; a folder of one's own with such a name is written `./atlas-x`."""


def load_recipe(path: Path | str, overrides: Iterable[str] = ()) -> Recipe:
    """Reads a recipe, its parent and the overrides.

    Args:
        path: The recipe file.
        overrides: `section.key=value` pairs, applied last.

    Raises:
        RecipeError: All problems at once, with file and line.
    """
    return validate(read_document(path, overrides), Recipe)


def read_document(path: Path | str, overrides: Iterable[str] = ()) -> Document:
    """Reads a recipe, its parent and the overrides as plain data that knows where every key was written.

    Raises:
        RecipeError: A file is missing, is not YAML, or repeats a key.
    """
    document = apply_overrides(read_with_parents(Path(path)), overrides)
    data: Any = document.data
    if is_synthesis(data):
        what = "this is a recipe of a synthesis: it has a method or a teacher"
        raise RecipeError(what, where=document.where(()), expected="a recipe of a training", remedy=f"didact synth {path}")
    for location, hub in _paths(data):
        if isinstance(value := value_at(data, location), str) and value:
            data = laid_in(data, location, anchored(value, document.where(location), hub))
    return Document(data, document.lines)


def is_synthesis(data: Any) -> bool:
    """Says whether a recipe's data are of `didact synth` and not of a training.

    >>> is_synthesis({"method": "alpaca"}), is_synthesis({"model": {}})
    (True, False)
    """
    return isinstance(data, Mapping) and not data.keys().isdisjoint({"method", "teacher", "num_rows", "preflight"})


def _paths(data: Mapping[str, Any]) -> Iterator[tuple[Location, re.Pattern[str] | None]]:
    """Yields where the recipe names a path, and what a hub id looks like there."""
    yield ("model", "base"), HUB_MODEL
    yield ("model", "tokenizer"), HUB_MODEL
    for location, hub in ((("prompts", "files"), None), (("tasks", "sources"), HUB_DATASET)):
        listed = value_at(data, location)
        for number in range(len(listed)) if isinstance(listed, list) else ():
            yield ((*location, number, "path") if hub else (*location, number)), hub


def anchored(value: str, where: str, hub: re.Pattern[str] | None) -> str:
    """Returns a path made absolute: beside the recipe that wrote it, else in the working folder.

    A path that is nowhere is taken as beside its recipe, so that messages say where we looked, unless it may be a hub id.
    """
    if value == "new" or (hub is HUB_MODEL and BUNDLED.fullmatch(value)):
        return value
    folder = Path() if where.startswith("command line") else Path(where.rpartition(":")[0]).parent
    found = next((base / value for base in (folder, Path()) if (base / value).exists()), None)
    if found is None and hub is not None and hub.fullmatch(value):
        return value
    return str((found or folder / value).resolve())
