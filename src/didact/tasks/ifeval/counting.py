"""What IFEval's instructions count, in any script: sentences, words in capitals; and how a count is compared.

No trained splitter is needed, so a few texts are cut elsewhere than nltk's punkt, which the published scores used, cuts them:

- the number of a list item (`1. Eat`) is no sentence here, and neither are marks without a letter or a digit (`***`, `- -`);
- a quoted question that a lower-case word follows (`"Why?" he asked.`) ends no sentence here;
- full stops of other scripts (`。`, `।`, `؟`) end one here; punkt knows `.`, `?` and `!`;
- abbreviations are the short list below; punkt has learnt its own from newspapers;
- `I'm` is one word here, not all in capitals; nltk cuts it in two and counts the I.
"""

import re
from typing import Literal

Relation = Literal["less than", "at least"]
"""How IFEval compares a count with a bound."""

_CLOSING = "\"'”’»)\\]}*_"
_END = re.compile(rf"(?:[.!?…]+[{_CLOSING}]*(?=\s|$)|[。！？।؟]+[」』{_CLOSING}]*)")
_LIST_NUMBER = re.compile(r"(?:^|\n)[ \t>#*_]*\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})$")
_NO_END = frozenset(
    "mr mrs ms mx dr prof st rev gen col sen rep gov capt lt sgt hon vs e.g i.e cf fig vol ed eds no al p.s p.p.s approx".split()
)
"""Before these a full stop never ends a sentence."""
_SELDOM_END = frozenset("etc inc ltd co corp jr sr bros dept est ave blvd jan feb mar apr jun jul aug sep sept oct nov dec".split())
"""Before these, and before letters with full stops between them, it does where a capital follows."""
_WORD = re.compile(r"\w+(?:[-'’.&/]\w+)*")
_FARTHEST = 40
"""Characters looked at on either side of a full stop."""


def compared(count: int, relation: Relation, bound: int) -> bool:
    """Says whether a count is less than a bound, or at least as large.

    >>> compared(3, "less than", 3), compared(3, "at least", 3)
    (False, True)
    """
    return count < bound if relation == "less than" else count >= bound


def sentences(text: str) -> list[str]:
    r"""Returns the sentences of a text; a line break alone ends none.

    >>> sentences("Dr. Li paid 3.50. Was it dear? No")
    ['Dr. Li paid 3.50.', 'Was it dear?', 'No']
    >>> sentences("1. Eat.\n2. Sleep, e.g. at home ... or not.")
    ['1. Eat.', '2. Sleep, e.g. at home ... or not.']
    """
    found, start = [], 0
    for mark in _END.finditer(text):
        if _ends_sentence(text, mark):
            found.append(text[start : mark.end()])
            start = mark.end()
    found.append(text[start:])
    return [part.strip() for part in found if any(char.isalnum() for char in part)]


def _ends_sentence(text: str, mark: re.Match[str]) -> bool:
    stop = mark.group().rstrip("\"'”’»)]}*_")
    following = next((char for char in text[mark.end() : mark.end() + _FARTHEST] if char.isalnum()), "")
    if stop != ".":
        # Three dots, and what is quoted, may stand within a sentence: then it goes on with a small letter.
        within = stop.strip(".…") == "" or any(quote in mark.group() for quote in "\"'”’»")
        return not (within and following.islower())
    before = text[max(0, mark.start() - _FARTHEST) : mark.start()]
    if _LIST_NUMBER.search(before):
        return False
    word = (before.split() or [""])[-1].lstrip("\"'“‘«([{*_")
    if word.lower() in _NO_END or (len(word) == 1 and word.isupper() and word != "I"):
        return False
    if word.lower() in _SELDOM_END or re.fullmatch(r"(?:[^\W\d]{1,2}\.)+[^\W\d]{1,2}", word):
        return not following or following.isupper()
    return True


def capital_words(text: str) -> list[str]:
    """Returns the words all of whose letters are capitals; at least one letter is.

    >>> capital_words("NASA sent I'm-not-sure A WELL-KNOWN R2D2 in 1977; DON'T ask.")
    ['NASA', 'A', 'WELL-KNOWN', 'R2D2', "DON'T"]
    """
    return [word for word in _WORD.findall(text) if word.isupper()]
