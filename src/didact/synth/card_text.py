"""The data card for people: Markdown, with a plot beside it where matplotlib is installed."""

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from didact.base.files import write_json, write_text
from didact.synth.card import BINS, Card

PLOT = "card.svg"


def write_card(folder: Path, card: Card) -> None:
    """Writes card.json, card.md and, where matplotlib is installed and there are rows, card.svg."""
    write_json(folder / "card.json", card)
    drawing = plot(card)
    if drawing:
        write_text(folder / PLOT, drawing)
    else:
        (folder / PLOT).unlink(missing_ok=True)
    write_text(folder / "card.md", card_text(card, plotted=bool(drawing)))


def account_line(counts: Mapping[str, Any]) -> str:
    """Returns in = kept + dropped (by reason) + failed (by reason), on one line.

    >>> account_line({"num_in": 5, "num_kept": 3, "dropped": {"too short": 1}, "failed": {"timeout": 1}})
    '5 rows = 3 kept + 1 dropped (too short 1) + 1 failed (timeout 1)'
    """

    def lost(name: str) -> str:
        reasons: Mapping[str, int] = counts[name]
        listed = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
        return f"{sum(reasons.values()):,} {name}" + (f" ({listed})" if listed else "")

    return f"{counts['num_in']:,} rows = {counts['num_kept']:,} kept + {lost('dropped')} + {lost('failed')}"


def card_text(card: Card, plotted: bool = False) -> str:
    """Returns the card as Markdown.

    Args:
        card: From `card`.
        plotted: There is a plot beside it.
    """
    about = [f"- {key}: {card[key]}" for key in ("method", "strict", "seed", "teacher", "url", "fingerprint", "filters") if card.get(key)]
    parts = [
        f"# {card.get('name', 'Synthetic data')}",
        "\n".join([*about, f"- {account_line(card['counts'])}", f"- {cost_line(card)}"]),
        "![Lengths, similarity to the seeds, verbs](card.svg)" if plotted else "",
        "## Where rows come from\n\n" + _table(card["operations"]),
        _reasons(card["counts"]),
        "## What was asked\n\n" + _table(card["stages"]),
        "## Lengths in words\n\n" + _table([{"part": part, **_numbers(told)} for part, told in card["lengths"].items()]),
        _similar(card["similarity"]),
        "## Verbs and nouns\n\nGuessed from the first words of each instruction.\n\n" + _table(_verbs(card["verbs"]))
        if card["verbs"]
        else "",
        "## Labels\n\n" + _table([{"label": label, "rows": count} for label, count in card["labels"].items()]) if card["labels"] else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def cost_line(card: Mapping[str, Any]) -> str:
    """Returns requests, tokens and price on one line.

    >>> cost_line({"num_requests": 3, "prompt_tokens": 1200, "completion_tokens": 40, "cost": 0.0})
    '3 requests, 1,200 tokens read, 40 written'
    """
    tokens = f"{card['num_requests']:,} requests, {card['prompt_tokens']:,} tokens read, {card['completion_tokens']:,} written"
    return f"{tokens}, {card['cost']:.4g} in all" if card["cost"] else tokens


def plot(card: Card) -> str:
    """Returns lengths, similarity to the seeds and verbs as SVG, the same bytes each time; nothing without matplotlib or without rows."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return ""
    if not card["counts"]["num_kept"]:
        return ""
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    (first, second), (third, fourth) = figure.subplots(2, 2)
    for axes, part in ((first, "instruction"), (second, "output")):
        told = card["lengths"][part]
        starts = [number * told["width"] for number in range(len(told["histogram"]))]
        axes.bar(starts, told["histogram"], width=told["width"] * 0.9, align="edge", color="#0b63b5")
        axes.set(xlabel=f"words of the {part}", ylabel="rows")
    similar = card["similarity"]
    third.bar([number / BINS for number in range(BINS)], similar["histogram"], width=0.9 / BINS, align="edge", color="#0b63b5")
    third.set(xlabel="ROUGE-L with the nearest seed", ylabel="rows", xlim=(0, 1))
    names = [one["verb"] for one in card["verbs"][:12]][::-1]
    # A word may hold a dollar sign, which would begin a formula.
    fourth.barh(range(len(names)), [one["count"] for one in card["verbs"][:12]][::-1], color="#c2570c")
    fourth.set_yticks(range(len(names)), [name.replace("$", r"\$") for name in names])
    fourth.set(xlabel="rows", title="first verbs")
    for axes in (first, second, third, fourth):
        axes.spines[["top", "right"]].set_visible(False)
    written = io.StringIO()
    # Text as text, a fixed salt and no date: the same card is the same file. Letters that the measuring font lacks are the browser's.
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "didact"}):
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()


def _reasons(counts: Mapping[str, Any]) -> str:
    fates = ("dropped", "failed")
    rows = [{"fate": fate, "reason": reason, "rows": count} for fate in fates for reason, count in counts[fate].items()]
    return "## Rows that are not kept\n\n" + _table(rows) + "\n\nThey are in dropped.jsonl." if rows else ""


def _similar(told: Mapping[str, Any]) -> str:
    if not told["num_compared"]:
        return ""
    compared = f"{told['num_compared']:,} instructions against {told['num_seeds']:,} seeds"
    return f"## Similarity to the seeds\n\nROUGE-L F1 with the nearest seed, {compared}: {told['mean']:.2f} on average."


def _verbs(verbs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    told = [", ".join(f"{noun} {count}" for noun, count in one["nouns"].items()) for one in verbs]
    return [{"verb": one["verb"], "rows": one["count"], "nouns": nouns} for one, nouns in zip(verbs, told, strict=True)]


def _numbers(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: told[key] for key in ("count", "mean", "median", "p95", "longest")}


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    r"""Returns rows as a Markdown table.

    >>> print(_table([{"a": "x|y", "b": 1200}]))
    | a | b |
    |---|---|
    | x\|y | 1,200 |
    """
    if not rows:
        return "none"

    def cell(value: Any) -> str:
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        return " ".join(text.replace("|", "\\|").split())

    heads = [key.removeprefix("num_").replace("_", " ") for key in rows[0]]
    lines = [heads, ["---"] * len(heads), *([cell(value) for value in row.values()] for row in rows)]
    return "\n".join("|" + "|".join(line) + "|" if line[0] == "---" else "| " + " | ".join(line) + " |" for line in lines)
