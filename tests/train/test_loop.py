"""The loop: learning rates by hand, what a step is divided by, what it writes, and what it refuses."""

import json
import math

import pytest
import torch
from tiny import MODELS, Steps, batch_of, literal_sum, random_model, random_rows, tokeniser
from transformers import AutoModelForCausalLM

from didact.base.errors import ModelError, PrerequisiteError, RecipeError
from didact.base.recipe import Objective, Schedule, TrainSection
from didact.data.batches import num_targets, row_length
from didact.models.load import Loaded
from didact.train import attention, checkpoint, ready
from didact.train.attention import NAME
from didact.train.loop import learning_rate, tune

CONSTANT = {"kind": "constant", "warmup": 0.0}


def trained(folder, steps, num_steps=None, model=None, packed=False, objective=None, resume=False, on_step=None, **settings):
    """(model, summary, lines of metrics.jsonl) after a training in fp32, every step logged unless told otherwise."""
    defaults = {"learning_rate": 0.01, "precision": "fp32", "log_every": 1, "max_grad_norm": None, "schedule": CONSTANT}
    model = model or random_model(MODELS["llama"])
    summary = tune(
        Loaded(model, tokeniser()),
        steps,
        num_steps if num_steps is not None else sum(len(window) for window in steps.windows),
        objective=objective or Objective(prompt_weight=0.2),
        settings=TrainSection(**{**defaults, **settings}),
        packed=packed,
        seed=0,
        folder=folder,
        resume=resume,
        on_step=on_step or (lambda _: None),
    )
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return model, summary, lines


def steps_of(count, seed=0, documents=1, size=4):
    return Steps([[random_rows(size, seed=seed * 1000 + number, documents=documents) for number in range(count)]])


def weights_of(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


# Warm-up of a share of the steps, then from 1 at the first step after it downwards; the value after the last step would be `final`.
@pytest.mark.parametrize(
    ("schedule", "num_steps", "expected"),
    [
        ({"kind": "constant", "warmup": 0.0}, 4, [1, 1, 1, 1]),
        ({"kind": "constant", "warmup": 0.5}, 4, [1 / 2, 1, 1, 1]),
        ({"kind": "linear", "warmup": 0.0}, 4, [1, 3 / 4, 1 / 2, 1 / 4]),
        ({"kind": "linear", "warmup": 0.4}, 5, [1 / 2, 1, 1, 2 / 3, 1 / 3]),
        ({"kind": "linear", "warmup": 0.0, "final": 0.2}, 4, [1, 0.8, 0.6, 0.4]),
        # cos 0, cos 45°, cos 90°, cos 135°
        ({"kind": "cosine", "warmup": 0.0}, 4, [1, (1 + math.sqrt(0.5)) / 2, 1 / 2, (1 - math.sqrt(0.5)) / 2]),
        ({"kind": "cosine", "warmup": 0.25, "final": 0.1}, 4, [1, 1, 0.1 + 0.9 * 0.75, 0.1 + 0.9 * 0.25]),  # 0°, 60°, 120°
        ({"kind": "cosine", "warmup": 1.0}, 4, [1 / 4, 1 / 2, 3 / 4, 1]),
        ({"kind": "cosine", "warmup": 0.03}, 1, [1]),
    ],
)
def test_learning_rates_by_hand(schedule, num_steps, expected):
    rates = [learning_rate(step, num_steps, 2.0, Schedule(**schedule)) for step in range(num_steps)]
    assert rates == pytest.approx([2 * rate for rate in expected])


def test_the_first_logged_loss_is_the_literal_one_and_each_line_has_the_documented_keys(tmp_path):
    objective, steps = Objective(prompt_weight=0.2), steps_of(3)
    before = random_model(MODELS["llama"])
    total, count = literal_sum(before, steps.windows[0][0], objective)
    _, summary, lines = trained(tmp_path, steps, micro_batch_tokens=30)
    assert [set(line) for line in lines] == 3 * [
        {"step", "loss", "learning_rate", "grad_norm", "num_tokens", "tokens_per_second", "seconds"}
    ]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert lines[0]["loss"] == pytest.approx(total / count, rel=1e-5)
    assert (summary.num_steps, summary.loss, summary.normaliser) == (3, lines[-1]["loss"], "nonzero_tokens")


def test_the_gradient_of_a_step_is_that_of_its_whole_loss(tmp_path):
    # AdamW's first step with ε = 0 moves every weight by the learning rate, against the sign of its gradient.
    objective, steps, model = Objective(prompt_weight=0.2), steps_of(1), random_model(MODELS["gpt2"])
    twin = random_model(MODELS["gpt2"])
    rows = steps.windows[0][0]
    batch = batch_of(rows, objective)
    ids, weights = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.loss_weights)
    logs = twin(input_ids=ids).logits.log_softmax(-1).gather(2, torch.from_numpy(batch.labels).clamp(min=0)[..., None])[..., 0]
    (-(weights * logs).sum() / num_targets(rows, objective)).backward()
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in twin.parameters()))
    before = weights_of(model)
    _, _, lines = trained(tmp_path, steps, model=model, micro_batch_tokens=40, epsilon=1e-30)
    assert lines[0]["grad_norm"] == pytest.approx(norm, rel=1e-5)
    for name, parameter in twin.named_parameters():
        clear = parameter.grad.abs() > 1e-6  # smaller ones are rounding, whose sign may differ
        moved = (model.get_parameter(name) - before[name])[clear]
        torch.testing.assert_close(moved, -0.01 * parameter.grad[clear].sign(), rtol=1e-3, atol=1e-5, msg=name)


