"""What rows say of the weight of a turn, or of a part of one, in the words that data sets use for it.

    {"weight": 0.5}   {"loss_weight": 0}      OpenAI's and LLaMA-Factory's; any number of 0 or more
    {"train": false}  {"training": false}     Axolotl's
    {"masked": true}                          torchtune's
    {"content": [{"type": "text", "text": "Let me see. ", "weight": 0}, {"type": "text", "text": "4"}]}
    {"train_detail": [{"begin_offset": 0, "end_offset": 11, "train": false}]}       both characters are part of it

They are factors: a user's turn of weight 2 weighs twice what prompts weigh, which is nothing where prompts are not trained on. Data
sets that know only 0 and 1 write `weight: 0` at every turn but the assistant's, to say just that: there, a 0 changes nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Message

Spans = tuple[tuple[int, int, float], ...]
_NUMBERS = ("weight", "loss_weight")
_SWITCHES = ("train", "training")


def turn_weight(turn: Mapping[str, Any], *, answers: bool = True) -> float:
    """Returns the factor that a turn, or a part of one, gives itself; 1 where it says nothing.

    Args:
        turn: What the row holds.
        answers: It is the assistant's turn, or a part of any; else a `weight` of 0 says nothing.

    Raises:
        DataError: It is no number of 0 or more, or neither true nor false.

    >>> turn_weight({"weight": 0.5}), turn_weight({"train": False}), turn_weight({"content": "Hi"})
    (0.5, 0.0, 1.0)
    >>> turn_weight({"weight": 0}), turn_weight({"weight": 0}, answers=False), turn_weight({"train": False}, answers=False)
    (0.0, 1.0, 0.0)
    """
    weight = 1.0
    for key in _NUMBERS:
        if turn.get(key) is not None:
            number = number_of(turn[key], key)
            weight *= number if number or answers else 1.0
    for key in _SWITCHES:
        if turn.get(key) is not None:
            weight *= _switch(turn[key], key)
    if turn.get("masked") is not None:
        weight *= 1.0 - _switch(turn["masked"], "masked")
    return weight


def number_of(value: Any, key: str) -> float:
    """Returns a factor that a row holds.

    Raises:
        DataError: It is no finite number of 0 or more.

    >>> number_of("0.5", "weight")
    0.5
    """
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise DataError(f"{key} is not a number of 0 or more")
    return number


def part_spans(parts: Sequence[tuple[str, float]]) -> Spans:
    """Returns where the parts that have a weight stand in the text that all of them are.

    >>> part_spans([("Let me see. ", 0.0), ("4", 1.0), ("!", 0.5)])
    ((0, 12, 0.0), (13, 14, 0.5))
    """
    spans, place = list[tuple[int, int, float]](), 0
    for text, weight in parts:
        if text and weight != 1:
            spans.append((place, place + len(text), weight))
        place += len(text)
    return tuple(spans)


def detail_spans(turn: Mapping[str, Any], text: str) -> Spans:
    """Returns the spans of a turn's `train_detail`; the last character of a span is named, not the one behind it.

    Raises:
        DataError: It is no list of spans within the text, or two of them overlap.

    >>> detail_spans({"train_detail": [{"begin_offset": 0, "end_offset": 2, "train": False}]}, "So: 4")
    ((0, 3, 0.0),)
    """
    listed = turn.get("train_detail")
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(span, Mapping) for span in listed):
        raise DataError("train_detail is not a list of objects")
    spans = list[tuple[int, int, float]]()
    for span in listed:
        first, last = span.get("begin_offset"), span.get("end_offset")
        if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last < len(text):
            raise DataError("train_detail: a span is not within its text")
        spans.append((first, last + 1, turn_weight(span)))
    spans.sort()
    if any(before[1] > after[0] for before, after in pairwise(spans)):
        raise DataError("train_detail: two spans overlap")
    return tuple(span for span in spans if span[2] != 1)


def weighted(message: Message, weight: float, spans: Spans = ()) -> Message:
    """Returns a turn with its factors; an assistant's of which nothing is left to learn becomes one that is only read.

    >>> weighted(Message("assistant", "4"), 1.0, ((0, 1, 0.0),)).train
    False
    """
    if weight and spans and message.content.strip() and not message.tool_calls:
        rest, place = "", 0
        for first, last, factor in spans:
            rest += message.content[place:first] + (message.content[first:last] if factor else "")
            place = last
        weight = weight if (rest + message.content[place:]).strip() else 0.0
    if weight == 1 and not spans:
        return message
    return replace(message, train=message.train and (message.role != "assistant" or weight > 0), weight=weight, spans=spans)


def _switch(value: Any, key: str) -> float:
    if not isinstance(value, bool | int) or value not in (0, 1):
        raise DataError(f"{key} is neither true nor false")
    return float(value)
