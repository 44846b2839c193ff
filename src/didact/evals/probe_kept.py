"""Finished trainings of probes, kept in the cache: a ladder that was stopped goes on where it was, and more seeds cost only themselves.

~/.cache/didact/probes/1f0c.../tuned-93ab....json      what one seed of a rung said to the judged rows, and how long it took
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from didact.base.files import cache_root, code_fingerprint, fingerprint, write_json
from didact.evals.probe_encoder import Encoder, Read
from didact.models.model_print import weights_print


@dataclass(frozen=True, slots=True)
class Said:
    """What one training said."""

    values: list[float]
    """For each judged row its class, option or number."""
    seconds: float


def encoder_print(encoder: Encoder) -> str:
    """Returns 16 digits that change with any weight of an encoder, and with the code that trains it."""
    code = (code_fingerprint("evals", "models"), torch.__version__, transformers.__version__)
    return fingerprint(weights_print(encoder.network), encoder.config.to_json_string(), *code)


def reads_print(reads: Sequence[Read]) -> str:
    """Returns 16 digits that change with any token of sequences, and with which segment it is in."""
    flat = [np.array([value for read in reads for value in part(read)], np.int64).tobytes() for part in (_ids, _types)]
    return fingerprint(*flat, [[len(read.ids), *map(len, read.words)] for read in reads])


def _ids(read: Read) -> list[int]:
    return read.ids


def _types(read: Read) -> list[int]:
    return read.types


def place_of(*parts: Any) -> Path:
    """Returns the folder of the cache for trainings that share all this."""
    return cache_root() / "probes" / fingerprint(*parts)


def file_of(place: Path, rung: str, seed: int) -> Path:
    """Returns the file of one training."""
    return place / f"{rung}-{seed:016x}.json"


def kept(file: Path) -> Said | None:
    """Returns what a training said; None where it has not been done, or its file is torn."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Said([float(value) for value in found["values"]], float(found["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(file: Path, said: Said) -> None:
    """Writes what a training said."""
    write_json(file, {"values": said.values, "seconds": said.seconds})
