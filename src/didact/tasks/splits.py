"""Splits: which tasks are trained on and which stay unseen, and why a task is in neither."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from didact.base.chance import permutation
from didact.base.errors import DataError, RecipeError, did_you_mean
from didact.base.recipe import HoldOut
from didact.base.types import Example
from didact.tasks.task import LazyExamples, Task, TaskSet


@dataclass(frozen=True)
class Split:
    """Every task once: seen, unseen or left out with its reason."""

    seen: TaskSet
    """Trained on."""
    unseen: TaskSet
    """Never trained on; what a model is judged by."""
    held_in: TaskSet
    """Examples of seen tasks that are kept from training; empty where the recipe asks for none."""
    left_out: Mapping[str, str]
    """Task name to the reason, for people."""


def _of_category(task: Task) -> Sequence[str]:
    return task.categories or (task.category,)


def _of_dataset(task: Task) -> Sequence[str]:
    return [dataset.strip() for dataset in task.datasets if dataset.strip()]


def _of_name(task: Task) -> Sequence[str]:
    return (task.name,)


def _fits(word: str, pattern: str) -> bool:
    # A name that holds a bracket is not a glob of itself, so the word as it stands always fits.
    return word == pattern or fnmatchcase(word, pattern)


def _held_out_by(tasks: TaskSet, rule: HoldOut) -> set[str]:
    """Returns the names of the tasks that the patterns hold out; refuses, all at once, patterns that match nothing."""
    found, problems = set[str](), list[str]()
    sides: tuple[tuple[str, Sequence[str], Callable[[Task], Sequence[str]], Callable[[str], str]], ...] = (
        ("category", rule.category, _of_category, str.casefold),
        ("dataset", rule.dataset, _of_dataset, str.casefold),
        ("task", rule.task, _of_name, str),
    )
    for kind, patterns, words_of, fold in sides:
        for pattern in patterns:
            wanted = fold(pattern.strip())
            matching = {task.name for task in tasks if any(_fits(fold(word), wanted) for word in words_of(task))}
            found |= matching
            if not matching:
                known = [word for task in tasks for word in words_of(task)]
                problems.append(f"  {kind} '{pattern}': {did_you_mean(pattern, known) or f'no task has a {kind}'}")
    if problems:
        count = "1 pattern matches" if len(problems) == 1 else f"{len(problems)} patterns match"
        lines = "\n".join(problems)
        raise RecipeError(f"{count} no task\n{lines}", where="tasks.hold_out", remedy="didact ls tasks RECIPE")
    return found


def _shared_sources(tasks: Iterable[Task], unseen: TaskSet) -> dict[str, str]:
    """Returns, for every task that has a source dataset in common with an unseen task, the reason to leave it out.

    A source with levels of its own keeps seen and unseen apart by itself: its dataset is no reason.
    """
    settled = {dataset.casefold() for task in unseen if task.level for dataset in _of_dataset(task)}
    owner: dict[str, str] = {}
    for task in unseen:
        for dataset in _of_dataset(task):
            if dataset.casefold() not in settled:
                owner.setdefault(dataset.casefold(), task.name)
    reasons: dict[str, str] = {}
    for task in tasks:
        shared = [dataset for dataset in _of_dataset(task) if dataset.casefold() in owner]
        if shared:
            reasons[task.name] = f"shares the dataset '{shared[0]}' with the unseen task '{owner[shared[0].casefold()]}'"
    return reasons


def _parted(task: Task, num_held: int, seed: int) -> tuple[Task, Task]:
    """Returns the task without its held-in examples and the task with only these; nothing is read yet."""

    def part(held: bool) -> Callable[[], list[Example]]:
        def load() -> list[Example]:
            size = len(task.examples)
            chosen = set(permutation(size, seed, "held_in", task.name)[: min(num_held, size // 2)].tolist())
            return [example for index, example in enumerate(task.examples) if (index in chosen) == held]

        return load

    return task.replace(LazyExamples(part(False))), task.replace(LazyExamples(part(True)))


def hold_out(tasks: TaskSet, rule: HoldOut, seed: int = 0) -> Split:
    """Returns the tasks parted into seen, unseen and left out.

    Unseen is a task that has a level of its own, one that a pattern names (case is ignored in categories and datasets, not in task
    names) or, with `official`, one that its source's own split files call test. Left out is, with `official`, what those files
    exclude and, unless `share_sources`, every other task made from a dataset that an unseen task is made from too, if that dataset
    has no levels of its own.

    Args:
        tasks: All tasks of a recipe.
        rule: The section `tasks.hold_out`.
        seed: Decides which examples are held in: at most half of a task, none of plain text; the rest keep their order.

    Raises:
        RecipeError: A pattern matches no task (all such patterns at once), or `official` without split files.
        DataError: No task is left to train on.

    Source: Wang et al. (2022), Super-NaturalInstructions, arXiv 2204.07705, `split_tasks.py`.

    >>> toy = TaskSet([Task("nli", (), datasets=("snli",)), Task("write", (), datasets=("SNLI",)), Task("add", ())])
    >>> split = hold_out(toy, HoldOut(task=("nli",)))
    >>> [task.name for task in split.seen], split.left_out
    (['add'], {'write': "shares the dataset 'SNLI' with the unseen task 'nli'"})
    """
    held_out = _held_out_by(tasks, rule)
    left_out: dict[str, str] = {}
    if rule.official:
        if not any(task.split for task in tasks):
            remedy = "tasks.hold_out.official=false, and name what is unseen in tasks.hold_out.category"
            raise RecipeError("no source comes with split files", where="tasks.hold_out.official: true", remedy=remedy)
        held_out |= {task.name for task in tasks if task.split == "test"}
        excluded = [task.name for task in tasks if task.split == "excluded" and task.name not in held_out]
        left_out = dict.fromkeys(excluded, "excluded by the split files of its source")
    held_out |= {task.name for task in tasks if task.level}
    unseen = TaskSet(task for task in tasks if task.name in held_out)
    rest = [task for task in tasks if task.name not in held_out and task.name not in left_out]
    if not rule.share_sources:
        left_out |= _shared_sources(rest, unseen)
    seen = [task for task in rest if task.name not in left_out]
    if not seen:
        what = f"no task is left to train on ({len(tasks):,} in all, {len(unseen):,} unseen, {len(left_out):,} left out)"
        remedy = "hold out less, add a source, or set tasks.hold_out.share_sources=true"
        raise DataError(what, where="tasks.hold_out", expected="at least one seen task", remedy=remedy)
    parted = {task.name: _parted(task, rule.examples, seed) for task in seen if rule.examples and task.kind != "text"}
    return Split(
        seen=TaskSet(parted[task.name][0] if task.name in parted else task for task in seen),
        unseen=unseen,
        held_in=TaskSet(held for _, held in parted.values()),
        left_out=dict(sorted(left_out.items())),
    )


def _num_tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number:,} tasks"


def describe(split: Split, num_reasons: int = 5) -> list[str]:
    """Returns the split in lines for people: how many, levels or categories of the unseen, the first reasons. Reads no examples.

    >>> toy = TaskSet([Task("nli", (), categories=("Entailment",)), Task("add", ())])
    >>> describe(hold_out(toy, HoldOut(category=("entail*",))))
    ['seen: 1 task', 'unseen: 1 task (Entailment 1)', 'left out: 0 tasks']
    """
    categories = Counter(task.level or task.category for task in split.unseen)
    shown = ", ".join(f"{name} {count}" for name, count in sorted(categories.items(), key=lambda item: (-item[1], item[0])))
    lines = [
        f"seen: {_num_tasks(len(split.seen))}",
        f"unseen: {_num_tasks(len(split.unseen))}" + (f" ({shown})" if shown else ""),
        f"left out: {_num_tasks(len(split.left_out))}",
    ]
    reasons = list(split.left_out.items())
    lines += [f"  {name}: {reason}" for name, reason in reasons[:num_reasons]]
    if len(reasons) > num_reasons:
        lines.append(f"  ... and {len(reasons) - num_reasons} more")
    if len(split.held_in):
        lines.append(f"held in: examples of {_num_tasks(len(split.held_in))}")
    return lines
