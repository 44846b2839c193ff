"""Reading rows of prompts and answers: behind beginnings that are read once, or behind an encoder; as trees where the model allows it."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from didact.base.errors import ModelError
from didact.models.answer_rows import (
    Row,
    batched,
    one_sequence_each,
    padded,
    places_of_rows,
    positions_in_text,
    predicting,
    seen,
    with_all_answers,
)
from didact.models.answer_trees import tree_of
from didact.models.last_layer import few_places
from didact.models.predicted import logits_at, valued
from didact.models.prefix import sees_prefix
from didact.models.prefix_cache import can_share, grouped, read, repeated, window_of
from didact.models.shared_attention import reading, shared_attention

Read = Iterator[tuple[list[Row], torch.Tensor]]
"""Batches of rows, with the logits (N, V) of their places, row after row."""
_NEVER = 2**31
"""More tokens than any prompts have in common."""
_LEAST = 4
"""Tokens in common that are worth a second attention in each layer."""
_FEW = 2 / 3
"""Share of a batch's columns: where no more predict something, the last layer can be asked about these alone."""


def read_trees(
    network: Any,
    rows: list[Row],
    limit: int,
    places: int,
    pad: int,
    *,
    prefix_lm: bool,
    cost: int = 32,
    needed: Collection[int] | None = None,
    few: bool = False,
) -> Read:
    """Yields what a decoder with shared attention predicts: each prompt is read once for all its answers.

    Args:
        network: A transformers decoder.
        rows: What to read, of any shape.
        limit: Tokens of a batch, at most.
        places: Places of a batch at which logits are held, at most.
        pad: Padding token.
        prefix_lm: A prompt is seen whole by each of its tokens; then no beginning can be shared.
        cost: Tokens that reading a shared beginning apart has to save at least, over all rows.
        needed: Numbers of prompts: batches without any of them are left out; None: all.
        few: The last layer is asked about those places alone that predict something, where they are few.
    """
    prompts, device = [row.prompt for row in rows], network.device
    for group in grouped(prompts, _NEVER if prefix_lm else _LEAST, cost):
        batches = [*batched([rows[member].behind(group.length) for member in group.members], limit, places, needed)]
        cache = read(network, prompts[group.members[0]][: group.length]) if group.length and batches else None
        for batch in batches:
            ids, _ = padded([row.tokens for row in batch], pad, device)
            positions = group.length + positions_in_text(batch, ids.shape[1]).to(device)
            roots, most = [len(row.prompt) - 1 for row in batch], max(row.num_places for row in batch)
            with reading(cache, seen(batch, ids.shape[1], prefix_lm, device)), ExitStack() as last:
                if few and most <= _FEW * ids.shape[1]:
                    last.enter_context(few_places(network, places_of_rows(roots, batch, device)))
                    roots = [0] * len(batch)
                where = predicting(roots, batch, device)
                logits = logits_at(network, where, input_ids=ids, position_ids=positions, use_cache=False)
            yield batch, logits


def read_sequences(
    network: Any, rows: list[Row], limit: int, places: int, pad: int, *, least: int = 32, needed: Collection[int] | None = None
) -> Read:
    """Yields what any decoder predicts, by its own attention: each row is one sequence.

    Args:
        network: A transformers decoder.
        rows: What to read; their trees are chains.
        limit: As for `read_trees`.
        places: As for `read_trees`.
        pad: Padding token.
        least: Tokens in common that are worth reading apart, where the model allows it.
        needed: As for `read_trees`.
    """
    prompts, device = [row.prompt for row in rows], network.device
    for group in grouped(prompts, least if can_share(network) else _NEVER):
        cut = group.length
        batches = [*batched([rows[member].behind(cut) for member in group.members], limit, places, needed)]
        cache = read(network, prompts[group.members[0]][:cut]) if cut and batches else None
        for batch in batches:
            ids, mask = padded([row.tokens for row in batch], pad, device)
            where = predicting([len(row.prompt) - 1 for row in batch], batch, device)
            given = {"input_ids": ids, "attention_mask": torch.cat([mask.new_ones(len(batch), cut), mask], 1)}
            past = {} if cache is None else {"past_key_values": repeated(cache, len(batch))}
            yield batch, logits_at(network, where, **given, **past, use_cache=cache is not None)


