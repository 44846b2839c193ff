"""Steps whose loss or gradient is not a number leave no trace in weights and moments, are told with their examples, and may not be many."""

import json
import math

import pytest
import torch
from tiny import MODELS, Steps, random_model, random_rows, tokeniser

from didact.base.errors import ModelError
from didact.base.recipe import Objective, TrainSection
from didact.base.types import Origin
from didact.data.tokens import TokenisedExample
from didact.models.load import Loaded
from didact.train import checkpoint
from didact.train.loop import tune

SPOILT = 299
"""No row has this token unless it is put there; a model's embedding of it can be made infinite."""


def rows_named(step, count=4):
    """Rows whose examples have names of their own."""
    rows = random_rows(count, seed=step)
    return [(TokenisedExample(row[0].input_ids, row[0].roles, Origin("task", f"{step}.{place}")),) for place, row in enumerate(rows)]


def with_poison(row):
    ids = row[0].input_ids.copy()
    ids[0] = SPOILT
    return (TokenisedExample(ids, row[0].roles, row[0].origin),)


def poisoned(config="llama"):
    """A model that says nan to rows with the spoilt token, and is sound otherwise."""
    model = random_model(MODELS[config])
    table = model.get_input_embeddings()
    table.register_forward_hook(lambda _, given, out: out.masked_fill((given[0] == SPOILT)[..., None], math.nan))
    return model


def trained(folder, steps, model=None, resume=False, said=None, num_steps=None, on_step=lambda _: None, **settings):
    given = {"learning_rate": 0.01, "precision": "fp32", "log_every": 1, "schedule": {"kind": "constant", "warmup": 0.0}, **settings}
    model = model or poisoned()
    summary = tune(
        Loaded(model, tokeniser()),
        Steps([steps]),
        num_steps or len(steps),
        objective=Objective(prompt_weight=0.2),
        settings=TrainSection(**given),
        packed=False,
        seed=0,
        folder=folder,
        resume=resume,
        on_step=on_step,
        say=(lambda _: None) if said is None else said.append,
    )
    return model, summary


def lines_of(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def same_weights(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_bad_step_is_as_if_it_had_not_been(tmp_path):
    good = [rows_named(step) for step in range(4)]
    bad = [*good[1][:2], with_poison(good[1][2]), good[1][3]]
    said = []
    plain, _ = trained(tmp_path / "a", [good[0], *good[2:]])
    skipped, summary = trained(tmp_path / "b", [good[0], bad, *good[2:]], said=said)
    assert same_weights(plain, skipped)
    assert summary.num_bad_steps == 1
    lines = lines_of(tmp_path / "b")
    assert lines[1] == {
        "event": "step skipped",
        "step": 2,
        "loss_was": "nan",
        "grad_norm_was": "nan",
        "examples": "task/1.2",
        "num_bad_steps": 1,
    }
    assert said == ["skipped: the loss is nan and the norm of its gradient nan at step 2; examples: task/1.2"]
    told = [(line["step"], line["loss"], line["grad_norm"]) for line in lines if "event" not in line]
    expected = [(line["step"], line["loss"], line["grad_norm"]) for line in lines_of(tmp_path / "a")]
    assert told == [(step + (step > 1), loss, norm) for step, loss, norm in expected]  # the same steps, one number later
    assert [line.get("num_bad_steps") for line in lines if "event" not in line] == [None, 1, 1]


def test_of_several_micro_batches_only_those_of_the_bad_ones_are_blamed(tmp_path):
    rows = rows_named(0, 12)
    step = [with_poison(row) if place in (3, 7) else row for place, row in enumerate(rows)]
    trained(tmp_path, [step, rows_named(1)], micro_batch_tokens=40)
    assert set(lines_of(tmp_path)[0]["examples"].split(", ")) == {"task/0.3", "task/0.7"}


def test_a_bad_gradient_behind_a_good_loss_blames_the_whole_step(tmp_path):
    model, calls = random_model(MODELS["llama"]), []

    def spoilt(gradient):
        calls.append(1)
        return gradient * (math.inf if len(calls) == 1 else 1.0)

    model.model.norm.weight.register_hook(spoilt)
    trained(tmp_path, [rows_named(0, 10), rows_named(1)], model=model)
    line = lines_of(tmp_path)[0]
    assert math.isfinite(float(line["loss_was"])) and not math.isfinite(float(line["grad_norm_was"]))
    assert line["examples"].endswith(" and 2 more") and line["examples"].count("task/0.") == 8


@pytest.mark.parametrize("most", [0, 2])
def test_one_more_than_allowed_stops_the_run_and_names_the_examples(tmp_path, most):
    steps = [[with_poison(row) for row in rows_named(step, 2)] for step in range(5)]
    steps[0] = rows_named(0)
    with pytest.raises(ModelError, match=rf"at step {most + 2}\n  where: examples: task/{most + 1}\.\d, task/{most + 1}\.\d\n") as caught:
        trained(tmp_path, steps, max_bad_steps=most, checkpoint_every=1)
    assert f"train.max_bad_steps), and this is number {most + 1}" in str(caught.value)
    assert checkpoint.newest(tmp_path / "checkpoints").name == "step_00000001"  # behind a bad step nothing is saved
    assert len([line for line in lines_of(tmp_path) if "event" in line]) == most


def test_the_count_goes_on_after_a_resume(tmp_path):
    steps = [rows_named(0), [with_poison(rows_named(1)[0])], rows_named(2), [with_poison(rows_named(3)[0])], rows_named(4)]

    def stop(step):
        if step.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, steps, max_bad_steps=1, checkpoint_every=3, on_step=stop)
    saved = checkpoint.newest(tmp_path / "checkpoints")
    assert checkpoint.read_state(saved)["num_bad_steps"] == 1
    with pytest.raises(ModelError, match=r"at step 4(.|\n)*this is number 2"):
        trained(tmp_path, steps, max_bad_steps=1, resume=True)
    _, summary = trained(tmp_path, steps, max_bad_steps=2, resume=True)
    assert summary.num_bad_steps == 2


def test_moments_are_left_alone_too(tmp_path):
    # Had the bad step's gradient been taken for zeros, AdamW would still have moved every weight by its first moment.
    steps = [rows_named(0), [with_poison(rows_named(1)[0])], rows_named(2)]
    for name, made in (("a", steps[:1]), ("b", steps[:2])):
        trained(tmp_path / name, [*made, steps[2]], num_steps=len(made) + 1, checkpoint_every=len(made), keep_checkpoints=3)
    # The checkpoint behind the bad step waits for the next good one, which here is the last; so the moments show in the weights.
    finals = [checkpoint.newest(tmp_path / name / "checkpoints") / "model.safetensors" for name in "ab"]
    assert finals[0].read_bytes() == finals[1].read_bytes()
