"""Benchmark: what one public benchmark task looks like, whatever file or hub its rows come from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from didact.base.types import Example

Parsed = Example | tuple[Example, ...]
"""What one row becomes; an empty id is filled from the row's own id or its place in the file."""
Parse = Callable[[Mapping[str, Any]], Parsed]
"""Makes examples of a row, or raises a DataError that says in a few words why not."""
ReadFile = Callable[[Path], Iterable[tuple[str, Any]] | None]
"""Yields row label (`line 3`) and row, a DataError in place of a row that cannot be read; None: open this file as its suffix says."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Where a benchmark stands on the hub."""

    path: str
    """Hub id: `owner/name`."""
    subset: str | None = None
    """Configuration."""
    splits: Mapping[str, str] | tuple[str, ...] = ("train", "validation", "test")
    """The splits that there are, the one read by default first; a mapping where the hub's word differs from ours."""

    def split(self, name: str) -> str:
        """Returns the hub's word for one of our splits, or for a part of it.

        >>> Hub("nyu-mll/glue", "mnli", {"train": "train", "validation": "validation_matched"}).split("validation[:5]")
        'validation_matched[:5]'
        """
        word, *part = name.partition("[")
        return "".join((self.splits.get(word, word) if isinstance(self.splits, Mapping) else word, *part))

    def has(self, name: str) -> bool:
        """Says whether there is such a split, in our words or the hub's.

        >>> Hub("aps/super_glue", "axb", ("test",)).has("validation")
        False
        """
        word = name.partition("[")[0]
        return word in self.splits or (isinstance(self.splits, Mapping) and word in self.splits.values())


@dataclass(frozen=True)
class Benchmark:
    """One benchmark task: its fields, its labels, its metrics, where its rows are, and sample rows of our own."""

    name: str
    """`superglue/cb`, or `gsm8k`; also the kind of its tasks, by which templates say what they word."""
    fields: tuple[str, ...]
    """The fields of every example: what templates may use."""
    parse: Parse
    """Makes examples of a row, in any of the layouts that its rows come in. Ids that end with `/` get the row's place after it."""
    metrics: tuple[str, ...]
    """Names of metrics; the first is the one of record."""
    cluster: str
    """FLAN cluster: the task's category."""
    datasets: tuple[str, ...]
    """The source data sets behind its rows, for hold-outs by dataset."""
    licence: str
    """Licence of the rows, as far as their authors state one."""
    definition: str
    """What the task asks for, in one sentence of ours."""
    samples: tuple[Example, ...]
    """At least three rows of our own writing, each with a rationale: demonstrations that can always be shown."""
    choices: tuple[str, ...] = ()
    """Labels in the order of their ids; empty where answers are open or every row has options of its own."""
    hub: Hub | None = None
    """None: not on the hub in a shape that can be read."""
    files: tuple[str, ...] = ()
    """Globs below a local folder, one for every layout that is known; the first that finds files is read. `{split}` stands for the
    split and for other spellings of it (`validation`, `val`, `dev`, the hub's word). The hub's own layout needs no glob where a
    source asks for this one task."""
    languages: tuple[str, ...] = ("en",)
    parse_train: Parse | None = None
    """For rows of split train, where training takes other examples of a row than judging does; None: `parse`."""
    header: tuple[str, ...] = ()
    """Columns of tables whose first line is a row already; empty: the first line names them."""
    read: ReadFile | None = None
    """Opens one file, where its suffix does not say enough (nested JSON, labels in a second file); None: by suffix."""
    demonstrations: Callable[[Path], tuple[Example, ...]] | None = None
    """Returns the published demonstrations with rationales that stand in or beside a local folder, where there are any; they are then
    shown in place of our samples."""

    @property
    def default_split(self) -> str:
        """The split that is read where a source names none: the first."""
        return next(iter(self.hub.splits)) if self.hub else "train"


def sample(number: int, fields: Mapping[str, str], target: str, rationale: str, choices: tuple[str, ...] = (), group: str = "") -> Example:
    """Returns a sample row of ours: `sample-1`, or `GROUP/sample-1` for a row that is judged together with others.

    >>> sample(2, {"sentence": "It works."}, "positive", "It praises.", ("negative", "positive")).id
    'sample-2'
    """
    return Example(f"{group}/sample-{number}" if group else f"sample-{number}", fields, (target,), choices, rationale)


def samples(fields: Sequence[str], choices: tuple[str, ...], *rows: tuple[str, ...]) -> tuple[Example, ...]:
    """Returns sample rows of ours from tuples: the texts of the fields, the target, the rationale.

    >>> samples(("sentence",), ("negative", "positive"), ("It works.", "positive", "It praises."))[0].targets
    ('positive',)
    """
    return tuple(
        sample(number, dict(zip(fields, texts, strict=True)), target, rationale, choices)
        for number, (*texts, target, rationale) in enumerate(rows, start=1)
    )


def group_of(example_id: str) -> str:
    """Returns what an example is judged together with: its id up to the last `/`; nothing where it stands alone.

    >>> group_of("paragraph 3, question 12/answer 1"), group_of("7")
    ('paragraph 3, question 12', '')
    """
    return example_id.rpartition("/")[0]
