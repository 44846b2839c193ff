"""Ratings from token probabilities: every shape in which a level can be written, and some in which none is."""

from math import log

import pytest

from didact.synth.ratings import expected_rating, sampled_rating


def sure(*tokens):
    """Places of a model that is sure of what it writes."""
    return [{token: log(0.98), "?": log(0.02)} for token in tokens]


def test_the_score_is_the_expectation_over_levels():
    place = {str(level): log(share) for level, share in zip(range(1, 6), (0.1, 0.0001, 0.2, 0.3, 0.3), strict=True)}
    # (0.1 + 0.0002 + 0.6 + 1.2 + 1.5) / 0.9001
    assert expected_rating([place]).score == pytest.approx(3.4002 / 0.9001)


def test_one_level_written_in_several_ways_is_one_level():
    rating = expected_rating([{"5": log(0.3), " 5": log(0.2), "▁5": log(0.1), "Ġ4": log(0.4)}])
    assert rating.probabilities == pytest.approx((0, 0, 0, 0.4, 0.6))
    assert rating.score == pytest.approx(4.6)


@pytest.mark.parametrize(
    ("tokens", "score"),
    [
        (["5"], 5),
        (["\n", "5"], 5),
        (["▁", "3", "."], 3),
        (["Score", ":", " 4", "<|end|>"], 4),
        (["**", "2", "**"], 2),
        (["4", "/", "5"], 4),
        (["9", "1"], None),
        (["4", "5"], None),
        (["4", ".", "5"], None),
        (["4", ".5"], None),
        (["7", "6", "2"], None),
        (["8"], None),
        (["excellent"], None),
        ([], None),
    ],
)
def test_the_first_level_that_stands_alone_is_the_rating(tokens, score):
    rating = expected_rating(sure(*tokens))
    assert (rating and rating.score) == (score and pytest.approx(score))


@pytest.mark.parametrize(
    ("tokens", "score"),
    [
        (["of", " 3", " points", " two", ".", "\n", "Score", ":", " 4"], 4),
        (["Score", ":", " ", "4", "."], 4),
        (["It", " has", " 5", " parts", ".", " Score", ":", " 2", " /", " 5"], 2),
        (["Score", ":", " 2", " out", " of", " 5"], 2),
        (["Score", ":", " 4", "5"], None),
        (["Score", ":", " 4", ".", "5"], None),
        (["1", " Score", ":", " good"], 1),
    ],
)
def test_after_reasons_the_last_level_is_the_rating(tokens, score):
    rating = expected_rating(sure(*tokens), last=True)
    assert (rating and rating.score) == (score and pytest.approx(score))


def test_an_unlikely_level_is_none():
    assert expected_rating([{"5": log(0.4), "A": log(0.6)}]) is None
    assert expected_rating([{"5": log(0.4), "A": log(0.6)}], least_mass=0.3).score == 5


def test_places_without_anything_told_are_passed_over():
    assert expected_rating([{}, {"3": log(0.9)}]).score == 3


def test_drawn_ratings_count_only_where_they_are_a_level_and_nothing_else():
    assert sampled_rating(["5", "3", "4\n"]).score == 4
    assert sampled_rating(["5", "91", "Score: 3"]) is None  # fewer than half can be read
    assert sampled_rating([]) is None
