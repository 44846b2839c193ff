"""IFEval's instructions on what has to be found in an answer: bullets, highlights, sections, a title, JSON, placeholders.

Bullets and highlights are what Markdown takes for them. The published checker counts asterisks: a rule (`---`) and a line that
begins with a highlight are bullets to it, and a bullet with two bold words has four highlights.
"""

import json
import re
from typing import Any

_BULLET = re.compile(r"^[ \t]*([*-])(?!\1)[ \t]*(?P<text>\S.*)$", re.MULTILINE)
_BEGINS_WITH_HIGHLIGHT = re.compile(r"[ \t]*\*(?=[^\s*])[^*\n]*[^\s*]\*(?!\*)")
_RULE = re.compile(r"[\s*_-]*")
_HIGHLIGHT = re.compile(r"(?<!\*)(?P<mark>\*{1,3})(?=[^\s*])[^*\n]*(?<=[^\s*])(?P=mark)(?!\*)")
_FENCE = re.compile(r"\A```(?:json)?|```\Z", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]*[^\[\]\s][^\[\]\n]*\]")
_TITLE = re.compile(r"<<[^\n<>]*[^\s<>][^\n]*?>>")
_ALLOWED = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


def number_bullet_lists(text: str, num_bullets: int) -> bool:
    r"""Says whether there are exactly so many bullets: lines that begin with `*` or `-`.

    >>> number_bullet_lists("* Red\n- **Green** and blue\n---\n*Dark* red", 2)
    True
    """
    lines = [found.group() for found in _BULLET.finditer(text)]
    return num_bullets == sum(not _RULE.fullmatch(line) and not _BEGINS_WITH_HIGHLIGHT.match(line) for line in lines)


def number_highlighted_sections(text: str, num_highlights: int) -> bool:
    """Says whether at least so many parts stand between asterisks, one to three of them, within a line.

    >>> text = "* A *red* and a **blue** bird; 2 * 3 * 4"
    >>> number_highlighted_sections(text, 2), number_highlighted_sections(text, 3)
    (True, False)
    """
    return len(_HIGHLIGHT.findall(text)) >= num_highlights


def multiple_sections(text: str, section_spliter: str, num_sections: int) -> bool:
    r"""Says whether there are at least so many sections, each after `SECTION 1` or whatever marks them.

    >>> multiple_sections("SECTION 1\nOne.\nSECTION 2\nTwo.", "SECTION", 2), multiple_sections("Section 1", "SECTION", 1)
    (True, False)
    """
    return len(re.findall(rf"{re.escape(section_spliter.strip())}\s?\d", text)) >= num_sections


def title(text: str) -> bool:
    r"""Says whether there is a title, as `<<title>>`.

    >>> title("<<On birds>>\nThey sing."), title("<< >>"), title("<On birds>")
    (True, False, False)
    """
    return _TITLE.search(text) is not None


def json_format(text: str) -> bool:
    r"""Says whether all of the answer is JSON, with a Markdown fence around it or without.

    >>> json_format('```json\n{"a": 1}\n```'), json_format('Here it is: {"a": 1}'), json_format("[NaN]")
    (True, False, False)
    """
    try:
        json.loads(_FENCE.sub("", text.strip()), parse_constant=_refused)
    except (ValueError, RecursionError):
        return False
    return True


def _refused(literal: str) -> Any:
    raise ValueError(literal)  # NaN and Infinity are not JSON


def constrained_response(text: str) -> bool:
    """Says whether one of three answers is there, to the letter: My answer is yes, no or maybe.

    >>> constrained_response("My answer is maybe."), constrained_response("My answer is perhaps.")
    (True, False)
    """
    return any(answer in text for answer in _ALLOWED)


def number_placeholders(text: str, num_placeholders: int) -> bool:
    """Says whether there are at least so many placeholders, as `[address]`.

    >>> number_placeholders("Dear [name], [ ]", 1), number_placeholders("Dear [name], [ ]", 2)
    (True, False)
    """
    return len(_PLACEHOLDER.findall(text)) >= num_placeholders


def postscript(text: str, postscript_marker: str) -> bool:
    r"""Says whether the mark of a postscript is there; blanks behind its full stops and case say nothing.

    >>> postscript("Bye.\nP. S. Write!", "P.S."), postscript("Bye.\nPS: Write!", "P.S.")
    (True, False)
    """
    mark = "".join(r"\.\s?" if char == "." else re.escape(char) for char in postscript_marker.strip())
    return re.search(rf"(?<!\w){mark}", text, re.IGNORECASE) is not None
