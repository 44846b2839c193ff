"""WSC: a sentence in which a noun phrase and a pronoun are marked.

Source: Levesque et al. (2012), the Winograd schema challenge; rows as in SuperGLUE, arXiv 1905.00537.
"""

import re
from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.parsing import TRUTH, label_of, row_id, text_of


def span_place(text: str, span: str, index: int) -> tuple[int, int]:
    """Returns the characters at which a span begins and ends, from the number of its first word.

    Words are what white space parts. In two rows of the data the number is beside the word; the nearest place is meant then.

    Args:
        text: The sentence.
        span: Some of its words.
        index: Number of the first of them, from 0.

    Raises:
        DataError: The span is nowhere in the text.

    >>> span_place("Ann saw her cat , and it saw her .", "her", 8), span_place("They might want to use it , but", "it", 4)
    ((29, 32), (23, 25))
    """
    words = [found.start() for found in re.finditer(r"\S+", text)]
    # Not inside a word; case may differ where the span begins the sentence.
    edges = (r"(?<!\w)" if span[:1].isalnum() else "", r"(?!\w)" if span[-1:].isalnum() else "")
    wanted = r"\s+".join(re.escape(word) for word in span.split())
    places = [found.span() for found in re.finditer(f"{edges[0]}{wanted}{edges[1]}", text, re.IGNORECASE)]
    if not places:
        raise DataError("a span is not in the text")
    return min(places, key=lambda place: (abs(sum(start <= place[0] for start in words) - 1 - index), place))


def marked(text: str, span1: str, index1: int, span2: str, index2: int) -> str:
    """Returns the sentence with the first span between stars and the second between number signs.

    Marks are set from the right to the left, so that none moves a place that is still to be marked.

    Raises:
        DataError: A span is nowhere in the text, or the two overlap.

    >>> marked("Ann saw Bea , so she waved .", "Bea", 2, "she", 5)
    'Ann saw *Bea* , so #she# waved .'
    """
    first, second = span_place(text, span1, index1), span_place(text, span2, index2)
    if first[0] < second[1] and second[0] < first[1]:
        raise DataError("the two spans overlap")
    for (start, end), mark in sorted(((first, "*"), (second, "#")), reverse=True):
        text = f"{text[:start]}{mark}{text[start:end]}{mark}{text[end:]}"
    return text


def wsc(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row: spans stand beside the text (hub) or under `target` (original files)."""
    inner = row.get("target")
    spans: Mapping[str, Any] = inner if isinstance(inner, Mapping) else row
    # White space of the original text matters to no index: words are counted.
    text = text_of(row, "text")
    span1, span2 = text_of(spans, "span1_text"), text_of(spans, "span2_text")
    index1, index2 = spans.get("span1_index"), spans.get("span2_index")
    if not isinstance(index1, int) or not isinstance(index2, int):
        raise DataError("a span has no index")
    fields = {"text": text, "span1": span1, "span2": span2, "marked": marked(text, span1, index1, span2, index2)}
    return Example(row_id(row), fields, (label_of(row, TRUTH),), TRUTH)
