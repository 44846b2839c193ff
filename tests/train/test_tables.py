"""The gradients of tables of tokens are those of autograd, and no tensor of a table's size is made for them."""

from copy import deepcopy

import pytest
import torch
from tiny import MODELS, VOCABULARY, batch_of, random_model, random_rows
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import Gemma3TextConfig

from didact.base.recipe import Objective
from didact.train.head_loss import head_loss
from didact.train.loss import WeightedLoss, to_device
from didact.train.tables import add_to_gradient, added_in_place

CPU, WIDTH = torch.device("cpu"), 32
SHAPE = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
TIED = deepcopy(MODELS["llama"])
TIED.tie_word_embeddings = True
CONFIGS = {**MODELS, "tied": TIED, "gemma": Gemma3TextConfig(**SHAPE, head_dim=16, vocab_size=VOCABULARY, sliding_window=8)}


def trained(model, precision="fp32", factor=None):
    """Gradients and losses behind two micro-batches."""
    loss_of, losses = WeightedLoss(model, precision), []
    model.zero_grad()
    for seed in (1, 2):
        loss = loss_of(to_device(batch_of(random_rows(4, seed), Objective(prompt_weight=0.3)), CPU), factor)
        (loss * 0.3).backward()
        losses.append(loss.item())
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}, losses


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_model_gets_the_gradients_that_autograd_gives(name, precision):
    model = random_model(CONFIGS[name])
    (plain, one), (added, other) = (trained(model, precision, factor) for factor in (None, 0.3))
    assert one == other
    assert plain.keys() == added.keys()
    for key, gradient in plain.items():
        torch.testing.assert_close(added[key], gradient, rtol=1e-5, atol=1e-6 * float(gradient.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_are_added_in_float32_whatever_they_are_in(dtype, monkeypatch):
    monkeypatch.setattr("didact.train.tables._BLOCK", 12)  # three rows of four at a time
    draw = torch.Generator().manual_seed(0)
    weight = torch.zeros(7, 4, requires_grad=True)
    pairs = [[torch.randn(1, size, generator=draw).to(dtype) for size in (7, 4)] for _ in range(2)]  # of one number each: rounded once
    for left, right in pairs:
        add_to_gradient(weight, left, right, 0.3)
    assert weight.grad.dtype == torch.float32
    torch.testing.assert_close(weight.grad, sum((left.T @ right).double() * 0.3 for left, right in pairs).float())


def test_a_vector_is_added_too():
    bias = torch.zeros(5, requires_grad=True)
    for _ in range(2):
        head_loss(torch.ones(2, 3), torch.zeros(5, 3), bias, torch.tensor([0, 1]), torch.ones(2), factor=1.0).backward()
    even = torch.full((5,), 2 * 2 / 5)
    torch.testing.assert_close(bias.grad, even - torch.tensor([2.0, 2.0, 0.0, 0.0, 0.0]))


def test_rows_of_padding_get_none():
    table = torch.nn.Embedding(4, 2, padding_idx=0)
    model = torch.nn.Sequential(table)
    with added_in_place(model):
        (model(torch.tensor([[0, 3, 3]])) * torch.tensor([1.0, 2.0])).sum().backward()
    assert table.weight.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [2.0, 4.0]]


@pytest.mark.parametrize("settings", [{"max_norm": 1.0}, {"sparse": True}, {"scale_grad_by_freq": True}])
def test_tables_of_another_kind_are_left_to_autograd(settings):
    table = torch.nn.Embedding(4, 2, **settings)
    with added_in_place(torch.nn.Sequential(table)):
        assert "forward" not in table.__dict__


def test_a_frozen_table_gets_none_and_the_look_up_is_undone():
    table = torch.nn.Embedding(4, 2).requires_grad_(False)
    trained = torch.nn.Embedding(4, 2)
    with added_in_place(torch.nn.ModuleList([table, trained])):
        assert "forward" not in table.__dict__ and "forward" in trained.__dict__
        with torch.no_grad():
            assert not trained(torch.tensor([1])).requires_grad
    assert "forward" not in trained.__dict__


class TablesMade(TorchDispatchMode):
    """Counts the tensors of a table's size that operators make."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {part.untyped_storage().data_ptr() for part in tree_leaves((args, kwargs)) if isinstance(part, torch.Tensor)}
        if isinstance(result, torch.Tensor) and result.shape == (VOCABULARY, WIDTH) and result.untyped_storage().data_ptr() not in given:
            self.names.append(str(func))
        return result


def test_a_second_micro_batch_makes_no_tensor_of_a_tables_size(monkeypatch):
    monkeypatch.setattr("didact.train.tables._BLOCK", 8 * WIDTH)
    made = {}
    for factor in (1.0, None):
        model = random_model(TIED)
        loss_of = WeightedLoss(model, "fp32")
        batches = [to_device(batch_of(random_rows(4, seed), Objective()), CPU) for seed in (1, 2)]
        loss_of(batches[0], factor).backward()
        with TablesMade() as there:
            loss = loss_of(batches[1], factor)
        with TablesMade() as back:
            loss.backward()
        made[factor] = (len(there.names), len(back.names))
    assert made[1.0] == (0, 0)
    assert made[None][0] == 1 and made[None][1] >= 2  # the product scaled, and the gradient of the tokens that were looked up


def test_a_weight_in_half_precision_is_left_to_autograd():
    table = torch.nn.Embedding(4, 2, dtype=torch.bfloat16)
    with added_in_place(torch.nn.Sequential(table)):
        assert "forward" not in table.__dict__
