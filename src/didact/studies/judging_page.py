"""What the report says of an evaluation as a whole: the three levels, what got worse, how much wordings matter."""

from collections.abc import Mapping, Sequence
from typing import Any

from didact.evals.normalised import lines
from didact.evals.three_levels import TITLES
from didact.studies.wording_plots import wordings_plot

MOST_WORSE = 40
"""Lines of what got worse on the page; the files of the run have all."""


def parts(tables: Mapping[str, Any], three_levels: Mapping[str, Any], averages: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns the parts of the page that speak of all levels and benchmarks together.

    Args:
        tables: Level or benchmark to its scores.
        three_levels: From `three_levels`; empty where a run was judged before there was one.
        averages: Model to its normalised average, from `normalised`; empty where no part of it was asked.

    Returns:
        `three`: pairs of a name and an entry; `missing`: sentences about levels without tasks; `worse`: what got worse, the surest
        first, and `num_worse`; `wordings`: name, plot and rows of each part that was asked in several wordings; `posix`: name and
        entry of each part whose answers were scored in other words; `instructions`: rows of IFEval's table, by level or benchmark;
        `normalised`: sentences.
    """
    worse = [
        {"set": name, **one}
        for name, table in tables.items()
        for one in table.get("regressions", ())
        if "protocol" not in table or one["metric"] == table["of_record"]  # a benchmark is told by its metric of record
    ]
    worse.sort(key=lambda one: (one["test"]["p"], one["difference"]["value"], one["set"], one["task"]))
    there = {level: table for level, table in three_levels.items() if "missing" not in table}
    three = []
    for level, table in there.items():
        tasks = f"{table['num_tasks']:,} task{'s' if table['num_tasks'] > 1 else ''}"
        three.append((f"{TITLES[level]}, mean of {tasks}", {"num_examples": table["num_rows"], **table["macro"]}))
    return {
        "three": three,
        "micro": [(TITLES[level], table["num_rows"], table["micro"]) for level, table in there.items()],
        "missing": [f"{TITLES[level]}: no tasks; {table['missing']}" for level, table in three_levels.items() if "missing" in table],
        "worse": worse[:MOST_WORSE],
        "num_worse": len(worse),
        "posix": [(name, table["posix"]) for name, table in tables.items() if "posix" in table],
        "instructions": {name: _instructions(table["instructions"]) for name, table in tables.items() if "instructions" in table},
        "normalised": [f"{model}: {line}" for model, average in (averages or {}).items() for line in lines(average)],
        "wordings": [{"name": name, "plot": wordings_plot(table["wordings"])} for name, table in tables.items() if table.get("wordings")],
    }


def _instructions(found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns a row for each instruction: how often it was given, and followed by both models.

    >>> said = {"punctuation:no_comma": {"num_instructions": 2, "strict": 50.0, "loose": 100.0}}
    >>> _instructions({"base": said, "tuned": said})[0]["name"]
    'punctuation: no comma'
    """
    return [
        {"name": name.replace(":", ": ").replace("_", " "), "num": tuned["num_instructions"], "base": found["base"][name], "tuned": tuned}
        for name, tuned in found["tuned"].items()
    ]


def of_record(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the rows to look at: each example once, as it was first asked, in writing where it was.

    >>> asked = [{"level": "unseen", "task": "t", "example": "1", "template": name} for name in ("a", "b")]
    >>> [row["template"] for row in of_record(asked)]
    ['a']
    """
    kept: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row.get("asked", "generate") == "rank"):
        kept.setdefault((str(row.get("level", "unseen")), str(row["task"]), str(row["example"])), row)
    return list(kept.values())
