"""String rewriting: one rule x -> y is one instruction, so the number of instructions is a number that a study can turn.

The answer is z with its leftmost x replaced by y, and z as it is where x does not stand in it.

Source: Zhang et al. (2024), Instruction diversity drives generalization to unseen tasks, arXiv 2402.10891.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from random import Random
from string import ascii_lowercase
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from didact.base.chance import rng
from didact.base.config import Section
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.atlas.made import NUM_TRIES, STRINGS, apart, exhausted, made_task, settings_of, share_of
from didact.tasks.atlas.patterns import Constraint, draw_pattern, parse_constraint
from didact.tasks.task import Task

Count = Annotated[int, Field(ge=1)]
DEFINITION = "Replace the leftmost x in z by y; where x does not stand in z, write z as it is."


class Settings(Section):
    """The settings of reader `rewriting`."""

    num_rules: Count = 500
    """Rules that are trained on: the instructions. The first rules of a larger number are those of a smaller one."""
    num_strings: Count = 100
    """Training strings of each rule."""
    num_instances: Annotated[int, Field(ge=0)] = 0
    """Training instances over all rules, in place of `num_strings`: the fixed product; 0: rules x strings."""
    exponent: Annotated[float, Field(gt=0, le=1)] = 1.0
    """alpha of the power law alpha * u^(alpha - 1) by which rules get their strings: 1 evenly; smaller: the first rules get most."""
    pattern_length: Count = 3
    """Letters of x and of y."""
    string_length: Count = 12
    """Letters of z."""
    alphabet: Annotated[int, Field(ge=2, le=26)] = 26
    """Letters that there are, from a on."""
    no_ops: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the instances, trained and unseen, in which x does not stand in z."""
    constraint: str = "none"
    """What x and y look like: none, repeated:2 (aabb), periodic:2 (abab), mirrored:2 (abba), or several: repeated:2+mirrored:4."""
    unseen_constraint: str = ""
    """The same for unseen rules; empty: as `constraint`."""
    occurrences: int | str = 1
    """How often x stands in z, where it does; several: 1+2+3, one of them drawn for each instance."""
    unseen_occurrences: int | str = ""
    """The same for unseen tasks; empty: as `occurrences`."""
    num_unseen: Count = 200
    """Instances of each unseen task."""
    num_unseen_rules: Count = 100
    """Rules that are never trained on; their x and y occur in no training rule, as x or as y."""

    @field_validator("occurrences", "unseen_occurrences")
    @classmethod
    def _are_counts(cls, text: int | str) -> int | str:
        if text != "" and not all(part.isdigit() and int(part) >= 1 for part in str(text).split("+")):
            raise ValueError("should be a number from 1 on, or several, such as 1+2+3")
        return text

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        if self.num_instances and "num_strings" in self.model_fields_set:
            raise ValueError("give either num_strings or num_instances")
        most = max(*self.occurrences_of(""), *self.occurrences_of("unseen_relation"))
        if most * self.pattern_length > self.string_length:
            lengths = f"pattern_length ({self.pattern_length}) and string_length ({self.string_length})"
            raise ValueError(f"x has no room to stand {most} times in z: {lengths}")
        for text in (self.constraint, self.unseen_constraint):
            parse_constraint(text or "none", self.pattern_length)
        return self

    def occurrences_of(self, level: str) -> tuple[int, ...]:
        """Returns how often x may stand in z in a task of this level."""
        chosen = (self.unseen_occurrences if level else "") or self.occurrences
        return tuple(int(part) for part in str(chosen).split("+"))

    @property
    def letters(self) -> str:
        """The alphabet."""
        return ascii_lowercase[: self.alphabet]


@dataclass(frozen=True, slots=True)
class Rule:
    """One instruction: write y for the leftmost x."""

    x: str
    y: str


def rewrite(x: str, y: str, z: str) -> str:
    """Returns z with its leftmost x replaced by y; z as it is where there is none.

    >>> rewrite("ab", "cd", "eabab"), rewrite("ab", "cd", "eba")
    ('ecdab', 'eba')
    """
    return z.replace(x, y, 1)


def verify(fields: Mapping[str, str], answer: str) -> bool:
    """Says whether an answer is right, from the fields alone: letters with blanks between them, marks `|` at the ends or none.

    >>> verify({"x": "a b", "y": "c d", "z": "e a b"}, "| e c d |"), verify({"x": "a b", "y": "c d", "z": "e a b"}, "e a b")
    (True, False)
    """
    x, y, z = (fields[name].replace(" ", "") for name in "xyz")
    return answer.strip().removeprefix("|").removesuffix("|").split() == list(rewrite(x, y, z))


def rewriting(source: Source) -> list[Task]:
    """Returns a task of string rewriting rules and its unseen ones: new strings, held-out wordings, new rules. Made, not read."""
    settings = settings_of(source, Settings)
    levels = ("", "unseen_instances", "unseen_templates", "unseen_relation")
    return [made_task(source, level, DEFINITION, partial(_examples, source.world, settings, level)) for level in levels]


