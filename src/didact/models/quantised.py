"""QLoRA: a base in 4 bits a weight under an adapter in 32, where there is a GPU; what it is recognised by, told from its files.

Source: Dettmers et al. 2023, arXiv 2305.14314: NF4, double quantisation, products in bf16; embeddings, head and norms stay as they are.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from transformers.utils import cached_file

from didact.base.errors import ModelError, PrerequisiteError
from didact.base.files import fingerprint
from didact.models.precision import pick_device

Quantise = Literal["none", "nf4"]
_NAMES = ("model.safetensors", "model.safetensors.index.json")
_PLACES = 32


def check_quantise(quantise: Quantise, device: torch.device | None = None) -> None:
    """Looks whether this machine can hold a base so.

    Args:
        quantise: The recipe's `model.adapter.quantise`.
        device: Where the model will be; None: where `pick_device` says.

    >>> check_quantise("none")

    Raises:
        ModelError: There is no GPU.
        PrerequisiteError: bitsandbytes is not installed.
    """
    if quantise == "none":
        return
    if (device or pick_device()).type != "cuda":
        raise ModelError(
            f"model.adapter.quantise is {quantise}, and there is no GPU here: 4-bit weights are multiplied by its kernels alone",
            remedy="model.adapter.quantise=none, or a machine with a GPU",
        )
    if find_spec("bitsandbytes") is None:
        raise PrerequisiteError("4-bit weights need a package that is not installed", remedy="pip install bitsandbytes")


def quantised_options(quantise: Quantise) -> dict[str, Any]:
    """Returns what `from_pretrained` is given beside its usual arguments, for a model that can be held so.

    Norms, embeddings and the head stay in the dtype that is asked for, fp32; the weights are on the GPU from the first.
    """
    if quantise == "none":
        return {}
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type=quantise, bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16
    )
    return {"quantization_config": config, "device_map": {"": pick_device()}}


def files_fingerprint(name: str, revision: str | None = None) -> str:
    """Returns 16 digits that change when another model, or another state of it, stands there: of its files, some bytes of each.

    The same whether the model is then held in 4 bits or in 32.

    Args:
        name: A folder or a hub id whose files are here already.
        revision: Branch, tag or commit of a hub id.

    Raises:
        ModelError: It has no such files.
    """
    folder = Path(name)
    if not folder.is_dir():
        asked = {"revision": revision, "_raise_exceptions_for_missing_entries": False, "_raise_exceptions_for_gated_repo": False}
        found = next((path for file in _NAMES if (path := cached_file(name, file, **asked))), None)
        folder = Path(found).parent if found else folder
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"'{name}' has no *.safetensors files", remedy="model.adapter.quantise=none, or another model.base")
    return fingerprint([[file.name, *_bytes_of(file)] for file in files])


def _bytes_of(file: Path) -> list[str | int]:
    size = file.stat().st_size
    seen: list[str | int] = [size]
    with file.open("rb") as handle:
        for place in range(_PLACES):
            handle.seek(size * place // _PLACES)
            seen.append(handle.read(64).hex())
    return seen