def test_a_line_stands_for_all_steps_since_the_last_one(tmp_path):
    steps, objective = steps_of(5), Objective(prompt_weight=0.2)
    _, _, every = trained(tmp_path / "a", steps)
    _, summary, second = trained(tmp_path / "b", steps, log_every=2)
    assert [line["step"] for line in second] == [2, 4, 5]
    counts = [num_targets(rows, objective) for rows in steps.windows[0]]
    sums = [line["loss"] * count for line, count in zip(every, counts, strict=True)]
    expected = [(sums[0] + sums[1]) / (counts[0] + counts[1]), (sums[2] + sums[3]) / (counts[2] + counts[3]), sums[4] / counts[4]]
    assert [line["loss"] for line in second] == pytest.approx(expected, rel=1e-5)
    assert summary.loss == second[-1]["loss"]


def test_tokens_are_counted_without_padding(tmp_path):
    steps = steps_of(2)
    lengths = [[row_length(row) for row in rows] for rows in steps.windows[0]]
    assert max(lengths[0]) * len(lengths[0]) > sum(lengths[0])  # the rows of a batch do differ in length
    _, summary, lines = trained(tmp_path, steps)
    assert [line["num_tokens"] for line in lines] == [sum(lengths[0]), sum(lengths[0]) + sum(lengths[1])]
    assert summary.num_tokens == sum(map(sum, lengths))


def test_steps_run_on_across_windows_and_stop_where_told(tmp_path):
    one = steps_of(6)
    cut = Steps([one.windows[0][:2], [], one.windows[0][2:5], one.windows[0][5:]])
    first, _, lines = trained(tmp_path / "a", one, num_steps=5)
    second, _, again = trained(tmp_path / "b", cut, num_steps=5)
    assert [line["loss"] for line in lines] == [line["loss"] for line in again]
    assert len(lines) == 5
    assert 3 not in cut.asked
    assert same(weights_of(first), weights_of(second))


def test_every_step_is_heard(tmp_path):
    heard = []
    _, _, lines = trained(tmp_path, steps_of(4), log_every=2, on_step=heard.append)
    assert [(step.step, step.num_steps) for step in heard] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert math.isnan(heard[0].loss)  # nothing is known yet
    assert [heard[i].loss for i in (1, 2, 3)] == [lines[0]["loss"], lines[0]["loss"], lines[1]["loss"]]


def test_gradients_are_scaled_down_to_the_norm_and_the_norm_before_that_is_told(tmp_path):
    # With ε = 1 and a norm of at most 1e-30, AdamW's step is 0.01 · 1e-30 at most: nothing moves.
    _, _, free = trained(tmp_path / "a", steps_of(1))
    still, _, clipped = trained(tmp_path / "b", steps_of(1), max_grad_norm=1e-30, epsilon=1.0)
    assert clipped[0]["grad_norm"] == free[0]["grad_norm"] > 0.1
    assert same(weights_of(still), weights_of(random_model(MODELS["llama"])))
    moved, _, _ = trained(tmp_path / "c", steps_of(1), epsilon=1.0)
    assert not same(weights_of(moved), weights_of(still))


def test_gradients_within_the_norm_are_not_touched(tmp_path, monkeypatch):
    def multiply(*_):
        raise AssertionError("all of them were multiplied by 1")

    monkeypatch.setattr(torch.nn.utils, "clip_grads_with_norm_", multiply)
    within, _, _ = trained(tmp_path / "a", steps_of(1), max_grad_norm=1e9)
    free, _, _ = trained(tmp_path / "b", steps_of(1), max_grad_norm=None)
    assert same(weights_of(within), weights_of(free))


