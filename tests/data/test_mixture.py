"""Shares, counts, order and limits of the mixture, each with its arithmetic."""

import math
from collections import Counter
from itertools import islice
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.base.errors import RecipeError
from didact.base.recipe import MixtureSection, Part
from didact.data.mixture import Draw, Mixture, largest_remainder


def mix(sizes, seed=0, parts=None, **keys):
    given_parts = {} if parts is None else {"parts": tuple(Part(tasks=glob, rate=rate) for glob, rate in parts)}
    return Mixture(sizes, MixtureSection(**given_parts, **keys), seed)


def of_task(mixture, task, epochs):
    return [draw for draw in mixture.stream(epochs) if draw.task == task]


def test_a_cap_of_3000_gives_ten_examples_against_ten_thousand_10_of_3010():
    shares = mix({"a": 10, "b": 10_000}, cap=3000).shares
    assert shares == {"a": pytest.approx(10 / 3010, rel=1e-15), "b": pytest.approx(3000 / 3010, rel=1e-15)}


def test_temperature_2_after_the_cap_gives_the_ratio_of_square_roots():
    shares = mix({"a": 10, "b": 10_000}, cap=3000, temperature=2).shares
    assert shares["b"] / shares["a"] == pytest.approx(math.sqrt(3000 / 10))


def test_a_part_has_its_rate_whatever_its_size_and_shares_multiply():
    # Part x: 3/4 of the draws, in it 1/4 and 3/4; part y: 1/4 of the draws, all to one huge task.
    shares = mix({"x/a": 10, "x/b": 30, "y": 1_000_000}, parts=[("x/*", 3), ("y", 1)]).shares
    assert shares == {"x/a": pytest.approx(3 / 16), "x/b": pytest.approx(9 / 16), "y": pytest.approx(1 / 4)}


def test_parts_without_rates_are_proportional_over_all_tasks():
    assert mix({"x": 10, "y": 30}, parts=[("x", None), ("y", None)]).shares == {"x": 0.25, "y": 0.75}


def test_a_task_belongs_to_the_first_part_that_names_it():
    mixture = mix({"a/1": 5, "a/2": 5, "b": 5}, parts=[("a/2", 1), ("a/*", 1)])
    assert mixture.part_of == {"a/2": 0, "a/1": 1}
    assert mixture.left_out == ("b",)
    assert [row["task"] for row in mixture.table() if row["note"] == "in no part"] == ["b"]


def test_two_equal_tasks_count_as_two_and_a_share_of_nine_tenths_as_fewer():
    assert mix({"a": 7, "b": 7}).effective_tasks == pytest.approx(2.0)
    # -(0.9 ln 0.9 + 0.1 ln 0.1) = 0.3251 nats; e to that is 1.384
    assert mix({"a": 9, "b": 1}).effective_tasks == pytest.approx(1.384, abs=5e-4)


def test_without_cap_and_temperature_every_example_is_seen_once_an_epoch():
    mixture = mix({"a": 13, "b": 200, "c": 1})
    for epoch in range(3):
        seen = Counter(mixture.draws(epoch))
        assert set(seen.values()) == {1}
        assert {(d.task, d.index) for d in seen} == {(t, i) for t, n in (("a", 13), ("b", 200), ("c", 1)) for i in range(n)}
        assert {d.epoch for d in seen} == {epoch}


def test_a_capped_task_shows_other_examples_in_the_next_epoch():
    mixture = mix({"a": 100, "b": 10}, cap=40)
    first, second, third = ({d.index for d in mixture.draws(e) if d.task == "a"} for e in range(3))
    assert [len(first), len(second)] == [40, 40]
    assert not first & second
    # Draws 80 to 119 ever: the last 20 of the first pass, then 20 of the second.
    assert len(third | first | second) == 100
    assert Counter(d.epoch for d in mixture.draws(2) if d.task == "a") == {0: 20, 1: 20}


