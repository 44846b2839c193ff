"""Numbers: small sums with their steps, and the next number of a row."""

from collections.abc import Mapping
from random import Random

from didact.tasks.atlas.families.lists import joined
from didact.tasks.atlas.family import Family, Instance, same
from didact.tasks.atlas.world import World

LARGEST = 20
"""Of the numbers that are added."""
SIGNS = {"plus": ("+", "++"), "minus": ("-", "--"), "plus and minus": ("+-", "-+")}
STEPS = (1, 2, 3, 5, 10, 4)


def _arithmetic(world: World, part: str, rng: Random) -> Instance:
    while True:
        signs = rng.choice(SIGNS[part])
        numbers = [rng.randint(1, LARGEST) for _ in range(len(signs) + 1)]
        words = [str(numbers[0]), *(word for pair in zip(signs, map(str, numbers[1:]), strict=True) for word in pair)]
        steps, result, is_ever_negative = _worked(words)
        if not is_ever_negative:
            return Instance({"sum": " ".join(words)}, ", ".join(steps) + ".", tuple(dict.fromkeys((str(result), steps[-1]))))


def _worked(words: list[str]) -> tuple[list[str], int, bool]:
    """Returns the steps of `12 + 7 + 5`, what it comes to, and whether it falls below zero on the way."""
    steps, so_far, is_ever_negative = [], int(words[0]), False
    for sign, number in zip(words[1::2], words[2::2], strict=True):
        after = so_far + int(number) if sign == "+" else so_far - int(number)
        steps.append(f"{so_far} {sign} {number} = {after}")
        so_far, is_ever_negative = after, is_ever_negative or after < 0
    return steps, so_far, is_ever_negative


def _is_result(world: World, fields: Mapping[str, str], answer: str) -> bool:
    steps, result, _ = _worked(fields["sum"].split())
    return same(answer, ", ".join(steps), steps[-1], str(result))


def _next_number(world: World, part: str, rng: Random) -> Instance:
    step, size = int(part), rng.randint(3, 4)
    first = rng.randint(1, 99 - step * size)
    *numbers, following = (first + step * place for place in range(size + 1))
    return Instance({"numbers": joined([str(number) for number in numbers])}, str(following), rationale=f"each is {step} more.")


def _is_next(world: World, fields: Mapping[str, str], answer: str) -> bool:
    *_, before, last = map(int, fields["numbers"].split(", "))
    return same(answer, str(last + last - before))


ARITHMETIC = Family(
    "arithmetic",
    "Work out a small sum step by step.",
    _arithmetic,
    _is_result,
    parts={part: "unseen_compositions" if part == "plus and minus" else "" for part in SIGNS},
    num_train=800,
)
NEXT_NUMBER = Family(
    "next_number",
    "Say which number comes next.",
    _next_number,
    _is_next,
    parts={str(step): "unseen_relation" if step == 4 else "" for step in STEPS},
)