def test_only_matrices_decay(tmp_path):
    plain, _, _ = trained(tmp_path / "a", steps_of(1))
    decayed, _, _ = trained(tmp_path / "b", steps_of(1), weight_decay=0.5)
    before = weights_of(random_model(MODELS["llama"]))
    for name, parameter in decayed.named_parameters():
        # Decoupled: w ← w − 0.01 · 0.5 · w before the step, and nothing else differs.
        expected = plain.get_parameter(name) - (0.005 * before[name] if parameter.ndim >= 2 else 0)
        torch.testing.assert_close(parameter, expected, rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.parametrize("name", MODELS)
def test_only_the_ratio_of_the_two_weights_matters_to_adamw(tmp_path, name):
    # Without clipping and with an ε that is nothing beside √v, a factor of 2 cancels bit for bit.
    # ε itself cannot be 0: rows of tokens that never occur have m = v = 0.
    made = {}
    for weights in ((0.25, 1.0), (0.5, 2.0), (1.0, 4.0), (0.25, 2.0)):
        objective = Objective(prompt_weight=weights[0], response_weight=weights[1])
        folder = tmp_path / f"{weights}"
        model, _, _ = trained(folder, steps_of(5), model=random_model(MODELS[name]), objective=objective, epsilon=1e-30)
        made[weights] = weights_of(model)
    assert same(made[0.25, 1.0], made[0.5, 2.0])
    assert same(made[0.25, 1.0], made[1.0, 4.0])
    assert not same(made[0.25, 1.0], made[0.25, 2.0])
    assert not same(made[0.25, 1.0], weights_of(random_model(MODELS[name])))


@pytest.mark.parametrize("name", MODELS)
def test_packed_training_is_the_training_of_separate_rows(tmp_path, name):
    packed = steps_of(4, documents=3)
    separate = Steps([[[(document,) for row in rows for document in row] for rows in window] for window in packed.windows])
    one, _, lines = trained(tmp_path / "a", packed, model=random_model(MODELS[name]), packed=True)
    _, _, others = trained(tmp_path / "b", separate, model=random_model(MODELS[name]))
    assert [line["loss"] for line in lines] == pytest.approx([line["loss"] for line in others], rel=1e-4)
    assert one.config._attn_implementation != NAME  # the model is given back with the attention that can generate


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length", [64, 1024])
def test_rows_side_by_side_are_the_training_of_padded_rows(tmp_path, monkeypatch, name, length):
    seen, made = [], {}
    for joins in (True, False):
        if not joins:
            monkeypatch.setattr(attention, "can_keep_apart", lambda *_: False)
        model = random_model(MODELS[name])
        model.get_output_embeddings().register_forward_hook(lambda *_, model=model: seen.append(model.config._attn_implementation))
        made[joins] = trained(tmp_path / str(joins), Steps(steps_of(4).windows, max_length=length), model=model)[2]
        assert model.config._attn_implementation == "sdpa"  # given back as it was
    assert {NAME, "eager" if length == 64 else "sdpa"} <= set(seen)
    for key in ("loss", "grad_norm"):
        assert [line[key] for line in made[True]] == pytest.approx([line[key] for line in made[False]], rel=1e-4)


@pytest.mark.parametrize("packed", [False, True])
def test_training_twice_gives_the_same_bits(tmp_path, packed):
    one, other = (trained(tmp_path / name, steps_of(4, documents=2), packed=packed)[0] for name in "ab")
    assert same(weights_of(one), weights_of(other))


def test_dropout_is_drawn_from_the_step_and_not_from_what_came_before(tmp_path):
    config = type(MODELS["gpt2"])(**{**MODELS["gpt2"].to_dict(), "resid_pdrop": 0.5})
    torch.manual_seed(1)
    one, _, _ = trained(tmp_path / "a", steps_of(2), model=random_model(config))
    torch.manual_seed(2)
    other, _, _ = trained(tmp_path / "b", steps_of(2), model=random_model(config))
    without, _, _ = trained(tmp_path / "c", steps_of(2), model=random_model(MODELS["gpt2"]))
    assert same(weights_of(one), weights_of(other))
    assert not same(weights_of(one), weights_of(without))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_model_that_is_broken_from_the_start_is_refused(tmp_path, value):
    model = random_model(MODELS["llama"])
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[0, 0] = value
    with pytest.raises(ModelError, match=r"logits of LlamaForCausalLM are not numbers(.|\n)*model\.base"):
        trained(tmp_path, steps_of(2), model=model)


def test_a_loss_that_is_not_a_number_stops_the_run_and_is_not_saved(tmp_path):
    # A rate of 1e30 makes weights of about 1e30, and their products are beyond float32.
    with pytest.raises(ModelError, match=r"the loss is nan (.|\n)*at step 2(.|\n)*next: train\.learning_rate"):
        trained(tmp_path, steps_of(3), learning_rate=1e30, checkpoint_every=2, max_bad_steps=0)
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [1]
    assert not (tmp_path / "checkpoints").exists()


def test_a_gradient_that_is_not_a_number_stops_the_run_before_its_weights_are_saved(tmp_path):
    # The loss of step 2 is still a number; the weights after it are not.
    model, calls = random_model(MODELS["llama"]), []

    def spoilt(gradient):
        calls.append(1)
        return gradient * (math.inf if len(calls) == 2 else 1.0)

    model.model.norm.weight.register_hook(spoilt)
    with pytest.raises(ModelError, match=r"the norm of its gradient (inf|nan) at step 2"):
        trained(tmp_path, steps_of(3), model=model, checkpoint_every=1, max_bad_steps=0)
    saved = checkpoint.newest(tmp_path / "checkpoints")
    assert saved.name == "step_00000001"
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [1]


def test_a_step_in_which_nothing_weighs_changes_no_loss(tmp_path):
    # Rows of prompts alone, λp = 0: the sum is 0 and so is the number of tokens.
    prompts = [(row[0].__class__(row[0].input_ids, row[0].roles * 0 + 1, row[0].origin),) for row in random_rows(3)]
    steps = Steps([[random_rows(3, seed=1), prompts]])
    _, _, lines = trained(tmp_path / "a", steps, objective=Objective())
    assert lines[1]["loss"] == 0.0
    _, _, both = trained(tmp_path / "b", steps, objective=Objective(), log_every=2)
    assert both[0]["loss"] == pytest.approx(lines[0]["loss"], rel=1e-6)


def test_trackers_that_cannot_work_are_refused_before_training(tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match=r"no tracker named 'tensorbord'(.|\n)*did you mean 'tensorboard'"):
        trained(tmp_path, steps_of(1), trackers=("tensorbord",))
    monkeypatch.setattr(ready, "get_available_trackers", list)
    with pytest.raises(PrerequisiteError, match=r"tracker 'wandb'(.|\n)*pip install wandb"):
        trained(tmp_path, steps_of(1), trackers=("wandb",))


RESUMABLE = {"checkpoint_every": 2, "schedule": {"warmup": 0.3}}
"""Six steps have checkpoints at 2, 4 and the end."""


def stopped_at(folder, steps, monkeypatch, number, before, **settings):
    """A training that ends, as if killed, before or after it has written its checkpoint of this number."""
    inner, written = checkpoint.write, []

    def write(*arguments):
        written.append(1)
        if not before or len(written) < number:
            inner(*arguments)
        if len(written) == number:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "write", write)
        trained(folder, steps, **RESUMABLE, **settings)


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor"])
@pytest.mark.parametrize(("number", "before", "steps_kept"), [(1, False, 2), (2, True, 2), (2, False, 4), (3, True, 4), (3, False, 6)])
def test_a_run_stopped_anywhere_resumes_to_the_same_bits(tmp_path, monkeypatch, number, before, steps_kept, optimizer):
    made = steps_of(6).windows[0]
    steps = Steps([made[:3], made[3:]])
    whole, _, lines = trained(tmp_path / "whole", steps, **RESUMABLE, optimizer=optimizer)
    stopped_at(tmp_path / "stopped", steps, monkeypatch, number, before, optimizer=optimizer)
    left = checkpoint.newest(tmp_path / "stopped" / "checkpoints")
    assert left.name == f"step_0000000{steps_kept}"
    model = AutoModelForCausalLM.from_pretrained(left)
    model, summary, again = trained(tmp_path / "stopped", steps, model=model, resume=True, **RESUMABLE, optimizer=optimizer)
    assert same(weights_of(whole), weights_of(model))
    told = ("step", "loss", "learning_rate", "grad_norm", "num_tokens")
    assert [[line[key] for key in told] for line in again] == [[line[key] for key in told] for line in lines]
    assert (summary.num_steps, summary.loss) == (6, lines[-1]["loss"])
