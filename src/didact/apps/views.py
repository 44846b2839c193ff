"""What a person looks at in the terminal: a rendered conversation, tokens coloured by loss weight, tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from didact.base.roles import FORMAT, speaker
from didact.base.text_table import cell
from didact.base.text_table import table as table
from didact.base.types import Conversation, Message
from didact.data.tokens import IGNORED, RESPONSE, TokenisedExample, Tokeniser

FULL, PARTLY, NO_MARKS = ("⟦", "⟧"), ("⟨", "⟩"), ("", "")
"""Marks around what is trained on, where there are no colours: with the full weight, with a smaller one, not at all."""


def conversation_text(conversation: Conversation) -> str:
    """Returns a conversation as text for people.

    >>> from didact.base.types import Message, Origin
    >>> print(conversation_text(Conversation((Message("user", "Hi"),), Origin("t", "1", "ni/plain"))))
    task t, example 1, template ni/plain
    user:
      Hi
    """
    origin = conversation.origin
    lines = [f"task {origin.task}, example {origin.example}, template {origin.template or 'none'}"]
    lines += [f"note: {note}" for note in origin.notes]
    lines += [f"weight: {conversation.weight:g}"] if conversation.weight != 1 else []
    for message in conversation.messages:
        lines.append(f"{message.role}{_told(message)}:")
        lines += [f"  {line}" for line in message.content.split("\n")]
        lines += [f"  calls {call}" for call in message.tool_calls]
    return "\n".join(lines)


def _told(message: Message) -> str:
    """Returns what a turn's weights are, where it has some."""
    told = [] if message.train else ["not trained"]
    told += [f"weight {message.weight:g}"] if message.weight != 1 and (message.weight or message.train) else []
    told += [f"weight {weight:g} of {message.content[first:last]!r}" for first, last, weight in message.spans]
    return f" ({'; '.join(told)})" if told else ""


def token_rows(
    ids: np.ndarray, roles: np.ndarray, weights: np.ndarray, tokeniser: Tokeniser, *, plain: bool = False
) -> list[dict[str, Any]]:
    """Returns one row a token: id, text, role (1 prompt, 2 response), who speaks, loss weight, and whether it is a control token.

    `format` is true for what the chat format wrote in a prompt.

    Args:
        ids: Token ids (T,)
        roles: (T,)
        weights: (T,)
        tokeniser: Knows their text.
        plain: They are plain text, which belongs to nobody.
    """
    controls = tokeniser.control_names()
    return [
        {
            "id": int(number),
            "text": controls.get(int(number)) or tokeniser.tokenizer.decode([int(number)]),
            "role": RESPONSE if role == RESPONSE else int(role != IGNORED),
            "speaker": "text" if plain else speaker(int(role)),
            "format": bool(role & FORMAT),
            "weight": round(float(weight), 6),
            "control": int(number) in controls,
        }
        for number, role, weight in zip(ids, roles, weights, strict=True)
    ]


def example_rows(example: TokenisedExample, weights: np.ndarray, tokeniser: Tokeniser) -> list[dict[str, Any]]:
    """Returns the rows of an example; of an encoder-decoder, the tokens that are read stand before those that have to be written.

    Args:
        example: What the model sees.
        weights: The weight of each of its targets, from `target_weights`.
        tokeniser: Knows their text.
    """
    if example.target_ids is None:
        return token_rows(example.input_ids, example.roles, weights, tokeniser, plain=example.plain)
    read = token_rows(example.input_ids, example.roles, np.zeros(len(example)), tokeniser, plain=example.plain)
    return read + token_rows(example.target_ids, np.full(len(weights), RESPONSE), weights, tokeniser, plain=example.plain)


def excerpt(rows: Sequence[dict[str, Any]], first: int = 80, last: int = 120) -> list[dict[str, Any]]:
    """Returns the first and the last rows of many, and between them one that says how many are left out.

    >>> [row["text"] for row in excerpt([{"text": letter} for letter in "abcde"], first=1, last=2)]
    ['a', ' … 2 tokens … ', 'd', 'e']
    """
    if len(rows) <= first + last:
        return list(rows)
    left_out = {"text": f" … {len(rows) - first - last:,} tokens … ", "weight": 0.0, "control": False}
    return [*rows[:first], left_out, *rows[len(rows) - last :]]


def coloured(rows: Sequence[dict[str, Any]]) -> Any:
    """Returns tokens as rich text: green trained in full, yellow in part, plain not at all; control tokens underlined."""
    from rich.text import Text

    most = max((row["weight"] for row in rows), default=0.0)
    text = Text()
    for number, row in enumerate(rows):
        weight = row["weight"]
        colour = "" if not weight else "black on green" if weight == most else "black on yellow"
        shade = "" if not colour or number % 2 else " bold"  # neighbours differ, so that one sees where a token ends
        text.append(_visible(row["text"]), style=f"{colour}{shade}{' underline' if row['control'] else ''}".strip())
    return text


