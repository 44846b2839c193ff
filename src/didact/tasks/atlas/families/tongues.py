"""Families that translate between English and the two made-up languages, and between these."""

from collections.abc import Iterator, Mapping
from itertools import product
from random import Random

from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.world import TONGUE_ADJECTIVES, TONGUE_NOUNS, TONGUE_VERBS, World

ENGLISH = "English"
_WAYS = {
    "into first": (None, 0),
    "into second": (None, 1),
    "from first": (0, None),
    "from second": (1, None),
    "first to second": (0, 1),
    "second to first": (1, 0),
}
"""Part to the languages that a phrase is in and is wanted in: the first or the second tongue, None for English."""


def _make(here: World, part: str, drawn: Random) -> Instance:
    meaning = drawn.choice(TONGUE_ADJECTIVES), drawn.choice(TONGUE_NOUNS), drawn.choice(TONGUE_VERBS) if drawn.randrange(3) == 0 else ""
    source, language = (ENGLISH if number is None else here.tongues[number].name for number in _WAYS[part])
    phrase, target = _said(here, meaning, source), _said(here, meaning, language)
    steps = [f"{_said_word(here, word, source)} is {_said_word(here, word, language)}" for word in meaning if word]
    return Instance({"phrase": phrase, "source": source, "language": language}, target, rationale=f"{', '.join(steps)}.")


def _said(here: World, meaning: tuple[str, str, str], language: str) -> str:
    """Returns adjective, noun and verb as a phrase of a language."""
    for tongue in here.tongues:
        if tongue.name == language:
            return tongue.say(*meaning)
    return " ".join(word for word in meaning if word)


def _said_word(here: World, word: str, language: str) -> str:
    return next((tongue.words[word] for tongue in here.tongues if tongue.name == language), word)


def _meanings(here: World, phrase: str, source: str) -> Iterator[tuple[str, str, str]]:
    """Yields what a phrase may mean: every choice of its words that is said like this."""
    words = phrase.split()
    said = ([word for word in kind if _said_word(here, word, source) in words] for kind in (TONGUE_ADJECTIVES, TONGUE_NOUNS, TONGUE_VERBS))
    adjectives, nouns, verbs = said
    for meaning in product(adjectives, nouns, verbs or [""]):
        if _said(here, meaning, source) == phrase:
            yield meaning


def _verify(here: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, *(_said(here, meaning, fields["language"]) for meaning in _meanings(here, fields["phrase"], fields["source"])))


TRANSLATE = Family(
    "translate",
    "Translate a phrase from English into a made-up language, or back.",
    _make,
    _verify,
    parts={"into first": "", "into second": "", "from first": "", "from second": "unseen_relation"},
)
"""`Translate small cat from English into Xo.` `mu ki`"""
BETWEEN_TONGUES = Family(
    "between_tongues",
    "Translate a phrase from one made-up language into the other.",
    _make,
    _verify,
    parts={"first to second": "", "second to first": "unseen_relation"},
)
"""`Translate mu ki from Xo into Ve.` `sa to`"""
