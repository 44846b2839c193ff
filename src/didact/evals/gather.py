"""Gather: the tasks that a protocol asks about, wherever their rows are: the recipe's sources, a folder of copies, the hub.

What is not to be had is told by name; nothing is left out in silence.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from didact.base.chance import permutation
from didact.base.errors import DataError, PrerequisiteError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.evals.copies import Copies
from didact.evals.protocols import Protocol
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task, TaskSet

_HUB = "huggingface.co"
_WAIT_S = 3.0
_MISMATCHED = "_mismatched"
"""Ends the name of MNLI's second set, rows from other sources than it is trained on, and of its split."""


@dataclass(frozen=True)
class Gathered:
    """The tasks of one protocol and what became of those that are missing."""

    protocol: Protocol
    tasks: TaskSet
    absent: Mapping[str, str] = field(default_factory=dict)
    """Benchmark to the reason why it is not judged."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Task to where its rows come from."""
    shown: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    """Task to the demonstrations that stand before its questions, and one to spare."""
    shown_from: Mapping[str, str] = field(default_factory=dict)
    """Task to where these come from."""

    def line(self) -> str:
        """Returns in one line what is judged and what is not.

        >>> Gathered(Protocol("superglue", ("superglue",)), TaskSet([Task("superglue/cb", ())]), {"superglue/wic": "no copy"}).line()
        'superglue: 1 of 2 tasks; not to be had: wic (no copy)'
        """
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.absent.items():
            by_reason.setdefault(reason, []).append(name.partition("/")[2] or name)
        missing = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())
        count = f"{len(self.tasks):,}" + (f" of {len(self.tasks) + len(self.absent):,}" if self.absent else "")
        plural = "" if count == "1" else "s"
        return f"{self.protocol.name}: {count} task{plural}" + (f"; not to be had: {missing}" if missing else "")


def gather(protocol: Protocol, own: Sequence[Task], copies: Copies | None, *, hub: bool, seed: int, shots: int | None = None) -> Gathered:
    """Returns the tasks of a protocol, each from the first place that has it.

    Args:
        protocol: What is asked.
        own: Tasks of the run's recipe that were not trained on.
        copies: A folder of copies; None: there is none.
        hub: The hub may be asked.
        seed: Of the demonstrations that are drawn.
        shots: Demonstrations; None: as many as the protocol has.

    Raises:
        DataError: Nothing at all is to be had.
    """
    names = [name for pattern in protocol.benchmarks for name in matching(pattern)]
    tasks, absent, places = list[Task](), dict[str, str](), dict[str, str]()
    for name in names:
        found = {task.name: (task, "the run's recipe") for task in own if task.kind == name}
        for called, split in () if found else _asked_splits(name, protocol.split):
            task, place = _elsewhere(name, called, split, copies, hub)
            if task is None:
                absent[called] = place
            else:
                found[called] = (task, place)
        tasks += [task for task, _ in found.values()]
        places |= {called: place for called, (_, place) in found.items()}
    if not tasks:
        reasons = sorted(set(absent.values()))
        what = f"no rows of {protocol.name} are to be had: {'; '.join(reasons)}"
        remedy = "didact eval RUN --data FOLDER, a folder with copies of it, or set DIDACT_DATA"
        raise DataError(what, where=f"--on {protocol.name}", expected=f"one of: {', '.join(names[:6])}", remedy=remedy)
    number = protocol.shots if shots is None else shots
    shown = {task.name: _shown(task, protocol, copies, hub, number, seed) for task in tasks} if number else {}
    return Gathered(
        protocol,
        TaskSet(tasks),
        absent,
        places,
        {name: rows for name, (rows, _) in shown.items()},
        {name: source for name, (_, source) in shown.items()},
    )


def to_be_had(protocol: Protocol, copies: Copies | None, hub: bool) -> bool:
    """Says whether rows of a protocol are likely to be had: there is a copy of some, or the hub can be asked."""
    known = [BENCHMARKS[name] for pattern in protocol.benchmarks for name in matching(pattern)]
    if copies is not None and any(copies.source(one, split) for one in known for split in (protocol.split, one.default_split)):
        return True
    return hub and any(one.hub is not None for one in known)


