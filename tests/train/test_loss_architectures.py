"""The loss of encoder-decoders and encoders is the sum that its formula says, however rows are put into batches."""

import random
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from tiny import VOCABULARY
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    DistilBertConfig,
    DistilBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

from didact.base.errors import ModelError
from didact.data.batches import IGNORE, Batch
from didact.models.architecture import logits_of
from didact.train import loss as loss_module
from didact.train.attention import check_causal, check_finite
from didact.train.loss import WeightedLoss, to_device

CPU = torch.device("cpu")
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": VOCABULARY}
T5_SHAPE = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "dropout_rate": 0.0, "vocab_size": VOCABULARY}
DISTIL = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2, "dropout": 0.0, "attention_dropout": 0.0, "vocab_size": VOCABULARY}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
BART = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
BART |= {"encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "dropout": 0.0, "vocab_size": VOCABULARY, "max_position_embeddings": 64}
START = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}
READ_AND_WRITE = {
    "t5 1.1": (T5ForConditionalGeneration, T5Config(**T5_SHAPE, feed_forward_proj="gated-gelu", **START)),
    "t5 1.1, its own head": (T5ForConditionalGeneration, T5Config(**T5_SHAPE, tie_word_embeddings=False, **START)),
    "bart": (BartForConditionalGeneration, BartConfig(**BART, **{**START, "bos_token_id": 2})),
}
FILL = {
    "bert": (BertForPreTraining, BertConfig(**SHAPE, **NO_DROPOUT)),
    "bert without next sentence": (BertForMaskedLM, BertConfig(**SHAPE, **NO_DROPOUT)),
    "roberta": (RobertaForMaskedLM, RobertaConfig(**SHAPE, **NO_DROPOUT, type_vocab_size=1, pad_token_id=1)),
    "distilbert": (DistilBertForMaskedLM, DistilBertConfig(**DISTIL)),
}
ALL = {**READ_AND_WRITE, **FILL}


@dataclass(frozen=True)
class Told:
    """One row written out: what is read, what has to be told (with its weights), and what else the model is given."""

    read: list[int]
    labels: list[int]
    weights: list[float]
    types: list[int] | None = None
    next: int = IGNORE


def model_of(name, scale=3.0):
    """A random model whose logits are far from even; biases that begin as zeros are drawn too."""
    kind, config = ALL[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = kind(deepcopy(config))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(scale) if parameter.ndim >= 2 and not name.startswith("t5") else parameter.add_(0.1)
            if "bart" in name:
                model.final_logits_bias.normal_()
            if "bert" in name and hasattr(model, "cls"):
                model.cls.predictions.bias.normal_()
    return model.train()


def rows_for(name, count, seed=0):
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        read = [draw.randrange(3, 290) for _ in range(draw.randint(3, 20))]
        if name in READ_AND_WRITE:
            labels = [draw.randrange(1, 290) for _ in range(draw.randint(2, 12))]
            rows.append(Told(read, labels, [draw.choice([0.0, 0.3, 1.0]) for _ in labels]))
            continue
        weights = [draw.choice([0.0, 0.0, 1.0]) for _ in read]
        cut = draw.randint(1, len(read))
        types = [0] * cut + [1] * (len(read) - cut) if name != "roberta" else None
        asked = draw.choice([0, 1, IGNORE]) if name == "bert" else IGNORE
        rows.append(Told(read, [draw.randrange(3, 290) for _ in read], weights, types, asked))
    return rows


def batch_of(rows, reads_and_writes, more=0, pad=0):
    """The rows side by side, padded by at least `more`; an empty batch is one token of padding."""
    count, length = max(len(rows), 1), max((len(row.read) for row in rows), default=1) + more
    depth = max((len(row.labels) for row in rows), default=1) + more if reads_and_writes else length
    ids, segments = np.full((count, length), pad, np.int64), np.zeros((count, length), np.int32)
    labels, weights = np.full((count, depth), IGNORE, np.int64), np.zeros((count, depth), np.float32)
    types, starts = np.zeros((count, length), np.int64), np.full((count, depth), pad, np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row.read)], segments[number, : len(row.read)] = row.read, 1
        weights[number, : len(row.weights)] = row.weights
        labels[number, : len(row.labels)] = np.where(np.array(row.weights) != 0, row.labels, IGNORE)
        starts[number, : len(row.labels)] = [0, *row.labels[:-1]]
        types[number, : len(row.read)] = row.types or 0
    positions = np.broadcast_to(np.arange(length), ids.shape)
    if reads_and_writes:
        return Batch(ids, labels, weights, segments, positions, starts, (labels != IGNORE).astype(np.int32))
    typed = any(row.types for row in rows)
    asked = np.array([row.next for row in rows] or [IGNORE], np.int64)
    return Batch(ids, labels, weights, segments, positions, token_types=types if typed else None, next_segment=asked)


