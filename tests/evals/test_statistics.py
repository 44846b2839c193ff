"""Intervals and paired tests, by hand-computed cases, by simulation and by what must not matter."""

import itertools
import time

import numpy as np
import pytest

from didact.base.chance import permutation
from didact.base.errors import DataError
from didact.base.files import to_json
from didact.base.types import Prediction
from didact.evals.statistics import bootstrap, compare, paired, sign_flip_p


def prediction(task: str, example: str, score: float, category: str = "qa", completion: str = "yes", stop: str = "stop") -> Prediction:
    return Prediction(task, example, "direct", "prompt", completion, ("yes",), stop, 1, {"rouge_l": score}, category)  # type: ignore[arg-type]


def test_the_value_is_the_mean_and_lies_in_its_interval() -> None:
    score = bootstrap([0, 50, 100, 90], resamples=500, seed=0)
    assert score.value == 60.0  # (0 + 50 + 100 + 90) / 4
    assert 0 <= score.low < 60 < score.high <= 100


def test_the_interval_of_two_rows_can_be_counted_by_hand() -> None:
    # Resamples of (0, 100) have the means 0, 50, 50, 100, so a quarter is 0 and a quarter is 100: both ends are reached.
    score = bootstrap([0, 100], resamples=1000, seed=0)
    assert (score.value, score.low, score.high) == (50, 0, 100)


def test_the_row_interval_agrees_with_the_normal_theory() -> None:
    values = np.random.default_rng(1).normal(50, 20, 400)
    score = bootstrap(values, resamples=4000, seed=0)
    half = 1.96 * values.std() / 20  # standard error: deviation / sqrt(400)
    assert score.low == pytest.approx(score.value - half, abs=0.2)
    assert score.high == pytest.approx(score.value + half, abs=0.2)


def test_rows_that_are_all_alike_have_an_interval_without_width() -> None:
    score = bootstrap([33.3] * 7, groups=["a"] * 3 + ["b"] * 4, resamples=100, seed=0)
    assert score.low == score.value == score.high == pytest.approx(33.3)


def test_permuting_rows_changes_nothing_at_all() -> None:
    chance = np.random.default_rng(2)
    values, groups = chance.uniform(0, 100, 60), [f"task{i % 7}" for i in range(60)]
    order = permutation(60, 0, "test")
    for balanced in (False, True):
        once = bootstrap(values, groups=groups, resamples=300, seed=0, balanced=balanced)
        assert bootstrap(values[order], groups=[groups[i] for i in order], resamples=300, seed=0, balanced=balanced) == once
    assert bootstrap(values, groups=groups, resamples=300, seed=1).low != bootstrap(values, groups=groups, resamples=300, seed=0).low


def test_scaling_all_rows_scales_the_interval() -> None:
    values, groups = [0.0, 0.25, 1.0, 0.5, 0.75], ["a", "a", "b", "b", "c"]
    small, large = (bootstrap([v * k for v in values], groups=groups, resamples=300, seed=0) for k in (1, 100))
    assert (large.value, large.low, large.high) == pytest.approx((100 * small.value, 100 * small.low, 100 * small.high))


def test_balanced_counts_every_group_alike() -> None:
    values, groups = [0, 0, 0, 80], ["a", "a", "a", "b"]
    assert bootstrap(values, groups=groups, resamples=50, seed=0).value == 20  # 80 / 4
    assert bootstrap(values, groups=groups, resamples=50, seed=0, balanced=True).value == 40  # (0 + 80) / 2


def test_one_row_and_one_group_say_so() -> None:
    assert bootstrap([7], groups=["a"], resamples=50, seed=0).note == "one row: no interval"
    one_task = bootstrap([0, 100, 100], groups=["a"] * 3, resamples=50, seed=0)
    assert one_task.note == "one task: only rows were resampled"
    rows = bootstrap([0, 100, 100], resamples=50, seed=0)
    assert (one_task.low, one_task.high, rows.note) == (rows.low, rows.high, "")


