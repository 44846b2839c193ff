"""Rows of a benchmark as a head on an encoder sees them: one or two texts for each score, and the right class, option or number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.judged import group_of
from didact.tasks.number_metrics import parsed
from didact.tasks.task import Task

Kind = Literal["labels", "options", "number"]
"""`labels`: the same classes for all rows; `options`: each row has its own, and each gets a score; `number`: a regression."""
Texts = tuple[str, str]
"""The two segments of a sequence; the second may be empty."""
COPA_QUESTIONS: Mapping[str, str] = {"cause": "What was the cause?", "effect": "What happened as a result?"}


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One row to be trained with or judged on."""

    example: Example
    texts: tuple[Texts, ...]
    """What is read for each score: one pair of segments, or one for each option."""
    gold: float
    """The place of the right class or option, or the right number."""
    group: str = ""
    """Rows of one group are judged and drawn together."""


def kind_of(task: Task) -> Kind:
    """Returns what a head has to say for a benchmark's rows.

    Raises:
        DataError: Its answers are free text.

    >>> kind_of(Task("sentiment", (), kind="glue/sst2")), kind_of(Task("alike", (), kind="glue/stsb"))
    ('labels', 'number')
    """
    benchmark = BENCHMARKS[task.kind]
    if benchmark.choices:
        return "labels"
    if "pearson" in benchmark.metrics:
        return "number"
    if any(example.choices for example in (*benchmark.samples, *task.examples[:1])):
        return "options"
    what = f"the answers to {task.kind} are free text, and a head chooses or gives a number"
    raise DataError(
        what, expected="a benchmark with choices or scores: glue/..., superglue/...", remedy=f"didact eval RUN --on {task.kind}"
    )


def probe_rows(task: Task) -> tuple[ProbeRow, ...]:
    """Returns the rows of a benchmark's task, ready for a head; rows that it cannot learn from are refused and counted in its report.

    Args:
        task: Of a kind that is a benchmark.

    Raises:
        DataError: As `kind_of`.

    >>> row = Example("1", {"premise": "It rains.", "hypothesis": "It is wet."}, ("entailment",), ("entailment", "not_entailment"))
    >>> found = probe_rows(Task("rte", (row,), kind="superglue/rte"))[0]
    >>> found.texts, found.gold
    ((('It rains.', 'It is wet.'),), 0)
    """
    kind, rows = kind_of(task), list[ProbeRow]()
    for number, example in enumerate(task.examples):
        gold = _gold(example, kind, task.kind)
        if gold is None:
            if task.report is not None:
                task.report.refuse(task.kind, example.id, "no answer that a head can give")
            continue
        rows.append(ProbeRow(example, texts_of(example, kind, task.kind), gold, group_of(task, example, number)))
    return tuple(rows)


def texts_of(example: Example, kind: Kind, benchmark: str) -> tuple[Texts, ...]:
    """Returns what is read for each score of a row: its fields as two segments, with each option where it has its own.

    >>> fields = {"premise": "The grass was wet.", "choice1": "It rained.", "choice2": "It was noon.", "question": "cause"}
    >>> texts_of(Example("1", fields, ("It rained.",), ("It rained.", "It was noon.")), "options", "superglue/copa")[0]
    ('The grass was wet. What was the cause?', 'It rained.')
    """
    fields = example.fields
    if kind != "options":
        return (_two(fields, benchmark),)
    if benchmark == "superglue/copa":
        asked = f"{fields['premise']} {COPA_QUESTIONS[fields['question']]}"
        return tuple((asked, choice) for choice in example.choices)
    if benchmark == "superglue/record":
        return tuple((fields["passage"], fields["query"].replace("@placeholder", choice)) for choice in example.choices)
    asked = "\n".join(text for text in fields.values() if text not in example.choices)
    return tuple((asked, choice) for choice in example.choices)


def _two(fields: Mapping[str, str], benchmark: str) -> Texts:
    """Returns the fields of a row as two segments.

    >>> _two({"word": "bank", "sentence1": "The bank is shut.", "sentence2": "We sat on the bank."}, "superglue/wic")
    ('bank: The bank is shut.', 'We sat on the bank.')
    """
    if benchmark == "superglue/wic":
        return f"{fields['word']}: {fields['sentence1']}", fields["sentence2"]
    if benchmark == "superglue/wsc":  # the phrase between stars, the pronoun between number signs
        return fields["marked"], fields["span1"]
    first, *rest = fields.values()
    return first, " ".join(rest)


def _gold(example: Example, kind: Kind, benchmark: str) -> float | None:
    """Returns the right class, option or number of a row; None where it has none that a head can give."""
    targets: Sequence[str] = example.targets
    if kind == "number":
        return parsed(targets[0]) if targets else None
    choices = BENCHMARKS[benchmark].choices if kind == "labels" else example.choices
    return next((choices.index(target) for target in targets if target in choices), None)
