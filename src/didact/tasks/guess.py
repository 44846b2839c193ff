"""The reader of a data file, guessed from its first row."""

from pathlib import Path

from didact.base.errors import DataError
from didact.tasks.readers import READERS
from didact.tasks.rows import open_rows
from didact.tasks.task import ReadReport

_KEYS = (
    ("messages", "messages"),
    ("conversations", "sharegpt"),
    ("conversation", "sharegpt"),
    ("instruction", "alpaca"),
    ("prompt", "prompt_completion"),
    ("text", "text"),
)
"""A column that only rows of one reader have, in the order in which they are looked for."""


def guess_reader(path: Path) -> str:
    """Returns the reader whose columns the first readable row has.

    Raises:
        DataError: No row can be read, or none of the readers knows its columns.
    """
    tasks = [*path.glob("*.json"), *path.glob("tasks/*.json")] if path.is_dir() else [path] if path.suffix == ".json" else []
    if any(b'"Definition"' in file.open("rb").read(100_000) for file in sorted(tasks)[:3]):
        return "superni"
    if path.suffix == ".txt":
        return "text"
    report = ReadReport(str(path))
    for _, _, row in open_rows(str(path), report=report):
        for column, reader in _KEYS:
            if column in row:
                return reader
        raise DataError(
            f"no reader knows the columns {', '.join(map(str, row))}",
            where=str(path),
            remedy="--reader rows, with tasks.sources[].target in a recipe",
        )
    reasons = "; ".join(f"{r.row}: {r.reason}" for r in report.refusals[:3])
    raise DataError(
        "no row can be read", where=f"{path} {reasons}".strip(), expected=f"a file for one of: {', '.join(READERS)}", remedy="--reader NAME"
    )
