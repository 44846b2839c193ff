"""The output head and the loss in one: logits are made a chunk at a time, turned into their own gradient in place, and never kept.

A language model's logits are by far its largest tensor, and the loss of a row is a sum whose weights are known beforehand. So the
gradient of a chunk is computed while its logits are there: three matrix products instead of the four of recomputing, and memory for
one chunk. What arrives in the backward pass is one factor.
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from didact.models.needs import LOGITS_BYTES
from didact.train.softmax import Head, weighted_nll
from didact.train.tables import add_to_gradient


class _HeadLoss(torch.autograd.Function):
    """The summed loss of hidden states under a linear head; its gradients are made in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        matrix: torch.Tensor,
        bias: torch.Tensor | None,
        labels: torch.Tensor,
        weights: torch.Tensor,
        head: Head,
        factor: float | None,
    ) -> torch.Tensor:
        by_hidden, by_matrix, by_bias = ctx.needs_input_grad[:3]
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else matrix.dtype
        table, states = matrix.detach().to(dtype), hidden.detach().to(dtype)
        most = max(LOGITS_BYTES.get(device, LOGITS_BYTES["cuda"]) // (table.shape[0] * table.element_size()), 1)
        size = min(-(-len(states) // -(-len(states) // most)), len(states))  # chunks of like size
        wants_any = any((by_hidden, by_matrix, by_bias))
        # On a CPU as large every time, so that it fits the hole that the last one left; what is not written to takes no memory.
        room = states.new_empty((most if device == "cpu" else size, table.shape[0]))
        total = torch.zeros((), device=hidden.device)
        hidden_gradient = torch.empty_like(hidden) if by_hidden else None
        product = torch.empty_like(table) if by_matrix and factor is None else None
        # One chunk's product is kept as it comes; several are added up in float32.
        several = by_matrix and factor is None and size < len(states)
        matrix_gradient = torch.zeros_like(matrix, dtype=torch.float32) if several else None
        bias_gradient = torch.zeros_like(bias, dtype=torch.float32) if by_bias and bias is not None else None
        with torch.autocast(device, enabled=False):
            for start in range(0, len(states), size):
                chunk = slice(start, start + size)
                products = torch.mm(states[chunk], table.T, out=room[: len(states[chunk])])
                if bias is not None:
                    products += bias.detach()
                total += weighted_nll(products, labels[chunk], weights[chunk], head, in_place=wants_any)
                if hidden_gradient is not None:
                    hidden_gradient[chunk] = products @ table
                if by_matrix and factor is not None:
                    add_to_gradient(matrix, products, states[chunk], factor)
                elif product is not None:
                    torch.mm(products.T, states[chunk], out=product)
                    matrix_gradient = product if matrix_gradient is None else matrix_gradient.add_(product)
                if bias_gradient is not None:
                    bias_gradient += products.sum(0, dtype=torch.float32)
        if factor is not None and bias is not None and bias_gradient is not None:
            with torch.no_grad():
                bias.grad = bias_gradient * factor if bias.grad is None else bias.grad.add_(bias_gradient, alpha=factor)
            bias_gradient = None
        ctx.save_for_backward(hidden_gradient, matrix_gradient, bias_gradient)
        ctx.factor = factor
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: torch.Tensor) -> Any:
        if ctx.factor is not None and not torch.equal(factor, factor.new_tensor(ctx.factor)):
            raise RuntimeError(f"the head's gradients were multiplied by {ctx.factor}, and the loss by {float(factor)}")
        hidden, matrix, bias = ctx.saved_tensors
        scaled = [None if part is None else part.to(torch.float32, copy=True).mul_(factor) for part in (matrix, bias)]
        return (None if hidden is None else hidden * factor, *scaled, None, None, None, None)


def head_loss(
    hidden: torch.Tensor,
    matrix: torch.Tensor,
    bias: torch.Tensor | None,
    labels: torch.Tensor,
    weights: torch.Tensor,
    head: Head | None = None,
    *,
    factor: float | None = None,
) -> torch.Tensor:
    """Returns Σ w·(−log p(label)) for hidden states, in float32; a frozen matrix costs no gradient, and no weights give 0.

    Args:
        hidden: (N, D) the states that predict something.
        matrix: (V, D) the head's weight, tied to the embeddings or not.
        bias: (V,), or None.
        labels: int64 (N,)
        weights: float32 (N,)
        head: Scale, cap and smoothing of the logits.
        factor: What the loss is multiplied by before the way back, where that is known. The gradients of the matrix and the bias, which
            have to be leaves, are then added where they lie, right away, and none of their size is kept.

    Raises:
        RuntimeError: On the way back, where the loss was multiplied by anything but `factor`.

    >>> hidden = torch.zeros(2, 3, requires_grad=True)  # every token is as likely as the others: log 4 each
    >>> loss = head_loss(hidden, torch.ones(4, 3), None, torch.tensor([0, 1]), torch.tensor([1.0, 1.0]))
    >>> round(loss.item(), 4)
    2.7726
    """
    loss: torch.Tensor = _HeadLoss.apply(hidden, matrix, bias, labels, weights, head or Head(), factor)  # type: ignore[no-untyped-call]  # torch's
    return loss
