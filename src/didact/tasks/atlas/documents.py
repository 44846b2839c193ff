"""The world's plain text, as the web has it: no chat format, questions mostly without answers, truths in many wordings.

A document is drawn from the world's seed and its number alone.
"""

from collections.abc import Callable
from random import Random

from didact.base.chance import rng
from didact.tasks.atlas import text_countries, text_lists, text_numbers, text_scenes, text_things, text_tongues
from didact.tasks.atlas.world import World

Writer = Callable[[World, Random], str]

SHARES: tuple[tuple[float, Writer], ...] = (
    (22, text_countries.page),
    (6, text_countries.table),
    (5, text_countries.questions),
    (7, text_countries.dialogue),
    (3, text_countries.sheet),
    (4, text_countries.claims),
    (12, text_things.page),
    (4, text_things.kinds),
    (4, text_things.vocabulary),
    (2, text_things.questions),
    (20, text_lists.board),
    (5, text_lists.letters),
    (5, text_lists.rewriting),
    (9, text_scenes.scene),
    (3, text_scenes.biography),
    (4, text_numbers.sums),
    (2, text_numbers.sequences),
    (5, text_tongues.phrasebook),
)
"""How often each kind of document is written, relative to the others."""
_WEIGHTS, _WRITERS = zip(*SHARES, strict=True)


def document(here: World, number: int) -> str:
    """Returns a document of the world's plain text.

    Args:
        here: The world.
        number: Which one; any number from 0.
    """
    drawn = rng(here.seed, "atlas text", number)
    writer: Writer = drawn.choices(_WRITERS, _WEIGHTS)[0]
    return writer(here, drawn)
