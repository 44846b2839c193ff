"""IFEval's instructions on an answer as a whole: its case, language, beginning and end, no commas, two answers in one.

The language is what `didact.tasks.languages` says, always the same for the same text. The published checker's guess is drawn at
random, and capitals mislead it; here a text in capitals is looked at in small letters. Where no language can be told (a few
words, or none), a text in Latin letters counts as English as far as its case is concerned, and as no other language.
"""

import re

from didact.tasks.ifeval.counting import Relation, capital_words, compared
from didact.tasks.languages import language_of, script_share

_COMMA = re.compile("[,\u060c\u3001\uff0c]")
"""The comma of Latin, Arabic, and East Asian texts."""
_DOUBLE_QUOTES = (('"', '"'), ("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"))


def response_language(text: str, language: str) -> bool:
    """Says whether the answer is in a language, given by its ISO 639-1 code.

    >>> response_language("Это ответ на русском языке.", "ru"), response_language("This is an answer in English.", "ru")
    (True, False)
    """
    return language_of(text) == language.lower()


def english_capital(text: str) -> bool:
    """Says whether the answer is English, and all its letters are capitals.

    >>> english_capital("THE BIRD IS RED AND IT SINGS."), english_capital("THE BIRD IS red.")
    (True, False)
    """
    return text.isupper() and _may_be_english(text.lower())


def english_lowercase(text: str) -> bool:
    """Says whether the answer is English, and none of its letters is a capital.

    >>> english_lowercase("the bird is red and it sings."), english_lowercase("The bird is red.")
    (True, False)
    """
    return text.islower() and _may_be_english(text)


def _may_be_english(text: str) -> bool:
    language = language_of(text)
    return language == "en" or (language is None and script_share(text, ("Latin",)) > 0.5)


def capital_word_frequency(text: str, capital_frequency: int, capital_relation: Relation) -> bool:
    """Says whether words in capitals are there often enough, or seldom enough; see `counting.capital_words`.

    >>> capital_word_frequency("GO to NASA", 2, "at least"), capital_word_frequency("GO to NASA", 2, "less than")
    (True, False)
    """
    return compared(len(capital_words(text)), capital_relation, capital_frequency)


def no_comma(text: str) -> bool:
    """Says whether there is no comma.

    >>> no_comma("Red; blue"), no_comma("Red, blue")
    (True, False)
    """
    return _COMMA.search(text) is None


def quotation(text: str) -> bool:
    """Says whether the whole answer stands between double quotation marks, straight or curly.

    >>> quotation(' "Red." '), quotation('"Red" is a colour.'), quotation('"')
    (True, False, False)
    """
    text = text.strip()
    return len(text) > 1 and any(text.startswith(left) and text.endswith(right) for left, right in _DOUBLE_QUOTES)


def end_checker(text: str, end_phrase: str) -> bool:
    """Says whether the answer ends with a phrase, case and quotation marks around the answer aside.

    >>> end_checker('"Red. Hope you agree with me."', "Hope you agree with me."), end_checker("Red.", "Hope so.")
    (True, False)
    """
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def two_responses(text: str) -> bool:
    r"""Says whether there are two different answers with six asterisks between them.

    >>> two_responses("Red.\n******\nBlue."), two_responses("Red.\n******\nRed."), two_responses("Red.")
    (True, False, False)
    """
    parts = [part.strip() for part in re.split(r"\*{6,}", text)]
    parts = parts[1:] if not parts[0] else parts
    parts = parts[:-1] if parts and not parts[-1] else parts
    return len(parts) == 2 and all(parts) and parts[0] != parts[1]


def repeat_prompt(text: str, prompt_to_repeat: str) -> bool:
    r"""Says whether the answer begins with the request, word for word but for case.

    >>> repeat_prompt("Name a bird.\n\nThe wren.", "Name a bird."), repeat_prompt("The wren.", "Name a bird.")
    (True, False)
    """
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())
