"""The files that a synthesis ends in: messages.jsonl, which `didact train` reads, and dropped.jsonl beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from didact.base.files import write_jsonl
from didact.base.types import Message
from didact.synth.outcome import Dropped, Outcome, Row

MESSAGES = "messages.jsonl"
"""Kept rows."""
DROPPED = "dropped.jsonl"
"""The others, each with its reason."""


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Writes kept rows and the others, a JSON object a line, the same bytes for the same outcome."""
    write_jsonl(folder / MESSAGES, map(row_json, outcome.rows))
    lost = [*((one, "dropped") for one in outcome.dropped), *((one, "failed") for one in outcome.failed)]
    write_jsonl(folder / DROPPED, (dropped_json(one, fate) for one, fate in lost))


def row_json(row: Row) -> dict[str, Any]:
    """Returns a row as OpenAI's messages, with its lineage beside them.

    >>> row_json(Row("a", (Message("user", "1+1?"), Message("assistant", "2")), parents=("seed_1",)))["messages"][1]
    {'role': 'assistant', 'content': '2'}
    """
    lineage = {"parents": list(row.parents), "operation": row.operation, "prompt_hash": row.prompt_hash, "model": row.model}
    return {"id": row.id, "messages": list(map(_turn, row.messages)), **lineage, "scores": dict(row.scores), "about": dict(row.about)}


def dropped_json(one: Dropped, fate: str = "dropped") -> dict[str, Any]:
    """Returns a row that is not kept, with its reason; `fate` is dropped or failed."""
    return {"id": one.row.id, "fate": fate, "reason": one.reason, **row_json(one.row)}


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    more: Mapping[str, Any] = {
        "tool_calls": list(message.tool_calls),
        "name": message.name,
        "weight": None if message.weight == 1 else message.weight,
        "train": None if message.train else False,
    }
    return {**turn, **{key: value for key, value in more.items() if value not in (None, "", [])}}
