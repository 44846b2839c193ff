"""Long documents cut into passages at blank lines."""

import re
from collections.abc import Iterator

_BLANK_LINES = re.compile(r"\r?\n(?:[ \t]*\r?\n)+")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+|[。！？][”’」』）]*")
_WHITE_SPACE = re.compile(r"\s+")

Span = tuple[int, int]


def passages(document: str, limit: int) -> list[str]:
    r"""Returns a document as passages of at most `limit` characters, cut at blank lines where there are any.

    Paragraphs share a passage while they fit. A paragraph that alone is longer is cut behind its last sentence end within the
    limit, if that fills half of it, else behind white space, else at the limit. Only blank lines between passages are left out.

    >>> passages("One.\n\nTwo.\n\nThree three. Four.", 13)
    ['One.\n\nTwo.', 'Three three. ', 'Four.']
    """
    merged: list[Span] = []
    for start, end in (piece for span in _paragraphs(document) for piece in _pieces(document, span, limit)):
        if merged and end - merged[-1][0] <= limit:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [document[start:end] for start, end in merged]


def _paragraphs(document: str) -> Iterator[Span]:
    """Yields the spans between blank lines that hold more than white space."""
    # A newline in front lets the same expression find blank lines that open the document.
    cuts = [(match.start() - 1, match.end() - 1) for match in _BLANK_LINES.finditer("\n" + document)]
    edges = [0, *(edge for start, end in cuts for edge in (max(start, 0), end)), len(document)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if document[start:end].strip():
            yield start, end


def _pieces(document: str, span: Span, limit: int) -> Iterator[Span]:
    """Yields the span itself, or spans of at most `limit` characters that make it up without a gap."""
    start, end = span
    while end - start > limit:
        sentence, space = _last_end(_SENTENCE_END, document, start, limit), _last_end(_WHITE_SPACE, document, start, limit)
        cut = sentence if sentence - start >= limit / 2 else max(sentence, space)
        cut = cut if cut > start else start + limit
        yield start, cut
        start = cut
    yield start, end


def _last_end(pattern: re.Pattern[str], document: str, start: int, limit: int) -> int:
    """Returns where the last match within the limit ends, or `start`."""
    return max((match.end() for match in pattern.finditer(document, start, start + limit)), default=start)
