"""Counted from stored rows: rows of record, answers by rank beside written ones, and the same numbers the second time."""

import json
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.files import to_json
from didact.base.types import Prediction
from didact.evals.counted import counted, of_record
from didact.evals.stored import prediction

CHOICES = ("A", "B")


def row(example: str, completion: str, right: str = "A", **more: Any) -> Prediction:
    said = {"template": "mmlu/canonical", "level": "mmlu", "category": "knowledge", "choices": CHOICES, **more}
    scores = {"exact_match": 100.0 * (completion == right), "accuracy": 100.0 * (completion == right)}
    template = said.pop("template")
    return Prediction("mmlu/anatomy", example, template, "?", completion, (right,), "stop", 1, scores, **said)


def ranked(example: str, completion: str, right: str = "A", **more: Any) -> Prediction:
    place = CHOICES.index(completion)
    return row(example, completion, right, asked="rank", ranked={"sum": 1 - place, "letter": place}, **more)


def manifest(ranks_first: bool = True) -> dict[str, Any]:
    task = {"kind": "mmlu/anatomy", "category": "knowledge", "metric": "accuracy", "metrics": ["accuracy", "mcq_accuracy"]}
    protocol = {"name": "mmlu", "shots": 5, "cot": False, "asked": ["rank"], "norm": "letter", "source": "a paper"}
    one = {"name": "mmlu", "protocol": protocol, "metrics": ["exact_match", "accuracy"], "norm": "letter", "ranks_first": ranks_first}
    return {"seed": 0, "resamples": 50, "sets": [{**one, "absent": {}, "tasks": {"mmlu/anatomy": {**task, "standing": "unseen_category"}}}]}


def test_scores_are_those_of_the_first_wording_and_of_the_way_that_comes_first() -> None:
    rows = [row("1", "B"), row("1", "A", template="mmlu/asked"), ranked("1", "A"), ranked("1", "B", template="mmlu/asked"), row("2", "A")]
    one = manifest()["sets"][0]
    assert [(r.example, r.asked, r.template, r.completion) for r in of_record(rows, one)] == [
        ("1", "rank", "mmlu/canonical", "A"),
        # A row without choices was only answered in writing: it counts too.
        ("2", "generate", "mmlu/canonical", "A"),
    ]
    assert [(r.asked, r.completion) for r in of_record(rows, {**one, "ranks_first": False})] == [("generate", "B"), ("generate", "A")]


def test_accuracy_by_rank_is_told_for_every_norm() -> None:
    base = [ranked(str(n), "B") for n in range(4)]
    tuned = [ranked(str(n), "A" if n < 3 else "B") for n in range(4)]
    found = counted(manifest(), base, tuned)["benchmarks"]["mmlu"]
    # By letter 0 of 4 against 3 of 4; the norm `sum` takes the other choice each time: 4 of 4 against 1 of 4.
    values = {norm: [found["rank"][norm]["overall"][model]["value"] for model in ("base", "tuned")] for norm in ("letter", "sum")}
    assert values == {"letter": [0.0, 75.0], "sum": [100.0, 25.0]}
    assert found["overall"]["accuracy"]["tuned"]["value"] == 75.0
    assert found["chance"]["macro"]["random"] == 50.0
    assert found["of_record"] == "accuracy"


def test_wordings_are_told_where_rows_were_asked_in_several() -> None:
    rows = [ranked(str(n), "A", template=template) for n in range(3) for template in ("mmlu/canonical", "mmlu/asked")]
    worse = [ranked(str(n), "A" if t == "mmlu/canonical" else "B", template=t) for n in range(3) for t in ("mmlu/canonical", "mmlu/asked")]
    found = counted(manifest(), rows, worse)["benchmarks"]["mmlu"]["wordings"]
    # 100 in one wording and 0 in the other.
    assert found["macro"]["templates"]["spread"]["tuned"]["value"] == 100.0
    assert found["macro"]["templates"]["spread"]["base"]["value"] == 0.0
    assert counted(manifest(), rows[::2], worse[::2])["benchmarks"]["mmlu"]["wordings"] == {}


def test_rows_that_were_stored_give_the_same_numbers() -> None:
    base, tuned = [ranked(str(n), "B") for n in range(5)], [ranked(str(n), "A") for n in range(5)]
    first = counted(manifest(), base, tuned)
    again = [[prediction(json.loads(to_json(one))) for one in rows] for rows in (base, tuned)]
    assert again == [base, tuned]
    assert to_json(counted(manifest(), again[0], again[1])) == to_json(first)


def test_rows_of_another_evaluation_are_refused() -> None:
    with pytest.raises(DataError, match="no rows of mmlu"):
        counted(manifest(), [], [])
