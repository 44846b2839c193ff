"""A conversation made shorter: without its oldest turns, then without the middle of its longest prompt texts. Answers stay whole."""

from collections.abc import Sequence
from dataclasses import replace

from tokenizers import Tokenizer

from didact.base.types import Conversation

Spans = tuple[tuple[int, int, float], ...]


def without_oldest_turn(conversation: Conversation) -> Conversation | None:
    """Returns the conversation without its oldest exchange (the system turn stays), or None if only the last one is left."""
    messages = conversation.messages
    start = 1 if messages and messages[0].role == "system" else 0
    later = [index for index, message in enumerate(messages) if index > start and message.role == "user"]
    return replace(conversation, messages=(*messages[:start], *messages[later[0] :])) if later else None


def without_middle(conversation: Conversation, surplus: int, encoder: Tokenizer) -> Conversation | None:
    """Returns the conversation with its longest prompt texts cut in the middle, all to one length; None if nothing is left to cut.

    Args:
        conversation: What is said.
        surplus: Tokens to leave out, about.
        encoder: Says how many tokens a text is, and where each begins.
    """
    prompts = {
        index: encoder.encode(message.content, add_special_tokens=False)
        for index, message in enumerate(conversation.messages)
        if message.role != "assistant"
    }
    lengths = [len(encoding.ids) for encoding in prompts.values()]
    most = level(lengths, sum(lengths) - surplus)
    if most < 1:
        return None
    messages = [*conversation.messages]
    for index, encoding in prompts.items():
        if len(encoding.ids) > most:
            text, offsets = messages[index].content, encoding.offsets
            head, tail = offsets[most - most // 2][0], offsets[len(offsets) - 1 - most // 2][1]
            # One character at least, where several tokens share it.
            tail = max(tail, head + 1)
            messages[index] = replace(messages[index], content=text[:head] + text[tail:], spans=cut_out(messages[index].spans, head, tail))
    return replace(conversation, messages=tuple(messages))


def cut_out(spans: Spans, head: int, tail: int) -> Spans:
    """Returns the spans of a text without its characters from `head` to `tail`.

    >>> cut_out(((0, 4, 0.5), (6, 9, 2.0)), 2, 7)  # ab[cdef|g]hi: of the first two characters are left, of the second as many
    ((0, 2, 0.5), (2, 4, 2.0))
    """
    moved = [tuple(place if place <= head else max(place, tail) - tail + head for place in span[:2]) for span in spans]
    return tuple((first, last, span[2]) for (first, last), span in zip(moved, spans, strict=True) if first < last)


def level(lengths: Sequence[int], room: int) -> int:
    """Returns the largest length to which all can be cut so that they fit into `room`; 0 or less: there is none.

    >>> level([10, 3, 8], 15)  # 6 + 3 + 6
    6
    """
    left = len(lengths)
    for length in sorted(lengths):
        if length * left > room:
            break
        room, left = room - length, left - 1
    return room // max(left, 1)
