"""Win rates: the published one from stored annotations, scikit-learn's regressions, and intervals that cover."""

import json
import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from didact.base.chance import generator
from didact.base.errors import DataError
from didact.evals.bradley_terry import bradley_terry
from didact.evals.length_control import length_controlled
from didact.evals.win_rates import pair_table, preference_of, stored_win_rate, strengths, win_rate


def test_stored_annotations_give_the_published_win_rate_of_alpaca_7b(shared):
    rows = json.loads((shared / "alpaca_eval" / "results" / "alpaca-7b" / "alpaca_eval_gpt4" / "annotations.json").read_text())
    table = stored_win_rate(rows)
    # The public leaderboard of AlpacaEval 1: alpaca-7b, 26.45962733 with standard error 1.53571147: 205 wins, 584 losses, 16 draws.
    assert (table["model"], table["against"], table["judges"]) == ("alpaca-7b", "text_davinci_003", {"alpaca_eval_gpt4": 805})
    found = table["win_rate"]
    assert [found[key] for key in ("num_wins", "num_losses", "num_ties", "num_examples", "num_left_out")] == [205, 584, 16, 805, 0]
    assert np.isclose(found["value"], 26.45962733, atol=1e-8)
    assert np.isclose(found["value"], 100 * (205 + 16 / 2) / 805)
    assert np.isclose(found["se"], 1.53571147, atol=1e-8)
    assert int(table["mean_length"]) == 396  # the leaderboard's avg_length
    # Its answers are shorter than those it is held against, and yet the rate at equal lengths is much the same.
    assert table["length_controlled"]["length_effect"] > 0
    assert 23 < table["length_controlled"]["value"] < 29


def test_a_win_rate_is_the_mean_with_its_standard_error():
    found = win_rate([1, 1, 0.5, 0, None])
    # Deviations from 0.625: .375, .375, -.125, -.625; squares add up to .6875; .6875 / 3 / 4 has the root .23936.
    assert (found.value, found.num_examples, found.num_left_out) == (62.5, 4, 1)
    assert round(found.se, 3) == 23.936


def test_no_win_of_ten_has_wilsons_interval_from_0_to_27_8():
    found = win_rate([0] * 10)
    assert (round(found.low, 1), round(found.high, 1)) == (0.0, 27.8)


def test_the_other_models_rate_is_the_rest():
    wins = [1, 0.5, 0.25, 0, 0, 1, 1]
    one, other = win_rate(wins), win_rate([1 - win for win in wins])
    assert np.isclose(one.value + other.value, 100)
    assert np.isclose(one.low + other.high, 100)
    assert (one.num_wins, one.num_ties, one.se) == (other.num_losses, other.num_ties, pytest.approx(other.se))


@pytest.mark.parametrize(("shares", "truth"), [([0.3, 0.05, 0.65], 32.5), ([0.25, 0.6, 0.15], 55), ([0.03, 0.95, 0.02], 50.5)])
def test_the_interval_covers_the_truth_in_95_of_100_with_few_ties_and_with_many(shares, truth):
    draw, covered = generator(0, "coverage"), 0
    for _ in range(2000):
        found = win_rate(list(draw.choice([1.0, 0.5, 0.0], size=150, p=shares)))
        covered += found.low <= truth <= found.high
    assert 93.5 <= covered / 20 <= 98.5  # at 95 % of ties a little wide


def test_ties_alone_say_neither_nothing_nor_everything():
    found = win_rate([0.5] * 100)
    # As if there were 100 * 102 / 2 wins and losses: 50 plus or minus 1.96 * 50 / 71.4.
    assert (found.value, round(found.high - found.value, 1)) == (50, 1.4)


def test_a_rate_at_lengths_that_are_hardly_seen_is_said_to_be_a_guess():
    wins, lengths = [1, 0, 1, 0, 0] * 20, [30, 40, 50, 60, 70] * 20
    assert length_controlled(wins, lengths, [20] * 100).note == "the answers are longer in 100 % of the items: extrapolated"
    assert length_controlled(wins, lengths, [50] * 100).note == ""


@pytest.mark.parametrize("value", [3, -1, 0.5, "1", True, 2.1])
def test_an_unknown_preference_is_refused(value):
    with pytest.raises(DataError, match="the preference"):
        preference_of(value)


def test_stored_rows_without_a_verdict_are_counted_and_strange_ones_refused():
    row = {"generator_1": "a", "generator_2": "b", "output_1": "x", "output_2": "yy"}
    table = stored_win_rate([{**row, "preference": value} for value in (1, 2, 1.5, 0, None, float("nan"))])
    assert (table["win_rate"]["value"], table["win_rate"]["num_left_out"], table["win_rate"]["num_ties"]) == (50.0, 2, 2)
    with pytest.raises(DataError, match="no preference") as error:
        stored_win_rate([{**row, "preference": 1}, row], "file.json")
    assert "file.json, row 1" in str(error.value)
    with pytest.raises(DataError, match="a against c after a against b"):
        stored_win_rate([{**row, "preference": 1}, {**row, "generator_2": "c", "preference": 1}])


