"""`didact filter FILE`: the filters of synthesis on any file of instructions, what is dropped kept beside it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.files import write_jsonl
from didact.base.strict_yaml import parse_yaml
from didact.synth.filters import FILTERS, USUAL, Chosen, apply_filters
from didact.synth.outcome import Row
from didact.synth.seeds import load_seeds
from didact.tasks.conversations import openai_messages
from didact.tasks.rows import find_files, open_rows
from didact.tasks.task import ReadReport

_EXPECTED = "rows with messages, or with instruction and output (input may be empty), or with prompt and completion"
_ENDING = re.compile(r"(\.(jsonl|json|csv|tsv|parquet))?(\.gz)?$")
_ASKED, _ANSWERED = ("instruction", "prompt", "question"), ("output", "completion", "response", "answer")


def filter_file(path: Path, rules: str, out: Path | None = None, seeds: Path | None = None) -> dict[str, Any]:
    """Writes the rows that are kept and, beside them, those that are dropped, each row as it was.

    Args:
        path: A file, or a folder of files, that `didact check` reads as rows: messages, or instruction, input and output.
        rules: Names of filters with commas between them, each perhaps with settings: `length,rouge(threshold=0.6,strict=true)`; empty:
            the usual ones.
        out: Where to write what is kept; None: `NAME.kept.jsonl` beside the file. Dropped rows are in `.dropped.jsonl` beside that.
        seeds: A file of seed tasks that rule `rouge` compares with; None: none.

    Returns:
        `num_in`, `num_kept`, `num_dropped`, `dropped` (reason to count), `out`, `dropped_out`: in = kept + dropped.

    Raises:
        DataError: There is nothing to read, or no row that can be.
        RecipeError: No filter has such a name, or a setting is unknown or wrong.
    """
    chosen = filters_of(rules)
    instructions = [seed.instruction for seed in load_seeds(seeds)] if seeds else []
    raw, rows, unread, num_unread = _read(path)
    kept, dropped = apply_filters(rows, chosen, instructions)
    out = out or path.with_name(f"{_ENDING.sub('', path.resolve().name)}.kept.jsonl")
    dropped_out = out.with_name(f"{out.name.removesuffix('.jsonl').removesuffix('.kept')}.dropped.jsonl")
    sources = {file.resolve() for file in find_files(str(path))}
    for target in (out, dropped_out):
        if target.resolve() in sources:
            raise DataError(f"{target} is what is read", expected="another file to write to", remedy="--out OTHER.jsonl")
    write_jsonl(out, (raw[int(row.id)] for row in kept))
    told = [{**raw[int(one.row.id)], "dropped": {"reason": one.reason, **_found(one.row)}} for one in dropped]
    write_jsonl(dropped_out, [*unread, *told])
    reasons = num_unread + Counter(one.reason for one in dropped)
    return {
        "num_in": len(rows) + num_unread.total(),
        "num_kept": len(kept),
        "num_dropped": len(dropped) + num_unread.total(),
        "dropped": dict(reasons.most_common()),
        "filters": [one if isinstance(one, str) else {one[0]: dict(one[1])} for one in chosen],
        "out": str(out),
        "dropped_out": str(dropped_out),
    }


def filters_of(rules: str) -> list[Chosen]:
    """Returns the filters that a list on the command line names.

    >>> filters_of("length,rouge(threshold=0.6,strict=true)")
    ['length', ('rouge', {'threshold': 0.6, 'strict': True})]
    """
    if not rules.strip():
        return list(USUAL)
    found = list[Chosen]()
    for rule in _split(rules):
        name, bracket, settings = rule.partition("(")
        pairs = [setting.partition("=") for setting in _split(settings.strip().removesuffix(")"))] if bracket else []
        values = {key.strip(): parse_yaml(f"value: {value}", f"--rules {rule}").data["value"] for key, _, value in pairs}
        FILTERS[name.strip()]  # An unknown name is told before anything is read.
        found.append((name.strip(), values) if values else name.strip())
    return found


def _split(text: str) -> list[str]:
    """Returns the parts between commas that stand in no bracket."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def account_text(account: Mapping[str, Any]) -> str:
    """Returns the account for people: in = kept + dropped, and why."""
    first = f"{account['num_in']:,} rows = {account['num_kept']:,} kept + {account['num_dropped']:,} dropped"
    return "\n".join([first, *(f"  {count:>9,}  {reason}" for reason, count in account["dropped"].items())])


def _read(path: Path) -> tuple[list[dict[str, Any]], list[Row], list[dict[str, Any]], Counter[str]]:
    """Returns the rows as they stand in the file, the same as Rows whose ids are their numbers, those that cannot be read, and why."""
    report = ReadReport(str(path))
    raw, rows, unread = list[dict[str, Any]](), list[Row](), list[dict[str, Any]]()
    for file, label, one in open_rows(str(path), report=report):
        try:
            rows.append(row_of(one, str(len(raw))))
        except DataError as error:
            report.dropped[error.what] += 1
            unread.append({**one, "dropped": {"reason": f"unreadable: {error.what}", "where": f"{file}, {label}"}})
            continue
        raw.append(dict(one))
    unread += [{"dropped": {"reason": f"unreadable: {one.reason}", "where": f"{one.file}, {one.row}"}} for one in report.refusals]
    if not rows:
        where = "; ".join(f"{one['dropped']['where']}: {one['dropped']['reason']}" for one in unread[:3])
        what, remedy = "no row can be read" if unread else "there is no row", f"see how it can be read: didact check {path}"
        raise DataError(what, where=where or str(path), expected=_EXPECTED, remedy=remedy)
    return raw, rows, unread, Counter({f"unreadable: {reason}": count for reason, count in report.dropped.items()})


def row_of(row: Mapping[str, Any], id: str = "") -> Row:
    """Returns a row of a file as a Row; what a synthesis wrote beside its messages is used where it is there.

    Raises:
        DataError: It has neither messages nor an instruction and an output.

    >>> row_of({"prompt": "1+1?", "completion": "2"}).about
    {'instruction': '1+1?', 'input': '', 'output': '2'}
    """
    about = row.get("about")
    parts = {part: about[part] for part in ("instruction", "input", "output") if part in about} if isinstance(about, Mapping) else {}
    if isinstance(row.get("messages"), Sequence) and not isinstance(row["messages"], str):
        return Row(id, tuple(openai_messages(row["messages"])), about=parts)
    asked = next((row[key] for key in _ASKED if row.get(key) is not None), None)
    answered = next((row[key] for key in _ANSWERED if row.get(key) is not None), None)
    given = row.get("input") or ""
    if asked is None or answered is None:
        raise DataError("no messages" if asked is None and answered is None else "no instruction" if asked is None else "no output")
    for name, value in (("instruction", asked), ("input", given), ("output", answered)):
        if not isinstance(value, str):
            raise DataError(f"{name} is not text")
    return Row(id, about={"instruction": asked, "input": given, "output": answered})


def _found(row: Row) -> dict[str, Any]:
    """Returns what the filter that dropped a row has measured."""
    similar = row.about.get("similar_to")
    return {**row.scores, **({"similar_to": similar} if similar is not None else {})}
