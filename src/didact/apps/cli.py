"""What a user types: the verbs, thin over the functions that do the work."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from didact import __version__
from didact.apps.answering import EPILOG as ANSWER_EXAMPLES
from didact.apps.answering import answer_sets
from didact.apps.arguments import Json, Overrides, RecipeFile, RunName, RunOrFolder
from didact.apps.arguments import examples as _examples
from didact.apps.arguments import recipe as _recipe
from didact.apps.arguments import wrong_usage as _wrong_usage
from didact.apps.checking import USUAL, Machines, Price, Probes, Speed, check_recipe
from didact.apps.console import fail, put, put_json, say, terminal_width, training_bar
from didact.apps.evaluating import EPILOG as EVAL_EXAMPLES
from didact.apps.evaluating import evaluate_run
from didact.apps.filtering import EPILOG, filter_rows
from didact.apps.probing import EPILOG as PROBE_EXAMPLES
from didact.apps.probing import probe_model
from didact.apps.rating import EPILOG as RATE_EXAMPLES
from didact.apps.rating import rate
from didact.apps.synthesis import EPILOG as SYNTH_EXAMPLES
from didact.apps.synthesis import synthesise_recipe
from didact.base.errors import DidactError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Turns a base language model into one that follows instructions, and proves it on tasks it has never seen.",
    epilog="Start with:\n\n\b\n  didact quickstart",
)
KINDS = ("tasks", "templates", "metrics", "formats", "readers", "datasets", "methods", "filters", "recipes", "runs")


def _show_version(wanted: bool) -> None:
    if wanted:
        put(f"didact {__version__}")
        raise typer.Exit


@app.callback()
def _didact(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    pass


@app.command(epilog=_examples("didact quickstart", "didact quickstart --seed 1 --json"))
def quickstart(
    overrides: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    seq2seq: Annotated[bool, typer.Option("--seq2seq", help="With the bundled encoder-decoder in place of the decoder.")] = False,
    seed: Annotated[int, typer.Option(help="What is drawn by chance: the order, the wordings.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest unfinished quickstart.")] = False,
    as_json: Json = False,
) -> None:
    """Tune a bundled base and see what that brings: the whole path, offline, in three minutes."""
    from didact.apps import quickstart as tour
    from didact.run import create_run, discard, unfinished_run

    with _recipe(tour.recipe_file(seq2seq), [f"seed={seed}", *(overrides or ())]) as settled:
        run = unfinished_run(settled) if resume else create_run(settled)
        try:
            result = tour.quickstart(settled, run, resume=resume, quiet=as_json)
        except KeyboardInterrupt as asked:
            command = " ".join(["didact quickstart", *(["--seq2seq"] if seq2seq else []), *([f"--seed {seed}"] if seed else [])])
            say(f"stopped; continue: {f'didact eval {run.name}' if run.finished else f'{command} --resume'}")
            raise typer.Exit(getattr(asked, "exit_code", 130)) from None
        finally:
            discard(run)
    if as_json:
        put_json(result)


@app.command(epilog=_examples("didact ls templates superglue/cb", "didact ls tasks recipes/demo.yaml --json"))
def ls(
    kind: Annotated[str, typer.Argument(help=", ".join(KINDS) + ".")],
    which: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE] [NAME]",
            help="A recipe with tasks and templates of your own; a name, its beginning or a glob: only those, and one alone in full.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what there is."""
    from didact.apps import lists, looking
    from didact.apps.views import record, table

    if kind not in KINDS:
        raise _wrong_usage("list", kind, KINDS)
    recipe, name = lists.split_arguments(which or ())
    with nullcontext() if recipe is None else _recipe(recipe) as settled:
        every = lists.LISTS[kind](settled)
    rows = lists.chosen(kind, every, name) if name else every
    if as_json:
        put_json({kind: rows})
    else:
        alone = bool(name) and len(rows) == 1
        put(record(rows[0]) if alone else table(rows, lists.columns(kind, rows), terminal_width()) if rows else f"no {kind} yet")
    for hint in looking.hints(kind, rows, every, name):
        say(hint)


