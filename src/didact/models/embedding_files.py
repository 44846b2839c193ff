"""Embedding tables read from a model's files, a few rows at a time: what `didact check` looks at without loading the model."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers.utils import cached_file

from didact.base.errors import DidactError
from didact.base.recipe import ModelSection
from didact.data.tokens import Tokeniser
from didact.models.adapter_card import is_adapter
from didact.models.bundled import resolved
from didact.models.pretrained import config_of, empty_model
from didact.models.untrained_rows import initial_deviation, untrained_of_tables, used_controls

_FILE, _INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True)
class FileTable:
    """A table in a file of weights, open as long as it is read."""

    piece: Any

    def __len__(self) -> int:
        return int(self.piece.get_shape()[0])

    def rows(self, ids: Sequence[int]) -> torch.Tensor:
        """Returns rows of the table in float32 (n, width)."""
        return torch.cat([self.piece[number : number + 1] for number in ids]).float()


def untrained_in_files(section: ModelSection, tokeniser: Tokeniser, new_controls: Sequence[str]) -> dict[str, str] | None:
    """Returns the control tokens of the chat format that a base has never learnt, each with how that is known; None: it cannot be seen.

    A base that stands on the hub alone, one in another format than safetensors and an adapter's checkpoint cannot be looked into.

    Args:
        section: The recipe's `model`.
        tokeniser: Its tokeniser.
        new_controls: Control tokens that were added to it.
    """
    section = resolved(section)
    if section.base == "new" or is_adapter(Path(section.base)):
        return None
    try:
        config = config_of(section.base, section.revision)
        tables = [FileTable(piece) for piece in _tables(empty_model(config), section.base, section.revision)]
        if not tables:
            return None
        new = [tokeniser.controls[name] for name in new_controls]
        readers = [(len(table), table.rows) for table in tables]
        found = untrained_of_tables(readers, tokeniser, used_controls(tokeniser).keys(), new, initial_deviation(config))
    except (DidactError, OSError, ValueError, KeyError, SafetensorError):
        return None
    names = tokeniser.control_names()
    return {names[number]: reason for one in found for number, reason in one.items()}


def _tables(model: Any, base: str, revision: str | None) -> Iterator[Any]:
    """Yields the table of the input, then that of the head where the files hold another one."""
    names = {module: name for name, module in model.named_modules()}
    first, head = model.get_input_embeddings(), model.get_output_embeddings()
    if (found := _piece(f"{names[first]}.weight", base, revision)) is None:
        return
    yield found
    if head is not None and head.weight is not first.weight and (found := _piece(f"{names[head]}.weight", base, revision)) is not None:
        yield found


def _piece(name: str, base: str, revision: str | None) -> Any:
    """Returns a matrix of a model's files, unread, by its name there or by the end of it: files of a bare model lack its beginning."""
    index = _local(base, _INDEX, revision)
    files = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values())) if index else [_FILE]
    for path in (_local(base, file, revision) for file in files):
        if path is None:
            continue
        weights: Any = safe_open(path, framework="pt")
        for key in weights.keys():  # noqa: SIM118  (it is no mapping)
            if key == name or name.endswith(f".{key}") or key.endswith(f".{name}"):
                return weights.get_slice(key)
    return None


def _local(base: str, file: str, revision: str | None) -> Path | None:
    """Returns a file of a folder, or of the hub where it has been fetched before."""
    options: dict[str, Any] = {"revision": revision, "local_files_only": True}
    try:
        found = cached_file(base, file, **options, _raise_exceptions_for_missing_entries=False)
    except OSError:
        return None
    return Path(found) if found else None
