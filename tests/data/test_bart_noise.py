"""BART's noise: every step on its own, the budget of words exact, and every text given back."""

from itertools import pairwise

import numpy as np
import pytest

from didact.base.objective_sections import BartNoise
from didact.data.bart_noise import bart_noise, undo_bart

MASK = 9999
NOTHING = {"permute_sentences": 0.0, "mask": 0.0}


def noised(ids, words, stops, seed=0, max_length=None, **settings):
    return bart_noise(ids, words, stops, MASK, BartNoise(**{**NOTHING, **settings}), np.random.default_rng(seed), max_length)


def text(draw, length):
    """Random tokens, with words of about two tokens and sentences of about eight."""
    return draw.integers(0, 9999, length), draw.random(length) < 0.5, draw.random(length) < 0.12


def words_of(starts, length):
    edges = [0, *(int(i) for i in np.flatnonzero(starts) if i), length]
    return list(pairwise(edges))


def test_without_noise_nothing_changes():
    ids, words, stops = text(np.random.default_rng(0), 40)
    assert noised(ids, words, stops).ids.tolist() == ids.tolist()


def test_sentences_change_places_and_stay_whole():
    ids = np.array([1, 2, 0, 3, 4, 0, 5, 6, 0, 7])  # 0 is a full stop; the last sentence has none
    seen = {tuple(noised(ids, ids > 0, ids == 0, seed, permute_sentences=1.0).ids.tolist()) for seed in range(300)}
    sentences = [(1, 2, 0), (3, 4, 0), (5, 6, 0), (7,)]
    assert len(seen) == 4 * 3 * 2
    for row in seen:
        rest, order = row, []
        while rest:
            order.append(next(sentence for sentence in sentences if rest[: len(sentence)] == sentence))
            rest = rest[len(order[-1]) :]
        assert sorted(order) == sorted(sentences)


def test_a_sentence_never_begins_inside_a_word():
    ids = np.array([1, 0, 2, 0, 3])  # 1.2. 3, as in a number of a chapter: only 3 begins a word
    words = np.array([True, False, False, False, True])
    assert {tuple(noised(ids, words, ids == 0, seed, permute_sentences=1.0).ids.tolist()) for seed in range(50)} == {
        (1, 0, 2, 0, 3),
        (3, 1, 0, 2, 0),
    }


def test_a_share_of_the_sentences_moves_and_the_others_stay():
    ids, stops = np.repeat(np.arange(10), 2), np.arange(20) % 2 == 1  # ten sentences of a word and its stop
    for seed in range(50):
        moved = noised(ids, ~stops, stops, seed, permute_sentences=0.3).ids[::2]
        assert np.count_nonzero(moved != np.arange(10)) <= 3  # ceil(0.3 * 10), and a permutation may leave one in place


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("poisson", [3.0, 0.5, None])
def test_as_many_words_are_masked_as_the_budget_says(share, poisson):
    draw = np.random.default_rng(5)
    for seed in range(60):
        ids, words, stops = text(draw, int(draw.integers(1, 120)))
        result = noised(ids, words, stops, seed, mask=share, poisson=poisson)
        spans = words_of(words, len(ids))
        gone = set(result.taken_from.tolist())
        masked = [low for low, high in spans if {*range(low, high)} <= gone]
        touched = [low for low, high in spans if gone & {*range(low, high)}]
        assert masked == touched  # whole words
        assert len(masked) == int(np.ceil(share * len(spans) - 1e-9))
        if poisson is None:
            assert np.count_nonzero(result.ids == MASK) == len(masked)


def test_a_span_becomes_one_mask_however_long_it_is():
    ids, words = np.arange(60), np.ones(60, bool)
    lengths = []
    for seed in range(400):
        result = noised(ids, words, ~words, seed, mask=0.3)
        kept = result.source[result.source >= 0]
        gaps = np.diff(kept, prepend=-1, append=60) - 1
        assert gaps.sum() == 18 and (np.diff(kept) > 0).all()
        lengths.append(18 / max(np.count_nonzero(result.ids == MASK), 1))
    # Poisson with mean 3, of which empty spans become masks as well; the last span is trimmed, so that the mean is a little less.
    assert 2.4 < 1 / np.mean(1 / np.array(lengths)) < 3.0


def test_an_empty_span_is_a_mask_between_words():
    ids, words = np.arange(40), np.ones(40, bool)
    results = [noised(ids, words, ~words, seed, mask=0.2, poisson=0.2) for seed in range(20)]
    # With a mean of 0.2 most spans are empty: far more masks than the 8 masked words.
    assert all(len(result.taken) == 8 for result in results)
    assert np.mean([np.count_nonzero(result.ids == MASK) for result in results]) > 16


def test_deletion_leaves_out_a_share_and_no_mask():
    ids, words = np.arange(50), np.ones(50, bool)
    result = noised(ids, words, ~words, delete=0.2)
    assert len(result.ids) == 40 and MASK not in result.ids and (np.diff(result.ids) > 0).all()
    both = noised(ids, words, ~words, delete=1.0, mask=0.5, poisson=None)
    assert both.ids.tolist() == [MASK] * 25


def test_insertion_puts_masks_in_between_but_never_beyond_the_room():
    ids, words = np.arange(50), np.ones(50, bool)
    result = noised(ids, words, ~words, insert=0.1)
    assert np.count_nonzero(result.ids == MASK) == 5 and result.ids[result.ids != MASK].tolist() == ids.tolist()
    assert len(noised(ids, words, ~words, insert=0.1, max_length=52).ids) == 52
    assert len(noised(ids, words, ~words, insert=0.1, max_length=50).ids) == 50


def test_rotation_begins_at_another_token_as_often_as_asked():
    ids, words = np.arange(10), np.ones(10, bool)
    first = [int(noised(ids, words, ~words, seed, rotate=1.0).ids[0]) for seed in range(300)]
    assert {*first} == {*range(1, 10)}
    turned = sum(noised(ids, words, ~words, seed, rotate=0.25).ids[0] != 0 for seed in range(2000))
    assert abs(turned - 500) < 5 * 19.4  # sqrt(2000 * 1/4 * 3/4)


@pytest.mark.parametrize(
    "settings",
    [
        {"permute_sentences": 1.0, "mask": 0.3},
        {"permute_sentences": 0.5, "mask": 0.35, "poisson": 3.5, "rotate": 0.5},
        {"permute_sentences": 1.0, "mask": 0.2, "poisson": None, "delete": 0.3, "insert": 0.2, "rotate": 1.0},
    ],
)
def test_undo_gives_a_thousand_texts_back(settings):
    draw = np.random.default_rng(6)
    for seed in range(1000):
        ids, words, stops = text(draw, int(draw.integers(1, 150)))
        result = noised(ids, words, stops, seed, **settings)
        assert undo_bart(result).tolist() == ids.tolist()
        assert (result.ids[result.source < 0] == MASK).all() and (
            result.ids[result.source >= 0] == ids[result.source[result.source >= 0]]
        ).all()


def test_a_text_is_drawn_from_its_seed_alone():
    ids, words, stops = text(np.random.default_rng(7), 80)
    rows = [noised(ids, words, stops, seed, mask=0.3, permute_sentences=1.0).ids.tolist() for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]
