"""Which layers of a model get an adapter: by default every linear layer of every block, whatever its family calls them."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from didact.base.errors import ModelError, did_you_mean


def linear_layers(model: Any) -> dict[str, torch.nn.Module]:
    """Returns the linear layers by name, the output head left out."""
    head = model.get_output_embeddings()
    return {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D) and module is not head}


def targets_of(model: Any, targets: str | Sequence[str]) -> list[str]:
    """Returns the full names of the layers that get an adapter.

    Args:
        model: A transformers model; its weights are not looked at.
        targets: The recipe's `model.adapter.targets`: auto takes the linear layers of every block.

    Raises:
        ModelError: A name is the end of no linear layer's, or of one whose weights the model multiplies by without calling it.
    """
    layers = linear_layers(model)
    in_blocks = [name for name in layers if any(part.isdigit() for part in name.split("."))]
    if targets == "auto":
        chosen, wrong = in_blocks, [] if in_blocks else ["auto"]
    else:
        found = {target: [name for name in layers if f".{name}".endswith(f".{target}")] for target in targets}
        wrong = [target for target, names in found.items() if not names] or ([] if found else ["[]"])
        wanted = {name for names in found.values() for name in names}
        chosen = [name for name in layers if name in wanted]
    if wrong:
        there = sorted({name.rpartition(".")[2] for name in in_blocks or layers})
        raise ModelError(
            f"model.adapter.targets: no linear layer of {type(model).__name__} is named '{wrong[0]}'",
            expected=f"one or more of: {', '.join(there)}" if there else did_you_mean(wrong[0], layers),
            remedy=f"model.adapter.targets=[{', '.join(there[:2])}], or auto" if there else "model.adapter.kind=none",
        )
    bypassed = _bypassed(model, layers)
    if unused := [name for name in chosen if name in bypassed]:
        left = sorted({name.rpartition(".")[2] for name in in_blocks if name not in bypassed})
        raise ModelError(
            f"model.adapter.targets: {type(model).__name__} multiplies by the weights of {unused[0]} without calling it, so what stands "
            "beside it would never be seen",
            expected=f"one or more of: {', '.join(left)}",
            remedy=f"model.adapter.targets=[{', '.join(left)}]" if left else "model.adapter.kind=none",
        )
    return chosen


def _bypassed(model: Any, layers: dict[str, torch.nn.Module]) -> set[str]:
    """Returns the layers whose weights a state-space model (Mamba and its kin) hands to one fused kernel: all but the first."""
    mixers = [name for name, module in model.named_modules() if hasattr(module, "A_log")]
    return {name for mixer in mixers for name in layers if name.startswith(f"{mixer}.") and not name.endswith(".in_proj")}
