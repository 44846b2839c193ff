"""The language of a text: by its script and, where many languages share one, by frequent words; or nothing, never a guess."""

from collections import Counter
from functools import lru_cache

import regex

from didact.tasks.language_words import FREQUENT, LETTERS
from didact.tasks.words import words

OF_SCRIPT = {
    "Latin": ("en", "de", "es", "fr", "it", "pt", "nl", "fi", "sw", "id", "tr", "pl", "sv", "da", "cs", "ro", "vi"),
    "Cyrillic": ("ru", "uk", "bg"),
    "Devanagari": ("hi", "mr", "ne"),
    "Arabic": ("ar", "fa", "ur"),
    "Han": ("zh",),
    "Hiragana": ("ja",),
    "Katakana": ("ja",),
    "Hangul": ("ko",),
    "Thai": ("th",),
    "Telugu": ("te",),
    "Bengali": ("bn",),
    "Greek": ("el",),
    "Hebrew": ("he",),
    "Tamil": ("ta",),
    "Gujarati": ("gu",),
    "Gurmukhi": ("pa",),
    "Kannada": ("kn",),
    "Malayalam": ("ml",),
    "Sinhala": ("si",),
    "Georgian": ("ka",),
    "Armenian": ("hy",),
    "Ethiopic": ("am",),
    "Khmer": ("km",),
    "Lao": ("lo",),
    "Myanmar": ("my",),
}
"""Script to the languages that are told apart in it."""
LANGUAGES = tuple(dict.fromkeys(code for codes in OF_SCRIPT.values() for code in codes))
"""Codes (ISO 639-1) of the languages that can be recognised."""
_NAMES = """english en german de spanish es french fr italian it portuguese pt dutch nl finnish fi swahili sw indonesian id turkish tr
polish pl swedish sv danish da czech cs romanian ro vietnamese vi russian ru ukrainian uk bulgarian bg hindi hi marathi mr nepali ne
arabic ar persian fa farsi fa urdu ur chinese zh japanese ja korean ko thai th telugu te bengali bn greek el hebrew he tamil ta
gujarati gu punjabi pa panjabi pa kannada kn malayalam ml sinhala si georgian ka armenian hy amharic am khmer km lao lo
burmese my""".split()
_CODE_OF_NAME = dict(zip(_NAMES[::2], _NAMES[1::2], strict=True))
_LEAST_LETTERS = 2
"""Of a script that only one language here has."""
_LEAST_EVIDENCE = 1.5
"""Frequent words, each counted for as many languages as have it, that the likeliest language needs."""
_LEAST_SHARE = 0.6
"""Of the evidence of the two likeliest languages, that the likeliest needs: less is a draw."""
_LEAST_DENSITY = 0.08
"""Evidence for each word: of running text a third are frequent words, of names and formulas next to none."""
_KANA = 0.05
"""Share of kana among the letters of a Japanese text, at least: Chinese has none."""
_LETTER_WEIGHT = 0.5
"""What a word with a letter of few languages counts, against 1 for a frequent word."""


def language_of(text: str) -> str | None:
    """Returns the code of a text's language; None where it is too short to say, or between two languages.

    The same text always has the same language. A text in several languages has that of most of its words.

    Args:
        text: Any text; figures, signs and code say nothing.

    >>> language_of("How many apples does she have now?"), language_of("Wie viele Äpfel hat sie nun?"), language_of("他有几个球？")
    ('en', 'de', 'zh')
    >>> language_of("42"), language_of("Paris"), language_of("x + y = 3")
    (None, None, None)
    """
    scripts = Counter(filter(None, map(_script_of, text)))
    kana = scripts["Hiragana"] + scripts["Katakana"]
    if kana and kana >= _KANA * (kana + scripts["Han"]):
        scripts["Hiragana"] = kana + scripts.pop("Han", 0)
        scripts.pop("Katakana", 0)
    if not scripts:
        return None
    script, num_letters = max(scripts.items(), key=lambda pair: (pair[1], pair[0]))
    if num_letters < _LEAST_LETTERS or 2 * num_letters < sum(scripts.values()):
        return None
    codes = OF_SCRIPT[script]
    return codes[0] if len(codes) == 1 else _by_words(text, codes)


def code_of(language: str) -> str:
    """Returns the code of a language that is named in English or by its code; empty for one that cannot be recognised.

    >>> code_of("German"), code_of("sw"), code_of("pt-BR"), code_of("Klingon")
    ('de', 'sw', 'pt', '')
    """
    name = language.strip().lower()
    code = _CODE_OF_NAME.get(name, name.replace("_", "-").partition("-")[0])
    return code if code in LANGUAGES else ""


def script_share(text: str, scripts: tuple[str, ...]) -> float:
    """Returns the share of a text's letters that belong to some scripts; 1 for a text without letters.

    Args:
        text: Any text.
        scripts: Unicode's names of scripts: Latin, Cyrillic, Han ...

    >>> script_share("Инд, abc", ("Latin",)), script_share("3 + 4", ("Latin",))
    (0.5, 1.0)
    """
    letters = "".join(filter(str.isalpha, text))
    own = sum(len(script_pattern(name).findall(letters)) for name in scripts)
    return own / len(letters) if letters else 1.0


@lru_cache(maxsize=64)
def script_pattern(name: str) -> "regex.Pattern[str]":
    """Returns what matches one letter of a script.

    Raises:
        regex.error: Unicode has no script of this name.
    """
    return regex.compile(rf"\p{{Script={name}}}")


@lru_cache(maxsize=1 << 14)
def _script_of(letter: str) -> str:
    """Returns the script of a letter, among those that languages are known of; empty for other letters and for signs."""
    if letter.isascii():
        return "Latin" if letter.isalpha() else ""
    return next((name for name in OF_SCRIPT if letter.isalpha() and script_pattern(name).match(letter)), "")


@lru_cache(maxsize=1)
def _weights() -> dict[str, tuple[tuple[str, float], ...]]:
    """Returns for each frequent word the languages that have it, and what it counts for each: the fewer, the more."""
    of_word: dict[str, set[str]] = {}
    for code, listed in FREQUENT.items():
        for listed_word in listed.split():
            for word in words(listed_word):
                of_word.setdefault(word, set()).add(code)
    return {word: tuple((code, 1.0 / len(codes)) for code in sorted(codes)) for word, codes in of_word.items()}


def _by_words(text: str, codes: tuple[str, ...]) -> str | None:
    """Returns the likeliest of some languages of one script, by frequent words and by letters that few languages have."""
    weights, evidence, said = _weights(), dict.fromkeys(codes, 0.0), words(text)
    written = text.lower().split()
    for word in said:
        for code, weight in weights.get(word, ()):
            if code in evidence:
                evidence[code] += weight
    for code in codes:
        own = set(LETTERS.get(code, ""))
        if own:
            evidence[code] += _LETTER_WEIGHT * sum(not own.isdisjoint(word) for word in written)
    first, second = sorted(evidence, key=lambda code: (-evidence[code], code))[:2]
    most, rest = evidence[first], evidence[second]
    sure = most >= max(_LEAST_EVIDENCE, _LEAST_DENSITY * len(said)) and most >= _LEAST_SHARE * (most + rest)
    return first if sure else None
