"""What a loaded model is recognised by: whatever decides what it answers to given tokens, every weight included."""

import json
import zlib
from typing import Any

import torch
import transformers

from didact.base.files import code_fingerprint, fingerprint
from didact.data.identity import tokeniser_fingerprint
from didact.models.load import Loaded
from didact.models.precision import Precision

_NO_MATTER = ("_name_or_path", "_commit_hash", "transformers_version")
"""What a configuration says of where a model came from."""


def model_print(loaded: Loaded, precision: Precision) -> str:
    """Returns 16 digits that change with any weight, the precision, the tokenizer, the chat format and the code that asks.

    All bytes of the weights are read, about two gigabytes a second: a few numbers of each matrix would miss what was changed elsewhere.

    Args:
        loaded: The model with its tokeniser.
        precision: In which precision it multiplies.
    """
    network: Any = loaded.model
    config = json.loads(network.config.to_json_string(use_diff=False))
    code = [code_fingerprint("models", "data/tokens.py"), torch.__version__, transformers.__version__]
    settings = {name: value for name, value in config.items() if name not in _NO_MATTER}
    adapter = None if loaded.adapter is None else loaded.adapter.settings.model_dump(mode="json")
    return fingerprint(weights_print(network), settings, adapter, precision, tokeniser_fingerprint(loaded.tokeniser), code)


def weights_print(network: torch.nn.Module) -> list[tuple[str, str, list[int], int]]:
    """Returns, of each tensor of a network, its name, type, shape and a checksum of its bytes.

    >>> layer = torch.nn.Linear(1, 1, bias=False)
    >>> _ = layer.weight.data.fill_(1.0)
    >>> weights_print(layer)
    [('weight', 'torch.float32', [1, 1], 2896259690)]
    """
    return [(name, *_print(value)) for name, value in sorted(network.state_dict().items()) if isinstance(value, torch.Tensor)]


def _print(tensor: torch.Tensor) -> tuple[str, list[int], int]:
    """Returns a tensor's type, its shape and a checksum of its bytes."""
    held = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return str(tensor.dtype), list(tensor.shape), zlib.crc32(held.numpy().data)