def test_groups_that_agree_within_themselves_widen_the_interval() -> None:
    # Ten tasks of 20 equal rows are ten observations, not 200: the interval is about sqrt(20) = 4.5 times as wide.
    values, groups = np.repeat(np.arange(10.0), 20), [f"t{i}" for i in np.repeat(np.arange(10), 20)]
    wide, narrow = bootstrap(values, groups=groups, resamples=2000, seed=0), bootstrap(values, resamples=2000, seed=0)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(20**0.5, rel=0.1)


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_cover_the_truth_as_often_as_they_say(grouped: bool) -> None:
    # 400 trials at 95 % have a standard error of 1.1 points; percentile intervals of 40 rows or groups run 1 to 2 points low.
    chance, hits, naive_hits, trials = np.random.default_rng(3), 0, 0, 400
    for trial in range(trials):
        if grouped:
            values = (chance.normal(0, 2, (40, 1)) + chance.normal(0, 1, (40, 5))).ravel()
            groups = [f"g{i // 5:02}" for i in range(200)]
        else:
            values, groups = chance.normal(0, 2, 40), None
        score = bootstrap(values, groups=groups, resamples=300, seed=trial)
        hits += score.low <= 0 <= score.high
        naive = bootstrap(values, resamples=300, seed=trial)
        naive_hits += naive.low <= 0 <= naive.high
    assert 0.91 <= hits / trials <= 0.98
    if grouped:
        assert naive_hits / trials < 0.75  # rows taken as independent would promise far too much


def test_five_equal_gains_have_the_exact_p() -> None:
    # Only all plus and all minus reach a sum of 50: 2 of 32 sign patterns.
    assert paired([0] * 5, [10] * 5, resamples=100, seed=0).p == 2 / 32


@pytest.mark.parametrize("differences", [[3.0, 1.0, -2.0, 5.0, 4.0], [0.1, 0.2, -0.3, 0.0, 0.7], [-1.0, -1.0, 2.0]])
def test_the_exact_p_equals_counting_every_sign_pattern(differences: list[float]) -> None:
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    expected = np.mean([value >= abs(sum(differences)) - 1e-9 for value in sums])
    assert sign_flip_p(differences, resamples=10, seed=0) == expected


def test_no_difference_at_all_has_p_one() -> None:
    difference = paired([5, 7, 9], [5, 7, 9], resamples=100, seed=0)
    assert (difference.value, difference.low, difference.high, difference.p) == (0, 0, 0, 1)


def test_ten_against_nothing() -> None:
    difference = paired([0] * 10, [100] * 10, groups=[f"t{i % 2}" for i in range(10)], resamples=100, seed=0)
    assert (difference.value, difference.low, difference.high) == (100, 100, 100)
    assert difference.p == 2 / 1024  # two of 2^10 sign patterns


def test_above_twelve_rows_chance_stands_in_for_counting() -> None:
    # 13 equal gains: exact p is 2 / 8192; with 999 patterns the least that can be said is 1 / 1000.
    assert sign_flip_p([1.0] * 13, resamples=999, seed=0) == pytest.approx(1 / 1000, abs=1.1e-3)
    differences = np.random.default_rng(4).normal(0.3, 1, 16)
    patterns = np.array(list(itertools.product((1, -1), repeat=16)))
    exact = np.mean(np.abs(patterns @ np.abs(differences)) >= abs(differences.sum()) - 1e-9)
    assert sign_flip_p(differences, resamples=20_000, seed=0) == pytest.approx(exact, abs=0.01)


def test_without_an_effect_p_is_small_as_rarely_as_it_should_be() -> None:
    chance = np.random.default_rng(5)
    small = sum(sign_flip_p(chance.normal(0, 1, 30), resamples=199, seed=trial) <= 0.1 for trial in range(400))
    assert 0.06 <= small / 400 <= 0.14  # 10 %; standard error 1.5 points


def test_exchanging_the_models_turns_the_sign_and_keeps_p() -> None:
    chance = np.random.default_rng(6)
    base, tuned = chance.uniform(0, 100, 30), chance.uniform(10, 100, 30)
    there, back = (paired(a, b, resamples=400, seed=0) for a, b in ((base, tuned), (tuned, base)))
    assert there.value == pytest.approx(-back.value)
    assert there.p == back.p


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="row 1 is nan"):
        bootstrap([1, float("nan")], resamples=10, seed=0)
    with pytest.raises(DataError, match="no rows"):
        bootstrap([], resamples=10, seed=0)
    with pytest.raises(DataError, match="2 rows and 1 groups"):
        bootstrap([1, 2], groups=["a"], resamples=10, seed=0)
    with pytest.raises(DataError, match="1 base rows and 2 tuned rows"):
        paired([1], [1, 2], resamples=10, seed=0)


def test_a_full_superni_evaluation_takes_seconds() -> None:
    values, groups = np.random.default_rng(7).uniform(0, 100, 12_000), [f"t{i // 100}" for i in range(12_000)]
    start = time.perf_counter()
    bootstrap(values, groups=groups, resamples=2000, seed=0)
    assert time.perf_counter() - start < 5


