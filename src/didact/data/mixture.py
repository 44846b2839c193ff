"""How often each task is drawn: rates, caps, temperature and repetition as a deterministic stream of draws.

Counts are arithmetic, so the table is known before anything is read, and any epoch can be drawn without the ones before it.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from didact.base.chance import permutation
from didact.base.files import fingerprint
from didact.base.recipe import MixtureSection
from didact.data.draws import Draw as Draw
from didact.data.draws import Draws
from didact.data.mixture_tree import mixture_rows, mixture_tree
from didact.data.shares import branches, effective_number, shares_by_place
from didact.data.shares import largest_remainder as largest_remainder

LIMITED = "limited by max_repeats"
TOO_SMALL = "share too small for a draw"
EMPTY = "no examples"


class Mixture:
    """A deterministic stream of draws over tasks.

    Within a part, tasks share in proportion to `min(size, cap) ** (1 / temperature)`; parts share by their rates, whatever their
    size, and may hold parts in turn. In a list without rates, all tasks share as if they stood in one part. The shares of a task
    that several parts with `parts` name add up.

    Args:
        sizes: Task name to number of examples, in any order.
        section: The recipe's mixture section.
        seed: The recipe's seed.

    Raises:
        RecipeError: A part names no task, or only some parts of a list have a rate.

    Source: T5 (arXiv 1910.10683, section 3.5.2) for the cap and the temperature, the cap first; seqio for nested mixtures.

    >>> mixture = Mixture({"a": 2, "b": 4}, MixtureSection(), seed=0)
    >>> sorted((draw.task, draw.index) for draw in mixture.draws(0))
    [('a', 0), ('a', 1), ('b', 0), ('b', 1), ('b', 2), ('b', 3)]
    """

    def __init__(self, sizes: Mapping[str, int], section: MixtureSection, seed: int) -> None:
        self.sizes = {name: int(sizes[name]) for name in sorted(sizes)}
        self.section = section
        self.seed = seed
        self.parts = branches(self.sizes, section)
        """The tree of parts with the tasks of each."""
        leaves = [(number, leaf) for number, branch in enumerate(self.parts) for leaf in branch.leaves]
        self.part_of = {name: number for number, leaf in reversed(leaves) for name in leaf.counted}
        """Task name to number of the first part of the recipe's list that it is in, for every task that a part names."""
        self.left_out = tuple(name for name in self.sizes if name not in self.part_of)
        """Tasks that no part names."""
        self.by_place = shares_by_place(self.parts)
        """For every part that names tasks, by its key in the recipe, their shares of all draws."""
        pairs = sorted((pair for here in self.by_place.values() for pair in here.items()), key=lambda pair: pair[0])
        self.shares = {name: math.fsum(share for _, share in same) for name, same in groupby(pairs, key=lambda pair: pair[0])}
        """Task name to its share of the draws, for every task that can be drawn; they sum to 1."""
        self._names = list(self.shares)
        self._sizes = np.array([self.sizes[name] for name in self._names], dtype=np.int64)
        # A task that several parts name counts once, with the largest of their caps: an epoch is about one pass over each task.
        counted = dict(sorted(pair for _, leaf in leaves for pair in leaf.counted.items()))
        total = section.epoch_size or sum(counted[name] for name in self._names)
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
        return effective_number(self.shares.values())

    def num_draws(self, epoch: int) -> int:
        """Returns the draws of one epoch; fewer than the epoch's size once tasks have reached `max_repeats`."""
        return int(self._counts(epoch).sum())

    def draws(self, epoch: int) -> Draws:
        """Returns the draws of one epoch in their order; each is made when it is asked for.

        The k-th draw ever of a task is element `k % size` of the permutation for its pass `k // size`, so that a capped task
        shows other examples in the next epoch.
        """
        order, counts = self._order(epoch), self._counts(epoch)
        places = np.argsort(order, kind="stable")  # where each task stands in the epoch, task after task
        indices = np.empty(len(order), dtype=np.int32)
        passes = np.empty(len(order), dtype=np.int32)
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
        return Draws(self._names, order, indices, passes)

    def stream(self, epochs: float = 1) -> Iterator[Draw]:
        """Yields the draws of all epochs; of a part of an epoch, the first draws.

        >>> len(list(Mixture({"a": 10}, MixtureSection(), seed=0).stream(1.5)))
        15
        """
        for epoch, num_draws in self.epochs(epochs):
            yield from self.draws(epoch)[:num_draws]

    def table(self, epochs: float = 1) -> list[dict[str, Any]]:
        """Returns one row for every task, in the order of the parts: what will be drawn from it, and why not more.

        A task that several parts name has a row in each of them, and its draws are shared out over these.

        Args:
            epochs: Passes over the mixture; a part of one is allowed.

        Returns:
            Rows of `part` (its name or glob, those around it in front; empty: in no part), `place` (its key in the recipe), `task`,
            `size`, `counted` (size after the cap), `share` (0 to 1, as asked for), `num_draws`, `repeats` (draws for each example)
            and `note`.
        """
        drawn = np.zeros(len(self._names), dtype=np.int64)
        whole = int(epochs)
        if whole:
            drawn += self._start(whole)
        for epoch, num_draws in self.epochs(epochs):
            if epoch >= whole:
                drawn += np.bincount(self._order(epoch)[:num_draws], minlength=len(self._names))
        limited = self._quota * math.ceil(epochs) > self._limit
        notes = dict.fromkeys(self.sizes, EMPTY)
        for number, name in enumerate(self._names):
            notes[name] = LIMITED if limited[number] else "" if self._quota[number] else TOO_SMALL
        return mixture_rows(self.parts, self.by_place, self.sizes, dict(zip(self._names, drawn.tolist(), strict=True)), notes)

    def tree(self, epochs: float = 1) -> str:
        """Returns the table drawn as a tree of parts and tasks with aligned columns, totals and the effective number of tasks.

        A part with a name or with parts of its own tells its effective number of tasks too.
        """
        return mixture_tree(self.parts, self.table(epochs), epochs)

    def _start(self, epoch: int) -> np.ndarray:
        """Returns how often each task was drawn before the epoch, int64 (tasks,)."""
        return np.minimum(self._quota * epoch, self._limit)

    def _counts(self, epoch: int) -> np.ndarray:
        counts: np.ndarray = self._start(epoch + 1) - self._start(epoch)
        return counts

    def _order(self, epoch: int) -> np.ndarray:
        """Returns the number of the task of every draw of the epoch: the multiset of tasks, shuffled."""
        tasks = np.repeat(np.arange(len(self._names), dtype=np.int32), self._counts(epoch))
        shuffled: np.ndarray = tasks[permutation(len(tasks), self.seed, "interleave", epoch)]
        return shuffled

    def epochs(self, epochs: float) -> Iterator[tuple[int, int]]:
        """Yields (epoch, how many of its first draws count) for a number of epochs, which need not be whole."""
        for epoch in range(math.ceil(epochs)):
            part = min(1.0, epochs - epoch)
            # Rounded up, so that no part of an epoch is empty; the small number keeps 0.1 * 30 at 3.
            yield epoch, math.ceil(self.num_draws(epoch) * part - 1e-9)
