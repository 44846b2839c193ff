"""Splits: which tasks are trained on and which stay unseen, and why a task is in neither."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from didact.base.chance import permutation, seed_of
from didact.base.errors import DataError, RecipeError, did_you_mean
from didact.base.hold_out_section import Validation
from didact.base.recipe import HoldOut
from didact.base.types import Example
from didact.tasks.clusters import TURNED_INTO, cluster_of, clusters_of, held_out_clusters
from didact.tasks.left_out import datasets_of, reasons_to_leave_out
from didact.tasks.siblings import family_of
from didact.tasks.task import Chosen, LazyExamples, Task, TaskSet


@dataclass(frozen=True)
class Split:
    """Every task once: seen, unseen, validation or left out with its reason."""

    seen: TaskSet
    """Trained on."""
    unseen: TaskSet
    """Never trained on; what a model is judged by."""
    held_in: TaskSet
    """Examples of seen tasks that are kept from training; empty where the recipe asks for none."""
    left_out: Mapping[str, str]
    """Task name to the reason, for people."""
    validation: TaskSet = field(default_factory=lambda: TaskSet(()))
    """Never trained on and never judged by in the end: what settings and checkpoints are chosen by."""
    clusters: frozenset[str] = frozenset()
    """Clusters that training must not show."""

    def holds_out(self, category: str) -> bool:
        """Says whether a category is held out: a template that turns a task into one of it must not be trained on.

        >>> toy = TaskSet([Task("ask", (), categories=("question_generation",)), Task("add", ())])
        >>> hold_out(toy, HoldOut(task=("ask",))).holds_out("Question Generation")
        True
        """
        return cluster_of(category) in self.clusters


def _of_category(task: Task) -> Sequence[str]:
    return (*(task.categories or (task.category,)), *clusters_of(task))


def _of_dataset(task: Task) -> Sequence[str]:
    return [name for dataset in datasets_of(task) for name in (dataset, family_of(dataset))]


def _of_name(task: Task) -> Sequence[str]:
    return (task.name,)


def _fits(word: str, pattern: str) -> bool:
    # A name that holds a bracket is not a glob of itself, so the word as it stands always fits.
    return word == pattern or fnmatchcase(word, pattern)


def _named(tasks: Iterable[Task], rule: HoldOut | Validation, where: str, among: str = "") -> set[str]:
    """Returns the names of the tasks that the patterns name; refuses, all at once, patterns that match nothing."""
    tasks, found, problems = list(tasks), set[str](), list[str]()
    sides: tuple[tuple[str, Sequence[str], Callable[[Task], Sequence[str]], Callable[[str], str]], ...] = (
        ("category", rule.category, _of_category, str.casefold),
        ("dataset", rule.dataset if isinstance(rule, HoldOut) else (), _of_dataset, str.casefold),
        ("task", rule.task, _of_name, str),
    )
    for kind, patterns, words_of, fold in sides:
        for pattern in patterns:
            wanted = fold(pattern.strip())
            matching = {task.name for task in tasks if any(_fits(fold(word), wanted) for word in words_of(task))}
            found |= matching
            if not matching and not (kind == "category" and cluster_of(pattern) in TURNED_INTO):
                known = [word for task in tasks for word in words_of(task)]
                problems.append(f"  {kind} '{pattern}': {did_you_mean(pattern, known) or f'no task has a {kind}'}")
    if problems:
        count = "1 pattern matches" if len(problems) == 1 else f"{len(problems)} patterns match"
        lines = "\n".join(problems)
        raise RecipeError(f"{count} no task{among}\n{lines}", where=where, remedy="didact ls tasks RECIPE")
    return found


def _validation(tasks: Sequence[Task], rule: Validation, seed: int) -> set[str]:
    """Returns the names of the validation tasks: those that patterns name, then whole categories and tasks drawn by their names."""
    chosen = _named(tasks, rule, "tasks.hold_out.validation", " that is left to choose from") if rule.category or rule.task else set()
    free = [task for task in tasks if task.name not in chosen and task.kind != "text"]
    categories = _drawn((word for task in free for word in task.categories), rule.num_categories, seed, "categories")
    chosen |= {task.name for task in free if categories.intersection(task.categories)}
    return chosen | _drawn((task.name for task in free if task.name not in chosen), rule.num_tasks, seed, "tasks")


def _drawn(names: Iterable[str], number: int, seed: int, kind: str) -> set[str]:
    """Returns some of the names, each drawn by itself: one that is added or taken away changes at most one of the others."""
    known = sorted(set(names), key=lambda name: seed_of(seed, "validation", kind, name))
    if number > len(known):
        what = f"{number:,} {kind} cannot be kept for validation: {len(known):,} are left"
        raise RecipeError(what, where=f"tasks.hold_out.validation.num_{kind}", remedy="hold out less: didact ls tasks RECIPE")
    return set(known[:number])


def _parted(task: Task, num_held: int, seed: int) -> tuple[Task, Task]:
    """Returns the task without its held-in examples and the task with only these; nothing is read yet."""

    def part(held: bool) -> Callable[[], Sequence[Example]]:
        def load() -> Sequence[Example]:
            size = len(task.examples)
            chosen = set(permutation(size, seed, "held_in", task.name)[: min(num_held, size // 2)].tolist())
            return Chosen(task.examples, (index for index in range(size) if (index in chosen) == held))

        return load

    return task.replace(LazyExamples(part(False))), task.replace(LazyExamples(part(True)))


def hold_out(tasks: TaskSet, rule: HoldOut, seed: int = 0) -> Split:
    """Returns the tasks parted into seen, unseen, validation and left out.

    Unseen is a task that has a level of its own, one that a pattern names (case is ignored in categories and datasets, not in task
    names) or, with `official`, one that its source's own split files call test. Left out is, with `official`, what those files
    exclude; unless `share_sources`, every other task made from a dataset that an unseen task is made from too, if that dataset has
    no levels of its own; and, with `cross_rules`, every other task of a cluster that is too near. Validation tasks are taken from
    the rest, and take with them what unseen ones would.

    Args:
        tasks: All tasks of a recipe.
        rule: The section `tasks.hold_out`.
        seed: Decides which tasks are drawn for validation and which examples are held in: at most half of a task, none of plain
            text; the rest keep their order.

    Raises:
        RecipeError: A pattern matches no task (all such patterns at once), `official` without split files, or more is wanted for
            validation than is left.
        DataError: No task is left to train on.

    Source: Wang et al. (2022), Super-NaturalInstructions, arXiv 2204.07705, `split_tasks.py`; Wei et al. (2021), arXiv 2109.01652.

    >>> toy = TaskSet([Task("nli", (), datasets=("snli",)), Task("write", (), datasets=("SNLI",)), Task("add", ())])
    >>> split = hold_out(toy, HoldOut(task=("nli",)))
    >>> [task.name for task in split.seen], split.left_out
    (['add'], {'write': "shares the dataset 'SNLI' with the unseen task 'nli'"})
    """
    held_out = _named(tasks, rule, "tasks.hold_out")
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
    left_out |= reasons_to_leave_out(rest, unseen, rule)
    rest = [task for task in rest if task.name not in left_out]
    chosen = _validation(rest, rule.validation, seed)
    validation = TaskSet(task for task in rest if task.name in chosen)
    rest = [task for task in rest if task.name not in chosen]
    left_out |= reasons_to_leave_out(rest, validation, rule, "validation")
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
        validation=validation,
        clusters=held_out_clusters([*unseen, *validation], seen, rule.cross_rules, TURNED_INTO & set(map(cluster_of, rule.category))),
    )


def _num_tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number:,} tasks"


def _of_what(tasks: TaskSet) -> str:
    """Returns how many tasks there are of each level or category, in brackets."""
    counts = Counter(task.level or task.category for task in tasks)
    shown = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return f" ({shown})" if shown else ""


def describe(split: Split, num_reasons: int = 5) -> list[str]:
    """Returns the split in lines for people: how many, levels or categories of the unseen, the first reasons. Reads no examples.

    >>> toy = TaskSet([Task("nli", (), categories=("Entailment",)), Task("add", ())])
    >>> describe(hold_out(toy, HoldOut(category=("entail*",))))
    ['seen: 1 task', 'unseen: 1 task (Entailment 1)', 'left out: 0 tasks']
    """
    lines = [
        f"seen: {_num_tasks(len(split.seen))}",
        f"unseen: {_num_tasks(len(split.unseen))}{_of_what(split.unseen)}",
        f"left out: {_num_tasks(len(split.left_out))}",
    ]
    if len(split.validation):
        lines.insert(2, f"validation: {_num_tasks(len(split.validation))}{_of_what(split.validation)}")
    reasons = list(split.left_out.items())
    lines += [f"  {name}: {reason}" for name, reason in reasons[:num_reasons]]
    if len(reasons) > num_reasons:
        lines.append(f"  ... and {len(reasons) - num_reasons} more")
    if len(split.held_in):
        lines.append(f"held in: examples of {_num_tasks(len(split.held_in))}")
    return lines
