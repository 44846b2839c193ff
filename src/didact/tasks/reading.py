"""From rows to examples: each with an id of its own, or counted with a reason; many of them on disk."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.files import code_fingerprint, files_fingerprint, fingerprint
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.known_ids import KnownIds
from didact.tasks.row_names import RowNames
from didact.tasks.row_store import RowKeeper, stored_rows
from didact.tasks.rows import Row
from didact.tasks.task import ReadReport
from didact.tasks.turn_weights import number_of

ParseRow = Callable[[Mapping[str, Any], Source], Example]


def read_examples(
    name: str,
    source: Source,
    rows: Callable[[ReadReport], Iterable[Row]],
    parse: ParseRow,
    total: ReadReport,
    expected: str,
    folder: Path | None = None,
    files: Callable[[], Iterable[Path]] | None = None,
    names: RowNames | None = None,
) -> Sequence[Example]:
    """Returns the examples of one task, each with an id of its own, and adds what became of the rows to `total`.

    Args:
        name: The task's name, for messages.
        source: Its `limit` counts kept rows; rows after it are not read.
        rows: Opens the rows; told of a report for those that cannot be read.
        parse: Makes an example of a row, or raises a DataError that says in a few words why not.
        total: The account that this reading is added to when it ends well.
        expected: What usable rows look like, for the error when there is none.
        folder: Where the task has several files: ids then begin with the file's path in it.
        files: All files that the rows are in: many rows are then kept on disk, and known again while these stay as they are.
        names: Takes note of the task that each row names; ids and `limit` are then each task's own.

    Raises:
        DataError: No row is usable.
    """
    key = _key(name, source, parse, files)
    if key is not None and (stored := stored_rows(key)) is not None:
        _add(total, stored.report)
        if names:
            names.restore(*stored.beside)
        return stored
    report = ReadReport(name)
    with RowKeeper(key) as kept:
        ids = KnownIds(lambda number: f"{names.numbers[number]} {kept.id_of(number)}" if names else kept.id_of(number))
        for file, label, row in rows(report):
            identity = own_id(row) or label
            # In a folder, files may number their rows alike, and a file that is added later must not rename the others' rows.
            identity = f"{Path(file).relative_to(folder).as_posix()}/{identity}" if folder else identity
            task = names.number(row) if names else 0
            if isinstance(task, str):
                report.refuse(file, label, task)
                continue
            if names and names.is_full(task):
                continue
            known = f"{task} {identity}" if names else identity
            try:
                if known in ids:
                    raise DataError("repeated id")
                weight = row_weight(row, source.weight) if source.weight else 1.0
                example = replace(parse(row, source), id=identity, where=f"{file}, {label}", weight=weight)
            except DataError as error:
                report.refuse(file, label, error.what)
                continue
            ids.add(known, len(kept))
            kept.append(example)
            if names:
                names.keep(task, row)
            elif len(kept) == source.limit:
                break
        report.num_kept = len(kept)
        examples = kept.finish(report, names.state(), names.numbers.tobytes()) if names else kept.finish(report)
    if not examples:
        first = "; ".join(f"{refusal.file}, {refusal.row}: {refusal.reason}" for refusal in report.refusals[:3])
        raise DataError(
            f"no usable row in {report.line()}",
            where=first or source.path,
            expected=expected,
            remedy=f"put the rows right, or give source '{source.name}' another reader: didact ls readers",
        )
    _add(total, report)
    return examples


def _add(total: ReadReport, report: ReadReport) -> None:
    total.num_kept += report.num_kept
    total.dropped.update(report.dropped)
    total.refusals.extend(report.refusals[: 1000 - len(total.refusals)])


def _key(name: str, source: Source, parse: ParseRow, files: Callable[[], Iterable[Path]] | None) -> str | None:
    """Returns what rows are known again by: their task, the source's settings, its files and the code that reads them."""
    state = files_fingerprint(files()) if files is not None else None
    how = f"{parse.__module__}.{parse.__qualname__}"
    return None if state is None else fingerprint(name, source.model_dump(mode="json"), how, state, code_fingerprint("tasks", "base"))


def row_weight(row: Mapping[str, Any], column: str) -> float:
    """Returns the factor that a row's column gives its loss weights.

    Raises:
        DataError: It is no number above 0.

    >>> row_weight({"quality": 0.5}, "quality"), row_weight({"quality": "2"}, "quality")
    (0.5, 2.0)
    """
    if row.get(column) is None:
        raise DataError(f"no {column} to weigh it by")
    weight = number_of(row[column], column)
    if not weight:
        raise DataError(f"{column} is 0: the row would teach nothing")
    return weight


def own_id(row: Mapping[str, Any]) -> str:
    """Returns the id that a row brings along; nothing where it has none."""
    own = row.get("id")
    return str(own) if isinstance(own, str | int) and not isinstance(own, bool) and str(own).strip() else ""
