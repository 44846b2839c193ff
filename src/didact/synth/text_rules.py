"""Filters by what a row's texts are: their length, first sign, words and script, and whether there is an answer at all."""

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import Annotated

import regex
from pydantic import Field, field_validator

from didact.base.config import Section
from didact.synth.card import part_of
from didact.synth.filters import Filter, Rule, by_row
from didact.synth.instruction_rules import KEYWORDS as USUAL_KEYWORDS
from didact.synth.instruction_rules import LEAST_WORDS, MOST_WORDS, SELF_INSTRUCT_KEYWORDS, STRICT_BEGINNING
from didact.synth.outcome import Row
from didact.tasks.languages import script_pattern, script_share
from didact.tasks.words import words

Count = Annotated[int, Field(ge=0)]
_OPENING = "\"'([<`"
"""Signs that an instruction may well begin with: quotations, code, HTML."""


class LengthSettings(Section):
    """Settings of filter `length`, in words; both ends are included."""

    least_words: Count = LEAST_WORDS
    """Of the instruction."""
    most_words: Count = MOST_WORDS
    """Of the instruction."""
    least_output_words: Count = 0
    """Of the output."""
    most_output_words: Count | None = None
    """Of the output; null: any number."""
    strict: bool = False
    """True: words are what stands between blanks, as in the originals; else runs of letters and digits, and in scripts without blanks
    letters."""


def _length(settings: LengthSettings, seeds: Sequence[str]) -> Filter:
    def check(row: Row) -> str | None:
        for part, least, most in (
            ("instruction", settings.least_words, settings.most_words),
            ("output", settings.least_output_words, settings.most_output_words),
        ):
            text = part_of(row, part)
            count = len(text.split() if settings.strict else words(text))
            if count < least:
                return f"{part} of fewer than {least} words"
            if most is not None and count > most:
                return f"{part} of more than {most} words"
        return None

    return by_row(check)


class KeywordSettings(Section):
    """Settings of filter `keywords`."""

    keywords: tuple[str, ...] = USUAL_KEYWORDS
    """Words and phrases that no instruction may hold, in any case, as whole words."""
    strict: bool = False
    """True: Self-Instruct's list of 13, and no instruction that begins with 'Write a program'."""


def _keywords(settings: KeywordSettings, seeds: Sequence[str]) -> Filter:
    asked = SELF_INSTRUCT_KEYWORDS if settings.strict else settings.keywords
    any_of = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in asked) or r"(?!)", re.IGNORECASE)

    def check(row: Row) -> str | None:
        instruction = part_of(row, "instruction")
        if found := any_of.search(instruction):
            return f"instruction has '{found[0].lower()}'"
        return "instruction begins with 'Write a program'" if settings.strict and instruction.startswith(STRICT_BEGINNING) else None

    return by_row(check)


class PunctuationSettings(Section):
    """Settings of filter `punctuation`."""

    strict: bool = False
    """True: no sign of ASCII punctuation may come first, and no letter that is not ASCII, as in the originals. Else letters of any
    script may, and so may opening quotation marks and brackets."""


def _punctuation(settings: PunctuationSettings, seeds: Sequence[str]) -> Filter:
    def check(row: Row) -> str | None:
        first = part_of(row, "instruction").strip()[:1]
        if settings.strict:
            if first and first in string.punctuation:
                return "instruction begins with punctuation"
            return "instruction begins with no ASCII letter" if not first.isascii() else None
        kind = unicodedata.category(first) if first else ""
        return "instruction begins with punctuation" if kind[:1] == "P" and kind not in ("Ps", "Pi") and first not in _OPENING else None

    return by_row(check)


class LanguageSettings(Section):
    """Settings of filter `language`: a look at the script, which costs next to nothing and cannot tell English from French."""

    scripts: Annotated[tuple[str, ...], Field(min_length=1)] = ("Latin",)
    """Unicode's names of scripts: Latin, Cyrillic, Greek, Arabic, Han, Hiragana, Katakana, Hangul, Devanagari ..."""
    least_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of the letters of instruction and output, each by itself."""

    @field_validator("scripts")
    @classmethod
    def _are_scripts(cls, scripts: tuple[str, ...]) -> tuple[str, ...]:
        for script in scripts:
            try:
                script_pattern(script)
            except regex.error:
                raise ValueError(f"no script is called '{script}': Latin, Cyrillic, Greek, Arabic, Han, Hangul, Devanagari ...") from None
        return scripts


def _language(settings: LanguageSettings, seeds: Sequence[str]) -> Filter:
    def check(row: Row) -> str | None:
        for part in ("instruction", "output"):
            if script_share(part_of(row, part), settings.scripts) < settings.least_share:
                return f"{part} in another script"
        return None

    return by_row(check)


class InstanceSettings(Section):
    """Settings of filter `instance`."""

    colon: bool = True
    """Input and output must not end with a colon: what should follow was cut off."""


def _instance(settings: InstanceSettings, seeds: Sequence[str]) -> Filter:
    def check(row: Row) -> str | None:
        instruction, given, output = (part_of(row, part).strip() for part in ("instruction", "input", "output"))
        if not instruction:
            return "no instruction"
        if not output:
            return "no output"
        if output in (given, instruction):
            return "output is the input" if output == given else "output is the instruction"
        if settings.colon and (output.endswith(":") or given.endswith(":")):
            return f"{'output' if output.endswith(':') else 'input'} ends with a colon"
        return None

    return by_row(check)


# Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, section 2.2, and its code, for all of these but the language.
LENGTH = Rule("instructions and outputs that are too short or too long", LengthSettings, _length)
KEYWORDS = Rule("instructions about what a text cannot hold, such as an image", KeywordSettings, _keywords)
PUNCTUATION = Rule("instructions that begin with punctuation", PunctuationSettings, _punctuation)
LANGUAGE = Rule("instructions and outputs in another script", LanguageSettings, _language)
INSTANCE = Rule("rows without an output, with the input as output, or cut off at a colon", InstanceSettings, _instance)