def literal_sum(model, rows):
    """Σ −w·log p and the number of predictions: one row and one token after the other, no padding, in float64."""
    model, total, count = deepcopy(model).double().eval(), 0.0, 0
    with torch.no_grad():
        for row in rows:
            given = {"input_ids": torch.tensor([row.read])}
            if model.config.is_encoder_decoder:
                given["decoder_input_ids"] = torch.tensor([[0, *row.labels[:-1]]])
            elif row.types and model.config.model_type == "bert":
                given["token_type_ids"] = torch.tensor([row.types])
            output = model(**given)
            for scores, label, weight in zip(logits_of(output)[0].numpy(), row.labels, row.weights, strict=True):
                total -= weight * (scores[label] - scores.max() - np.log(np.exp(scores - scores.max()).sum()))
                count += weight != 0
            if row.next != IGNORE:
                scores = output.seq_relationship_logits[0].numpy()
                total -= scores[row.next] - np.log(np.exp(scores).sum())
                count += 1
    return float(total), count


def summed(model, batches, factor=None):
    """The sum over batches and its gradients."""
    loss_of, total = WeightedLoss(model, "fp32"), 0.0
    model.zero_grad()
    for batch in batches:
        part = loss_of(to_device(batch, CPU), factor)
        part.backward()
        total += part.item()
    return total, {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(one, other):
    assert other[0] == pytest.approx(one[0], rel=1e-5)
    assert one[1].keys() == other[1].keys()
    for name, gradient in one[1].items():
        torch.testing.assert_close(other[1][name], gradient, rtol=1e-4, atol=1e-4 * max(1.0, float(gradient.abs().max())), msg=name)


@pytest.mark.parametrize("name", ALL)
def test_gradients_of_tables_added_where_they_lie_are_those_of_autograd(name):
    model, reads_and_writes = model_of(name), name in READ_AND_WRITE
    batches = [batch_of(rows_for(name, 3, seed), reads_and_writes, more=2) for seed in (1, 2)]
    assert_same(summed(model, batches), summed(model, batches, factor=1.0))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ALL)
def test_the_loss_is_the_literal_sum(name, attention):
    model, rows = model_of(name), rows_for(name, 6)
    model.set_attn_implementation(attention)
    batch = batch_of(rows, name in READ_AND_WRITE)
    total, count = literal_sum(model, rows)
    assert count == batch.num_targets > 10
    assert summed(model, [batch])[0] == pytest.approx(total, rel=1e-5)
    assert total / count > 1  # far from what a model that knows the answers would have


@pytest.mark.parametrize("name", ALL)
def test_a_batch_split_padded_or_permuted_has_the_same_sum_and_gradient(name):
    model, rows, both = model_of(name), rows_for(name, 6), name in READ_AND_WRITE
    whole = summed(model, [batch_of(rows, both)])
    assert_same(whole, summed(model, [batch_of(rows[:1], both), batch_of(rows[1:4], both), batch_of(rows[4:], both)]))
    assert_same(whole, summed(model, [batch_of(rows, both, more=7)]))
    assert_same(whole, summed(model, [batch_of([rows[i] for i in (3, 0, 5, 1, 4, 2)], both)]))
    assert_same(whole, summed(model, [batch_of(rows, both), batch_of([], both)]))  # a process that got no rows


