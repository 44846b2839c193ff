"""The three levels by hand: what a task is to the training, and two means that are never mixed."""

import pytest

from didact.evals.three_levels import HOW, standings, three_levels
from didact.tasks.task import Task

SEEN = [
    Task("snli", (), kind="snli", categories=("entailment",)),
    Task("cb", (), kind="superglue/cb", categories=("entailment",)),
    Task("say", ()),
]


def entry(base: float, tuned: float, rows: int) -> dict:
    return {"num_examples": rows, "base": {"value": base}, "tuned": {"value": tuned}}


def about(standing: str, metric: str = "accuracy") -> dict:
    return {"standing": standing, "metric": metric, "metrics": [metric]}


def test_a_task_is_seen_new_or_of_a_new_category() -> None:
    tasks = [
        Task("superglue/cb", (), kind="superglue/cb", categories=("entailment",)),
        Task("superglue/rte", (), kind="superglue/rte", categories=("entailment",)),
        Task("superglue/copa", (), kind="superglue/copa", categories=("common_sense",)),
    ]
    found = standings(tasks, "superglue", SEEN)
    assert list(found.values()) == ["seen_task", "unseen_task", "unseen_category"]
    # Rows that were kept of a trained task are of a seen task, whatever their category.
    assert standings([SEEN[2]], "held_in", SEEN) == {"say": "seen_task"}
    assert standings([Task("x", (), level="unseen_family")], "unseen_family", SEEN) == {"x": "unseen_category"}


def test_macro_counts_tasks_and_micro_counts_rows() -> None:
    tables = {"bbh": {"tasks": {"a": {"accuracy": entry(0.0, 100.0, 30)}, "b": {"accuracy": entry(40.0, 20.0, 10)}}}}
    sets = [{"name": "bbh", "tasks": {"a": about("unseen_category"), "b": about("unseen_category")}}]
    found = three_levels(tables, sets, resamples=50, seed=0)
    new = found["unseen_category"]
    # Macro: (0 + 40) / 2 and (100 + 20) / 2. Micro: (30·0 + 10·40) / 40 and (30·100 + 10·20) / 40.
    assert (new["macro"]["base"]["value"], new["macro"]["tuned"]["value"]) == (20.0, 60.0)
    assert (new["micro"]["base"]["value"], new["micro"]["tuned"]["value"]) == (10.0, 80.0)
    assert new["micro"]["difference"]["value"] == pytest.approx(70.0)
    assert (new["num_tasks"], new["num_rows"]) == (2, 40)


def test_a_level_without_tasks_says_how_to_get_some() -> None:
    found = three_levels({}, [], resamples=10, seed=0)
    assert {level: table["missing"] for level, table in found.items()} == HOW


def test_a_task_that_two_sets_ask_about_counts_once() -> None:
    tables = {name: {"tasks": {"a": {"accuracy": entry(0.0, value, 10)}}} for name, value in (("unseen", 50.0), ("superglue", 90.0))}
    sets = [{"name": name, "tasks": {"a": about("unseen_task")}} for name in tables]
    found = three_levels(tables, sets, resamples=10, seed=0)["unseen_task"]
    assert (found["num_tasks"], found["macro"]["tuned"]["value"]) == (1, 50.0)
