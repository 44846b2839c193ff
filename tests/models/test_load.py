"""Models are loaded whole or refused with a way out, and a saved one is an ordinary transformers folder."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import MODELS, TEXTS, VOCABULARY, random_model, tokeniser
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PhiConfig

from didact.base.errors import ModelError
from didact.base.recipe import ModelSection, NewModel
from didact.base.types import Conversation, Message, Origin
from didact.models.load import Loaded, check_positions, load_base, load_checkpoint, load_tokeniser, save
from didact.models.tokenizer import train_tokenizer

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
BASE_TOKENS = 300


def new(seed=0, **shape):
    """A new model of width 32 and depth 2 with the 302 tokens of the tiny tokeniser (300 and two of chatml)."""
    section = ModelSection(base="new", new=NewModel(**{"width": 32, "depth": 2, "heads": 2, **shape}))
    return load_base(section, tokeniser(), (), positions=64, seed=seed)


def write_base(folder, num_rows, config=None, tied=True, change=None):
    """A base that knows no chat format: its tokenizer has 300 tokens, its embeddings `num_rows` rows."""
    config = type(MODELS["llama"])(
        **{**(config or MODELS["llama"]).to_dict(), "vocab_size": num_rows, "tie_word_embeddings": tied, "max_position_embeddings": 256}
    )
    model = random_model(config)
    if change is not None:
        change(model)
    model.save_pretrained(folder)
    train_tokenizer(TEXTS, BASE_TOKENS).save_pretrained(folder)
    return model


def tuned_from(folder, chat_format="chatml"):
    section = ModelSection(base=str(folder))
    made, controls = load_tokeniser(section, chat_format, lambda: ())
    return load_base(section, made, controls, positions=64, seed=0)


@pytest.fixture
def base(tmp_path):
    write_base(tmp_path / "base", BASE_TOKENS)
    return tmp_path / "base"


@pytest.fixture
def saved(base, tmp_path):
    folder = tmp_path / "saved"
    save(tuned_from(base), folder)
    return folder


def test_a_new_llama_has_the_size_that_its_shape_says():
    # 302 tokens x 32, shared with the head; a layer: 4 x 32² of attention, 3 x 32 x 128 of mlp (8/3 x 32 = 85.3, up to 128), 2 norms.
    layer = 4 * 32 * 32 + 3 * 32 * 128 + 2 * 32
    made = new()
    assert made.num_parameters == 302 * 32 + 2 * layer + 32
    assert made.model.config.max_position_embeddings == 64
    assert {p.dtype for p in made.model.parameters()} == {torch.float32}


def test_a_new_gpt2_has_the_size_that_its_shape_says_and_no_dropout():
    # A layer: attention 32 -> 96 and 32 -> 32, mlp 32 -> 128 -> 32, all with biases, and two norms with biases.
    layer = (32 * 96 + 96) + (32 * 32 + 32) + (32 * 128 + 128) + (128 * 32 + 32) + 4 * 32
    made = new(architecture="gpt2", positions=50)
    assert made.num_parameters == 302 * 32 + 50 * 32 + 2 * layer + 2 * 32
    assert not [module for module in made.model.modules() if isinstance(module, torch.nn.Dropout) and module.p]


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_new_weights_are_drawn_from_the_seed_alone(architecture):
    torch.manual_seed(1)
    one = new(architecture=architecture).model.state_dict()
    after = torch.rand(1)
    torch.manual_seed(2)
    two, other = new(architecture=architecture).model.state_dict(), new(seed=1, architecture=architecture).model.state_dict()
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
    assert any(not torch.equal(tensor, other[name]) for name, tensor in one.items())
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))  # and the drawing leaves no trace


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"width": 200, "heads": None}, "width 200 is not a multiple of 3 heads"),
        ({"width": 36, "heads": 4}, "width 36 gives each of 4 heads 9 numbers"),
    ],
)
def test_a_shape_that_no_model_can_have_is_refused(shape, words):
    with pytest.raises(ModelError, match=rf"{words}(.|\n)*model\.new\.heads"):
        new(**shape)


# 300 rows: the table has to grow; 320: the two new tokens find rows that no token has used, which do not count for the mean.
@pytest.mark.parametrize("num_rows", [BASE_TOKENS, 320])
@pytest.mark.parametrize("tied", [True, False])
def test_new_control_tokens_begin_as_the_mean_of_the_known_rows(tmp_path, num_rows, tied):
    before = write_base(tmp_path, num_rows, tied=tied)
    made = tuned_from(tmp_path)
    assert made.new_controls == ("<|im_start|>", "<|im_end|>")
    ids = [made.tokeniser.controls[name] for name in made.new_controls]
    assert ids == [300, 301]
    for layer, old in (
        (made.model.get_input_embeddings(), before.get_input_embeddings()),
        (made.model.get_output_embeddings(), before.get_output_embeddings()),
    ):
        assert layer.weight.shape[0] == max(num_rows, 302)
        assert torch.equal(layer.weight[:BASE_TOKENS], old.weight[:BASE_TOKENS])
        for token in ids:
            torch.testing.assert_close(layer.weight[token], old.weight[:BASE_TOKENS].mean(0), rtol=1e-6, atol=1e-7)
    shared = made.model.get_input_embeddings().weight is made.model.get_output_embeddings().weight
    assert shared == tied


def test_the_bias_of_a_head_gets_its_mean_too(tmp_path):
    base = random_model(PhiConfig(**SIZES, vocab_size=320))
    torch.nn.init.normal_(base.lm_head.bias)
    base.save_pretrained(tmp_path)
    train_tokenizer(TEXTS, BASE_TOKENS).save_pretrained(tmp_path)
    bias = tuned_from(tmp_path).model.lm_head.bias
    assert torch.equal(bias[:BASE_TOKENS], base.lm_head.bias[:BASE_TOKENS])
    torch.testing.assert_close(bias[300:302], base.lm_head.bias[:BASE_TOKENS].mean().expand(2))


def test_tokens_that_the_base_has_no_rows_for_are_not_left_to_chance(tmp_path):
    # A tokenizer of 300 tokens for a base of 290 rows: ten tokens and the two of chatml begin as the mean.
    before = write_base(tmp_path, 290, tied=False)
    for layer in (tuned_from(tmp_path).model.get_input_embeddings(), tuned_from(tmp_path).model.get_output_embeddings()):
        old = before.get_input_embeddings() if isinstance(layer, torch.nn.Embedding) else before.get_output_embeddings()
        assert layer.weight.shape[0] == 302
        torch.testing.assert_close(layer.weight[290:], old.weight.mean(0).expand(12, -1), rtol=1e-6, atol=1e-7)


def test_a_base_that_knows_all_tokens_is_not_touched(tmp_path):
    before = write_base(tmp_path, BASE_TOKENS)
    made = tuned_from(tmp_path, "alpaca")
    assert made.new_controls == ()
    assert all(torch.equal(tensor, before.state_dict()[name]) for name, tensor in made.model.state_dict().items())


def test_weights_of_16_bits_are_loaded_as_float32(tmp_path):
    write_base(tmp_path, BASE_TOKENS, change=lambda model: model.to(torch.bfloat16))
    assert {p.dtype for p in tuned_from(tmp_path).model.parameters()} == {torch.float32}


def test_a_saved_folder_is_an_ordinary_transformers_folder(base, saved):
    ours = tuned_from(base)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(saved).eval(), AutoTokenizer.from_pretrained(saved)
    ids = tokenizer("<|im_start|>user\nthe cat sleeps<|im_end|>", return_tensors="pt").input_ids
    assert ids[0, 0].item() == ours.tokeniser.controls["<|im_start|>"]
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, ours.model.eval()(input_ids=ids).logits)
    assert not [path.name for path in saved.iterdir() if path.suffix in (".bin", ".pt")]


def test_plain_transformers_stops_where_the_format_says(tmp_path):
    # The head's bias makes this model say <|im_end|> whatever it is asked.
    random_model(PhiConfig(**SIZES, vocab_size=320)).save_pretrained(tmp_path / "base")
    train_tokenizer(TEXTS, BASE_TOKENS).save_pretrained(tmp_path / "base")
    made = tuned_from(tmp_path / "base")
    stop = made.tokeniser.controls["<|im_end|>"]
    with torch.no_grad():
        made.model.lm_head.bias[stop] = 1e4
    save(made, tmp_path / "saved")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert model.generation_config.eos_token_id == [stop, made.tokeniser.eos_id]
    assert model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=9, do_sample=False).tolist() == [[5, 6, 7, stop]]
    model.generation_config.eos_token_id = None
    assert model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=9, do_sample=False).shape == (1, 12)


def test_a_base_whose_sampling_flags_contradict_one_another_can_be_saved(base, tmp_path):
    made = tuned_from(base)
    made.model.generation_config = GenerationConfig(do_sample=False, temperature=0.9, top_p=0.6)
    save(made, tmp_path / "again")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "again").generation_config.eos_token_id == [301, 0]


def test_sampling_flags_of_a_base_that_make_sense_are_kept(base, tmp_path):
    made = tuned_from(base)
    made.model.generation_config = GenerationConfig(do_sample=True, temperature=0.7)
    save(made, tmp_path / "again")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "again").generation_config.temperature == 0.7


@pytest.mark.parametrize("chat_format", ["chatml", "llama3", "alpaca", "plain", "gemma", "mistral"])
def test_a_checkpoint_comes_back_with_its_chat_format(base, tmp_path, chat_format):
    made = tuned_from(base, chat_format)
    save(made, tmp_path / "again")
    again = load_checkpoint(tmp_path / "again")
    assert (again.tokeniser.chat_format.name, again.tokeniser.stop_ids) == (chat_format, made.tokeniser.stop_ids)
    assert again.tokeniser.controls == made.tokeniser.controls


def test_a_chat_format_that_was_changed_is_refused(saved):
    path = saved / "chat_format.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "name": "llama3"}))
    with pytest.raises(ModelError):
        load_checkpoint(saved)
    path.write_text(json.dumps({**card, "fingerprint": "0" * 16}))
    with pytest.raises(ModelError, match=r"no longer writes(.|\n)*chat_format\.json(.|\n)*expected: fingerprint 0{16}(.|\n)*next: restore"):
        load_checkpoint(saved)


REFUSED = r"no longer writes(.|\n)*restore the checkpoint's tokenizer files"


def test_another_tokenizer_is_refused(saved, tmp_path):
    tokeniser(texts=["Hello Bye Hi Be brief."] * 9).tokenizer.save_pretrained(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "tokenizer.json", saved / "tokenizer.json")
    with pytest.raises(ModelError, match=REFUSED):
        load_checkpoint(saved)


def test_a_tokenizer_with_two_tokens_exchanged_is_refused_although_the_golden_words_stay_the_same(saved):
    table = json.loads((saved / "tokenizer.json").read_text())
    vocabulary = table["model"]["vocab"]
    vocabulary["Q"], vocabulary["Z"] = vocabulary["Z"], vocabulary["Q"]
    (saved / "tokenizer.json").write_text(json.dumps(table))
    with pytest.raises(ModelError, match=REFUSED):
        load_checkpoint(saved)


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "chatml"}'])
def test_a_torn_format_file_is_refused(saved, text):
    (saved / "chat_format.json").write_text(text)
    with pytest.raises(ModelError, match=r"not a chat format that didact wrote(.|\n)*chat_format\.json"):
        load_checkpoint(saved)


def test_a_folder_that_didact_did_not_write_is_no_checkpoint(base):
    with pytest.raises(ModelError, match=r"no chat_format\.json(.|\n)*next: didact ls runs"):
        load_checkpoint(base)


def test_a_sequence_longer_than_the_base_was_built_for_is_refused(base):
    check_positions(ModelSection(base=str(base)), 256)
    with pytest.raises(ModelError, match=r"max_length is 257(.|\n)*built for 256 tokens(.|\n)*next: sequence\.max_length=256"):
        check_positions(ModelSection(base=str(base)), 257)
    check_positions(ModelSection(base="new"), 10_000)
    with pytest.raises(ModelError, match=r"sequence\.max_length=100"):
        check_positions(ModelSection(base="new", new=NewModel(positions=100)), 101)


def test_the_positions_of_gpt2_are_found_under_their_own_name(tmp_path):
    random_model(MODELS["gpt2"]).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"next: sequence\.max_length=256"):
        check_positions(ModelSection(base=str(tmp_path)), 1024)


@pytest.mark.parametrize("name", ["nobody/no_such_model", "./no_such_folder", "a/b/c"])
def test_a_base_that_is_not_there_is_refused_with_what_to_type(monkeypatch, name):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for act in (lambda: check_positions(ModelSection(base=name), 8), lambda: load_base(ModelSection(base=name), tokeniser(), (), **NEVER)):
        with pytest.raises(ModelError, match=rf"no model could be loaded from '{name}'(.|\n)*next: check model\.base: a hub id"):
            act()


NEVER = {"positions": 8, "seed": 0}


def test_pickled_weights_are_refused(base):
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"next: the folder needs config\.json and model\.safetensors"):
        tuned_from(base)


def test_torn_weights_are_refused(base):
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="no model could be loaded from"):
        tuned_from(base)


def test_weights_of_another_shape_are_refused(base):
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))
    with pytest.raises(ModelError, match="no model could be loaded from"):
        tuned_from(base)


def test_weights_that_lack_some_are_refused_rather_than_drawn_at_random(base):
    table = load_file(base / "model.safetensors")
    del table["model.layers.1.mlp.up_proj.weight"]
    save_file(table, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 of the weights of LlamaForCausalLM: model\.layers\.1\.mlp\.up_proj\.weight"):
        tuned_from(base)


def test_a_folder_without_anything_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"next: the folder needs config\.json"):
        load_base(ModelSection(base=str(tmp_path)), tokeniser(), (), **NEVER)


def test_the_count_of_weights_takes_shared_ones_once():
    tied = Loaded(random_model(type(MODELS["llama"])(**{**MODELS["llama"].to_dict(), "tie_word_embeddings": True})), tokeniser())
    untied = Loaded(random_model(MODELS["llama"]), tokeniser())
    assert untied.num_parameters - tied.num_parameters == VOCABULARY * 32


def test_plain_transformers_prompts_a_saved_model_as_it_was_tuned(tmp_path):
    made = Loaded(random_model(MODELS["llama"]), tokeniser("plain"))
    save(made, tmp_path / "saved")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "saved")
    said = Conversation((Message("user", "say it twice: one "),), Origin("t", "1"))
    theirs = tokenizer.apply_chat_template(
        [{"role": "user", "content": "say it twice: one "}], add_generation_prompt=True, return_dict=False
    )
    assert theirs == made.tokeniser.prompt(said, 100).input_ids.tolist()
