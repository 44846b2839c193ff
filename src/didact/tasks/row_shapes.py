"""Shapes of rows: which readers fit the first row of a file, and which `columns` and `settings` they then need."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from didact.tasks.text_shapes import END


@dataclass(frozen=True)
class Shape:
    """A reader, and what its source has to say for it."""

    reader: str
    columns: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    header: tuple[str, ...] = ()

    def keys(self) -> dict[str, Any]:
        """Returns the keys of a source, without empty ones."""
        parts = {"reader": self.reader, "columns": dict(self.columns), "settings": dict(self.settings), "header": [*self.header]}
        return {key: value for key, value in parts.items() if value}


_INSTRUCTIONS: tuple[dict[str, str], ...] = (
    {"instruction": "instruction", "output": "output"},
    {"instruction": "instruction", "input": "context", "output": "response"},
    {"instruction": "instruction", "output": "response"},
    {"system": "system_prompt", "instruction": "question", "output": "response"},
    {"instruction": "definition", "input": "inputs", "output": "targets"},
)
_PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("inputs", "targets"),
    ("inputs_pretokenized", "targets_pretokenized"),
    ("problem", "solution"),
    ("problem", "generated_solution"),
    ("query", "response"),
    ("question", "answer"),
    ("question", "response"),
    ("input", "output"),
)
"""A prompt's column and its answer's, the likelier pairs first."""
_TAGS = (
    ("\n\nHuman:", "\n\nAssistant:"),
    ("<human>:", "<bot>:"),
    ("[|Human|]", "[|AI|]"),
    ("<|user|>", "<|assistant|>"),
    ("### Human:", "### Assistant:"),
    ("Human:", "Assistant:"),
    ("USER:", "ASSISTANT:"),
    ("User:", "Assistant:"),
)
"""What stands before turns in public data."""
_SCORES = ("fine-grained_score", "score", "rating", "overall_score")
"""Keys of an answer's score, the finer ones first."""
_BESIDE_TEXT = {"text", "id", "url", "source", "timestamp", "title", "meta", "metadata"}
"""Columns of plain text; with any other one, `text` is more likely the input of a task."""


def shapes(row: Mapping[str, Any]) -> list[Shape]:
    """Returns the shapes that a row has, the likeliest first, one for each reader.

    >>> [shape.keys() for shape in shapes({"problem": "1 + 1?", "solution": "2", "messages": []})]
    [{'reader': 'messages'}, {'reader': 'prompt_completion', 'columns': {'prompt': 'problem', 'completion': 'solution'}}]
    """
    found: dict[str, Shape] = {}
    for some in (_conversations, _trees, _ranked, _instructions, _pairs, _texts):
        if some is _pairs and "alpaca" in found:
            continue  # Its input and its output are no pair: the instruction would be lost.
        for shape in some(row):
            found.setdefault(shape.reader, shape)
    return [*found.values()]


def _conversations(row: Mapping[str, Any]) -> Iterator[Shape]:
    for column in ("messages", "conversations", "conversation", "turns", "data"):
        turns = row.get(column)
        first = turns[0] if isinstance(turns, list) and turns else None
        if isinstance(first, str) or (isinstance(first, Mapping) and {"input", "output"} <= first.keys()):
            yield Shape("turns", _from("turns", column))
        elif isinstance(first, Mapping) and {"role", "content"} <= first.keys():
            yield Shape("messages", _from("messages", column))
        elif column == "messages" and column in row:
            yield Shape("messages")
        elif column.startswith("conversation") and column in row:
            yield Shape("sharegpt")


def _trees(row: Mapping[str, Any]) -> Iterator[Shape]:
    root = row.get("prompt")
    if {"message_id", "parent_id", "text", "role"} <= row.keys() or (isinstance(root, Mapping) and "message_id" in root):
        yield Shape("oasst")


def _ranked(row: Mapping[str, Any]) -> Iterator[Shape]:
    for prompt in ("prompt", "instruction", "question"):
        for column in ("answers", "completions", "responses") if isinstance(row.get(prompt), str) else ():
            listed = row[column] if isinstance(row.get(column), list) else []
            first = listed[0] if listed and isinstance(listed[0], Mapping) else {}
            answer = next((key for key in ("answer", "response", "text", "content") if isinstance(first.get(key), str)), "")
            score = next((key for key in _SCORES if key in first), "")
            order = {"rank": "rank"} if "rank" in first else {"score": score}
            if answer and (score or "rank" in first):
                tags = next((pair for pair in _TAGS if _is_tagged(row[prompt], *pair)), None)
                turns = {"human": tags[0], "assistant": tags[1]} if tags else {}
                yield Shape("best_answer", {**_from("prompt", prompt), **_from("answers", column)}, {"answer": answer, **order, **turns})


def _instructions(row: Mapping[str, Any]) -> Iterator[Shape]:
    if "instruction" in row and isinstance(row.get("instances"), list):
        yield Shape("instances")
    for columns in _INSTRUCTIONS:
        renamed = {name: own for name, own in columns.items() if name != own}
        if set(columns.values()) <= row.keys() and all(isinstance(row[own], str | None) for own in renamed.values()):
            yield Shape("alpaca", renamed)


def _pairs(row: Mapping[str, Any]) -> Iterator[Shape]:
    for prompt, answer in _PAIRS:
        own = prompt == "prompt"  # A row under the reader's own names is its row, right or wrong.
        if not {prompt, answer} <= row.keys() or not (own or (isinstance(row[prompt], str) and isinstance(row[answer], str))):
            continue
        if isinstance(row.get("choices"), list) and not own:
            continue  # With options, reader `rows` knows what to do.
        if isinstance(row[answer], str) and row[answer].endswith(END):
            yield Shape("gpt3_tuning", {**_from("prompt", prompt), **_from("completion", answer)})
        yield Shape("prompt_completion", {} if own else {"prompt": prompt, "completion": answer})


def _texts(row: Mapping[str, Any]) -> Iterator[Shape]:
    for column in ("text", "input", "chosen"):
        for human, assistant in _TAGS if isinstance(row.get(column), str) else ():
            if _is_tagged(row[column], human, assistant):
                yield Shape("tagged", _from("text", column), {"human": human, "assistant": assistant})
    if "text" in row and {str(column) for column in row} <= _BESIDE_TEXT:
        yield Shape("text")
    if len(row) == 2 and any(" \\n " in str(column) for column in row):
        yield Shape("unifiedqa", header=("prompt", "completion"))  # No column is called so: the first line is a row.


def _is_tagged(text: str, human: str, assistant: str) -> bool:
    """Says whether lines begin with both tags, a human's first."""
    first, second = (re.search(f"^{re.escape(tag.strip())}", text, re.MULTILINE) for tag in (human, assistant))
    return bool(first and second and first.start() < second.start() and assistant in text and (human in text or first.start() == 0))


def _from(name: str, own: str) -> dict[str, str]:
    return {} if name == own else {name: own}
