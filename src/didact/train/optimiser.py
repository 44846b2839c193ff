"""The optimiser: AdamW, in 8 bits too, or Adafactor, which steps by a share of each matrix's size and remembers a row and a column."""

from importlib import import_module
from typing import Any

import torch

from didact.base.errors import PrerequisiteError, RecipeError
from didact.base.recipe import TrainSection


def make_optimiser(model: Any, settings: TrainSection) -> torch.optim.Optimizer:
    """Returns the recipe's optimiser over the model's trainable weights.

    AdamW moves every weight by about the learning rate, whatever its size. T5's first weights differ in size by a factor of a hundred
    (embeddings of 1, queries of 1/√(width · head)), which is why its papers use Adafactor: its steps are the learning rate times
    the root mean square of the matrix.

    Raises:
        PrerequisiteError: `adamw_8bit` without bitsandbytes.
        RecipeError: `adamw_8bit` without a GPU.

    Source: Loshchilov and Hutter 2019, arXiv 1711.05101; Shazeer and Stern 2018, arXiv 1804.04235; Dettmers et al. 2022,
        arXiv 2110.02861 (8 bits).
    """
    groups = _groups(model, settings.weight_decay)
    if settings.optimizer == "adamw_8bit":
        adamw_8bit = find_adamw_8bit(model.device)
        made: torch.optim.Optimizer = adamw_8bit(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon)
        return made
    if settings.optimizer == "adafactor":
        return torch.optim.Adafactor(groups, lr=settings.learning_rate)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, fused=True)


def find_adamw_8bit(device: torch.device) -> Any:
    """Returns bitsandbytes' AdamW of 8 bits.

    Raises:
        PrerequisiteError: bitsandbytes is not installed.
        RecipeError: The device is no GPU.
    """
    if device.type != "cuda":
        raise RecipeError("train.optimizer is adamw_8bit, which needs a GPU, and there is none", remedy="train.optimizer=adafactor")
    try:
        return import_module("bitsandbytes.optim").AdamW8bit
    except ImportError:
        raise PrerequisiteError("train.optimizer=adamw_8bit needs bitsandbytes", remedy="pip install bitsandbytes") from None


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Returns two groups: matrices, which decay, and vectors, which do not."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
