"""What a saved adapter says of itself: its settings, what it was trained beside, and where that is."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from didact.base.errors import ModelError
from didact.base.recipe import AdapterSection

CARD = "adapter.json"


@dataclass(frozen=True)
class Adapter:
    """What a checkpoint says of its adapter."""

    settings: AdapterSection
    base: str
    """The model that it belongs to: a bundled base, a folder or a hub id."""
    revision: str | None
    """Branch, tag or commit of a hub id."""
    fingerprint: str
    """Of the base's weights, embeddings left out."""
    new_controls: tuple[str, ...] = ()
    """Control tokens that the base had never seen."""
    rows: tuple[int, ...] = ()
    """Tokens whose embeddings are trained."""
    virtual: tuple[int, ...] = ()
    """The tokens of a trained prompt."""
    beside: str = ""
    """Where a base that is a folder is, seen from the adapter's: both may be moved together."""


def is_adapter(folder: Path) -> bool:
    """Says whether a folder holds an adapter that didact wrote."""
    return (folder / CARD).is_file()


def read_adapter(folder: Path) -> Adapter:
    """Returns what a checkpoint says of its adapter.

    Raises:
        ModelError: Its card is torn.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        lists: dict[str, Any] = {name: tuple(card.pop(name, ())) for name in ("virtual",)}
        lists |= {name: tuple(card.pop(name)) for name in ("new_controls", "rows")}
        return Adapter(AdapterSection(**card.pop("settings")), **card, **lists)
    except (ValueError, TypeError, KeyError, AttributeError):
        remedy = "restore that file from a copy of the checkpoint"
        raise ModelError("not an adapter that didact wrote", where=str(folder / CARD), remedy=remedy) from None


def where_base_is(adapter: Adapter, folder: Path) -> str:
    """Returns the base of a saved adapter: a name, or a folder that may have moved together with the adapter's.

    Raises:
        ModelError: The folder is not there.
    """
    if not Path(adapter.base).is_absolute() or Path(adapter.base).is_dir():
        return adapter.base
    if adapter.beside and (moved := folder.resolve() / adapter.beside).is_dir():
        return str(moved.resolve())
    remedy = "put the base back, or write where it is now into base: of that file"
    raise ModelError(f"the model '{adapter.base}' that this adapter was trained beside is gone", where=str(folder / CARD), remedy=remedy)
