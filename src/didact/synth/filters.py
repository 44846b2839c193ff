"""Filters: which synthetic rows are kept, and why the others are not; any of them alone or several in a row.

A filter sees all rows that are left and says of each, in order, why it is dropped or None. What is dropped is kept beside.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from didact.base.config import Document, Section, about, validate
from didact.base.errors import RecipeError
from didact.base.registry import Registry
from didact.synth.outcome import Dropped, Row

Judged = Iterator[tuple[Row, str | None]]
"""Rows in their order, each with the reason why it is dropped, None where it is kept. Scores may have been put in."""
Filter = Callable[[Sequence[Row]], Judged]
"""A rule about rows."""
Chosen = str | tuple[str, Mapping[str, Any]]
"""A filter's name, perhaps with its settings."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A filter before it has its settings."""

    what: str
    """What it drops, in a sentence."""
    settings: type[Section]
    """What can be set."""
    make: Callable[[Any, Sequence[str]], Filter]
    """Returns the filter, from settings and the instructions of seed tasks."""


_TEXT, _SET = "didact.synth.text_rules", "didact.synth.set_rules"
FILTERS: Registry[Rule] = Registry(
    "filter",
    {
        "instance": f"{_TEXT}:INSTANCE",
        "length": f"{_TEXT}:LENGTH",
        "keywords": f"{_TEXT}:KEYWORDS",
        "punctuation": f"{_TEXT}:PUNCTUATION",
        "language": f"{_TEXT}:LANGUAGE",
        "refusals": "didact.synth.output_rules:REFUSALS",
        "repetition": "didact.synth.output_rules:REPETITION",
        "leaked": "didact.synth.output_rules:LEAKED",
        "merged": "didact.synth.output_rules:MERGED",
        "conflicts": f"{_SET}:CONFLICTS",
        "duplicates": f"{_SET}:DUPLICATES",
        "rouge": f"{_SET}:ROUGE",
        "near": "didact.synth.near_rows:NEAR",
        "contamination": "didact.synth.contamination:CONTAMINATION",
        "diversity": "didact.synth.diversity:DIVERSITY",
    },
    "didact filter --help",
)
"""Every filter by name."""
USUAL = ("instance", "length", "punctuation", "refusals", "repetition", "leaked", "merged", "conflicts", "duplicates", "rouge")
"""What is filtered by where nothing is said: cheap rules first, then what compares rows."""


def filter_named(name: str, settings: Mapping[str, Any] | None = None, seeds: Sequence[str] = ()) -> Filter:
    """Returns a filter with its settings.

    Raises:
        RecipeError: There is no such filter, or a setting is unknown or wrong.
    """
    rule = FILTERS[name]
    with about(f"filter {name}"):
        return rule.make(validate(Document(dict(settings or {}), {}), rule.settings), seeds)


def apply_filters(rows: Sequence[Row], filters: Sequence[Chosen], seeds: Sequence[str] = ()) -> tuple[list[Row], list[Dropped]]:
    """Returns the rows that all filters keep, and the others with the filter and its reason; together they are all rows.

    Args:
        rows: What was made.
        filters: Names, or names with settings, in the order in which they are applied.
        seeds: Instructions of seed tasks: what is too similar to one of them is dropped by `rouge`.

    Raises:
        RecipeError: There is no such filter, or a setting is unknown or wrong; nothing was filtered yet.

    >>> rows = [Row(one, about={"instruction": one, "output": "yes"}) for one in ("Name a big river.", "Sing.", "Name a big river?")]
    >>> kept, dropped = apply_filters(rows, ["length", ("rouge", {"threshold": 0.7})])
    >>> [row.id for row in kept], [(one.row.id, one.reason) for one in dropped]
    (['Name a big river.'], [('Sing.', 'length: instruction of fewer than 4 words'), ('Name a big river?', 'rouge: like an earlier row')])
    """
    chosen = [(one, {}) if isinstance(one, str) else one for one in filters]
    named = [(name, filter_named(name, settings, seeds)) for name, settings in chosen]
    kept, dropped = list(rows), list[Dropped]()
    for name, judge in named:
        judged = list(judge(kept))
        if len(judged) != len(kept):
            raise RecipeError(
                f"filter '{name}' judged {len(judged)} of {len(kept)} rows", remedy="a filter yields every row once, in order"
            )
        kept = [row for row, reason in judged if reason is None]
        dropped += [Dropped(row, f"{name}: {reason}") for row, reason in judged if reason is not None]
    return kept, dropped


def by_row(check: Callable[[Row], str | None]) -> Filter:
    """Returns a filter that looks at one row at a time.

    >>> [reason for _, reason in by_row(lambda row: None if row.id else "no id")([Row("a"), Row("")])]
    [None, 'no id']
    """
    return lambda rows: ((row, check(row)) for row in rows)
