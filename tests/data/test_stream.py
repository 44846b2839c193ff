"""The stream of windows: the same however it is reached, as long as asked, and nothing lost without a count."""

import numpy as np
import pytest
from tokenizer_zoo import ready, talk

from didact.base.errors import TemplateError
from didact.base.recipe import MixtureSection, Objective, Sequence
from didact.base.types import Conversation, Message, Origin
from didact.data.audit import Audit
from didact.data.mixture import Mixture
from didact.data.stream import TrainingStream
from didact.data.tokens import TokenReport

TOKENISER = ready("byte_level", "chatml")


def say(draw):
    """A conversation whose answer says which draw it is."""
    messages = (Message("user", "a b c"), Message("assistant", f"{draw.task}{draw.index}e{draw.epoch}"))
    return Conversation(messages, Origin(draw.task, str(draw.index), epoch=draw.epoch))


def refuse_odd(draw):
    if draw.index % 2:
        raise TemplateError("odd rows cannot be worded", where=f"row {draw.index}")
    return say(draw)


def stream(epochs=1.0, window=8, render=say, pack=False, max_length=64, batch_tokens=60, seed=0, **mixture):
    made = Mixture({"A": 10, "B": 20}, MixtureSection(**mixture), seed)
    return TrainingStream(made, render, TOKENISER, Sequence(max_length=max_length, pack=pack), batch_tokens, epochs, window)


def answers(window):
    """What each row of each step of a window answers, in order."""
    return [[TOKENISER.decode(e.input_ids[e.roles == 2]) for row in step for e in row] for step in window.steps]


def walked(one):
    windows = []
    while (window := one.window(len(windows))) is not None:
        windows.append(answers(window))
    return windows


@pytest.mark.parametrize("pack", [False, True])
def test_a_window_is_the_same_however_it_is_reached(pack):
    forwards = walked(stream(2, pack=pack))
    assert len(forwards) == 8  # two epochs of 30 draws in windows of 8
    alone = {number: answers(stream(2, pack=pack).window(number)) for number in (7, 3, 0, 5)}
    one = stream(2, pack=pack)
    again = {number: answers(one.window(number)) for number in (5, 5, 0, 7, 3)}
    assert all(forwards[number] == alone[number] == again[number] for number in alone)


def test_a_forecast_leaves_the_stream_as_it_is_and_says_how_many_steps_come():
    one = stream(2)
    forecast = one.forecast(Audit(TOKENISER, Objective()))
    windows = walked(one)
    assert windows == walked(stream(2))
    assert forecast.num_steps == sum(len(window) for window in windows)
    assert forecast.tokens.num_kept == forecast.audit.num_examples == sum(len(step) for window in windows for step in window) == 60
    assert one.forecast(Audit(TOKENISER, Objective()), max_steps=3).num_steps == 3


def test_another_seed_is_another_order():
    assert walked(stream(seed=0)) != walked(stream(seed=1))


def test_one_epoch_shows_every_example_once_and_two_twice():
    for epochs in (1, 2):
        said = [answer for window in walked(stream(epochs)) for step in window for answer in step]
        wanted = [f"{task}{i}e{epoch}" for task, size in (("A", 10), ("B", 20)) for i in range(size) for epoch in range(epochs)]
        assert sorted(said) == sorted(wanted)


def test_a_part_of_an_epoch_is_its_first_draws():
    whole, half = stream(2), stream(1.5)
    assert half.spans() == [(0, 0, 8), (0, 8, 16), (0, 16, 24), (0, 24, 30), (1, 0, 8), (1, 8, 15)]
    assert [c for n in range(5) for c in half.conversations(n)] == [c for n in range(5) for c in whole.conversations(n)]
    assert half.conversations(5) == whole.conversations(5)[:7]
    assert stream(0.1).spans() == [(0, 0, 3)]


def test_max_repeats_ends_the_stream_early():
    said = [a for window in walked(stream(4, max_repeats=2)) for step in window for a in step]
    assert len(said) == len(set(said)) == 60 and {a.partition("e")[2] for a in said} == {"0", "1"}


def test_windows_end_with_their_epoch():
    made = stream(2, window=1000)
    assert [epoch for epoch, _, _ in made.spans()] == [0, 1]
    assert [window.number for window in map(made.window, (0, 1)) if window] == [0, 1]
    assert stream(1).window(4) is None


def test_a_row_that_cannot_be_worded_is_left_out_and_counted():
    one = stream(render=refuse_odd)
    forecast = one.forecast(Audit(TOKENISER, Objective()))
    assert forecast.tokens.dropped == {"odd rows cannot be worded": 15} and forecast.tokens.num_kept == 15
    report = TokenReport()
    assert len(one.conversations(0, report)) + report.dropped.total() == 8
    assert sum(len(step) for window in walked(one) for step in window) == 15


def test_a_row_that_does_not_fit_is_left_out_and_counted():
    def render(draw):
        return say(draw) if draw.index else talk("a", "Z" * 100)

    forecast = stream(render=render).forecast(Audit(TOKENISER, Objective()))
    assert forecast.tokens.dropped == {"response longer than sequence.max_length": 2} and forecast.tokens.num_kept == 28


def test_packed_rows_hold_several_draws_and_no_more_tokens_than_asked():
    one = stream(pack=True, max_length=80, batch_tokens=100)
    rows = [row for number in range(4) for step in one.window(number).steps for row in step]
    assert max(len(row) for row in rows) > 1 and all(sum(len(example) for example in row) <= 80 for row in rows)
    assert sum(len(row) for row in rows) == 30
    assert (
        sum(int(np.count_nonzero(e.roles == 2)) for row in rows for e in row)
        == one.forecast(Audit(TOKENISER, Objective())).audit.num_supervised
    )
