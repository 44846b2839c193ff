"""GLUE and SuperGLUE scores and the normalised average, by hand and against printed rows."""

import pytest

from didact.base.errors import DataError
from didact.tasks.set_metrics import metric_named
from didact.tasks.suites import ACCURACY, GLUE, SUPERGLUE, Part, suite_score, suite_scores

GLUE_SCORES = {
    "cola": {"matthews": 60.0},
    "sst2": {"accuracy": 90.0},
    "mrpc": {"f1_binary": 90.0, "accuracy": 80.0},  # 85
    "qqp": {"f1_binary": 70.0, "accuracy": 80.0},  # 75
    "stsb": {"pearson": 88.0, "spearman": 86.0},  # 87
    "mnli": {"accuracy": 84.0},
    "qnli": {"accuracy": 91.0},
    "rte": {"accuracy": 68.0},
    "wnli": {"accuracy": 65.0},
}


def test_metrics_of_a_task_are_averaged_before_tasks() -> None:
    # 60 + 90 + 85 + 75 + 87 + 84 + 91 + 68 + 65 = 705; 705 / 9 = 78.33..., not the mean of the twelve numbers.
    assert suite_score("glue", GLUE_SCORES) == pytest.approx(705 / 9)


def test_wnli_is_left_out_where_one_says_so_and_diagnostics_never_count() -> None:
    assert suite_score("glue", GLUE_SCORES, without=["wnli"]) == 640 / 8
    assert suite_score("glue", {**GLUE_SCORES, "ax": {"matthews": -50.0}}) == suite_score("glue", GLUE_SCORES)


def test_mnli_is_the_mean_of_its_two_sets() -> None:
    both = {**GLUE_SCORES, "mnli_mismatched": {"accuracy": 86.0}}
    assert suite_score("glue", both) - suite_score("glue", GLUE_SCORES) == pytest.approx(1 / 9)  # 85 instead of 84


def test_superglue_is_known_by_the_names_of_its_tasks_in_a_collection() -> None:
    scores = {f"superglue/{name}": dict.fromkeys(metrics, 50.0) for name, metrics in SUPERGLUE.items()}
    scores["superglue/multirc"] = {"multirc_f1a": 70.0, "multirc_em": 20.0}  # 45
    assert suite_score("superglue", scores) == pytest.approx((7 * 50 + 45) / 8)
    scores["superglue/copa"] = {"mcq_accuracy": 58.0, "exact_match": 3.0}  # the first kind of accuracy that there is
    assert suite_score("superglue", scores) == pytest.approx((6 * 50 + 45 + 58) / 8)


def test_a_suite_has_a_score_once_all_its_tasks_are_there_and_wnli_may_be_missing() -> None:
    glue = {f"glue/{name}": scores for name, scores in GLUE_SCORES.items()}
    assert suite_scores(glue) == {"glue": (pytest.approx(705 / 9), ())}
    assert suite_scores({name: scores for name, scores in glue.items() if name != "glue/wnli"}) == {"glue": (80.0, ("wnli",))}
    assert suite_scores({name: scores for name, scores in glue.items() if name != "glue/rte"}) == {}


def test_what_is_missing_is_named() -> None:
    with pytest.raises(DataError, match="no score of rte, wnli"):
        suite_score("glue", {name: scores for name, scores in GLUE_SCORES.items() if name not in ("rte", "wnli")})
    with pytest.raises(DataError, match="no f1_binary of mrpc"):
        suite_score("glue", {**GLUE_SCORES, "mrpc": {"accuracy": 80.0}})
    with pytest.raises(DataError, match="glue has no task 'copa'"):
        suite_score("glue", GLUE_SCORES, without=["copa"])
    with pytest.raises(DataError, match=r"(?s)no suite named 'superglu'.*did you mean 'superglue'"):
        suite_score("superglu", {})


def test_every_metric_of_a_suite_is_one_that_there_is() -> None:
    for metric in {metric for suite in (GLUE, SUPERGLUE) for metrics in suite.values() for metric in metrics} | set(ACCURACY):
        assert callable(metric_named(metric))


def test_chance_is_nothing_and_below_chance_is_negative() -> None:
    assert Part(25, 25).normalised == 0
    assert Part(24.25, 25).normalised == pytest.approx(-1)  # -0.75 of 75
    assert Part(0).normalised == 0
