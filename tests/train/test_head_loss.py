"""Loss and gradients of the head, made a chunk at a time, are those of the literal sum in float64."""

from importlib import import_module

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from didact.train import head_loss as module
from didact.train import softmax
from didact.train.head_loss import head_loss
from didact.train.softmax import Head, weighted_nll

N, D, V = 23, 8, 37
HEADS = {
    "plain": Head(),
    "scaled": Head(scale=0.25),
    "capped": Head(cap=3.0),
    "smoothed": Head(smoothing=0.1),
    "all of it": Head(scale=2.0, cap=5.0, smoothing=0.2),
}


def given(dtype=torch.float64, seed=0):
    made = torch.Generator().manual_seed(seed)
    hidden, matrix = torch.randn(N, D, generator=made, dtype=torch.float64), torch.randn(V, D, generator=made, dtype=torch.float64)
    bias = torch.randn(V, generator=made, dtype=torch.float64)
    weights = torch.rand(N, generator=made, dtype=torch.float64)
    weights[::5] = 0.0
    labels = torch.randint(0, V, (N,), generator=made)
    return [x.to(dtype).requires_grad_() for x in (hidden, matrix, bias)], labels, weights


@pytest.fixture(params=["written out", "Triton"])
def form(request, monkeypatch):
    """Each way from products to their gradient; Triton's kernel is interpreted: see conftest.py, and test_softmax.py for a GPU."""
    if request.param == "written out":
        monkeypatch.setitem(softmax.BLOCK_BYTES, "cpu", 4 * 3 * V)  # three rows
        return
    pytest.importorskip("triton")
    if torch.cuda.is_available():
        pytest.skip("here it is compiled, for tensors on the GPU")
    kernel = import_module("didact.train.softmax_kernel")
    monkeypatch.setattr(kernel, "_COLUMNS", 16)  # a row of 37 is read in three parts
    monkeypatch.setattr(softmax, "chosen_kernel", lambda *_: kernel.to_gradient)


def literal(parts, labels, weights, head):
    """Σ_i w_i (−Σ_v q_iv log p_iv), written out: q is the label, with a share spread evenly over all tokens."""
    hidden, matrix, bias = parts
    logits = (hidden @ matrix.T + bias) * head.scale
    if head.cap is not None:
        logits = head.cap * torch.tanh(logits / head.cap)
    wanted = F.one_hot(labels, V).double() * (1 - head.smoothing) + head.smoothing / V
    loss = -(weights[:, None] * wanted * (logits - logits.exp().sum(1, keepdim=True).log())).sum()
    return loss, torch.autograd.grad(loss, parts)


@pytest.mark.parametrize("rows", [5, 8, 100])
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.usefixtures("form")
def test_loss_and_gradients_are_those_of_the_literal_sum(name, rows, monkeypatch):
    exact, labels, weights = given()
    parts, *_ = given(torch.float32)
    monkeypatch.setitem(module.LOGITS_BYTES, "cpu", rows * V * 4)
    loss = head_loss(*parts, labels, weights.float(), HEADS[name])
    (loss * 0.5).backward()
    total, gradients = literal(exact, labels, weights, HEADS[name])
    assert loss.item() == pytest.approx(total.item(), rel=1e-5)
    for part, gradient in zip(parts, gradients, strict=True):
        torch.testing.assert_close(part.grad.double(), 0.5 * gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [5, 100])
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.usefixtures("form")
def test_gradients_added_right_away_are_those_of_the_literal_sums(name, rows, monkeypatch):
    monkeypatch.setitem(module.LOGITS_BYTES, "cpu", rows * V * 4)
    parts, wanted = given(torch.float32)[0], [0.0, 0.0]
    for seed in (0, 1):  # two micro-batches under one matrix
        exact, labels, weights = given(seed=seed)
        exact[1:] = [part.detach().double().requires_grad_() for part in parts[1:]]
        hidden = exact[0].detach().float().requires_grad_()
        (head_loss(hidden, *parts[1:], labels, weights.float(), HEADS[name], factor=0.5) * 0.5).backward()
        _, (by_hidden, *gradients) = literal(exact, labels, weights, HEADS[name])
        torch.testing.assert_close(hidden.grad.double(), 0.5 * by_hidden, rtol=1e-4, atol=1e-5)
        wanted = [one + 0.5 * other for one, other in zip(wanted, gradients, strict=True)]
    for part, gradient in zip(parts[1:], wanted, strict=True):
        torch.testing.assert_close(part.grad.double(), gradient, rtol=1e-4, atol=2e-5)


def test_a_factor_that_was_not_told_is_an_error():
    parts, labels, weights = given(torch.float32)
    loss = head_loss(*parts, labels, weights.float(), factor=0.5)
    with pytest.raises(RuntimeError, match=r"multiplied by 0\.5, and the loss by 2\.0"):
        (loss * 2).backward()


@pytest.mark.parametrize("name", HEADS)
def test_the_written_out_form_says_the_same(name):
    # Where a model makes its own logits, autograd differentiates the plain form.
    parts, labels, weights = given()
    total, gradients = literal(parts, labels, weights, HEADS[name])
    loss = weighted_nll(parts[0] @ parts[1].T + parts[2], labels, weights, HEADS[name])
    assert loss.item() == pytest.approx(total.item(), rel=1e-6)
    for one, other in zip(torch.autograd.grad(loss, parts), gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


class Products(TorchDispatchMode):
    """Hears which matrices are multiplied."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket is torch.ops.aten.mm:
            self.shapes.append(tuple(tuple(part.shape) for part in args))
        return func(*args, **(kwargs or {}))


def test_a_frozen_matrix_gets_no_gradient_and_costs_none():
    (hidden, matrix, _), labels, weights = given(torch.float32)
    with Products() as seen:
        head_loss(hidden, matrix.detach(), None, labels, weights.float()).backward()
    logits, by_hidden, by_matrix = ((N, D), (D, V)), ((N, V), (V, D)), ((V, N), (N, D))
    assert seen.shapes == [logits, by_hidden]
    assert hidden.grad is not None
    with Products() as seen:
        head_loss(hidden, matrix, None, labels, weights.float()).backward()
    assert seen.shapes == [logits, by_hidden, by_matrix]


@pytest.mark.usefixtures("form")
def test_nothing_of_weight_gives_a_zero_that_can_be_differentiated():
    parts, labels, _ = given(torch.float32)
    loss = head_loss(*parts, labels, torch.zeros(N))
    loss.backward()
    assert loss.item() == 0.0
    assert all(part.grad is not None and not part.grad.any() for part in parts)


def test_without_a_gradient_only_the_sum_is_made():
    parts, labels, weights = given(torch.float32)
    with torch.no_grad():
        silent = head_loss(*parts, labels, weights.float())
    assert not silent.requires_grad
    assert silent.item() == pytest.approx(head_loss(*parts, labels, weights.float()).item(), rel=1e-6)


@pytest.mark.usefixtures("form")
def test_bfloat16_products_are_near_and_gradients_stay_float32():
    exact, labels, weights = given()
    parts, *_ = given(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = head_loss(*parts, labels, weights.float())
    loss.backward()
    total, gradients = literal(exact, labels, weights, Head())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(total.item(), rel=0.01)
    for part, gradient in zip(parts, gradients, strict=True):
        assert part.grad.dtype == torch.float32
        assert (part.grad - gradient).norm() < 0.02 * gradient.norm()
