"""Attention in groups of like length is causal attention within each document, and so are its gradients."""

import pytest
import torch
import torch.nn.functional as F

from didact.train.short_attention import attend_short, grouped


def separate(query, key, value, spans, scale, window):
    """One document after the other, with torch's own attention; zeros elsewhere."""
    mixed = torch.zeros_like(query)
    for row, start, end in spans:
        places = torch.arange(end - start)
        distance = places[:, None] - places[None, :]
        mask = (distance >= 0) & (distance < (window or 10_000))
        q, k, v = (x[row, :, start:end] for x in (query, key, value))
        repeat = q.shape[0] // k.shape[0]
        mixed[row, :, start:end] = F.scaled_dot_product_attention(
            q, k.repeat_interleave(repeat, 0), v.repeat_interleave(repeat, 0), attn_mask=mask, scale=scale
        )
    return mixed.transpose(1, 2)


SPANS = {
    "one": ((0, 0, 9), (1, 0, 9)),
    "packed": ((0, 0, 3), (0, 3, 7), (0, 7, 8), (1, 0, 9)),
    "padding": ((0, 0, 4), (1, 2, 5), (1, 5, 6)),
}


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("key_heads", [4, 2, 1])
@pytest.mark.parametrize("name", SPANS)
def test_values_and_gradients_are_those_of_separate_documents(name, key_heads, window):
    torch.manual_seed(0)
    given = [torch.randn(2, heads, 9, 5, dtype=torch.float64, requires_grad=True) for heads in (4, key_heads, key_heads)]
    wanted = separate(*given, SPANS[name], 0.3, window)
    ours = attend_short(*given, SPANS[name], scale=0.3, window=window)
    torch.testing.assert_close(ours, wanted)
    factor = torch.randn(ours.shape, dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad((ours * factor).sum(), given), torch.autograd.grad((wanted * factor).sum(), given), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_documents_of_like_length_share_a_group():
    # 12 and 10 differ by a fifth, 5 by more: two groups; behind the end of the second document are two places.
    groups = grouped(((0, 0, 10), (0, 10, 22), (1, 0, 5)), 2, 22)
    assert groups.sizes == ((2, 12), (1, 5))
    assert groups.behind.tolist() == [22, 23]
    assert groups.num_places == 29
    assert groups.back[:22].tolist() == [*range(12, 22), *range(12)]
    assert groups.back[27:].tolist() == [29] * 17  # padding reads the place of zeros