@app.command(epilog=_examples("didact show atlas/country_fact", "didact show superglue/cb --shots 2 --cot"))
def show(
    task: Annotated[str, typer.Argument(help="A task, or a glob for the first such one: see didact ls tasks [RECIPE].")],
    recipe: Annotated[Path | None, typer.Option(help="The recipe that names its source; else recipes/demo.yaml, or the Atlas.")] = None,
    template: Annotated[str | None, typer.Option(help="A template's name; else the first that the recipe names.")] = None,
    index: Annotated[int, typer.Option(help="Number of the example, from 0.", min=0)] = 0,
    shots: Annotated[int, typer.Option(help="Demonstrations before the question.", min=0, max=100)] = 0,
    cot: Annotated[bool, typer.Option("--cot", help="Ask for the reasoning before the answer.")] = False,
    inverted: Annotated[bool, typer.Option("--inverted", help="Turn the task around: from the answer, ask for the question.")] = False,
    as_json: Json = False,
) -> None:
    """Show one rendered conversation: what is said, by whom."""
    from didact.apps.looking import ATLAS, DEMO, SAMPLES, rendered, standing_in, unknown_task
    from didact.apps.views import conversation_text

    instead = standing_in(task) if recipe is None else None
    if instead is None and recipe is None and not DEMO.exists():
        raise unknown_task(task)
    own = nullcontext(instead) if instead is not None else _recipe(recipe or DEMO)
    with own as settled:
        conversation = rendered(settled, task, template, index, shots=shots, cot=cot, inverted=inverted, bundled=recipe is None)
    if instead is not None and instead is not ATLAS:
        say(SAMPLES % instead.tasks.sources[0].name)
    put_json(conversation) if as_json else put(conversation_text(conversation))


