"""Where a probe's rows come from: a split to train on and one to be judged on, from a folder of copies, the hub, or our own samples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from didact.base.chance import permutation
from didact.base.errors import DataError, did_you_mean
from didact.evals.copies import Copies
from didact.evals.gather import gather
from didact.evals.probe_rows import Kind, ProbeRow, kind_of, probe_rows
from didact.evals.protocols import Protocol
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.task import Task

TRAINED_ON = {"glue/ax": "glue/mnli", "superglue/axb": "superglue/rte", "superglue/axg": "superglue/rte"}
"""Diagnostic sets have no rows to train on: their authors train on these. Source: Wang et al. 2019, arXiv 1905.00537, section 3.3."""
ONE_IN = 5
"""Where only rows to train on are to be had, one in so many is judged on instead."""


@dataclass(frozen=True)
class ProbeTask:
    """One benchmark with its rows."""

    name: str
    kind: Kind
    choices: tuple[str, ...]
    """The classes in id order; empty for options and numbers."""
    metrics: tuple[str, ...]
    """The benchmark's own, that of record first."""
    train: tuple[ProbeRow, ...]
    judged: tuple[ProbeRow, ...]
    train_from: str
    judged_from: str
    num_leaked: int = 0
    """Training rows left out because a judged row says the same."""


def names_of(asked: Sequence[str]) -> tuple[str, ...]:
    """Returns the benchmarks that names, collections or globs stand for.

    Raises:
        DataError: One stands for none.

    >>> names_of(["glue/sst2", "superglue/c*"])
    ('glue/sst2', 'superglue/cb', 'superglue/copa')
    """
    found = list[str]()
    for pattern in asked:
        if not (names := matching(pattern)):
            raise DataError(f"no benchmark named '{pattern}'", expected=did_you_mean(pattern, BENCHMARKS), remedy="didact ls tasks")
        found += names
    return tuple(dict.fromkeys(found))


def probe_task(name: str, copies: Copies | None, *, hub: bool, seed: int, limit: int | None = None, samples: bool = False) -> ProbeTask:
    """Returns a benchmark's rows to train on and to be judged on.

    Judged are the rows of its validation split, else of its test split where that has answers, else one training row in five. Rows to
    train on that say the same as a judged one are left out and counted.

    Args:
        name: A benchmark.
        copies: A folder of copies; None: there is none.
        hub: The hub may be asked.
        seed: What training rows are drawn from.
        limit: So many training rows at most, drawn by chance; None: all.
        samples: Our own few sample rows instead: to see that it works, no measure.

    Raises:
        DataError: No rows are to be had, or a head cannot answer them.
    """
    if samples:
        task = sample_tasks(name)[0]
        rows, place = probe_rows(task), "didact's own sample rows"
        known = sorted({_group(row) for row in rows})
        train_rows, judged_rows = _parted(rows, set(known[1::2])) if len(known) > 1 else ([*rows[::2]], [*rows[1::2]])
        return _made(task, train_rows, judged_rows, place, place, seed, limit)
    train, train_from = _split(TRAINED_ON.get(name, name), "train", copies, hub)
    try:
        task, judged_from = _judged(name, copies, hub)
    except DataError:
        if name in TRAINED_ON:
            raise
        rows = probe_rows(train)
        known = sorted({_group(row) for row in rows})
        chosen = {known[place] for place in permutation(len(known), seed, "judged rows", name)[: max(1, len(known) // ONE_IN)].tolist()}
        return _made(train, *_parted(rows, chosen), train_from, f"one in {ONE_IN} of {train_from}", seed, limit)
    return _made(replace(task, kind=name), probe_rows(train), probe_rows(task), train_from, judged_from, seed, limit)


def _group(row: ProbeRow) -> str:
    return row.group or row.example.id


def _parted(rows: Sequence[ProbeRow], judged: set[str]) -> tuple[list[ProbeRow], list[ProbeRow]]:
    """Returns the rows to train on and those of the groups that are judged: rows that belong together stay together."""
    return [row for row in rows if _group(row) not in judged], [row for row in rows if _group(row) in judged]


def _judged(name: str, copies: Copies | None, hub: bool) -> tuple[Task, str]:
    try:
        return _split(name, "validation", copies, hub)
    except DataError:
        return _split(name, "test", copies, hub)


def _split(name: str, split: str, copies: Copies | None, hub: bool) -> tuple[Task, str]:
    found = gather(Protocol(name, (name,), split), (), copies, hub=hub, seed=0)
    return found.tasks[0], found.places[found.tasks[0].name]


def _made(
    task: Task,
    train: Sequence[ProbeRow],
    judged: Sequence[ProbeRow],
    train_from: str,
    judged_from: str,
    seed: int,
    limit: int | None,
) -> ProbeTask:
    asked = {row.texts for row in judged}
    clean = [row for row in train if row.texts not in asked]
    num_leaked = len(train) - len(clean)
    if limit is not None and limit < len(clean):
        clean = [clean[place] for place in sorted(permutation(len(clean), seed, "training rows", task.kind)[:limit].tolist())]
    if not clean or not judged:
        what = f"{task.kind} has {len(clean):,} rows to train on and {len(judged):,} to be judged on"
        raise DataError(what, where=f"{train_from}; {judged_from}", expected="some of each", remedy="didact probe MODEL TASK --data FOLDER")
    benchmark = BENCHMARKS[task.kind]
    return ProbeTask(
        task.kind, kind_of(task), benchmark.choices, benchmark.metrics, tuple(clean), tuple(judged), train_from, judged_from, num_leaked
    )
