"""Scores of whole tasks: intervals and paired tests over draws of rows, by hand, by the row-wise statistics and by what must not matter."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from didact.base.errors import DataError
from didact.base.files import to_json
from didact.base.types import Prediction
from didact.evals.statistics import bootstrap, compare, sign_flip_p
from didact.evals.suites import own_metrics, remarks
from didact.evals.task_level import compare_with_tasks, draw_task, judged, mean_over_tasks
from didact.tasks.set_metrics import SET_METRICS
from didact.tasks.task import Task

NO_YES = ("no", "yes")


def predictions(
    task: str, said: str, gold: str, groups: str = "", choices: tuple[str, ...] = NO_YES, category: str = "nli"
) -> list[Prediction]:
    """Rows from letters: y and n are choices, ? is none."""
    words = {"y": "yes", "n": "no", "?": "well"}
    return [
        Prediction(
            *(task, f"{i:03}", "my/x", "prompt", words[a], (words[b],), "stop", 1, {"exact_match": 100.0 * (a == b)}, category),
            choices=choices,
            group=groups[i] if groups else "",
        )
        for i, (a, b) in enumerate(zip(said, gold, strict=True))
    ]


def both(said: tuple[str, str], gold: str, groups: str = "", task: str = "t") -> tuple[list[Prediction], list[Prediction]]:
    base, tuned = (predictions(task, letters, gold, groups) for letters in said)
    return base, tuned


def test_a_task_has_the_value_of_its_metric_and_says_how_many_answers_were_not_read() -> None:
    base, tuned = both(("nnny?", "yynyn"), "yynyn")
    table = compare_with_tasks(base, tuned, ("exact_match", "f1_binary"), {}, resamples=200, seed=0)
    entry = table["tasks"]["t"]["f1_binary"]
    assert entry["base"]["value"] == pytest.approx(100 * 2 / 5)  # 1 hit, 2 misses, and ? on a no is a false alarm: 2 / (2 + 1 + 2)
    assert entry["tuned"]["value"] == 100
    assert entry["difference"]["value"] == pytest.approx(60)
    assert (entry["base"]["num_unparsed"], entry["tuned"]["num_unparsed"]) == (1, 0)
    assert entry["base"]["low"] <= entry["base"]["value"] <= entry["base"]["high"]
    assert (entry["tuned"]["low"], entry["tuned"]["high"]) == (100, 100)
    assert to_json(table)  # strict JSON
    assert remarks(table) == ["t: completions that give no answer: 1 of 5 (base); they count as wrong"]


def test_a_score_of_a_whole_task_that_fell_is_among_what_got_worse() -> None:
    base, tuned = both(("yynyn", "nnnyn"), "yynyn")
    other = both(("ynn", "yyn"), "yyn", task="rose")
    found = compare_with_tasks(
        [*base, *other[0]], [*tuned, *other[1]], (), {"t": ("f1_binary",), "rose": ("f1_binary",)}, resamples=99, seed=0
    )
    assert [(one["task"], one["metric"]) for one in found["regressions"]] == [("t", "f1_binary")]
    (worse,) = found["regressions"]
    # Of three yes two are missed: 2 * 1 / (2 * 1 + 2) = 50. Four ways to exchange the two rows, two of which differ by as much.
    assert worse["difference"]["value"] == -50.0
    assert worse["test"]["p"] == found["tasks"]["t"]["f1_binary"]["difference"]["p"] == 0.5
    assert worse["test"]["q"] == 1.0  # the other task's p is 1: min(2 * 0.5, 1)
    assert compare_with_tasks(tuned, base, (), {"t": ("f1_binary",)}, resamples=99, seed=0)["regressions"] == []


def test_what_compare_says_about_rows_stays_as_it_is() -> None:
    base, tuned = both(("nnny?", "yynyn"), "yynyn")
    rows = compare(base, tuned, ("exact_match",), resamples=200, seed=0)
    table = compare_with_tasks(base, tuned, ("matthews", "exact_match"), {}, resamples=200, seed=0)
    assert list(table) == list(rows)
    for part in ("overall", "macro"):
        assert table[part]["exact_match"] == rows[part]["exact_match"]
    assert set(table["overall"]) == {"exact_match", "matthews"}


@pytest.mark.parametrize("task_metric", ["matthews", "mcq_accuracy"])
def test_a_task_has_its_own_metric_though_no_recipe_lists_it(task_metric: str) -> None:
    base, tuned = both(("nnyy", "ynyn"), "ynyn")
    own = {"t": own_metrics(Task("t", (), metric=task_metric))}
    table = compare_with_tasks(base, tuned, ("exact_match",), own, resamples=50, seed=0)
    assert table["tasks"]["t"][task_metric]["tuned"]["value"] == 100
    assert table["overall"][task_metric]["num_tasks"] == 1


def test_a_share_has_the_same_interval_and_p_as_the_mean_over_rows() -> None:
    # mcq_accuracy of y and n is the mean of 0 and 100 over rows, so the row-wise statistics are its reference.
    chance = np.random.default_rng(0)
    gold = "".join(chance.choice(list("yn"), 200))
    base, tuned = both(("".join(chance.choice(list("yn"), 200)), "".join(g if chance.random() < 0.7 else "?" for g in gold)), gold)
    found = draw_task("mcq_accuracy", base, tuned, resamples=4000, seed=0)
    rows = bootstrap([row.scores["exact_match"] for row in tuned], resamples=4000, seed=0)
    assert float(found.tuned) == pytest.approx(rows.value)
    assert np.quantile(found.tuned_draws, [0.025, 0.975]) == pytest.approx([rows.low, rows.high], abs=1)
    few_base, few_tuned = both(("yyyyynnn", "nnnnynyn"), "nnnnynnn")
    gains = [b.scores["exact_match"] - a.scores["exact_match"] for a, b in zip(few_base, few_tuned, strict=True)]
    assert sum(gain != 0 for gain in gains) == 5  # four better, one worse: all 32 sign patterns are counted
    assert draw_task("mcq_accuracy", few_base, few_tuned, resamples=10, seed=0).p == sign_flip_p(gains, resamples=10, seed=0) == 12 / 32


@pytest.mark.parametrize("metric", ["f1_binary", "matthews", "f1_macro"])
def test_p_counts_every_way_to_exchange_the_models(metric: str) -> None:
    said, gold = ("nyynny", "yynyyn"), "yynyny"
    base, tuned = both(said, gold)
    differ = [i for i in range(6) if said[0][i] != said[1][i]]
    score = SET_METRICS[metric]

    def gain(swapped: tuple[int, ...]) -> float:
        there, here = (
            [(b if i in swapped else a) for i, (a, b) in enumerate(zip(*pair, strict=True))] for pair in ((base, tuned), (tuned, base))
        )
        return float(score(judged(here))) - float(score(judged(there)))

    ways = [way for count in range(len(differ) + 1) for way in itertools.combinations(differ, count)]
    expected = np.mean([abs(gain(way)) >= abs(gain(())) - 1e-9 for way in ways])
    assert draw_task(metric, base, tuned, resamples=20, seed=0).p == pytest.approx(expected)


def test_many_exchanges_agree_with_all_of_them() -> None:
    chance = np.random.default_rng(1)
    gold = "".join(chance.choice(list("yn"), 10))
    base, tuned = both(("".join("n" if g == "y" else "y" for g in gold), gold[:6] + "?" * 4), gold)
    exact = draw_task("f1_binary", base, tuned, resamples=4000, seed=0)
    random = float(np.mean(np.abs(exact.exchanged) >= abs(float(exact.tuned) - float(exact.base)) - 1e-9))
    assert random == pytest.approx(exact.p, abs=0.02)


def test_no_difference_has_p_one_and_an_interval_without_width() -> None:
    base, tuned = both(("ynyn", "ynyn"), "yyyn")
    difference = compare_with_tasks(base, tuned, ("matthews",), {}, resamples=100, seed=0)["tasks"]["t"]["matthews"]["difference"]
    assert difference == {"value": 0, "low": 0, "high": 0, "p": 1}


def test_exchanging_the_models_turns_the_sign() -> None:
    base, tuned = both(("nynynyny", "yynnyynn"), "yynnyyny")
    there, back = (draw_task("matthews", a, b, resamples=300, seed=0) for a, b in ((base, tuned), (tuned, base)))
    assert there.p == back.p
    assert (there.tuned_draws - there.base_draws) == pytest.approx(-(back.tuned_draws - back.base_draws))


def test_rows_of_a_group_are_drawn_together() -> None:
    # Two questions of two answers, one all right and one half right: draws of questions give EM 0, 50 or 100 and nothing else.
    base, tuned = both(("nnnn", "ynyy"), "ynyn", groups="aabb")
    found = draw_task("multirc_em", base, tuned, resamples=400, seed=0)
    assert float(found.tuned) == 50
    assert found.num_units == 2
    assert set(np.round(found.tuned_draws, 6)) == {0, 50, 100}
    assert np.mean(found.tuned_draws == 50) == pytest.approx(0.5, abs=0.08)  # one of each: 2 of 4 draws
    # F1a is over rows, but they too come in pairs: (hits, errors) of a and b are (1, 0) and (1, 1).
    draws = draw_task("multirc_f1a", None, tuned, resamples=400, seed=0).tuned_draws
    assert set(np.round(draws, 3)) == {100, 80, round(100 * 2 / 3, 3)}


def test_groups_that_agree_within_themselves_widen_the_interval() -> None:
    # Forty questions of ten equal answers are forty observations: the interval is about sqrt(10) = 3.2 times as wide.
    gold = "".join("yn"[i % 2] * 10 for i in range(40))
    said = "".join(("yn"[(i + (i % 3 == 0)) % 2]) * 10 for i in range(40))
    rows = predictions("t", said, gold)
    together = [replace(row, group=f"q{i // 10}") for i, row in enumerate(rows)]
    wide, narrow = (draw_task("mcq_accuracy", None, part, resamples=2000, seed=0).tuned_draws for part in (together, rows))
    assert wide.std() / narrow.std() == pytest.approx(10**0.5, rel=0.1)


def test_pairs_of_axg() -> None:
    base, tuned = both(("ynynnn", "yynnyn"), "yyyyyy", groups="aabbcc")
    own = {"t": ("mcq_accuracy", "gender_parity")}
    table = compare_with_tasks(base, tuned, ("exact_match",), own, resamples=100, seed=0)
    parity = table["tasks"]["t"]["gender_parity"]
    assert (parity["base"]["value"], parity["tuned"]["value"]) == (pytest.approx(100 / 3), pytest.approx(200 / 3))


def test_the_mean_over_tasks_counts_every_task_alike() -> None:
    small_base, small = both(("nn", "yn"), "yn", task="small")
    large_base, large = both(("n" * 20, "y" * 20), "yn" * 10, task="large")
    table = compare_with_tasks([*small_base, *large_base], [*small, *large], ("mcq_accuracy",), {}, resamples=300, seed=0)
    for part in ("overall", "macro"):
        entry = table[part]["mcq_accuracy"]
        assert (entry["num_tasks"], entry["num_examples"]) == (2, 22)
        assert entry["tuned"]["value"] == 75  # (100 + 50) / 2, not 11 of 22 right
        assert entry["base"]["value"] == 50
        assert entry["difference"]["value"] == 25
        assert 0 < entry["difference"]["p"] <= 1
    assert table["categories"]["nli"]["mcq_accuracy"] == table["overall"]["mcq_accuracy"]


def test_the_mean_of_many_equal_tasks_has_the_interval_of_their_rows() -> None:
    # 30 tasks of 20 rows that do not differ but by chance are 600 rows, so the balanced bootstrap over rows is the reference.
    chance = np.random.default_rng(2)
    rows = [
        row
        for task in range(30)
        for row in predictions(f"t{task:02}", "".join("y" if chance.random() < 0.6 else "n" for _ in range(20)), "y" * 20)
    ]
    table = compare_with_tasks(None, rows, ("exact_match", "mcq_accuracy"), {}, resamples=3000, seed=0)
    ours, theirs = table["macro"]["mcq_accuracy"]["tuned"], table["macro"]["exact_match"]["tuned"]
    assert ours["value"] == pytest.approx(theirs["value"])
    assert (ours["low"], ours["high"]) == pytest.approx((theirs["low"], theirs["high"]), abs=0.4)
    assert set(table["macro"]["mcq_accuracy"]) == {"num_tasks", "num_examples", "tuned"}


def test_one_task_and_one_row_say_so() -> None:
    base, tuned = both(("n", "y"), "y")
    entry = compare_with_tasks(base, tuned, ("mcq_accuracy",), {}, resamples=50, seed=0)["overall"]["mcq_accuracy"]
    assert entry["tuned"] == {"value": 100, "low": 100, "high": 100, "note": "one row: no interval", "num_unparsed": 0}
    base, tuned = both(("nn", "yy"), "yn")
    entry = compare_with_tasks(base, tuned, ("mcq_accuracy",), {}, resamples=50, seed=0)["overall"]["mcq_accuracy"]
    assert entry["difference"]["note"] == "one task: only rows were resampled"


def test_the_order_of_either_file_does_not_matter() -> None:
    base, tuned = both(("nnyy?y", "ynynyy"), "ynynyn", groups="aabbcc")
    own = {"t": ("multirc_em", "gender_parity", "matthews")}
    once = compare_with_tasks(base, tuned, (), own, resamples=100, seed=0)
    assert compare_with_tasks(base[::-1], tuned, (), own, resamples=100, seed=0) == once
    assert compare_with_tasks(base, tuned[::-1], (), own, resamples=100, seed=0) == once
    assert compare_with_tasks(base, tuned, (), own, resamples=100, seed=1) != once


def test_a_metric_that_makes_no_sense_for_a_task_is_left_out_and_named() -> None:
    base, tuned = both(("ny", "yy"), "yy", task="nli")
    free = [replace(row, task="free", references=("a song",), choices=()) for row in tuned]
    table = compare_with_tasks([*base, *free], [*tuned, *free], ("f1_binary", "multirc_em", "pearson"), {}, resamples=20, seed=0)
    assert table["left_out"]["f1_binary"] == {"free": "a row without choices (example 000)"}
    assert set(table["left_out"]["multirc_em"]) == {"free", "nli"}
    assert "f1_binary" not in table["tasks"]["free"]
    assert table["overall"]["f1_binary"]["num_tasks"] == 1
    assert "pearson" not in table["overall"]
    assert "f1_binary left out for one task: a row without choices (example 000) (free)" in remarks(table)
    assert any(line.startswith("pearson left out for 2 tasks: the reference") for line in remarks(table))


def test_an_undefined_value_is_nought_and_says_so() -> None:
    base, tuned = both(("yyy", "yny"), "yyn")
    entry = compare_with_tasks(base, tuned, ("matthews",), {}, resamples=50, seed=0)["tasks"]["t"]["matthews"]
    assert entry["base"]["value"] == 0
    assert entry["base"]["note"] == "undefined: all given or all right choices are the same"


def test_rows_that_do_not_match_are_refused_as_ever() -> None:
    base, tuned = both(("nn", "yy"), "yn")
    with pytest.raises(DataError, match="1 of 2 rows were not answered by the base model"):
        compare_with_tasks(base[:1], tuned, ("matthews",), {}, resamples=10, seed=0)


def test_a_question_in_two_wordings_is_judged_in_each() -> None:
    rows = predictions("t", "ynyy", "ynyn", groups="aaaa")
    two = [replace(row, example=f"{i % 2}", template=f"my/{'xy'[i // 2]}") for i, row in enumerate(rows)]
    assert float(SET_METRICS["multirc_em"](judged(two))) == 50


def test_a_large_task_takes_seconds() -> None:
    chance = np.random.default_rng(3)
    gold = "".join(chance.choice(list("yn"), 5000))
    base, tuned = both(("".join(chance.choice(list("yn"), 5000)), gold), gold)
    assert draw_task("matthews", base, tuned, resamples=200, seed=0).p == pytest.approx(1 / 201)


def test_the_mean_of_tasks_by_hand() -> None:
    parts: dict[str, Any] = {}
    for name, said in (("a", "yy"), ("b", "nn")):
        parts[name] = draw_task("mcq_accuracy", None, predictions(name, said, "yy"), resamples=1000, seed=0)
    entry = mean_over_tasks(parts, seed=0)
    # a is always 100 and b always 0, so the mean of two drawn tasks is 0, 50, 50 or 100.
    assert (entry["tuned"]["value"], entry["tuned"]["low"], entry["tuned"]["high"]) == (50, 0, 100)
