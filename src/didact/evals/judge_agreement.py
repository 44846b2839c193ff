"""How far a judge agrees with people, or with another judge, about which of two answers is better."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from didact.evals.agreement import agreement
from didact.evals.judge import PairVerdict
from didact.evals.levels import LEVELS
from didact.evals.win_rates import win_rate

OUTCOMES = ("win", "tie", "loss")
Outcomes = dict[tuple[str, str, str], str]
"""Question, model and the one that it is held against, to what the model got."""


def outcomes_of(verdicts: Sequence[PairVerdict]) -> Outcomes:
    """Returns what a judge's verdicts say; pairs without a verdict are left out.

    >>> outcomes_of([PairVerdict("1", "a", "b", ("A", "B")), PairVerdict("2", "a", "b", ("A", "A"))])
    {('1', 'a', 'b'): 'win', ('2', 'a', 'b'): 'tie'}
    """
    return {(one.item, one.model, one.against): _outcome(one.score) for one in verdicts if one.score is not None}


def outcomes_of_people(key: Mapping[str, Any], ratings: Mapping[str, Mapping[str, str]]) -> Outcomes:
    """Returns which answers people rated higher, each two answers to one question: by the mean of the raters' levels.

    Args:
        key: Who wrote what, as a sheet's key says.
        ratings: Rater, row of the sheet, level.
    """
    order, place = list(LEVELS), {(about["item"], about["model"]): row for row, about in key["rows"].items()}
    found: Outcomes = {}
    for item in dict.fromkeys(about["item"] for about in key["rows"].values()):
        for first, second in combinations(key["models"], 2):
            rows = place[item, first], place[item, second]
            apart = sum(order.index(levels[rows[1]]) - order.index(levels[rows[0]]) for levels in ratings.values())
            found[item, first, second] = _outcome(1.0 if apart > 0 else 0.5 if apart == 0 else 0.0)
    return found


def agree(first: Outcomes, second: Outcomes, *, names: tuple[str, str], resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Returns how far two agree about the pairs that both have judged, as a plain table.

    Args:
        first: One judge's outcomes, or people's.
        second: Another's.
        names: What the two are called.
        resamples: Resamples for the intervals; what is drawn are questions, with all their pairs of models.
        seed: What they are drawn from.

    Returns:
        `agreement` as `didact.evals.agreement` says it, over win, tie and loss; `without_ties`: how often they name the same winner where
        both name one, with Wilson's interval.

    Source: Zheng et al. 2023, arXiv 2306.05685, section 4.2, reports both, with ties and without.

    >>> one, other = {("1", "a", "b"): "win", ("2", "a", "b"): "tie"}, {("1", "a", "b"): "win", ("2", "a", "b"): "loss"}
    >>> told = agree(one, other, names=("judge", "people"), resamples=50)
    >>> told["num_pairs"], told["agreement"]["pairs"][0]["exact"]["value"], told["without_ties"]["value"]
    (2, 50.0, 100.0)
    """
    both = [pair for pair in first if pair in second]
    rows = {name: {"\t".join(pair): outcomes[pair] for pair in both} for name, outcomes in zip(names, (first, second), strict=True)}
    questions = {"\t".join(pair): pair[0] for pair in both}
    found_alike = agreement(rows, OUTCOMES, resamples=resamples, seed=seed, clusters=questions)
    told: dict[str, Any] = {"num_pairs": len(both), "agreement": found_alike}
    decided = [pair for pair in both if "tie" not in (first[pair], second[pair])]
    if not decided:
        return {**told, "without_ties": {"value": None, "num_pairs": 0, "note": "they never both name a winner"}}
    found = win_rate([float(first[pair] == second[pair]) for pair in decided])
    return {**told, "without_ties": {"value": found.value, "low": found.low, "high": found.high, "num_pairs": len(decided)}}


def _outcome(score: float) -> str:
    return "win" if score > 0.5 else "tie" if score == 0.5 else "loss"
