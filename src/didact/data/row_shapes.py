"""What a row is but for its messages' texts, kept by the conversation's shape: who speaks, what is trained, whether the model goes on.

Nothing here knows how a chat format writes. A shape is what the ordinary path made of a conversation whose texts are marks, and it is
used only for texts that formats and tokenizers take as they are: not empty, and without white space at their ends.
"""

import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from didact.base.errors import DidactError
from didact.base.types import Conversation, Message
from didact.data.finer_roles import Run
from didact.prompts.chat_format import ChatFormat, PieceFormat, PlainFormat
from didact.prompts.virtual_tokens import without_virtual_tokens

_MARK = re.compile("\ue000\ue001+([0-9]+)\ue002")


class Known(NamedTuple):
    """Tokens of a row that are the same whatever is said."""

    ids: "array[int]"
    roles: bytes
    """One byte for each of them."""


Part = tuple[int | str | Known, int, bool, list[Run]]
"""Token id, text or known tokens; prompt or response; continues a text; what it is made of, of known tokens nothing to go by."""
Key = tuple[str | bool, ...]


class Slot(NamedTuple):
    """A text in which some of the messages' texts stand."""

    place: int
    """Which part of the row it is."""
    pattern: str
    """With `%s` for each of them."""
    turns: tuple[int, ...]
    """The messages, in order."""
    runs: tuple[int, ...]
    """For each of them the run that it is part of."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows of one shape."""

    parts: list[Part]
    """In which the texts of slots have no characters but the format's."""
    slots: list[Slot]

    def filled(self, messages: Sequence[Message]) -> list[Part]:
        """Returns the parts of the row that says what these messages say."""
        parts = self.parts.copy()
        for place, pattern, turns, own in self.slots:
            _, role, middle, made_of = parts[place]
            texts, runs = [messages[turn].content for turn in turns], made_of.copy()
            for text, run in zip(texts, own, strict=True):
                size, code, factor = runs[run]
                runs[run] = (size + len(text), code, factor)
            parts[place] = (pattern % tuple(texts), role, middle, runs)
        return parts


def has_shapes(chat_format: ChatFormat) -> bool:
    """Says whether of a text itself a format looks at nothing but whether it is empty, and at the white space at its ends.

    >>> from didact.prompts.chat_format import FORMATS
    >>> has_shapes(FORMATS["plain"])
    True
    """
    # A class that is derived from one of them may look at more.
    return type(without_virtual_tokens(chat_format)) in (PieceFormat, PlainFormat)


def key_of(conversation: Conversation, generate: bool) -> Key | None:
    """Returns what the shape of a conversation is known by; None where more than its shape decides how it is written.

    >>> from didact.base.types import Origin
    >>> key_of(Conversation((Message("user", "Hi"), Message("assistant", "Hello")), Origin("t", "0")), False)
    (False, 'user', True, 'assistant', True)
    >>> key_of(Conversation((Message("user", "Hi "), Message("assistant", "Hello")), Origin("t", "0")), False) is None
    True
    """
    if conversation.tools:
        return None
    key: list[str | bool] = [generate]
    for message in conversation.messages:
        text = message.content
        if not text or text.strip() != text:
            return None
        if message.weight != 1 or message.spans or message.tool_calls or message.name:
            return None
        key += (message.role, message.train)
    return tuple(key)


def shape_of(
    conversation: Conversation, plan: Callable[[Conversation], list[Part]], made: Callable[[list[Part]], tuple["array[int]", bytes]]
) -> Shape | None:
    """Returns the shape of a conversation; None where the ordinary path has to see each one's own texts, or refuses them all.

    Args:
        conversation: One with a key.
        plan: Returns the parts of a row, as the ordinary path has them.
        made: Returns the ids and roles of those that no message has a part in.
    """
    try:
        # Marks of two lengths: what depends on anything else of a text comes out in two ways.
        one, other = (_read(plan(_marked(conversation, width)), made) for width in (1, 4))
    except DidactError:
        return None
    return one if one == other else None


def _marked(conversation: Conversation, width: int) -> Conversation:
    marks = (f"\ue000{chr(0xE001) * width}{turn}\ue002" for turn in range(len(conversation.messages)))
    messages = [replace(message, content=mark) for message, mark in zip(conversation.messages, marks, strict=True)]
    return replace(conversation, messages=tuple(messages))


def _read(plan: Sequence[Part], made: Callable[[list[Part]], tuple["array[int]", bytes]]) -> Shape | None:
    """Returns the shape that a plan with marks for texts shows; None where a border lies inside a mark."""
    parts, slots, alike = list[Part](), list[Slot](), list[Part]()
    for part in (*plan, None):
        text = part[0] if part is not None else None
        marks = list(_MARK.finditer(text)) if isinstance(text, str) else []
        if part is not None and not marks:
            alike.append(part)
            continue
        if alike:
            parts.append((Known(*made(alike)), 0, False, [(0, 0, 1.0)]))
            alike = []
        if part is None:
            break
        begin, runs, own = 0, list[Run](), list[int]()
        for number, (length, code, factor) in enumerate(part[3]):
            inside = [mark for mark in marks if begin <= mark.start() and mark.end() <= begin + length]
            runs.append((length - sum(mark.end() - mark.start() for mark in inside), code, factor))
            own += [number] * len(inside)
            begin += length
        if len(own) < len(marks):
            return None
        literals = [words.replace("%", "%%") for words in _MARK.split(str(text))[::2]]
        slots.append(Slot(len(parts), "%s".join(literals), tuple([int(mark[1]) for mark in marks]), tuple(own)))
        parts.append(("", *part[1:3], runs))
    return Shape(parts, slots)
