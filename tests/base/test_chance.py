"""Chance follows from identity: the same on every machine, and independent between purposes."""

import numpy as np
import pytest

from didact.base.chance import permutation, rng, seed_of


@pytest.mark.parametrize(
    ("identity", "value"),
    [
        ((0, "template", "task1", "7", 0), 1_804_779_748_504_383_050),
        ((0, "shots"), 6_287_276_296_803_686_187),
        ((1, "shots"), 12_506_382_173_975_838_158),
    ],
)
def test_seeds_are_pinned(identity, value):
    assert seed_of(*identity) == value


def test_draws_are_pinned():
    assert [rng(0, "template", "t", "1", epoch).randrange(1000) for epoch in range(4)] == [43, 227, 711, 952]
    assert permutation(8, 0, "order", "t").tolist() == [5, 7, 4, 2, 1, 3, 0, 6]


def test_parts_cannot_run_into_one_another_and_types_differ():
    seeds = [seed_of(0, "p", *parts) for parts in [("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"), (1,), ("1",), ("str:1",), ()]]
    assert len(set(seeds)) == len(seeds)


def test_any_text_is_an_identity():
    assert seed_of(0, "p", "é") != seed_of(0, "p", "e")
    assert 0 <= seed_of(0, "p", "\ud800", "") < 2**64


def test_draws_of_different_examples_and_purposes_are_independent():
    first = np.array([rng(0, "template", "t", str(i), 0).random() for i in range(4000)])
    neighbour = np.array([rng(0, "template", "t", str(i), 1).random() for i in range(4000)])
    other = np.array([rng(0, "target", "t", str(i), 0).random() for i in range(4000)])
    # For independent draws a correlation of 4,000 pairs has a standard deviation of 1 / sqrt(4000) = 0.016.
    assert abs(np.corrcoef(first, neighbour)[0, 1]) < 0.065
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.065
    # The mean of 4,000 uniform draws has a standard deviation of sqrt(1 / 12 / 4000) = 0.0046.
    assert abs(first.mean() - 0.5) < 0.019
    assert np.histogram(first, bins=10, range=(0, 1))[0].min() > 320


def test_a_draw_does_not_depend_on_those_before_it():
    alone = rng(0, "shots", "t", "9").random()
    after = [rng(0, "shots", "t", str(i)).random() for i in range(10)]
    assert after[9] == alone


@pytest.mark.parametrize("length", [0, 1, 2, 257])
def test_a_permutation_holds_every_number_once(length):
    assert sorted(permutation(length, 0, "order").tolist()) == list(range(length))


def test_every_place_of_a_permutation_gets_every_number_equally_often():
    first = np.bincount([permutation(5, seed, "order")[0] for seed in range(2000)], minlength=5)
    # 400 expected; a binomial count has a standard deviation of sqrt(2000 * 0.2 * 0.8) = 17.9.
    assert np.abs(first - 400).max() < 72
