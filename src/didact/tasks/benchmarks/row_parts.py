"""Parts of a row with options of its own: the options, which of them is right, an order for them, a number as an answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from didact.base.chance import rng
from didact.base.errors import DataError
from didact.tasks.benchmarks.parsing import key_of, text_of, texts_of


def picked(row: Mapping[str, Any], by_key: Mapping[str, str], *columns: str) -> str:
    """Returns the option that the row's key stands for: a number, a number in digits, or a letter.

    Args:
        row: The row.
        by_key: Key to option.
        columns: Where the key may stand; the first that the row has counts.

    Raises:
        DataError: There is no key, as in test rows, or an unknown one.

    >>> picked({"answer": 2}, {"1": "Ann", "2": "Bea"}, "answer")
    'Bea'
    """
    key = key_of(row, *columns)
    if key not in by_key:
        raise DataError("unknown label")
    return by_key[key]


def options_of(texts: Any) -> tuple[str, ...]:
    """Returns a list of options as texts without white space around them.

    Two may say the same: in a few published rows of MMLU and ECQA they do, and published scores are over all rows.

    Raises:
        DataError: It is not a list of at least two texts, or one is blank.

    >>> options_of([" yes", "no"])
    ('yes', 'no')
    """
    options = texts_of(texts, "choices")
    if len(options) < 2:
        raise DataError("fewer than two choices")
    return options


def lettered(row: Mapping[str, Any]) -> tuple[str, tuple[str, ...], str]:
    """Returns question, option texts and the right one, from a row whose options have letters or digits.

    Both layouts in use: `choices: {text: [...], label: [...]}` beside the question, and `question: {stem, choices: [{text, label}]}`.

    Raises:
        DataError: Something is missing, two options have one letter, or the key is none of the letters.

    >>> lettered({"question": "2 + 2?", "choices": {"text": ["3", "4"], "label": ["1", "2"]}, "answerKey": "2"})
    ('2 + 2?', ('3', '4'), '4')
    """
    inner = row.get("question")
    asked: Mapping[str, Any] = inner if isinstance(inner, Mapping) else row
    question, choices = text_of(asked, "question_stem", "stem", "question"), asked.get("choices")
    if isinstance(choices, Mapping):
        texts, letters = choices.get("text"), choices.get("label")
    elif isinstance(choices, list) and all(isinstance(choice, Mapping) for choice in choices):
        texts, letters = [choice.get("text") for choice in choices], [choice.get("label") for choice in choices]
    else:
        raise DataError("no choices")
    options = options_of(texts)
    keys = texts_of(letters, "letters of the choices")
    if not len(set(keys)) == len(keys) == len(options):
        raise DataError("choices and their letters do not match")
    return question, options, picked(row, dict(zip(keys, options, strict=True)), "answerKey")


def in_drawn_order(options: Sequence[str], identity: str) -> tuple[str, ...]:
    """Returns options in an order drawn from identity, for sources that always write the right one first.

    >>> sorted(in_drawn_order(("right", "wrong"), "question 1"))
    ['right', 'wrong']
    """
    drawn = list(options)
    rng(0, "order of options", identity).shuffle(drawn)
    return tuple(drawn)


def number_text(written: Any) -> str:
    """Returns a number in the digits 0 to 9, without the commas between its thousands.

    Raises:
        DataError: It is not a number.

    >>> number_text("-1,234"), number_text(70000), number_text(" 0.5 ")
    ('-1234', '70000', '0.5')
    """
    text = str(written).strip()
    if not re.fullmatch(r"[-+]?([0-9]+|[0-9]{1,3}(,[0-9]{2,3})+)(\.[0-9]+)?", text):
        raise DataError("the answer is not a number")
    return text.replace(",", "")


def stated_options(text: str) -> tuple[str, ...]:
    r"""Returns the names of the options that a text lists after the line `Options:`, or nothing.

    An option is named by what it begins with, `(A)` or `Sentence A`; one that begins with neither is named by its text.

    >>> stated_options("Who?\nOptions:\n(A) Ann\n(B) Bea"), stated_options("True?\nOptions:\n- yes\n- no"), stated_options("Who?")
    (('(A)', '(B)'), ('yes', 'no'), ())
    """
    _, mark, block = text.rpartition("\nOptions:\n")
    if not mark:
        return ()
    lines = [line.strip().removeprefix("- ").strip() for line in block.split("\n") if line.strip()]
    named = [re.match(r"\([A-Z]\)|Sentence [AB](?=:)", line) for line in lines]
    return tuple(found.group() if found else line for found, line in zip(named, lines, strict=True))
