"""Golden rows: metrics of whole tasks on stored predictions, by hand and against scikit-learn and scipy; what suites are made of."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from scipy import stats

from didact.base.types import Prediction
from didact.evals.task_level import compare_with_tasks
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.referents import wsc_label
from didact.tasks.suites import ACCURACY, SUITES

LABELS = ("False", "True")


def predictions(
    said: Sequence[str], gold: Sequence[str], choices: tuple[str, ...] = LABELS, groups: Sequence[str] = ()
) -> list[Prediction]:
    return [
        Prediction("t", str(i), "x/y", "", a, (b,), "stop", 1, choices=choices, group=groups[i] if groups else "")
        for i, (a, b) in enumerate(zip(said, gold, strict=True))
    ]


def scored(metric: str, rows: Sequence[Prediction]) -> dict[str, Any]:
    """Returns a metric as an evaluation writes it: its value, its interval, and what was not read."""
    table = compare_with_tasks(None, rows, (), {"t": (metric,)}, resamples=20, seed=0)
    assert "left_out" not in table, table["left_out"]
    entry: dict[str, Any] = table["tasks"]["t"][metric]["tuned"]
    return entry


def value(metric: str, rows: Sequence[Prediction]) -> float:
    return float(scored(metric, rows)["value"])


# --- by hand


def test_one_wrong_answer_of_a_question_of_multirc_leaves_nothing_of_its_em() -> None:
    right, groups = ["True", "False", "True"], ["q"] * 3
    assert value("multirc_em", predictions(right, right, groups=groups)) == 100
    assert value("multirc_em", predictions(["True", "True", "True"], right, groups=groups)) == 0
    # F1a of the same rows: 2 hits, 1 false alarm: 4 / 5.
    assert value("multirc_f1a", predictions(["True", "True", "True"], right, groups=groups)) == pytest.approx(80)


def test_parity_of_axg_is_100_where_both_halves_are_wrong_alike() -> None:
    choices, gold = ("entailment", "not_entailment"), ["entailment", "entailment"]
    both_wrong = predictions(["not_entailment"] * 2, gold, choices, groups=["p", "p"])
    assert (value("gender_parity", both_wrong), value("mcq_accuracy", both_wrong)) == (100, 0)
    one_wrong = predictions(["not_entailment", "entailment"], gold, choices, groups=["p", "p"])
    assert (value("gender_parity", one_wrong), value("mcq_accuracy", one_wrong)) == (0, 50)


def test_bob_is_not_bobs_hat() -> None:
    assert wsc_label("Bob", "Bob's hat") == 0
    assert (wsc_label("Bob", "Bob"), wsc_label("the Bob", "bob"), wsc_label("", "Bob")) == (1, 1, -1)


@pytest.mark.parametrize("gold", LABELS)
@pytest.mark.parametrize("metric", ["f1_binary", "multirc_f1a", "mcq_accuracy"])
def test_an_invalid_answer_is_worth_the_same_row_answered_wrong(metric: str, gold: str) -> None:
    said, right = ["True", "True", "False", "False"], ["True", "False", "False", "True"]
    wrong = {"False": "True", "True": "False"}[gold]
    invalid, other = (predictions([*said, last], [*right, gold]) for last in ("neither", wrong))
    assert scored(metric, invalid)["value"] == scored(metric, other)["value"]
    assert (scored(metric, invalid)["num_unparsed"], scored(metric, other)["num_unparsed"]) == (1, 0)


# --- against what people trust


@pytest.mark.parametrize("seed", range(3))
def test_label_metrics_of_an_evaluation_are_scikit_learns(seed: int) -> None:
    learn = pytest.importorskip("sklearn.metrics")
    chance, choices = Random(seed), ("entailment", "contradiction", "neutral")
    gold = [chance.choice(choices) for _ in range(70)]
    said = [label if chance.random() < 0.6 else chance.choice((*choices, "no idea")) for label in gold]
    rows = predictions(said, gold, choices)
    assert value("mcq_accuracy", rows) == pytest.approx(100 * learn.accuracy_score(gold, said))
    assert value("f1_macro", rows) == pytest.approx(100 * learn.f1_score(gold, said, labels=choices, average="macro", zero_division=0))
    assert value("matthews", rows) == pytest.approx(100 * learn.matthews_corrcoef(gold, said))
    assert scored("f1_macro", rows)["num_unparsed"] == said.count("no idea")
    two = [row for row in rows if row.references[0] != "neutral" and row.completion in choices[:2]]
    first_two = predictions([row.completion for row in two], [row.references[0] for row in two], choices[:2])
    expected = learn.f1_score([row.references[0] for row in two], [row.completion for row in two], pos_label="contradiction")
    assert value("f1_binary", first_two) == pytest.approx(100 * expected)


@pytest.mark.parametrize(("metric", "reference"), [("pearson", stats.pearsonr), ("spearman", stats.spearmanr)])
def test_correlations_of_an_evaluation_are_scipys(metric: str, reference: Any) -> None:
    chance = Random(4)
    gold = [round(5 * chance.uniform(0, 5)) / 5 for _ in range(60)]
    said = [min(5.0, max(0.0, round(5 * (x + chance.gauss(0, 1))) / 5)) for x in gold]
    rows = predictions([f"{x:.1f}" for x in said[:-1]] + ["quite alike"], [f"{x:.1f}" for x in gold], ())
    assert value(metric, rows) == pytest.approx(100 * reference(gold, [*said[:-1], -1.0])[0])
    assert scored(metric, rows)["num_unparsed"] == 1


# --- what suites are made of


@pytest.mark.parametrize("suite", SUITES)
def test_every_task_of_a_suite_is_a_benchmark_with_all_metrics_of_its_score(suite: str) -> None:
    for task, metrics in SUITES[suite].items():
        own = set(BENCHMARKS[f"{suite}/{task}"].metrics)
        lacking = [metric for metric in metrics if not own & set(ACCURACY if metric == "accuracy" else (metric,))]
        # WSC is judged by the referent that is named or by its label; both are there.
        assert lacking == [], f"{suite}/{task} names {sorted(own)}"


def test_what_is_in_no_suites_score_is_a_diagnostic_with_its_own_metric() -> None:
    beside = {name for suite, tasks in SUITES.items() for name in matching(suite) if name.partition("/")[2] not in tasks}
    assert {name: BENCHMARKS[name].metrics[0] for name in sorted(beside)} == {
        "glue/ax": "matthews",
        "superglue/axb": "matthews",
        "superglue/axg": "accuracy",
    }
    assert "gender_parity" in BENCHMARKS["superglue/axg"].metrics
