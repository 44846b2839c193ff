"""`didact synth`: a recipe's synthetic data, with live progress and its cost; started again it goes on where it was."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from didact.apps.arguments import Json, Overrides, RecipeFile, examples
from didact.apps.console import bar, put, put_json, say
from didact.base.errors import DidactError

if TYPE_CHECKING:
    from didact.synth.progress import Progress


EPILOG = examples("didact synth recipes/self_instruct_demo.yaml", "didact synth recipes/self_instruct_demo.yaml --preflight --json")
_Preflight = Annotated[bool, typer.Option("--preflight", help="Only a small beginning: yield, tokens, price and time of the whole.")]


def synthesise_recipe(recipe: RecipeFile, overrides: Overrides = None, preflight: _Preflight = False, as_json: Json = False) -> None:
    """Make synthetic data with a teacher; started again it goes on, and asks nothing twice."""
    from didact.base.synth_file import checked_synthesis, read_synth_document
    from didact.run import runs_folder

    document = read_synth_document(recipe, overrides or ())
    settled = checked_synthesis(document)
    folder = runs_folder() / settled.name
    command = " ".join(["didact synth", str(recipe), *(overrides or ())])
    say(f"folder: {folder}")
    from didact.synth.synthesis import Made, synthesise

    try:
        with synthesis_bar(bool(settled.limits.price_in or settled.limits.price_out)) as hear:
            made = synthesise(settled, folder, only_preflight=preflight, lines=document.lines, say=say, on_progress=hear)
    except KeyboardInterrupt:
        say(f"stopped; what is answered is kept; continue: {command}")
        raise typer.Exit(130) from None
    except DidactError as error:
        error.where = document.placed(error.where)
        error.remedy = error.remedy.replace("RECIPE", str(recipe))
        raise
    if not isinstance(made, Made):
        put_json(made) if as_json else put(f"{folder / 'preflight'}")
        say(f"next: {command}")
        return
    summary = made.summary()
    put_json(summary) if as_json else put(summary["messages"])
    source = f"{{name: {settled.name}, reader: messages, path: {summary['messages']}}}"
    say(
        f"card: {folder / 'card.md'}; not kept: {folder / 'dropped.jsonl'}\nnext: put this into a recipe:\n  tasks: {{sources: [{source}]}}"
    )


@contextmanager
def synthesis_bar(priced: bool) -> Iterator[Any]:
    """Gives a hearer of progress: a bar with tokens and money on a terminal, a line every ten seconds elsewhere."""
    with bar("rows", "{task.fields[numbers]}") as progress:
        task, told = None, time.monotonic()

        def hear(now: "Progress") -> None:
            nonlocal task, told
            cost = f", {now.money:.4g} in money" if priced else ""
            lost = f", {now.num_failed:,} failed" if now.num_failed else ""
            again = f", {now.num_retried:,} sent again" if now.num_retried else ""
            tokens = now.prompt_tokens + now.completion_tokens
            numbers = f"{now.num_answered:,} answers{again}{lost}, {now.num_in_flight} under way, {tokens:,} tokens{cost}"
            if task is None:
                task = progress.add_task("rows", total=now.num_rows or None, numbers=numbers)
            progress.update(task, completed=now.num_rows_done, total=now.num_rows or None, numbers=numbers)
            if progress.disable and time.monotonic() - told > 10:
                told = time.monotonic()
                say(f"rows begun and ended: {now.num_rows_done:,} of {now.num_rows:,}; {numbers}")

        yield hear
