"""The weighted loss is the sum that its formula says, however the tokens are put into batches."""

import math

import pytest
import torch
from tiny import MODELS, VOCABULARY, batch_of, example, literal_sum, random_model, random_rows
from torch import nn
from transformers import CohereConfig, Gemma2Config, GraniteConfig
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput

from didact.base.recipe import Objective
from didact.data.batches import micro_batches, num_targets
from didact.train import head_loss as head_module
from didact.train import loss as loss_module
from didact.train.attention import keep_apart
from didact.train.loss import WeightedLoss, to_device
from didact.train.softmax import weighted_nll

CPU = torch.device("cpu")
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}

# Prompt log-probabilities −1, −2 (its first token is nobody's target), response −0.5, −1.5, −3.
LOG_PROBS = [-1.0, -2.0, -0.5, -1.5, -3.0]
WORKED = [
    ((0, 1), (0.5 + 1.5 + 3) / 3),  # 1.6667
    ((0.2, 0.8), (0.2 * 3 + 0.8 * 5) / 5),  # 0.92
    ((1, 1), (3 + 5) / 5),  # 1.6
    ((1, 0), 3 / 2),  # 1.5
    ((0, 0.4), 0.4 * 5 / 3),  # 0.6667
]


def worked_example():
    """Tokens 1 to 6: three of a prompt, three of a response."""
    return example([1, 2, 3, 4, 5, 6], [1, 1, 1, 2, 2, 2])


def worked_logits():
    """(9, 9): after token t, token t + 1 has the log-probability above; the others share the rest."""
    logits = torch.zeros(9, 9)
    for token, log_prob in enumerate(LOG_PROBS, start=1):
        logits[token] = math.log((1 - math.exp(log_prob)) / 8)
        logits[token, token + 1] = log_prob
    return logits


class Bigram(nn.Module):
    """A model of nine tokens that only knows the last one: its hidden state is the token, its head the table of logits."""

    class Body(nn.Module):
        def forward(self, input_ids, use_cache):
            return BaseModelOutput(last_hidden_state=nn.functional.one_hot(input_ids, 9).float())

    device, config = CPU, MODELS["llama"]

    def __init__(self):
        super().__init__()
        self.base_model, self.head = self.Body(), nn.Linear(9, 9, bias=False)
        self.head.weight.data = worked_logits().T.contiguous()

    def get_output_embeddings(self):
        return self.head

    def forward(self, input_ids, use_cache=False):
        return CausalLMOutput(logits=self.head(self.base_model(input_ids, use_cache).last_hidden_state))


def summed(model, rows, objective, most_tokens=10_000, processes=1):
    """The step's loss and its gradients, as the loop adds them up."""
    loss_of, normaliser, total = WeightedLoss(model, "fp32"), num_targets(rows, objective), 0.0
    model.zero_grad()
    for mine in micro_batches(rows, most_tokens, processes):
        for micro in mine:
            part = loss_of(to_device(batch_of(micro, objective), CPU)) / normaliser
            part.backward()
            total += part.item()
    return total, {name: p.grad.clone() for name, p in model.named_parameters()}


def assert_same(one, other, factor=1.0):
    assert other[0] == pytest.approx(factor * one[0], rel=1e-5)
    for name, gradient in one[1].items():
        torch.testing.assert_close(other[1][name], factor * gradient, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize(("weights", "expected"), WORKED)
def test_the_worked_values_come_out_of_collate_and_weighted_nll(weights, expected):
    objective = Objective(prompt_weight=weights[0], response_weight=weights[1])
    row = (worked_example(),)
    targets = to_device(batch_of([row], objective), CPU)
    logits = worked_logits()[targets.input_ids.flatten()[targets.rows]]
    loss = weighted_nll(logits, targets.labels, targets.weights) / num_targets([row], objective)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("weights", "expected"), WORKED)
@pytest.mark.parametrize("direct", [True, False])
def test_the_worked_values_come_out_of_a_model(weights, expected, direct):
    objective = Objective(prompt_weight=weights[0], response_weight=weights[1])
    loss_of = WeightedLoss(Bigram(), "fp32")
    assert loss_of.direct
    loss_of.direct = direct
    row = (worked_example(),)
    loss = loss_of(to_device(batch_of([row], objective), CPU)) / num_targets([row], objective)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("weights", [(0, 1), (0.2, 1), (1, 1), (1, 0), (0.2, 0), (0, 0.2)])
@pytest.mark.parametrize("name", MODELS)
def test_the_loss_is_the_literal_sum_over_tokens(name, weights):
    objective = Objective(prompt_weight=weights[0], response_weight=weights[1])
    model, rows = random_model(MODELS[name]), random_rows(5)
    loss_of = WeightedLoss(model, "fp32")
    assert loss_of.direct
    total, count = literal_sum(model, rows, objective)
    assert loss_of(to_device(batch_of(rows, objective), CPU)).item() == pytest.approx(total, rel=1e-5)
    assert num_targets(rows, objective) == count == batch_of(rows, objective).num_targets


