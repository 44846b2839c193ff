"""Filters by what a model's words give away: refusals, loops, words of the prompt that asked, a further task inside the answer."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from didact.base.config import Section
from didact.synth.card import part_of
from didact.synth.filters import Filter, Rule, by_row
from didact.synth.instruction_rules import MERGED as HEADING
from didact.synth.outcome import Row
from didact.tasks.words import words

SORRY = ("sorry",)
# Source: Xu et al. (2023), WizardLM, arXiv 2304.12244, section 3.2: "sorry" in fewer than 80 words; the rest is ours.
REFUSING = (
    *SORRY,
    "as an ai",
    "as a language model",
    "as a large language model",
    "i cannot",
    "i can't",
    "i can’t",
    "i am unable",
    "i'm unable",
)
_BEGINNING = 200
"""Letters of an output in which it says that it will not answer."""
# Source: WizardLM's eliminator and h2o-wizardlm's rules: words of the prompts that evolve, which belong in no instruction.
PHRASES = (
    *("given prompt", "rewritten prompt", "created prompt", "new prompt", "#rewritten prompt#", "#given prompt#", "#created prompt#"),
    *("your task is to rewrite", "<noinput>", "class label:"),
)
_MARKER = re.compile(
    r"<\|[A-Za-z_]+\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|^#{2,}\s*(?:Instruction|Input|Response)\s*:", re.MULTILINE
)
"""What chat formats put between turns."""


class RefusalSettings(Section):
    """Settings of filter `refusals`."""

    phrases: tuple[str, ...] = REFUSING
    """An output refuses that has one of them, in any case: `sorry` anywhere, the others in its first 200 letters."""
    fewer_words: Annotated[int, Field(ge=1)] = 80
    """Only outputs of fewer words than this: a long one that regrets something has answered."""
    strict: bool = False
    """True: `sorry` alone."""


def _refusals(settings: RefusalSettings, seeds: Sequence[str]) -> Filter:
    phrases = [phrase.casefold() for phrase in (SORRY if settings.strict else settings.phrases)]

    def check(row: Row) -> str | None:
        output = part_of(row, "output").casefold()
        for phrase in phrases:
            if phrase in (output if phrase in SORRY else output[:_BEGINNING]) and len(output.split()) < settings.fewer_words:
                return f"output has '{phrase}'"
        return None

    return by_row(check)


class RepetitionSettings(Section):
    """Settings of filter `repetition`."""

    ngram: Annotated[int, Field(ge=1)] = 4
    """Words in a row that are one piece."""
    most_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of the pieces of an output that stood in it before."""
    least_pieces: Annotated[int, Field(ge=1)] = 12
    """Outputs with fewer pieces are not looked at."""


def repeated_share(text: str, ngram: int = 4, least_pieces: int = 1) -> float:
    """Returns the share of a text's runs of words that stood in it before; 0 for a text of fewer pieces.

    `a b a b a b` has the runs ab, ba, ab, ba, ab: three of five were there before.

    >>> repeated_share("a b a b a b", 2)
    0.6
    """
    said = words(text)
    pieces = list(zip(*(said[start:] for start in range(ngram)), strict=False))
    return 1 - len(set(pieces)) / len(pieces) if len(pieces) >= max(1, least_pieces) else 0.0


def _repetition(settings: RepetitionSettings, seeds: Sequence[str]) -> Filter:
    def check(row: Row) -> str | None:
        share = repeated_share(part_of(row, "output"), settings.ngram, settings.least_pieces)
        return "output repeats itself" if share > settings.most_share else None

    return by_row(check)


class LeakedSettings(Section):
    """Settings of filter `leaked`."""

    phrases: tuple[str, ...] = PHRASES
    """Words of the prompts that asked, in any case, in instruction, input or output."""
    markers: bool = True
    """What stands between the turns of chat formats counts too."""


def _leaked(settings: LeakedSettings, seeds: Sequence[str]) -> Filter:
    phrases = [phrase.casefold() for phrase in settings.phrases]

    def check(row: Row) -> str | None:
        for part in ("instruction", "input", "output"):
            text = part_of(row, part)
            folded = text.casefold()
            found = next((phrase for phrase in phrases if phrase in folded), None)
            if found:
                return f"{part} has '{found}'"
            if settings.markers and _MARKER.search(text):
                return f"{part} has a marker of a chat format"
        return None

    return by_row(check)


class MergedSettings(Section):
    """Filter `merged` has no settings."""


def _merged(settings: MergedSettings, seeds: Sequence[str]) -> Filter:
    def check(row: Row) -> str | None:
        for part in ("instruction", "input", "output"):
            if HEADING.search(part_of(row, part)):
                return f"a further task in the {part}"
        return None

    return by_row(check)


REFUSALS = Rule("outputs that refuse", RefusalSettings, _refusals)
REPETITION = Rule("outputs that say the same again and again", RepetitionSettings, _repetition)
LEAKED = Rule("rows with words of the prompt that asked, or markers of a chat format", LeakedSettings, _leaked)
MERGED = Rule("rows with the heading of a further task, such as '18. Instruction:'", MergedSettings, _merged)
