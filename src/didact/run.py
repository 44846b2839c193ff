"""Run: a folder that explains itself, found again by any unique prefix of its name.

runs/tk_small-003/
├── recipe.yaml         fully resolved; training it repeats the run
├── environment.json    machine, versions, seeds, normaliser
├── mixture.txt leaks.json reading.json audit.json
├── samples/            conversations as they were trained on
├── metrics.jsonl       one line for every few steps
├── checkpoints/        weights, tokenizer, chat format, optimiser
├── scores/             predictions of base and tuned, and what they add up to
├── answers/            what base and tuned answer to open questions, for judges
└── report.html
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from didact.base.errors import RunError
from didact.base.files import write_json, write_text
from didact.base.recipe import Recipe
from didact.base.recipe_file import load_recipe
from didact.base.synth_file import RESOLVED

SUMMARY = "summary.json"
PACKAGES = ("didact", "torch", "transformers", "tokenizers", "accelerate", "numpy", "safetensors")


@dataclass(frozen=True)
class Run:
    """A folder with everything about one training."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def checkpoints(self) -> Path:
        """Where the weights are."""
        return self.folder / "checkpoints"

    @property
    def base(self) -> Path:
        """Where the untrained weights of a `new` model are; other bases are named by the recipe."""
        return self.folder / "base"

    @property
    def finished(self) -> bool:
        """Whether training has reached its last step."""
        return (self.folder / SUMMARY).is_file()

    def summary(self) -> dict[str, Any]:
        """Returns how the training ended.

        Raises:
            RunError: It has not.
        """
        path = self.folder / SUMMARY
        if not path.is_file():
            raise RunError(f"run '{self.name}' has not finished", remedy="didact train RECIPE --resume")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def recipe(self) -> Recipe:
        """Returns the recipe that this run was made from."""
        return load_recipe(self.folder / "recipe.yaml")

    def save_json(self, name: str, value: Any) -> None:
        """Writes one of the run's JSON files."""
        write_json(self.folder / name, value)

    def save_text(self, name: str, text: str) -> None:
        """Writes one of the run's text files."""
        write_text(self.folder / name, text)


def runs_folder() -> Path:
    """Returns where runs are kept: `DIDACT_RUNS`, or `runs` in the working folder."""
    return Path(os.environ.get("DIDACT_RUNS", "runs"))


def all_runs() -> list[Run]:
    """Returns the runs, the newest first."""
    found = [path.parent for path in runs_folder().glob("*/recipe.yaml")]
    return [
        Run(folder) for folder in sorted(found, key=lambda folder: ((folder / "recipe.yaml").stat().st_mtime_ns, folder.name), reverse=True)
    ]


def synthesised() -> list[Path]:
    """Returns the folders of what `didact synth` has made, the newest first."""
    found = runs_folder().glob(f"*/{RESOLVED}")
    return [path.parent for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.parent.name), reverse=True)]


def find_run(name: str) -> Run:
    """Returns a run by a path, its name, a unique prefix of it, or `last`.

    Raises:
        RunError: None or several match, or what matches are synthetic data and no training.
    """
    if (Path(name) / "recipe.yaml").is_file():
        return Run(Path(name))
    if (Path(name) / RESOLVED).is_file():
        raise _no_training(Path(name))
    runs, made = all_runs(), synthesised()
    if not runs and name == "last" and made:
        raise _no_training(made[0])
    if runs and name == "last":
        return runs[0]
    matching = [run for run in runs if run.name == name] or [run for run in runs if run.name.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    alike = [folder for folder in made if folder.name == name] or [folder for folder in made if folder.name.startswith(name)]
    if not matching and alike:
        raise _no_training(alike[0])
    if not runs:
        raise RunError(f"there are no runs in {runs_folder()}", remedy="didact train RECIPE")
    known = ", ".join(run.name for run in (matching or runs)[:10])
    raise RunError(f"{'several runs match' if matching else 'no run is named'} '{name}'", expected=known, remedy="didact ls runs")


def _no_training(folder: Path) -> RunError:
    """Returns the error that says what a folder of synthetic data is, and what to do with it."""
    messages = folder / "messages.jsonl"
    source = f"tasks: {{sources: [{{name: {folder.name}, reader: messages, path: {messages}}}]}}"
    done = f"look at {folder / 'card.md'}; to train on it, put `{source}` into a recipe, then: didact train RECIPE"
    return RunError(
        f"{folder.name} holds synthetic data and no model",
        where=str(folder),
        expected="a run of `didact train`: see didact ls runs",
        remedy=done if messages.is_file() else f"it has not ended; go on with it: didact synth {folder / RESOLVED}",
    )


def create_run(recipe: Recipe) -> Run:
    """Makes the folder of a new run, `NAME-001`, `NAME-002`, ..., with its recipe and the environment."""
    root = runs_folder()
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = root / f"{recipe.name}-{number:03d}"
        try:
            folder.mkdir()
            break
        except FileExistsError:
            number += 1
    run = Run(folder)
    run.save_text("recipe.yaml", recipe.to_yaml())
    return run


def discard(run: Run) -> None:
    """Removes a run that never began: its folder holds nothing but the recipe, and `last` should not be it."""
    if [path.name for path in run.folder.iterdir()] == ["recipe.yaml"]:
        (run.folder / "recipe.yaml").unlink()
        run.folder.rmdir()


def unfinished_run(recipe: Recipe) -> Run:
    """Returns the newest run of exactly this recipe that has a checkpoint and has not reached its end.

    Raises:
        RunError: There is none.
    """
    wanted = recipe.to_yaml()
    for run in all_runs():
        same = (run.folder / "recipe.yaml").read_text(encoding="utf-8") == wanted
        if same and not run.finished and any(run.checkpoints.glob("step_*/state.json")):
            return run
    raise RunError(
        f"no run of '{recipe.name}' to resume",
        expected="an unfinished run with a checkpoint and the same recipe",
        remedy="the same command without --resume",
    )


def environment(extra: dict[str, Any]) -> dict[str, Any]:
    """Returns what a result depends on besides its recipe: versions, the time, and what the caller knows of the machine."""

    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    return {"made": datetime.now(UTC).isoformat(timespec="seconds"), **{name: of(name) for name in PACKAGES}, **extra}
