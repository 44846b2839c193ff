"""Leaks: text that stands in both seen and unseen examples, found, counted, and dropped or refused.

The unseen side is kept as hashes; the seen side streams past it, task by task and block by block.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from didact.base.errors import DataError, LeakError
from didact.base.leaks_section import Leaks, overlap_named
from didact.base.types import Example
from didact.tasks.covering import Covering
from didact.tasks.leak_report import DEMONSTRATIONS, HELD_IN, SHOWN, Further, LeakReport, by_task, shown
from didact.tasks.leak_report import Leak as Leak
from didact.tasks.matchers import Exact, Matcher, Run, long_texts
from didact.tasks.near_duplicates import Near
from didact.tasks.tally import NUM_SHOWN_OF_PAIR, Known, Tally
from didact.tasks.task import Chosen, LazyExamples, Task, TaskSet
from didact.tasks.wording import Block, block_of, blocks, collection_of, shared_wording

UNSEEN = "unseen"


def find_leaks(
    seen: TaskSet,
    unseen: TaskSet,
    *,
    ngram: int = 13,
    rules: Sequence[str] = ("exact", "ngram"),
    similarity: float = 0.8,
    answers: bool = False,
    held_in: Iterable[Task] = (),
) -> LeakReport:
    """Returns the overlap between the inputs (`Example.text`) of seen and unseen tasks.

    Words are runs of letters and digits after NFKC and case folding. A run of words in at least 5 and more than half of the
    examples of its own task, seen or unseen, is that task's constant wording and is ignored there. So is, where inputs are
    rendered prompts already, what at least 3 tasks of one collection have in 5 percent of their examples: templates and options
    blocks. The order of examples changes nothing. Demonstrations of seen tasks are compared with unseen examples, and
    demonstrations of unseen tasks and held-in examples with seen ones, each with an account of its own.

    Args:
        seen: Tasks to train on.
        unseen: Tasks to judge by. Where there are none, and nothing is held in, nothing is read.
        ngram: Words in a row that count as an overlap, at least 2.
        rules: What counts as an overlap: exact, ngram, `N-gram`, `N-gram-P`, near. See the recipe's `tasks.leaks.rules`.
        similarity: What counts as near.
        answers: Answers are compared too.
        held_in: Examples of seen tasks that are kept from training.

    Source: Brown et al. (2020), arXiv 2005.14165, appendix C (overlap of 13 words).

    >>> train = TaskSet([Task("a", [Example("1", {"q": "Name the capital of France, please"})])])
    >>> test = TaskSet([Task("b", [Example("7", {"q": "what is the capital of France"})])])
    >>> find_leaks(train, test, ngram=4).leaks[0].text
    'the capital of france'
    >>> find_leaks(train, test, ngram=5).num_seen_leaking
    0
    """
    matchers, held_in = _matchers(rules, ngram, similarity), list(held_in)
    if not len(unseen) and not held_in:
        return LeakReport(ngram)
    ngrams = sorted({matcher.ngram for matcher in matchers if matcher.ngram})
    shared = shared_wording([*seen, *unseen], ngrams, answers)
    levels = {
        UNSEEN: list(unseen),
        SHOWN: [task.replace(demonstrations(task)) for task in unseen if demonstrations(task)],
        HELD_IN: held_in,
    }
    num_too_short = num_ignored = 0

    def read(task: Task, counted: bool) -> Iterable[Block]:
        nonlocal num_too_short, num_ignored
        block = None
        for block in blocks(task, ngrams, answers, shared.get(collection_of(task), {})):
            num_too_short += len(block.rows) - len(np.unique(long_texts(block)[1])) if counted else 0
            yield block
        num_ignored += sum(map(len, block.wording.values())) if counted and block else 0

    known = _known(matchers, levels, read, answers)
    level_of = np.array([name for name, tasks in levels.items() for _ in tasks] or [""])
    tallies = {name: Tally(matchers, known, level_of == name) for name in levels}
    tallies[DEMONSTRATIONS] = Tally(matchers, known, level_of == UNSEEN)
    num_seen, num_demonstrations, emptied = 0, 0, list[str]()
    for task in seen:
        num_rows = num_leaking = 0
        wording: Mapping[int, np.ndarray] = {}
        for block in read(task, counted=True):
            met = [matcher.meet(block) for matcher in matchers]
            leaking = {name: tallies[name].add(task.name, block, met) for name in levels}
            num_leaking += leaking[UNSEEN]
            num_rows, wording = num_rows + len(block.rows), block.wording
        num_seen += num_rows
        emptied += [task.name] if num_leaking and num_leaking == num_rows else []
        shots = block_of(demonstrations(task), answers, wording)
        num_demonstrations += len(shots.rows)
        tallies[DEMONSTRATIONS].add(task.name, shots, [matcher.meet(shots) for matcher in matchers] if shots.rows else [])
    compared = {DEMONSTRATIONS: num_demonstrations, **{name: sum(len(task.examples) for task in levels[name]) for name in (SHOWN, HELD_IN)}}
    tally = tallies[UNSEEN]
    return LeakReport(
        ngram=ngram,
        num_seen=num_seen,
        num_unseen=int((level_of[known.task_of] == UNSEEN).sum()) if len(known.ids) else 0,
        num_seen_leaking=tally.num_seen,
        num_unseen_leaking=len(tally.unseen()),
        by_kind={matcher.kind: (tally.seen_by_kind[number], len(tally.unseen(number))) for number, matcher in enumerate(matchers)},
        by_pair=tally.pairs(),
        by_kind_and_pair=tally.kinds_and_pairs(),
        leaking=frozenset(tally.leaking),
        leaking_unseen=frozenset((known.tasks[known.task_of[one]].name, known.ids[one]) for one in tally.unseen().tolist()),
        leaking_demonstrations=frozenset(tallies[DEMONSTRATIONS].leaking),
        emptied=tuple(emptied),
        leaks=tuple(tally.leaks()),
        further={name: _further(tallies[name], number) for name, number in compared.items() if number},
        num_too_short=num_too_short,
        num_ignored=num_ignored,
        num_shared=sum(len(prefixes) for by_length in shared.values() for prefixes in by_length.values()),
    )


def _matchers(rules: Sequence[str], ngram: int, similarity: float) -> list[Matcher]:
    """Returns the rules, each once; the same whole input comes first, as it says most."""
    if ngram < 2:
        raise DataError(f"an overlap of {ngram} words says nothing", where="tasks.leaks.ngram", remedy="tasks.leaks.ngram=13")
    found: list[Matcher] = []
    for rule in sorted(rules, key=lambda rule: rule != "exact"):
        if rule in ("exact", "near"):
            found.append(Exact() if rule == "exact" else Near(similarity))
            continue
        try:
            overlap = overlap_named(rule, ngram)
        except ValueError as error:
            raise DataError(str(error), where="tasks.leaks.rules", remedy="tasks.leaks.rules=[exact, ngram]") from None
        found.append(Covering(overlap) if overlap.percent else Run(overlap))
    return list({matcher.kind: matcher for matcher in found}.values())


def demonstrations(task: Task) -> tuple[Example, ...]:
    """Returns all demonstrations of a task, right and wrong ones."""
    return (*task.positive, *task.negative)


def _known(
    matchers: Sequence[Matcher], levels: Mapping[str, Sequence[Task]], read: Callable[[Task, bool], Iterable[Block]], answers: bool
) -> Known:
    ids, wheres, sizes, tasks = list[str](), list[str](), list[int](), list[Task]()
    for name, members in levels.items():
        for task in members:
            before = len(ids)
            for block in read(task.replace(sorted(task.examples, key=lambda example: example.id)), name == UNSEEN):
                for matcher in matchers:
                    matcher.add(block, len(ids))
                ids += [row.id for row in block.rows]
                wheres += [row.where for row in block.rows]
            sizes.append(len(ids) - before)
            tasks.append(task)
    task_of = np.repeat(np.arange(len(tasks)), sizes)
    for matcher in matchers:
        matcher.seal(task_of)
    return Known(tasks, ids, wheres, task_of, answers)


def _further(tally: Tally, num_compared: int) -> Further:
    return Further(num_compared, tally.num_seen, len(tally.unseen()), tally.pairs(), tuple(tally.leaks(NUM_SHOWN_OF_PAIR)))


def without_leaks(seen: TaskSet, report: LeakReport) -> TaskSet:
    """Returns the seen tasks without their leaking examples and demonstrations, and without the tasks that would be empty.

    Reads nothing yet. What is constant wording is decided on whole tasks. Where most examples with one wording were dropped, the
    few that are left may count as leaks when the cleaned tasks are compared again.
    """
    rows, shots = by_task(report.leaking), by_task(report.leaking_demonstrations)

    def clean(task: Task) -> Task:
        def load() -> Sequence[Example]:
            return _without(task.examples, rows[task.name])

        left = task.replace(LazyExamples(load)) if task.name in rows else task
        if task.name not in shots:
            return left
        positive, negative = (tuple(_without(side, shots[task.name])) for side in (task.positive, task.negative))
        return replace(left, positive=positive, negative=negative)

    return TaskSet(clean(task) for task in seen if task.name not in report.emptied)


def _without(examples: Sequence[Example], ids: Iterable[str]) -> Sequence[Example]:
    left_out = set(ids)
    return Chosen(examples, (number for number, example in enumerate(examples) if example.id not in left_out))


def settle(seen: TaskSet, unseen: TaskSet, rule: Leaks, held_in: Iterable[Task] = ()) -> tuple[TaskSet, LeakReport]:
    """Returns the tasks to train on and the leak report, after doing what the recipe says about leaks.

    Args:
        seen: Tasks to train on.
        unseen: Tasks to judge by.
        rule: The section `tasks.leaks`: stop, drop (the seen examples and demonstrations) or report.
        held_in: Examples of seen tasks that are kept from training; an overlap with these is only reported.

    Raises:
        LeakError: There are leaks and the action is stop, or drop would leave nothing to train on.
    """
    chosen = rule.model_dump(exclude={"action"})
    report = find_leaks(seen, unseen, held_in=held_in, **chosen)
    if rule.action == "report" or not report.found:
        return seen, report
    what, where, worst = _what(report)
    expected = f"{report.expected()} in common"
    if rule.action == "stop":
        remedy = f"tasks.leaks.action=drop (leaves these seen examples out), or hold out more: tasks.hold_out.task=[{worst}]"
        raise LeakError(what, where=where, expected=expected, remedy=remedy)
    cleaned = without_leaks(seen, report)
    if not len(cleaned):
        remedy = "hold out other tasks, or add a source that does not overlap"
        raise LeakError(f"{what}: dropping them leaves nothing to train on", where=where, expected=expected, remedy=remedy)
    return cleaned, report


def _what(report: LeakReport) -> tuple[str, str, str]:
    """Returns what leaks, where most of it does, and the seen task there."""
    if not report.leaking:
        part = report.further[DEMONSTRATIONS]
        (worst, other), count = next(iter(part.by_pair.items()))
        what = f"{part.num_seen:,} demonstrations of seen tasks overlap with {part.num_met:,} unseen examples"
        return what, f"most in {worst} -> {other} ({count:,}), for example {shown(part.leaks[0])}", worst
    (worst, other), count = next(iter(report.by_pair.items()))
    what = f"{report.num_seen_leaking:,} of {report.num_seen:,} seen examples overlap with {report.num_unseen_leaking:,} unseen ones"
    return what, f"most in {worst} -> {other} ({count:,} seen), for example {shown(report.leaks[0])}", worst