def _asked_splits(name: str, split: str) -> tuple[tuple[str, str], ...]:
    """Returns the tasks that a benchmark is, each with its split: MNLI is judged on two sets, matched and mismatched.

    >>> _asked_splits("glue/mnli", "validation")
    (('glue/mnli', 'validation'), ('glue/mnli_mismatched', 'validation_mismatched'))
    """
    known, second = BENCHMARKS[name].hub, f"{split}{_MISMATCHED}"
    return ((name, split), *(((name + _MISMATCHED, second),) if known is not None and known.has(second) else ()))


def _elsewhere(name: str, called: str, split: str, copies: Copies | None, hub: bool) -> tuple[Task | None, str]:
    """Returns a benchmark's task and where it is, or None and why there is none."""
    benchmark = BENCHMARKS[name]
    splits = dict.fromkeys((split, "validation") if split == "test" else (split,))
    if benchmark.hub is not None and not any(benchmark.hub.has(one) for one in splits):
        splits = {benchmark.default_split: None}
    for one in splits if copies else ():
        if copies and (source := copies.source(benchmark, one, called)):
            try:
                return _read(source), f"{source.path}, split {one}"
            except DataError as error:
                return None, error.what
    if not hub or benchmark.hub is None:
        where = f"no copy in {copies.folder}" if copies else "no folder of copies was given"
        return None, f"{where}, and the hub {'has none' if benchmark.hub is None else 'cannot be reached'}"
    there = next((one for one in splits if benchmark.hub.has(one)), benchmark.default_split)
    try:
        return _read(Source(name=called, reader="benchmark", split=there, settings={"of": name})), f"{benchmark.hub.path}, split {there}"
    except (DataError, PrerequisiteError) as error:
        return None, error.what


def _read(source: Source) -> Task:
    """Returns a source's one task, its rows read.

    Raises:
        DataError: It has none.
    """
    task = load_tasks([source])[0]
    if not len(task.examples):
        raise DataError("no row could be read", where=source.path)
    return task


def _shown(task: Task, protocol: Protocol, copies: Copies | None, hub: bool, number: int, seed: int) -> tuple[tuple[Example, ...], str]:
    """Returns a task's demonstrations in their order, one to spare in case a row is one of them, and where they come from."""
    if protocol.shown != "published" and task.kind in BENCHMARKS:
        rows, place = _rows_of_split(task.kind, protocol.shown, copies, hub)
        if len(rows):
            order = range(len(rows)) if protocol.shown == "dev" else permutation(len(rows), seed, "shown", task.name).tolist()
            return tuple(rows[index] for index in list(order)[: number + 1]), place
    usable = tuple(example for example in task.positive if example.rationale or not protocol.cot)
    ours = all(example.id.rpartition("/")[2].startswith("sample-") for example in usable)
    samples = task.kind in BENCHMARKS and usable == tuple(e for e in BENCHMARKS[task.kind].samples if e.rationale or not protocol.cot)
    return usable[: number + 1], "didact's own sample rows" if ours and samples else "published demonstrations"


def _rows_of_split(name: str, split: str, copies: Copies | None, hub: bool) -> tuple[Sequence[Example], str]:
    benchmark = BENCHMARKS[name]
    source = copies.source(benchmark, split) if copies else None
    if source is None and hub and benchmark.hub is not None and benchmark.hub.has(split):
        source = Source(name=name, reader="benchmark", split=split, settings={"of": name})
    if source is None:
        return (), ""
    try:
        return _read(source).examples, f"split {split}"
    except (DataError, PrerequisiteError):
        return (), ""


def hub_answers() -> bool:
    """Says whether the hub may be asked: it answers, or a filled cache stands in for it (`HF_HUB_OFFLINE=1`)."""
    if os.environ.get("HF_HUB_OFFLINE") or any(os.environ.get(name) for name in ("HF_ENDPOINT", "https_proxy", "HTTPS_PROXY")):
        return True
    try:
        with socket.create_connection((_HUB, 443), timeout=_WAIT_S):
            return True
    except OSError:
        return False
