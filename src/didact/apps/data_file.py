"""The account of a data file: what becomes of every row, and what to type next."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.strict_yaml import to_yaml
from didact.tasks.guess import guess, told
from didact.tasks.readers import load_tasks
from didact.tasks.row_shapes import Shape

_MOST_SHOWN = 20


def read_account(path: Path, reader: str | None, target: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Returns what becomes of every row of a data file or folder: kept, or dropped with file, row and reason.

    Args:
        path: A file, a folder or a hub id.
        reader: How to read it; None: guessed.
        target: The answer's column, for reader `rows`.
        say: Hears which reader was guessed.

    Returns:
        `reader`, `num_tasks`, `num_kept`, `num_dropped`, `refused` (file, row and reason of each) and `lines` for people.

    Raises:
        DataError: The file as a whole cannot be read, or none of its rows.
    """
    try:
        shape = _shape(path, reader, target, say)
        reader, target_key = shape.reader, {"target": target} if target else {}
        source = {"name": _name(path), "reader": reader, "path": str(path), **shape.keys(), **target_key}
        tasks = load_tasks([Source.model_validate(source)])
        num_examples = sum(len(task.examples) for task in tasks)
    except DataError as error:
        raise DataError(error.what, where=error.where, expected=error.expected, remedy=_remedy(path, error)) from None
    reports = tasks.reports
    refused = [refusal for report in reports for refusal in report.refusals]
    num_dropped = sum(report.dropped.total() for report in reports)
    lines = [report.line() for report in reports]
    lines += [f"  {refusal.file}, {refusal.row}: {refusal.reason}" for refusal in refused[:_MOST_SHOWN]]
    lines += [f"  ... and {num_dropped - _MOST_SHOWN:,} more: --json"] if num_dropped > _MOST_SHOWN else []
    lines.append("next: put these rows right, or train without them: they are left out and counted" if num_dropped else _next(source))
    return {
        "reader": reader,
        "num_tasks": len(tasks),
        "num_kept": num_examples,
        "num_dropped": num_dropped,
        "refused": [asdict(refusal) for refusal in refused],
        "lines": lines,
    }


def _shape(path: Path, reader: str | None, target: str | None, say: Callable[[str], None]) -> Shape:
    """Returns how to read the file; a reader that is given gets the columns that it needs for this shape, if it is one of its own."""
    if reader is None and target:
        say("reader: rows (because of --target; another one: --reader NAME)")
        return Shape("rows")
    if reader is None:
        found = guess(path)
        say(told(found))
        return found[0]
    try:
        fitting = [shape for shape in guess(path) if shape.reader == reader] if path.exists() else []
    except DataError:  # What is wrong is told when the file is read as asked.
        fitting = []
    if fitting and fitting[0].columns:
        say(f"columns: {', '.join(f'{own} as {name}' for name, own in fitting[0].columns.items())} (guessed)")
    return fitting[0] if fitting else Shape(reader)


def _name(path: Path) -> str:
    return path.resolve().name.split(".")[0] or "data"


def _next(source: dict[str, Any]) -> str:
    return f"next: put this into a recipe:\n  tasks: {to_yaml({'sources': [source]}, flow=True)}"


def _remedy(path: Path, error: DataError) -> str:
    """Returns what to type, for someone who has a file and no recipe yet."""
    if "target: COLUMN" in error.remedy:
        return f"didact check {path} --reader rows --target COLUMN"
    if "another reader" in error.remedy:
        return f"put that right, or choose a reader (didact ls readers): didact check {path} --reader NAME"
    return error.remedy.replace("put the source's `path` right; ", "")
