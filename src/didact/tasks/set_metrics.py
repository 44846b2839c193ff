"""Metrics over a whole task: functions of all its judged rows, where no mean over rows would do, or where unread answers count apart.

matthews         correlation of labels (CoLA, AX, AX-b)
f1_binary        F1 of the second of two choices (MRPC, QQP)
f1_macro         mean F1 over all choices (CB)
pearson          correlation of numbers (STS-B)
spearman         correlation of their ranks (STS-B)
multirc_f1a      F1 over all answers of all questions (MultiRC)
multirc_em       questions whose every answer is judged rightly (MultiRC)
gender_parity    pairs that got the same answer (AX-g)
record_f1        words in common with the best answer (ReCoRD)
record_em        equal to one of the answers (ReCoRD)
squad_f1         words in common with the best answer (SQuAD, XQuAD, TyDiQA)
squad_em         equal to one of the answers (SQuAD, XQuAD, TyDiQA)
mcq_accuracy     the right choice, by its text or its item name
bleu             words in common, one to four at a time, over all rows (WMT)

ifeval_prompt_strict, ifeval_prompt_loose              prompts all of whose instructions are followed (IFEval)
ifeval_instruction_strict, ifeval_instruction_loose    instructions that are followed (IFEval)
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from didact.base.errors import RecipeError, did_you_mean
from didact.base.registry import Registry
from didact.tasks.judged import Judged, Points, share
from didact.tasks.metrics import METRICS, Metric, squad_match, token_f1

SetMetric = Callable[[Sequence[Judged]], Points]
"""`metric(rows)`: points of the task, as a number that can be counted again over other draws of its rows."""


def squad_f1(rows: Sequence[Judged]) -> Points:
    """Returns the mean over rows of the F1 of words in common with the best reference; see `token_f1`.

    Source: Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250, evaluation script.

    Two of three given words are among the two expected: precision 2/3, recall 1, F1 4/5.

    >>> squad_f1([Judged("in red Paris", ("London", "Red Paris."))])
    80.0
    """
    return Points(share(np.array([token_f1(row.completion, row.references) for row in rows]) / 100), len(rows))


def squad_em(rows: Sequence[Judged]) -> Points:
    """Returns the share of rows equal to a reference but for case, punctuation, white space and the articles a, an, the.

    Source: Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250, evaluation script.

    >>> squad_em([Judged("The Paris.", ("paris",)), Judged("in Paris", ("paris",))])
    50.0
    """
    return Points(share(np.array([squad_match(row.completion, row.references) for row in rows]) / 100), len(rows))


def record_f1(rows: Sequence[Judged]) -> Points:
    """Returns ReCoRD's F1: the best over a query's answers of SQuAD's F1, the mean over queries; one row for each query.

    Source: Zhang et al. (2018), ReCoRD, arXiv 1810.12885, section 5.

    >>> record_f1([Judged("Barack Obama", ("Obama", "Barack Obama")), Judged("Paris", ("France",))])
    50.0
    """
    return squad_f1(rows)


def record_em(rows: Sequence[Judged]) -> Points:
    """Returns ReCoRD's EM: the share of queries answered with one of their answers, as SQuAD compares them.

    Source: Zhang et al. (2018), ReCoRD, arXiv 1810.12885, section 5.

    >>> record_em([Judged("the Barack Obama", ("Obama", "Barack Obama")), Judged("Obama B.", ("Obama",))])
    50.0
    """
    return squad_em(rows)


SET_METRICS: Registry[SetMetric] = Registry(
    "metric",
    {
        "matthews": "didact.tasks.label_metrics:matthews",
        "f1_binary": "didact.tasks.label_metrics:f1_binary",
        "f1_macro": "didact.tasks.label_metrics:f1_macro",
        "pearson": "didact.tasks.number_metrics:pearson",
        "spearman": "didact.tasks.number_metrics:spearman",
        "multirc_f1a": "didact.tasks.label_metrics:multirc_f1a",
        "multirc_em": "didact.tasks.label_metrics:multirc_em",
        "gender_parity": "didact.tasks.label_metrics:gender_parity",
        "record_f1": record_f1,
        "record_em": record_em,
        "squad_f1": squad_f1,
        "squad_em": squad_em,
        "bleu": "didact.tasks.translation_metrics:bleu",
        "mcq_accuracy": "didact.tasks.label_metrics:mcq_accuracy",
        "ifeval_prompt_strict": "didact.tasks.ifeval.scores:prompt_strict",
        "ifeval_instruction_strict": "didact.tasks.ifeval.scores:instruction_strict",
        "ifeval_prompt_loose": "didact.tasks.ifeval.scores:prompt_loose",
        "ifeval_instruction_loose": "didact.tasks.ifeval.scores:instruction_loose",
    },
)
"""Every metric over a whole task that a recipe or a task can name."""


def metric_named(name: str) -> Metric | SetMetric:
    """Returns a metric of either kind.

    Raises:
        RecipeError: There is none of this name; the nearest of both kinds is shown.

    >>> metric_named("matthews") is SET_METRICS["matthews"], metric_named("accuracy") is METRICS["accuracy"]
    (True, True)
    """
    if name in SET_METRICS:
        return SET_METRICS[name]
    if name in METRICS:
        return METRICS[name]
    raise RecipeError(f"no metric named '{name}'", expected=did_you_mean(name, [*METRICS, *SET_METRICS]), remedy="didact ls metrics")


def over_rows(names: Iterable[str]) -> tuple[str, ...]:
    """Returns those of the metrics that give every row a score of its own.

    >>> over_rows(("rouge_l", "matthews"))
    ('rouge_l',)
    """
    return tuple(name for name in names if name not in SET_METRICS)


def over_tasks(names: Iterable[str]) -> tuple[str, ...]:
    """Returns those of the metrics that are functions of all rows of a task.

    >>> over_tasks(("rouge_l", "matthews"))
    ('matthews',)
    """
    return tuple(name for name in names if name in SET_METRICS)
