"""Left out: seen tasks that are too near to a held-out one to be trained on, each with its reason for people."""

from collections.abc import Callable, Iterable, Sequence

from didact.base.recipe import HoldOut
from didact.tasks.clusters import COMPANIONS, clusters_of
from didact.tasks.siblings import family_of
from didact.tasks.task import Task


def datasets_of(task: Task) -> Sequence[str]:
    """Returns the source datasets of a task, without blank ones."""
    return [dataset.strip() for dataset in task.datasets if dataset.strip()]


def reasons_to_leave_out(tasks: Sequence[Task], held_out: Iterable[Task], rule: HoldOut, level: str = "unseen") -> dict[str, str]:
    """Returns, for every task that a held-out task takes with it, the reason; a shared dataset is told before a cluster.

    Args:
        tasks: What would be trained on.
        held_out: The tasks that nothing near may be trained on.
        rule: The recipe's `tasks.hold_out`: its cross rules, siblings and shared sources.
        level: What people call the held-out tasks.

    >>> toy = [Task("mrpc", (), categories=("paraphrase",)), Task("r1", (), datasets=("anli_r1",)), Task("sum", ())]
    >>> r3 = Task("r3", (), categories=("entailment",), datasets=("anli_r3",))
    >>> for name, reason in reasons_to_leave_out(toy, [r3], HoldOut(cross_rules="flan")).items():
    ...     print(f"{name}: {reason}")
    mrpc: its cluster 'paraphrase' is left out together with 'entailment', the cluster of the unseen task 'r3'
    r1: its dataset 'anli_r1' is a sibling of 'anli_r3' of the unseen task 'r3'
    """
    held_out = list(held_out)
    siblings = rule.cross_rules == "flan" if rule.siblings is None else rule.siblings
    reasons = _near_clusters(tasks, held_out, rule.cross_rules, level)
    if not rule.share_sources:
        reasons |= _shared_sources(tasks, held_out, family_of if siblings else str.casefold, level)
    return reasons


def _shared_sources(tasks: Sequence[Task], held_out: Sequence[Task], same: Callable[[str], str], level: str) -> dict[str, str]:
    """Returns the reasons of tasks that have a source dataset in common with a held-out one; `same` says which datasets are one.

    A source with levels of its own keeps seen and unseen apart by itself: its dataset is no reason.
    """
    settled = {same(dataset) for task in held_out if task.level for dataset in datasets_of(task)}
    owner: dict[str, tuple[str, str]] = {}
    for task in held_out:
        for dataset in datasets_of(task):
            if same(dataset) not in settled:
                owner.setdefault(same(dataset), (dataset, task.name))
    reasons: dict[str, str] = {}
    for task in tasks:
        shared = next((dataset for dataset in datasets_of(task) if same(dataset) in owner), None)
        if shared is not None:
            theirs, name = owner[same(shared)]
            alike = shared.casefold() == theirs.casefold()
            how = f"shares the dataset '{shared}' with" if alike else f"its dataset '{shared}' is a sibling of '{theirs}' of"
            reasons[task.name] = f"{how} the {level} task '{name}'"
    return reasons


def _near_clusters(tasks: Sequence[Task], held_out: Sequence[Task], cross_rules: str, level: str) -> dict[str, str]:
    """Returns the reasons of tasks of a held-out task's cluster, or of one that the cross rules leave out together with it."""
    if cross_rules == "none":
        return {}
    owner: dict[str, str] = {}
    for task in held_out:
        for cluster in () if task.level else clusters_of(task):
            owner.setdefault(cluster, task.name)
    reasons: dict[str, str] = {}
    for task in tasks:
        mine = clusters_of(task)
        pairs = [(c, c) for c in mine] + [(c, other) for c in mine for other in sorted(COMPANIONS[cross_rules].get(c, ()))]
        found = next(((cluster, other) for cluster, other in pairs if other in owner), None)
        if found is not None:
            cluster, other = found
            how = (
                f"is of the cluster '{cluster}', as is"
                if cluster == other
                else f"its cluster '{cluster}' is left out together with '{other}', the cluster of"
            )
            reasons[task.name] = f"{how} the {level} task '{owner[other]}'"
    return reasons
