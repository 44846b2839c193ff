"""Patterns with a semantic constraint: repeated (aabb), periodic (abab), mirrored (abba), or none.

Source: Zhang et al. (2024), arXiv 2402.10891, the experiments on semantic diversity.
"""

from random import Random
from typing import Literal, NamedTuple, cast, get_args

Kind = Literal["none", "repeated", "periodic", "mirrored"]


class Constraint(NamedTuple):
    """A kind of pattern and how many copies of each letter, or of a unit, it is made of."""

    kind: Kind
    copies: int


def parse_constraint(text: str, length: int) -> tuple[Constraint, ...]:
    """Returns the kinds that a setting names, for patterns of this length.

    >>> parse_constraint("repeated:3+none", 6)
    (Constraint(kind='repeated', copies=3), Constraint(kind='none', copies=1))

    Raises:
        ValueError: It is not written so, or the copies do not divide the length.
    """
    found = []
    for part in text.split("+"):
        name, colon, number = part.partition(":")
        if name not in get_args(Kind) or (name == "none") == bool(colon) or (colon and not number.isdigit()):
            raise ValueError(f"constraint '{part}' should be none, or repeated, periodic or mirrored with its copies, such as repeated:2")
        copies = int(number) if colon else 1
        if copies < 1 or length % copies:
            raise ValueError(f"constraint '{part}': {copies} copies do not divide a pattern_length of {length}")
        found.append(Constraint(cast(Kind, name), copies))
    return tuple(found)


def draw_pattern(drawn: Random, constraint: Constraint, length: int, letters: str) -> str:
    """Returns a pattern of a kind, of random letters."""
    return shape("".join(drawn.choices(letters, k=length // constraint.copies)), constraint)


def shape(unit: str, constraint: Constraint) -> str:
    """Returns the pattern that a unit becomes.

    >>> [shape("ab", Constraint(kind, 3)) for kind in ("repeated", "periodic", "mirrored")]
    ['aaabbb', 'ababab', 'abbaab']
    """
    kind, copies = constraint
    if kind == "repeated":
        return "".join(letter * copies for letter in unit)
    if kind == "mirrored":
        return "".join(unit[::-1] if number % 2 else unit for number in range(copies))
    return unit * copies
