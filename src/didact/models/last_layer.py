"""The last layer, asked only where something is predicted: of all tokens it computes keys and values, everything else of a few.

Nothing behind it looks at the other tokens. A sixth of a model of six layers is then nearly free where a letter is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from didact.base.errors import ModelError
from didact.models.shared_attention import keys_and_values, see_from


@contextmanager
def few_places(network: Any, columns: torch.Tensor) -> Iterator[None]:
    """Lets a model's last layer return hidden states (B, P, D) of these places alone, for a forward pass inside the block.

    Args:
        network: A transformers decoder with shared attention, inside `reading`.
        columns: The columns of each row that predict something, int64 (B, P).

    Raises:
        ModelError: It has no list of layers.
    """

    def pick(layer: torch.nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        see_from(columns, *keys_and_values(lambda: layer.forward(*given, **named)))
        size = (given[0] if given else named["hidden_states"]).shape[:2]
        return tuple(_picked(value, columns, size) for value in given), {
            name: _picked(value, columns, size) for name, value in named.items()
        }

    handle = _last_layer(network).register_forward_pre_hook(pick, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _last_layer(network: Any) -> torch.nn.Module:
    number = network.config.get_text_config().num_hidden_layers
    lists = [module for module in network.modules() if isinstance(module, torch.nn.ModuleList) and len(module) == number]
    if not lists:
        raise ModelError(f"{type(network).__name__} has no list of {number} layers")
    return lists[0][-1]  # of lists within lists the outermost stands first


def _picked(value: Any, columns: torch.Tensor, size: torch.Size) -> Any:
    """Returns what a layer is given, of some places alone: hidden states, positions or what they turn queries by, (B or 1, T, ...).

    >>> _picked(torch.tensor([[5, 6, 7]]), torch.tensor([[2], [0]]), torch.Size((2, 3))).tolist()
    [[7], [5]]
    """
    if isinstance(value, tuple):
        return tuple(_picked(each, columns, size) for each in value)
    if not isinstance(value, torch.Tensor) or value.dim() < 2 or value.shape[0] not in (1, size[0]) or value.shape[1] != size[1]:
        return value
    rows = torch.arange(size[0], device=value.device)[:, None]
    return value[rows if value.shape[0] > 1 else 0 * rows, columns]
