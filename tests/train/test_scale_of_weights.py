"""Weights as a whole: the paper's example by hand, and what a common factor of all weights changes: nothing, for AdamW."""

import numpy as np
import pytest
import torch
from tiny import MODELS, batch_of, random_model, random_rows

from didact.base.recipe import Objective
from didact.base.types import Origin
from didact.data.batches import collate
from didact.data.tokenised import TokenisedExample
from didact.train.loss import WeightedLoss, to_device

NLL = {11: 1.0, 12: 2.0, 21: 0.5, 22: 1.5, 23: 3.0}
"""Token to −log p: two prompt tokens behind the first, three of the response."""


@pytest.mark.parametrize(("weights", "loss"), [((0, 1), 5 / 3), ((0.2, 0.8), 0.92), ((1, 1), 1.6), ((1, 0), 1.5), ((0, 0.4), 2 / 3)])
def test_the_papers_normaliser_counts_tokens_of_non_zero_weight(weights, loss):
    # (0.2, 0.8): (0.2 · 3 + 0.8 · 5) / 5 = 0.92. (0, 0.4): 0.4 · 5 / 3: the sum of the weights would give 5 / 3.
    row = TokenisedExample(np.array([10, 11, 12, 21, 22, 23], np.int32), np.array([1, 1, 1, 2, 2, 2], np.uint8), Origin("t", "0"))
    batch = collate([(row,)], Objective(prompt_weight=weights[0], response_weight=weights[1]))
    total = sum(weight * NLL[label] for weight, label in zip(batch.loss_weights[0], batch.labels[0], strict=True) if weight)
    assert total / batch.num_targets == pytest.approx(loss, rel=1e-6)


def trained(optimiser, objective, steps=6):
    """The parameters after a few steps of a tiny model in float32, without clipping."""
    model = random_model(MODELS["llama"], scale=1.0)
    loss_of, update = WeightedLoss(model, "fp32"), optimiser(model.parameters())
    for step in range(steps):
        batch = batch_of(random_rows(4, seed=step), objective)
        (loss_of(to_device(batch, torch.device("cpu"))) / batch.num_targets).backward()
        update.step()
        update.zero_grad()
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def adamw(parameters):
    # An eps that is nothing beside any gradient: only then is the update free of the gradient's scale.
    return torch.optim.AdamW(parameters, lr=1e-3, eps=1e-30, weight_decay=0.1)


@pytest.mark.parametrize("factor", [0.5, 4.0])
@pytest.mark.parametrize("prompt", [0.0, 0.25])
def test_a_power_of_two_on_all_weights_leaves_adamws_parameters_to_the_bit(factor, prompt):
    once = trained(adamw, Objective(prompt_weight=prompt))
    again = trained(adamw, Objective(prompt_weight=prompt * factor, response_weight=factor))
    assert torch.equal(once, again)


def test_the_same_factor_changes_what_plain_gradient_descent_learns():
    def sgd(parameters):
        return torch.optim.SGD(parameters, lr=1e-2)

    assert not torch.allclose(trained(sgd, Objective()), trained(sgd, Objective(response_weight=0.5)), atol=1e-5)


def test_another_ratio_of_prompts_to_responses_is_another_model():
    assert not torch.allclose(trained(adamw, Objective()), trained(adamw, Objective(prompt_weight=0.25)), atol=1e-5)