def made(number=600, seed=0):
    draw = generator(seed, "lengths")
    apart = draw.normal(40, 60, number).round()
    difficulty = draw.normal(0, 1, number)
    chance = 1 / (1 + np.exp(-(-0.4 + 1.5 * np.tanh(apart / apart.std(ddof=1)) + 0.5 * difficulty)))
    wins = (draw.random(number) < chance).astype(float)
    wins[:20] = 0.5
    return wins, apart, difficulty


@pytest.mark.parametrize("hard", [False, True])
def test_length_control_is_scikit_learns_regression_of_each_verdict_and_its_opposite(hard):
    wins, apart, difficulty = made()
    ours = length_controlled(
        list(wins), [int(500 + one) for one in apart], [500] * len(wins), difficulty=list(difficulty) if hard else None
    )
    x = np.tanh(apart / apart.std(ddof=1))[:, None]
    x = np.hstack([x, difficulty[:, None]]) if hard else x
    theirs = LogisticRegression(C=1 / 0.01, tol=1e-10, max_iter=1000).fit(
        np.vstack([x, x]), np.repeat([1, 0], len(wins)), sample_weight=np.concatenate([wins, 1 - wins])
    )
    assert np.isclose(ours.length_effect, theirs.coef_[0, 0], atol=1e-5)
    x[:, 0] = 0
    assert np.isclose(ours.value, 100 * theirs.predict_proba(x)[:, 1].mean(), atol=1e-4)


def test_length_control_covers_the_rate_at_equal_lengths_where_the_raw_one_does_not():
    covered = raw = 0
    for seed in range(200):
        wins, apart, _ = made(300, seed)
        table = pair_table(list(wins[20:]), [int(500 + one) for one in apart[20:]], [500] * 280)
        # θ = -0.4 and γ ~ N(0, 1) with ψ = 0.5: the mean of the logistic over γ.
        points = np.linspace(-5, 5, 2001)
        weight = np.exp(-(points**2) / 2)
        truth = 100 * float((weight / (1 + np.exp(0.4 - 0.5 * points))).sum() / weight.sum())
        covered += table["length_controlled"]["low"] <= truth <= table["length_controlled"]["high"]
        raw += table["win_rate"]["low"] <= truth <= table["win_rate"]["high"]
    assert covered >= 184  # 92 %: the other 3 are chance in 200
    assert raw < 40


def test_exchanging_the_models_turns_the_controlled_rate_around():
    wins, apart, _ = made()
    one = length_controlled(list(wins), [int(500 + d) for d in apart], [500] * len(wins))
    other = length_controlled([1 - win for win in wins], [500] * len(wins), [int(500 + d) for d in apart])
    assert np.isclose(one.value + other.value, 100, atol=1e-6)
    assert np.isclose(one.length_effect, other.length_effect, atol=1e-6)


def test_without_differences_in_length_the_controlled_rate_is_the_raw_one():
    found = length_controlled([1, 1, 0, 0.5], [10, 20, 30, 40], [10, 20, 30, 40])
    assert np.isclose(found.value, 62.5)
    assert "nothing to control for" in found.note
    # (n - 1) / n aside, the standard error is the raw one's: 23.936 times the root of 3/4.
    assert np.isclose(found.se, 23.936 * math.sqrt(3 / 4), atol=1e-3)


def test_a_judge_that_sees_only_length_still_gets_a_finite_answer():
    found = length_controlled([1, 0] * 50, [30, 10] * 50, [20] * 100)
    assert np.isclose(found.value, 50, atol=1e-6)
    assert found.length_effect > 5
    assert length_controlled([1, 1], [3, 2], [1, 1]).note.startswith("one model wins everything")


def test_bradley_terry_is_scikit_learns_logistic_regression_of_who_met_whom():
    draw, names = generator(0, "games"), "abcd"
    truth = dict(zip(names, [1.0, 0.3, -0.2, -1.1], strict=True))
    games = []
    for _ in range(500):
        first, second = draw.choice(list(names), size=2, replace=False)
        games.append((str(first), str(second), float(draw.random() < 1 / (1 + math.exp(truth[second] - truth[first])))))
    x = np.array([[(name == a) - (name == b) for name in names] for a, b, _ in games], float)
    theirs = LogisticRegression(C=1e9, fit_intercept=False, tol=1e-10, max_iter=1000).fit(x, [score for *_, score in games]).coef_[0]
    ours = {one.model: one for one in bradley_terry(games)}
    assert np.allclose([ours[name].value for name in names], theirs - theirs.mean(), atol=1e-4)
    assert all(abs(ours[name].value - truth[name]) < 3 * ours[name].se for name in names)
    assert [one.model for one in bradley_terry(games)] == list(names)


def test_four_hundred_elo_are_odds_of_ten_to_one_and_ties_are_even():
    a, b = bradley_terry([("a", "b", 1.0)] * 10 + [("a", "b", 0.0)])
    assert np.isclose(a.elo - b.elo, 400)
    assert [one.value for one in bradley_terry([("a", "b", 0.5)])] == pytest.approx([0, 0])


def test_a_model_that_never_lost_has_no_finite_strength_and_is_named():
    assert strengths([("a", "b", 1.0), ("b", "c", 1.0), ("b", "c", 0.0)])["note"] == "b, c never took a point from a"
    with pytest.raises(DataError, match="games of 1 models"):
        bradley_terry([("a", "a", 1.0)])
