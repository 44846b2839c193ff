"""IFEval's instructions on words and letters that have to stand in an answer, or must not.

Case says nothing. A keyword also counts inside a longer word (`war` in `wars`), as published; a forbidden word does not.
Keywords are looked for as they stand: the published checker takes them for patterns, so that a full stop would match any letter.
"""

import re

from didact.tasks.ifeval.counting import Relation, compared


def existence(text: str, keywords: tuple[str, ...]) -> bool:
    """Says whether every keyword is there.

    >>> existence("Mother's moment", ("mom", "mother")), existence("Mother", ("mom", "mother"))
    (True, False)
    """
    return all(keyword.lower() in text.lower() for keyword in keywords)


def frequency(text: str, keyword: str, frequency: int, relation: Relation) -> bool:
    """Says whether a keyword is there often enough, or seldom enough.

    >>> frequency("War and wars", "war", 2, "at least"), frequency("War and wars", "war", 2, "less than")
    (True, False)
    """
    return compared(text.lower().count(keyword.lower()), relation, frequency)


def forbidden_words(text: str, forbidden_words: tuple[str, ...]) -> bool:
    """Says whether none of the words is there as a word of its own.

    >>> forbidden_words("Rocky roads", ("rock",)), forbidden_words("A rock-hard road", ("rock",))
    (True, False)
    """
    return not any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in forbidden_words)


def letter_frequency(text: str, letter: str, let_frequency: int, let_relation: Relation) -> bool:
    """Says whether a letter, or any other character, is there often enough, or seldom enough.

    The published checker draws a letter at random where it is none of a to z (two of the 541 rows ask for `#` and `!`).

    >>> letter_frequency("Oh no #1 #2", "O", 2, "at least"), letter_frequency("Oh no #1 #2", "#", 3, "at least")
    (True, False)
    """
    return compared(text.lower().count(letter.lower()), let_relation, let_frequency)
