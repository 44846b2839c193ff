"""What a GPU's attention over documents of several lengths is asked for. The call itself runs on a GPU only, and is stood in for here."""

import pytest
import torch
import torch.nn.functional as F
from tiny import MODELS, VOCABULARY, random_model

from didact.train import attention, varlen


def standing_in(query, key, value, edges, key_edges, longest, longest_key, *, scale, window_size, enable_gqa):
    """The documented meaning of torch's varlen_attn, one sequence after the other: a key may be `left` before and `right` behind."""
    assert edges.dtype == torch.int32
    assert torch.equal(edges, key_edges)
    assert longest == longest_key == int(edges.diff().max())
    left, right = window_size
    mixed = []
    for start, end in zip(edges.tolist(), edges.tolist()[1:], strict=False):
        q, k, v = (x[start:end].transpose(0, 1)[None] for x in (query, key, value))
        distance = torch.arange(end - start)[:, None] - torch.arange(end - start)[None, :]
        mask = (distance >= -right) & ((distance <= left) if left >= 0 else True)
        mixed.append(F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=enable_gqa)[0].transpose(0, 1))
    return torch.cat(mixed)


@pytest.mark.parametrize("window", [None, 2])
def test_pieces_windows_and_shared_keys_mean_the_same_as_one_by_one(monkeypatch, window):
    monkeypatch.setattr(varlen, "varlen_attn", standing_in)
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, heads, 6, 4) for heads in (4, 2, 2))
    spans = ((0, 0, 4), (0, 4, 6), (1, 0, 6))
    expected = attention._one_by_one(query, key, value, spans, 0.5, 0.0, window)
    flat = (x.transpose(1, 2).flatten(0, 1) for x in (query, key, value))
    torch.testing.assert_close(varlen.attend_varlen(*flat, [4, 2, 6], 0.5, window).view(2, 6, 4, 4), expected)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_on_such_a_device_keeps_its_documents_apart(monkeypatch, name):
    monkeypatch.setattr(varlen, "varlen_attn", standing_in)
    monkeypatch.setattr(attention, "has_varlen", lambda *_: True)
    assert attention.keep_apart(random_model(MODELS[name]), VOCABULARY) < 1e-4


def test_it_is_for_gpus_and_numbers_of_two_bytes(monkeypatch):
    monkeypatch.setattr(varlen, "varlen_attn", standing_in)
    assert varlen.has_varlen("cuda", torch.bfloat16)
    assert not varlen.has_varlen("cuda", torch.float32)
    assert not varlen.has_varlen("cpu", torch.bfloat16)
    monkeypatch.setattr(varlen, "varlen_attn", None)
    assert not varlen.has_varlen("cuda", torch.bfloat16)


def test_where_the_pieces_begin_is_made_once_for_all_layers():
    one, other = (varlen._edges((4, 2, 6), torch.device("cpu")) for _ in range(2))
    assert one is other
    assert one.tolist() == [0, 4, 6, 12]
