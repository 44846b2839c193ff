"""Ratings of blind sheets, read back and checked; what they say about each model, and how well the raters agree."""

import csv
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.evals.agreement import agreement
from didact.evals.levels import ACCEPTABLE, LEVELS
from didact.evals.sheets import KEY, RATINGS, read_key
from didact.evals.user_instructions import rows_of
from didact.evals.win_rates import pair_table, strengths, win_rate

Ratings = dict[str, dict[str, str]]
"""Rater, row of the sheet, level."""


def read_ratings(path: Path, key: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Returns a rater's name and level of every row, from the page's JSON, the filled CSV, or JSON lines with row and rating.

    Args:
        path: The file; it is the rater's name, where the file does not say one.
        key: Who wrote what, as `read_key` returns it.

    Raises:
        DataError: A row is rated twice, not at all, unknown or with an unknown level, or the ratings are another sheet's; all are named.
    """
    rater, pairs = _pairs(path, key)
    counts = Counter(row for row, _ in pairs)
    levels = {row: level.strip().upper() for row, level in pairs}
    problems = [
        (f"{len(rows)} {what}: {', '.join(rows[:5])}{' ...' if len(rows) > 5 else ''}")
        for what, rows in (
            ("unknown rows", sorted(row for row in counts if row not in key["rows"])),
            ("rows rated twice", sorted(row for row, number in counts.items() if number > 1)),
            ("rows without a rating", sorted(row for row in key["rows"] if not levels.get(row))),
            ("rows with an unknown level", sorted(row for row, level in levels.items() if level and level not in LEVELS)),
        )
        if rows
    ]
    if problems:
        expected = f"one of {', '.join(LEVELS)} for each of {len(key['rows']):,} rows"
        raise DataError("; ".join(problems), where=str(path), expected=expected, remedy="put the file right, or take it out of ratings/")
    return rater, {row: levels[row] for row in key["rows"]}


def all_ratings(folder: Path) -> Ratings:
    """Returns the ratings of every file in a sheet's `ratings` folder.

    Raises:
        DataError: There is none, two are one rater's, or as `read_ratings`.
    """
    key, found = read_key(folder), dict[str, dict[str, str]]()
    for path in sorted((folder / RATINGS).glob("*")):
        if path.suffix not in (".json", ".jsonl", ".csv") or path.name.startswith("."):
            continue
        rater, levels = read_ratings(path, key)
        if rater in found:
            raise DataError(f"two files are by '{rater}'", where=str(path), expected="one file for each rater")
        found[rater] = levels
    if not found:
        what, expected = (
            "nobody has rated this sheet yet",
            f"files in {folder / RATINGS}: what sheet.html hands over, or sheet.csv filled in",
        )
        raise DataError(what, where=str(folder), expected=expected, remedy=f"open {folder / 'sheet.html'}")
    return found


def report(key: Mapping[str, Any], ratings: Ratings, *, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Returns what ratings say, as a plain table.

    Args:
        key: Who wrote what: a sheet's `KEY` file.
        ratings: Every rater's level of every row.
        resamples: Resamples of the intervals of agreement.
        seed: What they are drawn from.

    Returns:
        `models`: for each the shares of the levels in percent of all ratings, and `acceptable`, the share of A and B with Wilson's
        interval over questions; `pairs`: for each two models how often the first is rated higher, ties as half, raw and at equal lengths;
        `strengths`: Bradley-Terry, for three models or more; `agreement`: between raters, on the levels.

    Raises:
        DataError: No ratings.
    """
    if not ratings:
        raise DataError("no ratings", expected="one rater or more")
    rows: Mapping[str, Mapping[str, Any]] = key["rows"]
    items = list(dict.fromkeys(str(about["item"]) for about in rows.values()))
    place = {(about["model"], about["item"]): row for row, about in rows.items()}
    models = {name: _model(name, items, place, ratings) for name in key["models"]}
    pairs, games = list[dict[str, Any]](), list[tuple[str, str, float]]()
    for first, second in combinations(key["models"], 2):
        won = [_won(place[first, item], place[second, item], ratings) for item in items]
        games += [(first, second, score) for score in won]
        lengths = ([int(rows[place[name, item]]["length"]) for item in items] for name in (first, second))
        pairs.append({"model": first, "against": second, **pair_table(won, *lengths)})
    told = {"strengths": strengths(games)} if len(key["models"]) > 2 else {}
    return {
        "sheet": key["sheet"],
        "num_examples": len(items),
        "raters": list(ratings),
        "levels": LEVELS,
        "models": models,
        "pairs": pairs,
        **told,
        "agreement": agreement(
            ratings, list(LEVELS), resamples=resamples, seed=seed, clusters={row: str(about["item"]) for row, about in rows.items()}
        ),
    }


def _model(name: str, items: Sequence[str], place: Mapping[Any, str], ratings: Ratings) -> dict[str, Any]:
    given = [[levels[place[name, item]] for levels in ratings.values()] for item in items]
    counts = Counter(level for levels in given for level in levels)
    number = counts.total()
    good = win_rate([sum(level in ACCEPTABLE for level in levels) / len(levels) for levels in given])
    return {
        "num_ratings": number,
        "counts": {level: counts[level] for level in LEVELS},
        "shares": {level: 100 * counts[level] / number for level in LEVELS},
        "acceptable": {"value": good.value, "low": good.low, "high": good.high},
    }


def _won(first: str, second: str, ratings: Ratings) -> float:
    """Returns what share of the raters put the first row higher, ties as half."""
    order = list(LEVELS)
    apart = [order.index(levels[second]) - order.index(levels[first]) for levels in ratings.values()]
    return math.fsum(1.0 if one > 0 else 0.5 if one == 0 else 0.0 for one in apart) / len(apart)


def _pairs(path: Path, key: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Returns the rater and every (row, level) as it stands in the file."""
    if path.suffix == ".json":
        try:
            found = dict[str, Any](json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=list))
            pairs = [(str(row), str(level)) for row, level in found["ratings"]]
            sheets, rater = {str(found["sheet"])}, str(found.get("rater") or path.stem)
        except (ValueError, KeyError, TypeError):
            raise DataError("no ratings can be read", where=str(path), expected="what sheet.html hands over", remedy=_AGAIN) from None
    else:
        rows = _csv_rows(path) if path.suffix == ".csv" else [row for _, row in rows_of(path)]
        lacking = next((name for name in ("sheet", "row", "rating") for row in rows if row.get(name) is None), None)
        if lacking:
            raise DataError(f"a row has no '{lacking}'", where=str(path), expected="sheet, row and rating in every row", remedy=_AGAIN)
        pairs, sheets = [(str(row["row"]), str(row["rating"])) for row in rows], {str(row["sheet"]) for row in rows}
        rater = next((str(row["rater"]) for row in rows if row.get("rater")), path.stem)
    if sheets - {key["sheet"]}:
        what = f"the ratings are of sheet {', '.join(sorted(sheets))}"
        raise DataError(what, where=str(path), expected=f"sheet {key['sheet']}, as {KEY} says", remedy=_AGAIN)
    return rater, pairs


_AGAIN = "hand over the ratings again from sheet.html, or fill in sheet.csv"


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        first = handle.readline()
        handle.seek(0)
        # Some spreadsheets write semicolons.
        return list(csv.DictReader(handle, delimiter=";" if first.count(";") > first.count(",") else ","))
