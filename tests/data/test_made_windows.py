"""Windows that several processes make, or that were kept from another time, are the windows that one process makes."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tokenizer_zoo import ready

from didact.base.errors import DataError, LeakError, PrerequisiteError, TemplateError
from didact.base.recipe import MixtureSection, Objective, Sequence
from didact.base.types import Conversation, Message, Origin
from didact.data import window_cache
from didact.data.audit import Audit
from didact.data.made import Made, from_arrays, make, to_arrays
from didact.data.mixture import Draw, Mixture
from didact.data.stream import TrainingStream
from didact.data.tokens import TokenReport
from didact.data.window_cache import WindowCache
from didact.data.workers import Workers, _begin, _make

TOKENISER = ready("byte_level", "chatml")
MAX_LENGTH = 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path))
    return tmp_path / "windows"


def say(draw: Draw) -> Conversation:
    """One in seven cannot be worded, one in five is cut, one in three has a note, one in eleven has an answer that is too long."""
    if draw.index % 7 == 0:
        raise TemplateError("sevenths cannot be worded")
    question = "a b c d " * (10 if draw.index % 5 == 0 else 1)
    answer = f"{draw.task}{draw.index}e{draw.epoch}" * (9 if draw.index % 11 == 0 else 1)
    origin = Origin(
        draw.task,
        f"{draw.index}\ud800" if draw.index == 9 else str(draw.index),
        "t/x",
        3,
        draw.epoch,
        ("two shots",) * (draw.index % 3 == 0),
    )
    return Conversation((Message("user", question), Message("assistant", answer)), origin)


def refuse(draw: Draw) -> Conversation:
    raise PrerequisiteError("no wording", where=f"{draw.task} {draw.index}", expected="one", remedy="didact ls templates")


def work(render=say):
    return lambda draws, audited=True: make(draws, render, TOKENISER, MAX_LENGTH, MAX_LENGTH, audited)


def stream(render=say, **keys) -> TrainingStream:
    mixture = Mixture({"A": 30, "B": 50}, MixtureSection(), 0)
    return TrainingStream(mixture, render, TOKENISER, Sequence(max_length=MAX_LENGTH), 300, 2, 50, **keys)


def told(one: TrainingStream) -> tuple:
    """All that a forecast says and all that is trained, as plain data."""
    forecast = one.forecast(Audit(TOKENISER, Objective()))
    rows = [
        [[(example.input_ids.tolist(), example.roles.tolist(), example.origin, example.num_cut) for example in row] for row in step]
        for number in range(len(one.spans()))
        for step in one.window(number).steps
    ]
    return forecast.num_steps, forecast.tokens, forecast.audit.to_dict(), rows


def test_what_is_sent_is_what_was_made():
    made = work()([Draw("A", number, number % 2) for number in range(1, 40)])
    again = from_arrays(to_arrays(made))
    assert len(made.examples) == 31  # 39 without 5 sevenths and without 11, 22 and 33, whose answers are too long
    assert made.report.dropped == {"sevenths cannot be worded": 5, "response longer than sequence.max_length": 3}
    assert made.report.num_examples_cut >= 5
    for one, other in zip(made.examples, again.examples, strict=True):
        assert np.array_equal(one.input_ids, other.input_ids) and one.input_ids.dtype == other.input_ids.dtype
        assert np.array_equal(one.roles, other.roles) and one.roles.dtype == other.roles.dtype
        assert (one.origin, one.num_cut, one.plain) == (other.origin, other.num_cut, other.plain)
    assert again.report == made.report
    assert again.audit == json.loads(json.dumps(made.audit))


def test_nothing_made_can_be_sent_too():
    assert from_arrays(to_arrays(make([], say, TOKENISER, 9, 9))) == Made([], TokenReport(), Audit(TOKENISER, Objective()).counts())


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_processes_changes_nothing(number, monkeypatch):
    alone = told(stream())
    monkeypatch.setattr("didact.data.stream.CHUNK", 20)
    workers = Workers(number, partial(work, say))
    try:
        assert told(stream(refuse, workers=workers)) == alone  # here nothing is worded
    finally:
        workers.close()


def test_an_error_in_a_worker_is_the_same_error_here():
    workers = Workers(1, partial(work, refuse))
    with pytest.raises(PrerequisiteError) as met:
        list(workers.make([[Draw("A", 3, 0)]]))
    with pytest.raises(PrerequisiteError) as expected:
        refuse(Draw("A", 3, 0))
    assert str(met.value) == str(expected.value)
    with pytest.raises(DataError, match="ended in the middle"):
        list(Workers(1, partial(_die)).make([[Draw("A", 3, 0)]]))
    workers.close()


def _die():
    import os

    os._exit(3)


def test_errors_travel_whole():
    import pickle

    for error in (LeakError("a", where="b", remedy="c"), TemplateError("x")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.expected) == (type(error), str(error), error.expected)


def test_a_worker_prepares_once(monkeypatch):
    started = []

    def start():
        started.append(1)
        return work()

    monkeypatch.setattr("didact.data.workers._work", None)
    _begin(start)
    assert started == []
    assert from_arrays(_make([Draw("A", 1, 0)], True)).examples[0].origin.example == "1"
    _make([Draw("A", 2, 0)], False)
    assert started == [1]


PARTS = {"source a": "1", "template x": "2", "the tokenizer": "3", "the seed": "4"}


def test_a_window_from_the_cache_is_the_window_that_was_made(cache):
    alone, kept = told(stream()), WindowCache(PARTS)
    stream(cache=kept).forecast(Audit(TOKENISER, Objective()))
    assert kept.line().startswith("cache: not reused: nothing like it was made before; made 4")  # 2 epochs of 80 draws in windows of 50
    warm = WindowCache(PARTS)
    assert told(stream(refuse, cache=warm)) == alone  # nothing is worded again
    assert warm.num_made == 0
    assert warm.line() == "cache: reused 8 windows"  # 4 in the forecast, 4 in training
    assert {file.suffix for file in next(cache.iterdir()).iterdir()} == {".npz", ".json"}


def test_a_forecast_from_the_cache_makes_no_window():
    stream(cache=WindowCache(PARTS)).forecast(Audit(TOKENISER, Objective()))
    warm = WindowCache(PARTS)
    one = stream(refuse, cache=warm)
    assert one.forecast(Audit(TOKENISER, Objective())).num_steps == stream().forecast(Audit(TOKENISER, Objective())).num_steps
    assert one._held is None
    assert warm.line() == "cache: reused 4 windows"
    shorter = one.forecast(Audit(TOKENISER, Objective()), max_steps=2)  # another question: windows are reused, the answer is not
    assert (shorter.num_steps, warm.num_made) == (2, 0)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({**PARTS, "template x": "9"}, "template x changed"),
        ({**PARTS, "template y": "9"}, "template y is new"),
        ({name: mark for name, mark in PARTS.items() if name != "template x"}, "template x is gone"),
        ({**PARTS, "source a": "9", "the seed": "9"}, "source a changed, the seed changed"),
        (dict.fromkeys(PARTS, "9"), "nothing like it was made before"),
        ({"other": "1"}, "nothing like it was made before"),
    ],
)
def test_the_cache_says_what_has_changed(parts, reason):
    stream(cache=WindowCache(PARTS)).window(0)
    other = WindowCache(parts)
    stream(cache=other).window(0)
    assert other.line().startswith(f"cache: not reused: {reason}; made 1, 0 MB in ")


def test_a_torn_window_is_made_again(cache):
    alone = told(stream())
    told(stream(cache=WindowCache(PARTS)))
    for number, file in enumerate(sorted(cache.glob("*/*.npz"))):
        file.write_bytes(file.read_bytes()[: (0, 100, 2000, 3000)[number]])
    for file in cache.glob("*/forecast-*"):
        file.write_text("{")
    again = WindowCache(PARTS)
    assert told(stream(cache=again)) == alone
    assert again.num_made == 4


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path / "file"))
    kept = WindowCache(PARTS)
    assert told(stream(cache=kept)) == told(stream())
    assert kept.line().startswith("cache: nothing kept, ")


def test_the_oldest_windows_make_room(cache, monkeypatch):
    import os

    for number in range(3):
        kept = WindowCache({**PARTS, "the seed": str(number)})
        stream(cache=kept).window(0)
        os.utime(kept.folder / "parts.json", (number, number))
    size = sum(file.stat().st_size for file in kept.folder.iterdir())
    monkeypatch.setattr(window_cache, "MOST_BYTES", 2 * size + 100)
    stream(cache=WindowCache(PARTS)).window(0)  # two may stay, and this one comes
    assert {json.loads(file.read_text())["the seed"] for file in cache.glob("*/parts.json")} == {"4", "2", "1"}


def test_a_stream_of_one_window_keeps_nothing(cache):
    mixture = Mixture({"A": 30}, MixtureSection(), 0)
    one = TrainingStream(mixture, say, TOKENISER, Sequence(max_length=MAX_LENGTH), 300, 1, 50, cache=WindowCache(PARTS))
    told(one)
    assert one.cache is None and not cache.exists()
