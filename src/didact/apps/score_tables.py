"""Tables beside the scores: rank classification, wordings, what got worse, the three levels, two runs against each other."""

from collections.abc import Mapping
from typing import Any

from didact.apps.views import interval, table

MOST_WORSE = 10
"""Lines of what got worse; the report has all."""


def rank_table(tables: Mapping[str, Any]) -> str:
    """Returns accuracy of the likeliest choice by norm, a line for each level or benchmark and norm; empty where nothing was ranked."""
    rows = []
    for name, scores in tables.items():
        for norm, found in scores.get("rank", {}).items():
            entry = found["macro"]
            rows.append({"likeliest choice": name, "by": norm.replace("_", " "), "rows": entry["num_examples"], **_pair(entry)})
    return table(rows, ("likeliest choice", "by", "rows", "base", "tuned", "difference")) if rows else ""


def wording_table(tables: Mapping[str, Any]) -> str:
    """Returns how the tuned model's score depends on the wording; empty where each row was asked in one."""
    rows = []
    for name, scores in tables.items():
        for part, found in scores.get("wordings", {}).get("macro", {}).items():
            said = {key: interval(found[key]["tuned"]) for key in ("median", "min", "worst", "spread") if "tuned" in found.get(key, {})}
            if said:
                rows.append({"wordings": name, "part": part.replace("_", " "), **said})
    return table(rows, ("wordings", "part", "median", "min", "worst", "spread")) if rows else ""


def posix_table(tables: Mapping[str, Any]) -> str:
    """Returns POSIX, in nats per token, a line for each level or benchmark; empty where it was not asked.

    >>> print(posix_table({"unseen": {"posix": {"missing": "no row has two answered wordings"}}}))
    POSIX of unseen: no row has two answered wordings
    """
    asked = {name: scores["posix"] for name, scores in tables.items() if "posix" in scores}
    rows = [
        {
            "POSIX": name,
            "rows": found["num_sets"],
            **{model: "{value:.3f} [{low:.3f}, {high:.3f}]".format(**found["macro"][model]) for model in ("base", "tuned")},
            "difference": "{value:+.3f} [{low:+.3f}, {high:+.3f}]".format(**found["macro"]["difference"]),
        }
        for name, found in asked.items()
        if "missing" not in found
    ]
    missing = [f"POSIX of {name}: {found['missing']}" for name, found in asked.items() if "missing" in found]
    return "\n".join([*([table(rows, ("POSIX", "rows", "base", "tuned", "difference"))] if rows else []), *missing])


def regression_table(tables: Mapping[str, Any]) -> str:
    """Returns what got worse, the surest first, of benchmarks by their metric of record alone; empty where nothing did."""
    worse = [
        (name, one)
        for name, scores in tables.items()
        for one in scores.get("regressions", ())
        if "protocol" not in scores or one["metric"] == scores["of_record"]
    ]
    worse.sort(key=lambda item: (item[1]["test"]["p"], item[1]["difference"]["value"]))
    rows = [
        {
            "got worse": f"{name}: {one['task']}" if one["task"] != name else name,
            "metric": one["metric"],
            "rows": one["num_examples"],
            **_pair(one),
            "p": f"{one['test']['p']:.4f}",
            "q": f"{one['test'].get('q', 1.0):.4f}",
        }
        for name, one in worse[:MOST_WORSE]
    ]
    more = f"\n{len(worse) - MOST_WORSE:,} more in the report and in --json" if len(worse) > MOST_WORSE else ""
    return table(rows, ("got worse", "metric", "rows", "base", "tuned", "difference", "p", "q")) + more if rows else ""


def three_level_table(levels: Mapping[str, Any]) -> str:
    """Returns the three levels: macro counts every task alike, micro every row; what has no tasks says how to get some.

    >>> print(three_level_table({"seen_task": {"num_tasks": 0, "num_rows": 0, "missing": "hold some out"}}))
    seen task: no tasks; hold some out
    """
    titles = {"seen_task": "seen task", "unseen_task": "unseen task, seen category", "unseen_category": "unseen category"}
    rows = [
        {
            "three levels": titles[level],
            "tasks": found["num_tasks"],
            "rows": found["num_rows"],
            "macro base": interval(found["macro"]["base"]),
            "macro tuned": interval(found["macro"]["tuned"]),
            "difference": _change(found["macro"]["difference"]),
            "micro base": f"{found['micro']['base']['value']:.1f}",
            "micro tuned": f"{found['micro']['tuned']['value']:.1f}",
            "of rows": f"{found['micro']['difference']['value']:+.1f}",
        }
        for level, found in levels.items()
        if "missing" not in found
    ]
    columns = ("three levels", "tasks", "rows", "macro base", "macro tuned", "difference", "micro base", "micro tuned", "of rows")
    missing = [f"{titles[level]}: no tasks; {found['missing']}" for level, found in levels.items() if "missing" in found]
    return "\n".join([*([table(rows, columns)] if rows else []), *missing])


def paired_table(result: Mapping[str, Any]) -> str:
    """Returns two runs against each other, a line for each level or benchmark and metric."""
    first, second = result["runs"]
    rows = []
    for name, scores in result["levels"].items():
        for metric, entry in scores["overall"].items():
            said = {first: interval(entry["base"]), second: interval(entry["tuned"]), "difference": _change(entry["difference"])}
            rows.append({"level": name, "metric": metric, "rows": entry["num_examples"], **said, "p": f"{entry['difference']['p']:.4f}"})
    return table(rows, ("level", "metric", "rows", first, second, "difference", "p"))


def _pair(entry: Mapping[str, Any]) -> dict[str, str]:
    return {"base": interval(entry["base"]), "tuned": interval(entry["tuned"]), "difference": _change(entry["difference"])}


def _change(change: Mapping[str, float]) -> str:
    return f"{change['value']:+.1f} [{change['low']:+.1f}, {change['high']:+.1f}]"
