"""The kinds of examples that templates word: readers with rows of their own shape, and benchmarks."""

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path

from didact.base.errors import did_you_mean
from didact.tasks.benchmarks.registry import BENCHMARKS

FIELDS: dict[str, tuple[str, ...]] = {"superni": ("input",), "alpaca": ("instruction", "input"), "prompt_completion": ("prompt",)}
"""The fields that every example of a reader's kind has; `fields_of` knows the benchmarks' as well."""
READER_KINDS = (*FIELDS, "rows", "atlas", "rewriting", "composing")
"""Kinds that are readers. Of those without fields here, the columns are known with the data."""

_HEADER = re.compile(r"^kinds:[ \t]*\[([^\]\n]*)\]", re.MULTILINE)
_HEADER_CHARS = 4000


def known_kind(kind: str) -> str:
    """Returns a kind, or a glob over benchmarks, that stands for something.

    Raises:
        ValueError: It stands for nothing; the nearest name is shown.

    >>> known_kind("rows")
    'rows'
    >>> known_kind("rowz")
    Traceback (most recent call last):
    ValueError: no kind named 'rowz'; did you mean 'rows'?
    """
    if kind in READER_KINDS or benchmarks_of(kind):
        return kind
    if re.search(r"[*?\[]", kind):
        families = ", ".join(sorted({f"{name.partition('/')[0]}/*" for name in BENCHMARKS if "/" in name}))
        raise ValueError(f"no benchmark matches '{kind}'; there are: {families}")
    raise ValueError(f"no kind named '{kind}'; {did_you_mean(kind, (*READER_KINDS, *BENCHMARKS))}")


def benchmarks_of(kind: str) -> tuple[str, ...]:
    """Returns the benchmarks that a kind names, or a glob matches.

    >>> benchmarks_of("alpaca")
    ()
    """
    return (kind,) if kind in BENCHMARKS else tuple(name for name in BENCHMARKS if fnmatchcase(name, kind))


def fields_of(kind: str) -> tuple[str, ...] | None:
    """Returns the fields that every example of a kind has; of a glob, those that all its benchmarks have; None: known with the data.

    >>> fields_of("alpaca"), fields_of("rows")
    (('instruction', 'input'), None)
    """
    if kind in FIELDS:
        return FIELDS[kind]
    names = benchmarks_of(kind)
    if not names:
        return None
    first, *others = (BENCHMARKS[name].fields for name in names)
    return tuple(field for field in first if all(field in other for other in others))


def words_one_of(file: Path, kinds: Collection[str]) -> bool:
    """Says whether a bundled file words one of these kinds, by a look at its first lines: reading it all would take longer."""
    with file.open(encoding="utf-8") as handle:
        header = _HEADER.search(handle.read(_HEADER_CHARS))
    if header is None:
        return True
    globs = [part.strip().strip("\"'") for part in header[1].split(",")]
    return any(kind == glob or fnmatchcase(kind, glob) for glob in globs for kind in kinds)
