"""BERT's masked words and sentence pairs: counts, shares, whole words; every text given back."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from didact.base.objective_sections import MaskedNoise
from didact.data.masked_lm import IGNORE, mask_tokens, undo_mask
from didact.data.sentence_pairs import ELSEWHERE, FOLLOWS, sentence_pairs

MASK, CLS, SEP = 1000, 1001, 1002
ORDINARY = np.arange(1000)


def row(draw, length):
    """[CLS], ordinary tokens, [SEP]; and which of them are special."""
    ids = np.concatenate([[CLS], draw.integers(0, 1000, length), [SEP]])
    return ids, np.isin(ids, [CLS, SEP])


def masked(ids, special, draw, words=None, **settings):
    return mask_tokens(ids, special, MASK, ORDINARY, MaskedNoise(**settings), draw, words)


def test_a_thousand_texts_lose_exactly_fifteen_percent_and_come_back():
    draw = np.random.default_rng(0)
    for _ in range(1000):
        ids, special = row(draw, int(draw.integers(1, 126)))
        inputs, labels = masked(ids, special, draw)
        chosen = labels != IGNORE
        # BERT counts [CLS] and [SEP] too: of 128 tokens round(19.2) = 19 are told; of 3 tokens, one.
        assert np.count_nonzero(chosen) == max(1, round(0.15 * len(ids)))
        assert not (chosen & special).any() and (inputs[~chosen] == ids[~chosen]).all()
        assert undo_mask(inputs, labels).tolist() == ids.tolist()


def test_no_more_is_asked_than_there_is():
    ids, special = row(np.random.default_rng(0), 2)
    assert np.count_nonzero(masked(ids, special, np.random.default_rng(0), mask=1.0)[1] != IGNORE) == 2


def test_of_the_chosen_eight_in_ten_are_masked_one_replaced_and_one_left():
    draw = np.random.default_rng(1)
    ids, special = row(draw, 20_000)
    inputs, labels = masked(ids, special, draw, mask=0.5)
    chosen = labels != IGNORE
    count = np.count_nonzero(chosen)
    as_mask, as_it_was = np.count_nonzero(inputs[chosen] == MASK), np.count_nonzero(inputs[chosen] == ids[chosen])
    assert count == round(0.5 * 20_002)
    # Standard deviations: sqrt(10001 * 0.8 * 0.2) = 40, sqrt(10001 * 0.1 * 0.9) = 30; a random token is the old one once in 1000.
    assert abs(as_mask - 0.8 * count) < 5 * 40 and abs(as_it_was - 0.1001 * count) < 5 * 30
    assert np.isin(inputs[chosen & (inputs != MASK)], ORDINARY).all()


@pytest.mark.parametrize(("replace", "expected"), [((1, 0, 0), "mask"), ((0, 1, 0), "random"), ((0, 0, 1), "kept")])
def test_each_share_can_be_all(replace, expected):
    draw = np.random.default_rng(2)
    ids, special = row(draw, 500)
    inputs, labels = masked(ids, special, draw, replace=replace)
    told = inputs[labels != IGNORE]
    found = {"mask": (told == MASK).all(), "kept": (inputs == ids).all(), "random": MASK not in inputs and (inputs != ids).any()}
    assert found[expected] and np.count_nonzero(labels != IGNORE) == round(0.15 * 502)


def test_whole_words_are_chosen_together_and_never_more_than_the_count():
    draw = np.random.default_rng(3)
    for _ in range(200):
        ids, special = row(draw, int(draw.integers(8, 100)))
        starts = draw.random(len(ids)) < 0.4
        inputs, labels = masked(ids, special, draw, words=starts, whole_word=True)
        chosen = labels != IGNORE
        edges = [1, *(int(i) for i in np.flatnonzero(starts) if 1 < i < len(ids) - 1), len(ids) - 1]
        words = [chosen[low:high] for low, high in pairwise(edges)]
        assert all(word.all() or not word.any() for word in words)
        count = max(1, round(0.15 * len(ids)))
        assert chosen.any() and (chosen.sum() <= count or sum(word.any() for word in words) == 1)
        assert undo_mask(inputs, labels).tolist() == ids.tolist()


def test_a_word_never_goes_across_a_separator():
    ids = np.array([CLS, 1, SEP, 2, SEP])
    special = ids > 999
    # No token begins a word by itself, but the separator in between keeps 1 and 2 apart: one token is chosen, never both.
    for seed in range(20):
        _, labels = masked(ids, special, np.random.default_rng(seed), words=np.zeros(5, bool), whole_word=True)
        assert np.count_nonzero(labels != IGNORE) == 1


# Pairs


def documents(draw, number=6):
    """Documents whose tokens say where they come from: document * 1000 + place."""
    made = []
    for document in range(number):
        lengths = draw.integers(1, 9, draw.integers(1, 30))
        made.append([part + document * 1000 for part in np.split(np.arange(lengths.sum()), np.cumsum(lengths)[:-1])])
    return made


def all_pairs(seed, max_tokens=20, short=0.0, number=6):
    draw = np.random.default_rng(seed)
    texts = documents(draw, number)
    return texts, [(index, pair) for index in range(number) for pair in sentence_pairs(texts, index, max_tokens, short, draw)]


def test_the_second_text_follows_or_is_from_another_document():
    for seed in range(20):
        _, pairs = all_pairs(seed)
        for index, pair in pairs:
            assert (pair.first // 1000 == index).all() and len(pair.first)
            if pair.next_segment == FOLLOWS:
                both = np.append(pair.first, pair.second)
                assert (both // 1000 == index).all() and (pair.num_cut or (np.diff(both) == 1).all())
            elif pair.next_segment == ELSEWHERE:
                assert len({*(pair.second // 1000)} - {index}) == 1
            assert len(pair.first) + len(pair.second) <= 20


def test_half_of_the_second_texts_follow():
    counts = Counter(pair.next_segment for seed in range(60) for _, pair in all_pairs(seed)[1] if len(pair.first) + len(pair.second) > 12)
    total = counts[FOLLOWS] + counts[ELSEWHERE]
    # A document's last sentence has nothing behind it, so that a little more than half come from elsewhere.
    assert total > 1000 and 0.42 < counts[FOLLOWS] / total < 0.52


def test_a_document_is_gone_through_whole_but_for_what_is_counted_as_cut():
    for seed in range(30):
        texts, pairs = all_pairs(seed)
        for index, text in enumerate(texts):
            own = [pair for number, pair in pairs if number == index]
            shown = [token for pair in own for token in [*pair.first, *(pair.second if pair.next_segment == FOLLOWS else [])]]
            assert len(shown) == len({*shown}) and sorted(shown) == shown
            assert len(shown) + sum(pair.num_cut for pair in own) == sum(map(len, text))


def test_one_pair_in_ten_is_short():
    draw = np.random.default_rng(0)
    text = [[np.array([i]) for i in range(4000)], [np.array([9000 + i]) for i in range(4000)]]
    lengths = [len(p.first) + len(p.second) for p in sentence_pairs(text, 0, 20, 0.1, draw) if p.next_segment == FOLLOWS]
    share = np.mean(np.array(lengths) < 20)
    # 0.1 * 18/19 of the pairs are shorter (2 to 20, each as likely); about 150 pairs, standard deviation 0.024
    assert abs(share - 0.095) < 5 * 0.024


def test_a_lonely_document_is_never_paired_with_itself_and_a_lonely_sentence_with_nothing():
    draw = np.random.default_rng(0)
    assert all(pair.next_segment == FOLLOWS for pair in sentence_pairs([[np.array([1]), np.array([2])]], 0, 20, 0.0, draw))
    (pair,) = sentence_pairs([[np.array([1, 2])]], 0, 20, 0.0, draw)
    assert (pair.first.tolist(), pair.second.tolist(), pair.next_segment) == ([1, 2], [], IGNORE)


def test_a_text_that_is_too_long_loses_tokens_at_its_ends_and_counts_them():
    (pair,) = sentence_pairs([[np.arange(30)]], 0, 10, 0.0, np.random.default_rng(0))
    assert len(pair.first) == 10 and pair.num_cut == 20 and (np.diff(pair.first) == 1).all()
