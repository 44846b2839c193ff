"""Scenes: telling who, what and where, filling in a sentence, a record of a person, a quiz card."""

import re
from collections.abc import Mapping, Sequence
from random import Random

from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.relations import COUNTRY_RELATIONS, a, value
from didact.tasks.atlas.world import World

CARRIED = ("tool", "instrument", "vehicle", "garment", "furniture", "toy", "vessel")
"""Kinds of things that somebody buys, paints or gives away, and that may have any colour."""
SCENES = (
    "{name} bought {article} {colour} {thing} in {place}.",
    "In {place}, {name} found {article} {colour} {thing}.",
    "{name} from {place} has {article} {colour} {thing}.",
    "There is {article} {colour} {thing} in {place}, and {name} likes it.",
)
PATTERNS = (
    "NAME likes the THING in PLACE.",
    "In PLACE, NAME has a new THING.",
    "The THING of NAME is in PLACE.",
    "NAME takes the THING to PLACE.",
    "NAME from PLACE talks about the THING.",
    "The THING in PLACE belongs to NAME.",
)
PORTRAITS = (
    "{name} is {article} {job} from {city} and likes {hobby}.",
    "{name} lives in {city}, works as {article} {job} and likes {hobby}.",
    "{name}, {article} {job} from {city}, likes {hobby}.",
)
QUIZ_RELATIONS = ("capital", "continent", "language", "animal", "bird")
PLACES = ("A", "B", "C")


def _cast(world: World, rng: Random) -> tuple[str, str, str]:
    """Returns somebody, something and somewhere."""
    things = [thing.name for thing in world.things if thing.kind in CARRIED and " " not in thing.name]
    return rng.choice(world.words["first_names"]), rng.choice(things), rng.choice(_cities(world))


def _cities(world: World) -> list[str]:
    return [country.capital for country in world.countries if re.fullmatch(r"[A-Za-z]+( [A-Za-z]+)?", country.capital)]


def _read_back(forms: Sequence[str], text: str) -> dict[str, str]:
    """Returns what a sentence of one of these forms says.

    >>> _read_back(["{name} lives in {place}."], "Anna lives in Paris.")
    {'name': 'Anna', 'place': 'Paris'}
    """
    for form in forms:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[\\w '-]+)", re.escape(form)).replace("(?P<article>[\\w '-]+)", "(?P<article>an?)")
        if found := re.fullmatch(pattern, text):
            return found.groupdict()
    return {}


def _extract(world: World, part: str, rng: Random) -> Instance:
    name, thing, place = _cast(world, rng)
    colour = rng.choice(sorted({thing.colour for thing in world.things if thing.colour}))
    said = {"name": name, "thing": thing, "place": place, "colour": colour, "article": a(colour).split(" ")[0]}
    return Instance({"what": part, "text": rng.choice(SCENES).format(**said)}, said[part])


def _is_extracted(world: World, fields: Mapping[str, str], answer: str) -> bool:
    said = _read_back(SCENES, fields["text"])
    return bool(said) and same(answer, said[fields["what"]])


def _fill_in(world: World, part: str, rng: Random) -> Instance:
    name, thing, place = _cast(world, rng)
    fields = {"pattern": rng.choice(PATTERNS), "name": name, "thing": thing, "place": place}
    return Instance(fields, _filled(fields))


def _filled(fields: Mapping[str, str]) -> str:
    return re.sub("NAME|THING|PLACE", lambda found: fields[found[0].lower()], fields["pattern"])


def _is_filled(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, _filled(fields))


def _record(world: World, part: str, rng: Random) -> Instance:
    person = rng.choice(world.people)
    said = {"name": person.name, "job": person.job, "city": person.city, "hobby": person.hobby}
    text = rng.choice(PORTRAITS).format(**said, article=a(person.job).split(" ")[0])
    return Instance({"text": text}, _as_record(said))


def _as_record(said: Mapping[str, str]) -> str:
    return "; ".join(f"{key}: {said[key]}" for key in ("name", "job", "city", "hobby"))


def _is_record(world: World, fields: Mapping[str, str], answer: str) -> bool:
    said = _read_back(PORTRAITS, fields["text"])
    return bool(said) and same(answer, _as_record(said))


def _quiz_card(world: World, part: str, rng: Random) -> Instance:
    relation = rng.choice(QUIZ_RELATIONS)
    country = rng.choice([country for country in world.countries if value(country, relation)])
    right = value(country, relation) or ""
    others = sorted({found for other in world.countries if (found := value(other, relation)) and found != right and "," not in found})
    fields = {
        "question": f"What is the {COUNTRY_RELATIONS[relation]} of {country.name}?",
        "right": right,
        "wrong": ", ".join(rng.sample(others, 2)),
        "place": rng.choice(PLACES),
    }
    return Instance(fields, _card(fields), about=f"{relation} of {country.name}")


def _card(fields: Mapping[str, str]) -> str:
    """Returns the card: the right answer stands at its place, the wrong ones keep their order in the places that are left."""
    answers = fields["wrong"].split(", ")
    answers.insert(PLACES.index(fields["place"]), fields["right"])
    options = " ".join(f"{place}: {answer}" for place, answer in zip(PLACES, answers, strict=True))
    return f"[{fields['question']}] {options}. Right: {fields['place']}"


def _is_card(world: World, fields: Mapping[str, str], answer: str) -> bool:
    return same(answer, _card(fields))


EXTRACT = Family(
    "extract",
    "Take the name, the thing, the place or the colour out of a sentence.",
    _extract,
    _is_extracted,
    parts={"name": "", "thing": "", "place": "", "colour": "unseen_relation"},
)
FILL_IN = Family("fill_in", "Fill a name, a thing and a place in a pattern.", _fill_in, _is_filled)
RECORD = Family("record", "Turn a sentence about a person into a record.", _record, _is_record)
QUIZ_CARD = Family("quiz_card", "Write a quiz card from a question and its answers.", _quiz_card, _is_card)
