"""Segments of documents that can be answers: what stands under one heading, of the right length, in prose that does not repeat itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from didact.tasks.words import words

# Source: Li et al. (2023), Self-Alignment with Instruction Backtranslation, arXiv 2308.06259, section 3.1 and appendix.
SHORTEST, LONGEST = 600, 3000
"""Characters of a segment, both included."""
_NAVIGATION = frozenset(
    "home menu navigation search contact contact-us about about-us login log-in sign-in sign-up register subscribe newsletter share tags "
    "categories category archives archive comments leave-a-comment leave-a-reply related related-posts related-articles recent-posts "
    "references external-links see-also further-reading footer sidebar contents table-of-contents privacy-policy terms follow-us "
    "cookies sitemap links download downloads".split()
)
_SAME = 0.6
"""Sentences that share so much of their word triples say the same."""
_MOST_REPEATED = 0.2
"""Share of a segment's sentences that may say what one before them says."""
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_HTML = re.compile(r"<(?:h[1-6]|p|div|body|html)\b", re.IGNORECASE)
_SKIPPED = {"title", "script", "style", "nav", "footer", "aside", "form", "noscript", "svg", "template"}
_BLOCKS = {"p", "div", "li", "ul", "ol", "br", "tr", "table", "section", "article", "blockquote", "pre", "main", "dd", "dt", "header"}


@dataclass(frozen=True, slots=True)
class Segment:
    """What stands under one heading."""

    header: str | None
    """The heading; None in a document that has none."""
    text: str
    """Paragraphs with a blank line between them, those under smaller headings included."""


@dataclass(slots=True)
class _Part:
    level: int
    header: str | None
    text: str


def segments_of(document: str, shortest: int = SHORTEST, longest: int = LONGEST) -> list[Segment]:
    r"""Returns the segments of a document, none overlapping another.

    A heading is taken with all that is below it, smaller headings included, where that is not too long; else its parts are looked at one
    by one. A document without headings is cut between paragraphs.

    Args:
        document: HTML, Markdown or plain text.
        shortest: Paragraphs of plain text are put together until they have so many characters.
        longest: Most characters of what is taken in one piece.

    >>> [(one.header, one.text) for one in segments_of("# Rivers\nThey flow.\n## Rhine\nIt is long.\n# Lakes\nThey lie.", 5, 30)]
    [('Rivers', 'They flow.\n\nIt is long.'), ('Lakes', 'They lie.')]
    >>> [one.text for one in segments_of("A first one.\n\nB.\n\nA third one.", 10, 20)]
    ['A first one.', 'B.\n\nA third one.']
    """
    parts = _html_parts(document) if _HTML.search(document) else _markdown_parts(document)
    if all(part.header is None for part in parts):
        return [Segment(None, text) for text in _passages("\n\n".join(part.text for part in parts), shortest, longest)]
    return list(_taken(parts, longest))


def segment_fault(segment: Segment, shortest: int = SHORTEST, longest: int = LONGEST) -> str:
    """Returns why a segment is no answer, empty where it may be one.

    Args:
        segment: From `segments_of`.
        shortest: Fewest characters.
        longest: Most.

    Source: Li et al. (2023), arXiv 2308.06259: length, heading and repetition; what counts as navigation and as repeated is ours.

    >>> segment_fault(Segment("ABOUT", "It is long."), 5, 30), segment_fault(Segment("Contact us", "Write to us."), 5, 30)
    ('heading in capitals', 'heading of a menu')
    >>> segment_fault(Segment("Rain", "It rains all day. " * 2), 5, 50), segment_fault(Segment("Rain", "It rains."), 5, 50)
    ('repeats itself', '')
    """
    if segment.header is not None:
        header = segment.header.strip()
        if not header:
            return "empty heading"
        if header.isupper() and len(header) > 4:  # DNA and NATO are words
            return "heading in capitals"
        if re.sub(r"[^\w]+", "-", header.lower()).strip("-") in _NAVIGATION:
            return "heading of a menu"
    length = len(segment.text)
    if length < shortest:
        return f"shorter than {shortest} characters"
    if length > longest:
        return f"longer than {longest} characters"
    return "repeats itself" if repeated_share(segment.text) > _MOST_REPEATED else ""


