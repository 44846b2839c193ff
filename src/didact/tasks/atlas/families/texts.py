"""Texts: one word replaced by another, capital and small letters, a list in another layout."""

from collections.abc import Mapping
from random import Random

from didact.tasks.atlas.families.lists import joined, single_words
from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.world import World

VERBS = ("sleeps", "waits", "stands", "falls", "shines", "stays")
SENTENCES = (
    "the {adjective} {thing} {verb} near the {other}",
    "the {thing} {verb} behind the {adjective} {other}",
    "the {other} and the {adjective} {thing} are in the {room}",
    "in the {room} the {adjective} {thing} {verb}",
)
NUM_SHORT_NOUNS = 60
CAPITALS, SMALL, EACH_WORD = "capital letters", "small letters", "a capital at the start of each word"
SEPARATORS = {"with dashes": " - ", "with semicolons": "; ", "with slashes": " / "}
LAYOUTS = (*SEPARATORS, "in brackets", "with numbers")


def short_nouns(world: World) -> list[str]:
    """Returns the sixty shortest names of things: the words whose capital letters are asked for."""
    return sorted(single_words(world), key=lambda name: (len(name), name))[:NUM_SHORT_NOUNS]


def _replace(world: World, part: str, rng: Random) -> Instance:
    thing, other, new_thing = rng.sample(single_words(world), 3)
    adjective, new_adjective = rng.sample(world.words["adjectives"], 2)
    # Now and then the word occurs twice.
    other = thing if rng.random() < 0.25 else other
    room, verb = rng.choice(world.words["rooms"]), rng.choice(VERBS)
    text = rng.choice(SENTENCES).format(adjective=adjective, thing=thing, other=other, room=room, verb=verb)
    old, new = (adjective, new_adjective) if rng.random() < 0.3 else (thing, new_thing)
    return Instance({"old": old, "new": new, "text": text}, _replaced(text, old, new))


def _replaced(text: str, old: str, new: str) -> str:
    return " ".join(new if word == old else word for word in text.split(" "))


def _is_replaced(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, _replaced(fields["text"], fields["old"], fields["new"]))


def _letter_case(world: World, part: str, rng: Random) -> Instance:
    text = " ".join(rng.sample(short_nouns(world), rng.randint(2, 3)))
    text = text.upper() if part == SMALL else text
    return Instance({"style": part, "text": text}, _in_letters(text, part))


def _in_letters(text: str, style: str) -> str:
    return {CAPITALS: text.upper(), SMALL: text.lower(), EACH_WORD: text.title()}[style]


def _is_in_letters(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, _in_letters(fields["text"], fields["style"]), case=True)


def _layout(world: World, part: str, rng: Random) -> Instance:
    items = rng.sample(single_words(world), rng.randint(3, 4))
    return Instance({"style": part, "items": joined(items)}, _laid_out(items, part))


def _laid_out(items: list[str], style: str) -> str:
    if style == "in brackets":
        return " ".join(f"({item})" for item in items)
    if style == "with numbers":
        return " ".join(f"{number}. {item}" for number, item in enumerate(items, 1))
    return SEPARATORS[style].join(items)


def _is_laid_out(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, _laid_out(fields["items"].split(", "), fields["style"]))


REPLACE = Family("replace", "Replace one word of a text by another.", _replace, _is_replaced)
LETTER_CASE = Family(
    "letter_case",
    "Write a text in capital or small letters.",
    _letter_case,
    _is_in_letters,
    parts={CAPITALS: "", SMALL: "", EACH_WORD: "unseen_relation"},
)
LAYOUT = Family(
    "layout",
    "Write a list in another layout.",
    _layout,
    _is_laid_out,
    parts={style: "unseen_relation" if style == "with slashes" else "" for style in LAYOUTS},
)
