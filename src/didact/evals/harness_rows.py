"""Rows of lm-eval as rows of ours: what was asked, what came, and what that library says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import commonprefix
from typing import Any

from didact.base.types import Prediction
from didact.evals.options import likeliest

INVALID = "[invalid]"
"""What a filter of lm-eval gives where it finds nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a task of lm-eval, answered by one model."""

    task: str
    doc: str
    """Its number among the task's rows."""
    kind: str
    """`multiple_choice`, `loglikelihood`, `loglikelihood_rolling` or `generate_until`."""
    prompts: tuple[str, ...]
    """What stood before each thing that was asked about."""
    behind: tuple[str, ...]
    """What was asked about, to the character."""
    choices: tuple[str, ...]
    right: tuple[int, ...]
    """Places of the right choices."""
    targets: tuple[str, ...]
    answers: tuple[Any, ...]
    """(log-probability, greedy) of each thing asked about, a log-probability, or a text."""
    filtered: Mapping[str, Any]
    """Filter to what it makes of the first answer."""
    metrics: Mapping[str, Any]
    """Metric to the row's part of it; behind a comma its filter, where there are several."""
    num_cut: int = 0
    """Tokens that the prompt lost."""
    written: Any = None
    """How a written answer ended."""


def scaled(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Returns of each task the metrics that every row has a number of, with the factor that brings them to points.

    The library's shares lie between 0 and 1, and some of its metrics are points already: those with a value above 1 anywhere.

    Args:
        samples: Rows of all models.

    >>> one = Sample("t", "0", "multiple_choice", ("Q",), ("a",), ("a",), (0,), ("0",), ((-1.0, True),), {}, {"acc": 1.0, "bleu": (1, 2)})
    >>> scaled([one, replace(one, metrics={"acc": 0.0, "bleu": (3, 4)})])
    {'t': {'acc': 100.0}}
    """
    found: dict[str, dict[str, list[float]]] = {}
    counts: dict[str, int] = {}
    for sample in samples:
        counts[sample.task] = counts.get(sample.task, 0) + 1
        for metric, value in sample.metrics.items():
            if isinstance(value, int | float) and float("-inf") < value < float("inf"):
                found.setdefault(sample.task, {}).setdefault(metric, []).append(float(value))
    return {
        task: {m: 100.0 if max(v) <= 1 else 1.0 for m, v in metrics.items() if len(v) == counts[task] and min(v) >= 0 and max(v) <= 100}
        for task, metrics in found.items()
    }


def prediction(sample: Sample, level: str, scores: Mapping[str, float]) -> Prediction:
    """Returns a row of ours.

    Args:
        sample: The row, answered.
        level: The name of its set.
        scores: Metric to the factor that brings it to points.

    >>> one = Sample("arc", "0", "multiple_choice", ("Q: a sea? A:",) * 2, (" a lake", " the Dead Sea"), ("a lake", "the Dead Sea"), (1,),
    ...     ("1",), ((-6.0, False), (-9.0, False)), {}, {"acc": 0.0, "acc_norm": 1.0})
    >>> row = prediction(one, "lm_eval:arc", {"acc": 100.0, "acc_norm": 100.0})  # by characters: -6/6 and -9/12
    >>> row.completion, dict(row.ranked), row.references, dict(row.scores)
    ('a lake', {'sum': 0, 'per_byte': 1, 'per_character': 1}, ('the Dead Sea',), {'acc': 0.0, 'acc_norm': 100.0})
    """
    row = Prediction(
        f"lm_eval/{sample.task}",
        sample.doc,
        "lm_eval",
        sample.prompts[0],
        "",
        sample.targets,
        "stop",
        0,
        scores={metric: factor * float(sample.metrics[metric]) for metric, factor in scores.items()},
        level=level,
        faults=("truncated",) if sample.num_cut else (),
    )
    if sample.kind == "multiple_choice":
        return _chosen(row, sample)
    if sample.kind == "generate_until":
        return _written(row, sample)
    value, greedy = sample.answers[0] if isinstance(sample.answers[0], tuple | list) else (sample.answers[0], False)
    return replace(row, completion=sample.behind[0].strip() if greedy else "", asked="rank", logprobs=(float(value),))


def _chosen(row: Prediction, sample: Sample) -> Prediction:
    """Returns a row whose likeliest choice is its answer. Behind the choices may stand the same ones without a question."""
    sums = [float(value) for value, _ in sample.answers[: len(sample.choices)]]
    sizes = {
        "sum": [1] * len(sums),
        "per_byte": [len(choice.encode()) for choice in sample.choices],
        "per_character": [len(choice) for choice in sample.choices],
    }
    ranked = {norm: likeliest([s / max(n, 1) for s, n in zip(sums, by, strict=True)])[0] for norm, by in sizes.items()}
    return replace(
        row,
        prompt=commonprefix(sample.prompts[: len(sample.choices)]),  # noqa: RUF071  of texts; each choice may have its own
        completion=sample.choices[ranked["sum"]],
        references=tuple(sample.choices[place] for place in sample.right),
        choices=sample.choices,
        asked="rank",
        ranked=ranked,
        logprobs=tuple(sums),
    )


def _written(row: Prediction, sample: Sample) -> Prediction:
    """Returns a row with what was written; what the first filter that finds something makes of it is the answer that is judged."""
    text, written = str(sample.answers[0]), sample.written
    found = {name: value for name, value in sample.filtered.items() if isinstance(value, str) and value not in (INVALID, "")}
    name, answer = next(iter(found.items()), ("", ""))
    read = answer if answer.strip() != text.strip() else ""
    # A right answer that is worded otherwise (a number out of "... #### 18") stands beside the target.
    right = any(value == 100 for value in row.scores.values()) and bool(answer) and answer not in row.references
    faults = {
        "unparsed": bool(text.strip()) and not found,
        "truncated": bool(sample.num_cut),
        "empty": not text.strip(),
        "no_stop": written is not None and written.stop == "length",
    }
    return replace(
        row,
        completion=text,
        answer=read,
        extractor=name if found and name != "none" else "whole" if found else "",
        references=(*row.references, answer) if right else row.references,
        stop="length" if faults["no_stop"] else "stop",
        num_tokens=written.num_tokens if written is not None else 0,
        faults=tuple(fault for fault, here in faults.items() if here),
    )