def test_only_positions_with_a_weight_reach_the_head(monkeypatch):
    objective, rows, model = Objective(), random_rows(6), random_model(MODELS["llama"])
    loss_of, seen, made = WeightedLoss(model, "fp32"), [], []
    whole = loss_module.head_loss
    monkeypatch.setattr(
        loss_module, "head_loss", lambda hidden, *rest, **named: (seen.append(tuple(hidden.shape)), whole(hidden, *rest, **named))[1]
    )
    model.get_output_embeddings().register_forward_hook(lambda _, __, logits: made.append(logits.numel()))
    loss_of(to_device(batch_of(rows, objective), CPU))
    responses = sum(int((document.roles == 2).sum()) for row in rows for document in row)
    assert seen == [(responses, 32)]
    assert made == [0]  # the model's own head has nothing to do
    assert responses < sum(len(document) for row in rows for document in row)


def test_a_batch_without_a_weight_has_a_loss_of_zero_that_can_be_differentiated():
    model = random_model(MODELS["llama"])
    for rows in ([(example([5, 6, 7], [1, 1, 1]),)], []):
        loss = WeightedLoss(model, "fp32")(to_device(batch_of(rows, Objective()), CPU))
        loss.backward()
        assert loss.item() == 0.0
        assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_the_head_in_chunks_says_the_same(monkeypatch):
    objective, rows, model = Objective(prompt_weight=0.2), random_rows(4), random_model(MODELS["llama"])
    whole = summed(model, rows, objective)
    monkeypatch.setitem(head_module.LOGITS_BYTES, "cpu", 7 * 4 * VOCABULARY + 1)  # seven rows of float32
    parts = summed(model, rows, objective)
    assert_same(whole, parts)


@pytest.mark.parametrize(
    "config",
    [
        Gemma2Config(**SMALL, head_dim=16, vocab_size=VOCABULARY),
        CohereConfig(**SMALL, vocab_size=VOCABULARY),
        GraniteConfig(**SMALL, vocab_size=VOCABULARY, logits_scaling=8.0),
    ],
    ids=["gemma2 caps", "cohere scales", "granite divides"],
)
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_scales_and_caps_of_logits_are_known_and_part_of_the_loss(config, scale):
    # scale 1.0: logits so small that the cap of 30 changes them by less than rounding shows.
    objective, rows, model = Objective(prompt_weight=0.2), random_rows(3), random_model(config, scale=scale)
    loss_of = WeightedLoss(model, "fp32")
    assert loss_of.direct
    assert loss_of(to_device(batch_of(rows, objective), CPU)).item() == pytest.approx(literal_sum(model, rows, objective)[0], rel=1e-5)


def test_what_is_not_known_of_the_logits_is_left_to_the_model():
    objective, rows, model = Objective(prompt_weight=0.2), random_rows(3), random_model(MODELS["llama"])
    model.get_output_embeddings().register_forward_hook(lambda _, __, logits: logits - 0.5 * logits.abs())
    loss_of = WeightedLoss(model, "fp32")
    assert not loss_of.direct
    assert loss_of.skips
    assert loss_of(to_device(batch_of(rows, objective), CPU)).item() == pytest.approx(literal_sum(model, rows, objective)[0], rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("most_tokens", "processes"), [(20, 1), (45, 1), (10_000, 2), (30, 3)])
def test_micro_batches_and_processes_do_not_change_a_step(name, most_tokens, processes):
    objective, rows, model = Objective(prompt_weight=0.2), random_rows(7), random_model(MODELS[name])
    whole = summed(model, rows, objective)
    assert whole[0] == pytest.approx(literal_sum(model, rows, objective)[0] / num_targets(rows, objective), rel=1e-5)
    assert_same(whole, summed(model, rows, objective, most_tokens, processes))


def test_rows_permuted_do_not_change_a_step():
    objective, rows, model = Objective(prompt_weight=0.2), random_rows(6), random_model(MODELS["llama"])
    assert_same(summed(model, rows, objective), summed(model, [rows[i] for i in (3, 0, 5, 1, 4, 2)], objective))


@pytest.mark.parametrize("name", MODELS)
def test_padding_does_not_change_the_loss_of_a_row(name):
    objective, model = Objective(prompt_weight=0.2), random_model(MODELS[name])
    short, long = random_rows(1), [(example(list(range(3, 60)), [1] * 57),)]  # 57 tokens, the last of them a prompt
    alone, padder, both = (summed(model, rows, objective)[0] for rows in (short, long, short + long))
    numbers = [num_targets(rows, objective) for rows in (short, long, short + long)]
    assert both * numbers[2] == pytest.approx(alone * numbers[0] + padder * numbers[1], rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_packed_rows_and_separate_rows_are_the_same_step(name):
    objective, packed, model = Objective(prompt_weight=0.2), random_rows(3, documents=4), random_model(MODELS[name])
    separate = summed(model, [(document,) for row in packed for document in row], objective)
    keep_apart(model, VOCABULARY)
    assert_same(separate, summed(model, packed, objective))


@pytest.mark.parametrize("weights", [(0, 0.5), (0.2, 0.5)])
def test_twice_the_weights_are_twice_the_loss(weights):
    rows, model = random_rows(4), random_model(MODELS["llama"])
    one, two = (summed(model, rows, Objective(prompt_weight=f * weights[0], response_weight=f * weights[1])) for f in (1, 2))
    assert_same(one, two, factor=2.0)


def test_bfloat16_gives_a_float32_loss_near_the_exact_one():
    model, rows = random_model(MODELS["llama"], scale=1.0), random_rows(3)
    targets = to_device(batch_of(rows, Objective()), CPU)
    exact, rounded = (WeightedLoss(model, precision)(targets) for precision in ("fp32", "bf16"))
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact.item(), rel=0.02)
