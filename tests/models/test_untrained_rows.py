"""Rows that no training has reached are found in models trained here, in a real one and in made-up tables, and then learnt."""

import shutil

import pytest
import torch
from llama2c import convert
from tiny import MODELS, TEXTS, random_model
from tokenizers import AddedToken
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from didact.base.recipe import AdapterSection, ModelSection
from didact.models.embedding_files import untrained_in_files
from didact.models.load import adapted, load_base, load_checkpoint, load_tokeniser, save
from didact.models.tokenizer import train_tokenizer
from didact.models.untrained_rows import initial_deviation, untrained, used_controls

MARKS = ("<|im_start|>", "<|im_end|>")
WIDTH, ROWS = 32, 330
"""300 tokens, two of chatml, two that a text uses, and 26 rows for nobody."""


def base_tokenizer():
    tokenizer = train_tokenizer(TEXTS, 300)
    names = (*MARKS, "<|used|>", "<|seen|>")
    tokenizer.add_tokens([AddedToken(name, special=True, normalized=False) for name in names], special_tokens=True)
    return tokenizer


def trained_base(folder, *, tied=True, decay=0.1, marks=(), steps=150):
    """A small model trained on random tokens: on all 300, on <|used|> and <|seen|>, and on `marks`."""
    config = type(MODELS["llama"])(**{**MODELS["llama"].to_dict(), "vocab_size": ROWS, "tie_word_embeddings": tied})
    model, tokenizer = random_model(config, scale=1.0), base_tokenizer()
    known = torch.tensor([*range(300), *tokenizer.convert_tokens_to_ids([*marks, "<|used|>", "<|seen|>"])])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=decay)
    draw = torch.Generator().manual_seed(0)
    for _ in range(steps):
        ids = known[torch.randint(len(known), (16, 24), generator=draw)]
        ids[:, 1::2] = ids[:, ::2]  # something to learn: every token twice
        loss = functional.cross_entropy(model(ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return trained_base(tmp_path_factory.mktemp("base"))


def section(folder, **adapter):
    return ModelSection(base=str(folder), adapter=AdapterSection(**adapter))


def loaded(folder, **adapter):
    found = section(folder, **adapter)
    tokeniser, new = load_tokeniser(found, "chatml", lambda: ())
    return load_base(found, tokeniser, new, positions=64, seed=0)


def looked_at(folder):
    tokeniser, new = load_tokeniser(section(folder), "chatml", lambda: ())
    return untrained_in_files(section(folder), tokeniser, new)


def edited(folder, to, change):
    """A copy of a base with its tables changed."""
    shutil.copytree(folder, to)
    model = AutoModelForCausalLM.from_pretrained(to)
    with torch.no_grad():
        change(model.get_input_embeddings().weight)
    model.save_pretrained(to)
    return to


@pytest.mark.parametrize(("tied", "decay"), [(True, 0.0), (True, 0.1), (False, 0.1)])
def test_tokens_that_a_training_never_met_are_found_and_those_it_met_are_not(tmp_path, tied, decay):
    assert set(looked_at(trained_base(tmp_path / "without", tied=tied, decay=decay))) == set(MARKS)
    assert looked_at(trained_base(tmp_path / "with", tied=tied, decay=decay, marks=MARKS)) == {}


def test_they_begin_as_the_mean_of_the_others_and_nothing_else_changes(base):
    before = AutoModelForCausalLM.from_pretrained(base).get_input_embeddings().weight
    made = loaded(base)
    assert made.new_controls == () and made.new_rows == (300, 301)
    after = made.model.get_input_embeddings().weight
    others = [number for number in range(304) if number not in (300, 301)]  # those that belong to tokens
    torch.testing.assert_close(after[300:302], before[others].mean(0).expand(2, -1), rtol=1e-5, atol=1e-6)
    rest = [*others, *range(304, ROWS)]
    assert torch.equal(after[rest], before[rest])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("zero", lambda table: table[300:302].zero_()),
        ("mean", lambda table: table[300:302].copy_(table[:300].mean(0) + 1e-4 * torch.randn(2, WIDTH))),
        ("equal", lambda table: table[300:302].copy_(table[7] + 1e-4 * torch.randn(2, WIDTH))),
        ("as drawn", lambda table: table[300:302].copy_(functional.normalize(torch.randn(2, WIDTH)) * 0.02 * WIDTH**0.5)),
    ],
)
def test_rows_that_somebody_added_and_nobody_trained_are_found(base, tmp_path, name, change):
    def without_unused_rows(table):
        torch.manual_seed(1)
        table[304:] = table[:26] + torch.randn(26, WIDTH)  # so that nothing else tells
        change(table)

    folder = edited(trained_base(tmp_path / "met", marks=MARKS), tmp_path / "edited", without_unused_rows)
    assert looked_at(folder) == dict.fromkeys(MARKS, name)


