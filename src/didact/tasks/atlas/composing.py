"""Composing functions: at each of five positions one of three bijections or the identity, 1,024 compositions in all.

The answer is the string after every function was applied to it, from the left to the right; the steps are its rationale.

Source: Ramesh et al. (2023), Compositional capabilities of autoregressive transformers, arXiv 2311.12997.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase
from typing import Annotated

from pydantic import Field, model_validator

from didact.base.chance import permutation, rng
from didact.base.config import Section
from didact.base.errors import RecipeError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.atlas.made import NUM_TRIES, STRINGS, apart, exhausted, made_task, settings_of, share_of
from didact.tasks.task import Task

Count = Annotated[int, Field(ge=1)]
Composition = tuple[int, ...]
"""For every position the number of its function; 0 is the identity."""
Functions = tuple[tuple[Mapping[str, str], ...], ...]
"""For every position its functions: letter to letter, the identity first."""
MOST_COMPOSITIONS = 1_000_000
DEFINITION = "Apply the functions to the letters of the string, one function after the other, from the left to the right."


class Settings(Section):
    """The settings of reader `composing`."""

    num_compositions: Count = 50
    """Compositions that are trained on. The first ones of a larger number are those of a smaller one."""
    num_strings: Count = 400
    """Training strings of each composition."""
    depth: Annotated[int, Field(ge=2, le=26)] = 5
    """Positions: functions in a composition. One alone composes nothing."""
    num_functions: Count = 3
    """Bijections to choose from at each position, besides the identity."""
    alphabet: Annotated[int, Field(ge=2, le=26)] = 10
    """Letters that there are, from a on."""
    string_length: Count = 6
    """Letters of a string."""
    num_unseen: Count = 200
    """Instances of each unseen task."""
    num_unseen_compositions: Count = 100
    """Compositions set aside; those with a function that training never shows are then left out."""

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        if self.num_functions >= math.factorial(min(self.alphabet, 12)):
            raise ValueError(f"{self.alphabet} letters (alphabet) have too few bijections for num_functions ({self.num_functions})")
        if self.total > MOST_COMPOSITIONS:
            raise ValueError(f"depth and num_functions make {self.total:,} compositions; the most are {MOST_COMPOSITIONS:,}")
        if self.num_compositions + self.num_unseen_compositions > self.total:
            raise ValueError(f"num_compositions and num_unseen_compositions are together more than the {self.total:,} that there are")
        return self

    @property
    def total(self) -> int:
        """Compositions that there are: 4^5 = 1,024 unless set otherwise."""
        return int((self.num_functions + 1) ** self.depth)


@lru_cache(maxsize=4)
def functions_of(seed: int, settings: Settings) -> Functions:
    """Returns the functions of every position; no two of a position are the same."""
    return tuple(tuple(_draw_functions(seed, settings, position)) for position in range(settings.depth))


def _draw_functions(seed: int, settings: Settings, position: int) -> list[dict[str, str]]:
    letters, drawn = ascii_lowercase[: settings.alphabet], rng(seed, "composing functions", position)
    found = [dict(zip(letters, letters, strict=True))]
    while len(found) <= settings.num_functions:
        function = dict(zip(letters, drawn.sample(letters, len(letters)), strict=True))
        found += [] if function in found else [function]
    return found


def compositions_of(seed: int, settings: Settings) -> tuple[tuple[Composition, ...], tuple[Composition, ...]]:
    """Returns the compositions that are trained on and the unseen ones, made of functions that training shows.

    Raises:
        RecipeError: No composition that was set aside is made of such functions.
    """
    order = [_composition(number, settings) for number in permutation(settings.total, seed, "composing compositions").tolist()]
    # Those set aside are the last ones: they stay the same while a study turns the number of the trained ones.
    seen, aside = order[: settings.num_compositions], order[-settings.num_unseen_compositions :]
    shown = [{composition[position] for composition in seen} for position in range(settings.depth)]
    unseen = tuple(c for c in aside if all(number in known for number, known in zip(c, shown, strict=True)))
    if not unseen:
        what = f"{len(seen)} compositions show too few functions: none of the {len(aside)} set aside is made of them"
        raise RecipeError(what, where="settings.num_compositions", remedy="raise num_compositions or num_unseen_compositions")
    return tuple(seen), unseen


def _composition(number: int, settings: Settings) -> Composition:
    """Returns the digits of a number, which has as many digits as there are positions."""
    base = settings.num_functions + 1
    return tuple(number // base**position % base for position in range(settings.depth))


def names_of(composition: Composition) -> str:
    """Returns a composition as it is written: a letter for the position, a number for the function, 0 for the identity.

    >>> names_of((2, 0, 1))
    'A2 B0 C1'
    """
    return " ".join(f"{ascii_uppercase[position]}{number}" for position, number in enumerate(composition))


def steps_of(functions: Functions, composition: Composition, string: str) -> list[str]:
    """Returns the string after each function.

    >>> same, swap = {"a": "a", "b": "b"}, {"a": "b", "b": "a"}
    >>> steps_of(((same, swap), (same, swap), (same, swap)), (1, 0, 1), "aab")
    ['bba', 'bba', 'aab']
    """
    steps = []
    for position, number in enumerate(composition):
        string = "".join(functions[position][number][letter] for letter in string)
        steps.append(string)
    return steps


def verify(functions: Functions, fields: Mapping[str, str], answer: str) -> bool:
    """Says whether an answer is right, from the fields and the functions of the world: what counts is what follows the last step.

    >>> same, swap = {"a": "a", "b": "b"}, {"a": "b", "b": "a"}
    >>> verify(((same, swap),), {"functions": "A1", "string": "a a b"}, "| b b a |")
    True
    """
    composition = tuple(int(name[1:]) for name in fields["functions"].split())
    last = answer.strip().removesuffix("|").rpartition("|")[2]
    return last.split() == list(steps_of(functions, composition, fields["string"].replace(" ", ""))[-1])


def composing(source: Source) -> list[Task]:
    """Returns a task of composed functions and its unseen ones: new strings, and new compositions of the same. Made, not read."""
    settings = settings_of(source, Settings)
    compositions_of(source.world, settings)  # Settings that leave nothing unseen are told at the door.
    levels = ("", "unseen_instances", "unseen_compositions")
    return [made_task(source, level, DEFINITION, partial(_examples, source.world, settings, level)) for level in levels]


def _examples(seed: int, settings: Settings, level: str) -> list[Example]:
    """Returns the instances of a level, `` for those that are trained on."""
    functions = functions_of(seed, settings)
    return [_example(functions, composition, string) for composition, string in _instances(seed, settings, level)]


def _instances(seed: int, settings: Settings, level: str) -> Iterator[tuple[Composition, str]]:
    seen, unseen = compositions_of(seed, settings)
    compositions: Sequence[Composition] = unseen if level == "unseen_compositions" else seen
    total = settings.num_unseen if level else settings.num_strings * len(compositions)
    ends = [number * total // len(compositions) for number in range(len(compositions) + 1)]
    for composition, (start, end) in zip(compositions, pairwise(ends), strict=True):
        taken = set[str]()
        for number in range(end - start):
            taken.add(string := _string(seed, settings, level, composition, number, taken))
            yield composition, string


def _string(seed: int, settings: Settings, level: str, composition: Composition, number: int, taken: set[str]) -> str:
    """Returns a string that the composition does not have yet; strings of unseen tasks are in no training instance."""
    drawn = rng(seed, "composing string", level, names_of(composition), number)
    for _ in range(NUM_TRIES):
        string = "".join(drawn.choices(ascii_lowercase[: settings.alphabet], k=settings.string_length))
        if string not in taken and (share_of(seed, STRINGS, string) == "seen") == (not level):
            return string
    raise exhausted(f"string of {settings.string_length} letters", "fewer strings, or a larger string_length or alphabet")


def _example(functions: Functions, composition: Composition, string: str) -> Example:
    names, (*steps, last) = names_of(composition), steps_of(functions, composition, string)
    return Example(
        id=f"{names} {string}",
        fields={"functions": names, "string": apart(string)},
        targets=(apart(last),),
        rationale=" | ".join(apart(step) for step in steps),
    )
