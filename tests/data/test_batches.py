"""Rows, steps and batches: every row once, nothing learnt across documents, nothing from padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.base.recipe import Objective
from didact.data.batches import IGNORE, collate, micro_batches, num_targets, pack, row_cost, row_length, rows, shares, steps
from didact.data.objectives import loss_weights
from didact.data.tokens import TokenisedExample

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=60)


def example(ids, roles):
    return TokenisedExample(np.array(ids, np.int32), np.array(roles, np.uint8), None)


def made(length, number=0):
    """An example of a length whose ids say which one it is: half prompt, half response."""
    ids = number * 100 + np.arange(length, dtype=np.int32)
    return TokenisedExample(ids, np.where(np.arange(length) < length // 2, 1, 2).astype(np.uint8), None)


def first_fit(lengths, capacity):
    room = []
    for length in lengths:
        place = next((i for i, free in enumerate(room) if free >= length), None)
        if place is None:
            room.append(capacity - length)
        else:
            room[place] -= length
    return len(room)


# The pair of seqio's documentation: [7,8,5,1] -> [3,9,1] and [8,4,9,3,1] -> [4,1] in fifteen places.
PAIR = (example([7, 8, 5, 1, 3, 9, 1], [1, 1, 1, 1, 2, 2, 2]), example([8, 4, 9, 3, 1, 4, 1], [1, 1, 1, 1, 1, 2, 2]))


def test_the_packed_pair_of_seqio():
    batch = collate([PAIR, (made(15),)], Objective())
    assert batch.input_ids[0].tolist() == [7, 8, 5, 1, 3, 9, 1, 8, 4, 9, 3, 1, 4, 1, 0]
    assert batch.positions[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0]
    assert batch.segment_ids[0].tolist() == [1] * 7 + [2] * 7 + [0]
    # seqio writes the weight at the target, [0,0,0,0,1,1,1,0,0,0,0,0,1,1,0]; here it stands one place earlier, where it is predicted.
    assert batch.loss_weights[0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0]
    assert batch.labels[0].tolist() == [IGNORE] * 3 + [3, 9, 1] + [IGNORE] * 5 + [4, 1] + [IGNORE] * 2
    assert (batch.num_targets, batch.num_tokens) == (5 + 8, 14 + 15)


def test_with_a_weight_on_every_token_the_first_of_each_document_is_still_nobodys_target():
    batch = collate([PAIR], Objective(prompt_weight=1))
    assert batch.labels[0].tolist() == [8, 5, 1, 3, 9, 1, IGNORE, 4, 9, 3, 1, 4, 1, IGNORE]


def test_types_of_the_arrays():
    batch = collate([PAIR], Objective())
    kinds = [array.dtype.name for array in (batch.input_ids, batch.labels, batch.loss_weights, batch.segment_ids, batch.positions)]
    assert kinds == ["int64", "int64", "float32", "int32", "int64"]


@given(st.lists(LENGTHS, min_size=1, max_size=4), st.floats(0, 1))
def test_no_weight_crosses_documents_or_falls_on_padding(lengths, prompt_weight):
    step = [tuple(made(length, number) for number, length in enumerate(row)) for row in lengths]
    batch = collate(step, Objective(prompt_weight=prompt_weight), pad_id=9999)
    weighed = batch.loss_weights != 0
    assert not weighed[:, -1].any() and not weighed[batch.segment_ids == 0].any()
    behind = np.roll(batch.segment_ids, -1, axis=1)
    assert (batch.segment_ids == behind)[weighed].all()
    assert (batch.labels[weighed] == np.roll(batch.input_ids, -1, axis=1)[weighed]).all() and (batch.labels[~weighed] == IGNORE).all()
    assert (batch.input_ids[batch.segment_ids == 0] == 9999).all()
    assert batch.num_targets == num_targets(step, Objective(prompt_weight=prompt_weight))


def test_packing_changes_neither_targets_nor_weights():
    examples = [made(length, number) for number, length in enumerate((5, 9, 2, 7))]
    alone, together = (collate(parts, Objective(prompt_weight=0.5)) for parts in ([(e,) for e in examples], [tuple(examples)]))
    for name in ("input_ids", "labels", "loss_weights", "positions"):
        # Row by row without padding, the same numbers in the same order.
        one, other = (getattr(batch, name)[batch.segment_ids > 0].tolist() for batch in (alone, together))
        assert one == other


def test_an_empty_micro_batch_is_one_token_of_padding():
    batch = collate([], Objective(), pad_id=3)
    assert batch.input_ids.tolist() == [[3]] and batch.num_targets == batch.num_tokens == 0


@given(LENGTHS, st.integers(50, 120))
def test_packing_puts_every_example_in_one_row_that_it_fits(lengths, capacity):
    bins = pack(lengths, capacity)
    assert sorted(index for group in bins for index in group) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in group) <= capacity for group in bins)


def test_packing_wastes_no_more_than_first_fit():
    generator = np.random.default_rng(0)
    for _ in range(50):
        lengths = np.minimum(generator.geometric(0.02, size=200), 128).tolist()
        assert -(-sum(lengths) // 128) <= len(pack(lengths, 128)) <= first_fit(lengths, 128)


def test_best_fit_takes_the_tightest_row():
    # 6 and 5 open rows with 4 and 5 places left; 4 goes where nothing is left, then 5 fits as well.
    assert pack([4, 6, 5, 5], 10) == [[1, 0], [2, 3]]


def test_rows_are_packed_in_an_order_of_their_own_or_stay_as_they_come():
    examples = [made(10, number) for number in range(40)]
    assert rows(examples, packed=False, max_length=20, seed=0, window=0) == [(e,) for e in examples]
    packed = [rows(examples, packed=True, max_length=20, seed=0, window=window) for window in (0, 0, 1)]
    numbers = [[int(row[0].input_ids[0]) for row in one] for one in packed]
    assert numbers[0] == numbers[1] != numbers[2] and sorted(numbers[0]) == sorted(numbers[2]) and len(numbers[0]) == 20
    assert numbers[0] != sorted(numbers[0])


@given(LENGTHS, st.integers(1, 200))
def test_steps_hold_all_rows_in_order_and_are_about_as_large_as_asked(lengths, batch_tokens):
    all_rows = [(made(length),) for length in lengths]
    cut = steps(all_rows, batch_tokens)
    assert [id(row) for step in cut for row in step] == [id(row) for row in all_rows]
    sizes = [sum(row_length(row) for row in step) for step in cut]
    assert all(size >= batch_tokens for size in sizes[:-1]) and all(size < batch_tokens + 50 for size in sizes[:-1])
    assert len(sizes) == 1 or 2 * sizes[-1] >= batch_tokens


def test_a_small_rest_joins_the_last_step_and_a_large_one_stands_alone():
    def sizes(*lengths):
        return [sum(row_length(row) for row in step) for step in steps([(made(length),) for length in lengths], 100)]

    assert sizes(50, 50, 49) == [149]
    assert sizes(100, 101, 102, 103, 10) == [100, 101, 102, 113]
    assert sizes(50, 50, 50) == [100, 50]
    assert sizes(99) == [99] and sizes() == []
    assert sizes(500, 10, 90) == [500, 100]


@given(LENGTHS, st.integers(1, 200), st.integers(1, 3))
def test_micro_batches_hold_every_row_once_and_are_as_many_in_every_process(lengths, most_tokens, processes):
    step = [(made(length, number),) for number, length in enumerate(lengths)]
    shares = micro_batches(step, most_tokens, processes)
    assert len(shares) == processes and len({len(share) for share in shares}) == 1
    flat = [row for share in shares for batch in share for row in batch]
    assert sorted(int(row[0].input_ids[0]) for row in flat) == [number * 100 for number in range(len(lengths))]
    for batch in (batch for share in shares for batch in share):
        assert len(batch) <= 1 or len(batch) * max(row_length(row) for row in batch) <= most_tokens


@given(LENGTHS, st.integers(1, 200), st.integers(1, 3), st.sampled_from([0.0, 0.5]))
def test_the_normaliser_is_the_same_however_a_step_is_cut(lengths, most_tokens, processes, prompt_weight):
    objective = Objective(prompt_weight=prompt_weight)
    step = [(made(length),) for length in lengths]
    batches = [collate(batch, objective) for share in micro_batches(step, most_tokens, processes) for batch in share]
    by_hand = sum(np.count_nonzero(loss_weights(row[0].roles, objective)) for row in step)
    assert num_targets(step, objective) == sum(batch.num_targets for batch in batches) == by_hand
    total = sum(float(loss_weights(row[0].roles, objective).sum()) for row in step)
    assert sum(float(batch.loss_weights.sum()) for batch in batches) == pytest.approx(total)


def test_processes_share_a_step_evenly():
    step = [(made(10, number),) for number in range(8)]
    assert [[len(batch) for batch in share] for share in micro_batches(step, 1000, 2)] == [[4], [4]]
    assert [[len(batch) for batch in share] for share in micro_batches(step, 1000, 3)] == [[3], [3], [2]]
    assert [[len(batch) for batch in share] for share in micro_batches(step[:2], 1000, 3)] == [[1], [1], [0]]


def test_a_long_document_counts_for_more_than_as_many_tokens_in_short_ones():
    # Width 10: 60 tokens in one document cost 60 + 60²/60 = 120; ten tokens cost 10 + 10²/60 = 11.7, so nine of them cost 105, ten 116.7.
    step = [(made(60),), *[(made(10, number),) for number in range(1, 19)]]
    by_work = [sum(map(row_length, rows)) for rows in shares(step, 2, width=10)]
    assert by_work == [60 + 40, 140]  # 120 + 4 · 11.7 = 166.7 and 14 · 11.7 = 163.3
    assert [sum(map(row_length, rows)) for rows in shares(step, 2, width=10**9)] == [120, 120]
    packed = [(made(30), made(30)), (made(60),)]
    assert [row_cost(row, 10) for row in packed] == [60 + 2 * 15, 60 + 60]


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(1, 8), st.integers(8, 4096))
def test_no_process_has_more_to_do_than_another_by_more_than_one_row(lengths, processes, width):
    step = [(made(length, number),) for number, length in enumerate(lengths)]
    shared = shares(step, processes, width)
    work = [sum(row_cost(row, width) for row in rows) for rows in shared]
    smallest = [min((row_cost(row, width) for row in rows), default=0) for rows in shared]
    # Whoever has most got its last, smallest row when it had least.
    assert max(work) - smallest[work.index(max(work))] <= min(work) + 1e-6
    assert sorted(id(row) for rows in shared for row in rows) == sorted(map(id, step))


def test_one_process_has_its_rows_in_the_order_that_it_always_had():
    step = [(made(length, number),) for number, length in enumerate((5, 9, 5, 9, 2))]
    (batches,) = micro_batches(step, 18, 1)
    assert [[int(row[0].input_ids[0]) // 100 for row in batch] for batch in batches] == [[1, 3], [0, 2, 4]]


@given(LENGTHS, st.integers(20, 200), st.integers(1, 3))
def test_joined_micro_batches_are_one_row_without_padding(lengths, most, processes):
    step = [(made(length, number),) for number, length in enumerate(lengths)]
    joined = micro_batches(step, most, processes, joined=True)
    assert len({len(mine) for mine in joined}) == 1
    found = [row for mine in joined for batch in mine for row in batch]
    assert all(len(batch) <= 1 for mine in joined for batch in mine)
    assert all(row_length(row) <= most or len(row) == 1 for row in found)
    assert sorted(int(e.input_ids[0]) for row in found for e in row) == [100 * number for number in range(len(lengths))]
    # 20 + 20 + 9 tokens fit into 50, and four fifths of the padded batch of 3 x 20 would not.
    assert [len(batch[0]) for batch in micro_batches([(made(n),) for n in (9, 20, 20)], 50, joined=True)[0]] == [3]
    assert [len(batch) for batch in micro_batches([(made(n),) for n in (9, 20, 20)], 50)[0]] == [2, 1]
