"""What `didact check RECIPE` and `didact train RECIPE --check` ask and say: they are the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from didact.apps.arguments import recipe
from didact.apps.console import put, put_json, say, show_problem

USUAL = ("1x24GB", "cpu", "8x80GB")
"""One GPU of a workstation, this machine's processor, and a server's GPUs."""
Machines = Annotated[
    list[str] | None,
    typer.Option("--machine", help="Plan for another machine, for example 1x24GB, cpu or 8x80GB; may be given several times."),
]
Probes = Annotated[bool, typer.Option("--probe", help="Train a few steps, of which nothing is kept, and tell the hours from them.")]
Speed = Annotated[float | None, typer.Option("--tokens-per-second", help="How fast the machine trains, where you know it.", min=0.001)]
Price = Annotated[float | None, typer.Option("--price-per-hour", help="What the machine costs, for an estimate of the money.", min=0)]


def check_recipe(
    path: Path,
    overrides: Sequence[str],
    *,
    machines: Sequence[str] = (),
    probes: bool = False,
    tokens_per_second: float | None = None,
    price_per_hour: float | None = None,
    as_json: bool = False,
) -> None:
    """Checks a recipe and shows what was found; arguments as of `didact.jobs.check`."""
    with recipe(path, list(overrides)) as settled:
        from didact.jobs import check

        rates = {"tokens_per_second": tokens_per_second, "price_per_hour": price_per_hour}
        checked = check(settled, say, machines=machines, probes=probes, show=show_problem, **rates)
    if as_json:
        put_json(checked)
    else:
        put(f"{checked.mixture}\nall is well: {checked.num_steps:,} steps")
        say(f"next: {' '.join(['didact train', str(path), *overrides])}")