def marked(rows: Sequence[dict[str, Any]]) -> str:
    """Returns tokens as plain text with marks around what is trained on: one kind for the full weight, one for smaller ones.

    >>> marked([{"text": "a", "weight": 0.0}, {"text": "b", "weight": 0.2}, {"text": "c", "weight": 1.0}])
    'a⟨b⟩⟦c⟧'
    """
    most = max((row["weight"] for row in rows), default=0.0)
    parts, marks = [], NO_MARKS
    for row in rows:
        wanted = NO_MARKS if not row["weight"] else FULL if row["weight"] == most else PARTLY
        if wanted != marks:
            parts += [marks[1], wanted[0]]
            marks = wanted
        parts.append(_visible(row["text"]))
    return "".join([*parts, marks[1]])


def _visible(text: str) -> str:
    """Returns text without characters that could steer a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text)


def record(row: dict[str, Any]) -> str:
    r"""Returns one row whole, a line for each thing that is known of it, longer texts below their name.

    >>> print(record({"name": "a", "num": 1000, "open": True, "note": "", "prompt": "Hi\nyou"}))
    name    a
    num     1,000
    open    yes
    prompt
      Hi
      you
    """
    known = {name: cell(value) for name, value in row.items() if value not in ("", None)}
    longest = max(len(name) for name in known)
    lines = []
    for name, text in known.items():
        lines += [name, *(f"  {line}" for line in text.rstrip().split("\n"))] if "\n" in text else [f"{name.ljust(longest)}  {text}"]
    return "\n".join(lines)


def score_table(levels: dict[str, Any], every: bool = False) -> str:
    """Returns base against tuned as a table: levels overall and by category, benchmarks in one line each.

    Args:
        levels: Level or benchmark to its scores.
        every: A line for every task, too.
    """
    rows = []
    for level, scores in levels.items():
        if "protocol" in scores:  # a benchmark: its metric of record, every task counting alike
            metrics = [metric for metric in (scores["of_record"],) if metric in scores["macro"]]
            several = f"mean of {scores['num_tasks']:,} tasks" if scores["num_tasks"] > 1 else "overall"
            groups = [(several, {metric: scores["macro"][metric] for metric in metrics})]
        else:
            groups = [("overall", scores["overall"]), *sorted(scores["categories"].items())]
        if every:
            groups += [(f"  {name}", entries) for name, entries in sorted(scores["tasks"].items())]
        for name, entries in groups:
            shown = entries if "protocol" not in scores else {m: e for m, e in entries.items() if m == scores["of_record"]}
            rows += [_score_row(level, name, metric, found) for metric, found in shown.items()]
    return table(rows, ("level", "group", "metric", "rows", "base", "tuned", "difference", "p"))


def _score_row(level: str, group: str, metric: str, found: dict[str, Any]) -> dict[str, Any]:
    change = found["difference"]
    return {
        "level": level,
        "group": group,
        "metric": metric,
        "rows": found["num_examples"],
        "base": interval(found["base"]),
        "tuned": interval(found["tuned"]),
        "difference": f"{change['value']:+.1f} [{change['low']:+.1f}, {change['high']:+.1f}]",
        "p": f"{change['p']:.4f}",
    }


def interval(score: dict[str, float], value: str = "value") -> str:
    """Returns a score with its interval.

    >>> interval({"value": 50.0, "low": 40.0, "high": 60.0})
    '50.0 [40.0, 60.0]'
    """
    number, low, high = (round(score[key], 1) + 0.0 for key in (value, "low", "high"))  # never -0.0
    return f"{number:.1f} [{low:.1f}, {high:.1f}]"


def level_table(scores: dict[str, dict[str, dict[str, float]]]) -> str:
    """Returns exact match at each level as a table, base beside tuned, with 95 % intervals.

    >>> print(level_table({m: {"unseen_family": {"em": e, "low": e, "high": e}} for m, e in (("base", 0.0), ("tuned", 50.0))}))
    exact match    base            tuned
    unseen family  0.0 [0.0, 0.0]  50.0 [50.0, 50.0]
    """
    rows = [
        {"exact match": level.replace("_", " "), **{model: interval(table[level], "em") for model, table in scores.items()}}
        for level in scores["tuned"]
    ]
    return table(rows, ("exact match", *scores))


def one_line(text: str) -> str:
    r"""Returns a text on one line, without characters that could steer a terminal.

    >>> one_line(" What is\nthis? ")
    'What is this?'
    """
    return " ".join(_visible(text).split())


def side_by_side(rows: Sequence[dict[str, str]]) -> str:
    r"""Returns questions with the answers of base and tuned model, for where there is no terminal to draw columns in.

    >>> print(side_by_side([{"question": "Why?", "base": "Why not?\nWhy?", "tuned": "So."}]))
    Why?
      base   Why not? Why?
      tuned  So.
    """
    lines = []
    for row in rows:
        lines += [row["question"], f"  base   {one_line(row['base'])}", f"  tuned  {one_line(row['tuned'])}"]
    return "\n".join(line.rstrip() for line in lines)


def side_by_side_columns(rows: Sequence[dict[str, str]]) -> Any:
    """Returns the same as columns that fit the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    columns = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name, style in (("question", ""), ("base", "yellow"), ("tuned", "green")):
        columns.add_column(name, style=style, ratio=1, overflow="fold")
    for row in rows:
        columns.add_row(*(Text(one_line(row[name])) for name in ("question", "base", "tuned")))
    return columns
