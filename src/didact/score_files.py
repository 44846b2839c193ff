"""The tables of an evaluation in a run's folder, and what a person hears of them."""

from collections.abc import Callable, Mapping
from typing import Any

from didact.assemble import JUDGED, VALIDATION
from didact.evals import normalised
from didact.evals.stored import PROMPT_SETS
from didact.evals.suites import remarks
from didact.run import Run

MOST_LINES = 3
"""So many tasks whose answers could not be read are told one by one."""
SUMMARIES = ("three_levels", "normalised")
"""Tables of all levels and benchmarks together."""


def clear(run: Run, names: tuple[str, ...]) -> str:
    """Removes the tables of an earlier evaluation, whose rows are about to be replaced, and returns what a person has to know of it.

    Args:
        run: The run.
        names: The levels and benchmarks that are asked now.

    Returns:
        One line that names what was asked earlier and is not now; empty where there is nothing of the kind.
    """
    folder = run.folder / "scores"
    levels = [folder / f"{name}.json" for name in (*JUDGED, VALIDATION)]
    tables = [file for file in (*levels, *sorted((folder / "benchmarks").glob("*.json"))) if file.is_file()]
    now = {_file_name(name) for name in names}
    gone = [file.stem for file in tables if file.name not in now]
    for file in (*tables, *(folder / f"{name}.json" for name in SUMMARIES), folder / PROMPT_SETS):
        file.unlink(missing_ok=True)
    return f"scores are replaced: those of {', '.join(gone)}, asked earlier, are removed" if gone else ""


def told(run: Run, found: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Writes the tables beside the rows, says what a person has to know of them, and returns them."""
    for kind, below in (("levels", ""), ("benchmarks", "benchmarks/")):
        for name, table in found[kind].items():
            for line in _remarks(table):
                say(line if line.startswith(f"{name}:") else f"{name}: {line}")
            run.save_json(f"scores/{below}{_file_name(name)}", table)
    for name in SUMMARIES:
        if name in found:
            run.save_json(f"scores/{name}.json", found[name])
    for model, average in found.get("normalised", {}).items():
        for line in normalised.lines(average):
            say(f"{model}: {line}")
    return found


def _file_name(name: str) -> str:
    return f"{name.replace('/', '.')}.json"


def _remarks(table: Mapping[str, Any]) -> list[str]:
    """Returns what a person has to know of a table; what many tasks have in common is said once."""
    lines = remarks(table)
    unread = [line for line in lines if "give no answer" in line]
    if len(unread) <= MOST_LINES:
        return lines
    said = []
    for model, found in table["extraction"].items():
        rates = found["rates"]["all"]
        said.append(f"{rates['unparsed']['num'] + rates['empty']['num']:,} of {table['num_examples']:,} ({model})")
    together = f"completions of {len(unread)} tasks that give no answer: {', '.join(said)}; they count as wrong"
    return [*(line for line in lines if line not in unread), together]
