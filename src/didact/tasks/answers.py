"""The answer in what a model wrote: one of several choices, a number, the words behind "the answer is"; or nothing, never a guess."""

from collections.abc import Sequence
from decimal import Decimal

from didact.tasks.extraction import extract, sentence


def choice_of(completion: str, choices: Sequence[str], options: Sequence[str] = ()) -> int | None:
    """Returns the place of the choice that a completion gives; None where it gives none, or more than one.

    How it is found, and in which order: see `didact.tasks.extraction`. A text counts as a choice when it is its text or its item
    name: `B`, `b)`, `(B)`, `B. text`.

    Args:
        completion: What a model wrote.
        choices: The options as they should be answered, in order.
        options: The same options by their texts, where `choices` are names of items; empty: the same.

    >>> [choice_of(text, ("red", "blue")) for text in ("(B)", "A", "a.", "Blue.", "So the answer is (B).", "red or blue", "C")]
    [1, 0, 0, 1, 1, None, None]
    """
    found = extract("choice", completion, choices, options)
    return found.value if found is not None and isinstance(found.value, int) else None


def number_of(completion: str) -> Decimal | None:
    """Returns the number that a completion answers with; None where it holds none.

    Of the sentence behind the last "the answer is" it is the last number, else that of the whole text. What groups thousands,
    currency signs and percent signs say nothing; a minus and a decimal point do.

    >>> [str(number_of(text)) for text in ("12 + 6 = 18", "The answer is -3.5.", "$1,234", "#### 18", "eighteen")]
    ['18', '-3.5', '1234', '18', 'None']
    """
    found = extract("number", completion)
    return found.value if found is not None and isinstance(found.value, Decimal) else None


def answer_text(completion: str) -> str:
    """Returns what a completion answers with: the rest of the line behind the last "the answer is", else all of it.

    One final full stop goes, and so do brackets and quotation marks around it; a minus and an inner full stop stay.

    >>> answer_text("It rains, so it is wet. So the answer is (A)."), answer_text("'-3.5.'")
    ('A', '-3.5')
    """
    found = extract("text", completion)
    return "" if found is None else str(found.value)


def answer_sentence(completion: str) -> str:
    """Returns the same up to the end of its first sentence: some models go on talking.

    >>> answer_sentence("The answer is Yes. I hope that this helps!")
    'Yes'
    """
    return str(sentence(completion).value)
