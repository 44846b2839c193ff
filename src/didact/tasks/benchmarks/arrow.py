"""Rows of Arrow files, as the library `datasets` saves them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from didact.base.errors import DataError, missing_extra


def read_arrow(file: Path) -> Iterator[tuple[str, Any]]:
    """Yields the rows of an Arrow stream or Arrow file (`save_to_disk`, the library's cache).

    Raises:
        PrerequisiteError: The extra `hub` is not installed.
        DataError: It is not such a file.
    """
    try:
        import pyarrow
        from pyarrow import ipc
    except ImportError:
        raise missing_extra("reading an arrow file", "hub") from None
    number = 0
    try:
        with pyarrow.memory_map(str(file)) as raw:
            for batch in _batches(raw, ipc):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pyarrow.ArrowException as error:
        raise DataError(f"not an arrow file: {error}", where=f"{file}, after row {number}", remedy="save the data set again") from None


def _batches(raw: Any, ipc: Any) -> Iterator[Any]:
    is_file = raw.read(6) == b"ARROW1"
    raw.seek(0)
    if not is_file:
        yield from ipc.open_stream(raw)
        return
    table = ipc.open_file(raw)
    for number in range(table.num_record_batches):
        yield table.get_batch(number)
