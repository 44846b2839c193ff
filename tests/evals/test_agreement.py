"""Agreement: worked examples of the literature, scikit-learn, and what must not change it."""

import random

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from didact.base.errors import DataError
from didact.evals.agreement import agreement, cohens_kappa, fleiss_kappa, krippendorff_alpha

FLEISS = [
    *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
    *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
]
KRIPPENDORFF = ["123321412...", "12332241 25.3".replace(" ", ""), ".33323422 51.".replace(" ", ""), "12332441251."]
UNITS = [[row[place] for row in KRIPPENDORFF if row[place] != "."] for place in range(12)]


def drawn(seed, number=60, levels="ABCD"):
    draw = random.Random(seed)
    first = [draw.choice(levels) for _ in range(number)]
    return first, [one if draw.random() < 0.5 else draw.choice(levels) for one in first]


def test_ten_rows_of_fourteen_raters_give_fleiss_point_210():
    assert round(fleiss_kappa(FLEISS), 3) == 0.210


@pytest.mark.parametrize(("scale", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_own_example_with_gaps(scale, expected):
    assert round(krippendorff_alpha(UNITS, "12345", scale), 3) == expected


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(5))
def test_cohens_kappa_is_that_of_scikit_learn(weights, seed):
    first, second = drawn(seed)
    theirs = cohen_kappa_score(first, second, labels=list("ABCD"), weights=None if weights == "none" else weights)
    assert np.isclose(cohens_kappa(first, second, "ABCD", weights), theirs, rtol=0, atol=1e-12)


def test_perfect_agreement_is_1_and_one_level_alone_says_nothing():
    assert cohens_kappa("ABCA", "ABCA", "ABCD") == 1
    assert fleiss_kappa([[3, 0], [0, 3]]) == 1
    assert cohens_kappa("AAA", "AAA", "ABCD") is None
    assert fleiss_kappa([[2, 0], [2, 0]]) is None
    assert krippendorff_alpha(["AA", "AA"], "ABCD") is None


def test_neither_the_order_of_rows_nor_of_raters_matters_to_any():
    first, second = drawn(3)
    assert cohens_kappa(first, second, "ABCD") == cohens_kappa(second, first, "ABCD") == cohens_kappa(first[::-1], second[::-1], "ABCD")
    assert np.isclose(fleiss_kappa(FLEISS), fleiss_kappa(FLEISS[::-1]))
    assert np.isclose(krippendorff_alpha(UNITS, "12345"), krippendorff_alpha([unit[::-1] for unit in UNITS[::-1]], "12345"))


def test_the_interval_holds_the_value_and_is_the_same_every_time():
    first, second = drawn(1)
    ratings = {"ann": {str(i): one for i, one in enumerate(first)}, "bob": {str(i): one for i, one in enumerate(second)}}
    table = agreement(ratings, "ABCD", resamples=400, seed=0)
    assert table == agreement({name: dict(reversed(rows.items())) for name, rows in ratings.items()}, "ABCD", resamples=400, seed=0)
    pair = table["pairs"][0]
    assert np.isclose(pair["kappa"]["value"], cohens_kappa(first, second, "ABCD"))
    assert np.isclose(pair["exact"]["value"], 100 * sum(a == b for a, b in zip(first, second, strict=True)) / 60)
    for one in (pair["kappa"], pair["kappa_quadratic"], pair["exact"], table["fleiss"], table["krippendorff_ordinal"]):
        assert one["low"] < one["value"] < one["high"]


def test_answers_to_one_question_are_drawn_together():
    first, second = drawn(0, number=40)
    alone = {"ann": {str(n): level for n, level in enumerate(first)}, "bob": {str(n): level for n, level in enumerate(second)}}
    twice = {rater: {f"{row}{half}": level for row, level in rows.items() for half in "xy"} for rater, rows in alone.items()}
    questions = {f"{row}{half}": f"question {row}" for row in alone["ann"] for half in "xy"}
    found = [agreement(alone, "ABCD", resamples=500, seed=0)["pairs"][0]["exact"]]
    found += [agreement(twice, "ABCD", resamples=500, seed=0, clusters=given)["pairs"][0]["exact"] for given in (questions, None)]
    assert len({one["value"] for one in found}) == 1
    widths = [one["high"] - one["low"] for one in found]
    # Every row given twice says nothing new: taken for 80 rows, they would seem to say sqrt(2) times as much.
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
    assert widths[2] < 0.85 * widths[1]


def test_a_row_that_one_rater_left_out_counts_for_alpha_and_not_for_fleiss():
    ratings = {"ann": {"1": "A", "2": "B", "3": "A"}, "bob": {"1": "A", "2": "B", "3": "B"}, "cy": {"1": "A", "2": "B"}}
    table = agreement(ratings, "AB", resamples=50, seed=0)
    assert (table["num_raters"], table["num_rows"], table["fleiss"]["num_rows"]) == (3, 3, 2)
    assert [pair["num_rows"] for pair in table["pairs"]] == [3, 2, 2]
    assert table["fleiss"]["value"] == 1
    assert table["krippendorff_ordinal"]["value"] < 1


def test_one_rater_alone_agrees_with_nobody():
    assert "no row was rated by two" in agreement({"ann": {"1": "A"}}, "AB", resamples=50, seed=0)["note"]


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="unknown level 'E'"):
        cohens_kappa("AE", "AA", "ABCD")
    with pytest.raises(DataError, match="2 ratings and 1"):
        cohens_kappa("AA", "A", "ABCD")
    with pytest.raises(DataError, match="different numbers"):
        fleiss_kappa([[2, 0], [1, 0]])
    with pytest.raises(DataError, match="no row has two"):
        krippendorff_alpha(["A", "B"], "AB")
