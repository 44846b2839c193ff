"""One plot of what scores owe to the wording: every wording of every task as a point, with their median and inter-quartile range."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from didact.studies.plots import COLOURS, as_svg, label_axes, new_figure, shortened

MOST_TASKS = 40
"""More tasks than these make no readable plot: those with the widest spread are shown."""
_LANES = {"base": -0.19, "tuned": 0.19}
"""Where each model's points stand within a task's line, the base above."""


def wordings_plot(table: Mapping[str, Any], axis: str = "") -> str:
    """Returns the scores of all wordings as an SVG element, a line for each task; empty where no task has two wordings.

    Templates of the mixture are dots, held-out ones open diamonds, other orders and styles of the options small crosses; a bar spans the
    inter-quartile range of the templates, a line across it is their median. Of more than 40 tasks the 40 with the widest spread are
    shown, and the axis says so.

    Args:
        table: From `over_wordings`.
        axis: What the numbers are, with their unit; empty: the table's metric, in points.

    Raises:
        PrerequisiteError: matplotlib is not installed.
    """
    tasks, num_tasks = shown_tasks(table)
    if not tasks:
        return ""
    axis = axis or f"{table['metric'].replace('_', ' ')} (points)"
    models = [model for model in _LANES if any(model in one for _, task in tasks for one in task["wordings"])]
    figure = new_figure((0.4 if len(models) > 1 else 0.3) * len(tasks) + 1.3)
    axes = figure.subplots()
    for model in models:
        lane = _LANES[model] if len(models) > 1 else 0.0
        _points(axes, model, [[(place + lane, one) for one in task["wordings"] if model in one] for place, (_, task) in enumerate(tasks)])
        _box(axes, model, [(place + lane, _scores(task, model)) for place, (_, task) in enumerate(tasks)])
    for place in range(1, len(tasks), 2):
        axes.axhspan(place - 0.5, place + 0.5, color=COLOURS["rule"], alpha=0.25, linewidth=0, zorder=0)
    names = [f"{shortened(name)}  ({len(task['wordings'])} × {task['num_examples']:,})" for name, task in tasks]
    axes.set_yticks(range(len(tasks)), names, parse_math=False)
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    left_out = f"; the {len(tasks)} of {num_tasks} tasks with the widest spread" if len(tasks) < num_tasks else ""
    label_axes(axes, f"{axis}, one point for each wording{left_out}", "")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(models) or 1, frameon=False, labelcolor=COLOURS["ink"])
    return as_svg(figure, f"{axis} of every wording: {' and '.join(models)} model, with median and inter-quartile range")


def shown_tasks(table: Mapping[str, Any], most: int = MOST_TASKS) -> tuple[list[tuple[str, Mapping[str, Any]]], int]:
    """Returns the tasks with two wordings or more, by name, at most those `most` whose scores lie farthest apart; and how many there are.

    >>> wordings = [{"template": "a", "wording": "", "tuned": {"value": 10.0}}, {"template": "b", "wording": "", "tuned": {"value": 30.0}}]
    >>> found, number = shown_tasks({"tasks": {"qa": {"wordings": wordings}, "one": {"wordings": wordings[:1]}}})
    >>> [name for name, _ in found], number
    (['qa'], 1)
    """
    several = [(name, task) for name, task in table["tasks"].items() if len(task["wordings"]) > 1]
    widest = sorted(several, key=lambda one: (-max(np.ptp(_scores(one[1], model, every=True) or [0.0]) for model in _LANES), one[0]))
    return sorted(widest[:most], key=lambda one: one[0]), len(several)


def _scores(task: Mapping[str, Any], model: str, every: bool = False) -> list[float]:
    """Returns one model's scores in the templates as they are, or in every wording where there are no others."""
    as_they_are = [one[model]["value"] for one in task["wordings"] if model in one and (every or not one["wording"])]
    return as_they_are or [one[model]["value"] for one in task["wordings"] if model in one]


def _points(axes: Any, model: str, lines: Sequence[Sequence[tuple[float, Mapping[str, Any]]]]) -> None:
    """Draws every wording of every task; the shape says what kind of wording it is."""
    points = [point for line in lines for point in line]
    kinds = {
        f"{model}, mixture": ([p for p in points if not p[1]["wording"] and not p[1]["held_out"]], "o", COLOURS[model], 5.0),
        f"{model}, held out": ([p for p in points if not p[1]["wording"] and p[1]["held_out"]], "D", COLOURS["paper"], 5.0),
        f"{model}, options in another order or style": ([p for p in points if p[1]["wording"]], "x", COLOURS[model], 4.0),
    }
    for label, (of_kind, marker, face, size) in kinds.items():
        if of_kind:
            xs, ys = [one[model]["value"] for _, one in of_kind], [y for y, _ in of_kind]
            look = {"markerfacecolor": face, "markeredgecolor": COLOURS[model], "markersize": size, "markeredgewidth": 1.2, "alpha": 0.85}
            axes.plot(xs, ys, linestyle="", marker=marker, zorder=3, label=label, **look)


def _box(axes: Any, model: str, lines: Sequence[tuple[float, Sequence[float]]]) -> None:
    """Draws the inter-quartile range of each task as a bar and its median as a line across it."""
    for y, scores in lines:
        if scores:
            low, median, high = np.quantile(scores, [0.25, 0.5, 0.75])
            axes.plot([low, high], [y, y], color=COLOURS[model], linewidth=7, alpha=0.28, solid_capstyle="butt", zorder=1)
            axes.plot([median, median], [y - 0.17, y + 0.17], color=COLOURS[model], linewidth=2, solid_capstyle="butt", zorder=4)
