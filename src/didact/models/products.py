"""Matrix products in float32 on a CPU by oneDNN, where torch takes another library that is slower for a model's shapes.

Measured on one core (Zen 4, 112 GFLOP/s at most) with inputs of 32 to 2,000 tokens: layers of width 256 to 1,536 at 95 to 109 GFLOP/s
instead of 85 to 101; heads of 50,000 tokens, asked at 32 to 75 places, at 62 to 91 instead of 40 to 63. Sums are rounded otherwise: 1e-6.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

_PRODUCT = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
"""oneDNN's product as torch's compiler calls it: input, weights, bias, and what is done to the result (nothing); None: not built in."""
_FEW = 8
"""Rows from which on it is the quicker one."""


def quick_products(device: torch.device) -> AbstractContextManager[object]:
    """Returns the context in which layers multiply by oneDNN in float32 on a CPU; elsewhere it changes nothing. Not for training.

    Args:
        device: Where the model computes.

    >>> layer = torch.nn.Linear(2, 1)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 4.0]])), layer.bias.data.zero_()
    >>> with torch.inference_mode(), quick_products(torch.device("cpu")):
    ...     layer(torch.ones(8, 2)).T.tolist()
    [[7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0]]
    """
    return nullcontext() if _PRODUCT is None or device.type != "cpu" else _ByOneDNN()


class _ByOneDNN(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.linear and not kwargs and _fits(*args):
            assert _PRODUCT is not None
            return _PRODUCT(args[0], args[1], args[2] if len(args) > 2 else None, "none", [], "")
        return func(*args, **(kwargs or {}))


def _fits(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> bool:
    """Says whether oneDNN is to multiply these: enough rows of plain float32, and no gradient that anybody waits for."""
    return (
        type(weight) in (torch.nn.Parameter, torch.Tensor)
        and rows.dtype == weight.dtype == torch.float32
        and rows.dim() > 1
        and rows.numel() >= _FEW * rows.shape[-1] > 0
        and weight.is_contiguous()
        and (bias is None or bias.dtype == torch.float32)
        and not (torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"))
    )
