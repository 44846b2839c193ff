"""What `didact filter` asks and says; the work is in `didact.apps.filter_file`."""

from pathlib import Path
from typing import Annotated

import typer

from didact.apps.arguments import Json, examples
from didact.apps.console import put, put_json, say

NAMES = (
    *("instance", "length", "keywords", "punctuation", "language", "refusals", "repetition", "leaked", "merged"),
    *("conflicts", "duplicates", "rouge", "near", "contamination", "diversity"),
)
"""Every filter: written out, so that the help loads none of them."""
EPILOG = examples(
    "didact filter recipes/demo/written.jsonl", "didact filter recipes/demo/written.jsonl --rules 'length,rouge(threshold=0.6)' --json"
)


def filter_rows(
    file: Annotated[Path, typer.Argument(help="Rows with messages, or with instruction, input and output; or a folder of such files.")],
    rules: Annotated[
        str, typer.Option(help=f"Filters, with commas between them: {', '.join(NAMES)}. Else the usual ones. Settings in brackets.")
    ] = "",
    seeds: Annotated[Path | None, typer.Option(help="Seed tasks that rule rouge compares with, one JSON object a line.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write what is kept; else NAME.kept.jsonl beside the file.")] = None,
    as_json: Json = False,
) -> None:
    """Keep the good rows of a file of instructions; the others are kept beside, each with its reason."""
    from didact.apps.filter_file import account_text, filter_file

    account = filter_file(file, rules, out, seeds)
    put_json(account) if as_json else put(account_text(account))
    say(f"kept: {account['out']}\ndropped, with reasons: {account['dropped_out']}")
    if not as_json:
        say(f"next: didact check {account['out']}" if account["num_kept"] else f"next: look into {account['dropped_out']}")
