"""Intervals and paired tests, by hand-computed cases, by simulation and by what must not matter."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from didact.base.chance import permutation
from didact.base.errors import DataError
from didact.base.files import to_json
from didact.base.types import Prediction
from didact.evals.statistics import bootstrap, compare, paired, sign_flip_p


def prediction(task: str, example: str, score: float, category: str = "qa", completion: str = "yes", stop: str = "stop") -> Prediction:
    return Prediction(task, example, "direct", "prompt", completion, ("yes",), stop, 1, {"rouge_l": score}, category)  # type: ignore[arg-type]


def test_the_value_is_the_mean_and_lies_in_its_interval() -> None:
    score = bootstrap([0, 50, 100, 90], resamples=500, seed=0, bounds=(0, 100))
    assert score.value == 60.0  # (0 + 50 + 100 + 90) / 4
    assert 0 <= score.low < 60 < score.high <= 100


def test_the_interval_of_few_rows_is_student_s_and_can_be_counted_by_hand() -> None:
    # Mean 20, deviation 10, standard error 10 / sqrt(4) = 5; t with 3 degrees of freedom is 3.182.
    score = bootstrap([20 - 75**0.5, 20, 20, 20 + 75**0.5], resamples=1000, seed=0)
    assert np.std([20 - 75**0.5, 20, 20, 20 + 75**0.5], ddof=1) ** 2 == pytest.approx(50)
    half = stats.t.ppf(0.975, 3) * (50 / 4) ** 0.5
    assert (score.low, score.high) == pytest.approx((20 - half, 20 + half))
    # Two rows say next to nothing: t with one degree of freedom is 12.7; no mean of points lies outside 0 to 100.
    two = bootstrap([0, 100], resamples=1000, seed=0, bounds=(0, 100))
    assert (two.value, two.low, two.high) == (50, 0, 100)


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
    values, groups = chance.uniform(0, 100, 60), [f"task{i % 9}" for i in range(60)]
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
    # Ten tasks of 20 equal rows are ten observations, not 200: the interval is that of the ten numbers, sqrt(20) = 4.5 times as
    # wide as that of 200 rows, and once more 15 % as Student's t with 9 degrees of freedom has it: 2.262 / 1.972.
    values, groups = np.repeat(np.arange(10.0), 20), [f"t{i}" for i in np.repeat(np.arange(10), 20)]
    wide, narrow = bootstrap(values, groups=groups, resamples=4000, seed=0), bootstrap(values, resamples=4000, seed=0)
    ten = bootstrap(np.arange(10.0), resamples=4000, seed=0)
    assert wide.high - wide.low == pytest.approx(ten.high - ten.low, rel=0.05)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(20**0.5 * 2.262 / 1.972, rel=0.08)


def test_rows_of_equal_tasks_count_as_rows() -> None:
    # Tasks that differ only by chance: 20 tasks of 30 rows are 600 rows. Drawing rows again within drawn tasks made it 1.4 times as wide.
    values, groups = np.random.default_rng(8).normal(50, 20, 600), [f"t{i % 20}" for i in range(600)]
    tasks, rows = bootstrap(values, groups=groups, resamples=4000, seed=0), bootstrap(values, resamples=4000, seed=0)
    assert (tasks.high - tasks.low) / (rows.high - rows.low) == pytest.approx(1, abs=0.3)


def test_rows_of_one_cluster_are_drawn_together() -> None:
    values, clusters = np.tile(np.arange(10.0), 4), [f"row {i}" for i in np.tile(np.arange(10), 4)]  # four wordings of ten rows
    for groups in (None, ["t"] * 40):
        four = bootstrap(values, clusters=clusters, groups=groups, resamples=4000, seed=0)
        ten = bootstrap(np.arange(10.0), resamples=4000, seed=0)
        assert (four.low, four.high) == pytest.approx((ten.low, ten.high), abs=0.2)
    assert bootstrap([1, 2], clusters=["q", "q"], resamples=9, seed=0).note == "one group of rows: no interval"


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_cover_the_truth_as_often_as_they_say(grouped: bool) -> None:
    # 400 trials at 95 % have a standard error of 1.1 points; more of them, and harder cases, are in test_coverage.py.
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
    assert 0.925 <= hits / trials <= 0.98
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
    # 13 equal gains: exact p is 2 / 8192 = 0.00024; with 999 patterns 0.001 could be said, with twenty times as many it is seen.
    assert sign_flip_p([1.0] * 13, resamples=999, seed=0) == pytest.approx(2 / 8192, abs=2.5e-4)
    assert sign_flip_p([1.0] * 100, resamples=999, seed=0) == pytest.approx(1 / 19_981)  # never nought
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
    difference = paired(base, tuned, groups=groups, resamples=200, seed=3, bounds=(-100, 100))
    assert table["difference"] == {"value": 30, "low": difference.low, "high": difference.high, "p": difference.p}
    assert table["base"]["low"] == bootstrap(base, groups=groups, resamples=200, seed=3, bounds=(0, 100)).low
    assert table["interval"] == "t over tasks"


def test_the_order_of_either_file_does_not_matter() -> None:
    once = compare(BASE, TUNED, ["rouge_l"], resamples=100, seed=0)
    assert compare(BASE[::-1], TUNED, ["rouge_l"], resamples=100, seed=0) == once
    assert compare(BASE, TUNED[::-1], ["rouge_l"], resamples=100, seed=0) == once


@pytest.mark.parametrize("base", [None, []])
def test_one_model_alone_has_no_difference(base: list[Prediction] | None) -> None:
    table = compare(base, TUNED, ["rouge_l"], resamples=100, seed=0)
    assert set(table["overall"]["rouge_l"]) == {"num_examples", "tuned", "interval"}
    assert "regressions" not in table
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


def right(task: str, example: str, is_right: bool, template: str = "direct", wording: str = "", group: str = "") -> Prediction:
    scores = {"accuracy": 100.0 * is_right}
    return Prediction(task, example, template, "prompt", "yes", ("yes",), "stop", 1, scores, "qa", wording=wording, group=group)


def test_right_and_wrong_answers_get_wilson_s_interval_and_mcnemar_s_test() -> None:
    base, tuned = ([right("t", f"{i}", rule) for i in range(10)] for rule in (False, True))
    entry = compare(base, tuned, ["accuracy"], resamples=50, seed=0)["tasks"]["t"]["accuracy"]
    assert (entry["base"]["low"], round(entry["base"]["high"], 1)) == (0, 27.8)  # Wilson of 0/10
    assert (round(entry["tuned"]["low"], 1), entry["tuned"]["high"]) == (72.2, 100)
    assert entry["interval"] == "wilson over rows"
    assert entry["test"] == {
        "name": "mcnemar",
        "p": pytest.approx(2 / 1024),
        "num_discordant": [0, 10],
        "num_units": 10,
        "q": pytest.approx(2 / 1024),
    }
    assert entry["difference"]["p"] == entry["test"]["p"]


def test_wordings_of_one_row_are_one_observation() -> None:
    # Ten rows in twenty wordings, right in all after tuning: ten exchanges, as with one wording, and not 200.
    base, tuned = ([right("t", f"{i}", rule, wording=f"order={k}") for i in range(10) for k in range(20)] for rule in (False, True))
    entry = compare(base, tuned, ["accuracy"], resamples=50, seed=0)["tasks"]["t"]["accuracy"]
    assert entry["num_examples"] == 200
    assert entry["test"] == {"name": "sign flip", "p": 2 / 1024, "num_discordant": [0, 200], "num_units": 10, "q": 2 / 1024}
    assert entry["interval"] == "wilson over clusters"
    assert entry["base"]["high"] > 27.8  # no narrower than 0 of 10


def test_the_answers_to_one_question_are_one_observation() -> None:
    base, tuned = ([right("t", f"{i}", rule, group=f"q{i // 4}") for i in range(12)] for rule in (False, True))
    test = compare(base, tuned, ["accuracy"], resamples=50, seed=0)["overall"]["accuracy"]["test"]
    assert (test["p"], test["num_units"]) == (2 / 8, 3)


def test_the_same_row_in_another_wording_is_another_row() -> None:
    rows = [right("t", "1", True, wording=wording) for wording in ("order=1", "order=2")]
    assert compare(None, rows, ["accuracy"], resamples=10, seed=0)["num_examples"] == 2
    with pytest.raises(DataError, match=r"(?s)hold a row twice.*order=1"):
        compare(None, [*rows, rows[0]], ["accuracy"], resamples=10, seed=0)


def test_tasks_are_exchanged_whole_where_several_are_pooled() -> None:
    test = compare(BASE, TUNED, ["rouge_l"], resamples=200, seed=0)["overall"]["rouge_l"]["test"]
    # Three rows gained (p 2/8), in two tasks (p 2/4); none was lost.
    assert test == {"name": "sign flip", "p": 2 / 8, "num_discordant": [0, 3], "num_units": 4, "p_tasks": 2 / 4}


def test_each_task_s_q_is_its_p_among_all_tasks() -> None:
    chance = np.random.default_rng(9)
    base, tuned = ([right(f"t{t}", f"{i}", chance.random() < rate) for t in range(6) for i in range(40)] for rate in (0.3, 0.5))
    tests = [entry["accuracy"]["test"] for entry in compare(base, tuned, ["accuracy"], resamples=99, seed=0)["tasks"].values()]
    assert [test["q"] for test in tests] == pytest.approx(stats.false_discovery_control([test["p"] for test in tests]).tolist())


def test_a_metric_that_is_anything_else_once_is_no_share() -> None:
    rows = [right("t", f"{i}", True) for i in range(9)]
    odd = [*rows, replace(rows[0], example="odd", scores={"accuracy": 50.0})]
    assert compare(None, rows, ["accuracy"], resamples=99, seed=0)["overall"]["accuracy"]["interval"] == "wilson over rows"
    assert compare(None, odd, ["accuracy"], resamples=99, seed=0)["overall"]["accuracy"]["interval"] == "bootstrap over rows"
