"""Win rates: how often one model's answer is preferred to another's, ties as half a win, with an interval."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from didact.base.errors import DataError
from didact.evals.bradley_terry import Game, bradley_terry
from didact.evals.length_control import length_controlled

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often one model is preferred, in points (0 to 100)."""

    value: float
    """Mean over comparisons: a win 100, a tie 50, a loss 0."""
    se: float
    """Its standard error: the standard deviation over comparisons (n - 1) by the root of their number."""
    low: float
    high: float
    """The 95 % interval, Wilson's, as much narrower as ties make the verdicts vary less."""
    num_wins: int
    num_losses: int
    num_ties: int
    num_examples: int
    """Comparisons that count."""
    num_left_out: int = 0
    """Comparisons without a verdict."""


def win_rate(preferences: Sequence[float | None]) -> WinRate:
    """Returns the win rate of a model.

    Args:
        preferences: For each comparison 1 where it wins, 0 where the other does, 0.5 for a tie, shares between them; None: no verdict;
            such are left out and counted.

    Raises:
        DataError: No verdict at all, or a number outside 0 to 1.

    Two wins, one tie, one loss: 2.5 of 4.

    >>> found = win_rate([1, 1, 0.5, 0, None])
    >>> found.value, found.num_wins, found.num_ties, found.num_left_out
    (62.5, 2, 1, 1)
    """
    told = [float(one) for one in preferences if one is not None]
    if not told:
        raise DataError("no comparison has a verdict", expected="one or more")
    if not all(0 <= one <= 1 for one in told):
        raise DataError("a preference is not between 0 and 1", expected="1: wins, 0: loses, 0.5: a tie, None: no verdict")
    number = len(told)
    mean = math.fsum(told) / number
    variance = math.fsum((one - mean) ** 2 for one in told) / (number - 1) if number > 1 else 0.0
    # Wilson 1927, for as many wins and losses as would vary as these numbers do: ties vary less. The + 2 keep all ties from saying that
    # nothing varies; where there are wins and losses alone they change nothing.
    most = number * mean * (1 - mean)
    share = (math.fsum((one - mean) ** 2 for one in told) + 2 * mean * (1 - mean)) / (most + 2 * mean * (1 - mean)) if most else 1.0
    worth = number / share
    middle = (mean + _Z**2 / (2 * worth)) / (1 + _Z**2 / worth)
    half = _Z / (1 + _Z**2 / worth) * math.sqrt(mean * (1 - mean) / worth + _Z**2 / (4 * worth**2))
    wins, losses = sum(one > 0.5 for one in told), sum(one < 0.5 for one in told)
    return WinRate(
        100 * mean,
        100 * math.sqrt(variance / number),
        max(0.0, 100 * (middle - half)),
        min(100.0, 100 * (middle + half)),
        wins,
        losses,
        number - wins - losses,
        number,
        len(preferences) - number,
    )


def preference_of(value: Any) -> float | None:
    """Returns a stored preference as what the second answer got: 1 a win, 0.5 a tie, 0 a loss; None: no verdict.

    Files of AlpacaEval say 1 where the first answer is better, 2 where the second is, 0 or 1.5 for a tie, and NaN or null where the
    judge's reply could not be read; numbers between 1 and 2 are how likely the second is.

    Raises:
        DataError: Another value.

    Source: tatsu-lab/alpaca_eval, the docstring of its pairwise annotators.

    >>> [preference_of(value) for value in (1, 2, 0, 1.5, 1.25, float("nan"), None)]
    [0.0, 1.0, 0.5, 0.5, 0.25, None, None]
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (value == 0 or 1 <= value <= 2):
        raise DataError(f"the preference {value!r}", expected="1, 2, 0 or 1.5 for a tie, a number between 1 and 2, NaN or null")
    return 0.5 if value == 0 else float(value) - 1


def stored_win_rate(rows: Sequence[Mapping[str, Any]], where: str = "") -> dict[str, Any]:
    """Returns the win rate of the second model in stored annotations, raw and at equal lengths, as a plain table.

    Args:
        rows: `preference`, `output_1`, `output_2`, `generator_1`, `generator_2`, and perhaps `annotator`, as AlpacaEval writes them.
        where: The file, for errors.

    Raises:
        DataError: A row lacks something, compares other models than the first row, or has an unknown preference.
    """
    names = ("generator_1", "generator_2", "output_1", "output_2", "preference")
    preferences, lengths = list[float | None](), list[tuple[int, int]]()
    for number, row in enumerate(rows):
        place = f"{where}, row {number}"
        for name in names:
            if name not in row:
                raise DataError(f"a row has no {name}", where=place, expected=", ".join(names))
        if any(row[name] != rows[0][name] for name in names[:2]):
            what = f"{row['generator_1']} against {row['generator_2']} after {rows[0]['generator_1']} against {rows[0]['generator_2']}"
            raise DataError(what, where=place, expected="one pair of models in a file")
        try:
            preferences.append(preference_of(row["preference"]))
        except DataError as error:
            raise DataError(error.what, where=place, expected=error.expected) from None
        lengths.append((len(str(row["output_1"])), len(str(row["output_2"]))))
    table = pair_table(preferences, [second for _, second in lengths], [first for first, _ in lengths])
    judges = Counter(str(row.get("annotator", "")) for row in rows)
    return {"model": rows[0]["generator_2"], "against": rows[0]["generator_1"], "judges": dict(judges), **table}


def pair_table(preferences: Sequence[float | None], lengths: Sequence[int], other_lengths: Sequence[int]) -> dict[str, Any]:
    """Returns the win rate of a model against another, raw and at equal lengths, as a plain table.

    Args:
        preferences: As for `win_rate`.
        lengths: Characters of the model's answers.
        other_lengths: Characters of the other's.

    Raises:
        DataError: As `win_rate`.

    >>> pair_table([1, 0], [10, 20], [20, 10])["win_rate"]["value"]
    50.0
    """
    raw = win_rate(preferences)
    told = [(one, a, b) for one, a, b in zip(preferences, lengths, other_lengths, strict=True) if one is not None]
    try:
        controlled = asdict(length_controlled(*(list(column) for column in zip(*told, strict=True))))
    except DataError as error:
        controlled = {"value": None, "note": error.what}
    return {
        "num_examples": len(preferences),
        "win_rate": asdict(raw),
        "length_controlled": controlled,
        "mean_length": math.fsum(lengths) / len(lengths),
        "mean_length_against": math.fsum(other_lengths) / len(other_lengths),
    }


def strengths(games: Sequence[Game]) -> dict[str, Any]:
    """Returns the Bradley-Terry strengths of several models as a plain table, or why there are none.

    >>> [one["model"] for one in strengths([("a", "b", 1.0), ("a", "b", 0.5)])["models"]]
    ['a', 'b']
    >>> strengths([("a", "b", 1.0)])["note"]
    'b never took a point from a'
    """
    try:
        return {"models": [asdict(one) for one in bradley_terry(games)]}
    except DataError as error:
        return {"models": [], "note": error.what}
