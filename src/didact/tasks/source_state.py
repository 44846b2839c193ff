"""What state the files of a source are in, told without reading them: what was made of them is good while that is the same."""

from pathlib import Path

from didact.base.files import files_fingerprint
from didact.base.recipe import Source
from didact.tasks.downloads import base_address, cache_folder

MADE = ("atlas", "atlas_text", "rewriting", "composing")
"""Readers that make their rows from the settings alone."""


def source_state(source: Source) -> str | None:
    """Returns 16 digits for the files of a source; None where they are elsewhere, or not there yet.

    >>> source_state(Source(name="world", reader="atlas")) == source_state(Source(name="other", reader="atlas"))
    True
    >>> source_state(Source(name="far", reader="alpaca", path="owner/name")) is None
    True
    """
    if not source.path:
        return files_fingerprint(()) if source.reader in MADE or source.settings.get("samples") else None
    place = Path(source.path)
    if source.files and base_address(source.path):
        return files_fingerprint(cache_folder(source.path) / name for name in source.files)
    if place.is_dir():
        return files_fingerprint(sorted(file for file in place.rglob("*") if file.is_file()))
    return files_fingerprint([place])