@lru_cache(maxsize=4)
def rules_of(seed: int, settings: Settings) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Returns the rules that are trained on and those that are not; no pattern stands in two places.

    Unseen rules are drawn first: they stay the same while a study turns the number of rules.

    Raises:
        RecipeError: There are fewer patterns than that.
    """
    taken = set[str]()
    unseen = _draw_rules(seed, settings, settings.num_unseen_rules, settings.unseen_constraint or settings.constraint, "unseen", taken)
    return _draw_rules(seed, settings, settings.num_rules, settings.constraint, "seen", taken), unseen


def _draw_rules(seed: int, settings: Settings, count: int, constraint: str, role: str, taken: set[str]) -> tuple[Rule, ...]:
    kinds = parse_constraint(constraint, settings.pattern_length)
    drawn = rng(seed, "rewriting rules", role)

    def pattern(kind: Constraint) -> str:
        for _ in range(NUM_TRIES):
            found = draw_pattern(drawn, kind, settings.pattern_length, settings.letters)
            if found not in taken:
                taken.add(found)
                return found
        raise exhausted(f"pattern for {role} rules, {len(taken):,} are taken", "fewer rules, or a larger pattern_length or alphabet")

    return tuple(Rule(pattern(kinds[number % len(kinds)]), pattern(kinds[number % len(kinds)])) for number in range(count))


def num_strings_of(settings: Settings) -> list[int]:
    """Returns how many training strings each rule gets: all together exactly as many instances as asked.

    >>> num_strings_of(Settings(num_rules=4, num_strings=5)), num_strings_of(Settings(num_rules=4, num_instances=20, exponent=0.5))
    ([5, 5, 5, 5], [10, 4, 3, 3])
    """
    rules, total = settings.num_rules, settings.num_instances or settings.num_rules * settings.num_strings
    # The distribution function of the power law is u^alpha; rule number i has the stretch from i / I to (i + 1) / I.
    ends = [round(total * (number / rules) ** settings.exponent) for number in range(rules + 1)]
    return [end - start for start, end in pairwise(ends)]


def _examples(seed: int, settings: Settings, level: str) -> list[Example]:
    """Returns the instances of a level, `` for those that are trained on."""
    return [_example(rule, z) for rule, z in _instances(seed, settings, level)]


def _instances(seed: int, settings: Settings, level: str) -> Iterator[tuple[Rule, str]]:
    seen, unseen = rules_of(seed, settings)
    if not level:
        asked = list(zip(seen, num_strings_of(settings), strict=True))
    else:
        trained = [rule for rule, count in zip(seen, num_strings_of(settings), strict=True) if count]
        rules: Sequence[Rule] = unseen if level == "unseen_relation" else trained
        ends = [number * settings.num_unseen // len(rules) for number in range(len(rules) + 1)]
        asked = [(rule, end - start) for rule, (start, end) in zip(rules, pairwise(ends), strict=True)]
    for rule, count in asked:
        taken = set[str]()
        for number in range(count):
            drawn = rng(seed, "rewriting string", level, rule.x, rule.y, number)
            taken.add(z := _string(seed, settings, level, rule, drawn, taken))
            yield rule, z


def _string(seed: int, settings: Settings, level: str, rule: Rule, drawn: Random, taken: set[str]) -> str:
    """Returns a string that the rule does not have yet, of the share of strings that belongs to the level."""
    # Unseen templates are asked about other strings than unseen instances are.
    shares = {"": ("seen",), "unseen_instances": ("even",), "unseen_templates": ("odd",)}.get(level, ("even", "odd"))
    times = 0 if drawn.random() < settings.no_ops else drawn.choice(settings.occurrences_of(level))
    for _ in range(NUM_TRIES):
        z = place(drawn, rule.x, times, settings.string_length, settings.letters)
        if z.count(rule.x) == times and z not in taken and share_of(seed, STRINGS, z) in shares:
            return z
    remedy = "fewer strings, or a larger string_length or alphabet"
    raise exhausted(f"string of {settings.string_length} letters with '{rule.x}' in it {times} times", remedy)


def place(drawn: Random, x: str, times: int, length: int, letters: str) -> str:
    """Returns random letters with x put in at random places that do not overlap; x may stand elsewhere too, by chance."""
    free = length - times * len(x)
    places = set(drawn.sample(range(free + times), times))
    return "".join(x if number in places else drawn.choice(letters) for number in range(free + times))


def _example(rule: Rule, z: str) -> Example:
    return Example(
        id=f"{rule.x}>{rule.y} {z}",
        fields={"x": apart(rule.x), "y": apart(rule.y), "z": apart(z)},
        targets=(apart(rewrite(rule.x, rule.y, z)),),
    )
