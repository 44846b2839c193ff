"""Bundled bases: the small models that come with the package, found by their names."""

from pathlib import Path

from didact.base.errors import ModelError, did_you_mean
from didact.base.recipe import ModelSection
from didact.base.recipe_file import BUNDLED

BASES = Path(__file__).parents[1] / "bases"
"""A folder for each of them; transformers can load it."""


def bundled_names() -> list[str]:
    """Returns the names of the bases that are there."""
    return sorted(path.parent.name for path in BASES.glob("*/config.json"))


def bundled(name: str) -> str:
    """Returns the folder of a bundled base; another name (a hub id, a folder, `new`) as it stands.

    Raises:
        ModelError: The name is like theirs, and there is no such base.

    >>> bundled("HuggingFaceTB/SmolLM2-135M")
    'HuggingFaceTB/SmolLM2-135M'
    """
    known = bundled_names()
    if name in known:
        return str(BASES / name)
    if BUNDLED.fullmatch(name):
        expected = did_you_mean(name, known) if known else "none is bundled with this copy of the package"
        raise ModelError(
            f"no bundled base named '{name}'", expected=expected, remedy="set model.base to one of these, a folder or a hub id"
        )
    return name


def portable(name: str) -> str:
    """Returns what a checkpoint calls its base: a bundled base by its name, another folder from the root on, a hub id as it stands.

    >>> portable(str(BASES / "atlas-decoder")), portable("openai-community/gpt2")
    ('atlas-decoder', 'openai-community/gpt2')
    """
    path = Path(name)
    if path.parent == BASES:
        return path.name
    return str(path.resolve()) if path.is_dir() else name


def resolved(section: ModelSection) -> ModelSection:
    """Returns a recipe's `model` with folders in place of the names of bundled bases."""
    names = {"base": bundled(section.base), "tokenizer": bundled(section.tokenizer) if section.tokenizer else section.tokenizer}
    return section.model_copy(update=names)
