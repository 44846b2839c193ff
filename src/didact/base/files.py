"""JSON lines in and out, atomic writes and fingerprints."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from didact.base.errors import DataError


def to_json(value: Any, indent: int | None = None) -> str:
    """Returns strict JSON: dataclasses become objects, text stays readable, NaN is refused.

    >>> to_json({"é": (1, 2)})
    '{"é": [1, 2]}'
    """

    def plain(part: Any) -> Any:
        if is_dataclass(part) and not isinstance(part, type):
            return asdict(part)
        if isinstance(part, Path):
            return str(part)
        if hasattr(part, "tolist"):
            return part.tolist()
        raise TypeError(f"cannot write {type(part).__name__} as JSON")

    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=plain)


def fingerprint(*parts: Any) -> str:
    """Returns 16 hexadecimal digits that change when any part changes.

    >>> fingerprint({"a": 1}) == fingerprint({"a": 1}), fingerprint("a") == fingerprint("b")
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        text = part if isinstance(part, bytes) else to_json(part).encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


def cache_root() -> Path:
    """Returns the folder for what can be made again: `DIDACT_CACHE`, else `~/.cache/didact`."""
    return Path(os.environ.get("DIDACT_CACHE") or Path.home() / ".cache" / "didact")


def files_fingerprint(files: Iterable[Path]) -> str | None:
    """Returns 16 digits that change when a file is added, taken away or written again (by size and time); None where one is missing."""
    seen = list[tuple[str, int, int]]()
    for file in files:
        try:
            state = file.stat()
        except OSError:
            return None
        seen.append((str(file.absolute()), state.st_size, state.st_mtime_ns))
    return fingerprint(seen)


@lru_cache(maxsize=16)
def code_fingerprint(*parts: str) -> str:
    """Returns 16 digits that change with the code, and with the tables beside it, of some of didact's parts: what it makes may change.

    >>> code_fingerprint("base") == code_fingerprint("base"), code_fingerprint("base") == code_fingerprint("tasks")
    (True, False)
    """
    root = Path(__file__).parents[1]
    files = [root / part if part.endswith(".py") else file for part in parts for file in sorted((root / part).rglob("*")) or [root / part]]
    return fingerprint(*(content for file in files if file.suffix in (".py", ".yaml") for content in (file.name, file.read_bytes())))


def _sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` to write to; renames it when the block ends well, removes it otherwise.

    A reader sees the old file or the whole new one, never a part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes one JSON document atomically, indented for people."""
    write_text(path, to_json(value, indent=2) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Writes one JSON object a line, atomically. Returns how many."""
    num_rows = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(to_json(row) + "\n")
            num_rows += 1
    return num_rows


def append_jsonl(path: Path, row: Any) -> None:
    """Appends one JSON line in one write, so that a crash can tear only the last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as handle:
        handle.write(to_json(row) + "\n")


def read_jsonl(path: Path) -> list[Any]:
    """Returns the rows of one of our own JSON-lines files; a torn last line (a crash) is left out.

    Raises:
        DataError: A line before the last is not JSON.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise DataError(f"not JSON: {error.msg}", where=f"{path}:{number}", remedy="remove that line") from None
    return rows
