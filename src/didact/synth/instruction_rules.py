"""Which instructions are refused for what they are, before they are compared with others."""

import re
import string
from collections.abc import Sequence
from functools import lru_cache

from didact.tasks.words import words

# Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, section 2.2, and its code: what a model of text cannot see or do.
SELF_INSTRUCT_KEYWORDS = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot"),
    "go to",
)
# Source: Taori et al. (2023), Stanford Alpaca, its code.
ALPACA_KEYWORDS = (*SELF_INSTRUCT_KEYWORDS, "video", "audio", "music", "flowchart", "diagram")
KEYWORDS = ("image", "images", "picture", "pictures", "photo", "photos", "video", "videos", "audio", "screenshot", "attached")
"""What a text cannot hold. The originals' list also refuses the plot of a novel, a map of Python and a file of orders."""
LEAST_WORDS, MOST_WORDS = 4, 150
"""Both included. Words are what stands between blanks in the originals, else also the signs of scripts without blanks."""
STRICT_BEGINNING = "Write a program"
MERGED = re.compile(r"(?:^|[\s#])\d+\s*\.\s*(?:Instruction|Input|Output)\s*:", re.IGNORECASE)
"""The heading of a further task, inside one."""
_TALK = re.compile(
    r"(?:i['’]?m sorry|i am sorry|i can(?:no|['’])t|as an ai\b|(?:sure|certainly|of course)[,!]|here (?:are|is) )", re.IGNORECASE
)
"""How a model begins that answers instead of writing a task."""


@lru_cache(maxsize=32)
def _any_word(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b{re.escape(word)}\b" for word in words) or r"(?!)", re.IGNORECASE)


def instruction_fault(text: str, keywords: Sequence[str] = KEYWORDS, *, strict: bool = False) -> str | None:
    """Returns why an instruction is refused, None where it is not; the rules stand in the originals' order.

    Args:
        text: One instruction.
        keywords: Words that no instruction may hold, in any case.
        strict: The originals' rules: none begins with "Write a program", a punctuation mark, or a letter that is not ASCII. Else letters of
            any script may begin one, and so may an opening quotation mark or bracket.

    Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, section 2.2, and its code.

    >>> instruction_fault("Name three rivers.")
    'shorter than 4 words'
    >>> instruction_fault("Describe the photo in a sentence."), instruction_fault("Describe a photon in a sentence.")
    ('needs more than text: photo', None)
    >>> instruction_fault("Écris un poème court."), instruction_fault("Écris un poème court.", strict=True)
    (None, 'begins with no ASCII letter')
    """
    count = len(text.split() if strict else words(text))
    if not count:
        return "empty"
    if count < LEAST_WORDS:
        return f"shorter than {LEAST_WORDS} words"
    if count > MOST_WORDS:
        return f"longer than {MOST_WORDS} words"
    if found := _any_word(tuple(keywords)).search(text):
        return f"needs more than text: {found[0].lower()}"
    if strict and text.startswith(STRICT_BEGINNING):
        return "begins with 'Write a program'"
    if text[0] in string.punctuation and (strict or text[0] not in "\"'([<`"):
        return "begins with punctuation"
    if strict and not text[0].isascii():
        return "begins with no ASCII letter"
    if not strict and not any(letter.isalpha() for letter in text):
        return "holds no letter"
    if not strict and _TALK.match(text):
        return "an answer, no task"
    if not strict and MERGED.search(text):
        return "merged with another task"
    return None
