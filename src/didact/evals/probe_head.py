"""Heads: a linear layer, or one hidden layer more, on what an encoder or word vectors make of a text."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from didact.evals.probe_encoder import Encoder, Pool, Read
from didact.models.precision import Precision, autocast

HeadKind = Literal["linear", "mlp"]
_TOKENS_AT_ONCE = 16_384


def new_head(width: int, num_scores: int, kind: HeadKind, seed: int) -> nn.Module:
    """Returns a head with random weights: `linear`, or `mlp` with a hidden layer as wide as what it reads.

    Args:
        width: Numbers that it reads.
        num_scores: Numbers that it gives.
        kind: Which head.
        seed: What the weights are drawn from.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        if kind == "linear":
            return nn.Linear(width, num_scores)
        return nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, num_scores))


def pooled(states: Tensor, mask: Tensor, pool: Pool) -> Tensor:
    """Returns what stands for each text (B, D).

    Args:
        states: (B, T, D)
        mask: (B, T), 1 for tokens, 0 for the padding behind them.
        pool: Which states.

    >>> states, mask = torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[1, 1, 0]])
    >>> [pooled(states, mask, pool).item() for pool in ("mean", "first", "last")]
    [3.0, 2.0, 4.0]
    """
    if pool == "first":
        return states[:, 0]
    if pool == "last":
        return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
    counted = mask[..., None].to(states.dtype)
    return (states * counted).sum(1) / counted.sum(1)


def states_of(network: Any, encoder: Encoder, rows: Sequence[Read], pool: Pool, device: torch.device) -> Tensor:
    """Returns what stands for each sequence (B, D), from one pass of a network.

    Args:
        network: The encoder's, or another of its shape.
        encoder: What it is.
        rows: The sequences; they are padded behind.
        pool: Which states stand for a sequence.
        device: Where the network is.
    """
    longest, padding = max(len(row.ids) for row in rows), encoder.tokenizer.pad_token_id or 0
    ids = torch.tensor([row.ids + [padding] * (longest - len(row.ids)) for row in rows], device=device)
    mask = torch.tensor([[1] * len(row.ids) + [0] * (longest - len(row.ids)) for row in rows], device=device)
    given: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    if encoder.architecture == "encoder" and (getattr(network.config, "type_vocab_size", 0) or 0) > 1:
        given["token_type_ids"] = torch.tensor([row.types + [0] * (longest - len(row.ids)) for row in rows], device=device)
    if encoder.architecture == "decoder":
        given["use_cache"] = False
    return pooled(network(**given).last_hidden_state.float(), mask, pool)


def features(
    network: Any,
    encoder: Encoder,
    rows: Sequence[Read],
    pool: Pool,
    device: torch.device,
    precision: Precision,
    done: Callable[[Sequence[Read]], None] = lambda _: None,
) -> Tensor:
    """Returns what a frozen network makes of every sequence (N, D), on the CPU; sequences of like length are read together.

    Args:
        network: The encoder's, or another of its shape.
        encoder: What it is.
        rows: The sequences.
        pool: Which states stand for a sequence.
        device: Where to compute.
        precision: In which precision to multiply.
        done: Hears which sequences were read.
    """
    network = network.to(device).eval()
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
    found = torch.empty(len(rows), encoder.width)
    with torch.inference_mode(), autocast(precision, device):
        while order:
            size = max(1, _TOKENS_AT_ONCE // len(rows[order[-1]].ids))
            places, order = order[-size:], order[:-size]
            read = [rows[place] for place in places]
            found[torch.tensor(places)] = states_of(network, encoder, read, pool, device).cpu()
            done(read)
    return found.clone()


def standardised(train: Tensor, judged: Tensor) -> tuple[Tensor, Tensor]:
    """Returns features with mean 0 and deviation 1 over the training rows: how fast a head learns then does not depend on their scale.

    >>> [part.tolist() for part in standardised(torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0]]))]
    [[[-1.0], [1.0]], [[3.0]]]
    """
    mean, deviation = train.mean(0), train.std(0, unbiased=False)
    deviation = deviation.masked_fill(deviation.le(1e-6), 1.0)
    return (train - mean) / deviation, (judged - mean) / deviation
