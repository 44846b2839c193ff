"""The report's plots as inline SVG: the same bytes every time, coloured by the page, nothing loaded from elsewhere.

Colours are written as CSS variables of the page (`--ink`, `--base` ...) with a fallback, so a plot follows light and dark.
"""

import hashlib
import io
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any
from xml.sax.saxutils import escape

from didact.base.errors import missing_extra

Row = Mapping[str, Any]

# Blue and orange are told apart in every common colour blindness; the shapes of the markers differ as well.
COLOURS = {"ink": "#24292f", "muted": "#6e7783", "rule": "#d5dae0", "paper": "#fefefe", "base": "#c2570c", "tuned": "#0b63b5"}
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
_WIDTH = 9.0
"""Inches of every plot; the page scales them."""
_MOST_POINTS = 800
"""A line of more points is thinned: they could not be told apart at this width."""


def loss_curve(rows: Sequence[Row]) -> str:
    """Returns the loss over the steps, each logged value faint and their moving average strong.

    Args:
        rows: Lines of metrics.jsonl; those without a loss are passed over.

    Raises:
        PrerequisiteError: matplotlib is not installed.
    """
    points = _points(rows, "loss")
    figure = new_figure(3.2)
    axes = figure.subplots()
    axes.plot(*_thinned(points), color=COLOURS["tuned"], alpha=0.3, linewidth=0.9, marker="." if len(points) < 2 else "", label="logged")
    smooth = smoothed([value for _, value in points])
    averaged = [(step, value) for (step, _), value in zip(points, smooth, strict=True)]
    axes.plot(*_thinned(averaged), color=COLOURS["tuned"], linewidth=2, label=f"average over {_span(len(points))} logged values")
    label_axes(axes, "step", "loss (nats per trained token)")
    _thousands(axes.xaxis)
    axes.legend(frameon=False, labelcolor=COLOURS["ink"])
    return as_svg(figure, "Loss over the training steps")


def rates(rows: Sequence[Row]) -> str:
    """Returns learning rate, gradient norm and tokens per second over the steps, one panel each; panels without values are left out.

    Args:
        rows: Lines of metrics.jsonl.

    Raises:
        PrerequisiteError: matplotlib is not installed.
    """
    names = {"learning_rate": "learning rate", "grad_norm": "gradient norm (L2)", "tokens_per_second": "tokens per second"}
    panels = [(name, points) for key, name in names.items() if (points := _points(rows, key))]
    if not panels:
        return ""
    figure = new_figure(1.7 * len(panels) + 0.4)
    every = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, points) in zip(every, panels, strict=True):
        axes.plot(*_thinned(points), color=COLOURS["tuned"], linewidth=1.3, marker="." if len(points) < 2 else "")
        label_axes(axes, "", name)
        axes.set_ylim(bottom=0)
        if points[-1][1] >= 1000:
            _thousands(axes.yaxis)
    every[-1].set_xlabel("step")
    _thousands(every[-1].xaxis)
    figure.align_ylabels()
    return as_svg(figure, f"{', '.join(name for name, _ in panels)} over the training steps")


def forest(entries: Sequence[Row], axis: str) -> str:
    """Returns base and tuned scores as points with their 95 % intervals, one line for each entry, the first on top.

    Args:
        entries: `label` and what `compare` says of it: `num_examples`, `tuned` and, where there is one, `base`.
        axis: What the numbers are, with their unit.

    Raises:
        PrerequisiteError: matplotlib is not installed.
    """
    figure = new_figure(0.36 * len(entries) + 1.1)
    axes = figure.subplots()
    both = any("base" in entry for entry in entries)
    looks = {"base": ("o", COLOURS["paper"], -0.15), "tuned": ("D", COLOURS["tuned"], 0.15 if both else 0.0)}
    for model, (marker, face, offset) in looks.items():
        scored = [(place + offset, entry[model]) for place, entry in enumerate(entries) if model in entry]
        for y, score in scored:
            axes.plot([score["low"], score["high"]], [y, y], color=COLOURS[model], linewidth=1.8, solid_capstyle="butt", zorder=2)
        if scored:
            xs, ys = [score["value"] for _, score in scored], [y for y, _ in scored]
            style = {"markerfacecolor": face, "markeredgecolor": COLOURS[model], "markersize": 6, "markeredgewidth": 1.6}
            axes.plot(xs, ys, linestyle="", marker=marker, zorder=3, label=f"{model} model", **style)
    for place in range(1, len(entries), 2):
        axes.axhspan(place - 0.5, place + 0.5, color=COLOURS["rule"], alpha=0.25, linewidth=0, zorder=0)
    names = [f"{shortened(str(entry['label']))}  ({entry['num_examples']:,})" for entry in entries]
    # Without this, a name such as `$x$` would be set as a formula.
    axes.set_yticks(range(len(entries)), names, parse_math=False)
    axes.set_ylim(len(entries) - 0.5, -0.5)
    label_axes(axes, axis, "")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False, labelcolor=COLOURS["ink"])
    return as_svg(figure, f"{axis}: {'base and tuned model' if both else 'tuned model'} with 95 % intervals")


