"""Paired tests and many of them, by hand and against scipy."""

import itertools

import numpy as np
import pytest
from scipy import stats

from didact.base.errors import DataError
from didact.evals.many_tests import benjamini_hochberg
from didact.evals.paired_tests import discordant, mcnemar, sign_flip, sign_flip_p
from didact.evals.proportions import bonett_price, gain_interval, share_interval, wilson


def test_ten_against_nothing_is_known_from_tables() -> None:
    found = mcnemar([0] * 10 + [100] * 5, [100] * 15)
    assert found.p == pytest.approx(2 / 1024)  # 0.00195
    assert (found.name, found.num_discordant, found.num_units) == ("mcnemar", (0, 10), 15)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 3), (2, 9), (40, 61), (500, 620)])
def test_mcnemar_is_scipy_s_binomial_test(b: int, c: int) -> None:
    base, tuned = [100] * b + [0] * c + [0, 100], [0] * b + [100] * c + [0, 100]
    expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar(base, tuned).p == pytest.approx(expected)
    assert mcnemar(tuned, base).p == mcnemar(base, tuned).p


def test_mcnemar_and_exact_sign_flips_agree_on_right_and_wrong_answers() -> None:
    chance = np.random.default_rng(0)
    for _ in range(20):
        base, tuned = (100.0 * (chance.random(12) < 0.5) for _ in range(2))
        assert mcnemar(base, tuned).p == pytest.approx(sign_flip(base, tuned, resamples=9, seed=0).p)


def test_rows_of_a_cluster_are_exchanged_together() -> None:
    # Three questions of four answers each, every answer gained: 2 of 2^3 sign patterns, not 2 of 2^12.
    clusters = [f"q{i // 4}" for i in range(12)]
    found = sign_flip([0] * 12, [100] * 12, clusters=clusters, resamples=9, seed=0)
    assert (found.p, found.num_units, found.num_discordant) == (2 / 8, 3, (0, 12))
    order = np.random.default_rng(1).permutation(12)
    base, tuned = np.arange(12.0), np.arange(12.0)[::-1]
    once = sign_flip(base, tuned, clusters=clusters, resamples=9, seed=0)
    assert sign_flip(base[order], tuned[order], clusters=[clusters[i] for i in order], resamples=9, seed=0) == once


def test_copies_of_every_row_change_no_p_when_they_are_one_cluster() -> None:
    base, tuned = [0, 20, 60, 50, 10], [30, 10, 90, 55, 40]
    once = sign_flip(base, tuned, resamples=9, seed=0).p
    assert sign_flip(base * 3, tuned * 3, clusters=list("abcde") * 3, resamples=9, seed=0).p == once
    assert sign_flip(base * 2, tuned * 2, resamples=9, seed=0).p < once


def test_weighted_rows_are_those_of_balanced_tasks() -> None:
    # Task a has one row with +10, task b two with -2 each: weights 1 and 1/2, so the sums are 10, -1 and -1.
    found = sign_flip([0, 2, 2], [10, 0, 0], weights=np.array([1, 0.5, 0.5]), resamples=9, seed=0).p
    patterns = [abs(10 * i - j - k) for i, j, k in itertools.product((1, -1), repeat=3)]
    assert found == np.mean([value >= 8 for value in patterns]) == 1.0


def test_p_is_seldom_small_where_clusters_do_not_differ() -> None:
    chance, small = np.random.default_rng(2), 0
    clusters = [f"q{i // 5}" for i in range(100)]
    for trial in range(200):
        change = np.repeat(chance.normal(0, 1, 20), 5)
        small += sign_flip(np.zeros(100), change, clusters=clusters, resamples=199, seed=trial).p <= 0.1
    assert small / 200 <= 0.17  # 10 %, standard error 2 points; row by row it would be 46 %


def test_rows_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="2 base rows and 1 tuned rows"):
        mcnemar([0, 0], [0])


def test_discordant_rows_are_counted_for_any_metric() -> None:
    assert discordant(np.array([0.5, -3.0, 0.0, 7.0])) == (1, 2)
    assert sign_flip_p([], resamples=9, seed=0) == 1


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (3, 10), (50, 100), (1, 1), (7, 1000)])
def test_wilson_is_scipy_s(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_of_nought_of_ten() -> None:
    low, high = wilson(0, 10)
    assert (low, round(high, 3)) == (0, 0.278)
    assert wilson(10, 10) == pytest.approx((1 - high, 1))
    for k, n in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(DataError, match="is no share"):
            wilson(k, n)


def test_the_interval_of_a_gain_by_hand() -> None:
    # b 2, c 8, n 28: shares 3/30 and 9/30, their sum 0.4, difference 0.2, variance (0.4 - 0.04) / 30 = 0.012.
    assert bonett_price(2, 8, 28) == pytest.approx((0.2 - 1.95996 * 0.012**0.5, 0.2 + 1.95996 * 0.012**0.5), abs=1e-5)
    low, high = bonett_price(8, 2, 28)
    assert (-high, -low) == pytest.approx(bonett_price(2, 8, 28))
    with pytest.raises(DataError, match="rows differ"):
        bonett_price(5, 6, 10)


def test_the_value_lies_in_its_interval_whatever_the_answers() -> None:
    chance = np.random.default_rng(3)
    for size in (2, 3, 8, 40):
        for share in (0, 0.05, 0.5, 1):
            scores, other = (100.0 * (chance.random(size) < share) for _ in range(2))
            groups = [f"t{i % 4}" for i in range(size)]
            for found in (
                share_interval(scores),
                share_interval(scores, groups=groups),
                share_interval(scores, groups=groups, balanced=True),
                share_interval(scores, clusters=groups),
            ):
                assert 0 <= found.low <= found.value + 1e-9
                assert found.value - 1e-9 <= found.high <= 100
            for found in (gain_interval(other - scores), gain_interval(other - scores, groups=groups, balanced=True)):
                assert -100 <= found.low <= found.value + 1e-9
                assert found.value - 1e-9 <= found.high <= 100


def test_right_and_wrong_exchanged_mirror_the_interval() -> None:
    scores, groups = 100.0 * (np.random.default_rng(4).random(60) < 0.2), [f"t{i % 6}" for i in range(60)]
    there, back = share_interval(scores, groups=groups), share_interval(100 - scores, groups=groups)
    assert (100 - back.high, 100 - back.low) == pytest.approx((there.low, there.high))


def test_q_is_scipy_s() -> None:
    chance = np.random.default_rng(5)
    for size in (1, 2, 30):
        ps = chance.random(size) ** 3
        assert benjamini_hochberg(ps.tolist()) == pytest.approx(stats.false_discovery_control(ps).tolist())
    assert benjamini_hochberg([0.5, 0.5, 0.01]) == pytest.approx([0.5, 0.5, 0.03])


def test_q_keeps_to_its_order_and_refuses_what_is_no_p() -> None:
    ps = [0.04, 0.001, 0.9, 0.02]
    order = [2, 0, 3, 1]
    assert benjamini_hochberg([ps[i] for i in order]) == [benjamini_hochberg(ps)[i] for i in order]
    assert benjamini_hochberg([]) == []
    with pytest.raises(DataError, match="is no p"):
        benjamini_hochberg([0.5, 1.5])
