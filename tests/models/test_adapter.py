"""An adapter is all that is trained, says what the base said until it is, and comes back bit for bit."""

import json
import math
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import MODELS, TEXTS, VOCABULARY, Steps, random_model, random_rows
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, BartConfig, BertConfig, PhiConfig, T5Config

from didact.base.errors import ModelError, PrerequisiteError
from didact.base.recipe import AdapterSection, ModelSection, Objective, TrainSection
from didact.models.adapter import inject, trained
from didact.models.architecture import logits_of
from didact.models.load import adapted, check_fit, load_base, load_checkpoint, load_tokeniser, merged, save
from didact.models.targets import linear_layers, targets_of
from didact.models.tokenizer import train_tokenizer
from didact.train.loop import tune

pytest.importorskip("peft")
SMALL = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
BART = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
BERT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
SHAPES = {
    **MODELS,
    "t5": T5Config(
        d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, feed_forward_proj="gated-gelu", decoder_start_token_id=1, **SMALL
    ),
    "bart": BartConfig(encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64, decoder_start_token_id=0, **BART, **SMALL),
    "bert": BertConfig(**BERT, **SMALL),
    "phi": PhiConfig(**BERT, **SMALL),
}
AUTO = {"t5": AutoModelForSeq2SeqLM, "bart": AutoModelForSeq2SeqLM, "bert": AutoModelForMaskedLM}


def base(folder, shape="llama", tied=False, rows=300):
    """A folder with a random base of that shape, whose tokenizer has 300 tokens and knows no chat format."""
    config = type(SHAPES[shape])(**{**SHAPES[shape].to_dict(), "vocab_size": rows, "tie_word_embeddings": tied})
    torch.manual_seed(1)
    model = AUTO.get(shape, AutoModelForCausalLM).from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.2)
    model.save_pretrained(folder)
    train_tokenizer(TEXTS, 300).save_pretrained(folder)
    return folder


def with_adapter(folder, chat_format="chatml", kind="lora", seed=0, **settings):
    section = ModelSection(base=str(folder), adapter=AdapterSection(kind=kind, **{"rank": 4, "alpha": 8.0, **settings}))
    made, controls = load_tokeniser(section, chat_format, lambda: ())
    return adapted(load_base(section, made, controls, positions=64, seed=seed), section, seed)


