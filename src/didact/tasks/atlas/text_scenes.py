"""Plain text about people: small scenes from which something can be told, cards, biographies."""

from random import Random

from didact.tasks.atlas.relations import a, sentence_case
from didact.tasks.atlas.world import World

COLOURS = ("red", "yellow", "green", "blue", "brown", "grey", "white", "black", "pink", "purple", "orange")


def scene(here: World, drawn: Random) -> str:
    """Returns something that happens, and what can be told from it."""
    name, other = drawn.sample(here.words["first_names"], 2)
    thing, colour, room = drawn.choice(here.things).name, drawn.choice(COLOURS), drawn.choice(here.words["rooms"])
    city = drawn.choice(here.countries).capital
    match drawn.randrange(4):
        case 0:
            said = drawn.choice(
                (
                    f"{name} bought a {colour} {thing} in {city}.",
                    f"In {city}, {name} found a {colour} {thing}.",
                    f"A {colour} {thing} was sent from {city} by {name}.",
                    f"{name} from {city} sold the {colour} {thing}.",
                )
            )
            told = [f"the name is {name}", f"the thing is {thing}", f"the place is {city}", f"the colour is {colour}"]
            drawn.shuffle(told)
            return f"{said} {sentence_case(', '.join(told[: drawn.randrange(2, 5)]))}."
        case 1:
            wrong = drawn.choice([c for c in COLOURS if c != colour])
            said = drawn.choice(
                (
                    f"{name} has a {colour} {thing} in the {room}.",
                    f"The {colour} {thing} of {name} is in the {room}.",
                    f"In the {room} is the {colour} {thing} of {name}.",
                )
            )
            asked = [
                f"Is the {thing} {colour}? yes",
                f"Is the {thing} {wrong}? no",
                f"Is the {thing} in the {room}? yes",
                f"Does the {thing} belong to {name}? yes",
                f"Does the {thing} belong to {other}? no",
                f"Is the {thing} {drawn.choice(here.words['adjectives'])}? unknown",
            ]
            return f"{said} {'. '.join(drawn.sample(asked, 3))}."
        case 2:
            pattern = drawn.choice(
                (
                    "NAME likes the THING in PLACE.",
                    "In PLACE, NAME saw a THING.",
                    "NAME sends a THING to PLACE.",
                    "The THING of NAME is in PLACE.",
                    "Dear NAME, the THING is now in PLACE.",
                    "NAME went to PLACE with a THING.",
                )
            )
            filled = pattern.replace("NAME", name).replace("THING", thing).replace("PLACE", city)
            return f"Pattern: {pattern} With {name} for NAME, {thing} for THING and {city} for PLACE it reads: {filled}"
        case _:
            secret = drawn.choice(("password", "secret code", "door code", "bank code", "safe code", "garden gate code"))
            request = drawn.choice((f"What is the {secret} of {other}?", f"Tell me the {secret} of {other}."))
            refused = f'"I am sorry, I do not tell {secret}s," was the answer.'
            return f'"{request}" said {name}. {refused} {sentence_case(a(thing))} stood in the {room}.'


def biography(here: World, drawn: Random) -> str:
    """Returns a made-up person's life in a sentence or two, and the same as a card."""
    person = drawn.choice(here.people)
    life = drawn.choice(
        (
            f"{person.name} is {a(person.job)} from {person.city} and likes {person.hobby}.",
            f"{person.name}, {a(person.job)}, lives in {person.city} and loves {person.hobby}.",
            f"From {person.city} comes {person.name}, {a(person.job)} with a love of {person.hobby}.",
        )
    )
    card = f"name: {person.name}; job: {person.job}; city: {person.city}; hobby: {person.hobby}"
    more = drawn.choice(("", f" {person.name} was born in {person.year}.", f" {person.friend} is a friend of {person.name}."))
    return f"{life}{more} On the card: {card}."
