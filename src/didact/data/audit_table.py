"""The audit as a table: a row for each task and each source, the worst first, with what was cut and what was left out beside it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from didact.base.errors import DataError
from didact.base.recipe import AdapterSection
from didact.base.text_table import table
from didact.data.audit import ANSWERS, COLUMNS, EXAMPLES, TERMINATED, Audit, of_counts, percent
from didact.data.token_report import TOO_LONG, TokenReport

MOST = 10
"""Lines of a table that people are shown."""
_ALWAYS = ("examples", "tokens", "supervised")
_TROUBLE = (
    ("none supervised", "unsupervised"),
    ("no terminator", "unterminated"),
    ("double BOS", "double_bos"),
    ("stripped characters", "characters_stripped"),
    ("lost characters", "characters_lost"),
    ("too long", "too_long"),
    ("left out", "otherwise_dropped"),
    ("cut", "cut"),
    ("tokens cut", "tokens_cut"),
    ("turns cut", "turns_cut"),
)
"""Heading and key of the columns that are shown where they are not 0 everywhere, the worst first."""
_STOPS = 4
"""So many of them stop a run."""
Row = dict[str, Any]


def account(
    audit: Audit,
    tokens: TokenReport,
    source_of: Mapping[str, str],
    untrained: Mapping[str, str] | None = None,
    adapter: AdapterSection | None = None,
) -> Row:
    """Returns all that is known before the first step, as plain data: `Audit.to_dict`, with rows of everything by task and by source.

    Args:
        audit: What is trained on.
        tokens: What was cut, and what was left out.
        source_of: Task to the source that it was read from.
        untrained: Control tokens that the base has never learnt, each with how that is known; None: nobody has looked.
        adapter: The recipe's `model.adapter`; None: the whole model is trained.
    """
    by_task = rows(audit, tokens)
    return {
        **audit.to_dict(),
        "too_long": tokens.dropped[TOO_LONG],
        "too_long_share": tokens.dropped[TOO_LONG] / max(tokens.num_kept + tokens.dropped.total(), 1),
        "by_task": by_task,
        "by_source": rows(audit, tokens, source_of),
        "untrained_tokens": None if untrained is None else dict(untrained),
        "lines": [*audit.lines(), *_warnings(tokens, by_task), *_of_tokens(untrained or {}, adapter)],
    }


def rows(audit: Audit, tokens: TokenReport, group_of: Mapping[str, str] | None = None) -> dict[str, Row]:
    """Returns what is known of each task, or of each group of tasks, by name.

    Args:
        audit: What is trained on.
        tokens: What was cut, and what was left out.
        group_of: Task to its group; None: each task by itself.
    """
    groups: dict[str, list[str]] = {}
    for task in sorted({*audit.by_task, *tokens.dropped_by_task, *tokens.cut_by_task}):
        groups.setdefault(task if group_of is None else group_of.get(task, task), []).append(task)
    return {name: _row(audit, tokens, tasks) for name, tasks in groups.items()}


def _row(audit: Audit, tokens: TokenReport, tasks: Sequence[str]) -> Row:
    """Returns the sums over a few tasks."""
    nothing = [0] * len(COLUMNS)
    counts = [sum(numbers) for numbers in zip(*(audit.by_task.get(task, nothing) for task in tasks), strict=True)]
    cuts = [sum(numbers) for numbers in zip(*(tokens.cut_by_task.get(task, (0, 0, 0)) for task in tasks), strict=True)]
    dropped = sum((tokens.dropped_by_task.get(task, Counter()) for task in tasks), Counter[str]())
    out, too_long = dropped.total(), dropped[TOO_LONG]
    return {
        **of_counts(counts),
        "unterminated": counts[ANSWERS] - counts[TERMINATED],
        **dict(zip(("cut", "tokens_cut", "turns_cut"), cuts, strict=True)),
        "too_long": too_long,
        "too_long_share": too_long / max(counts[EXAMPLES] + out, 1),
        "otherwise_dropped": out - too_long,
        "dropped": dict(dropped),
    }


def badness(row: Row) -> tuple[float, ...]:
    """Returns what rows are sorted by, the worst first: problems that stop a run, then what is missing, then the least supervised.

    Args:
        row: One of `rows`.
    """
    seen = max(row["examples"] + row["too_long"] + row["otherwise_dropped"], 1)
    shares = [row[key] / (max(row["characters"], 1) if key.startswith("characters") else seen) for _, key in _TROUBLE[:-2]]
    return -sum(shares[:_STOPS]), -sum(shares[_STOPS:]), row["supervised_share"]


def is_well(row: Row) -> bool:
    """Says whether nothing is wrong with a row of `rows`; a prompt that was cut to fit is no fault."""
    return not any(row[key] for _, key in _TROUBLE if "cut" not in key)


def lines(found: Mapping[str, Row], title: str, most: int = MOST) -> list[str]:
    """Returns rows as a table for people, the worst first, and how many more there are.

    Args:
        found: From `rows`.
        title: What a row is: `task`, `source`.
        most: Lines, at most.
    """
    worst = sorted(found, key=lambda name: (badness(found[name]), name))
    shown, rest = worst[:most], worst[most:]
    trouble = [(heading, key) for heading, key in _TROUBLE if any(found[name][key] for name in shown)]
    table_rows = [
        {
            title: name,
            **{key: found[name][key] for key in _ALWAYS},
            "share": f"{found[name]['supervised_share']:6.1%}",
            **{heading: found[name][key] for heading, key in trouble},
        }
        for name in shown
    ]
    told = table(table_rows, (title, *_ALWAYS, "share", *(heading for heading, _ in trouble))).split("\n")
    if rest:
        ill = sum(not is_well(found[name]) for name in rest)
        verb = "is" if len(rest) == 1 else "are"
        told.append(f"{len(rest):,} more, {ill:,} of them with problems: --json has all" if ill else f"{len(rest):,} more {verb} well")
    return told


def tables(found: Row) -> list[str]:
    """Returns the lines that people are shown of an account: sources where there are several, then tasks where these are not the same.

    Args:
        found: From `account`.
    """
    by_source, by_task = found["by_source"], found["by_task"]
    told = lines(by_source, "source") if len(by_source) > 1 else []
    if len(by_task) > max(len(by_source), 1):
        told += lines(by_task, "task")
    return told


def refusal(audit: Audit, tokens: TokenReport, num_steps: int) -> DataError | None:
    """Returns why nothing should be trained on this; None where all is well.

    Args:
        audit: What would be trained on.
        tokens: What was cut, and what was left out.
        num_steps: Optimiser steps that it makes.
    """
    if problems := audit.problems():
        what = f"the audit found {len(problems)} problem(s): {'; '.join(problems)}"
        return DataError(what, remedy="didact check RECIPE shows them; then prompts.chat_format=..., or correct the rows named above")
    if not num_steps:
        return DataError("there is nothing to train on", where="; ".join(tokens.lines()), remedy="didact check RECIPE")
    return None


def _of_tokens(untrained: Mapping[str, str], adapter: AdapterSection | None) -> list[str]:
    """Returns what becomes of control tokens that the base has never learnt."""
    if not untrained:
        return []
    listed = ", ".join(f"{name} ({reason})" for name, reason in untrained.items())
    what = f"control tokens that this base has rows for and never learnt: {listed}; they begin as the mean of all others"
    if adapter is None or adapter.kind == "none" or adapter.train_embeddings != "none":
        return [f"note: {what} and are trained"]
    return [f"warning: {what} and stay there: model.adapter.train_embeddings=auto"]


def _warnings(tokens: TokenReport, by_task: Mapping[str, Row]) -> list[str]:
    """Returns what was left out, and the tasks of which nothing is left."""
    told, seen = list[str](), tokens.num_kept + tokens.dropped.total()
    for reason, number in tokens.dropped.most_common():
        share, first = percent(number / max(seen, 1)), tokens.first.get(reason, {}).get("where")
        told.append(
            f"warning: {number:,} of {seen:,} conversations ({share}) are left out: {reason}{f' (first: {first})' if first else ''}"
        )
    if empty := [name for name, row in by_task.items() if not row["examples"]]:
        shown = ", ".join(empty[:MOST]) + (f" and {len(empty) - MOST:,} more" if len(empty) > MOST else "")
        told.append(f"warning: nothing is left of {len(empty):,} task{'s' * (len(empty) > 1)}: {shown}")
    return told