@app.command(
    epilog=_examples("didact tokens recipes/demo.yaml", "didact tokens recipes/demo.yaml objective.prompt_weight=0.2 --index 3 --json")
)
def tokens(
    recipe: RecipeFile,
    overrides: Overrides = None,
    index: Annotated[int, typer.Option(help="Number of the draw, from 0.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Show tokens coloured by loss weight: what is trained on, and how much."""
    from didact.apps import looking, views

    with _recipe(recipe, overrides) as settled:
        origin, rows = looking.draw_as_tokens(settled, index, say)
    if as_json:
        put_json({"task": origin.task, "example": origin.example, "template": origin.template, "notes": origin.notes, "tokens": rows})
        return
    say("\n".join((f"task {origin.task}, example {origin.example}, template {origin.template}", *(f"note: {one}" for one in origin.notes))))
    trained = sum(bool(row["weight"]) for row in rows)
    say(f"{len(rows):,} tokens, {trained:,} with a loss weight; green or ⟦⟧: full weight, yellow or ⟨⟩: a smaller one")
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(views.coloured(rows), soft_wrap=True)
    else:
        put(views.marked(rows))


@app.command(
    epilog=_examples(
        "didact check recipes/demo.yaml train.max_steps=30 --machine 1x24GB", "didact check recipes/demo/tasks --reader superni"
    )
)
def check(
    path: Annotated[Path, typer.Argument(help="A recipe, or a data file or folder.")],
    overrides: Overrides = None,
    reader: Annotated[str | None, typer.Option(help="How to read a data file; else guessed from its first row.")] = None,
    target: Annotated[str | None, typer.Option(help="The answer's column of a data file, for reader rows.")] = None,
    probes: Probes = False,
    machines: Machines = None,
    speed: Speed = None,
    price: Price = None,
    as_json: Json = False,
) -> None:
    """Do everything that can fail before it costs."""
    if path.suffix not in (".yaml", ".yml"):
        if overrides:
            raise typer.BadParameter(f"{path} is no recipe, so {overrides[0]} has no meaning; a recipe ends in .yaml")
        from didact.apps.data_file import read_account

        account = read_account(path, reader, target, say)
        put_json(account) if as_json else put("\n".join(account["lines"]))
        raise typer.Exit(1 if account["num_dropped"] else 0)
    if reader or target:
        raise typer.BadParameter("--reader and --target are for data files; a recipe names them: tasks.sources")
    rates = {"tokens_per_second": speed, "price_per_hour": price}
    check_recipe(path, overrides or (), machines=machines or (), probes=probes, as_json=as_json, **rates)


@app.command(epilog=_examples("didact new my_recipe --from demo", "didact new other --from recipes/demo.yaml"))
def new(
    name: Annotated[str, typer.Argument(help="Name of the new recipe: NAME.yaml in the working folder.")],
    parent: Annotated[str, typer.Option("--from", help="A recipe to start from: a file, or a name from didact ls recipes.")] = "demo",
) -> None:
    """Write a recipe of your own, with every key, its default and its meaning."""
    from didact.apps.new_recipe import write_recipe

    path = write_recipe(name, parent)
    put(str(path))
    say(f"next: didact check {path}")


@app.command(
    epilog=_examples(
        "didact train recipes/demo.yaml train.max_steps=4", "didact train recipes/demo.yaml train.max_steps=4 name=two --processes 2"
    )
)
def train(
    recipe: RecipeFile,
    overrides: Overrides = None,
    processes: Annotated[int, typer.Option(help="Processes that share the work, one for each GPU.", min=1)] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest unfinished run of this recipe.")] = False,
    checks: Annotated[bool, typer.Option("--check", help="Only check, and plan for a GPU of 24 GB, this CPU and eight of 80 GB.")] = False,
    into: Annotated[Path | None, typer.Option(hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Tune a model; the run's folder explains itself."""
    if checks:
        check_recipe(recipe, overrides or (), machines=USUAL, as_json=as_json)
        return
    from didact.apps.console import is_main
    from didact.apps.start import chosen_run, stopped
    from didact.run import discard

    with _recipe(recipe, overrides) as settled:
        run = chosen_run(settled, resume=resume, into=into, processes=processes)
        if into is None:
            say(f"run: {run.folder}")
        try:
            if processes > 1 and into is None:
                from didact.choose import choose_first
                from didact.train.launch import launch

                choose_first(settled, run, say)
                launch(processes, ["train", str(run.folder / "recipe.yaml"), "--into", str(run.folder), *(["--resume"] if resume else [])])
                summary = run.summary()
            else:
                from didact.train.signals import ended_by_sigterm

                with ended_by_sigterm(), training_bar() as hear:
                    from didact.jobs import train as train_recipe

                    summary = train_recipe(settled, run, resume=resume, say=say, on_step=hear)
        except KeyboardInterrupt as asked:
            if into is not None:  # the process that started this one says it
                raise typer.Exit(getattr(asked, "exit_code", 130)) from None
            raise stopped(asked, " ".join(["didact train", str(recipe), *(overrides or ()), "--resume"])) from None
        finally:
            if into is None and is_main():
                discard(run)
    if into is not None or not is_main():
        return
    if as_json:
        put_json(summary)
    else:
        size = f"{summary['num_steps']:,} steps, {summary['num_tokens']:,} tokens"
        put(f"{run.folder}: {size} in {summary['seconds']:.0f} s, loss {summary['loss']:.3f}")
        say(f"next: didact eval {run.name}")


app.command(name="eval", epilog=EVAL_EXAMPLES)(evaluate_run)


@app.command(epilog=_examples("didact report last", "didact report last --json"))
def report(
    run: RunName = "last",
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Write one page about a run that opens offline: plots, scores with intervals, samples, recipe."""
    from didact.run import find_run
    from didact.studies.report import report_json, write_report

    found = find_run(run)
    page = write_report(found.folder)
    put_json({"report": str(page), **report_json(found.folder)}) if as_json else put(str(page))
    if browser:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


@app.command(epilog=_examples("didact export last my_model", "didact export demo-001 demo_model --json"))
def export(
    run: RunName,
    folder: Annotated[Path, typer.Argument(help="Where to write: a folder that does not exist yet.")],
    as_json: Json = False,
) -> None:
    """Write a run's model as an ordinary transformers folder, an adapter merged into its base."""
    from didact.apps.export import export as write_model
    from didact.run import find_run

    written = write_model(find_run(run), folder)
    if as_json:
        put_json(written)
        return
    merged = f", its {written['adapter']['kind']} adapter merged into {written['base']}" if written["adapter"] else ""
    say(f"{written['run']}, {written['checkpoint']}: {written['num_parameters'] / 1e6:.1f} M parameters in float32{merged}")
    put(str(folder))
    say(f"next: didact chat {folder}, or model.base={folder} in a recipe")


@app.command(epilog=_examples('didact chat last "Find the colour: red fox hall"', 'didact chat last "Say it twice: dog" --json'))
def chat(
    run: RunOrFolder = "last",
    questions: Annotated[list[str] | None, typer.Argument(help="Questions to ask one after the other; none: talk in the terminal.")] = None,
    system: Annotated[str, typer.Option(help="A system message.")] = "",
    as_json: Json = False,
) -> None:
    """Talk with a tuned model, in the chat format it was tuned with."""
    from didact.apps.chat import converse

    converse(run, questions, system, as_json)


app.command(name="filter", epilog=EPILOG)(filter_rows)
app.command(name="synth", epilog=SYNTH_EXAMPLES)(synthesise_recipe)
app.command(name="answer", epilog=ANSWER_EXAMPLES)(answer_sets)
app.command(name="rate", epilog=RATE_EXAMPLES)(rate)
app.command(name="probe", epilog=PROBE_EXAMPLES)(probe_model)


def main(call: Callable[[], Any] = app) -> None:
    """Runs the command line. Exit codes: 0 done, 1 a check failed, 2 wrong usage, 130 stopped by Ctrl-C, 143 by SIGTERM."""
    try:
        call()
    except DidactError as error:
        sys.exit(fail(error))
