"""What a whole checkpoint holds: names, sizes and a cheap fingerprint of its files, written last, so that a torn one is known."""

import hashlib
import json
from pathlib import Path
from typing import Any

from didact.base.files import write_json

MANIFEST = "manifest.json"
_PLACES, _BLOCK = 16, 4096
"""A larger file is sampled: so many blocks of so many bytes, its first and its last among them."""


def write_manifest(folder: Path) -> None:
    """Writes the manifest of a folder that is complete but for it."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    write_json(folder / MANIFEST, {name: {"bytes": (folder / name).stat().st_size, "print": sampled(folder / name)} for name in names})


def damage(folder: Path) -> str:
    """Says what is wrong with a checkpoint, in words; an empty text: nothing is.

    Text files may be edited by hand, so they only have to be there, and JSON to be JSON. A checkpoint of before there were manifests
    is looked at for tensors that its files announce and do not hold.
    """
    if not (folder / MANIFEST).is_file():
        torn = [path.name for path in sorted(folder.glob("*.safetensors")) if not _holds_all(path)]
        return f"{torn[0]} is cut short" if torn else ""
    try:
        table: dict[str, dict[str, Any]] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        problems = [problem for name, known in table.items() if (problem := _damage(folder / name, name, known))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is no manifest"
    return problems[0] if problems else ""


def _damage(path: Path, name: str, known: dict[str, Any]) -> str:
    if not path.is_file():
        return f"{name} is missing"
    size = path.stat().st_size
    if size == 0 < known["bytes"]:
        return f"{name} is empty"
    if path.suffix == ".json":
        return "" if _is_json(path) else f"{name} is cut short"
    if path.suffix != ".safetensors":
        return ""
    if size != known["bytes"]:
        return f"{name} has {size:,} of {known['bytes']:,} bytes"
    return "" if sampled(path) == known["print"] else f"{name} is not what was written"


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def sampled(path: Path) -> str:
    """Returns 16 digits over a file's size and blocks spread over it: a torn file is found without reading all of a large one."""
    size = path.stat().st_size
    digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=8)
    with path.open("rb") as handle:
        for place in range(_PLACES):
            handle.seek(max(size - _BLOCK, 0) * place // (_PLACES - 1))
            digest.update(handle.read(_BLOCK))
    return digest.hexdigest()


def _holds_all(path: Path) -> bool:
    """Says whether a safetensors file is as long as its header says: 8 bytes of length, the header, the tensors."""
    try:
        with path.open("rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            header = json.loads(handle.read(length))
        ends = [value["data_offsets"][1] for name, value in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError):
        return False
    return path.stat().st_size == 8 + length + max(ends, default=0)
