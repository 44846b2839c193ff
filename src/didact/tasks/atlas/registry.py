"""Every family by name."""

from didact.base.registry import Registry
from didact.tasks.atlas.family import Family

_PLACE = "didact.tasks.atlas.families."

FAMILIES: Registry[Family] = Registry(
    "family",
    {
        # knowledge
        "country_fact": _PLACE + "knowledge:COUNTRY_FACT",
        "country_from_fact": _PLACE + "knowledge:COUNTRY_FROM_FACT",
        "thing_fact": _PLACE + "knowledge:THING_FACT",
        "true_or_false": _PLACE + "knowledge:TRUE_OR_FALSE",
        "multiple_choice": _PLACE + "knowledge:MULTIPLE_CHOICE",
        "classify": _PLACE + "sorting_out:CLASSIFY",
        "odd_one_out": _PLACE + "sorting_out:ODD_ONE_OUT",
        "entailment": _PLACE + "sorting_out:ENTAILMENT",
        "guarded": _PLACE + "sorting_out:GUARDED",
        # words
        "opposite": _PLACE + "vocabulary:OPPOSITE",
        "plural": _PLACE + "vocabulary:PLURAL",
        "animal_word": _PLACE + "vocabulary:ANIMAL_WORD",
        "past_tense": _PLACE + "vocabulary:PAST_TENSE",
        "translate": _PLACE + "tongues:TRANSLATE",
        "between_tongues": _PLACE + "tongues:BETWEEN_TONGUES",
        # lists
        "pick": _PLACE + "lists:PICK",
        "reverse": _PLACE + "lists:REVERSE",
        "alphabetical": _PLACE + "lists:ALPHABETICAL",
        "count": _PLACE + "lists:COUNT",
        "contains": _PLACE + "lists:CONTAINS",
        # text
        "replace": _PLACE + "texts:REPLACE",
        "letter_case": _PLACE + "texts:LETTER_CASE",
        "layout": _PLACE + "texts:LAYOUT",
        "extract": _PLACE + "scenes:EXTRACT",
        "fill_in": _PLACE + "scenes:FILL_IN",
        "record": _PLACE + "scenes:RECORD",
        "quiz_card": _PLACE + "scenes:QUIZ_CARD",
        # numbers
        "arithmetic": _PLACE + "numbers:ARITHMETIC",
        "next_number": _PLACE + "numbers:NEXT_NUMBER",
        # two skills
        "compose": _PLACE + "compositions:COMPOSE",
    },
    listed="didact ls tasks",
)
"""Thirty families; a family's file is loaded when it is first asked for."""
