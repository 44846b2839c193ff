"""A training that is asked to stop ends its step and saves; who continues cannot tell that it was stopped."""

import os
import signal
import threading
from collections import Counter

import pytest
import torch
from test_faults import rows_named, trained
from tiny import MODELS, random_model

from didact.models.load import load_checkpoint
from didact.train import checkpoint, signals
from didact.train.signals import Stopped, ended_by_sigterm, stop_requests


def asking(number, at):
    """Sends this process a signal when a step is heard."""

    def hear(step):
        if step.step == at:
            os.kill(os.getpid(), number)

    return hear


def weights_of(folder):
    return (checkpoint.newest(folder / "checkpoints") / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_step_is_ended_and_saved_and_who_continues_gets_the_same_bytes(tmp_path, number, code):
    steps = [rows_named(step) for step in range(6)]
    whole, _ = trained(tmp_path / "whole", steps, model=random_model(MODELS["llama"]), log_every=4)
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as caught:
        # Heard behind step 2, so step 3 is the one that is ended.
        trained(tmp_path / "two", steps, model=random_model(MODELS["llama"]), log_every=4, on_step=asking(number, 2))
    assert (caught.value.step, caught.value.exit_code) == (3, code)
    assert signal.getsignal(number) is before
    saved = checkpoint.newest(tmp_path / "two" / "checkpoints")
    assert saved.name == "step_00000003"
    model, _ = trained(tmp_path / "two", steps, model=load_checkpoint(saved).model, resume=True, log_every=4)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), model.parameters(), strict=True))
    ours, theirs = ((tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("two", "whole"))
    # A line stands for four steps, before the stop and behind it: the stop leaves no trace.
    assert [line.split(', "tokens_per')[0] for line in ours] == [line.split(', "tokens_per')[0] for line in theirs]


def test_asked_in_the_last_step_the_run_just_ends(tmp_path):
    steps = [rows_named(step) for step in range(3)]
    _, summary = trained(tmp_path, steps, model=random_model(MODELS["llama"]), on_step=asking(signal.SIGTERM, 3))
    assert summary.num_steps == 3


def test_a_second_interrupt_ends_at_once_but_an_echo_of_the_first_does_not(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: now[0])
    with stop_requests() as requests:
        os.kill(os.getpid(), signal.SIGINT)
        now[0] += 1  # torchrun passes on what the terminal has sent already
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert requests.number == signal.SIGINT
        now[0] += 2
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_outside_of_the_main_thread_nothing_is_heard_and_nothing_breaks():
    seen = Counter()

    def other():
        with stop_requests() as requests, ended_by_sigterm():
            seen[requests.number] += 1

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == {0: 1}


def test_before_the_first_step_sigterm_ends_at_once():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as caught, ended_by_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (caught.value.step, caught.value.exit_code) == (None, 143)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_checkpoint_is_written_by_the_clock_too(tmp_path):
    seen = []

    def hear(step):
        seen.append((step.step, sorted(path.name for path in (tmp_path / "checkpoints").glob("step_*"))))

    # A millionth of a minute has always passed.
    trained(tmp_path, [rows_named(step) for step in range(3)], checkpoint_minutes=1e-6, on_step=hear, keep_checkpoints=9)
    assert seen[0] == (1, ["step_00000001"]) and len(seen[1][1]) == 2
    seen.clear()
    trained(tmp_path / "none", [rows_named(step) for step in range(3)], checkpoint_minutes=None)
    assert [path.name for path in (tmp_path / "none" / "checkpoints").iterdir()] == ["step_00000003"]
