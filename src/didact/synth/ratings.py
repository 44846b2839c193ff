"""Ratings from token probabilities: what a judge expects, not what it happens to write."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVELS = ("1", "2", "3", "4", "5")
LEAST_MASS = 0.5
"""A place where the levels have less probability together holds no rating."""
_AS_BLANK = str.maketrans("▁ĠĊ", "  \n")
"""Blanks as some vocabularies write them."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What a judge thinks of something."""

    score: float
    """The expected level: each level times its probability among the levels."""
    mass: float
    """Probability of the levels together."""
    probabilities: tuple[float, ...] = ()
    """Of each level among the levels; they add up to 1."""


def expected_rating(
    places: Sequence[Mapping[str, float]], levels: Sequence[str] = LEVELS, *, last: bool = False, least_mass: float = LEAST_MASS
) -> Rating | None:
    """Returns the rating at the first place of a reply where a level is likely, None where there is none.

    A level that is a part of a longer number, as in 45 and 4.5, is none.

    Args:
        places: For each token that was written: the likeliest tokens and their log-probabilities, in nats.
        levels: What may be written, in order; one counts 1, the next 2, and so on.
        last: Look for the last place: the rating follows its reasons.
        least_mass: Least probability of all levels together.

    Source: that free text is no rating, 45 % without one: the Humpback re-implementation Spico197/Humback.

    >>> rating = expected_rating([{"4": math.log(0.25), "5": math.log(0.5), "A": math.log(0.25)}])
    >>> round(rating.score, 3), round(rating.mass, 3)
    (4.667, 0.75)
    >>> expected_rating([{"4": -0.01}, {"5": -0.01}]) is None, expected_rating([]) is None
    (True, True)
    """
    written = [max(place, key=lambda token: place[token]).translate(_AS_BLANK) if place else "" for place in places]
    for number in range(len(places) - 1, -1, -1) if last else range(len(places)):
        mass = _masses(places[number], levels)
        if sum(mass) < least_mass:
            continue
        before, after = "".join(written[:number]), "".join(written[number + 1 :])
        if last and re.search(r"(?:/|\bof)\s*$", before):
            continue  # The 5 of "4 / 5" says how far the scale goes.
        goes_on = re.search(r"\d[.,]?$", before) and not written[number][:1].isspace()
        if goes_on or re.match(r"[.,]?\d", after):
            return None
        shares = tuple(one / sum(mass) for one in mass)
        return Rating(sum(share * level for level, share in enumerate(shares, start=1)), sum(mass), shares)
    return None


def sampled_rating(replies: Sequence[str], levels: Sequence[str] = LEVELS) -> Rating | None:
    """Returns the mean of drawn ratings, for servers that tell no probabilities; a reply that is more than a level counts for nothing.

    Args:
        replies: Draws of the same request at temperature 1.
        levels: What may be written.

    >>> sampled_rating(["5", " 4.", "I would say 3"])
    Rating(score=4.5, mass=0.6666666666666666, probabilities=(0.0, 0.0, 0.0, 0.5, 0.5))
    """
    found = [reply.strip().rstrip(".") for reply in replies]
    counts = [found.count(level) for level in levels]
    total = sum(counts)
    if not total or total < LEAST_MASS * len(replies):
        return None
    score = sum(count * level for level, count in enumerate(counts, start=1)) / total
    return Rating(score, total / len(replies), tuple(count / total for count in counts))


def _masses(place: Mapping[str, float], levels: Sequence[str]) -> list[float]:
    mass = dict.fromkeys(levels, 0.0)
    for token, logprob in place.items():
        bare = token.translate(_AS_BLANK).strip()
        if bare in mass:
            mass[bare] += math.exp(logprob)
    return list(mass.values())
