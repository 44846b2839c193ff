"""Which form of the softmax is taken: a kernel only where it gives the same numbers, sooner."""

import sys
from importlib import import_module

import pytest
import torch

from didact.train import softmax
from didact.train.softmax import Head, chosen_kernel, in_blocks, is_better

CPU, DTYPE = torch.device("cpu"), torch.bfloat16
WRONG = {
    "loss": lambda *given: in_blocks(*given) * 1.01,
    "gradient": lambda products, *rest: in_blocks(products.clone(), *rest),
    "cap": lambda products, labels, weights, head: in_blocks(products, labels, weights, Head(head.scale, None, head.smoothing)),
}


def takes(monkeypatch, kernel_s, written_out_s):
    """Makes a kernel take so many seconds, and the written-out form so many."""
    left = [kernel_s, written_out_s]
    monkeypatch.setattr(softmax, "_seconds", lambda *_: left.pop(0))


def test_a_kernel_that_is_right_is_taken_where_it_is_no_slower(monkeypatch):
    takes(monkeypatch, 0.1, 0.2)
    assert is_better(lambda *given: in_blocks(*given), CPU, DTYPE)
    takes(monkeypatch, 0.2, 0.1)
    assert not is_better(lambda *given: in_blocks(*given), CPU, DTYPE)


@pytest.mark.parametrize("name", WRONG)
def test_a_kernel_that_is_wrong_is_not(name, monkeypatch):
    takes(monkeypatch, 0.1, 0.2)
    assert not is_better(WRONG[name], CPU, DTYPE)


def test_a_kernel_that_cannot_be_compiled_is_not():
    def broken(*_):
        raise OSError("no compiler")

    assert not is_better(broken, CPU, DTYPE)


def test_times_are_taken_of_both():
    calls = []

    def counted(*given):
        calls.append(1)
        return in_blocks(*given)

    is_better(counted, CPU, DTYPE)
    assert len(calls) == 2 + 3  # two heads, then three times by the clock


def test_without_triton_or_a_gpu_the_form_that_is_written_out_is_taken(monkeypatch):
    assert chosen_kernel("cpu", DTYPE) is None
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "didact.train.softmax_kernel", raising=False)
    assert chosen_kernel.__wrapped__("cuda", DTYPE) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="compiled here, for tensors on the GPU")
def test_tritons_kernel_is_found_to_be_right(monkeypatch):
    pytest.importorskip("triton")  # interpreted: see conftest.py
    takes(monkeypatch, 0.1, 0.2)
    assert is_better(import_module("didact.train.softmax_kernel").to_gradient, CPU, DTYPE)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_tritons_kernel_is_taken():
    pytest.importorskip("triton")
    assert chosen_kernel("cuda", DTYPE) is not None
