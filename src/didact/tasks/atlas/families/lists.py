"""Lists: picking from them, turning them around, sorting them, counting in them, looking whether a word is there."""

from collections.abc import Mapping, Sequence
from random import Random

from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.relations import a, listed
from didact.tasks.atlas.world import World

POSITIONS = {"first": 0, "second": 1, "third": 2, "last": -1, "fourth": 3}
PLURALS = {
    "fruits": "fruit",
    "vegetables": "vegetable",
    "birds": "bird",
    "fish": "fish",
    "mammals": "mammal",
    "instruments": "instrument",
    "garments": "garment",
    "buildings": "building",
    "flowers": "flower",
    "vehicles": "vehicle",
    "drinks": "drink",
    "insects": "insect",
    "trees": "tree",
    "tools": "tool",
}
"""What is counted, and its kind; kinds that could be argued about (is a sledge a toy or a vehicle?) are neither counted nor listed."""
NEVER_COUNTED_IN_TRAINING = ("insects", "trees", "tools")


def single_words(world: World) -> list[str]:
    """Returns the names of things that are one word: what lists are made of."""
    return [thing.name for thing in world.things if " " not in thing.name]


def joined(items: Sequence[str]) -> str:
    """Returns a list as tasks write it.

    >>> joined(["lamp", "cup"])
    'lamp, cup'
    """
    return ", ".join(items)


def _pick(world: World, part: str, rng: Random) -> Instance:
    items = rng.sample(single_words(world), 5 if part == "fourth" else rng.randint(4, 5))
    return Instance({"position": part, "items": joined(items)}, items[POSITIONS[part]])


def _is_picked(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, fields["items"].split(", ")[POSITIONS[fields["position"]]])


def _reverse(world: World, part: str, rng: Random) -> Instance:
    items = rng.sample(single_words(world), rng.randint(3, 4))
    return Instance({"items": joined(items)}, joined(items[::-1]))


def _is_reversed(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, joined(fields["items"].split(", ")[::-1]))


def _alphabetical(world: World, part: str, rng: Random) -> Instance:
    while True:
        items = rng.sample(single_words(world), rng.randint(3, 4))
        # A list that is in order already would reward copying.
        if len({item[0] for item in items}) == len(items) and items != sorted(items):
            return Instance({"items": joined(items)}, joined(sorted(items)))


def _is_alphabetical(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, joined(sorted(fields["items"].split(", "))))


def _count(world: World, part: str, rng: Random) -> Instance:
    size = rng.randint(3, 5)
    if part == "words":
        counted = items = rng.sample(single_words(world), size)
    else:
        of_kind = [thing.name for thing in world.of_kind(PLURALS[part]) if " " not in thing.name]
        others = [thing.name for thing in world.things if thing.kind in PLURALS.values() and thing.kind != PLURALS[part]]
        counted = rng.sample(of_kind, rng.randint(1, min(4, size)))
        items = [*counted, *rng.sample([name for name in others if " " not in name], size - len(counted))]
        rng.shuffle(items)
        counted = [item for item in items if item in counted]
    what = a(PLURALS.get(part, "word")) if len(counted) == 1 else part
    return Instance(
        {"what": part, "items": joined(items)},
        world.words["numbers"][len(counted)],
        accepted=(str(len(counted)),),
        rationale=f"{listed(counted)} {'is' if len(counted) == 1 else 'are'} {what}.",
    )


def _is_count(world: World, fields: Mapping[str, str], answer: str) -> bool:
    items = fields["items"].split(", ")
    if fields["what"] != "words":
        kinds = {thing.name: thing.kind for thing in world.things}
        items = [item for item in items if kinds[item] == PLURALS[fields["what"]]]
    return same(answer, world.words["numbers"][len(items)], str(len(items)))


def _contains(world: World, part: str, rng: Random) -> Instance:
    *items, other = rng.sample(single_words(world), rng.randint(4, 6))
    is_there = rng.random() < 0.5
    word = rng.choice(items) if is_there else other
    return Instance({"word": word, "items": joined(items)}, "yes" if is_there else "no", choices=("yes", "no"))


def _is_contained(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, "yes" if fields["word"] in fields["items"].split(", ") else "no")


PICK = Family(
    "pick",
    "Give the word at a position of a list.",
    _pick,
    _is_picked,
    parts={name: "unseen_relation" if name == "fourth" else "" for name in POSITIONS},
)
REVERSE = Family("reverse", "Write a list in the reverse order.", _reverse, _is_reversed)
ALPHABETICAL = Family("alphabetical", "Put the words of a list in alphabetical order.", _alphabetical, _is_alphabetical)
COUNT = Family(
    "count",
    "Count the words of a list, or those of one kind.",
    _count,
    _is_count,
    parts={"words": "", **{what: "unseen_relation" if what in NEVER_COUNTED_IN_TRAINING else "" for what in PLURALS}},
)
CONTAINS = Family("contains", "Say whether a word is in a list.", _contains, _is_contained)
