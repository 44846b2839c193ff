r"""The Tk-Instruct encoding: definition, demonstrations, then the input, byte for byte.

    Definition: Add the two numbers.\n\n
     Positive Example 1 -\nInput: 1 and 2.\n Output: 3.\n\n
    Now complete the following example -\nInput: 4 and 5.\nOutput:␣

Demonstrations are added, in their order, while the whole fits; models tuned on this layout expect its stray spaces too.

Source: Wang et al. 2022, arXiv 2204.07705, and the collator of its Tk-Instruct code.
"""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from didact.base.config import Section
from didact.base.types import Example
from didact.tasks.task import Task

Count = Annotated[int, Field(ge=0)]


class TkSettings(Section):
    """What stands before the input."""

    definition: bool = True
    """Begin with the task's definition."""
    positive: Count = 2
    """Demonstrations of what to answer, at most."""
    negative: Count = 0
    """Demonstrations of what not to answer, at most."""
    explanations: bool = False
    """Say with each demonstration why it is right or wrong, where the task knows."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A prompt and what went into it."""

    text: str
    num_positive: int
    """Positive demonstrations in the text."""
    num_negative: int
    """Negative demonstrations in the text."""
    shortened: bool = False
    """The text has more than `max_length` tokens even so: whoever makes tokens has to cut its end."""
    wanted: tuple[int, int] = (0, 0)
    """Positive and negative demonstrations that were asked for and exist."""
    num_same: int = 0
    """Demonstrations passed over because their input is the very input that is asked about."""


def encode(
    task: Task,
    input_text: str,
    settings: TkSettings,
    *,
    count_tokens: Callable[[str], int] | None = None,
    max_length: int = 1024,
) -> Encoding:
    r"""Returns the prompt for one input.

    A demonstration that has the same input as the query would give the answer away: the next one takes its place.

    Args:
        task: Gives the definition and the demonstrations.
        input_text: What is asked about.
        settings: What stands before it.
        count_tokens: Counts the tokens of a text as the tokenizer does, special tokens included; None: everything fits.
        max_length: Tokens that the prompt may have.

    >>> add = Task("add", (), definition="Add")
    >>> encode(add, "4 and 5", TkSettings(positive=0)).text
    'Definition: Add.\n\nNow complete the following example -\nInput: 4 and 5.\nOutput: '
    """

    def fits(text: str) -> bool:
        return count_tokens is None or count_tokens(text) <= max_length

    query = _sentence("Now complete the following example -\nInput: ", input_text) + "\nOutput: "
    definition = _sentence("Definition: ", task.definition) + "\n\n" if settings.definition else ""
    positive, num_same_positive = _others(task.positive, input_text, settings.positive)
    negative, num_same_negative = _others(task.negative, input_text, settings.negative)

    shown: dict[str, list[str]] = {"Positive": [], "Negative": []}
    for kind, examples in (("Positive", positive), ("Negative", negative)):
        for number, example in enumerate(examples, 1):
            demonstration = _demonstration(f" {kind} Example {number} -\n", example, settings.explanations)
            # The original joins with a space here and with nothing in the end, so its count can be a token or two too high;
            # which demonstrations a model saw depends on it, so it stays.
            before = " ".join(shown["Positive"]) + " ".join(shown["Negative"])
            if not fits(definition + before + demonstration + query):
                break
            shown[kind].append(demonstration)

    text = definition + "".join(shown["Positive"]) + "".join(shown["Negative"]) + query
    return Encoding(
        text,
        num_positive=len(shown["Positive"]),
        num_negative=len(shown["Negative"]),
        shortened=not fits(text),
        wanted=(len(positive), len(negative)),
        num_same=num_same_positive + num_same_negative,
    )


def _sentence(label: str, text: str) -> str:
    """Returns label and text, ended by a full stop unless the last character, even of the label, is ASCII punctuation.

    >>> _sentence("Input: ", " Why? "), _sentence("Input: ", "4"), _sentence("Input: ", "")
    ('Input: Why?', 'Input: 4.', 'Input: .')
    """
    line = label + text.strip()
    return line if line[-1] in string.punctuation else line + "."


def _demonstration(head: str, example: Example, explanations: bool) -> str:
    output = example.targets[0] if example.targets else ""
    lines = [head + _sentence("Input: ", example.fields.get("input", "")), _sentence(" Output: ", output)]
    if explanations and example.rationale:
        lines.append(_sentence(" Explanation: ", example.rationale))
    return "\n".join(lines) + "\n\n"


def _others(examples: Sequence[Example], input_text: str, count: int) -> tuple[list[Example], int]:
    """Returns the first `count` examples that ask about something else, and how many were passed over on the way."""
    others, num_same = list[Example](), 0
    for example in examples:
        if len(others) == count:
            break
        if example.fields.get("input", "").strip() == input_text.strip():
            num_same += 1
        else:
            others.append(example)
    return others, num_same