def test_rates_4_to_1_hold_over_200_000_draws():
    mixture = mix({"a": 10, "b": 999, "c": 50}, parts=[("[ab]", 4), ("c", 1)], epoch_size=20_000)
    counts = Counter(draw.task for draw in mixture.stream(10))
    assert counts.total() == 200_000
    assert (counts["a"] + counts["b"]) / 200_000 == pytest.approx(0.8, abs=0.005)


def test_every_pass_over_a_task_shows_each_example_once():
    draws = of_task(mix({"a": 7, "b": 3}, epoch_size=100), "a", 1)
    assert len(draws) == 70
    for number in range(10):
        chunk = draws[7 * number : 7 * number + 7]
        assert sorted(d.index for d in chunk) == list(range(7))
        assert {d.epoch for d in chunk} == {number}


def test_the_order_of_the_sizes_changes_nothing():
    one, other = mix({"a": 5, "b": 9, "c": 2}), mix({"c": 2, "a": 5, "b": 9})
    assert one.draws(1) == other.draws(1)
    assert one.fingerprint == other.fingerprint
    assert one.table() == other.table()


def test_the_same_seed_gives_the_same_stream_and_another_seed_another():
    sizes = {"a": 50, "b": 50}
    assert mix(sizes).draws(3) == mix(sizes).draws(3)
    assert mix(sizes).draws(3) != mix(sizes, seed=1).draws(3)
    assert mix(sizes).fingerprint != mix(sizes, seed=1).fingerprint
    assert mix(sizes).fingerprint != mix(sizes, cap=10).fingerprint


def test_an_added_task_does_not_change_the_order_within_another():
    assert of_task(mix({"a": 50, "b": 50}), "a", 2) == of_task(mix({"a": 50, "b": 50, "new": 20}), "a", 2)


def test_tasks_are_mixed_within_an_epoch():
    first = Counter(draw.task for draw in islice(mix({"a": 500, "b": 500}).stream(), 200))
    # Fair draws without replacement: 100 expected, standard deviation 6.3; 30 is nearly five of them.
    assert abs(first["a"] - 100) < 30


def test_max_repeats_ends_a_task_and_its_draws_are_not_given_to_others():
    mixture = mix({"a": 10, "b": 90}, parts=[("a", 1), ("b", 1)], epoch_size=60, max_repeats=4)
    # a: 30 draws an epoch, at most 40 in the run: 30, 10, 0. b: 30 an epoch, at most 360.
    assert [mixture.num_draws(epoch) for epoch in range(3)] == [60, 40, 30]
    assert [len(mixture.draws(epoch)) for epoch in range(3)] == [60, 40, 30]
    counts = Counter(mixture.stream(20))
    assert max(Counter((d.task, d.index) for d in counts).values()) == 4
    assert Counter(d.task for d in mixture.stream(20)) == {"a": 40, "b": 360}
    notes = {row["task"]: (row["num_draws"], row["repeats"], row["note"]) for row in mixture.table(3)}
    assert notes == {"a": (40, 4.0, "limited by max_repeats"), "b": (90, 1.0, "")}


def test_a_later_epoch_needs_none_of_the_earlier_ones():
    sizes = {"a": 11, "b": 5}
    fresh, used = mix(sizes, epoch_size=9), mix(sizes, epoch_size=9)
    list(used.stream(40))
    assert fresh.draws(40) == used.draws(40)


def test_half_an_epoch_is_the_first_half_of_its_draws():
    mixture = mix({"a": 10, "b": 20})
    assert list(mixture.stream(0.5)) == mixture.draws(0)[:15]
    assert list(mixture.stream(1.5)) == mixture.draws(0) + mixture.draws(1)[:15]


@pytest.mark.parametrize("epochs", [0.3, 1, 1.5, 4])
def test_the_table_counts_what_the_stream_draws(epochs):
    mixture = mix({"a": 3, "b": 40, "c": 17}, cap=20, temperature=3, max_repeats=5, epoch_size=31)
    counts = Counter(draw.task for draw in mixture.stream(epochs))
    assert {row["task"]: row["num_draws"] for row in mixture.table(epochs)} == {task: counts[task] for task in "abc"}
    assert sum(row["share"] for row in mixture.table(epochs)) == pytest.approx(1)