@pytest.mark.parametrize("name", READ_AND_WRITE)
def test_the_token_that_pads_changes_nothing(name):
    model, rows = model_of(name), rows_for(name, 4)
    # BART's embedding of its padding token takes no part in gradients, so only the sum is compared.
    assert summed(model, [batch_of(rows, True, pad=9)])[0] == pytest.approx(summed(model, [batch_of(rows, True)])[0], rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_only_positions_with_a_weight_reach_the_head(name, monkeypatch):
    model, rows = model_of(name), rows_for(name, 6)
    loss_of, seen = WeightedLoss(model, "fp32"), []
    assert loss_of.direct
    whole = loss_module.head_loss
    monkeypatch.setattr(
        loss_module, "head_loss", lambda hidden, *rest, **named: (seen.append(len(hidden)), whole(hidden, *rest, **named))[1]
    )
    batch = batch_of(rows, name in READ_AND_WRITE)
    loss_of(to_device(batch, CPU))
    assert seen == [np.count_nonzero(batch.loss_weights)]
    assert seen[0] < batch.loss_weights.size
    assert not model.get_output_embeddings()._forward_pre_hooks  # what was hung in is taken out again


@pytest.mark.parametrize("name", ALL)
def test_a_head_that_counts_on_all_positions_gets_them(name):
    # A model that does something to its logits that depends on their place: the first tokens are scaled.
    model, rows = model_of(name), rows_for(name, 3)
    place = torch.linspace(0.5, 2.0, 64)
    model.get_output_embeddings().register_forward_hook(lambda _, __, made: made * place[: made.shape[1], None].to(made.dtype))
    loss_of = WeightedLoss(model, "fp32")
    assert not loss_of.skips
    batch = batch_of(rows, name in READ_AND_WRITE)
    assert loss_of(to_device(batch, CPU)).item() == pytest.approx(literal_sum(model, rows)[0], rel=1e-5)


def test_t5_divides_and_bart_adds_behind_its_hidden_states():
    # What the loss has to leave to the models: T5's states are divided by √32 before the shared table, BART's logits get a bias.
    rows = rows_for("bart", 3)
    bart = model_of("bart")
    with_bias = summed(bart, [batch_of(rows, True)])[0]
    bart.final_logits_bias.zero_()
    assert summed(bart, [batch_of(rows, True)])[0] != pytest.approx(with_bias, rel=1e-3)
    t5 = model_of("t5 1.1")
    divided = summed(t5, [batch_of(rows, True)])[0]
    t5.config.scale_decoder_outputs = False
    assert summed(t5, [batch_of(rows, True)])[0] != pytest.approx(divided, rel=1e-3)


def test_next_sentence_is_one_prediction_of_weight_1_for_each_row_that_asks():
    # By hand: logits (0, ln 3) of the second head, p = (1/4, 3/4). Rows that ask for 0 and 1, and one that asks nothing.
    model = model_of("bert")
    with torch.no_grad():
        model.cls.seq_relationship.weight.zero_()
        model.cls.seq_relationship.bias.copy_(torch.tensor([0.0, np.log(3.0)]))
    rows = [Told([5, 6, 7], [5, 6, 7], [0.0] * 3, [0, 1, 1], asked) for asked in (0, 1, IGNORE)]
    batch = batch_of(rows, False)
    assert batch.num_targets == 2
    assert summed(model, [batch])[0] == pytest.approx(np.log(4) + np.log(4 / 3), rel=1e-6)


def test_rows_that_ask_for_nothing_leave_the_second_head_in_the_graph():
    # Data-parallel training waits for the gradient of every weight.
    model, rows = model_of("bert"), [replace(row, next=IGNORE) for row in rows_for("bert", 3)]
    for batch in (batch_of(rows, False), replace(batch_of(rows, False), next_segment=None)):
        _, gradients = summed(model, [batch])
        assert gradients.keys() == {name for name, _ in model.named_parameters()}
        assert not gradients["cls.seq_relationship.weight"].any()


def test_next_sentence_without_a_head_for_it_is_refused_with_what_to_type():
    model = model_of("bert without next sentence")
    row = Told([5, 6, 7], [5, 6, 7], [1.0] * 3, [0, 1, 1], next=1)
    with pytest.raises(
        ModelError, match=r"BertForMaskedLM has no head for next-sentence(.|\n)*next: objective\.masked\.next_sentence=false"
    ):
        WeightedLoss(model, "fp32")(to_device(batch_of([row], False), CPU))


def test_which_text_a_token_is_of_reaches_the_encoder():
    model, rows = model_of("bert"), rows_for("bert", 4)
    one = summed(model, [batch_of(rows, False)])[0]
    other = summed(model, [batch_of([replace(row, types=[0] * len(row.read)) for row in rows], False)])[0]
    assert one != pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_bfloat16_gives_a_float32_loss_near_the_exact_one(name):
    model, rows = model_of(name, scale=1.0), rows_for(name, 4)
    targets = to_device(batch_of(rows, name in READ_AND_WRITE), CPU)
    exact, rounded = (WeightedLoss(model, precision)(targets) for precision in ("fp32", "bf16"))
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact.item(), rel=0.03)


@pytest.mark.parametrize("name", READ_AND_WRITE)
def test_the_self_test_passes_decoders_that_do_not_see_what_they_predict(name):
    check_causal(model_of(name), VOCABULARY)


@pytest.mark.parametrize("name", READ_AND_WRITE)
def test_the_self_test_refuses_a_decoder_that_sees_what_it_predicts(name):
    model = model_of(name)
    # The embedding of the next token added to each: what a decoder without its mask has.
    model.get_decoder().embed_tokens.register_forward_hook(lambda _, __, out: out + torch.cat([out[:, 1:], out[:, :1]], 1))
    with pytest.raises(ModelError, match=r"sees the token that it is to predict"):
        check_causal(model, VOCABULARY)


def test_an_encoder_whose_logits_are_no_numbers_is_refused():
    model = model_of("bert")
    check_finite(model, VOCABULARY)
    with torch.no_grad():
        model.bert.encoder.layer[0].output.dense.weight[0, 0] = torch.nan
    with pytest.raises(ModelError, match=r"logits of BertForPreTraining are not numbers(.|\n)*model\.base"):
        check_finite(model, VOCABULARY)
