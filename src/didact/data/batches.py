"""From tokenised examples to batches: packing, optimiser steps, micro-batches, collation.

    examples --rows--> rows --steps--> one optimiser step --micro_batches--> rows of like length --collate--> Batch (B, T)

What an optimiser step holds never depends on micro-batches or on the number of processes, so neither can change its loss.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from didact.base.chance import permutation
from didact.base.recipe import Objective
from didact.data.objectives import loss_weights
from didact.data.tokens import TokenisedExample

Row = tuple[TokenisedExample, ...]
"""One example, or several that share a row."""
IGNORE = -100


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
    bins = pack([len(example) for example in examples], max_length)
    return [tuple(examples[i] for i in bins[number]) for number in permutation(len(bins), seed, "rows", window)]


def row_length(row: Row) -> int:
    """Returns the tokens of a row."""
    return sum(len(example) for example in row)


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


def micro_batches(step: Sequence[Row], most_tokens: int, processes: int = 1) -> list[list[list[Row]]]:
    """Returns, for each process, its micro-batches: rows of like length, at most `most_tokens` tokens with padding.

    Every process gets the same number of them; a process may get an empty one. A single longer row is a micro-batch of its own.
    """
    if processes > 1:
        share = -(-sum(row_length(row) for row in step) // processes)
        most_tokens = min(most_tokens, max(share, max(row_length(row) for row in step)))
    batches: list[list[Row]] = []
    for row in sorted(step, key=row_length, reverse=True):
        if not batches or (len(batches[-1]) + 1) * row_length(batches[-1][0]) > most_tokens:
            batches.append([])
        batches[-1].append(row)
    batches += [[] for _ in range(-len(batches) % processes)]
    return [batches[rank::processes] for rank in range(processes)]


def collate(batch_rows: Sequence[Row], objective: Objective, pad_id: int = 0) -> Batch:
    """Returns rows as one padded batch with shifted labels and their weights.

    >>> example = TokenisedExample(np.array([7, 8, 9]), np.array([1, 1, 2]), None)
    >>> batch = collate([(example, example)], Objective())
    >>> batch.labels.tolist(), batch.positions.tolist()
    ([[-100, 9, -100, -100, 9, -100]], [[0, 1, 2, 0, 1, 2]])
    """
    # An empty micro-batch is one token of padding: it takes part in the step and adds nothing.
    shape = (max(len(batch_rows), 1), max((row_length(row) for row in batch_rows), default=1))
    input_ids = np.full(shape, pad_id, np.int64)
    labels, weights = np.full(shape, IGNORE, np.int64), np.zeros(shape, np.float32)
    segments, positions = np.zeros(shape, np.int32), np.zeros(shape, np.int64)
    for line, row in enumerate(batch_rows):
        start = 0
        for number, example in enumerate(row, start=1):
            span, inner = slice(start, start + len(example)), slice(start, start + len(example) - 1)
            input_ids[line, span] = example.input_ids
            # The last token of a document predicts nothing, so no weight ever crosses into the next one.
            weights[line, inner] = loss_weights(example.roles, objective)[1:]
            labels[line, inner] = np.where(weights[line, inner] != 0, example.input_ids[1:], IGNORE)
            segments[line, span] = number
            positions[line, span] = np.arange(len(example))
            start += len(example)
    return Batch(input_ids, labels, weights, segments, positions)


def num_targets(step: Sequence[Row], objective: Objective) -> int:
    """Returns WIT's normaliser of a whole optimiser step: its predictions of non-zero weight, over all micro-batches and processes."""
    return sum(int(np.count_nonzero(loss_weights(example.roles, objective))) for row in step for example in row)
