"""oneDNN's products are torch's own up to rounding, and are used where nothing else depends on how a product is made."""

import pytest
import torch
from tiny import MODELS, random_model
from torch.utils.flop_counter import FlopCounterMode

from didact.models.products import quick_products

CPU = torch.device("cpu")


def made_by_onednn(layer: torch.nn.Module, rows: torch.Tensor) -> bool:
    """Says whether a layer multiplies by oneDNN: torch's own product is counted, oneDNN's is not."""
    with FlopCounterMode(display=False) as counter, quick_products(CPU):
        layer(rows)
    return counter.get_total_flops() == 0


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(8, 5), (1, 8, 5), (2, 4, 5), (2, 3, 4, 5)])
def test_products_are_the_same_up_to_rounding(shape: tuple[int, ...], bias: bool) -> None:
    layer, rows = torch.nn.Linear(5, 3, bias=bias), torch.randn(shape)
    with torch.inference_mode():
        expected = layer(rows)
        with quick_products(CPU):
            got = layer(rows)
        assert made_by_onednn(layer, rows)
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-6)


def test_rows_that_lie_apart_in_memory_are_multiplied_as_they_are() -> None:
    layer = torch.nn.Linear(5, 3)
    with torch.inference_mode():
        for rows in (torch.randn(5, 16).T, torch.randn(16, 9, 5)[:, 1:7], torch.randn(4, 1, 5).expand(4, 3, 5)):
            expected = layer(rows)
            with quick_products(CPU):
                torch.testing.assert_close(layer(rows), expected, atol=1e-6, rtol=1e-6)


def test_few_rows_and_other_precisions_and_gradients_are_left_to_torch() -> None:
    layer = torch.nn.Linear(5, 3)
    with torch.inference_mode():
        assert not made_by_onednn(layer, torch.randn(7, 5))
        assert not made_by_onednn(torch.nn.Linear(5, 3, dtype=torch.float64), torch.randn(8, 5, dtype=torch.float64))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert not made_by_onednn(layer, torch.randn(8, 5))
    with quick_products(CPU):
        layer(torch.randn(8, 5)).sum().backward()
    assert layer.weight.grad is not None


def test_other_devices_are_left_as_they_are() -> None:
    layer, rows = torch.nn.Linear(5, 3, device="meta"), torch.empty(8, 5, device="meta")
    with torch.inference_mode(), quick_products(torch.device("cuda")):
        assert layer(rows).shape == (8, 3)


def test_a_whole_model_says_the_same() -> None:
    model, ids = random_model(MODELS["llama"], scale=2.0).eval(), torch.arange(3, 43)[None]
    with torch.inference_mode():
        expected = model(ids).logits
        with quick_products(CPU):
            torch.testing.assert_close(model(ids).logits, expected, atol=1e-5, rtol=1e-5)
