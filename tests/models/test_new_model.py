"""Models of three architectures: made from nothing with the size that their shape says, saved, and loaded whole or refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import TEXTS, tokeniser
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoModelForSeq2SeqLM,
    BertConfig,
    BertForMaskedLM,
    RobertaConfig,
    T5Config,
)

from didact.base.errors import ModelError
from didact.base.recipe import ModelSection, NewModel
from didact.models.architecture import logits_of
from didact.models.load import Loaded, check_fit, check_positions, load_base, load_checkpoint, load_tokeniser, save
from didact.models.tokenizer import train_tokenizer

NEW = ("t5", "bart", "bert")
CLASSES = {"t5": "T5ForConditionalGeneration", "bart": "BartForConditionalGeneration", "bert": "BertForPreTraining"}
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 66}
V = 302
"""Tokens of the tiny tokeniser: 300 and two of chatml."""


def new(architecture, seed=0, **shape):
    section = ModelSection(
        base="new", new=NewModel(**{"architecture": architecture, "width": 32, "depth": 2, "decoder_depth": 1, "heads": 2, **shape})
    )
    return load_base(section, tokeniser(), (), positions=64, seed=seed)


def logits(made):
    """Logits for two rows, the second with two tokens of padding."""
    ids = torch.arange(1, 15).view(2, 7)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    given = {"input_ids": ids, "attention_mask": mask}
    if made.start_id is not None:
        given["decoder_input_ids"] = torch.tensor([[made.start_id, 5, 6], [made.start_id, 7, 8]])
    with torch.no_grad():
        return logits_of(made.model(**given))


def test_a_new_t5_has_the_size_that_its_shape_says():
    # 302 tokens x 32, shared by encoder, decoder and head. Attention: 4 x 32² and a norm; gated layer: 3 x 32 x 128 and a norm.
    # The first layer of each side has 32 distances for each of 2 heads.
    attention, gated = 4 * 32 * 32 + 32, 3 * 32 * 128 + 32
    encoder = 2 * (attention + gated) + 2 * 32 + 32
    decoder = 1 * (2 * attention + gated) + 2 * 32 + 32
    assert new("t5").num_parameters == V * 32 + encoder + decoder


def test_a_new_bart_has_the_size_that_its_shape_says():
    # 302 tokens x 32, shared. A layer: attention with biases, 4 x 32 x 33, and a norm; 32 -> 128 -> 32 with biases, and a norm.
    # Either side: 64 positions and the 2 that BART keeps free, and a norm behind the embeddings.
    attention, inner, norm = 4 * 32 * 33, 32 * 128 + 128 + 128 * 32 + 32, 2 * 32
    encoder = 2 * (attention + inner + 2 * norm) + 66 * 32 + norm
    decoder = 1 * (2 * attention + inner + 3 * norm) + 66 * 32 + norm
    assert new("bart").num_parameters == V * 32 + encoder + decoder


def test_a_new_bert_has_the_size_that_its_shape_says():
    attention, inner, norm = 4 * 32 * 33, 32 * 128 + 128 + 128 * 32 + 32, 2 * 32
    body = V * 32 + 64 * 32 + 2 * 32 + norm + 2 * (attention + inner + 2 * norm) + 32 * 33  # the last: the pooler
    heads = 32 * 33 + norm + V + 2 * 32 + 2  # its own layer, norm and biases for the words (shared weights); next sentence
    assert new("bert").num_parameters == body + heads


@pytest.mark.parametrize("architecture", NEW)
def test_both_sides_are_as_deep_where_nothing_else_is_said(architecture):
    equal, given = new(architecture, decoder_depth=None).num_parameters, new(architecture, decoder_depth=2).num_parameters
    assert equal == given
    assert (new(architecture).num_parameters < given) == (architecture != "bert")


@pytest.mark.parametrize("architecture", NEW)
def test_nothing_is_dropped_in_training(architecture):
    made = new(architecture)
    made.model.train()
    training = logits(made)
    made.model.eval()
    assert torch.equal(training, logits(made))


@pytest.mark.parametrize("architecture", NEW)
def test_weights_are_drawn_from_the_seed_alone(architecture):
    torch.manual_seed(1)
    one = new(architecture).model.state_dict()
    torch.manual_seed(2)
    two, other = new(architecture).model.state_dict(), new(architecture, seed=1).model.state_dict()
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
    assert any(not torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert {tensor.dtype for tensor in one.values()} == {torch.float32}


def test_special_tokens_are_those_of_the_tokenizer():
    made = tokeniser()
    pad, end = made.tokenizer.pad_token_id, made.eos_id
    assert pad != end
    for architecture, start in (("t5", pad), ("bart", end), ("bert", None)):
        loaded = new(architecture)
        config = loaded.model.config
        assert (config.pad_token_id, config.eos_token_id, loaded.start_id) == (pad, end, start)


def test_architectures_are_told_apart():
    assert [new(name).architecture for name in (*NEW, "llama", "gpt2")] == [
        "encoder_decoder",
        "encoder_decoder",
        "encoder",
        "decoder",
        "decoder",
    ]


@pytest.mark.parametrize("architecture", NEW)
def test_a_saved_model_is_an_ordinary_transformers_folder_and_comes_back_bit_for_bit(architecture, tmp_path):
    made = new(architecture)
    made.model.eval()
    save(made, tmp_path)
    auto = AutoModelForPreTraining if architecture == "bert" else AutoModelForSeq2SeqLM
    theirs = auto.from_pretrained(tmp_path).eval()
    again = load_checkpoint(tmp_path)
    again.model.eval()
    assert type(again.model).__name__ == type(theirs).__name__ == CLASSES[architecture]
    assert (again.architecture, again.start_id, again.num_parameters) == (made.architecture, made.start_id, made.num_parameters)
    assert torch.equal(logits(again), logits(made))
    assert torch.equal(logits(Loaded(theirs, made.tokeniser)), logits(made))


def test_plain_transformers_starts_and_stops_a_saved_encoder_decoder_as_it_was_tuned(tmp_path):
    for architecture in ("t5", "bart"):
        made = new(architecture)
        # As BART's own files have it: tokens that no training here has seen.
        made.model.generation_config.forced_bos_token_id = 7
        made.model.generation_config.forced_eos_token_id = 8
        save(made, tmp_path / architecture)
        model = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / architecture)
        config = model.generation_config
        assert (config.forced_bos_token_id, config.forced_eos_token_id) == (None, None)
        assert config.eos_token_id == [made.tokeniser.controls["<|im_end|>"], made.tokeniser.eos_id]
        assert model.generate(torch.tensor([[5, 6]]), max_new_tokens=3, do_sample=False)[0, 0].item() == made.start_id


# A weight of the body; the tied tables and BART's bias of zeros may be absent, as in the files that Google and Meta publish.
LACKING = {
    "t5": "decoder.block.0.layer.1.EncDecAttention.k.weight",
    "bart": "model.decoder.layers.0.encoder_attn.k_proj.weight",
    "bert": "bert.encoder.layer.1.output.dense.weight",
}


@pytest.mark.parametrize("architecture", NEW)
def test_weights_that_lack_some_are_refused_rather_than_drawn_at_random(architecture, tmp_path):
    save(new(architecture), tmp_path)
    table = load_file(tmp_path / "model.safetensors")
    del table[LACKING[architecture]]
    save_file(table, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=rf"lacks 1 of the weights of \w+: {LACKING[architecture]}(.|\n)*set model\.base to one"):
        load_checkpoint(tmp_path)


def test_an_encoder_keeps_its_next_sentence_head_exactly_where_its_file_has_one(tmp_path):
    # Google's BERT files say `BertForMaskedLM` and hold both heads; those of others hold one.
    both = new("bert").model
    for name, model in (("both", both), ("words", BertForMaskedLM(both.config))):
        model.save_pretrained(tmp_path / name)
        config = json.loads((tmp_path / name / "config.json").read_text())
        (tmp_path / name / "config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
        tokeniser().tokenizer.save_pretrained(tmp_path / name)
        loaded = load_base(ModelSection(base=str(tmp_path / name)), tokeniser(), (), positions=64, seed=0)
        assert type(loaded.model).__name__ == {"both": "BertForPreTraining", "words": "BertForMaskedLM"}[name]
        assert loaded.architecture == "encoder"


@pytest.mark.parametrize("architecture", NEW)
def test_new_control_tokens_begin_as_the_mean_of_the_known_rows(architecture, tmp_path):
    # A base of 300 tokens and 320 rows, as T5 has more rows than tokens; chatml adds two.
    tokenizer = train_tokenizer(TEXTS, 300)
    shape = ModelSection(base="new", new=NewModel(architecture=architecture, width=32, depth=1, heads=2))
    model = load_base(shape, tokeniser("plain"), (), positions=64, seed=0).model
    if architecture != "bert":
        model.resize_token_embeddings(320, mean_resizing=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(0))
    before = model.get_input_embeddings().weight[:300].clone()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    section = ModelSection(base=str(tmp_path))
    ready, controls = load_tokeniser(section, "chatml", lambda: ())
    loaded = load_base(section, ready, controls, positions=64, seed=0)
    ids = [loaded.tokeniser.controls[name] for name in loaded.new_controls]
    assert ids == [300, 301]
    for layer in (loaded.model.get_input_embeddings(), loaded.model.get_output_embeddings()):
        assert layer.weight.shape[0] == (302 if architecture == "bert" else 320)
        assert torch.equal(layer.weight[:300], before)
        torch.testing.assert_close(layer.weight[ids], before.mean(0).expand(2, -1), rtol=1e-5, atol=1e-6)
    assert logits(loaded).shape[-1] == layer.weight.shape[0]
    if architecture == "bert":
        bias = loaded.model.get_output_embeddings().bias
        assert bias is loaded.model.cls.predictions.bias
        torch.testing.assert_close(bias[ids], bias[:300].mean().expand(2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "kind", "words"),
    [
        ("t5", "causal", r"is causal, and .* is an encoder-decoder(.|\n)*one of: span_corruption, ul2, bart, seq2seq(.|\n)*kind=seq2seq"),
        ("bart", "masked", r"is masked, and .* is an encoder-decoder(.|\n)*next: objective\.kind=seq2seq"),
        ("bert", "causal", r"is causal, and .* is an encoder\n(.|\n)*next: objective\.kind=masked"),
        ("llama", "seq2seq", r"is seq2seq, and .* is a decoder(.|\n)*one of: causal, prefix(.|\n)*next: objective\.kind=causal"),
        ("gpt2", "masked", r"next: objective\.kind=causal"),
    ],
)
def test_an_objective_for_another_architecture_is_refused_with_what_to_type(architecture, kind, words, tmp_path):
    save(new(architecture), tmp_path)
    with pytest.raises(ModelError, match=words):
        check_fit(ModelSection(base=str(tmp_path)), kind, 64)
    with pytest.raises(ModelError, match=words):
        check_fit(ModelSection(base="new", new=NewModel(architecture=architecture)), kind, 64)


def test_an_objective_that_fits_is_let_through(tmp_path):
    for architecture, kinds in (
        ("t5", ("seq2seq", "ul2", "bart", "span_corruption")),
        ("bert", ("masked",)),
        ("gpt2", ("causal", "prefix")),
    ):
        save(new(architecture), tmp_path / architecture)
        for kind in kinds:
            check_fit(ModelSection(base=str(tmp_path / architecture)), kind, 64)


def test_t5_has_no_longest_sequence_and_robertas_places_begin_behind_its_padding(tmp_path):
    # Files of T5 1.0 say `n_positions: 512`: what they were trained on, not what they can read.
    T5Config(n_positions=512).save_pretrained(tmp_path / "t5")
    check_positions(ModelSection(base=str(tmp_path / "t5")), 4096)
    RobertaConfig(**SIZES, pad_token_id=1).save_pretrained(tmp_path / "roberta")
    check_positions(ModelSection(base=str(tmp_path / "roberta")), 64)
    with pytest.raises(ModelError, match=r"built for 64 tokens(.|\n)*next: sequence\.max_length=64"):
        check_positions(ModelSection(base=str(tmp_path / "roberta")), 65)
    model = AutoModelForMaskedLM.from_config(RobertaConfig(**SIZES, vocab_size=300, pad_token_id=1))
    assert model(input_ids=torch.full((1, 64), 5)).logits.shape == (1, 64, 300)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, 65), 5))
    BertConfig(**SIZES).save_pretrained(tmp_path / "bert")
    with pytest.raises(ModelError, match=r"next: sequence\.max_length=66"):
        check_positions(ModelSection(base=str(tmp_path / "bert")), 67)


def test_a_shape_that_no_model_can_have_is_refused():
    for architecture in NEW:
        with pytest.raises(ModelError, match=r"width 200 is not a multiple of 3 heads(.|\n)*model\.new\.heads"):
            new(architecture, width=200, heads=None)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_small_t5_trains_stably_in_either_precision(precision):
    # Eight tokens to be repeated, rate 0.003. The scores of T5's attention are not scaled: its initial weights see to that.
    model = new("t5").model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    draw = torch.Generator().manual_seed(0)
    losses, norms = [], []
    for _ in range(60):
        row = torch.randint(3, 20, (16, 8), generator=draw)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            logits = model(input_ids=row, labels=row).logits
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), row.flatten())
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    # It begins near the loss of even guesses among 302 tokens, ln 302 = 5.7, and is well on the way to the 17 that occur, ln 17 = 2.8.
    assert 5 < losses[0] < 7
    assert sum(losses[-5:]) / 5 < 3.7
    assert max(norms) < 20
    assert all(later < losses[0] + 0.5 for later in losses)
