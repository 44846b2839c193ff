"""What the looking verbs show: lists of parts, one rendered example, one tokenised draw, the account of a data file."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from didact.apps.views import token_rows
from didact.assemble import Assembly
from didact.base.errors import DataError, RecipeError, did_you_mean
from didact.base.files import write_text
from didact.base.recipe import Recipe, Source, load_recipe
from didact.base.types import Conversation, Origin
from didact.data.objectives import loss_weights
from didact.prompts.chat_format import FORMATS, golden
from didact.prompts.render import render
from didact.prompts.template import TemplateSet
from didact.run import all_runs
from didact.tasks.metrics import METRICS
from didact.tasks.readers import READERS, load_tasks

Rows = list[dict[str, Any]]


def _tasks(recipe: Recipe | None) -> Rows:
    if recipe is None:
        raise RecipeError("tasks come from a recipe's sources", remedy="didact ls tasks recipes/demo.yaml")
    split = Assembly(recipe).split
    level = {**{t.name: "seen" for t in split.seen}, **{t.name: "unseen" for t in split.unseen}}
    tasks = Assembly(recipe).tasks
    return [
        {
            "task": task.name,
            "level": level.get(task.name, "left out"),
            "category": task.category,
            "examples": len(task.examples),
            "metric": task.metric,
            "dataset": ", ".join(task.datasets),
            "language": ", ".join(task.languages),
        }
        for task in tasks
    ]


def _templates(recipe: Recipe | None) -> Rows:
    files = [Path(file) for file in recipe.prompts.files] if recipe else []
    return [
        {"template": t.name, "kinds": ", ".join(t.for_kinds), "style": t.style, "inverted": t.inverted, "in all": t.default}
        for t in TemplateSet.load(files)
    ]


def _first_line(part: Any) -> str:
    return (getattr(part, "__doc__", None) or "").strip().split("\n")[0]


def _formats(_: Recipe | None) -> Rows:
    rows = [{"format": name, "controls": " ".join(FORMATS[name].controls), "example": _shown(name)} for name in FORMATS]
    return [*rows, {"format": "model", "controls": "", "example": "the tokenizer's own chat template"}]


def _shown(name: str) -> str:
    return "".join(piece.text for piece in FORMATS[name].pieces(golden(system=False))).replace("\n", "\\n")


def _runs(_: Recipe | None) -> Rows:
    return [
        {"run": run.name, "finished": run.finished, "scores": ", ".join(sorted(p.stem for p in (run.folder / "scores").glob("*.json")))}
        for run in all_runs()
    ]


def recipe_files() -> list[Path]:
    """Returns the recipes in `recipes/` of the working folder and in the working folder itself."""
    return sorted([*Path("recipes").rglob("*.yaml"), *Path().glob("*.yaml")])


def _recipes(_: Recipe | None) -> Rows:
    rows = []
    for path in recipe_files():
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        rows.append({"recipe": str(path), "about": first.lstrip("# ") if first.startswith("#") else ""})
    return rows


LISTS: dict[str, Callable[[Recipe | None], Rows]] = {
    "tasks": _tasks,
    "templates": _templates,
    "metrics": lambda _: [{"metric": name, "about": _first_line(METRICS[name])} for name in METRICS],
    "formats": _formats,
    "readers": lambda _: [{"reader": name, "about": _first_line(READERS[name])} for name in READERS],
    "recipes": _recipes,
    "runs": _runs,
}


def rendered(recipe: Recipe, name: str, template: str | None, index: int) -> Conversation:
    """Returns one example of a task in one wording."""
    assembly = Assembly(recipe)
    task = assembly.tasks.named(name)
    if index >= len(task.examples):
        raise DataError(f"task '{name}' has {len(task.examples):,} examples", expected=f"an index from 0 to {len(task.examples) - 1}")
    chosen = assembly.templates.select(template or recipe.prompts.templates, task)[0]
    return render(task, task.examples[index], chosen, seed=recipe.seed)


def draw_as_tokens(recipe: Recipe, index: int) -> tuple[Origin, Rows]:
    """Returns where a draw comes from, and its tokens with roles and weights."""
    assembly = Assembly(recipe)
    draws = assembly.mixture.draws(0)
    if index >= len(draws):
        raise DataError(f"the first epoch has {len(draws):,} draws", expected=f"an index from 0 to {len(draws) - 1}")
    conversation = assembly.render(draws[index])
    example = assembly.tokeniser.tokenise([conversation], recipe.sequence.max_length)[0]
    if example is None:
        raise DataError("this draw does not fit: its response alone is longer than sequence.max_length", remedy="sequence.max_length=...")
    return conversation.origin, token_rows(example, loss_weights(example.roles, recipe.objective), assembly.tokeniser)


def read_account(path: Path, reader: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Returns what becomes of every row of a data file or folder: kept, or dropped with file, row and reason."""
    from didact.tasks.guess import guess_reader

    if reader is None:
        reader = guess_reader(path)
        say(f"reader: {reader} (guessed; another one: --reader NAME)")
    tasks = load_tasks([Source(name=path.name.split(".")[0] or "data", reader=reader, path=str(path))])
    num_examples = sum(len(task.examples) for task in tasks)
    reports = tasks.reports
    lines = [report.line() for report in reports]
    refused = [refusal for report in reports for refusal in report.refusals]
    lines += [f"  {r.file}, {r.row}: {r.reason}" for r in refused[:20]]
    if refused:
        lines.append("next: put these rows right, or train without them: they are left out and counted")
    return {
        "reader": reader,
        "num_tasks": len(tasks),
        "num_kept": num_examples,
        "num_dropped": sum(report.dropped.total() for report in reports),
        "refused": [asdict(refusal) for refusal in refused],
        "lines": lines,
    }


def write_recipe(name: str, parent: str) -> Path:
    """Writes NAME.yaml in the working folder: the parent's complete settings, ready to be changed.

    Raises:
        RecipeError: There is such a file already, or no such parent.
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if path.exists():
        raise RecipeError(f"{path} exists already", remedy=f"didact new {path.stem}_2 --from {parent}")
    source = Path(parent)
    if not source.is_file():
        named = {file.stem: file for file in recipe_files()}
        if parent not in named:
            raise RecipeError(f"no recipe named '{parent}'", expected=did_you_mean(parent, named), remedy="didact ls recipes")
        source = named[parent]
    recipe = load_recipe(source, [f"name={path.stem}"])
    write_text(path, f"# {path.stem}: made from {source}; every key is explained in docs/recipe.md.\n{recipe.to_yaml()}")
    return path
