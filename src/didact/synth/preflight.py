"""What a small beginning says of the whole: yield by stage, tokens, price and time."""

from typing import Any

from didact.synth.card import Card
from didact.synth.card_text import account_line

_SUMS = ("num_asked", "prompt_tokens", "completion_tokens", "cost")


def forecast(
    card: Card, num_rows: int, num_wanted: int, seconds: float, *, fresh: bool = True, price_batch: float | None = None
) -> dict[str, Any]:
    """Returns what was seen, and what it comes to for all rows that are wanted.

    Args:
        card: Of the small beginning.
        num_rows: Rows that it was asked for.
        num_wanted: Rows of the whole.
        seconds: What it took.
        fresh: No answer came from the log; else the time says nothing.
        price_batch: Where the whole goes by batches: the share of the price that they cost.

    >>> stage = {"stage": "write", "num_asked": 4, "num_failed": 0, "num_cut": 1, "prompt_tokens": 80, "completion_tokens": 8, "cost": 0.1}
    >>> counts = {"num_in": 4, "num_kept": 2, "dropped": {"empty": 2}, "failed": {}}
    >>> card = {"counts": counts, "num_surplus": 0, "yield": 0.5, "cost": 0.1, "operations": [], "stages": [stage]}
    >>> whole = forecast(card, 4, 40, 3.0)["whole"]
    >>> whole["num_requests"], whole["prompt_tokens"], whole["cost"], whole["seconds"], whole["num_kept"]
    (40, 800, 1.0, 30.0, 20)
    """
    times = num_wanted / max(num_rows + card["num_surplus"], 1)  # what was made beyond the beginning is a part of the whole
    totals = {name: sum(stage[name] for stage in card["stages"]) for name in _SUMS}
    whole = {
        "num_rows": num_wanted,
        "num_kept": round((card["counts"]["num_kept"] + card["num_surplus"]) * times),
        "num_requests": round(totals["num_asked"] * times),
        "prompt_tokens": round(totals["prompt_tokens"] * times),
        "completion_tokens": round(totals["completion_tokens"] * times),
        "cost": round(totals["cost"] * times * (1.0 if price_batch is None else price_batch), 6),
        "seconds": round(seconds * times, 1) if fresh and price_batch is None else None,
        "in_batches": price_batch is not None,
    }
    stages = [{**stage, "yield": _answered(stage)} for stage in card["stages"]]
    seen = {"num_rows": num_rows, "counts": card["counts"], "yield": card["yield"], "seconds": round(seconds, 1)}
    return {**seen, "stages": stages, "operations": card["operations"], "whole": whole}


def _answered(stage: dict[str, Any]) -> float:
    """Returns the share of a stage's requests that got an answer which is not cut."""
    good = stage["num_asked"] - stage["num_failed"] - stage["num_cut"]
    return round(good / stage["num_asked"], 4) if stage["num_asked"] else 0.0


def forecast_lines(told: dict[str, Any]) -> list[str]:
    """Returns a forecast as sentences.

    Args:
        told: From `forecast`.
    """
    lines = [f"preflight: {account_line(told['counts'])}; {100 * told['yield']:.0f} % are kept"]
    for stage in told["stages"]:
        tokens = f"{stage['prompt_tokens']:,} + {stage['completion_tokens']:,} tokens"
        lost = ", ".join(f"{stage[f'num_{what}']:,} {what}" for what in ("cut", "failed") if stage[f"num_{what}"])
        whole = f"{100 * stage['yield']:.0f} % answered whole" + (f" ({lost})" if lost else "")
        lines.append(f"  stage {stage['stage']}: {stage['num_asked']:,} requests, {whole}, {tokens}")
    for one in told["operations"]:
        lines.append(f"  rows of {one['operation'] or 'no operation'}: {one['num_kept']:,} of {one['num_in']:,} kept")
    whole = told["whole"]
    price = f", {whole['cost']:.4g} in money" if whole["cost"] else ""
    takes = f", {_time(whole['seconds'])}" if whole["seconds"] is not None else ""
    tokens = f"{whole['prompt_tokens']:,} tokens read, {whole['completion_tokens']:,} written"
    takes = ", within 24 hours for each round of requests" if whole.get("in_batches") else takes
    lines.append(
        f"for {whole['num_rows']:,} rows: about {whole['num_requests']:,} requests, {tokens}{price}{takes}; {whole['num_kept']:,} kept"
    )
    return lines


def _time(seconds: float) -> str:
    """Returns a time in the unit that fits.

    >>> _time(40), _time(600), _time(90000)
    ('40 s', '10 min', '25.0 h')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
