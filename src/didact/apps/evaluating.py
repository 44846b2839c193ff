"""The verb `eval`: what a user types to have a run judged, and what comes on the screen."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from didact.apps.arguments import Json, examples, wrong_usage
from didact.apps.console import asking_bar, put, put_json, say

if TYPE_CHECKING:
    from didact.questions import Wanted

EPILOG = examples("didact eval last", "didact eval last --on unseen,held_in --templates all --limit 2 --json")
Names = Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="A run; with --paired two: each by name, prefix or folder.")]
On = Annotated[
    str,
    typer.Option(
        help="Levels, benchmarks (mmlu, bbh_cot, superglue/cb, flan, lm_eval:TASK) with commas between, or all; else the recipe's."
    ),
]
Templates = Annotated[str, typer.Option(help="Wordings of each row: record, all, mixture or held_out; else the recipe's.")]
Limit = Annotated[int | None, typer.Option(help="The first so many rows of each task; else the recipe's.", min=1)]
Shots = Annotated[int | None, typer.Option(help="Demonstrations before each question; else the recipe's, of a benchmark its own.", min=0)]
Data = Annotated[str | None, typer.Option(help="A folder with copies of benchmarks; else DIDACT_DATA, else the hub.")]
Posix = Annotated[
    bool | None, typer.Option("--posix", help="Count how much likelihood answers lose in other words, too; needs --templates.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Ask all anew; else answers that were kept are taken, also of an evaluation that was ended.")
]
Recount = Annotated[bool, typer.Option("--recount", help="Count the stored answers again; no model is asked.")]
Paired = Annotated[bool, typer.Option("--paired", help="Compare the tuned models of two runs, row by row.")]
Everything = Annotated[bool, typer.Option("--all", help="Show every task in the table.")]
WAYS = ("record", "all", "mixture", "held_out")


def evaluate_run(
    runs: Names = None,
    on: On = "",
    templates: Templates = "",
    limit: Limit = None,
    shots: Shots = None,
    data: Data = None,
    posix: Posix = None,
    fresh: Fresh = False,
    paired: Paired = False,
    recount: Recount = False,
    every: Everything = False,
    as_json: Json = False,
) -> None:
    """Judge base against tuned, on tasks that were never trained on and on public benchmarks."""
    from didact.base.errors import RecipeError
    from didact.evals.protocols import check_asked
    from didact.judging import evaluate
    from didact.judging import recount as count_again
    from didact.questions import ALL, LEVELS, Wanted
    from didact.run import find_run
    from didact.train.signals import ended_by_sigterm

    names = tuple(runs or ("last",))
    if templates and templates not in WAYS:
        raise wrong_usage("way to choose wordings", templates, WAYS)
    if paired:
        _compare(names, as_json)
        return
    if len(names) > 1:
        raise typer.BadParameter(f"one run is judged at a time, and {len(names)} are named; to compare two that were judged: --paired")
    wanted = tuple(dict.fromkeys(name.strip() for name in on.split(",") if name.strip()))
    try:
        check_asked(tuple(name for name in wanted if name != ALL), LEVELS)
    except RecipeError as error:
        raise typer.BadParameter(f"{error.what}; {error.expected}") from None
    found = find_run(names[0])
    if recount:
        result = count_again(found, say)
    else:
        asked = Wanted(wanted, templates or None, limit, shots, data, posix)
        try:
            with ended_by_sigterm(), asking_bar() as hear:
                result = evaluate(found, wanted=asked, fresh=fresh, say=say, on_rows=hear)
        except KeyboardInterrupt as stopped:
            say(f"stopped; go on: {_command(found.name, asked, as_json)}")
            raise typer.Exit(getattr(stopped, "exit_code", 130)) from None
    put_json(result) if as_json else _show(result, every)
    if not as_json:
        say(f"predictions: {found.folder / 'scores'}\nnext: didact report {found.name}")


def _command(run: str, wanted: "Wanted", as_json: bool) -> str:
    """Returns what to type to have the same asked again."""
    given = {"--templates": wanted.templates, "--limit": wanted.limit, "--shots": wanted.shots, "--data": wanted.data}
    words = ["didact", "eval", run, *(["--on", ",".join(wanted.on)] if wanted.on else [])]
    words += [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return shlex.join([*words, *(["--posix"] if wanted.posix else []), *(["--json"] if as_json else [])])


def _show(result: dict[str, Any], every: bool) -> None:
    from didact.apps.score_tables import posix_table, rank_table, regression_table, three_level_table, wording_table
    from didact.apps.views import score_table

    put(score_table({**result["levels"], **result["benchmarks"]}, every=every))
    tables = {**result["levels"], **result["benchmarks"]}
    found = (rank_table(tables), wording_table(tables), posix_table(tables), regression_table(tables))
    for table in (*found, three_level_table(result["three_levels"])):
        if table:
            put(f"\n{table}")


def _compare(names: tuple[str, ...], as_json: bool) -> None:
    """Compares the tuned models of two runs on the rows that both answered."""
    from didact.apps.score_tables import paired_table
    from didact.judging import compare_runs
    from didact.run import find_run

    if len(names) != 2:
        raise typer.BadParameter(f"--paired compares two runs, and {len(names)} {'is' if len(names) == 1 else 'are'} named")
    result = compare_runs(find_run(names[0]), find_run(names[1]))
    put_json(result) if as_json else put(paired_table(result))
