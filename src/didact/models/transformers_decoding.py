"""Greedy decoding by transformers' own `generate`: for architectures that `models/decoding.py` does not decode.

These are encoder-decoders, and decoders that keep a running state in place of keys and values, or are not told positions.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from didact.models.architecture import architecture_of
from didact.models.decoding import Steering, left_padded
from didact.models.prefix import as_the_model_takes_it, prefix_mask, sees_prefix
from didact.models.stops import Stops


@torch.inference_mode()
def generated(
    network: Any,
    prompts: Sequence[np.ndarray],
    *,
    stops: Stops,
    max_new_tokens: int,
    pad: int,
    start: int | None,
    hidden: Sequence[int] = (),
    steering: Steering | None = None,
) -> list[list[int]]:
    """Returns the tokens that a model writes behind each prompt of one batch, a stop token and padding behind it included.

    Args:
        network: A transformers model, in evaluation mode.
        prompts: Token ids, int32 (T,).
        stops: What ends a row.
        max_new_tokens: Tokens after which a row ends in any case.
        pad: The padding token.
        start: The token that an encoder-decoder's decoder starts from.
        hidden: Tokens that are never written.
        steering: Decides the next tokens.
    """
    reads = architecture_of(network.config) == "encoder_decoder"
    rows, seen = (torch.from_numpy(array).to(network.device) for array in _padded(prompts, pad, left=not reads))
    # An encoder-decoder's output begins with its start token, a decoder's with the prompt.
    begin = 1 if reads else rows.shape[1]
    # transformers fills what is not set from the base's own defaults, and a repetition penalty is not greedy.
    greedy = GenerationConfig(
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=sorted(stops.ids),
        pad_token_id=pad,
        decoder_start_token_id=start,
        suppress_tokens=list(hidden) or None,
    )
    steered: dict[str, Any] = {} if steering is None else {"logits_processor": LogitsProcessorList([steering])}
    criteria = [*([_InText(stops, begin)] if stops.strings else []), *([] if steering is None else [steering.ended])]
    steered |= {"stopping_criteria": StoppingCriteriaList(criteria)} if criteria else {}
    own, network.generation_config = network.generation_config, greedy
    try:
        if sees_prefix(network.config) and not reads:
            output = _behind_prefix(network, rows, seen, max_new_tokens, hidden, steering, steered)
        else:
            output = network.generate(input_ids=rows, attention_mask=seen, max_new_tokens=max_new_tokens, **steered)
    finally:
        network.generation_config = own
    written: list[list[int]] = output[:, begin:].tolist()
    return written


def _behind_prefix(
    network: Any,
    ids: torch.Tensor,
    mask: torch.Tensor,
    max_new_tokens: int,
    hidden: Sequence[int],
    steering: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None,
    steered: dict[str, Any],
) -> torch.Tensor:
    """Returns prompts with their completions (B, T + new), every token of a prompt having seen all of it, as in training."""
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    whole = as_the_model_takes_it(prefix_mask(mask, mask.bool()), network)
    read = network(input_ids=ids, attention_mask=whole, position_ids=positions, use_cache=True, logits_to_keep=1)
    logits = read.logits[:, -1]
    logits[:, [token for token in hidden if token < logits.shape[1]]] = -torch.inf
    if steering is not None:
        logits = steering(ids, logits)
    ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
    if max_new_tokens == 1:
        return ids
    mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
    cache = read.past_key_values
    output: torch.Tensor = network.generate(
        input_ids=ids, attention_mask=mask, past_key_values=cache, max_new_tokens=max_new_tokens - 1, **steered
    )
    return output


class _InText(StoppingCriteria):  # type: ignore[misc]
    """Ends rows in which a stop string has been written."""

    def __init__(self, stops: Stops, begin: int) -> None:
        self._stops, self._begin = stops, begin

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        ended = [self._stops.ended(row) for row in input_ids[:, self._begin :].tolist()]
        return torch.tensor(ended, device=input_ids.device)


def _padded(rows: Sequence[np.ndarray], pad: int, *, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids and mask, int64 (B, T). Padding stands on the left where all rows have to end together: where the model goes on.

    >>> _padded([np.array([7, 8]), np.array([9])], 0, left=False)[0].tolist()
    [[7, 8], [9, 0]]
    """
    turned = [row if left else row[::-1] for row in rows]
    ids, mask = left_padded(turned, pad), left_padded([np.ones_like(row) for row in turned], 0)
    return (ids, mask) if left else (ids[:, ::-1].copy(), mask[:, ::-1].copy())
