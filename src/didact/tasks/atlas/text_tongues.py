"""Plain text about the two made-up languages: phrasebooks."""

from random import Random

from didact.tasks.atlas.world import TONGUE_ADJECTIVES, TONGUE_NOUNS, TONGUE_VERBS, World


def phrasebook(here: World, drawn: Random) -> str:
    """Returns phrases in English and in one or both of the made-up languages."""
    lines = []
    tongue = drawn.choice(here.tongues)
    other = here.tongues[tongue is here.tongues[0]]
    for _ in range(drawn.randrange(3, 7)):
        adjective, noun = drawn.choice(TONGUE_ADJECTIVES), drawn.choice(TONGUE_NOUNS)
        verb = drawn.choice(TONGUE_VERBS) if drawn.random() < 0.3 else ""
        english = f"{adjective} {noun} {verb}".strip()
        said = tongue.say(adjective, noun, verb)
        word = drawn.choice((adjective, noun, verb or noun))
        lines.append(
            drawn.choice(
                (
                    f"In {tongue.name}, {english} is {said}.",
                    f"{english} in {tongue.name}: {said}.",
                    f"The {tongue.name} {said} means {english} in English.",
                    f"{said} in English: {english}.",
                    f"English {english}, {tongue.name} {said}, {other.name} {other.say(adjective, noun, verb)}.",
                    f"{tongue.name} {said}, in {other.name} {other.say(adjective, noun, verb)}.",
                    f"In {tongue.name}, {word} is {tongue.words[word]}, and {noun} is {tongue.words[noun]}.",
                )
            )
        )
    return drawn.choice((" ", "\n")).join(lines)
