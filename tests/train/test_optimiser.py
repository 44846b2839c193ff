"""AdamW moves every weight by the learning rate, Adafactor by that share of its matrix."""

import pytest
import torch

from didact.base.recipe import TrainSection
from didact.train.optimiser import make_optimiser


def stepped(optimizer, size, **settings):
    """What one step makes of a matrix of equal numbers whose gradient is 0.5 everywhere."""
    model = torch.nn.Linear(2, 2, bias=False)
    torch.nn.init.constant_(model.weight, size)
    model.weight.grad = torch.full((2, 2), 0.5)
    make_optimiser(model, TrainSection(optimizer=optimizer, learning_rate=0.01, **settings)).step()
    return model.weight.detach()


# A gradient that is the same everywhere is 1 once it is divided by its own size, so a first step is the learning rate times 1 (AdamW),
# or times the root mean square of the matrix (Adafactor): 0.01 * 2 = 0.02 and 0.01 * 0.1 = 0.001.
@pytest.mark.parametrize(
    ("optimizer", "size", "after"), [("adamw", 2.0, 1.99), ("adamw", 0.1, 0.09), ("adafactor", 2.0, 1.98), ("adafactor", 0.1, 0.099)]
)
def test_a_first_step_is_the_learning_rate_or_its_share_of_the_matrix(optimizer, size, after):
    assert torch.allclose(stepped(optimizer, size), torch.full((2, 2), after), atol=1e-6)


# The weight 2 decays by 2 * 0.01 * 0.5 = 0.01 on top of the step (0.01, or 0.01 * 2 = 0.02 of the weight as it was before decay or after).
@pytest.mark.parametrize(("optimizer", "after"), [("adamw", 1.98), ("adafactor", 1.9701)])
def test_matrices_decay(optimizer, after):
    assert torch.allclose(stepped(optimizer, 2.0, weight_decay=0.5), torch.full((2, 2), after), atol=2e-4)


def test_vectors_do_not_decay():
    model = torch.nn.LayerNorm(3)
    for optimizer in ("adamw", "adafactor"):
        groups = make_optimiser(model, TrainSection(optimizer=optimizer, weight_decay=0.5)).param_groups
        assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(0, 0.5), (2, 0.0)]
