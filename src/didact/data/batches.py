"""From tokenised examples to batches: packing, optimiser steps, micro-batches, collation.

    examples --rows--> rows --steps--> one optimiser step --micro_batches--> rows of like length --collate--> Batch (B, T)

What an optimiser step holds never depends on micro-batches or on the number of processes, so neither can change its loss.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace

import numpy as np

from didact.base.chance import permutation
from didact.base.recipe import Objective
from didact.data.objectives import num_predictions, target_weights
from didact.data.tokens import TokenisedExample

Row = tuple[TokenisedExample, ...]
"""One example, or several that share a row."""
IGNORE = -100
ENCODER_DECODER = ("span_corruption", "ul2", "bart", "seq2seq")
"""Objectives whose rows have two sides."""
WIDTH = 1024
"""Hidden size of a model that nothing is known of."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the loop eats: B rows of T tokens."""

    input_ids: np.ndarray
    """int64 (B, T)"""
    labels: np.ndarray
    """int64 (B, D): the token that each position has to tell; -100 where its weight is 0. D is T, but for encoder-decoders."""
    loss_weights: np.ndarray
    """float32 (B, D): the weight of that prediction; 0 for padding, for ignored tokens and across documents."""
    segment_ids: np.ndarray
    """int32 (B, T): 0 for padding, 1, 2, ... for the documents of a row."""
    positions: np.ndarray
    """int64 (B, T): restarts at 0 in each document."""
    decoder_input_ids: np.ndarray | None = None
    """int64 (B, D) for encoder-decoders: the labels one place later, behind the start token of each document."""
    decoder_segment_ids: np.ndarray | None = None
    """int32 (B, D) for encoder-decoders: as `segment_ids`."""
    prefix: np.ndarray | None = None
    """bool (B, T) for prefix LMs: True where every token of the document may look, before and behind it."""
    token_types: np.ndarray | None = None
    """int64 (B, T) for BERT: 1 in the second text of a row, else 0."""
    next_segment: np.ndarray | None = None
    """int64 (B,) for BERT: 0 the second text follows the first, 1 it is from another document, -100 there is nothing to tell.
    Telling it counts as one prediction of weight 1."""

    @property
    def num_targets(self) -> int:
        """Predictions of non-zero weight: this batch's part of WIT's normaliser."""
        pairs = 0 if self.next_segment is None else int(np.count_nonzero(self.next_segment != IGNORE))
        return int(np.count_nonzero(self.loss_weights)) + pairs

    @property
    def num_tokens(self) -> int:
        """Tokens that are not padding, those of a decoder too."""
        decoder = 0 if self.decoder_segment_ids is None else int(np.count_nonzero(self.decoder_segment_ids))
        return int(np.count_nonzero(self.segment_ids)) + decoder


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Returns bins of indices whose lengths sum to at most `capacity`: best fit, longest first.

    >>> pack([3, 5, 2, 4], 7)
    [[1, 2], [3, 0]]
    """
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (room left, bin), sorted
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        place = bisect_left(free, (lengths[index], -1))
        if place == len(free):
            bins.append([index])
            insort(free, (capacity - lengths[index], len(bins) - 1))
        else:
            room, number = free.pop(place)
            bins[number].append(index)
            insort(free, (room - lengths[index], number))
    return bins


def rows(examples: Sequence[TokenisedExample], *, packed: bool, max_length: int, seed: int, window: int) -> list[Row]:
    """Returns the examples as rows: packed into rows of at most `max_length` tokens in a drawn order, or one a row as they come."""
    if not packed:
        return [(example,) for example in examples]
    bins = pack([max(len(example), example.num_tokens - len(example)) for example in examples], max_length)  # the longer of two sides
    return [tuple(examples[i] for i in bins[number]) for number in permutation(len(bins), seed, "rows", window)]


def row_length(row: Row) -> int:
    """Returns the tokens of a row, those that a decoder of its own writes among them."""
    return sum(example.num_tokens for example in row)


def _shape(row: Row) -> tuple[int, int]:
    """Returns how long a row is in the encoder, or the decoder where it is the only one, and in a decoder beside an encoder."""
    read = sum(len(example) for example in row)
    return read, row_length(row) - read


def steps(all_rows: Sequence[Row], batch_tokens: int) -> list[list[Row]]:
    """Returns the rows cut into optimiser steps of about `batch_tokens` tokens, in order.

    A step takes rows until it has `batch_tokens`. A last step of less than half of that joins the one before.
    """
    cut: list[list[Row]] = [[]]
    size = 0
    for row in all_rows:
        if size >= batch_tokens:
            cut.append([])
            size = 0
        cut[-1].append(row)
        size += row_length(row)
    if len(cut) > 1 and 2 * size < batch_tokens:
        rest = cut.pop()
        cut[-1] += rest
    return cut if cut[0] else []


def micro_batches(
    step: Sequence[Row], most_tokens: int, processes: int = 1, width: int = WIDTH, *, joined: bool = False
) -> list[list[list[Row]]]:
    """Returns, for each process, its micro-batches: rows of like length, at most `most_tokens` tokens with padding.

    Every process gets about the same work and the same number of micro-batches, some of them empty. A single longer row is a
    micro-batch of its own.

    Args:
        step: The rows of an optimiser step.
        most_tokens: The recipe's `train.micro_batch_tokens`.
        processes: How many share the step.
        width: The model's hidden size: how much attention counts beside the rest.
        joined: Make one row of all the documents of a micro-batch, which has no padding then; for models that keep documents apart.
    """
    made = [_cut(rows, most_tokens, joined) for rows in shares(step, processes, width)]
    most = max(map(len, made))
    return [batches + [[] for _ in range(most - len(batches))] for batches in made]


def shares(step: Sequence[Row], processes: int, width: int = WIDTH) -> list[list[Row]]:
    """Returns the rows of each process: the costliest first, each to the process that has least to do so far.

    >>> long, short = (TokenisedExample(np.arange(n), np.ones(n, np.uint8), None) for n in (6, 2))
    >>> [[row_length(row) for row in rows] for rows in shares([(short,), (long,), (short,), (short,)], 2)]
    [[6], [2, 2, 2]]
    """
    found: list[list[Row]] = [[] for _ in range(processes)]
    load = [(0.0, rank) for rank in range(processes)]
    for row in sorted(step, key=lambda row: row_cost(row, width), reverse=True) if processes > 1 else ():
        done, rank = load[0]
        found[rank].append(row)
        heapreplace(load, (done + row_cost(row, width), rank))
    return found if processes > 1 else [list(step)]


def row_cost(row: Row, width: int = WIDTH) -> float:
    """Returns the work of a row, in tokens: Σ L + Σ L² / (6 · width) over its documents.

    A token costs a layer 24 · width² FLOPs in its matrices and 4 · L · width in its attention.

    >>> row_cost((TokenisedExample(np.arange(12), np.ones(12, np.uint8), None),), width=8)
    15.0
    """
    return sum(example.num_tokens + example.num_tokens**2 / (6 * width) for example in row)


def _cut(rows: Sequence[Row], most_tokens: int, joined: bool) -> list[list[Row]]:
    """Returns the rows as micro-batches, the longest rows first."""
    batches: list[list[Row]] = []
    read = written = tokens = 0  # the longest in the last batch, at the encoder and at the decoder: both are padded
    for row in sorted(rows, key=row_length, reverse=True):
        shape = _shape(row)
        read, written, tokens = max(read, shape[0]), max(written, shape[1]), tokens + sum(shape)
        size = tokens if joined else ((len(batches[-1]) if batches else 0) + 1) * (read + written)
        if not batches or size > most_tokens:
            batches.append([])
            (read, written), tokens = shape, sum(shape)
        batches[-1].append(row)
    return [[tuple(example for row in batch for example in row)] for batch in batches] if joined else batches


def collate(batch_rows: Sequence[Row], objective: Objective, pad_id: int = 0, start_id: int | None = None) -> Batch:
    """Returns rows as one padded batch: labels one place ahead for decoders, in place for encoders, beside it for encoder-decoders.

    Args:
        batch_rows: Rows that `prepare` made ready for the objective.
        objective: The recipe's section.
        pad_id: What fills a row up.
        start_id: What a decoder beside an encoder starts from; None: the padding token, as T5 has it.

    >>> example = TokenisedExample(np.array([7, 8, 9]), np.array([1, 1, 2]), None)
    >>> batch = collate([(example, example)], Objective())
    >>> batch.labels.tolist(), batch.positions.tolist()
    ([[-100, 9, -100, -100, 9, -100]], [[0, 1, 2, 0, 1, 2]])
    """
    two_sided, encoder = objective.kind in ENCODER_DECODER, objective.kind == "masked"
    # An empty micro-batch is one token of padding: it takes part in the step and adds nothing.
    read, written = (max([1, *lengths]) for lengths in zip(*(_shape(row) for row in batch_rows), strict=True)) if batch_rows else (1, 1)
    shape = (max(len(batch_rows), 1), read)
    other = (shape[0], written) if two_sided else shape
    input_ids, segments, positions = np.full(shape, pad_id, np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.int64)
    labels, weights = np.full(other, IGNORE, np.int64), np.zeros(other, np.float32)
    decoder_ids, decoder_segments = np.full(other, pad_id, np.int64), np.zeros(other, np.int32)
    prefix, types, follows = np.zeros(shape, bool), np.zeros(shape, np.int64), np.full(shape[0], IGNORE, np.int64)
    for line, row in enumerate(batch_rows):
        start = decoder_start = 0
        for number, example in enumerate(row, start=1):
            span = slice(start, start + len(example))
            input_ids[line, span], segments[line, span], positions[line, span] = example.input_ids, number, np.arange(len(example))
            prefix[line, start : start + example.num_prefix] = True
            wanted = target_weights(example, objective)
            if example.target_ids is not None:
                inner = slice(decoder_start, decoder_start + len(example.target_ids))
                targets, decoder_segments[line, inner] = example.target_ids, number
                decoder_ids[line, inner] = [pad_id if start_id is None else start_id, *targets[:-1]]
                decoder_start = inner.stop
            elif example.labels is not None:
                inner, targets = span, example.labels
                types[line, span], follows[line] = example.token_types, example.next_segment
            else:
                # The last token of a document predicts nothing, so no weight ever crosses into the next one.
                inner, targets, wanted = slice(start, span.stop - 1), example.input_ids[1:], wanted[1:]
            weights[line, inner] = wanted
            labels[line, inner] = np.where(wanted != 0, targets, IGNORE)
            start = span.stop
    return Batch(
        input_ids,
        labels,
        weights,
        segments,
        positions,
        decoder_input_ids=decoder_ids if two_sided else None,
        decoder_segment_ids=decoder_segments if two_sided else None,
        prefix=prefix if objective.kind == "prefix" else None,
        token_types=types if encoder else None,
        next_segment=follows if encoder and objective.masked.next_sentence else None,
    )


def num_targets(step: Sequence[Row], objective: Objective) -> int:
    """Returns WIT's normaliser of a whole optimiser step: its predictions of non-zero weight, over all micro-batches and processes."""
    return sum(num_predictions(example, objective) for row in step for example in row)