def test_a_model_that_was_never_trained_tells_nothing(tmp_path):
    folder = trained_base(tmp_path / "random", steps=0)
    assert looked_at(folder) == {} and loaded(folder).new_rows == ()


def test_files_and_the_loaded_model_say_the_same(base):
    made = loaded(base)
    names = made.tokeniser.control_names()
    assert {names[number] for number in made.new_rows} == set(looked_at(base))


def test_a_file_of_weights_in_several_parts_is_read_too(base, tmp_path):
    shutil.copytree(base, tmp_path / "parts")
    (tmp_path / "parts" / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(base).save_pretrained(tmp_path / "parts", max_shard_size="40KB")
    assert (tmp_path / "parts" / "model.safetensors.index.json").is_file()
    assert looked_at(tmp_path / "parts") == looked_at(base)


def test_a_base_without_its_weights_is_not_looked_into(base, tmp_path):
    shutil.copytree(base, tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    assert looked_at(tmp_path / "bare") is None


@pytest.mark.parametrize("kind", ["none", "lora"])
def test_they_are_trained_saved_and_come_back(base, tmp_path, kind):
    pytest.importorskip("peft")
    made = adapted(loaded(base, kind=kind), section(base, kind=kind), seed=0)
    before = made.model.get_input_embeddings().weight.detach().clone()
    ids = torch.tensor([[300, 5, 6, 301, 300, 7]])
    optimizer = torch.optim.SGD([parameter for parameter in made.model.parameters() if parameter.requires_grad], lr=0.5)
    loss = functional.cross_entropy(made.model(ids).logits[0, :-1], ids[0, 1:])
    loss.backward()
    optimizer.step()
    after = made.model.get_input_embeddings().weight.detach().clone()
    moved = (after - before).abs().amax(1) > 0
    assert moved[300] and moved[301] and (kind == "none" or moved.sum() == 2)
    save(made, tmp_path / "saved")
    again = load_checkpoint(tmp_path / "saved")
    assert torch.equal(again.model.get_input_embeddings().weight.detach(), after)
    assert torch.equal(again.model.eval()(ids).logits, made.model.eval()(ids).logits)


def test_an_adapter_that_does_not_train_them_comes_back_with_the_same_beginning(base, tmp_path):
    pytest.importorskip("peft")
    keys = {"kind": "lora", "train_embeddings": "none"}
    made = adapted(loaded(base, **keys), section(base, **keys), seed=0)
    save(made, tmp_path / "saved")
    again = load_checkpoint(tmp_path / "saved").model.get_input_embeddings().weight
    assert torch.equal(again, made.model.get_input_embeddings().weight)


def test_the_end_token_of_the_real_stories_was_never_learnt_and_the_first_one_was(shared, tmp_path):
    # llama2.c tells stories apart by <s> alone.
    stories = shared / "models" / "stories260K"
    convert(stories / "stories260K.bin", stories / "tok512.bin", tmp_path / "stories")
    tokeniser, new = load_tokeniser(ModelSection(base=str(tmp_path / "stories")), "plain", lambda: ())
    assert set(used_controls(tokeniser).values()) == {"<s>", "</s>"}
    assert set(untrained_in_files(ModelSection(base=str(tmp_path / "stories")), tokeniser, new)) == {"</s>"}


def test_the_bundled_decoder_knows_its_end_token_and_has_never_seen_its_padding():
    from didact.models.bundled import bundled

    folder = bundled("atlas-decoder")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    tokeniser, _ = load_tokeniser(ModelSection(base=folder), "answer", lambda: ())
    table = model.get_input_embeddings().weight.detach().float()
    asked = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    found = untrained(lambda ids: table[list(ids)], len(table), tokeniser, asked, (), initial_deviation(model.config))
    assert found == {tokenizer.pad_token_id: "unused"}
