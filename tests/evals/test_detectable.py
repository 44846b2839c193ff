"""The smallest difference that can be seen is found by its test as often as it says, by simulation."""

import numpy as np
import pytest
from scipy import stats

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.detectable import detectable_line, intraclass, minimum_detectable, seen_before
from didact.evals.paired_tests import mcnemar


def test_two_models_on_rows_of_their_own_by_hand() -> None:
    # (1.95996 + 0.84162) √(2 * 0.25 / 1000) = 0.06265
    assert minimum_detectable(1000)["points_other_rows"] == pytest.approx(6.265, abs=0.001)


def test_two_models_on_the_same_rows_by_hand() -> None:
    # d = 0.048: 0.048 √1000 = 1.5179; 1.95996 √0.3 + 0.84162 √(0.3 - 0.0023) = 1.0735 + 0.4592 = 1.5327, so a little more than 4.8.
    d = minimum_detectable(1000)["points"] / 100
    assert d * 1000**0.5 == pytest.approx(1.959964 * 0.3**0.5 + 0.841621 * (0.3 - d * d) ** 0.5)


def test_tasks_like_these_need_the_design_effect() -> None:
    # 20 tasks of 50 rows, correlation 0.1: 1 + 49 / 10 = 5.9 times the variance; t with 19 degrees of freedom: 2.093 and 0.861.
    found = minimum_detectable(1000, 20)
    assert found["design_effect"] == pytest.approx(5.9)
    d = found["points_like_these"] / 100
    assert d * (1000 / 5.9) ** 0.5 == pytest.approx(2.0930 * 0.3**0.5 + 0.8610 * (0.3 - d * d) ** 0.5, abs=1e-3)
    assert found["points_other_rows"] == pytest.approx(100 * (2.0930 + 0.8610) * (0.5 * 5.9 / 1000) ** 0.5, abs=0.01)
    assert minimum_detectable(1000)["points_like_these"] is None


def test_more_rows_more_tasks_and_fewer_discordant_rows_show_more() -> None:
    least = [minimum_detectable(n)["points"] for n in (50, 200, 800, 3200)]
    assert least == sorted(least, reverse=True)
    assert least[3] / least[2] == pytest.approx(0.5, abs=0.03)  # four times the rows, half the difference
    many, few = minimum_detectable(1000, 100), minimum_detectable(1000, 5)
    assert many["points_like_these"] < few["points_like_these"]
    assert many["points"] == few["points"]
    assert minimum_detectable(1000, discordant=0.05)["points"] < minimum_detectable(1000, discordant=0.3)["points"]
    assert minimum_detectable(3)["points"] == 100  # even three of three are no proof


def test_rows_that_do_not_resemble_one_another_count_in_full() -> None:
    found = minimum_detectable(10_000, 1000, 0.0)
    assert found["points_like_these"] == pytest.approx(found["points"], rel=0.01)
    assert minimum_detectable(1000, 10, 1.0)["design_effect"] == 100  # ten observations


@pytest.mark.parametrize(("n", "discordant"), [(400, 0.3), (1500, 0.1)])
def test_mcnemar_finds_the_difference_four_times_in_five(n: int, discordant: float) -> None:
    d = minimum_detectable(n, discordant=discordant)["points"] / 100
    chance, found = np.random.default_rng(0), 0
    for _ in range(600):
        dice = chance.random(n)
        won, lost = dice < (discordant + d) / 2, dice > 1 - (discordant - d) / 2
        found += mcnemar(lost, won).p < 0.05
    # The exact test is a little cautious; standard error 1.6 points.
    assert 0.73 <= found / 600 <= 0.85


def test_a_test_over_tasks_finds_the_difference_four_times_in_five() -> None:
    # 20 tasks of 50 rows; each task's own gain has the variance rho ψ, its rows the rest.
    rho, psi = 0.1, 0.3
    d = minimum_detectable(1000, 20, rho, discordant=psi)["points_like_these"] / 100
    chance, found = np.random.default_rng(1), 0
    for _ in range(600):
        gain = np.clip(d + chance.normal(0, (rho * psi) ** 0.5, (20, 1)), -psi, psi)
        dice = chance.random((20, 50))
        change = (dice < (psi + gain) / 2).astype(float) - (dice > 1 - (psi - gain) / 2)
        found += stats.ttest_1samp(change.mean(axis=1), 0).pvalue < 0.05
    assert 0.74 <= found / 600 <= 0.86


def test_the_correlation_is_read_from_an_earlier_run() -> None:
    chance = np.random.default_rng(2)
    values = np.repeat(chance.normal(0, 0.5, 200), 20) + chance.normal(0, 1, 4000)  # 0.25 / 1.25 = 0.2
    names = [f"t{i // 20}" for i in range(4000)]
    assert intraclass(values, names) == pytest.approx(0.2, abs=0.04)
    assert intraclass(chance.normal(0, 1, 4000), names) == pytest.approx(0, abs=0.02)
    assert intraclass([1.0, 2.0], ["a", "b"]) == 0


def test_an_earlier_run_says_what_is_to_be_assumed() -> None:
    base, tuned = (
        [Prediction(f"t{i % 4}", f"{i}", "", "", "", (), "stop", 1, {"m": 100.0 * (i % period == 0)}) for i in range(40)]
        for period in (4, 2)
    )
    found = seen_before(base, tuned, "m")  # every second row right, every fourth was: a quarter of the rows was won
    assert (found["share"], found["discordant"]) == (0.5, 0.25)
    assert found["rho"] == 1.0  # the rows won are those of task t2
    assert minimum_detectable(400, 4, **found)["points"] < minimum_detectable(400, 4)["points"]


def test_the_line_says_what_was_assumed() -> None:
    line = detectable_line("unseen", 11_900, 119)
    assert line.startswith("unseen: 11,900 rows of 119 tasks show differences from 1.4 points on, and from ")
    assert line.endswith("on for tasks like these (80 % power; if 30 % of rows differ, correlation 0.1)")
    assert ", and none for tasks like these (" in detectable_line("unseen", 200, 2)  # t with one degree of freedom is 12.7
    assert "3 rows of one task show no difference (" in detectable_line("unseen", 3, 1)


@pytest.mark.parametrize(
    "wrong", [{"num_rows": 0}, {"num_rows": 5, "num_tasks": 6}, {"num_rows": 5, "rho": 2.0}, {"num_rows": 5, "power": 1.0}]
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DataError):
        minimum_detectable(**wrong)  # type: ignore[arg-type]
