"""OpenAssistant conversations: trees of messages, written as one tree a row or as one message a row.

Source: Köpf et al. 2023, OpenAssistant Conversations, arXiv 2304.07327.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from didact.base.config import Section
from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.types import Role
from didact.tasks.atlas.made import settings_of
from didact.tasks.conversations import messages_example
from didact.tasks.readers import open_source, row_tasks
from didact.tasks.row_names import carried
from didact.tasks.rows import Row
from didact.tasks.task import ReadReport, Task

_ROLES: dict[str, Role] = {"prompter": "user", "assistant": "assistant", "user": "user", "human": "user"}
_UNRANKED = 10**6


class OasstSettings(Section):
    """Settings of reader `oasst`."""

    paths: Literal["best", "all"] = "best"
    """best: one conversation a tree, along the best-ranked replies; all: one for every path from root to leaf."""
    lang: str = ""
    """Only trees that begin in this language; empty: all."""


@dataclass
class Node:
    """A message and the replies to it."""

    id: str
    role: Role
    text: str
    rank: int
    lang: str
    replies: list["Node"] = field(default_factory=list)


def oasst(source: Source) -> list[Task]:
    """Returns one task of OpenAssistant trees, or of flat messages (`message_id`, `parent_id`, `role`, `text`, `rank`).

    A row of its report is a conversation; a message that cannot be read is one too. A path ends with the last assistant message
    on it: a question that nobody answered is left away with its branch.
    """
    chosen = settings_of(source, OasstSettings)

    def opened(source: Source, report: ReadReport) -> Iterator[Row]:
        for file, label, root, row in _roots(open_source(source, report), report):
            if chosen.lang and root.lang != chosen.lang:
                report.refuse(file, label, f"not in language {chosen.lang}")
            else:
                own = carried(row, source)
                yield from ((file, f"message {path[-1].id}", {**own, **_row(path)}) for path in paths(root, chosen.paths))

    return row_tasks(source, "messages", lambda row, _: messages_example(row), "trees or messages of OpenAssistant", opened)


def paths(root: Node, which: str) -> list[list[Node]]:
    """Returns the conversations of a tree; the root alone where nobody answered it.

    >>> answers = [Node("b", "assistant", "Bad", 1, "en"), Node("g", "assistant", "Good", 0, "en")]
    >>> tree = Node("r", "user", "Hi?", 0, "en", answers)
    >>> [[node.id for node in path] for path in paths(tree, "all")], [node.id for node in paths(tree, "best")[0]]
    ([['r', 'g'], ['r', 'b']], ['r', 'g'])
    """
    found: list[list[Node]] = []
    waiting = [[root]]
    while waiting:  # Not by recursion: a tree may be deeper than Python's stack.
        path = waiting.pop()
        answered = [reply for reply in path[-1].replies if reply.role == "assistant" or _is_answered(reply)]
        ranked = sorted(answered, key=lambda reply: reply.rank)
        if not ranked:
            found.append(path)
            if which == "best":
                break
        waiting += [[*path, reply] for reply in reversed(ranked[:1] if which == "best" else ranked)]
    return found


def _is_answered(message: Node) -> bool:
    return any(reply.role == "assistant" for reply in message.replies)


def _row(path: list[Node]) -> dict[str, Any]:
    roles = {"user": "user", "assistant": "assistant"}
    return {"id": path[-1].id, "messages": [{"role": roles[node.role], "content": node.text} for node in path]}


def _roots(rows: Iterable[Row], report: ReadReport) -> Iterator[tuple[str, str, Node, Mapping[str, Any]]]:
    """Yields the roots of trees with their rows: those that are trees at once, those of flat messages when all have been read."""
    flat: dict[str, tuple[str, str, Node, str, Mapping[str, Any]]] = {}
    for file, label, row in rows:
        try:
            if isinstance(row.get("prompt"), Mapping):
                yield file, label, _tree(row["prompt"]), {**row["prompt"], **row}
            else:
                node = _node(row)
                if row.get("deleted"):
                    raise DataError("deleted message")
                if node.id in flat:
                    raise DataError("repeated id")
                parent = str(row.get("parent_id") or "")
                flat[node.id] = (file, label, node, parent, {} if parent else row)
        except DataError as error:
            report.refuse(file, label, error.what)
    for file, label, node, parent, _ in flat.values():
        if parent and parent in flat:
            flat[parent][2].replies.append(node)
        elif parent:
            report.refuse(file, label, "reply to a message that is not there")
    yield from ((file, label, node, row) for file, label, node, parent, row in flat.values() if not parent)


def _tree(message: Mapping[str, Any]) -> Node:
    """Returns a message with its replies, without those that were deleted; one that cannot be read makes the tree unreadable."""
    root = _node(message)
    waiting = [(root, message)]
    while waiting:
        node, row = waiting.pop()
        replies = row.get("replies") or []
        if not isinstance(replies, list) or not all(isinstance(reply, Mapping) for reply in replies):
            raise DataError("replies is not a list of messages")
        kept = [reply for reply in replies if not reply.get("deleted")]
        node.replies = [_node(reply) for reply in kept]
        waiting += zip(node.replies, kept, strict=True)
    return root


def _node(row: Mapping[str, Any]) -> Node:
    identity, text, role, rank = row.get("message_id"), row.get("text"), _ROLES.get(str(row.get("role"))), row.get("rank")
    if not isinstance(identity, str) or not identity:
        raise DataError("no message_id")
    if role is None:
        raise DataError(f"unknown role '{row.get('role')}'")
    if not isinstance(text, str):
        raise DataError("text is not text")
    number = int(rank) if isinstance(rank, int | float) and rank == rank else _UNRANKED
    return Node(identity, role, text, number, str(row.get("lang") or ""))
