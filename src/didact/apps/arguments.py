"""What the verbs share: their arguments, the end of their help, and the recipe that most of them begin with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from didact.base.errors import DidactError, did_you_mean

RecipeFile = Annotated[Path, typer.Argument(help="A recipe: a YAML file.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[SECTION.KEY=VALUE]...", help="Settings that win over the recipe.")]
RunOrFolder = Annotated[str, typer.Argument(help="A run: its name, a unique prefix of it, its folder, or last; or an exported folder.")]
RunName = Annotated[str, typer.Argument(help="A run: its name, a unique prefix of it, its folder, or last.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def examples(*lines: str) -> str:
    """Returns the end of a verb's help."""
    return "Examples:\n\n\b\n" + "\n".join(f"  {line}" for line in lines)


def wrong_usage(what: str, value: str, known: tuple[str, ...]) -> typer.BadParameter:
    """Returns the error for a name that is none of those known."""
    return typer.BadParameter(f"no {what} named '{value}'; {did_you_mean(value, known)}")


@contextmanager
def recipe(path: Path, overrides: list[str] | None = None) -> Iterator[Any]:
    """Gives a recipe. An error inside that names one of its keys gets the file and line where that key was written."""
    from didact.base.config import validate
    from didact.base.recipe import Recipe
    from didact.base.recipe_file import read_document

    document = read_document(path, overrides or ())
    recipe = validate(document, Recipe)
    try:
        yield recipe
    except DidactError as error:
        error.where = document.placed(error.where)
        error.remedy = error.remedy.replace("RECIPE", str(path))
        raise