def test_a_share_that_is_too_small_for_a_draw_is_said():
    rows = {row["task"]: row for row in mix({"a": 1, "b": 999}, epoch_size=10).table(2)}
    assert (rows["a"]["num_draws"], rows["a"]["note"]) == (0, "share too small for a draw")
    assert (rows["b"]["num_draws"], rows["b"]["note"]) == (20, "")


def test_a_task_without_examples_is_listed_and_never_drawn():
    mixture = mix({"a": 4, "empty": 0})
    assert {draw.task for draw in mixture.stream(2)} == {"a"}
    assert next(row for row in mixture.table() if row["task"] == "empty")["note"] == "no examples"


def test_the_tree_has_aligned_columns_totals_and_the_effective_number_of_tasks():
    lines = mix({"x/a": 10, "x/b": 30, "y": 40, "z": 5}, parts=[("x/*", 3), ("y", 1)], epoch_size=80).tree(2).splitlines()
    assert lines[1:] == [
        "├── x/*  (rate 3)     75.00          40         120    3.00x",
        "│   ├── x/a           18.75          10          30    3.00x",
        "│   └── x/b           56.25          30          90    3.00x",
        "├── y  (rate 1)       25.00          40          40    1.00x",
        "│   └── y             25.00          40          40    1.00x",
        "└── in no part         0.00           5           0    0.00x",
        "    └── z              0.00           5           0    0.00x  in no part",
        "total                100.00          85         160    1.88x",
        # shares 3/16, 9/16, 4/16: entropy 0.9841 nats, e to that is 2.675
        "effective number of tasks: 2.7 of 3; epochs: 2",
    ]
    assert [lines[0].index(word) + len(word) for word in ("share %", "examples", "draws")] == [27, 39, 51]


def test_a_part_that_names_nothing_is_refused_with_the_nearest_task():
    with pytest.raises(RecipeError, match=r"no seen task is named 'alpacca'") as caught:
        mix({"alpaca": 5, "superni/task1": 5}, parts=[("alpacca", None)])
    assert "did you mean 'alpaca'?" in str(caught.value)
    assert "mixture.parts[0]" in str(caught.value)


def test_a_part_whose_tasks_all_belong_to_an_earlier_part_is_refused():
    with pytest.raises(RecipeError, match=r"belongs to an earlier part, '\*'"):
        mix({"a": 5}, parts=[("*", 1), ("a", 1)])


def test_rates_for_some_parts_only_are_refused():
    with pytest.raises(RecipeError, match="part 'b' has no rate, others have one"):
        mix({"a": 5, "b": 5}, parts=[("a", 1), ("b", None)])


@pytest.mark.parametrize("parts", [[("a", None)], [("a", 1), ("b", 1)]])
def test_a_part_without_any_examples_is_refused(parts):
    with pytest.raises(RecipeError, match="the tasks named 'a' have no examples"):
        mix({"a": 0, "b": 5}, parts=parts)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=30), st.integers(1, 50_000))
def test_largest_remainder_sums_exactly_and_stays_within_one_draw(weights, total):
    parts = [weight / sum(weights) for weight in weights]
    counts = largest_remainder(parts, total)
    assert sum(counts) == total
    assert all(abs(count - part * total) < 1 for count, part in zip(counts, parts, strict=True))


def test_a_million_draws_take_seconds():
    mixture = mix({f"task{i}": 1000 + i for i in range(900)}, cap=5000, epoch_size=1_000_000)
    start = perf_counter()
    assert len(mixture.draws(5)) == 1_000_000
    assert perf_counter() - start < 15


def test_a_draw_cannot_be_changed():
    with pytest.raises(AttributeError):
        Draw("a", 0, 0).index = 1