BASE = [prediction("t1", "a", 0), prediction("t1", "b", 10), prediction("t2", "a", 20), prediction("t3", "a", 30, "nli", "", "length")]
TUNED = [prediction("t1", "a", 40), prediction("t1", "b", 50), prediction("t2", "a", 60), prediction("t3", "a", 30, "nli")]


def test_compare_pools_rows_and_keeps_tasks_apart() -> None:
    table = compare(BASE, TUNED, ["rouge_l"], resamples=200, seed=0)
    assert (table["num_examples"], table["num_tasks"], table["resamples"]) == (4, 3, 200)
    overall = table["overall"]["rouge_l"]
    assert overall["num_examples"] == 4
    assert overall["base"]["value"] == 15  # (0 + 10 + 20 + 30) / 4
    assert overall["tuned"]["value"] == 45  # (40 + 50 + 60 + 30) / 4
    assert overall["difference"]["value"] == 30
    assert overall["difference"]["p"] == 2 / 8  # three non-zero gains, all positive
    macro = table["macro"]["rouge_l"]
    assert macro["base"]["value"] == pytest.approx((5 + 20 + 30) / 3)
    assert macro["difference"]["value"] == pytest.approx((40 + 40 + 0) / 3)
    assert {name: entry["rouge_l"]["tuned"]["value"] for name, entry in table["categories"].items()} == {"nli": 30, "qa": 50}
    assert {name: entry["rouge_l"]["difference"]["value"] for name, entry in table["tasks"].items()} == {"t1": 40, "t2": 40, "t3": 0}
    assert table["tasks"]["t2"]["rouge_l"]["tuned"]["note"] == "one row: no interval"
    assert table["categories"]["nli"]["rouge_l"]["difference"]["p"] == 1
    assert table["endings"] == {"base": {"stop": 3, "length": 1, "empty": 1}, "tuned": {"stop": 4, "length": 0, "empty": 0}}
    assert to_json(table)  # strict JSON


def test_compare_says_the_same_as_its_parts() -> None:
    table = compare(BASE, TUNED, ["rouge_l"], resamples=200, seed=3)["overall"]["rouge_l"]
    base, tuned, groups = [0, 10, 20, 30], [40, 50, 60, 30], ["t1", "t1", "t2", "t3"]
    difference = paired(base, tuned, groups=groups, resamples=200, seed=3)
    assert table["difference"] == {"value": 30, "low": difference.low, "high": difference.high, "p": difference.p}
    assert table["base"]["low"] == bootstrap(base, groups=groups, resamples=200, seed=3).low


def test_the_order_of_either_file_does_not_matter() -> None:
    once = compare(BASE, TUNED, ["rouge_l"], resamples=100, seed=0)
    assert compare(BASE[::-1], TUNED, ["rouge_l"], resamples=100, seed=0) == once
    assert compare(BASE, TUNED[::-1], ["rouge_l"], resamples=100, seed=0) == once


@pytest.mark.parametrize("base", [None, []])
def test_one_model_alone_has_no_difference(base: list[Prediction] | None) -> None:
    table = compare(base, TUNED, ["rouge_l"], resamples=100, seed=0)
    assert set(table["overall"]["rouge_l"]) == {"num_examples", "tuned"}
    assert set(table["endings"]) == {"tuned"}


def test_rows_that_do_not_match_are_named() -> None:
    with pytest.raises(DataError, match=r"(?s)1 of 4 rows were not answered by the base model.*task t2, example a") as caught:
        compare([BASE[0], BASE[1], BASE[3]], TUNED, ["rouge_l"], resamples=10, seed=0)
    assert caught.value.remedy == "didact eval RUN"
    with pytest.raises(DataError, match=r"(?s)2 of 4 rows were not answered by the tuned model.*task t1, example b"):
        compare(BASE, [TUNED[0], TUNED[2]], ["rouge_l"], resamples=10, seed=0)
    with pytest.raises(DataError, match="hold a row twice"):
        compare(BASE, [*TUNED, TUNED[0]], ["rouge_l"], resamples=10, seed=0)
    with pytest.raises(DataError, match=r"(?s)no score 'f1'.*its metrics: rouge_l"):
        compare(BASE, TUNED, ["f1"], resamples=10, seed=0)
    with pytest.raises(DataError, match="no predictions"):
        compare(BASE, [], ["rouge_l"], resamples=10, seed=0)
