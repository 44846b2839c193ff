"""How often each task is drawn: rates, caps, temperature and repetition as a deterministic stream of draws.

Counts are arithmetic, so the table is known before anything is read, and any epoch can be drawn without the ones before it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from didact.base.chance import permutation
from didact.base.errors import RecipeError, did_you_mean
from didact.base.files import fingerprint
from didact.base.recipe import MixtureSection

LIMITED = "limited by max_repeats"
TOO_SMALL = "share too small for a draw"
EMPTY = "no examples"
UNNAMED = "in no part"


@dataclass(frozen=True, slots=True)
class Draw:
    """One example to train on: which task, which of its examples, and how often the task was gone through before."""

    task: str
    index: int
    """Position in the task's examples."""
    epoch: int
    """Whole passes over this task before this draw; 0 in the first pass, so that wording is drawn anew on a repetition."""


class Mixture:
    """A deterministic stream of draws over tasks.

    Within a part, tasks share in proportion to `min(size, cap) ** (1 / temperature)`; parts share by their rates, whatever their
    size. Without rates, all tasks share as if they stood in one part.

    Args:
        sizes: Task name to number of examples, in any order.
        section: The recipe's mixture section.
        seed: The recipe's seed.

    Raises:
        RecipeError: A part names no task, or only some parts have a rate.

    Source: T5 (arXiv 1910.10683, section 3.5.2) for the cap and the temperature, the cap first.

    >>> mixture = Mixture({"a": 2, "b": 4}, MixtureSection(), seed=0)
    >>> sorted((draw.task, draw.index) for draw in mixture.draws(0))
    [('a', 0), ('a', 1), ('b', 0), ('b', 1), ('b', 2), ('b', 3)]
    """

    def __init__(self, sizes: Mapping[str, int], section: MixtureSection, seed: int) -> None:
        self.sizes = {name: int(sizes[name]) for name in sorted(sizes)}
        self.section = section
        self.seed = seed
        self.part_of = assign(self.sizes, section)
        """Task name to number of its part, for every task that a part names."""
        self.left_out = tuple(name for name in self.sizes if name not in self.part_of)
        """Tasks that no part names."""
        self.shares = shares(self.sizes, self.part_of, section)
        """Task name to its share of the draws, for every task that can be drawn; they sum to 1."""
        self._names = list(self.shares)
        self._sizes = np.array([self.sizes[name] for name in self._names], dtype=np.int64)
        total = section.epoch_size or sum(_counted(self.sizes[name], section.cap) for name in self._names)
        self._quota = np.array(largest_remainder(list(self.shares.values()), total), dtype=np.int64)
        repeats = section.max_repeats
        self._limit = self._sizes * repeats if repeats else np.full(len(self._names), np.iinfo(np.int64).max, dtype=np.int64)

    @property
    def fingerprint(self) -> str:
        """16 digits that change when sizes, section or seed change: the identity of the stream."""
        return fingerprint(self.sizes, self.section.model_dump(mode="json"), self.seed)

    @property
    def effective_tasks(self) -> float:
        """As many equally frequent tasks would be as even: the exponential of the entropy of the shares."""
        return math.exp(-sum(share * math.log(share) for share in self.shares.values()))

    def num_draws(self, epoch: int) -> int:
        """Returns the draws of one epoch; fewer than the epoch's size once tasks have reached `max_repeats`."""
        return int(self._counts(epoch).sum())

    def draws(self, epoch: int) -> list[Draw]:
        """Returns the draws of one epoch in their order.

        The k-th draw ever of a task is element `k % size` of the permutation for its pass `k // size`, so that a capped task
        shows other examples in the next epoch.
        """
        order, counts = self._order(epoch), self._counts(epoch)
        places = np.argsort(order, kind="stable")  # where each task stands in the epoch, task after task
        indices = np.empty(len(order), dtype=np.int64)
        passes = np.empty(len(order), dtype=np.int64)
        starts, end = self._start(epoch), 0
        for number, name in enumerate(self._names):
            here = places[end : end + counts[number]]
            end += counts[number]
            size = int(self._sizes[number])
            ever = np.arange(starts[number], starts[number] + len(here))
            passes[here] = ever // size
            taken = 0
            for turn in range(int(starts[number]) // size, -(-int(starts[number] + len(here)) // size)):
                stop = min((turn + 1) * size - int(starts[number]), len(here))
                row = permutation(size, self.seed, "order", name, turn)
                indices[here[taken:stop]] = row[ever[taken:stop] % size]
                taken = stop
        names = [self._names[number] for number in order]
        return list(map(Draw, names, indices.tolist(), passes.tolist()))

    def stream(self, epochs: float = 1) -> Iterator[Draw]:
        """Yields the draws of all epochs; of a part of an epoch, the first draws.

        >>> len(list(Mixture({"a": 10}, MixtureSection(), seed=0).stream(1.5)))
        15
        """
        for epoch, num_draws in self.epochs(epochs):
            yield from self.draws(epoch)[:num_draws]

    def table(self, epochs: float = 1) -> list[dict[str, Any]]:
        """Returns one row for every task, in the order of the parts: what will be drawn from it, and why not more.

        Args:
            epochs: Passes over the mixture; a part of one is allowed.

        Returns:
            Rows of `part` (its glob; empty: in no part), `task`, `size`, `counted` (size after the cap), `share` (0 to 1, as asked
            for), `num_draws`, `repeats` (draws for each example) and `note`.
        """
        drawn = np.zeros(len(self._names), dtype=np.int64)
        whole = int(epochs)
        if whole:
            drawn += self._start(whole)
        for epoch, num_draws in self.epochs(epochs):
            if epoch >= whole:
                drawn += np.bincount(self._order(epoch)[:num_draws], minlength=len(self._names))
        wanted = self._quota * math.ceil(epochs)
        position = {name: number for number, name in enumerate(self._names)}
        rows = []
        for name, part in [*sorted(self.part_of.items(), key=lambda item: (item[1], item[0])), *((name, -1) for name in self.left_out)]:
            size, number = self.sizes[name], position.get(name)
            num_draws, note = 0, UNNAMED if part < 0 else EMPTY
            if number is not None:
                num_draws = int(drawn[number])
                note = LIMITED if wanted[number] > self._limit[number] else "" if self._quota[number] else TOO_SMALL
            rows.append(
                {
                    "part": self.section.parts[part].tasks if part >= 0 else "",
                    "task": name,
                    "size": size,
                    "counted": _counted(size, self.section.cap) if part >= 0 else 0,
                    "share": self.shares.get(name, 0.0),
                    "num_draws": num_draws,
                    "repeats": num_draws / size if size else 0.0,
                    "note": note,
                }
            )
        return rows

    def tree(self, epochs: float = 1) -> str:
        """Returns the table drawn as a tree of parts and tasks with aligned columns, totals and the effective number of tasks."""
        rows = self.table(epochs)
        lines: list[tuple[str, list[dict[str, Any]], str]] = []
        groups = [(part.tasks + (f"  (rate {part.rate:g})" if part.rate else ""), i) for i, part in enumerate(self.section.parts)]
        groups += [(UNNAMED, -1)] if self.left_out else []
        for label, number in groups:
            mine = [row for row in rows if self.part_of.get(row["task"], -1) == number]
            last_group = number == groups[-1][1]
            lines.append((f"{'└' if last_group else '├'}── {label}", mine, ""))
            for row in mine:
                twig = "└" if row is mine[-1] else "├"
                lines.append((f"{' ' if last_group else '│'}   {twig}── {row['task']}", [row], str(row["note"])))
        lines.append(("total", rows, ""))
        width = max(len(label) for label, _, _ in lines)
        drawn = [f"{'mixture':<{width}}   share %    examples       draws     seen"]
        for label, group, note in lines:
            share, size, num_draws = (sum(row[key] for row in group) for key in ("share", "size", "num_draws"))
            times = f"{num_draws / size if size else 0:8.2f}x"
            drawn.append(f"{label:<{width}}  {100 * share:8.2f}  {size:10,}  {num_draws:10,}{times}  {note}".rstrip())
        drawn.append(f"effective number of tasks: {self.effective_tasks:.1f} of {len(self.shares)}; epochs: {epochs:g}")
        return "\n".join(drawn) + "\n"

    def _start(self, epoch: int) -> np.ndarray:
        """Returns how often each task was drawn before the epoch, int64 (tasks,)."""
        return np.minimum(self._quota * epoch, self._limit)

    def _counts(self, epoch: int) -> np.ndarray:
        counts: np.ndarray = self._start(epoch + 1) - self._start(epoch)
        return counts

    def _order(self, epoch: int) -> np.ndarray:
        """Returns the number of the task of every draw of the epoch: the multiset of tasks, shuffled."""
        tasks = np.repeat(np.arange(len(self._names)), self._counts(epoch))
        shuffled: np.ndarray = tasks[permutation(len(tasks), self.seed, "interleave", epoch)]
        return shuffled

    def epochs(self, epochs: float) -> Iterator[tuple[int, int]]:
        """Yields (epoch, how many of its first draws count) for a number of epochs, which need not be whole."""
        for epoch in range(math.ceil(epochs)):
            part = min(1.0, epochs - epoch)
            # Rounded up, so that no part of an epoch is empty; the small number keeps 0.1 * 30 at 3.
            yield epoch, math.ceil(self.num_draws(epoch) * part - 1e-9)


def assign(sizes: Mapping[str, int], section: MixtureSection) -> dict[str, int]:
    """Returns for each task the number of the first part whose glob names it.

    Raises:
        RecipeError: A part names no task, or none that an earlier part has left to it.
    """
    part_of: dict[str, int] = {}
    for number, part in enumerate(section.parts):
        where = f"mixture.parts[{number}]"
        named = [name for name in sorted(sizes) if fnmatchcase(name, part.tasks)]
        if not named:
            known = did_you_mean(part.tasks, sizes) or "at least one seen task; there is none"
            raise RecipeError(f"no seen task is named '{part.tasks}'", where=where, expected=known, remedy="didact ls tasks RECIPE")
        free = [name for name in named if name not in part_of]
        if not free:
            earlier = section.parts[part_of[named[0]]].tasks
            raise RecipeError(
                f"every task named '{part.tasks}' belongs to an earlier part, '{earlier}'",
                where=where,
                remedy="put the narrower part first, or remove this one",
            )
        if not any(sizes[name] for name in free) and (part.rate is not None or len(section.parts) == 1):
            raise RecipeError(f"the tasks named '{part.tasks}' have no examples", where=where, remedy="didact check RECIPE")
        part_of.update(dict.fromkeys(free, number))
    return part_of


def shares(sizes: Mapping[str, int], part_of: Mapping[str, int], section: MixtureSection) -> dict[str, float]:
    """Returns each task's share of the draws, in the order of the task names; tasks without examples have none.

    Raises:
        RecipeError: Some parts have a rate and others do not, or there is nothing to draw.

    >>> section = MixtureSection(cap=3000)
    >>> shares({"a": 10, "b": 10_000}, {"a": 0, "b": 0}, section)["a"] == 10 / 3010
    True
    """
    rates = [part.rate for part in section.parts]
    without = [number for number, rate in enumerate(rates) if rate is None]
    if 0 < len(without) < len(rates):
        raise RecipeError(
            f"part '{section.parts[without[0]].tasks}' has no rate, others have one",
            where=f"mixture.parts[{without[0]}]",
            expected="a rate for every part, or for none",
            remedy="add `rate: 1` to it",
        )
    weights = {name: _counted(sizes[name], section.cap) ** (1 / section.temperature) for name in sorted(part_of) if sizes[name]}
    if not weights:
        raise RecipeError("the mixture has no examples", where="mixture", remedy="didact check RECIPE")
    if without:
        total = math.fsum(weights.values())
        return {name: weight / total for name, weight in weights.items()}
    sums = [math.fsum(weight for name, weight in weights.items() if part_of[name] == number) for number in range(len(rates))]
    all_rates = math.fsum(rate or 0 for rate in rates)
    return {name: (rates[part_of[name]] or 0) / all_rates * weight / sums[part_of[name]] for name, weight in weights.items()}


def largest_remainder(parts: list[float], total: int) -> list[int]:
    """Returns whole numbers in proportion to `parts` (which sum to 1) that sum to `total` exactly; a tie goes to the earlier one.

    >>> largest_remainder([0.5, 0.25, 0.25], 5)
    [3, 1, 1]
    """
    # Rounded, so that the last bit of a float decides neither a whole number nor a tie.
    ideal = [round(part * total, 6) for part in parts]
    counts = [math.floor(count) for count in ideal]
    by_remainder = sorted(range(len(parts)), key=lambda i: (counts[i] - ideal[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts


def _counted(size: int, cap: int | None) -> int:
    return min(size, cap) if cap else size
