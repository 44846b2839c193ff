"""What got worse is named, with its rows, and never without the base model beside it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from didact.base.files import to_json
from didact.base.types import Prediction
from didact.evals.regressions import regressions
from didact.evals.statistics import compare


def answers(task: str, right: str, category: str = "qa") -> list[Prediction]:
    """`+` is a right answer, `-` a wrong one."""
    return [
        Prediction(task, f"{i:02}", "direct", "prompt", "yes", ("yes",), "stop", 1, {"accuracy": 100.0 * (mark == "+")}, category)
        for i, mark in enumerate(right)
    ]


BASE = [*answers("fell", "++++++++--", "nli"), *answers("rose", "----------"), *answers("slipped", "+---------")]
TUNED = [*answers("fell", "--------+-", "nli"), *answers("rose", "++++++----"), *answers("slipped", "----------")]


def test_tasks_that_fell_are_listed_the_surest_first() -> None:
    found = regressions(BASE, TUNED, ["accuracy"], resamples=99, seed=0)
    assert [one["task"] for one in found] == ["fell", "slipped"]
    fell = found[0]
    assert (fell["category"], fell["metric"], fell["num_examples"]) == ("nli", "accuracy", 10)
    assert (fell["base"]["value"], fell["tuned"]["value"], fell["difference"]["value"]) == (80, 10, -70)
    assert fell["test"]["num_discordant"] == [8, 1]
    # p of 8 against 1: 2 (1 + 9) / 512; q among three tasks, of which rose has 2 / 64 and slipped 1.
    ps = [20 / 512, 2 / 64, 1.0]
    assert fell["test"]["p"] == pytest.approx(ps[0])
    assert fell["test"]["q"] == pytest.approx(stats.false_discovery_control(ps)[0])
    assert to_json(found)


def test_the_rows_that_were_lost_are_named() -> None:
    worst = regressions(BASE, TUNED, ["accuracy"], resamples=99, seed=0)[0]["worst"]
    assert [row["example"] for row in worst] == [f"{i:02}" for i in range(8)]  # right before, wrong after; 08 was won
    assert worst[0] == {"example": "00", "template": "direct", "wording": "", "base": 100.0, "tuned": 0.0}
    few = regressions(BASE, TUNED, ["accuracy"], resamples=99, seed=0, num_worst=3)[0]["worst"]
    assert few == worst[:3]


def test_the_row_that_fell_farthest_stands_first() -> None:
    base = [replace(row, scores={"rouge_l": 60.0 + i}) for i, row in enumerate(answers("t", "+++"))]
    tuned = [replace(row, scores={"rouge_l": score}) for row, score in zip(base, (50.0, 11.0, 70.0), strict=True)]
    worst = regressions(base, tuned, ["rouge_l"], resamples=99, seed=0)[0]["worst"]
    assert [(row["example"], row["base"], row["tuned"]) for row in worst] == [("01", 61.0, 11.0), ("00", 60.0, 50.0)]


def test_the_table_of_a_level_holds_the_same() -> None:
    table = compare(BASE, TUNED, ["accuracy"], resamples=99, seed=0)
    assert table["regressions"] == regressions(BASE, TUNED, ["accuracy"], resamples=99, seed=0)
    assert table["regressions"][0]["difference"] == table["tasks"]["fell"]["accuracy"]["difference"]
    assert compare(TUNED, TUNED, ["accuracy"], resamples=99, seed=0)["regressions"] == []


def test_exchanging_the_models_lists_the_others() -> None:
    assert [one["task"] for one in regressions(TUNED, BASE, ["accuracy"], resamples=99, seed=0)] == ["rose"]


def test_the_order_of_rows_changes_nothing() -> None:
    order = np.random.default_rng(0).permutation(len(BASE))
    mixed = [TUNED[i] for i in order]
    assert regressions(BASE, mixed, ["accuracy"], resamples=99, seed=0) == regressions(BASE, TUNED, ["accuracy"], resamples=99, seed=0)
