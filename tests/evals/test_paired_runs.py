"""Two runs meet on the rows they share; what only one has is counted, and other prompts are not compared in silence."""

from dataclasses import replace

import pytest

from didact.base.errors import DataError
from didact.base.files import to_json
from didact.base.types import Prediction
from didact.evals.paired_runs import paired_runs
from didact.evals.statistics import compare


def answers(right: str, task: str = "t", level: str = "unseen") -> list[Prediction]:
    """`+` is a right answer, `-` a wrong one."""
    return [
        Prediction(task, f"{i}", "direct", f"prompt {i}", "yes", ("yes",), "stop", 1, {"accuracy": 100.0 * (mark == "+")}, "qa", level)
        for i, mark in enumerate(right)
    ]


def test_shared_rows_are_compared_and_the_others_counted() -> None:
    first, second = answers("--+-+-"), [*answers("+++-"), *answers("++", task="only here")]
    found = paired_runs(first, second, ("a", "b"), resamples=99)
    assert (found["runs"], found["num_shared"]) == (["a", "b"], 4)
    assert found["num_only"] == {"a": 2, "b": 2}
    assert found["tasks_only"] == {"a": {"t": 2}, "b": {"only here": 2}}
    entry = found["levels"]["unseen"]["overall"]["accuracy"]
    assert (entry["base"]["value"], entry["tuned"]["value"], entry["difference"]["value"]) == (25, 75, 50)
    assert (entry["wins"], entry["losses"], entry["ties"]) == (2, 0, 2)
    assert found["levels"]["unseen"]["tasks"]["t"]["accuracy"]["ties"] == 2
    assert to_json(found)


def test_the_table_is_that_of_compare() -> None:
    first, second = answers("--+-+-"), answers("+++-+-")
    table, found = compare(first, second, ["accuracy"], resamples=99, seed=0), paired_runs(first, second, resamples=99)["levels"]["unseen"]
    assert found["overall"]["accuracy"].items() >= table["overall"]["accuracy"].items()
    assert found["regressions"] == table["regressions"]


def test_levels_and_ways_of_asking_stay_apart() -> None:
    ranked = [
        replace(row, asked="rank", scores={}, choices=("no", "yes"), ranked={"sum": i % 2, "pmi": 1}) for i, row in enumerate(answers("--"))
    ]
    first = [*answers("++"), *answers("--", "old", "held_in"), *ranked]
    second = [*answers("+-"), *answers("+-", "old", "held_in"), *ranked]
    found = paired_runs(first, second, resamples=99)
    assert {name: table["num_examples"] for name, table in found["levels"].items()} == {"unseen": 2, "held_in": 2, "unseen, by rank": 2}
    by_rank = found["levels"]["unseen, by rank"]["overall"]
    assert {name: entry["tuned"]["value"] for name, entry in by_rank.items()} == {"accuracy_sum": 50, "accuracy_pmi": 100}


def test_a_wording_is_compared_with_the_same_wording_only() -> None:
    first = [replace(row, wording="order=1") for row in answers("+")]
    with pytest.raises(DataError, match="the two share no rows"):
        paired_runs(first, answers("+"))


def test_other_prompts_are_refused_or_counted() -> None:
    first = answers("++--")
    second = [replace(row, prompt="Q: " + row.prompt) if row.example == "2" else row for row in first]
    with pytest.raises(DataError, match=r"(?s)1 of 4 shared rows were asked in other words.*example 2"):
        paired_runs(first, second)
    assert paired_runs(first, second, other_prompts=True, resamples=9)["num_other_prompts"] == 1


def test_rows_that_moved_are_counted_and_rows_given_twice_refused() -> None:
    found = paired_runs(answers("+-", level="held_in"), answers("+-"), resamples=9)
    assert (found["num_moved"], list(found["levels"])) == (2, ["unseen"])
    with pytest.raises(DataError, match="the predictions of b hold a row twice"):
        paired_runs(answers("+"), [*answers("+"), *answers("+")], ("a", "b"))


def test_a_run_against_itself_has_two_names() -> None:
    found = paired_runs(answers("+-"), answers("+-"), ("a", "a"), resamples=9)
    assert found["runs"] == ["a (1)", "a (2)"]
    assert found["num_only"] == {"a (1)": 0, "a (2)": 0}


def test_levels_without_a_metric_for_all_rows_are_told() -> None:
    odd = [replace(row, scores={}) for row in answers("+", "odd", "held_in")]
    found = paired_runs([*answers("+"), *odd], [*answers("+"), *odd], resamples=9)
    assert (found["without_scores"], list(found["levels"])) == ({"held_in": 1}, ["unseen"])
    with pytest.raises(DataError, match="no metric"):
        paired_runs(odd, odd)
