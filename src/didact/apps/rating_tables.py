"""What `didact rate` shows: levels, win rates and agreement as tables."""

from typing import Any

from didact.apps.console import terminal_width
from didact.apps.views import table
from didact.evals.levels import LEVELS


def ratings_text(result: dict[str, Any]) -> str:
    """Returns what raters say: levels of each model, pairs, and how well the raters agree."""
    rows = [
        {
            "model": name,
            "ratings": one["num_ratings"],
            **{level: round(one["shares"][level], 1) for level in LEVELS},
            "A or B": spread(one["acceptable"]),
        }
        for name, one in result["models"].items()
    ]
    parts = [table(rows, ("model", "ratings", *LEVELS, "A or B"), terminal_width())]
    if result["pairs"]:
        parts.append(pairs_text(result))
    agreement = result["agreement"]
    if "note" in agreement:
        parts.append(agreement["note"])
    else:
        alpha = agreement["krippendorff_ordinal"]
        lines = [f"{agreement['num_raters']} raters agree: Krippendorff's alpha (ordinal) {spread(alpha, 2)}"]
        lines += [f"Fleiss' kappa {spread(agreement['fleiss'], 2)}"] if "fleiss" in agreement else []
        for pair in agreement["pairs"]:
            first, second = pair["raters"]
            lines.append(f"{first} and {second}: alike in {spread(pair['exact'])} %, Cohen's kappa {spread(pair['kappa'], 2)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def pairs_text(result: dict[str, Any]) -> str:
    """Returns win rates of each two models, and the strengths of all."""
    rows = []
    for pair in result["pairs"]:
        row = {"model": pair["model"], "against": pair["against"], "rows": pair["num_examples"]}
        if "win_rate" in pair:
            rate, controlled = pair["win_rate"], pair["length_controlled"]
            row |= {"wins": rate["num_wins"], "ties": rate["num_ties"], "losses": rate["num_losses"], "win rate": spread(rate)}
            row |= {"se": round(rate["se"], 2), "equal lengths": _marked(controlled)}
        if "orders" in pair:
            row |= {"consistent %": _rounded(pair["consistent"]), "unparsed %": _rounded(pair["unparsed"])}
        rows.append(row)
    columns = ("model", "against", "rows", "wins", "ties", "losses", "win rate", "se", "equal lengths", "consistent %", "unparsed %")
    parts = [table(rows, [column for column in columns if any(column in row for row in rows)], terminal_width())]
    notes = {note for pair in result["pairs"] if (note := pair.get("length_controlled", {}).get("note"))}
    if notes:
        parts.append("?: a rate at equal lengths is a guess where answers of like length are hardly seen, or lengths never differ")
    told = result.get("strengths", {})
    if told.get("models"):
        strong = [
            {"model": one["model"], "strength": round(one["value"], 2), "se": round(one["se"], 2), "elo": round(one["elo"])}
            for one in told["models"]
        ]
        parts.append(table(strong, ("model", "strength", "se", "elo"), terminal_width()))
    elif told:
        parts.append(f"no strengths: {told['note']}")
    return "\n\n".join(parts)


def tens_text(result: dict[str, Any]) -> str:
    """Returns ratings from 1 to 10."""
    rows = [
        {
            "model": name,
            "rows": one["num_examples"],
            "rating": spread(one["rating"], 2) if one["rating"] else "none",
            "unanswered": one["num_unanswered"],
            "unparsed %": _rounded(one["unparsed"]),
        }
        for name, one in result["models"].items()
    ]
    return table(rows, ("model", "rows", "rating", "unanswered", "unparsed %"), terminal_width())


def spread(one: dict[str, Any], digits: int = 1) -> str:
    """Returns a number with its interval.

    >>> spread({"value": 50.0, "low": 40.0, "high": 60.0})
    '50.0 [40.0, 60.0]'
    """
    if one.get("value") is None:
        return one.get("note") or "-"
    ends = "" if one.get("low") is None else f" [{one['low']:.{digits}f}, {one['high']:.{digits}f}]"
    return f"{one['value']:.{digits}f}{ends}"


def _marked(one: dict[str, Any]) -> str:
    """Returns a rate at equal lengths, with a question mark where it is a guess."""
    return f"{spread(one)} ?" if one.get("value") is not None and one.get("note") else spread(one)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
