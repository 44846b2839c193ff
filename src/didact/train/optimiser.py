"""The optimiser: AdamW, or Adafactor, which steps by a share of each matrix's own size and remembers a row and a column of it."""

from typing import Any

import torch

from didact.base.recipe import TrainSection


def make_optimiser(model: Any, settings: TrainSection) -> torch.optim.Optimizer:
    """Returns the recipe's optimiser over the model's trainable weights.

    AdamW moves every weight by about the learning rate, whatever its size. T5's first weights differ in size by a factor of a hundred
    (embeddings of 1, queries of 1/√(width · head)), which is why its papers use Adafactor: its steps are the learning rate times
    the root mean square of the matrix.

    Source: Loshchilov and Hutter 2019, arXiv 1711.05101; Shazeer and Stern 2018, arXiv 1804.04235.
    """
    groups = _groups(model, settings.weight_decay)
    if settings.optimizer == "adafactor":
        return torch.optim.Adafactor(groups, lr=settings.learning_rate)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, fused=True)


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Returns two groups: matrices, which decay, and vectors, which do not."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
