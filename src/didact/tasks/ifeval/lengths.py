"""IFEval's instructions on how long an answer is: words, sentences, paragraphs."""

import re

from didact.tasks.ifeval.counting import Relation, compared, sentences
from didact.tasks.words import words

_FIRST_WORD = re.compile(r"\w+(?:-\w+)*")


def number_words(text: str, num_words: int, relation: Relation) -> bool:
    """Says whether there are words enough, or few enough.

    Words are those of `didact.tasks.words`: for English runs of letters and digits, as published (`it's` is two).

    >>> number_words("It's red.", 3, "at least"), number_words("It's red.", 3, "less than")
    (True, False)
    """
    return compared(len(words(text)), relation, num_words)


def number_sentences(text: str, num_sentences: int, relation: Relation) -> bool:
    """Says whether there are sentences enough, or few enough; see `counting` for what a sentence is.

    >>> number_sentences("Yes. No!", 2, "at least"), number_sentences("Yes. No!", 2, "less than")
    (True, False)
    """
    return compared(len(sentences(text)), relation, num_sentences)


def number_paragraphs(text: str, num_paragraphs: int) -> bool:
    r"""Says whether there are so many paragraphs with the divider `***` between them; one without text spoils the answer.

    >>> number_paragraphs("One.\n***\nTwo.\n***", 2), number_paragraphs("One.\n***\n***\nTwo.", 2)
    (True, False)
    """
    parts = [part.strip() for part in text.split("***")]
    parts = parts[1:] if not parts[0] else parts
    parts = parts[:-1] if parts and not parts[-1] else parts
    return all(parts) and len(parts) == num_paragraphs


def nth_paragraph_first_word(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    r"""Says whether there are so many paragraphs, blank lines between them, and one of them begins with a word.

    >>> nth_paragraph_first_word("One.\n\n'Elm' is a tree.", 2, 2, "elm"), nth_paragraph_first_word("One.\n\nElms.", 2, 2, "elm")
    (True, False)
    """
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    if len(parts) != num_paragraphs or nth_paragraph > len(parts):
        return False
    found = _FIRST_WORD.search(parts[nth_paragraph - 1])
    return found is not None and found.group().lower() == first_word.strip().lower()
