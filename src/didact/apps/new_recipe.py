"""A recipe of one's own: every key of another recipe, each with its meaning above it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from didact.apps.lists import recipe_files
from didact.base.errors import RecipeError, did_you_mean
from didact.base.files import write_text
from didact.base.recipe_file import load_recipe
from didact.base.strict_yaml import to_yaml


def write_recipe(name: str, parent: str) -> Path:
    """Writes NAME.yaml in the working folder: the parent's complete settings, ready to be changed.

    Args:
        name: The file, with or without `.yaml`; its name is the recipe's.
        parent: A recipe file, or the name of one that `didact ls recipes` shows.

    Raises:
        RecipeError: There is such a file already, or no such parent.
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if path.exists():
        raise RecipeError(f"{path} exists already", remedy=f"didact new {path.stem}_2 --from {parent}")
    source = Path(parent)
    if not source.is_file():
        named = {file.stem: file for file in reversed(recipe_files())}
        if parent not in named:
            raise RecipeError(f"no recipe named '{parent}'", expected=did_you_mean(parent, named), remedy="didact ls recipes")
        source = named[parent]
    recipe = load_recipe(source, [f"name={path.stem}"])
    about = f"# Made from {source}. A key that is taken out has its default; docs/recipe.md has them all.\n"
    write_text(path, about + "".join(f"{line}\n" for line in commented(recipe, path.parent.resolve())))
    return path


def commented(section: BaseModel, folder: Path, indent: str = "") -> Iterator[str]:
    """Yields a section as lines of YAML with the meaning of every key above it.

    Args:
        section: The section.
        folder: Paths under it are written as seen from it, so that the recipe can move with its data.
        indent: Blanks before every line.
    """
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        yield f"{indent}# {' '.join((field.description or '').split())}"
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from commented(value, folder, f"{indent}  ")
        elif isinstance(value, tuple) and any(isinstance(part, BaseModel) for part in value):
            yield f"{indent}{name}:"
            yield from (
                f"{indent}  - {to_yaml(_relative(part.model_dump(mode='json', exclude_defaults=True), folder), flow=True)}"
                for part in value
            )
        else:
            plain = section.model_dump(mode="json", include={name})
            yield f"{indent}{to_yaml(_relative(plain, folder), flow=True)[1:-1]}"


def _relative(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {key: _relative(part, folder) for key, part in value.items()}
    if isinstance(value, list):
        return [_relative(part, folder) for part in value]
    if isinstance(value, str) and value.startswith(str(folder)) and Path(value).is_relative_to(folder):
        return Path(value).relative_to(folder).as_posix()
    return value
