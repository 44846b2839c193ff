"""The mixture as people read it: a row for every task of every part, and the tree that these rows are drawn as."""

from collections.abc import Mapping, Sequence
from typing import Any

from didact.data.shares import Branch, effective_number, largest_remainder

UNNAMED = "in no part"
Row = dict[str, Any]


def mixture_rows(
    parts: Sequence[Branch],
    placed: Mapping[str, Mapping[str, float]],
    sizes: Mapping[str, int],
    drawn: Mapping[str, int],
    notes: Mapping[str, str],
) -> list[Row]:
    """Returns one row for every task of every part, in the order of the parts; tasks that no part names come last.

    The draws of a task that several parts name are shared out by its shares in them, since no draw says which part it is from.

    Args:
        parts: The mixture's tree.
        placed: For the place of a part, its tasks' shares of all draws.
        sizes: Task to number of examples.
        drawn: Task to number of draws.
        notes: Task to why not more is drawn from it.
    """
    leaves = [(path, leaf) for branch in parts for path, leaf in _leaves(branch)]
    places: dict[str, list[str]] = {}
    for _, leaf in leaves:
        for name in leaf.counted:
            places.setdefault(name, []).append(leaf.place)
    num_draws = {key: number for name, here in places.items() for key, number in _shared_out(name, here, placed, drawn.get(name, 0))}
    rows = [
        _row(path, leaf.place, name, sizes[name], count, placed[leaf.place].get(name, 0.0), num_draws[name, leaf.place], notes[name])
        for path, leaf in leaves
        for name, count in leaf.counted.items()
    ]
    return [*rows, *(_row("", "", name, size, 0, 0.0, 0, UNNAMED) for name, size in sizes.items() if name not in places)]


def _leaves(branch: Branch, path: str = "") -> list[tuple[str, Branch]]:
    here = f"{path} > {branch.label}" if path else branch.label
    return [pair for inner in branch.branches for pair in _leaves(inner, here)] or [(here, branch)]


def _shared_out(
    name: str, places: list[str], placed: Mapping[str, Mapping[str, float]], num_draws: int
) -> list[tuple[tuple[str, str], int]]:
    here = [placed[place].get(name, 0.0) for place in places]
    total = sum(here)
    counts = largest_remainder([share / total for share in here], num_draws) if total else [0] * len(here)
    return [((name, place), count) for place, count in zip(places, counts, strict=True)]


def _row(part: str, place: str, task: str, size: int, counted: int, share: float, num_draws: int, note: str) -> Row:
    return {
        "part": part,
        "place": place,
        "task": task,
        "size": size,
        "counted": counted,
        "share": share,
        "num_draws": num_draws,
        "repeats": num_draws / size if size else 0.0,
        "note": note,
    }


def mixture_tree(parts: Sequence[Branch], rows: Sequence[Row], epochs: float) -> str:
    """Returns the rows drawn as a tree with aligned columns, totals and the effective number of tasks.

    Args:
        parts: The mixture's tree.
        rows: What `mixture_rows` made of it.
        epochs: What the rows' draws are counted over.
    """
    by_place: dict[str, list[Row]] = {}
    for row in rows:
        by_place.setdefault(row["place"], []).append(row)
    lines = _twigs(parts, by_place, "", more="" in by_place)
    if "" in by_place:
        lines.append((f"└── {UNNAMED}", by_place[""], ""))
        lines += _tasks(by_place[""], "    ")
    lines.append(("total", list(rows), ""))
    width = max(len(label) for label, _, _ in lines)
    drawn = [f"{'mixture':<{width}}   share %    examples       draws     seen"]
    for label, group, note in lines:
        share, num_draws = (sum(row[key] for row in group) for key in ("share", "num_draws"))
        size = sum({row["task"]: row["size"] for row in group}.values())
        times = f"{num_draws / size if size else 0:8.2f}x"
        drawn.append(f"{label:<{width}}  {100 * share:8.2f}  {size:10,}  {num_draws:10,}{times}  {note}".rstrip())
    whole, number = _effective(rows)
    drawn.append(f"effective number of tasks: {whole:.1f} of {number}; epochs: {epochs:g}")
    return "\n".join(drawn) + "\n"


def _twigs(parts: Sequence[Branch], by_place: Mapping[str, list[Row]], indent: str, more: bool) -> list[tuple[str, list[Row], str]]:
    """Returns label, rows and note of every line below a part; `more` says that another line follows at this depth."""
    lines = []
    for branch in parts:
        last = branch is parts[-1] and not more
        mine = [row for leaf in branch.leaves for row in by_place.get(leaf.place, [])]
        effective, number = _effective(mine)
        told = f"effective {effective:.1f} of {number} tasks" if branch.part.name or branch.branches else ""
        lines.append((f"{indent}{'└' if last else '├'}── {_title(branch)}", mine, told))
        below = f"{indent}{' ' if last else '│'}   "
        lines += _twigs(branch.branches, by_place, below, more=False) if branch.branches else _tasks(mine, below)
    return lines


def _tasks(rows: Sequence[Row], indent: str) -> list[tuple[str, list[Row], str]]:
    return [(f"{indent}{'└' if row is rows[-1] else '├'}── {row['task']}", [row], str(row["note"])) for row in rows]


def _title(branch: Branch) -> str:
    part = branch.part
    name = f"{part.name}: {part.tasks}" if part.name and part.tasks else branch.label
    keys = (("rate", part.rate, "g"), ("cap", part.cap, ","), ("temperature", part.temperature, "g"))
    told = ", ".join(f"{key} {value:{form}}" for key, value, form in keys if value is not None)
    return f"{name}  ({told})" if told else name


def _effective(rows: Sequence[Row]) -> tuple[float, int]:
    """Returns the effective number of tasks and how many can be drawn at all; shares of a task in several parts add up."""
    shares: dict[str, float] = {}
    for row in rows:
        if row["share"]:
            shares[row["task"]] = shares.get(row["task"], 0.0) + row["share"]
    return effective_number(shares.values()), len(shares)
