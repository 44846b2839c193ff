"""The leak report: what seen and unseen examples have in common, counted, with rows to look at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from didact.tasks.fingerprints import MIN_WORDS
from didact.tasks.wording import MIN_CONSTANT, MIN_TASKS

DEMONSTRATIONS, SHOWN, HELD_IN = "demonstrations", "unseen demonstrations", "held in"
FURTHER = {
    DEMONSTRATIONS: "of {compared} demonstrations of seen tasks, {seen} overlap with {met} unseen examples",
    SHOWN: "of {compared} demonstrations of unseen tasks, {met} overlap with {seen} seen examples (said, and not left out)",
    HELD_IN: "of {compared} held-in examples, {met} overlap with {seen} seen ones (said, and not left out)",
}
"""What is compared beside seen and unseen examples, and the sentence about it."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One seen example that overlaps with an unseen task."""

    kind: str
    """The rule: `exact input`, for example `13-gram` for an overlap of 13 words or `8-gram-50`, or `near-duplicate`."""
    seen_task: str
    seen_example: str
    unseen_task: str
    unseen_example: str
    """The unseen task's example that is most like it, or, where the rule does not measure, the first by id that holds the text."""
    text: str
    """The first words in common, or the input; at most 300 characters."""
    similarity: float | None = None
    """1 for the same input, of near-duplicates the Jaccard similarity, of N-gram-P the share covered; none for words in a row."""
    seen_where: str = ""
    """File and row."""
    unseen_where: str = ""
    """File and row."""


@dataclass(frozen=True, slots=True)
class Further:
    """An overlap with something beside the unseen examples."""

    num_compared: int
    """Demonstrations, or held-in examples, that there are."""
    num_seen: int
    """Of the seen side: demonstrations of seen tasks, else seen examples."""
    num_met: int
    """Of the other side."""
    by_pair: Mapping[tuple[str, str], int]
    """(seen task, other task) to the number on the seen side; the most first."""
    leaks: tuple[Leak, ...]
    """Some to look at: at most 20."""


