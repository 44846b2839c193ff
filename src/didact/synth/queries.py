"""Which queries of a collection are answered: any, so many of each task, or drawn task by task; and which a second teacher gets."""

from collections.abc import Sequence
from typing import Literal

from didact.base.chance import permutation, rng
from didact.synth.outcome import Row

Draw = Literal["rows", "per_task", "tasks"]


def draw_queries(rows: Sequence[Row], num: int, seed: int, draw: Draw = "rows", most: int | None = None) -> list[Row]:
    """Returns the rows that are answered, none twice.

    Args:
        rows: Of all tasks; the name of a row's task stands in `about`.
        num: Rows wanted.
        seed: The draw is drawn from it.
        draw: rows: any; per_task: an equal number of each task, so far as it has them; tasks: again and again one unused row of a task
            drawn from those that have any left, so that a large task gives no more than a small one until that is used up.
        most: Rows of one task that take part.

    Source: Mukherjee et al. (2023), Orca, arXiv 2306.02707, section 3.1: 300 of each task of NIV2; for Flan 2021 and T0 at most a million
    of a task take part, then `tasks`.

    >>> rows = [Row(f"{task}{number}", about={"task": task}) for task, size in (("a", 1), ("b", 9)) for number in range(size)]
    >>> sorted(row.id[0] for row in draw_queries(rows, 4, 0, "per_task"))
    ['a', 'b', 'b', 'b']
    """
    tasks: dict[str, list[Row]] = {}
    for row in rows:
        tasks.setdefault(str(row.about.get("task", "")), []).append(row)
    left = {name: [own[at] for at in permutation(len(own), seed, "synth", "queries", name).tolist()][:most] for name, own in tasks.items()}
    if draw == "rows":
        pool = [row for own in left.values() for row in own]
        return [pool[at] for at in permutation(len(pool), seed, "synth", "queries").tolist()[:num]]
    if draw == "per_task":
        longest = max(map(len, left.values()), default=0)
        return [own[place] for place in range(longest) for own in left.values() if place < len(own)][:num]
    rand, chosen, names = rng(seed, "synth", "queries", "tasks"), list[Row](), list(left)
    while names and len(chosen) < num:
        at = rand.randrange(len(names))
        chosen.append(left[names[at]].pop())
        if not left[names[at]]:
            del names[at]
    return chosen


def in_share(row_id: str, seed: int, share: float) -> bool:
    """Says whether a row is in a share of all, drawn by its identity: a smaller share is a part of a larger one.

    >>> num = sum(in_share(str(number), 0, 0.2) for number in range(1000))
    >>> 150 < num < 250, all(in_share(str(number), 0, 0.5) for number in range(100) if in_share(str(number), 0, 0.2))
    (True, True)
    """
    return rng(seed, "synth", "share", row_id).random() < share