def read_behind_encoder(network: Any, rows: list[Row], limit: int, places: int, pad: int, *, needed: Collection[int] | None = None) -> Read:
    """Yields what an encoder-decoder predicts, each prompt being read by the encoder once.

    Args:
        network: A transformers encoder-decoder.
        rows: What to read; their trees are chains.
        limit: As for `read_trees`.
        places: As for `read_trees`.
        pad: Padding token.
        needed: As for `read_trees`.
    """
    start, device = network.config.decoder_start_token_id, network.device
    by_prompt: dict[int, list[Row]] = {}
    for row in rows:
        by_prompt.setdefault(row.number, []).append(row)
    read_first = [Row(several[0].number, (), several[0].prompt, tree_of([])) for several in by_prompt.values()]
    for batch in batched(read_first, limit, places, needed):
        ids, mask = padded([row.prompt for row in batch], pad, device)
        states = network.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        asked = [(place, row) for place, prompt in enumerate(batch) for row in by_prompt[prompt.number]]
        size = max(min(limit // ids.shape[1], places // max(row.num_places for _, row in asked)), 1)
        for first in range(0, len(asked), size):
            chosen = [row for _, row in asked[first : first + size]]
            which = torch.tensor([place for place, _ in asked[first : first + size]], device=device)
            said, _ = padded([np.array([start, *row.tree.tokens]) for row in chosen], pad, device)
            given = {"encoder_outputs": BaseModelOutput(states[which]), "attention_mask": mask[which], "decoder_input_ids": said}
            yield chosen, logits_at(network, predicting([0] * len(chosen), chosen, device), **given, use_cache=False)


@torch.inference_mode()
def can_read_trees(network: Any, longest: int, pad: int, *, few: bool = False) -> bool:
    """Says whether a decoder finds on a probe, with shared attention, what it finds in sequences of their own, with its own attention.

    Args:
        network: A transformers decoder.
        longest: Tokens of the longest prompt with its answer.
        pad: Padding token.
        few: As for `read_trees`.
    """
    try:
        window = window_of(network)
        if not (can_share(network) or sees_prefix(network.config)) or (window is not None and window < longest):
            return False
        tokens = np.arange(1, 15, dtype=np.int32) * 7 % network.config.get_text_config().vocab_size
        prompts = [np.append(tokens[:5], more) for more in (tokens[5:8], tokens[7:9])]
        answers = [[tokens[9:12], tokens[[9, 11, 12]], tokens[13:]]] * len(prompts)
        with shared_attention(network):
            cost = _NEVER if sees_prefix(network.config) else 0
            trees = _found(read_trees(network, with_all_answers(prompts, answers), 100, 100, pad, prefix_lm=False, cost=cost, few=few))
        alone = _found(read_sequences(network, one_sequence_each(prompts, answers), 100, 100, pad, least=_NEVER))
    except (
        ModelError,
        RuntimeError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
    ):  # whatever an unusual model does with it
        return False
    sharp = next(network.parameters()).dtype == torch.float32 and not torch.is_autocast_enabled(network.device.type)
    tolerance = 1e-3 if sharp else 0.1
    return all(abs(trees[answer] - value) <= tolerance * max(1.0, abs(value)) for answer, value in alone.items())


def _found(batches: Read) -> dict[tuple[int, int], float]:
    """Returns the log-probability of each (prompt, answer)."""
    found = {}
    for rows, logits in batches:
        for row, values in zip(rows, valued(rows, logits), strict=True):
            found.update({(row.number, answer): value.logprob for answer, value in zip(row.answers, values, strict=True)})
    return found