@dataclass(frozen=True)
class LeakReport:
    """What seen and unseen examples have in common."""

    ngram: int
    """Words in a row that count as an overlap."""
    num_seen: int = 0
    """Seen examples compared."""
    num_unseen: int = 0
    """Unseen examples compared."""
    num_seen_leaking: int = 0
    """Distinct seen examples that overlap with an unseen one."""
    num_unseen_leaking: int = 0
    """Distinct unseen examples that overlap with a seen one."""
    by_kind: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Rule to (seen, unseen) examples; an example that leaks by several rules is counted in each."""
    by_pair: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(seen task, unseen task) to the number of seen examples that overlap with that unseen task; the most first."""
    by_kind_and_pair: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """(rule, seen task, unseen task) to the same number by that rule alone, in the order of rules."""
    leaking: frozenset[tuple[str, str]] = frozenset()
    """(task, example id) of every leaking seen example."""
    leaking_unseen: frozenset[tuple[str, str]] = frozenset()
    """(task, example id) of every unseen example that a seen one overlaps with."""
    leaking_demonstrations: frozenset[tuple[str, str]] = frozenset()
    """(task, id) of every demonstration of a seen task that overlaps with an unseen example."""
    emptied: tuple[str, ...] = ()
    """Seen tasks of which every example leaks."""
    leaks: tuple[Leak, ...] = ()
    """Some to look at: at most 20 of a pair of tasks and 200 in all, from as many pairs as possible."""
    further: Mapping[str, Further] = field(default_factory=dict)
    """`demonstrations` of seen tasks with unseen examples, `unseen demonstrations` with seen examples, and what is `held in`."""
    num_too_short: int = 0
    """Seen and unseen examples of which no text has three words: not compared as whole inputs."""
    num_ignored: int = 0
    """N-grams ignored as constant wording: in at least 5 and more than half of a task's examples, or shared; counted for each task."""
    num_shared: int = 0
    """Those among them that many tasks of a rendered collection share: templates and options blocks; counted once."""

    @property
    def found(self) -> bool:
        """True where something leaks that is trained on: examples or demonstrations of seen tasks."""
        return bool(self.leaking or self.leaking_demonstrations)

    def expected(self) -> str:
        """Returns what seen and unseen examples should not have in common.

        >>> LeakReport(13, by_kind={"exact input": (0, 0), "13-gram": (0, 0)}).expected()
        'no 13 words in a row and no whole input'
        """
        *others, last = [_absent(kind) for kind in reversed(list(self.by_kind))] or ["no text"]
        return f"{', '.join(others)} and {last}" if others else last

    def lines(self, num_pairs: int = 10) -> list[str]:
        """Returns the report for people; the pairs of tasks with the most leaks come first."""
        compared = f"{self.num_seen:,} seen and {self.num_unseen:,} unseen examples"
        if self.leaking:
            lines = [f"leaks: {self.num_seen_leaking:,} seen examples overlap with {self.num_unseen_leaking:,} unseen ones (of {compared})"]
            lines += [f"  {kind}: {seen:,} seen, {unseen:,} unseen" for kind, (seen, unseen) in self.by_kind.items()]
            lines += [f"  {seen} -> {unseen}: {count:,} seen" for (seen, unseen), count in islice(self.by_pair.items(), num_pairs)]
            if len(self.by_pair) > num_pairs:
                lines.append(f"  ... and {len(self.by_pair) - num_pairs:,} more pairs of tasks")
            lines += [f"  every example of {name} leaks" for name in self.emptied]
            lines += [f"  for example {shown(leak)}" for leak in self.leaks[:1]]
        elif self.num_unseen:
            lines = [f"no leaks: {compared} share {self.expected()}"]
        else:
            lines = ["leaks: no unseen examples to compare with"]
        for name, part in self.further.items():
            numbers = {"compared": f"{part.num_compared:,}", "seen": f"{part.num_seen:,}", "met": f"{part.num_met:,}"}
            lines.append(f"  {FURTHER[name].format(**numbers)}")
            lines += [f"    for example {leak.seen_task} -> {leak.unseen_task}: {shown(leak)}" for leak in part.leaks[:1]]
        if self.num_ignored:
            where = f"in at least {MIN_CONSTANT} and more than half of a task's examples"
            where += f", or shared by {MIN_TASKS} rendered tasks of a collection" if self.num_shared else ""
            plain = set(self.by_kind) <= {"exact input", f"{self.ngram}-gram"}
            what = f"{self.ngram}-grams" if plain else "runs of words"
            lines.append(f"  ignored as constant wording ({where}): {self.num_ignored:,} {what}")
        if self.num_too_short:
            lines.append(f"  not compared as whole inputs: {self.num_too_short:,} examples of fewer than {MIN_WORDS} words")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data, ready for JSON."""
        triples = self.by_kind_and_pair.items()
        return {
            "ngram": self.ngram,
            **{name: getattr(self, name) for name in self.__dataclass_fields__ if name.startswith("num_")},
            "by_kind": {kind: {"seen": seen, "unseen": unseen} for kind, (seen, unseen) in self.by_kind.items()},
            "by_pair": _pairs(self.by_pair),
            "by_kind_and_pair": [{"kind": kind, "seen": seen, "unseen": other, "num_seen": num} for (kind, seen, other), num in triples],
            "emptied": list(self.emptied),
            "leaking": by_task(self.leaking),
            "leaking_unseen": by_task(self.leaking_unseen),
            "leaking_demonstrations": by_task(self.leaking_demonstrations),
            "leaks": [_plain(leak) for leak in self.leaks],
            "further": {
                name: {
                    **{key: getattr(part, key) for key in ("num_compared", "num_seen", "num_met")},
                    "by_pair": _pairs(part.by_pair),
                    "leaks": [_plain(leak) for leak in part.leaks],
                }
                for name, part in self.further.items()
            },
        }


def shown(leak: Leak) -> str:
    """Returns one leak as a piece of a sentence, files without their folders.

    >>> shown(Leak("near-duplicate", "a", "3", "u", "7", "a b c", 0.9, seen_where="my/a.json, row 3"))
    "3 (a.json, row 3) -> 7: 'a b c' (near-duplicate, 0.90)"
    """
    sides = ((leak.seen_example, leak.seen_where), (leak.unseen_example, leak.unseen_where))
    names = " -> ".join(f"{name} ({where.rpartition('/')[2]})" if where else name for name, where in sides)
    measured = leak.similarity is not None and leak.kind != "exact input"
    return f"{names}: {leak.text!r}" + (f" ({leak.kind}, {leak.similarity:.2f})" if measured else "")


def _absent(kind: str) -> str:
    if kind == "exact input":
        return "no whole input"
    number, _, rest = kind.partition("-gram")
    if not number.isdigit():
        return f"no {kind}s"
    return f"no {number} words in a row" if not rest else f"no runs of {number} words over {rest[1:]} % of either"


def _pairs(by_pair: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"seen": seen, "unseen": unseen, "num_seen": count} for (seen, unseen), count in by_pair.items()]


def by_task(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Returns (task, id) as each task's ids."""
    ids: dict[str, list[str]] = {}
    for task, example in sorted(names):
        ids.setdefault(task, []).append(example)
    return ids


def _plain(leak: Leak) -> dict[str, Any]:
    return {name: getattr(leak, name) for name in Leak.__slots__}
