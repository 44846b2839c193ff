"""Limits: how fast, how many at a time, and how long to wait, on clocks of our own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.synth.limits import Limits, Pace, Slots


@given(st.sampled_from([6, 60, 600, 6000]), st.lists(st.floats(0, 3), min_size=200, max_size=400))
@settings(max_examples=30, deadline=None)
def test_in_no_minute_go_more_than_a_minutes_worth_and_what_may_come_at_once(per_minute: int, gaps: list[float]):
    pace, now, sent = Pace(per_minute), 0.0, []
    for gap in gaps:
        now += gap * 30 / per_minute  # sometimes slower than is allowed, sometimes faster
        now += pace.wait(now)
        pace.take(now, 1)
        sent.append(now)
    for first in sent:
        # A piece at the minute's begin, a minute's worth, and a tenth of a second's worth.
        assert sum(first <= time < first + 60 for time in sent) <= 1 + per_minute * (1 + 0.1 / 60) + 1e-6


def test_one_large_piece_keeps_the_next_waiting_and_what_was_not_used_is_given_back():
    pace = Pace(600)  # ten a second
    pace.take(0.0, 50)
    assert pace.wait(0.0) == pytest.approx(5.0)
    pace.give_back(30)
    assert pace.wait(0.0) == pytest.approx(2.0)
    assert pace.wait(1.5) == pytest.approx(0.5)


def test_without_a_limit_nothing_waits():
    pace = Pace(None)
    pace.take(0.0, 10**9)
    assert pace.wait(0.0) == 0.0


def test_slots_halve_once_for_one_time_of_trouble():
    slots = Slots(64)
    assert [slots.heard(busy=True, sent_in=0) for _ in range(64)].count(True) == 1
    assert slots.limit == 32  # the other 48 were sent before the change
    for _ in range(32):
        slots.heard(busy=True, sent_in=1)
    assert slots.limit == 16


def test_slots_never_go_below_one_and_come_back():
    slots = Slots(64)
    for _ in range(500):
        slots.heard(busy=True, sent_in=slots.generation)
    assert slots.limit == 1
    for _ in range(2000):
        slots.heard(busy=False, sent_in=slots.generation)
    assert slots.limit == 64


def test_a_server_that_takes_half_as_many_is_found_out():
    """Of 64 at a time, those above 24 are refused: the number settles where a quarter is refused at most."""
    slots, refused, sent = Slots(64), 0, 0
    for turn in range(200):
        at_a_time, generation = slots.limit, slots.generation
        for number in range(at_a_time):
            slots.heard(busy=number >= 24, sent_in=generation)
            if turn >= 20:
                refused, sent = refused + (number >= 24), sent + 1
    assert slots.limit <= 40
    assert refused / sent < 0.25


@pytest.mark.parametrize("seed", range(5))
def test_one_failure_in_ten_by_chance_costs_hardly_any_slots(seed: int):
    from didact.base.chance import rng

    draw, slots, kept = rng(seed, "test"), Slots(64), 0
    for _ in range(4000):
        slots.heard(busy=draw.random() < 0.1, sent_in=slots.generation)
        kept += slots.limit
    assert kept / 4000 > 0.9 * 64


def test_waits_double_and_are_drawn_by_request_and_try():
    limits = Limits(backoff_s=1.0, backoff_max_s=10.0)
    for attempt, longest in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (60, 10)):
        assert longest / 2 <= limits.backoff(0, "a", attempt) <= longest
    assert limits.backoff(0, "a", 1) == limits.backoff(0, "a", 1)
    assert len({limits.backoff(seed, name, attempt) for seed in (0, 1) for name in "ab" for attempt in (1, 2)}) == 8
