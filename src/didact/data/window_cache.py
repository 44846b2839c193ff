"""Tokenised windows kept on disk, under a name that follows from everything that decides them, and why they were used again or not.

A folder holds the windows of one mixture in one wording, its forecasts, and a list of what decided it, part by part: comparing the
lists of two folders says what has changed.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from didact.base.files import atomic_path, cache_root, fingerprint, write_json
from didact.data.made import Made, from_arrays, to_arrays

MOST_BYTES = 20 * 10**9
"""Size of all windows together; the folders that were used longest ago make room for a new one."""
_LIST = "parts.json"
_NUM_COMPARED = 50

Span = tuple[int, int, int]
"""Epoch, first draw, last draw + 1."""


@dataclass
class WindowCache:
    """The windows that are made of the same data, in the same words, by the same tokenizer."""

    parts: Mapping[str, str]
    """What decides the windows: a name for people, such as `template alpaca/standard`, to a fingerprint."""
    num_reused: int = 0
    num_made: int = 0
    reason: str = field(default="", init=False)
    """Why nothing was there."""
    problem: str = field(default="", init=False)
    """Why nothing can be written."""

    def __post_init__(self) -> None:
        self.folder = _root() / fingerprint(dict(sorted(self.parts.items())))
        if (self.folder / _LIST).is_file():
            _touch(self.folder)
        else:
            self.reason = _reason(self.parts)

    def window(self, span: Span) -> Made | None:
        """Returns a window that is there, or None."""
        try:
            with self._file(span).open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
                found = from_arrays({name: arrays[name] for name in arrays.files})
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        self.num_reused += 1
        return found

    def keep(self, span: Span, made: Made) -> None:
        """Keeps a window; where the disk is full or closed, says so in `line` and goes on."""
        self.num_made += 1
        if self.problem:
            return
        try:
            if not (self.folder / _LIST).is_file():
                _make_room()
                write_json(self.folder / _LIST, self.parts)
            with atomic_path(self._file(span)) as temporary, temporary.open("wb") as handle:
                np.savez(handle, **to_arrays(made))  # type: ignore[arg-type]
        except OSError as error:
            self.problem = f"{error.strerror or error}: {self.folder}"

    def forecast(self, key: str) -> dict[str, Any] | None:
        """Returns a forecast that is there, or None."""
        try:
            found: dict[str, Any] = json.loads((self.folder / f"forecast-{key}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        self.num_reused += found["num_windows"]
        return found

    def keep_forecast(self, key: str, forecast: Mapping[str, Any]) -> None:
        """Keeps a forecast, as plain data with `num_windows`."""
        if not self.problem:
            write_json(self.folder / f"forecast-{key}.json", forecast)

    def line(self) -> str:
        """Returns what came of it, in one line."""
        if self.problem:
            return f"cache: nothing kept, {self.problem}"
        windows = f"{self.num_reused:,} window{'' if self.num_reused == 1 else 's'}"
        if not self.num_made:
            return f"cache: reused {windows}"
        size = f"{sum(file.stat().st_size for file in self.folder.glob('*.npz')) / 1e6:,.0f} MB in {self.folder}"
        if self.num_reused:
            return f"cache: reused {windows}, made {self.num_made:,}; {size}"
        return f"cache: not reused: {self.reason or 'these windows were not made before'}; made {self.num_made:,}, {size}"

    def _file(self, span: Span) -> Path:
        return self.folder / f"{'-'.join(map(str, span))}.npz"


def _root() -> Path:
    return cache_root() / "windows"


def _newest() -> list[Path]:
    """Returns the folders, those used last first."""
    lists = [(file.stat().st_mtime, file.parent) for file in _root().glob(f"*/{_LIST}")]
    return [folder for _, folder in sorted(lists, key=lambda one: one[0], reverse=True)]


def _touch(folder: Path) -> None:
    try:
        os.utime(folder / _LIST)
    except OSError:  # a cache that others own
        return


def _reason(parts: Mapping[str, str]) -> str:
    """Returns what has changed since the windows that are most like these were made."""
    known = list[dict[str, str]]()
    for folder in _newest()[:_NUM_COMPARED]:
        try:
            known.append(json.loads((folder / _LIST).read_text("utf-8")))
        except (OSError, ValueError):
            continue
    nearest = max(known, key=lambda other: sum(other.get(name) == print_ for name, print_ in parts.items()), default={})
    if 2 * sum(nearest.get(name) == print_ for name, print_ in parts.items()) < len(parts):
        return "nothing like it was made before"
    changes = [f"{name} changed" for name in parts if name in nearest and nearest[name] != parts[name]]
    changes += [f"{name} is new" for name in parts if name not in nearest]
    changes += [f"{name} is gone" for name in nearest if name not in parts]
    more = f" and {len(changes) - 3:,} more" if len(changes) > 3 else ""
    return ", ".join(changes[:3]) + more


def _make_room() -> None:
    """Removes the folders used longest ago while all together are too large."""
    total = 0
    for folder in _newest():
        total += sum(file.stat().st_size for file in folder.glob("*"))
        if total > MOST_BYTES:
            shutil.rmtree(folder, ignore_errors=True)
