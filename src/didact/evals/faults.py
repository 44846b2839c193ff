"""What went wrong besides the answer: prompts cut, nothing said, no end, another language, no answer to be read; never taken for wrong.

A completion that could not be read tells nothing about what a model knows, so it stands in a column of its own, and beside the
scores stands how much depends on the way answers are read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.tasks.extraction import WHOLE, Found, extract, extract_by, extractors
from didact.tasks.languages import code_of, language_of
from didact.tasks.metrics import answer_match, exact_match, number_match
from didact.tasks.number_metrics import parsed

FAULTS = ("unparsed", "truncated", "empty", "no_stop", "wrong_language")
OUTCOMES = ("right", "wrong", "unparsed", "empty")
ALL = "all"
"""Beside the tasks, the sum over them."""
_SCALES = frozenset({"pearson", "spearman"})
"""Metrics whose answers are numbers with nothing around them."""


def read_answer(row: Prediction, metrics: Iterable[str] = (), *, num_cut: int = 0, language: str = "") -> Prediction:
    """Returns an answered row with the name of the extractor that finds its answer, and with its faults.

    Args:
        row: What a model wrote; an answer that was chosen by rank is not read.
        metrics: Names of the metrics that the task is judged by, besides those that the row has scores of.
        num_cut: Tokens that the prompt lost.
        language: Code or English name of the language that the task is in; empty: not known.

    >>> row = Prediction("t", "1", "my/x", "", "So it is B. The answer is B.", ("red",), "length", 9, choices=("blue", "red"))
    >>> read = read_answer(row, num_cut=3)
    >>> read.extractor, read.faults
    ('announced', ('truncated', 'no_stop'))
    """
    known = (*metrics, *row.scores)
    found = _found(row, known)
    name = found.extractor if found is not None else ""
    if name == WHOLE and row.answer and row.answer.strip() != row.completion.strip():
        name = "announced"  # what is judged stood behind a cue already
    row = replace(row, extractor=name)
    return replace(row, faults=faults_of(row, num_cut, language, known))


def faults_of(row: Prediction, num_cut: int, language: str, metrics: Iterable[str] = ()) -> tuple[str, ...]:
    """Returns what went wrong with an answered row besides the answer, in the order of `FAULTS`.

    unparsed        it says something, and no extractor finds an answer in it
    truncated       the prompt lost tokens
    empty           it says nothing
    no_stop         it was cut at the most tokens that a model may write
    wrong_language  it is neither in the language of the references nor in that of the task

    Args:
        row: What a model wrote.
        num_cut: Tokens that the prompt lost.
        language: Code or English name of the language that the task is in; empty: not known.
        metrics: As for `read_answer`.

    >>> row = Prediction("t", "1", "my/x", "", "Ich weiß es leider auch nicht.", ("42",), "stop", 9, {"number_match": 0.0})
    >>> faults_of(row, 0, "English")
    ('unparsed', 'wrong_language')
    """
    if row.asked == "rank":
        return ("truncated",) if num_cut else ()
    empty = not row.completion.strip()
    here = {
        "unparsed": not empty and _found(row, metrics) is None,
        "truncated": num_cut > 0,
        "empty": empty,
        "no_stop": row.stop == "length",
        "wrong_language": _in_another_language(row, language),
    }
    return tuple(fault for fault in FAULTS if here[fault])


def rates(rows: Sequence[Prediction]) -> dict[str, dict[str, dict[str, float]]]:
    """Returns how often each fault occurs in one model's rows.

    Args:
        rows: With their faults.

    Returns:
        Task to fault to `num` (rows) and `share` (of the task's rows); under `all` the same over all rows.

    >>> rows = [Prediction("t", str(n), "", "", "", (), "stop", 0, faults=("empty",) if n < 1 else ()) for n in range(4)]
    >>> rates(rows)["t"]["empty"], rates(rows)["all"]["unparsed"]
    ({'num': 1, 'share': 0.25}, {'num': 0, 'share': 0.0})
    """
    found = {}
    for name, own in _by_task(rows).items():
        counts = {fault: sum(fault in row.faults for row in own) for fault in FAULTS}
        found[name] = {fault: {"num": count, "share": count / len(own)} for fault, count in counts.items()}
    return found


def outcomes(rows: Sequence[Prediction]) -> dict[str, dict[str, int]]:
    """Returns how many rows of each task are right, wrong, unparsed and empty; the four add up to `num_rows`.

    A choice or a number is right where it is the reference's, whatever stands around it; words, where they match exactly.

    Args:
        rows: With their faults.

    >>> row = Prediction("t", "1", "", "", "(A)", ("no",), "stop", 1, choices=("yes", "no"))
    >>> rows = [row, replace(row, completion="(B)"), replace(row, completion="both", faults=("unparsed",))]
    >>> outcomes(rows)["t"]
    {'num_rows': 3, 'right': 1, 'wrong': 1, 'unparsed': 1, 'empty': 0}
    """
    found = {}
    for name, own in _by_task(rows).items():
        ends = [outcome(row) for row in own]
        found[name] = {"num_rows": len(own), **{end: ends.count(end) for end in OUTCOMES}}
    return found


def outcome(row: Prediction) -> str:
    """Returns what became of one row: one of `OUTCOMES`.

    >>> outcome(Prediction("t", "1", "", "", "5 + 6 = 11.", ("11",), "stop", 1, {"number_match": 100.0}))
    'right'
    """
    for fault in ("empty", "unparsed"):
        if fault in row.faults:
            return fault
    return "right" if _is_right(row) else "wrong"


def gap(rows: Sequence[Prediction]) -> dict[str, dict[str, Any]]:
    """Returns how much the scores of one model depend on the way its answers are read.

    Args:
        rows: Those that a model wrote, of tasks whose answer is a choice, a number, or what stands behind "the answer is"; others
            are left out.

    Returns:
        Task, and `all`, to `num_rows`; `strict`: points where the exact text alone counts; `contract`: all extractors, in their
        order; `gap`: the second less the first; `alone`: extractor to points where it is the only one; `fired`: how many rows
        each of them reads in the contract.

    >>> row = Prediction("t", "1", "", "", "red", ("red",), "stop", 1, choices=("red", "blue"), extractor="whole")
    >>> table = gap([row, replace(row, example="2", completion="The answer is red.", extractor="announced")])["t"]
    >>> table["strict"], table["contract"], table["gap"], table["alone"]["whole"], table["alone"]["announced"], table["fired"]
    (50.0, 100.0, 50.0, 50.0, 50.0, {'whole': 1, 'announced': 1})
    """
    read = [row for row in rows if row.asked == "generate" and kind_of(row) != "free"]
    found = {}
    for name, own in _by_task(read).items():
        names = list(dict.fromkeys(name for kind in sorted({kind_of(row) for row in own}) for name in extractors(kind)))
        right = [_rules_that_are_right(row) for row in own]
        strict = _points(row.completion.strip() in {text.strip() for text in row.references} for row in own)
        contract = _points(outcome(row) == "right" for row in own)
        found[name] = {
            "num_rows": len(own),
            "strict": strict,
            "contract": contract,
            "gap": contract - strict,
            "alone": {rule: _points(rule in rules for rules in right) for rule in names},
            "fired": {rule: count for rule in names if (count := sum(row.extractor == rule for row in own))},
        }
    return found


def kind_of(row: Prediction, metrics: Iterable[str] = ()) -> str:
    """Returns what kind of answer a row asks for: `choice`, `number`, `text` behind a cue, or `free`.

    Args:
        row: A row of a task.
        metrics: As for `read_answer`.

    >>> kind_of(Prediction("t", "1", "", "", "", ("4",), "stop", 0), ["number_match"])
    'number'
    """
    known = {*metrics, *row.scores}
    if len(row.choices) > 1:
        return "choice"
    if (known & _SCALES or "number_match" in known) and any(extract("number", text) for text in row.references):
        return "number"
    return "text" if "answer_match" in known else "free"


def _found(row: Prediction, metrics: Iterable[str]) -> Found | None:
    """Returns the answer of a row that a model wrote; free answers that say anything have one."""
    if row.asked == "rank":
        return None
    known = {*metrics, *row.scores}
    said, kind = row.answer or row.completion, kind_of(row, known)
    if kind == "number" and "number_match" not in known and parsed(said) is None:
        return None
    return extract(kind, said, row.choices, row.options)


def _is_right(row: Prediction) -> bool:
    if row.asked == "rank":
        return row.completion in row.references
    said, kind = row.answer or row.completion, kind_of(row)
    if kind == "choice":
        found = extract(kind, said, row.choices, row.options)
        return found is not None and found.value in _right_values(row, kind)
    match = {"number": number_match, "text": answer_match, "free": exact_match}[kind]
    return match(said, row.references) == 100


def _rules_that_are_right(row: Prediction) -> set[str]:
    """Returns the extractors that read the right answer where each is the only one."""
    kind = kind_of(row)
    found = {rule: extract_by(rule, kind, row.completion, row.choices, row.options) for rule in extractors(kind)}
    right = _right_values(row, kind) if kind != "text" else set()
    return {
        rule
        for rule, one in found.items()
        if one is not None and (answer_match(str(one.value), row.references) == 100 if kind == "text" else one.value in right)
    }


def _right_values(row: Prediction, kind: str) -> set[Any]:
    return {found.value for text in row.references if (found := extract(kind, text, row.choices, row.options)) is not None}


def _in_another_language(row: Prediction, language: str) -> bool:
    """Says whether a completion is in another language than it should be; False where either cannot be told."""
    known = {language_of("\n".join(row.references)), code_of(language)} - {None, ""}
    said = language_of(row.completion) if known else None
    # A few words of Japanese may have no kana: they look like Chinese.
    return said is not None and said not in known and not (said == "zh" and "ja" in known)


def _by_task(rows: Sequence[Prediction]) -> Mapping[str, list[Prediction]]:
    """Returns the rows of each task, by name, and all of them."""
    tasks: dict[str, list[Prediction]] = {}
    for row in sorted(rows, key=lambda row: row.task):
        tasks.setdefault(row.task, []).append(row)
    if ALL in tasks:
        raise DataError(
            f"a task is named '{ALL}'", expected=f"another name: under '{ALL}' stands the sum over tasks", remedy="tasks.sources[].name"
        )
    return {**tasks, ALL: list(rows)} if rows else {}


def _points(right: Iterable[bool]) -> float:
    marks = list(right)
    return 100 * sum(marks) / len(marks)
