"""One number for many tasks: the GLUE and the SuperGLUE score, and the normalised average of the Flan 2022 evaluation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from didact.base.errors import DataError, did_you_mean

Scores = Mapping[str, Mapping[str, float]]
"""Task to metric to points."""

ACCURACY = ("mcq_accuracy", "accuracy", "exact_match")
"""What counts as a task's accuracy: the first of these that it has."""
GLUE: Mapping[str, tuple[str, ...]] = {
    "cola": ("matthews",),
    "sst2": ("accuracy",),
    "mrpc": ("f1_binary", "accuracy"),
    "qqp": ("f1_binary", "accuracy"),
    "stsb": ("pearson", "spearman"),
    "mnli": ("accuracy",),
    "qnli": ("accuracy",),
    "rte": ("accuracy",),
    "wnli": ("accuracy",),
}
"""GLUE's tasks and the metrics whose mean is a task's score. `ax` is a diagnostic: it is no part of the score."""
SUPERGLUE: Mapping[str, tuple[str, ...]] = {
    "boolq": ("accuracy",),
    "cb": ("f1_macro", "accuracy"),
    "copa": ("accuracy",),
    "multirc": ("multirc_f1a", "multirc_em"),
    "record": ("record_f1", "record_em"),
    "rte": ("accuracy",),
    "wic": ("accuracy",),
    "wsc": ("accuracy",),
}
"""SuperGLUE's tasks and metrics. `axb` and `axg` are diagnostics: they are no part of the score."""
SUITES: Mapping[str, Mapping[str, tuple[str, ...]]] = {"glue": GLUE, "superglue": SUPERGLUE}


def suite_score(suite: str, scores: Scores, without: Sequence[str] = ()) -> float:
    """Returns the score of GLUE or SuperGLUE: the mean over tasks, the metrics of a task averaged first.

    GLUE's leaderboard counts WNLI; many papers on single models leave it out (`without=["wnli"]`), so say which. MNLI is judged
    on two sets: `mnli` and `mnli_mismatched` are averaged first where both are given. Diagnostics (`ax`, `axb`, `axg`) never
    count; further tasks and metrics are passed over.

    Args:
        suite: `glue` or `superglue`.
        scores: Task to metric to points; `glue/cola` is `cola` too.
        without: Tasks that do not count.

    Raises:
        DataError: No such suite, or a task or one of its metrics is missing.

    Source: Wang et al. (2018), GLUE, arXiv 1804.07461, section 3; Wang et al. (2019), SuperGLUE, arXiv 1905.00537, section 4.

    CB counts as (90 + 80) / 2 = 85, so two tasks have the mean (85 + 65) / 2:

    >>> scores = {"cb": {"f1_macro": 90.0, "accuracy": 80.0}, "copa": {"accuracy": 65.0}}
    >>> suite_score("superglue", scores, without=["boolq", "multirc", "record", "rte", "wic", "wsc"])
    75.0
    """
    if suite not in SUITES:
        raise DataError(f"no suite named '{suite}'", expected=did_you_mean(suite, SUITES))
    known = {name.removeprefix(f"{suite}/"): metrics for name, metrics in scores.items()}
    tasks = {name: metrics for name, metrics in SUITES[suite].items() if name not in without}
    unknown = [name for name in without if name not in SUITES[suite]]
    missing = [name for name in tasks if name not in known]
    if missing or unknown or not tasks:
        what = f"{suite} has no task '{unknown[0]}'" if unknown else f"no score of {', '.join(missing) or 'any task'}"
        raise DataError(what, where=suite, expected=", ".join(SUITES[suite]), remedy="leave tasks out by name: without=[...]")
    return math.fsum(_task_score(name, metrics, known, suite) for name, metrics in tasks.items()) / len(tasks)


def suite_scores(scores: Scores) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Returns the score of every suite whose tasks are all there, and the tasks that it goes without: WNLI where it is missing.

    Args:
        scores: Task to metric to points; the tasks are called by the suite's name and their own: `glue/cola`.

    >>> copa = {"superglue/copa": {"accuracy": 65.0}}
    >>> suite_scores(copa), suite_scores({f"superglue/{name}": dict.fromkeys(metrics, 50.0) for name, metrics in SUPERGLUE.items()})
    ({}, {'superglue': (50.0, ())})
    """
    found: dict[str, tuple[float, tuple[str, ...]]] = {}
    for suite, tasks in SUITES.items():
        known = {name.removeprefix(f"{suite}/"): metrics for name, metrics in scores.items() if name.startswith(f"{suite}/")}
        missing = tuple(name for name in tasks if name not in known)
        if missing in ((), ("wnli",)):
            found[suite] = (suite_score(suite, known, missing), missing)
    return found


def _task_score(name: str, metrics: Sequence[str], known: Scores, suite: str) -> float:
    found = []
    for table in (known[name], *([known["mnli_mismatched"]] if name == "mnli" and "mnli_mismatched" in known else [])):
        for metric in metrics:
            value = next((table[other] for other in (ACCURACY if metric == "accuracy" else (metric,)) if other in table), None)
            if value is None:
                raise DataError(
                    f"no {metric} of {name}", where=suite, expected=f"its metrics: {', '.join(table)}", remedy=f"{suite}/{name}"
                )
            found.append(value)
    return math.fsum(found) / len(found)


@dataclass(frozen=True, slots=True)
class Part:
    """One of the scores that a normalised average is made of."""

    score: float
    """Points, the mean over its tasks."""
    random: float = 0.0
    """What random answers would score, the mean over its tasks; 0 for free answers."""

    @property
    def normalised(self) -> float:
        """0 for random answers, 100 for right ones; worse than random is negative.

        >>> Part(25.0, 25.0).normalised, Part(100.0, 25.0).normalised, Part(10.0, 25.0).normalised
        (0.0, 100.0, -20.0)
        """
        return 100 * (self.score - self.random) / (100 - self.random)
