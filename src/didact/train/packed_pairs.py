"""Encoder-decoders over packed rows: each document is read, written and looked at by itself.

Three masks do it: the encoder's, the decoder's and the one between them. That is enough for models that know distances (T5 and its kin):
those within a document are what they were. Models that count places from the row's beginning (BART) fail the test and are refused.
"""

from typing import Any

import torch

from didact.base.errors import ModelError
from didact.models.architecture import logits_of
from didact.models.prefix import as_the_model_takes_it


def pair_masks(read: torch.Tensor, written: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns who sees whom, bool: the encoder's (B, 1, T, T), the decoder's (B, 1, D, D), the decoder's of the encoder (B, 1, D, T).

    Padding sees itself, and of the encoder the first token: attention to nothing is not a number.

    Args:
        read: Integers (B, T): 0 for padding, then the documents of a row.
        written: Integers (B, D): the same for the decoder.

    >>> encoder, decoder, between = pair_masks(torch.tensor([[1, 2]]), torch.tensor([[1, 1, 2]]))
    >>> decoder.int()[0, 0].tolist(), between.int()[0, 0].tolist()
    ([[1, 0, 0], [1, 1, 0], [0, 0, 1]], [[1, 0], [1, 0], [0, 1]])
    """

    def same(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return (rows[:, :, None] == columns[:, None, :]) & (columns != 0)[:, None, :]

    def itself(length: int) -> torch.Tensor:
        return torch.eye(length, dtype=torch.bool, device=read.device)

    earlier = torch.ones(written.shape[1], written.shape[1], dtype=torch.bool, device=read.device).tril()
    between = same(written, read)
    between[:, :, 0] |= ~between.any(2)
    encoder, decoder = same(read, read) | itself(read.shape[1]), same(written, written) & earlier | itself(written.shape[1])
    return encoder[:, None], decoder[:, None], between[:, None]


def packed_call(
    model: Any, input_ids: torch.Tensor, decoder_input_ids: torch.Tensor, read: torch.Tensor, written: torch.Tensor
) -> dict[str, Any]:
    """Runs the encoder and returns what an encoder-decoder is called with, for rows of several documents.

    Args:
        model: The encoder-decoder.
        input_ids: int64 (B, T)
        decoder_input_ids: int64 (B, D)
        read: As in `pair_masks`.
        written: As in `pair_masks`.
    """
    encoder, decoder, between = (as_the_model_takes_it(mask, model) for mask in pair_masks(read, written))
    return {
        "encoder_outputs": model.get_encoder()(input_ids=input_ids, attention_mask=encoder),
        "attention_mask": between,
        "decoder_input_ids": decoder_input_ids,
        "decoder_attention_mask": decoder,
        "use_cache": False,
    }


@torch.no_grad()
def check_pairs(model: Any, vocabulary: int, tolerance: float = 1e-4) -> None:
    """Looks on a probe of two documents whether a packed row says the same as separate ones.

    Args:
        model: The encoder-decoder.
        vocabulary: Token ids to draw from.
        tolerance: Largest difference that is rounding, relative to the largest logit (or to 1).

    Raises:
        ModelError: It does not.
    """
    ids = torch.arange(1, 24, device=model.device) * 7 % vocabulary
    reads, writes = torch.split(ids[:11], [6, 5]), torch.split(ids[11:], [5, 7])
    read, written = (torch.tensor([[1] * a + [2] * b], device=model.device) for a, b in ((6, 5), (5, 7)))
    was_training = model.training
    model.eval()
    try:
        apart = [
            logits_of(model(input_ids=x[None], decoder_input_ids=y[None], use_cache=False))[0] for x, y in zip(reads, writes, strict=True)
        ]
        separate, together = torch.cat(apart), logits_of(model(**packed_call(model, ids[None, :11], ids[None, 11:], read, written)))[0]
        same = float((together - separate).abs().max()) <= tolerance * max(1.0, float(separate.abs().max()))
    except (RuntimeError, ValueError, TypeError):  # a model that makes something of its own of a mask
        same = False
    finally:
        model.train(was_training)
    if not same:
        raise ModelError(f"documents in a packed row do not stay what they are in {type(model).__name__}", remedy="sequence.pack=false")