def disturb(loaded, seed=0):
    """Stands for training: everything that is trained becomes something else."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return loaded


def answers(loaded):
    """Logits for a row that has both control tokens of chatml in it."""
    ids = torch.tensor([[300, 5, 17, 301, 40, 299]]) % len(loaded.tokeniser.tokenizer)
    given = {"input_ids": ids} if loaded.architecture != "encoder_decoder" else {"input_ids": ids, "decoder_input_ids": ids}
    with torch.no_grad():
        return logits_of(loaded.model.eval()(**given))


TARGETS = {
    "llama": {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
    "gpt2": {"c_attn", "c_proj", "c_fc"},
    "t5": {"q", "k", "v", "o", "wi_0", "wi_1", "wo"},
    "bart": {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"},
    "bert": {"query", "key", "value", "dense"},
}
# Layers x (attention + mlp): 2 x (4 + 3); 2 x (2 + 2); encoder 4 + 3, decoder 8 + 3; encoder 4 + 2, decoder 8 + 2; 4 + 2.
NUM_TARGETS = {"llama": 14, "gpt2": 8, "t5": 18, "bart": 16, "bert": 6}


@pytest.mark.parametrize("shape", TARGETS)
def test_by_default_every_linear_layer_of_a_block_is_a_target_and_no_other(tmp_path, shape):
    loaded = with_adapter(base(tmp_path, shape))
    found = [name for name, module in loaded.model.named_modules() if hasattr(module, "lora_A")]
    assert {name.rpartition(".")[2] for name in found} == TARGETS[shape]
    assert len(found) == NUM_TARGETS[shape]


@pytest.mark.parametrize("kind", ["lora", "dora"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_adapter_says_what_the_base_said_then_comes_back_bit_for_bit_then_merges(tmp_path, shape, tied, kind):
    folder = base(tmp_path / "base", shape, tied)
    section = ModelSection(base=str(folder))
    made, controls = load_tokeniser(section, "chatml", lambda: ())
    untouched = load_base(section, made, controls, positions=64, seed=0)
    loaded = with_adapter(folder, kind=kind)
    before = answers(untouched)
    torch.testing.assert_close(answers(loaded), before, rtol=1e-4, atol=1e-4)
    tuned = answers(disturb(loaded))
    assert (tuned - before).abs().max() > 0.1
    save(loaded, tmp_path / "saved")
    again = load_checkpoint(tmp_path / "saved")
    assert torch.equal(answers(again), tuned)
    assert (again.num_trained, again.num_parameters) == (loaded.num_trained, loaded.num_parameters)
    whole = merged(again)
    assert (answers(whole) - tuned).abs().max() <= 1e-5 * tuned.abs().max()
    assert [name for name, _ in whole.model.named_parameters()] == [name for name, _ in untouched.model.named_parameters()]
    if tied or shape not in ("bart", "bert"):  # transformers cannot read what it writes of these two, with an adapter or without
        save(whole, tmp_path / "merged")
        assert torch.equal(answers(load_checkpoint(tmp_path / "merged")), answers(whole))


def test_the_trained_weights_are_the_thin_matrices_and_the_new_tokens_rows(tmp_path):
    # Width 32, key heads 16 wide, mlp 64, rank 4; a layer: q, o (32+32), k, v (32+16), gate, up, down (32+64). Two tokens of chatml.
    matrices = 2 * 4 * (2 * 64 + 2 * 48 + 3 * 96)
    assert with_adapter(base(tmp_path / "tied", tied=True)).num_trained == matrices + 2 * 32
    loaded = with_adapter(base(tmp_path / "untied"))
    assert loaded.num_trained == matrices + 2 * 2 * 32
    names = [name for name, parameter in loaded.model.named_parameters() if parameter.requires_grad]
    assert all("lora_A" in name or "lora_B" in name or name.endswith("parametrizations.weight.0.rows") for name in names)
    assert len(names) == 2 * 14 + 2
    # A base that knows all tokens has no rows to train.
    assert with_adapter(base(tmp_path / "known"), "alpaca").num_trained == matrices
    assert with_adapter(tmp_path / "known", train_embeddings="none").num_trained == matrices
    assert with_adapter(tmp_path / "known", train_embeddings="all").num_trained == matrices + 2 * 302 * 32
    # DoRA: one number for each output of each target.
    assert with_adapter(tmp_path / "known", "alpaca", "dora").num_trained == matrices + 2 * (3 * 32 + 2 * 16 + 2 * 64)


@pytest.mark.parametrize("embeddings", ["all", "none"])
def test_whole_embeddings_or_none_come_back_too(tmp_path, embeddings):
    for tied in (True, False):
        loaded = disturb(with_adapter(base(tmp_path / f"base{tied}", tied=tied), train_embeddings=embeddings))
        save(loaded, tmp_path / f"saved{tied}")
        again = load_checkpoint(tmp_path / f"saved{tied}")
        assert torch.equal(answers(again), answers(loaded))
        assert (again.model.get_input_embeddings().weight is again.model.get_output_embeddings().weight) == tied


def tuned(loaded, folder, steps=4, resume=False, packed=True):
    rows = random_rows(24, documents=2 if packed else 1)
    stream = Steps([[rows[i : i + 4] for i in range(0, 24, 4)]])
    settings = TrainSection(learning_rate=0.01, precision="fp32", log_every=1, checkpoint_every=2, weight_decay=0.1)
    given = {"objective": Objective(kind="causal"), "settings": settings, "packed": packed, "seed": 0, "folder": folder}
    return tune(loaded, stream, steps, resume=resume, **given)


@pytest.mark.parametrize("kind", ["lora", "dora"])
@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_training_changes_the_adapter_and_leaves_the_base_as_it_is(tmp_path, shape, kind):
    folder = base(tmp_path / "base", shape, tied=True)
    file = (folder / "model.safetensors").read_bytes()
    loaded = with_adapter(folder, kind=kind, dropout=0.1)
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    rows = list(loaded.new_rows)
    tuned(loaded, tmp_path / "run")
    trainable = {name for name, parameter in loaded.model.named_parameters() if parameter.requires_grad}
    changed = {name for name, tensor in loaded.model.state_dict().items() if not torch.equal(tensor, before[name])}
    tables = {name for name in before if name.endswith("parametrizations.weight.original")}
    rows_too = {name for name in before if name.endswith(".rows")}
    assert {name for name in trainable if "lora_" in name} <= changed <= trainable | tables | rows_too
    for name in tables:  # what nobody trained may stand in the new tokens' rows alone
        assert torch.equal(loaded.model.state_dict()[name][: rows[0]], before[name][: rows[0]])
    assert (folder / "model.safetensors").read_bytes() == file
    checkpoint = tmp_path / "run" / "checkpoints" / "step_00000004"
    assert set(load_file(checkpoint / "adapter_model.safetensors")) == set(trained(loaded.model))
    assert not (checkpoint / "model.safetensors").exists()
    assert torch.equal(answers(load_checkpoint(checkpoint)), answers(loaded))


def test_a_resumed_run_of_an_adapter_gives_the_same_bytes(tmp_path):
    folder = base(tmp_path / "base", tied=True)
    name = "checkpoints/step_00000006/adapter_model.safetensors"
    tuned(with_adapter(folder, dropout=0.1), tmp_path / "whole", 6)
    # Six steps in one go decay the learning rate as those of a run that was killed behind its fourth.
    with pytest.raises(KeyboardInterrupt):
        stopped(with_adapter(folder, dropout=0.1), tmp_path / "killed")
    tuned(load_checkpoint(tmp_path / "killed" / "checkpoints" / "step_00000004"), tmp_path / "killed", 6, resume=True)
    assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def stopped(loaded, folder):
    """A run of six steps that ends behind its fourth."""
    rows = random_rows(24, documents=2)
    settings = TrainSection(learning_rate=0.01, precision="fp32", log_every=1, checkpoint_every=2, weight_decay=0.1)

    def on_step(step):
        if step.step == 4:
            raise KeyboardInterrupt

    stream = Steps([[rows[i : i + 4] for i in range(0, 24, 4)]])
    given = {"objective": Objective(kind="causal"), "settings": settings, "packed": True, "seed": 0, "folder": folder}
    tune(loaded, stream, 6, on_step=on_step, **given)


def test_the_head_is_still_fed_only_what_counts(tmp_path):
    summary = tuned(with_adapter(base(tmp_path / "base")), tmp_path / "run", 2, packed=False)
    assert summary.head == "positions of weight 0 skipped"
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(math.isfinite(line["loss"]) and line["grad_norm"] > 0 for line in metrics)


@pytest.mark.parametrize(("rslora", "scale"), [(False, 8 / 4), (True, 8 / 2)])
def test_what_is_added_is_scaled_by_alpha_over_rank_or_its_root(tmp_path, rslora, scale):
    loaded = disturb(with_adapter(base(tmp_path), "alpaca", rslora=rslora, targets=["layers.1.mlp.down_proj"]))
    layer = loaded.model.model.layers[1].mlp.down_proj
    x = torch.randn(3, 64)
    added = layer(x) - layer.base_layer(x)
    by_hand = scale * (x @ layer.lora_A["default"].weight.T @ layer.lora_B["default"].weight.T)
    torch.testing.assert_close(added, by_hand, rtol=1e-4, atol=1e-4)


def test_dora_begins_with_the_size_of_every_row(tmp_path):
    layer = with_adapter(base(tmp_path), kind="dora").model.model.layers[0].mlp.up_proj
    torch.testing.assert_close(layer.lora_magnitude_vector["default"].weight, layer.base_layer.weight.norm(dim=1))


def test_the_first_weights_come_from_the_seed_alone_and_leave_no_trace(tmp_path):
    folder = base(tmp_path)
    one = trained(with_adapter(folder).model)
    torch.manual_seed(2)
    two, other = trained(with_adapter(folder).model), trained(with_adapter(folder, seed=1).model)
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
    assert any(not torch.equal(tensor, other[name]) for name, tensor in one.items())
    model, state = random_model(MODELS["llama"]), torch.get_rng_state()
    inject(model, AdapterSection(kind="lora"), (), seed=0)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_peft_reads_the_folder_too(tmp_path, tied, kind):
    from peft import PeftModel

    # 302 rows: the table has room for the two new tokens.
    folder = base(tmp_path / "base", tied=tied, rows=302)
    loaded = disturb(with_adapter(folder, kind=kind))
    save(loaded, tmp_path / "saved")
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), tmp_path / "saved").eval()
    with torch.no_grad():
        torch.testing.assert_close(theirs(input_ids=torch.tensor([[300, 5, 17, 301]])).logits, answers(loaded)[:, :4], rtol=1e-5, atol=1e-5)


def test_targets_are_ends_of_names(tmp_path):
    model = random_model(MODELS["llama"])
    assert targets_of(model, ["q_proj"]) == [f"model.layers.{i}.self_attn.q_proj" for i in range(2)]
    assert targets_of(model, ["0.mlp.up_proj", "v_proj"]) == [
        "model.layers.0.self_attn.v_proj",
        "model.layers.0.mlp.up_proj",
        "model.layers.1.self_attn.v_proj",
    ]
    assert "lm_head" not in linear_layers(model)


@pytest.mark.parametrize("targets", [["q_prj"], ["q_proj", "proj"], ["lm_head"]])
def test_a_target_that_matches_nothing_is_refused_with_what_there_is(tmp_path, targets):
    section = ModelSection(base=str(base(tmp_path)), adapter=AdapterSection(kind="lora", targets=targets))
    with pytest.raises(ModelError, match=rf"is named '{targets[-1]}'(.|\n)*expected: one or more of: down_proj, gate_proj, k_proj"):
        check_fit(section, "causal", 16)  # before any weights are read


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"alpha": 0}, {"dropout": 1}, {"kind": "qlora"}, {"targets": [""]}])
def test_numbers_that_no_adapter_can_have_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AdapterSection(**wrong)


def test_a_new_model_has_nothing_to_put_an_adapter_beside():
    with pytest.raises(ModelError, match=r"model\.base is new(.|\n)*next: model\.adapter\.kind=none"):
        check_fit(ModelSection(base="new", adapter=AdapterSection(kind="lora")), "causal", 16)


def test_without_peft_the_pip_line_is_said(tmp_path, monkeypatch):
    folder = base(tmp_path)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(PrerequisiteError, match=r"pip install 'didact\[adapters\]'"):
        check_fit(ModelSection(base=str(folder), adapter=AdapterSection(kind="lora")), "causal", 16)
    check_fit(ModelSection(base=str(folder)), "causal", 16)


def test_another_base_and_torn_files_are_refused(tmp_path):
    folder = base(tmp_path / "base")
    save(with_adapter(folder), tmp_path / "saved")
    weights = folder / "model.safetensors"
    own = weights.read_bytes()
    table = load_file(weights)
    table["model.layers.1.mlp.up_proj.weight"] += 1
    save_file(table, weights, {"format": "pt"})
    with pytest.raises(ModelError, match=r"is not the one that this adapter was trained beside(.|\n)*adapter\.json"):
        load_checkpoint(tmp_path / "saved")
    weights.write_bytes(own)
    load_checkpoint(tmp_path / "saved")
    lora = load_file(tmp_path / "saved" / "adapter_model.safetensors")
    lora.popitem()
    save_file(lora, tmp_path / "saved" / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="weights do not fit: base_model"):
        load_checkpoint(tmp_path / "saved")
    (tmp_path / "saved" / "adapter_model.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match="weights do not fit"):
        load_checkpoint(tmp_path / "saved")
    (tmp_path / "saved" / "adapter.json").write_text("{}")
    with pytest.raises(ModelError, match="not an adapter that didact wrote"):
        load_checkpoint(tmp_path / "saved")


def test_a_tuned_adapter_is_a_base_again(tmp_path):
    first = disturb(with_adapter(base(tmp_path / "base")))
    save(first, tmp_path / "first")
    second = with_adapter(tmp_path / "first", kind="dora")
    torch.testing.assert_close(answers(second), answers(first), rtol=1e-4, atol=1e-4)
    save(disturb(second), tmp_path / "second")
    assert torch.equal(answers(load_checkpoint(tmp_path / "second")), answers(second))
