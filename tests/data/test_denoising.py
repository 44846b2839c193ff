"""Span corruption and its kin: the worked numbers of T5, exact counts, and every text given back."""

from collections import Counter

import numpy as np
import pytest

from didact.base.chance import generator
from didact.data.denoising import span_corrupt, split_point, undo
from didact.data.noise_masks import noise_mask, num_noise, span_lengths

SENTINELS = np.arange(32099, 31999, -1)  # T5: <extra_id_0> is 32099, <extra_id_1> is 32098, ...


def starts(mask):
    return int(np.count_nonzero(mask & ~np.append(False, mask[:-1])))


@pytest.mark.parametrize(
    ("input_length", "density", "mean_span", "expected"),
    [
        (512, 0.15, 3, (568, 114)),
        (1024, 0.15, 3, (1137, 229)),
        (2048, 0.15, 3, (2274, 456)),
        (512, 0.15, 8, (588, 100)),
        (512, 0.5, 3, (766, 512)),
    ],
)
def test_the_lengths_of_t5(input_length, density, mean_span, expected):
    assert span_lengths(input_length, density, mean_span) == expected


@pytest.mark.parametrize("input_length", [8, 13, 64, 128, 512])
@pytest.mark.parametrize(("density", "mean_span"), [(0.15, 3), (0.15, 8), (0.5, 3), (0.3, 1), (0.15, 64)])
def test_a_text_of_that_length_gives_rows_of_just_the_lengths_foretold(input_length, density, mean_span):
    length, target_length = span_lengths(input_length, density, mean_span, len(SENTINELS))
    mask = noise_mask(length, density, mean_span, np.random.default_rng(0), len(SENTINELS))
    inputs, targets = span_corrupt(np.arange(length), mask, SENTINELS)
    # Both get an end token. One token more of text would not fit, unless the targets are what is too long.
    assert len(inputs) + 1 <= input_length and len(targets) + 1 == target_length
    noise, spans = num_noise(length + 1, density, mean_span, len(SENTINELS))
    assert length + 1 - noise + spans + 1 > input_length or (density == 0.5 and target_length >= input_length - 1)


def test_a_worked_text():
    # 0 1 [2 3] 4 [5] -> 0 1 S0 4 S1 and S0 2 3 S1 5
    mask = np.array([0, 0, 1, 1, 0, 1], bool)
    inputs, targets = span_corrupt(np.arange(6), mask, SENTINELS)
    assert inputs.tolist() == [0, 1, 32099, 4, 32098]
    assert targets.tolist() == [32099, 2, 3, 32098, 5]


def test_counts_are_exact_and_halves_round_to_the_even_number():
    assert num_noise(100, 0.15, 3) == (15, 5)
    assert num_noise(50, 0.05, 3)[0] == 2 and num_noise(70, 0.05, 3)[0] == 4  # 2.5 and 3.5
    assert num_noise(50, 0.15, 3) == (8, 3)  # 7.5 -> 8, 8 / 3 = 2.67 -> 3
    assert num_noise(3, 0.01, 3) == (1, 1) and num_noise(3, 0.99, 3) == (2, 1)  # one token of noise and one of text at least
    assert num_noise(10, 0.9, 1) == (9, 1)  # as many spans of text as of noise: one token of text makes one


@pytest.mark.parametrize(("density", "mean_span"), [(0.15, 3), (0.15, 8), (0.5, 3), (0.5, 8), (0.15, 64), (0.5, 64), (0.9, 1)])
def test_masks_have_exactly_the_noise_they_should_and_begin_with_text(density, mean_span):
    draw = np.random.default_rng(0)
    for length in draw.integers(2, 700, 150):
        mask = noise_mask(int(length), density, mean_span, draw)
        noise, spans = num_noise(int(length), density, mean_span)
        assert (len(mask), int(mask.sum()), starts(mask)) == (length, noise, spans)
        assert not mask[0] and mask[-1]


def test_every_way_to_cut_is_as_likely_as_any_other():
    # 8 tokens, 4 of noise in 2 spans: 1+3, 2+2 or 3+1 tokens of noise, and the same of text: nine masks.
    draw = np.random.default_rng(0)
    counts = Counter(noise_mask(8, 0.5, 2, draw).tobytes() for _ in range(4500))
    assert len(counts) == 9
    # 500 of each expected, with a standard deviation of sqrt(4500 * 1/9 * 8/9) = 21
    assert all(abs(count - 500) < 5 * 21 for count in counts.values())


def test_a_mask_is_drawn_from_its_identity_alone():
    def mask(*identity):
        return noise_mask(200, 0.15, 3, generator(0, "corrupt", *identity)).tolist()

    assert mask("task", "7", 0) == mask("task", "7", 0)
    assert len({str(mask(*identity)) for identity in (("task", "7", 0), ("task", "7", 1), ("task", "8", 0), ("other", "7", 0))}) == 4


def test_undo_gives_a_thousand_texts_back_and_both_sides_have_the_same_sentinels():
    draw = np.random.default_rng(1)
    for _ in range(1000):
        ids = draw.integers(0, 31999, draw.integers(1, 400))
        density, mean_span = draw.choice([0.15, 0.3, 0.5]), draw.choice([1, 3, 8, 64])
        inputs, targets = span_corrupt(ids, noise_mask(len(ids), density, mean_span, draw, len(SENTINELS)), SENTINELS)
        used = [[token for token in side.tolist() if token > 31999] for side in (inputs, targets)]
        assert used[0] == used[1] == SENTINELS[: len(used[0])].tolist()
        assert len(inputs) + len(targets) == len(ids) + 2 * len(used[0])
        assert undo(inputs, targets, SENTINELS).tolist() == ids.tolist()


def test_there_are_never_more_spans_than_sentinels_and_as_much_noise_as_ever():
    mask = noise_mask(2274, 0.15, 3, np.random.default_rng(0), most_spans=100)
    assert (int(mask.sum()), starts(mask)) == (341, 100)  # 2274 * 0.15 = 341.1; without the limit 341 / 3 = 114 spans


def test_a_text_of_one_token_has_no_noise_and_comes_back():
    inputs, targets = span_corrupt(np.array([5]), noise_mask(1, 0.15, 3, np.random.default_rng(0)), SENTINELS)
    assert (inputs.tolist(), targets.tolist()) == ([5], []) and undo(inputs, targets, SENTINELS).tolist() == [5]


def test_a_prefix_ends_anywhere_inside_a_text_and_never_at_its_ends():
    draw = np.random.default_rng(0)
    counts = Counter(split_point(5, draw) for _ in range(4000))
    # 1, 2, 3 or 4 tokens, 1000 of each expected, with a standard deviation of sqrt(4000 * 1/4 * 3/4) = 27
    assert sorted(counts) == [1, 2, 3, 4] and all(abs(count - 1000) < 5 * 27 for count in counts.values())
    assert split_point(1, draw) == 0
