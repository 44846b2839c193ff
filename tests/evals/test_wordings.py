"""Scores over wordings, by hand, by what must not matter, and by what a coin would say."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import iqr

from didact.base.errors import DataError
from didact.base.files import to_json
from didact.base.types import Prediction
from didact.evals.statistics import bootstrap
from didact.evals.wording_rows import agreement, coded, mean_difference, said, spread_by_chance
from didact.evals.wordings import over_wordings

NAMES = ("a", "b", "c", "d", "e", "f")


def rows(
    *marks: str, task: str = "t", held_out: Sequence[int] = (), wordings: Sequence[str] = (), groups: Sequence[str] = (), **more: Any
) -> list[Prediction]:
    """One string for each wording, one letter for each row: 1 right, 0 wrong, - not asked."""
    made = []
    for place, letters in enumerate(marks):
        wording = wordings[place] if wordings else ""
        for number, letter in enumerate(letters):
            if letter != "-":
                right = letter == "1"
                row = Prediction(
                    *(task, f"{number:03}", "a" if wording else NAMES[place], "", "yes" if right else f"no {place}", ("yes",), "stop", 1),
                    scores={"accuracy": 100.0 * right},
                    wording=wording,
                    held_out=place in held_out,
                    group=groups[number] if groups else "",
                )
                made.append(replace(row, **more))
    return made


def values(found: dict[str, Any], part: str = "templates", model: str = "tuned", task: str = "t") -> dict[str, float]:
    return {name: entry[model]["value"] for name, entry in found["tasks"][task]["parts"][part].items() if isinstance(entry, dict)}


def test_every_statistic_of_three_wordings_and_four_rows_by_hand() -> None:
    found = over_wordings(rows("1111", "1100", "1000"), "accuracy", resamples=200, seed=0)
    # Wordings score 100, 50 and 25. Quartiles lie halfway between neighbours: 37.5, 50, 75.
    # Rows: 111, 110, 100, 100; pairs that differ: 0, 2, 2 and 2 of 3. Two right answers are the same; wrong ones differ here.
    expected = {"mean": 175 / 3, "median": 50, "iqr": 37.5, "min": 25, "max": 100, "spread": 75, "worst": 25, "pss": 50}
    expected["consistency"] = 100 * (3 + 1 + 0 + 0) / 3 / 4
    assert values(found) == pytest.approx(expected)
    assert [one["tuned"]["value"] for one in found["tasks"]["t"]["wordings"]] == [100, 50, 25]
    assert [(one["template"], one["held_out"], one["num_examples"]) for one in found["tasks"]["t"]["wordings"]] == [
        ("a", False, 4),
        ("b", False, 4),
        ("c", False, 4),
    ]


def test_the_table_of_wordings_is_the_one_that_a_bootstrap_of_its_rows_gives() -> None:
    marks = ("1101001011" * 4, "1001000011" * 4)
    found = over_wordings(rows(*marks), "accuracy", resamples=4000, seed=0)
    for one, letters in zip(found["tasks"]["t"]["wordings"], marks, strict=True):
        other = bootstrap([100.0 * (letter == "1") for letter in letters], resamples=4000, seed=1)
        assert one["tuned"]["value"] == other.value
        assert one["tuned"]["low"] == pytest.approx(other.low, abs=2.6)  # a row is 2.5 points
        assert one["tuned"]["high"] == pytest.approx(other.high, abs=2.6)


def test_quartiles_are_those_of_scipy() -> None:
    chance = np.random.default_rng(3)
    marks = ["".join(chance.choice(["0", "1"], 30)) for _ in range(6)]
    scores = [100 * letters.count("1") / 30 for letters in marks]
    found = values(over_wordings(rows(*marks), "accuracy", resamples=50, seed=0))
    assert (found["iqr"], found["median"]) == pytest.approx((iqr(scores), np.median(scores)))


def test_wordings_that_say_the_same_have_no_spread_and_no_width() -> None:
    found = over_wordings(rows("1100", "1100"), "accuracy", resamples=200, seed=0)
    level = dict.fromkeys(("mean", "median", "min", "max", "worst", "consistency"), 50)  # the wrong answers are "no 0" and "no 1"
    assert values(found) == level | dict.fromkeys(("iqr", "spread", "pss"), 0)
    spread = found["tasks"]["t"]["parts"]["templates"]["spread"]["tuned"]
    assert spread == {"value": 0, "low": 0, "high": 0, "by_chance": 0, "p": 1}


def test_mixture_and_held_out_wordings_stand_apart_with_what_the_held_out_ones_cost() -> None:
    base, tuned = rows("0000", "0001", "0000", held_out=[2]), rows("1111", "1101", "1000", held_out=[2])
    found = over_wordings(tuned, "accuracy", base=base, resamples=200, seed=0)
    assert values(found, "mixture")["mean"] == 87.5
    assert values(found, "held_out")["mean"] == 25
    assert values(found, "held_out_minus_mixture") == {"mean": -62.5}
    assert values(found, "held_out_minus_mixture", "base") == {"mean": -12.5}
    assert values(found, "held_out_minus_mixture", "difference") == {"mean": -50}
    assert values(found, "held_out")["worst"] == 25
    assert not {"pss", "consistency", "iqr", "spread"} & set(values(found, "held_out"))  # one wording has no pair
    assert [one["held_out"] for one in found["tasks"]["t"]["wordings"]] == [False, False, True]


def test_differences_are_over_the_same_draws_of_rows() -> None:
    base, tuned = rows("1100110010", "1010101010"), rows("1110110110", "1010111010")
    found = over_wordings(tuned, "accuracy", base=base, resamples=300, seed=0)
    assert values(found, model="difference")["mean"] == pytest.approx(15)
    same = over_wordings(base, "accuracy", base=base, resamples=300, seed=0)
    for name, entry in same["tasks"]["t"]["parts"]["templates"].items():
        if isinstance(entry, dict):
            assert entry["difference"] == {"value": 0, "low": 0, "high": 0}, name


def test_orders_and_styles_are_compared_with_the_template_that_they_vary() -> None:
    made = [*rows("1111", "0000"), *rows("1100", "1010", wordings=["order=1", "order=2"]), *rows("0011", wordings=["style=(A)"])]
    parts = over_wordings(made, "accuracy", resamples=50, seed=0)["tasks"]["t"]["parts"]
    assert {name: part["num_wordings"] for name, part in parts.items()} == {"templates": 2, "mixture": 2, "orders": 3, "styles": 2}
    assert {name: parts[name]["min"]["tuned"]["value"] for name in ("templates", "orders", "styles")} == {
        "templates": 0,
        "orders": 50,
        "styles": 50,
    }
    assert parts["orders"]["worst"]["tuned"]["value"] == 25  # only the first row is right in all three


def test_wordings_are_compared_on_the_rows_that_were_asked_in_all_of_them() -> None:
    # The last two rows have no other order; the score with them is 50, without them 100, as in the other order.
    made = [*rows("111100"), *rows("1111--", wordings=["order=1"])]
    task = over_wordings(made, "accuracy", resamples=50, seed=0)["tasks"]["t"]
    assert task["parts"]["orders"]["num_examples"] == 4
    assert task["parts"]["orders"]["spread"]["tuned"]["value"] == 0
    assert [round(one["tuned"]["value"], 2) for one in task["wordings"]] == [66.67, 100]
    assert [one["num_examples"] for one in task["wordings"]] == [6, 4]


def test_a_wording_that_few_rows_have_stands_by_itself() -> None:
    task = over_wordings(rows("110011", "110000", "1-----"), "accuracy", resamples=50, seed=0)["tasks"]["t"]
    assert task["parts"]["templates"]["num_wordings"] == 2
    assert task["parts"]["templates"]["num_examples"] == 6
    assert task["wordings"][2]["tuned"] == {"value": 100, "low": 100, "high": 100}


def test_a_row_counts_once_however_many_wordings_it_has() -> None:
    few, many = (over_wordings(rows(*["10"] * count), "accuracy", resamples=400, seed=0) for count in (2, 6))
    assert few["tasks"]["t"]["parts"]["templates"]["mean"] == many["tasks"]["t"]["parts"]["templates"]["mean"]
    # Two rows, one right: 0, 50 or 100, so the interval is all of it, with two wordings as with six.
    assert (few["tasks"]["t"]["parts"]["templates"]["mean"]["tuned"]["low"], few["macro"]["templates"]["mean"]["tuned"]["high"]) == (0, 100)


def test_rows_of_a_group_are_drawn_together() -> None:
    marks = ("1" * 20 + "0" * 20, "1" * 20 + "0" * 20)
    alone = over_wordings(rows(*marks), "accuracy", resamples=400, seed=0)
    together = over_wordings(rows(*marks, groups=["p"] * 20 + ["q"] * 20), "accuracy", resamples=400, seed=0)
    ends = [found["tasks"]["t"]["parts"]["templates"]["median"]["tuned"] for found in (alone, together)]
    assert 30 < ends[0]["low"] < 40
    assert (ends[1]["low"], ends[1]["high"]) == (0, 100)


def test_the_order_of_rows_and_of_wordings_changes_nothing_but_names() -> None:
    made = rows("1101", "1001", "0001")
    there, back = (over_wordings(some, "accuracy", resamples=100, seed=0) for some in (made, made[::-1]))
    assert to_json(there) == to_json(back)
    renamed = [replace(row, template={"a": "c", "b": "a", "c": "b"}[row.template]) for row in made]
    other = over_wordings(renamed, "accuracy", resamples=100, seed=0)["tasks"]["t"]["parts"]["templates"]
    for name, entry in there["tasks"]["t"]["parts"]["templates"].items():
        if isinstance(entry, dict) and name != "spread":
            assert entry["tuned"] == pytest.approx(other[name]["tuned"])


def test_the_mean_over_tasks_counts_tasks_alike() -> None:
    made = [*rows("1111", "0000", task="one"), *rows("11", "11", task="two"), *rows("1", task="three")]
    found = over_wordings(made, "accuracy", resamples=200, seed=0)
    spread, pss = found["macro"]["templates"]["spread"], found["macro"]["templates"]["pss"]
    assert (spread["tuned"]["value"], spread["num_tasks"]) == (50, 2)  # a task of one wording has none
    assert (pss["tuned"]["value"], pss["num_tasks"]) == (50, 2)
    assert found["macro"]["templates"]["mean"]["tuned"]["value"] == pytest.approx((50 + 100 + 100) / 3)
    assert found["tasks"]["three"]["parts"]["templates"]["median"]["tuned"]["note"] == "one row: no interval"
    alone = over_wordings(rows("10", "11"), "accuracy", resamples=50, seed=0)
    assert alone["macro"]["templates"]["median"]["tuned"]["note"] == "one task: only rows were resampled"


def choice(completion: str, right: str, choices: tuple[str, ...], number: int, template: str, **more: Any) -> Prediction:
    return Prediction("t", str(number), template, "", completion, (right,), "stop", 1, choices=choices, **more)


def test_metrics_over_whole_tasks_have_wordings_too() -> None:
    # In `a`: y n y n said, y y n n right: 1 hit, 1 false alarm, 1 miss, F1 50, Matthews 0. In `b` all four are right.
    made = [
        choice(said_, right, ("no", "yes"), n, "a")
        for n, (said_, right) in enumerate(zip(("yes", "no") * 2, ("yes",) * 2 + ("no",) * 2, strict=True))
    ]
    made += [replace(row, template="b", completion=row.references[0]) for row in made]
    f1, accuracy = (over_wordings(made, metric, resamples=50, seed=0) for metric in ("f1_binary", "mcq_accuracy"))
    assert [one["tuned"]["value"] for one in f1["tasks"]["t"]["wordings"]] == pytest.approx([50, 100])
    assert values(f1) == pytest.approx(
        {"mean": 75, "median": 75, "iqr": 25, "min": 50, "max": 100, "spread": 50, "consistency": 50}
    )  # rows have no F1 of their own: no worst, no pss
    assert values(accuracy)["worst"] == 50
    assert values(accuracy)["pss"] == 50
    assert "p" not in f1["tasks"]["t"]["parts"]["templates"]["spread"]["tuned"]


def test_the_positive_class_stays_so_in_other_orders() -> None:
    rows_ = [choice(text, text, ("no", "yes"), number, "a") for number, text in enumerate(("yes", "yes", "no"))]
    other = [replace(row, choices=("yes", "no"), order=(1, 0), wording="order=1", completion="yes") for row in rows_]
    found = over_wordings([*rows_, *other], "f1_binary", resamples=50, seed=0)
    # All right: 100. Always yes, 2 hits and 1 false alarm: 2 * 2 / (3 + 2) = 80, where `no` as the positive class would have 0.
    assert [one["tuned"]["value"] for one in found["tasks"]["t"]["wordings"]] == pytest.approx([100, 80])


def test_the_same_choice_under_another_name_is_the_same_answer() -> None:
    one = choice("(A)", "(A)", ("(A)", "(B)"), 1, "a", options=("yes", "no"))
    other = replace(one, completion="The answer is (B).", options=("no", "yes"), order=(1, 0))
    bullets = replace(one, completion="Yes", choices=("yes", "no"), options=())
    neither = replace(one, completion="both")
    assert [said(row) for row in (one, other, bullets, neither)] == ["choice 0", "choice 0", "choice 0", ""]


def test_what_makes_no_sense_for_a_task_is_left_out_with_the_reason() -> None:
    made = rows("10", "11") + [replace(row, task="u") for row in rows("10", choices=("yes", "no"))]
    made = [replace(row, references=("no",) if row.task == "u" and row.completion != "yes" else row.references) for row in made]
    found = over_wordings(made, "mcq_accuracy", resamples=50, seed=0)
    assert list(found["tasks"]) == ["u"]
    assert found["left_out"] == {"t": "a row without choices (example 000)"}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([], "no predictions"),
        (rows("1") + rows("1"), "hold a row twice"),
        (rows("1", "1"), "1 of 2 rows were not answered by the base model"),
        ([*rows("1"), *rows("1", wordings=["order=1"])], "1 of 2 rows were not answered by the base model"),
        ([replace(rows("1")[0], scores={})], "a row has no score 'accuracy'"),
    ],
)
def test_bad_rows_are_refused(made: list[Prediction], message: str) -> None:
    with pytest.raises(DataError, match=message):
        over_wordings(made, "accuracy", base=rows("1"), resamples=10, seed=0)


def test_the_spread_by_chance_is_that_of_coins() -> None:
    # 100 rows, each right in one of two wordings. Dealt at random, |2 k - 100| points with k of B(100, 1/2): 7.96 on average.
    scores = np.tile([[100.0, 0.0]], (100, 1))
    mean, p = spread_by_chance(scores, draws=4000, seed=0) or (0.0, 0.0)
    assert mean == pytest.approx(7.96, abs=0.3)
    assert p == 1 / 4001
    even = np.vstack([scores[:50], scores[:50, ::-1]])
    assert spread_by_chance(even, draws=99, seed=0) == (pytest.approx(mean, abs=2), 1.0)


def test_p_of_wordings_that_do_not_matter_is_no_more_often_small_than_it_should_be() -> None:
    chance = np.random.default_rng(0)
    small = 0
    for trial in range(400):
        level = chance.random((40, 1))
        found = spread_by_chance(100.0 * (chance.random((40, 4)) < level), draws=99, seed=trial)
        assert found is not None
        small += found[1] <= 0.1
    assert 0.05 < small / 400 < 0.14  # 10 %, with a standard error of 1.5 %


def test_pairs_are_those_of_loops() -> None:
    chance = np.random.default_rng(1)
    scores = chance.integers(0, 3, (7, 5)) * 50.0
    codes = coded([[f"text {score}" if score else "" for score in row] for row in scores])
    scores[0, 1], codes[0, 1] = np.nan, -2
    for row, code, difference, alike in zip(scores, codes, mean_difference(scores), agreement(codes), strict=True):
        pairs = [(i, j) for i in range(5) for j in range(i) if not np.isnan(row[[i, j]]).any()]
        assert difference == pytest.approx(np.mean([abs(row[i] - row[j]) for i, j in pairs]))
        assert alike == pytest.approx(100 * np.mean([row[i] == row[j] and code[i] >= 0 for i, j in pairs]))


def test_the_table_is_plain_json() -> None:
    made = rows("1101", "1001", "0011", held_out=[2])
    found = over_wordings(made, "accuracy", base=made, resamples=50, seed=0)
    assert json.loads(json.dumps(found)) == found