def repeated_share(text: str) -> float:
    """Returns the share of sentences that say what one before them says: Jaccard similarity of their word triples.

    >>> repeated_share("Rain fell on the hill. Rain fell on the hill. The sun came out at noon. We went home by train.")
    0.25
    """
    sentences = [sentence for sentence in re.split(r"(?<=[.!?。！？])\s+|\n+", text) if words(sentence)]
    seen, num_repeated = list[frozenset[tuple[str, ...]]](), 0
    for sentence in sentences:
        said = words(sentence.lower())
        grams = frozenset(tuple(said[at : at + 3]) for at in range(max(len(said) - 2, 1)))
        num_repeated += any(len(grams & other) >= _SAME * len(grams | other) for other in seen)
        seen.append(grams)
    return num_repeated / max(len(sentences), 1)


def _taken(parts: list[_Part], longest: int) -> Iterator[Segment]:
    number = 0
    while number < len(parts):
        part = parts[number]
        end = number + 1
        while end < len(parts) and parts[end].level > part.level > 0:
            end += 1
        whole = "\n\n".join(one.text for one in parts[number:end] if one.text)
        if len(whole) > longest:
            whole, end = part.text, number + 1
        if whole:
            yield Segment(part.header or "", whole)
        number = end


def _passages(text: str, shortest: int, longest: int) -> Iterator[str]:
    kept = ""
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = paragraph.strip()
        if not paragraph:
            continue
        if kept and (len(kept) >= shortest or len(kept) + len(paragraph) + 2 > longest):
            yield kept
            kept = ""
        kept = f"{kept}\n\n{paragraph}" if kept else paragraph
    if kept:
        yield kept


def _markdown_parts(document: str) -> list[_Part]:
    parts, fenced = [_Part(0, None, "")], False
    for line in document.splitlines():
        fenced ^= line.lstrip().startswith("```")
        if not fenced and (heading := _HEADING.match(line)):
            parts.append(_Part(len(heading[1]), heading[2], ""))
        else:
            parts[-1].text += line + "\n"
    return _stripped(parts)


def _stripped(parts: list[_Part]) -> list[_Part]:
    for part in parts:
        part.text = re.sub(r"\n\s*\n", "\n\n", part.text).strip()
    return parts if parts[0].text or len(parts) == 1 else parts[1:]


def _html_parts(document: str) -> list[_Part]:
    reader = _Reader()
    reader.feed(document)
    reader.close()
    for part in reader.parts:
        blocks = [" ".join(block.split()) for block in part.text.split("\0")]
        part.text = "\n\n".join(block for block in blocks if block)
        part.header = None if part.header is None else " ".join(part.header.split())
    return _stripped(reader.parts)


class _Reader(HTMLParser):
    """Puts text under the headings before it; blocks end in a zero byte, since blanks and line ends say nothing in HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = [_Part(0, None, "")]
        self.in_heading, self.num_skipped = False, 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begins a heading, a block, or something that is not read."""
        self.num_skipped += tag in _SKIPPED
        if re.fullmatch("h[1-6]", tag) and not self.num_skipped:
            self.parts.append(_Part(int(tag[1]), "", ""))
            self.in_heading = True
        elif tag in _BLOCKS:
            self.parts[-1].text += "\0"

    def handle_endtag(self, tag: str) -> None:
        """Ends it."""
        self.num_skipped -= tag in _SKIPPED and self.num_skipped > 0
        if re.fullmatch("h[1-6]", tag):
            self.in_heading = False
        elif tag in _BLOCKS:
            self.parts[-1].text += "\0"

    def handle_data(self, data: str) -> None:
        """Reads text."""
        if self.num_skipped:
            return
        part = self.parts[-1]
        if self.in_heading:
            part.header = (part.header or "") + data
        else:
            part.text += data.replace("\0", " ")
