"""Shares of the mixture: its tree of parts with the tasks that each part names, worked out from their sizes alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from didact.base.errors import RecipeError, did_you_mean
from didact.base.recipe import MixtureSection, Part


@dataclass(frozen=True)
class Branch:
    """A part of the mixture with the tasks that it came to; either `counted` or `branches` is empty."""

    part: Part
    place: str
    """Its key in the recipe, such as `mixture.parts[0].parts[1]`."""
    counted: Mapping[str, int]
    """Task to its examples after the cap, in the order of the names."""
    weights: Mapping[str, float]
    """Task to its weight after cap and temperature; tasks without examples have none."""
    branches: tuple["Branch", ...] = ()

    @property
    def label(self) -> str:
        """What people call this part: its name, its glob, or those of its parts."""
        return self.part.name or self.part.tasks or " + ".join(branch.label for branch in self.branches)

    @property
    def weight(self) -> float:
        """The sum of the weights of its tasks: what the part gets where no part beside it has a rate."""
        return _weight([self])

    @property
    def leaves(self) -> tuple["Branch", ...]:
        """The parts in it that name tasks, in their order; of such a part, itself."""
        return tuple(leaf for branch in self.branches for leaf in branch.leaves) or (self,)


def _weight(parts: Sequence[Branch]) -> float:
    return math.fsum(weight for branch in parts for leaf in branch.leaves for weight in leaf.weights.values())


def branches(sizes: Mapping[str, int], section: MixtureSection) -> tuple[Branch, ...]:
    """Returns the section's parts with their tasks.

    In one list of parts, a task belongs to the first `tasks` that names it. A part with `parts` names its tasks for itself.

    Args:
        sizes: Task name to number of examples.
        section: The recipe's mixture section.

    Raises:
        RecipeError: A part names no task, none that an earlier part has left to it, or none with examples; only some parts of a
            list have a rate; there is nothing to draw.
    """
    found = _found(section.parts, dict(sorted(sizes.items())), section.cap, section.temperature, "mixture.parts")
    if not _weight(found):
        raise RecipeError("the mixture has no examples", where="mixture", remedy="didact check RECIPE")
    return found


def _found(parts: Sequence[Part], sizes: Mapping[str, int], cap: int | None, temperature: float, where: str) -> tuple[Branch, ...]:
    """Returns one list of parts; cap and temperature are those of the part around it."""
    owner: dict[str, str] = {}
    made: list[Branch] = []
    for number, part in enumerate(parts):
        place, most, heat = f"{where}[{number}]", part.cap or cap, part.temperature or temperature
        if part.tasks is None:
            made.append(Branch(part, place, {}, {}, _found(part.parts, sizes, most, heat, f"{place}.parts")))
        else:
            free = _free(part.tasks, sizes, owner, place)
            owner.update(dict.fromkeys(free, part.tasks))
            counted = {name: min(sizes[name], most or sizes[name]) for name in free}
            made.append(Branch(part, place, counted, {name: count ** (1 / heat) for name, count in counted.items() if count}))
        if not made[-1].weight and (part.rate is not None or len(parts) == 1):
            what = f"the tasks {'named' if part.tasks else 'of part'} '{part.tasks or made[-1].label}' have no examples"
            raise RecipeError(what, where=place, remedy="didact check RECIPE")
    without = [branch for branch in made if branch.part.rate is None]
    if 0 < len(without) < len(made):
        raise RecipeError(
            f"part '{without[0].label}' has no rate, others have one",
            where=without[0].place,
            expected="a rate for every part of a list, or for none",
            remedy="add `rate: 1` to it",
        )
    return tuple(made)


def _free(glob: str, sizes: Mapping[str, int], owner: Mapping[str, str], place: str) -> list[str]:
    """Returns the tasks that a glob names and no glob before it in the list."""
    named = [name for name in sizes if fnmatchcase(name, glob)]
    if not named:
        known = did_you_mean(glob, sizes) or "at least one seen task; there is none"
        raise RecipeError(f"no seen task is named '{glob}'", where=place, expected=known, remedy="didact ls tasks RECIPE")
    free = [name for name in named if name not in owner]
    if not free:
        raise RecipeError(
            f"every task named '{glob}' belongs to an earlier part, '{owner[named[0]]}'",
            where=place,
            remedy="put the narrower part first, or remove this one",
        )
    return free


def shares_by_place(parts: Sequence[Branch], share: float = 1.0) -> dict[str, dict[str, float]]:
    """Returns, for the place of every part that names tasks, each task's share of all draws there.

    Parts share what their list has by their rates, whatever their size, or by their weights where they have no rate; tasks by their
    weights. So shares multiply on the way down, and all of them together sum to `share`.

    Source: seqio's nested mixtures; T5 (arXiv 1910.10683, section 3.5.2) for the cap before the temperature.

    >>> section = MixtureSection(cap=3000)
    >>> shares_by_place(branches({"a": 10, "b": 10_000}, section))["mixture.parts[0]"]["a"] == 10 / 3010
    True
    """
    rated = parts[0].part.rate is not None
    total = math.fsum(branch.part.rate or 0 for branch in parts) if rated else _weight(parts)
    placed: dict[str, dict[str, float]] = {}
    for branch in parts:
        mine = share * ((branch.part.rate or 0) / total) if rated else share * branch.weight / total
        if not mine:
            placed |= {leaf.place: {} for leaf in branch.leaves}
        elif branch.branches:
            placed |= shares_by_place(branch.branches, mine)
        else:
            whole, among = (mine, branch.weight) if rated else (share, total)
            placed[branch.place] = {name: whole * weight / among for name, weight in branch.weights.items()}
    return placed


def effective_number(shares: Iterable[float]) -> float:
    """Returns as many equally frequent tasks as would be as even: the exponential of the entropy; shares need not sum to 1.

    >>> effective_number([0.25, 0.25])
    2.0
    """
    given = [share for share in shares if share]
    total = math.fsum(given)
    return math.exp(-math.fsum(share / total * math.log(share / total) for share in given)) if given else 0.0


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