def level_bars(entries: Sequence[Row], axis: str) -> str:
    """Returns base and tuned scores as bars with their 95 % intervals, a pair for each level, from left to right.

    Args:
        entries: As for `forest`.
        axis: What the numbers are, with their unit.

    Raises:
        PrerequisiteError: matplotlib is not installed.
    """
    figure = new_figure(3.0)
    axes = figure.subplots()
    models = [model for model in ("base", "tuned") if any(model in entry for entry in entries)]
    width = 0.72 / len(models)
    for number, model in enumerate(models):
        scored = [(place, entry[model]) for place, entry in enumerate(entries) if model in entry]
        xs = [place + (number - (len(models) - 1) / 2) * width for place, _ in scored]
        heights = [score["value"] for _, score in scored]
        below = [max(score["value"] - score["low"], 0.0) for _, score in scored]
        above = [max(score["high"] - score["value"], 0.0) for _, score in scored]
        # Filled and open tell the two apart without colours.
        face = COLOURS["tuned"] if model == "tuned" else COLOURS["paper"]
        axes.bar(xs, heights, 0.92 * width, color=face, edgecolor=COLOURS[model], linewidth=1.6, label=f"{model} model", zorder=2)
        axes.errorbar(xs, heights, (below, above), linestyle="", ecolor=COLOURS["ink"], elinewidth=1.2, capsize=3, zorder=3)
    names = [f"{shortened(str(entry['label']))}\n({entry['num_examples']:,})" for entry in entries]
    label_axes(axes, "", axis)
    axes.set_xticks(range(len(entries)), names, parse_math=False)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    lowest = min((entry[model]["low"] for model in models for entry in entries if model in entry), default=0.0)
    axes.set_ylim(1.05 * min(lowest, 0.0), 105)  # a correlation may be negative
    axes.set_yticks(range(-100 if lowest < 0 else 0, 101, 20))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False, labelcolor=COLOURS["ink"])
    return as_svg(figure, f"{axis} at each level: {' and '.join(models)} model with 95 % intervals")


def smoothed(values: Sequence[float]) -> list[float]:
    """Returns the centred moving average; the window shrinks on both sides towards the ends, so a falling loss is not delayed.

    >>> smoothed([6.0, 3.0, 0.0, 3.0])
    [6.0, 3.0, 2.0, 3.0]
    """
    half = _span(len(values)) // 2
    sums = list(accumulate(values, initial=0.0))
    reach = [min(half, place, len(values) - 1 - place) for place in range(len(values))]
    return [(sums[place + side + 1] - sums[place - side]) / (2 * side + 1) for place, side in enumerate(reach)]


def _span(num_points: int) -> int:
    """Returns over how many logged values to average: about a twentieth of them, 3 to 101, an odd number."""
    return max(3, min(101, num_points // 20 // 2 * 2 + 1))


def _points(rows: Sequence[Row], key: str) -> list[tuple[float, float]]:
    found = [(row.get("step"), row.get(key)) for row in rows]
    return [(x, y) for x, y in found if isinstance(x, int | float) and isinstance(y, int | float) and math.isfinite(y)]


def _thinned(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    stride = -(-len(points) // _MOST_POINTS) or 1
    kept = [*points[::stride], *points[-1:]] if stride > 1 else list(points)
    return [x for x, _ in kept], [y for _, y in kept]


def shortened(label: str, length: int = 46) -> str:
    """Returns a label that is no longer than there is room for.

    >>> shortened("superni/task1344", 10)
    'superni/t…'
    """
    label = " ".join(label.split())
    return label if len(label) <= length else f"{label[: length - 1]}…"


def new_figure(height: float) -> Any:
    """Returns an empty figure, without pyplot and so without global state."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("the report's plots", "report") from None
    return Figure(figsize=(_WIDTH, height), layout="constrained")


def label_axes(axes: Any, x: str, y: str) -> None:
    """Names both axes and gives them the look of the page."""
    axes.set_xlabel(x, color=COLOURS["ink"], parse_math=False)
    axes.set_ylabel(y, color=COLOURS["ink"], parse_math=False)
    axes.tick_params(colors=COLOURS["ink"], labelsize=9)
    axes.grid(visible=True, color=COLOURS["rule"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["muted"])
    axes.margins(x=0.02)
    axes.set_facecolor("none")


def _thousands(axis: Any) -> None:
    axis.set_major_formatter("{x:,.0f}")
    axis.get_major_locator().set_params(integer=True)


def as_svg(figure: Any, title: str) -> str:
    """Returns the figure as an SVG element that can stand in a page beside others."""
    import matplotlib

    for axes in figure.axes:
        axes.xaxis.label.set_size(9.5)
        axes.yaxis.label.set_size(9.5)
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "didact", "legend.fontsize": 9.5}), warnings.catch_warnings():
        # The page's fonts draw the text; what matplotlib's own font lacks (Chinese, say) does not matter.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("*{stroke-line", ".plot *{stroke-line")
    # Two plots of one page must not share names: prefix them with what the plot itself says.
    prefix = "p" + hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    text = re.sub(r"<[^>]*>", lambda tag: _for_the_page(tag[0], prefix), text)
    width, height = (72 * inches for inches in figure.get_size_inches())
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {width:g} {height:g}">'
    return f"{head}<title>{escape(title)}</title>{text[text.index('>') + 1 :].rstrip()}\n"


def _for_the_page(tag: str, prefix: str) -> str:
    """Returns one tag (never the text between tags, which is data) with own names, the page's colours and its fonts."""
    tag = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\1{prefix}-", tag).replace("xlink:href", "href")
    for name, colour in COLOURS.items():
        tag = tag.replace(colour, f"var(--{name}, {colour})")
    return re.sub(r"(font-family: |font: [^'\";]*)'[^;\"]*", rf"\1{_FONTS}", tag)
