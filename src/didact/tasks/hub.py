"""Rows of a hub dataset; one that has only a loading script is read from the copy in parquet files that the hub itself makes."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from didact.base.errors import DataError, UnreachableError, missing_extra

PARQUET_COPY = "refs/convert/parquet"
"""The branch on which the hub keeps its own copy: SUBSET/SPLIT/0000.parquet and so on; of large ones only the first 5 GB, under
SUBSET/partial-SPLIT, which we do not take for the whole."""
_COPY = "try again with a network, or give a folder with a copy of it (for a source of a recipe: tasks.sources.0.path=FOLDER)"
_NEEDS_SCRIPT = ("Dataset scripts are no longer supported", "trust_remote_code")
"""What the library says of a dataset with a loading script: version 4 and later, and version 3."""


def hub_rows(name: str, split: str | None, subset: str | None) -> Iterator[tuple[str, Any]]:
    """Yields row label and row of a hub dataset.

    Args:
        name: `owner/name`.
        split: None: train.
        subset: Its configuration; None: the only one.

    Raises:
        UnreachableError: The hub does not answer.
        DataError: It cannot be read, nor its copy where it has a loading script.
        PrerequisiteError: The extra `hub` is not installed.
    """
    try:
        from datasets import load_dataset
    except ImportError:
        raise missing_extra("reading a hub dataset", "hub") from None
    split = split or "train"
    try:
        rows = load_dataset(name, subset, split=split)
    except Exception as error:
        # The library raises a dozen unrelated types: no network, no such name, a gated dataset, a wrong split.
        if not any(words in str(error) for words in _NEEDS_SCRIPT):
            kind = UnreachableError if isinstance(error, ConnectionError) else DataError
            raise _unreadable(name, split, subset, _said(error), kind) from error
        rows = _parquet_copy(name, split, subset, error)
    for number, row in enumerate(rows, start=1):
        yield f"row {number}", row


def _parquet_copy(name: str, split: str, subset: str | None, first: Exception) -> Iterable[Any]:
    from datasets import load_dataset, load_dataset_builder

    # A split may be a sum of slices, `train[:100]+test`; files are named for each of its parts.
    files = {part: f"{subset or '*'}/{part}/*.parquet" for part in (piece.partition("[")[0].strip() for piece in split.split("+"))}
    try:
        made = load_dataset_builder(name, revision=PARQUET_COPY, data_files=files)
        subsets = sorted({str(file).split("/")[-3] for found in made.config.data_files.values() for file in found})
        rows: Iterable[Any] = load_dataset(name, revision=PARQUET_COPY, data_files=files, split=split) if len(subsets) < 2 else ()
    except Exception as error:
        said = f"it has a loading script ({_said(first)}), and its copy on branch {PARQUET_COPY} cannot be read either: {_said(error)}"
        raise _unreadable(name, split, subset, said) from error
    if len(subsets) > 1:
        more = f" and {len(subsets) - 20} more" if len(subsets) > 20 else ""
        raise DataError(
            f"the hub dataset '{name}' has {len(subsets)} subsets",
            where=f"split {split}, branch {PARQUET_COPY}",
            expected=f"one of: {', '.join(subsets[:20])}{more}",
            remedy=f"add to the source: subset: {subsets[0]}",
        )
    return rows


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _unreadable(name: str, split: str, subset: str | None, said: str, kind: type[DataError] = DataError) -> DataError:
    page = f"https://huggingface.co/datasets/{name}"
    return kind(
        f"the hub dataset '{name}' cannot be read: {said}",
        where=f"subset {subset or '(none)'}, split {split}; there is no {Path(name).absolute()} either",
        expected="an existing dataset, subset and split, and a network or a filled cache",
        remedy=_COPY if kind is UnreachableError else f"compare `path`, `subset` and `split` with {page}, or give a folder",
    )
