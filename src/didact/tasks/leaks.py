"""Leaks: text that stands in both seen and unseen examples, found, counted, and dropped or refused.

Two inputs overlap where they share `ngram` words in a row, or where they are the same as a whole. The unseen side is kept as
hashes; the seen side streams past it, task by task.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from didact.base.errors import DataError, LeakError
from didact.base.recipe import Leaks
from didact.base.types import Example
from didact.tasks.fingerprints import MIN_CONSTANT, MIN_WORDS, Index, Prints, hash_ngrams, hash_whole, read_prints
from didact.tasks.task import Chosen, LazyExamples, Task, TaskSet
from didact.tasks.words import words

NUM_SHOWN, NUM_SHOWN_OF_PAIR, NUM_CHARS = 200, 20, 300


@dataclass(frozen=True, slots=True)
class Leak:
    """One seen example that overlaps with an unseen task."""

    kind: str
    """`exact input`, or for example `13-gram` for an overlap of 13 words."""
    seen_task: str
    seen_example: str
    unseen_task: str
    unseen_example: str
    """The first of the unseen task's examples, by id, that holds the text."""
    text: str
    """The first words in common, or the input; at most 300 characters."""


@dataclass(frozen=True)
class LeakReport:
    """What seen and unseen examples have in common."""

    ngram: int
    """Words in a row that count as an overlap."""
    num_seen: int = 0
    """Seen examples compared."""
    num_unseen: int = 0
    """Unseen examples compared."""
    num_seen_leaking: int = 0
    """Distinct seen examples that overlap with an unseen one."""
    num_unseen_leaking: int = 0
    """Distinct unseen examples that overlap with a seen one."""
    by_kind: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Kind to (seen, unseen) examples; an example that leaks in both kinds is counted in both."""
    by_pair: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(seen task, unseen task) to the number of seen examples that overlap with that unseen task; the most first."""
    leaking: frozenset[tuple[str, str]] = frozenset()
    """(task, example id) of every leaking seen example."""
    emptied: tuple[str, ...] = ()
    """Seen tasks of which every example leaks."""
    leaks: tuple[Leak, ...] = ()
    """Some to look at: at most 20 of a pair of tasks and 200 in all, from as many pairs as possible."""
    num_too_short: int = 0
    """Seen and unseen examples whose input has fewer than three words: not compared as whole inputs."""
    num_ignored: int = 0
    """N-grams ignored as constant wording: in at least 5 and more than half of a task's examples; counted for each task."""

    def lines(self, num_pairs: int = 10) -> list[str]:
        """Returns the report for people; the pairs of tasks with the most leaks come first."""
        compared = f"{self.num_seen:,} seen and {self.num_unseen:,} unseen examples"
        if self.leaking:
            lines = [f"leaks: {self.num_seen_leaking:,} seen examples overlap with {self.num_unseen_leaking:,} unseen ones (of {compared})"]
            lines += [f"  {kind}: {seen:,} seen, {unseen:,} unseen" for kind, (seen, unseen) in self.by_kind.items()]
            lines += [f"  {seen} -> {unseen}: {count:,} seen" for (seen, unseen), count in islice(self.by_pair.items(), num_pairs)]
            if len(self.by_pair) > num_pairs:
                lines.append(f"  ... and {len(self.by_pair) - num_pairs:,} more pairs of tasks")
            lines += [f"  every example of {name} leaks" for name in self.emptied]
            lines += [f"  for example {leak.seen_example} -> {leak.unseen_example}: {leak.text!r}" for leak in self.leaks[:1]]
        else:
            lines = [f"no leaks: {compared} share no {self.ngram} words in a row and no whole input"]
        if self.num_ignored:
            where = f"in at least {MIN_CONSTANT} and more than half of a task's examples"
            lines.append(f"  ignored as constant wording ({where}): {self.num_ignored:,} {self.ngram}-grams")
        if self.num_too_short:
            lines.append(f"  not compared as whole inputs: {self.num_too_short:,} examples of fewer than {MIN_WORDS} words")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data, ready for JSON."""
        ids: dict[str, list[str]] = {}
        for task, example in sorted(self.leaking):
            ids.setdefault(task, []).append(example)
        return {
            "ngram": self.ngram,
            **{name: getattr(self, name) for name in self.__dataclass_fields__ if name.startswith("num_")},
            "by_kind": {kind: {"seen": seen, "unseen": unseen} for kind, (seen, unseen) in self.by_kind.items()},
            "by_pair": [{"seen": seen, "unseen": unseen, "num_seen": count} for (seen, unseen), count in self.by_pair.items()],
            "emptied": list(self.emptied),
            "leaking": ids,
            "leaks": [{name: getattr(leak, name) for name in Leak.__slots__} for leak in self.leaks],
        }


@dataclass(frozen=True, slots=True)
class _Overlap:
    """One seen example and an unseen task that it overlaps with; its text is looked up only if it is shown."""

    example: Example
    unseen_task: int
    exact: bool
    ignored: np.ndarray


@dataclass(frozen=True, slots=True)
class _Unseen:
    """The unseen side, read and indexed."""

    ids: list[str]
    whole: Index
    ngrams: Index
    num_too_short: int
    num_ignored: int


def _index(tasks: TaskSet, ngram: int) -> _Unseen:
    ids, task_of = list[str](), array("q")
    whole, ngrams = list[Prints](), list[Prints]()
    num_too_short = num_ignored = 0
    for number, task in enumerate(tasks):
        prints = read_prints(task, ngram)
        whole.append(Prints(prints.whole.hashes, prints.whole.owners + len(ids)))
        ngrams.append(Prints(prints.ngrams.hashes, prints.ngrams.owners + len(ids)))
        ids += [row.id for row in prints.rows]
        task_of.extend([number] * len(prints.rows))
        num_too_short += prints.num_too_short
        num_ignored += len(prints.constant)
    owners = np.array(task_of, np.int64)
    return _Unseen(ids, Index(whole, owners), Index(ngrams, owners), num_too_short, num_ignored)


def find_leaks(seen: TaskSet, unseen: TaskSet, *, ngram: int = 13) -> LeakReport:
    """Returns the overlap between the inputs (`Example.text`) of seen and unseen tasks.

    Words are runs of letters and digits after NFKC and case folding. An n-gram in at least 5 and more than half of the examples
    of its own task, seen or unseen, is that task's constant wording and is ignored there. The order of examples changes nothing.

    Args:
        seen: Tasks to train on.
        unseen: Tasks to judge by. Where there are none, nothing is read.
        ngram: Words in a row that count as an overlap, at least 2.

    Source: Brown et al. (2020), arXiv 2005.14165, appendix C (overlap of 13 words).

    >>> train = TaskSet([Task("a", [Example("1", {"q": "Name the capital of France, please"})])])
    >>> test = TaskSet([Task("b", [Example("7", {"q": "what is the capital of France"})])])
    >>> find_leaks(train, test, ngram=4).leaks[0].text
    'the capital of france'
    >>> find_leaks(train, test, ngram=5).num_seen_leaking
    0
    """
    if ngram < 2:
        raise DataError(f"an overlap of {ngram} words says nothing", where="tasks.leaks.ngram", remedy="tasks.leaks.ngram=13")
    if not len(unseen):
        return LeakReport(ngram)
    known = _index(unseen, ngram)
    num_seen = num_seen_leaking = num_exact = num_overlapping = 0
    num_too_short, num_ignored = known.num_too_short, known.num_ignored
    leaking, emptied = set[tuple[str, str]](), list[str]()
    by_pair: dict[tuple[str, str], int] = {}
    candidates: dict[tuple[str, str], list[_Overlap]] = {}
    for task in seen:
        prints = read_prints(task, ngram)
        exact = {(row, number) for row, number in known.whole.meet(prints.whole).tolist()}
        overlapping = {(row, number) for row, number in known.ngrams.meet(prints.ngrams).tolist()}
        rows = {row for row, _ in exact | overlapping}
        num_exact += len({row for row, _ in exact})
        num_overlapping += len({row for row, _ in overlapping})
        num_seen += len(prints.rows)
        num_seen_leaking += len(rows)
        num_too_short += prints.num_too_short
        num_ignored += len(prints.constant)
        leaking |= {(task.name, prints.rows[row].id) for row in rows}
        emptied += [task.name] if rows and len(rows) == len(prints.rows) else []
        for row, number in sorted(exact | overlapping):
            pair = (task.name, unseen[number].name)
            by_pair[pair] = by_pair.get(pair, 0) + 1
            if by_pair[pair] <= NUM_SHOWN_OF_PAIR:
                overlap = _Overlap(prints.rows[row], number, (row, number) in exact, prints.constant)
                candidates.setdefault(pair, []).append(overlap)
    by_pair = dict(sorted(by_pair.items(), key=lambda item: (-item[1], item[0])))
    exact_met, ngrams_met = known.whole.owners_met(), known.ngrams.owners_met()
    return LeakReport(
        ngram=ngram,
        num_seen=num_seen,
        num_unseen=len(known.ids),
        num_seen_leaking=num_seen_leaking,
        num_unseen_leaking=len(np.union1d(exact_met, ngrams_met)),
        by_kind={"exact input": (num_exact, len(exact_met)), f"{ngram}-gram": (num_overlapping, len(ngrams_met))},
        by_pair=by_pair,
        leaking=frozenset(leaking),
        emptied=tuple(emptied),
        leaks=tuple(_shown([(pair, candidates[pair]) for pair in by_pair], known, ngram)),
        num_too_short=num_too_short,
        num_ignored=num_ignored,
    )


def _shown(candidates: Sequence[tuple[tuple[str, str], list[_Overlap]]], known: _Unseen, ngram: int) -> Iterable[Leak]:
    """Yields leaks to look at: one of every pair of tasks, then the second of every pair, and so on."""
    layers = zip_longest(*([(pair, overlap) for overlap in overlaps] for pair, overlaps in candidates))
    every = (part for layer in layers for part in layer if part is not None)
    for (seen_task, unseen_task), overlap in islice(every, NUM_SHOWN):
        text, number = overlap.example.text(), overlap.unseen_task
        found = words(text)
        if overlap.exact:
            kind, (_, owner) = "exact input", known.whole.first_shared(hash_whole(text, found), overlap.ignored[:0], number)
        else:
            hashes = list(hash_ngrams(found, ngram))
            kind, (start, owner) = f"{ngram}-gram", known.ngrams.first_shared(hashes, overlap.ignored, number)
            text = " ".join(found[start : start + ngram])
        short = text if len(text) <= NUM_CHARS else text[: NUM_CHARS - 4] + " ..."
        yield Leak(kind, seen_task, overlap.example.id, unseen_task, known.ids[owner], short)


def without_leaks(seen: TaskSet, report: LeakReport) -> TaskSet:
    """Returns the seen tasks without their leaking examples, and without the tasks that would be empty. Reads nothing yet.

    What is constant wording is decided on whole tasks. Where most examples with one wording were dropped, the few that are left
    may count as leaks when the cleaned tasks are compared again.
    """
    ids: dict[str, set[str]] = {}
    for name, example in report.leaking:
        ids.setdefault(name, set()).add(example)

    def clean(task: Task) -> Task:
        def load() -> Sequence[Example]:
            return Chosen(task.examples, (number for number, example in enumerate(task.examples) if example.id not in ids[task.name]))

        return task.replace(LazyExamples(load)) if task.name in ids else task

    return TaskSet(clean(task) for task in seen if task.name not in report.emptied)


def settle(seen: TaskSet, unseen: TaskSet, rule: Leaks) -> tuple[TaskSet, LeakReport]:
    """Returns the tasks to train on and the leak report, after doing what the recipe says about leaks.

    Args:
        seen: Tasks to train on.
        unseen: Tasks to judge by.
        rule: The section `tasks.leaks`: stop, drop (the seen examples) or report.

    Raises:
        LeakError: There are leaks and the action is stop, or drop would leave nothing to train on.
    """
    report = find_leaks(seen, unseen, ngram=rule.ngram)
    if rule.action == "report" or not report.leaking:
        return seen, report
    (worst, other), count = next(iter(report.by_pair.items()))
    leak = report.leaks[0]
    what = f"{report.num_seen_leaking:,} of {report.num_seen:,} seen examples overlap with {report.num_unseen_leaking:,} unseen ones"
    where = f"most in {worst} -> {other} ({count:,} seen), for example {leak.seen_example} -> {leak.unseen_example}: {leak.text!r}"
    expected = f"no {rule.ngram} words in a row and no whole input in common"
    if rule.action == "stop":
        remedy = f"tasks.leaks.action=drop (leaves these seen examples out), or hold out more: tasks.hold_out.task=[{worst}]"
        raise LeakError(what, where=where, expected=expected, remedy=remedy)
    cleaned = without_leaks(seen, report)
    if not len(cleaned):
        remedy = "hold out other tasks, or add a source that does not overlap"
        raise LeakError(f"{what}: dropping them leaves nothing to train on", where=where, expected=expected, remedy=remedy)
    return cleaned, report
