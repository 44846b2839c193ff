"""A trained prompt: so many rows are trained and nothing else; it packs, comes back, merges, and is what peft would read."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_adapter import base
from tiny import Steps
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from didact.base.errors import ModelError, TemplateError
from didact.base.recipe import AdapterSection, ModelSection, Objective, TrainSection
from didact.base.types import Conversation, Message, Origin
from didact.data.batches import collate
from didact.data.prepare import prepare
from didact.models.load import adapted, check_fit, load_base, load_checkpoint, load_tokeniser, merged, save
from didact.models.local import LocalModel
from didact.models.soft_prompt import SoftPrompt, soft_prompt
from didact.prompts.model_format import ModelFormat
from didact.prompts.virtual_tokens import virtual_names
from didact.train.loop import tune
from didact.train.loss import WeightedLoss, to_device

NUMBER, WIDTH = 3, 32
SAID = [("say it twice", "it it"), ("the cat sleeps in the red house", "cat"), ("a dog", "dog runs"), ("one two three", "three")]


def conversation(question, answer, number=0):
    return Conversation((Message("user", question), Message("assistant", answer)), Origin("task", str(number)))


def with_prompt(folder, chat_format="plain", **settings):
    section = ModelSection(base=str(folder), adapter=AdapterSection(kind="prompt", **{"num_virtual_tokens": NUMBER, **settings}))
    made, controls = load_tokeniser(section, chat_format, lambda: ())
    return adapted(load_base(section, made, controls, positions=64, seed=0), section, 0)


def rows_of(loaded, kind="causal", documents=1):
    made = loaded.tokeniser
    examples = made.tokenise([conversation(*turns, number) for number, turns in enumerate(SAID)], 64)
    tokens = SimpleNamespace(objective=Objective(kind=kind), tokeniser=made)  # no plain text, so no sentinels
    ready = [prepare(example, tokens, 64, np.random.default_rng(0)) for example in examples]
    return [tuple(ready[start : start + documents]) for start in range(0, len(ready), documents)]


def tuned(loaded, folder, kind="causal", documents=1, steps=2):
    rows = rows_of(loaded, kind, documents)
    settings = TrainSection(learning_rate=0.1, precision="fp32", log_every=1)
    given = {
        "objective": Objective(kind=kind, prompt_weight=0.5 if kind == "causal" else 0),
        "settings": settings,
        "packed": documents > 1,
        "seed": 0,
    }
    tune(loaded, Steps([[rows] * steps]), steps, folder=folder, **given)
    return loaded


def logits(loaded, question="a dog runs"):
    ids = torch.from_numpy(loaded.tokeniser.prompt(conversation(question, ""), 64).input_ids).long()[None]
    beside = {"decoder_input_ids": torch.tensor([[1, 5, 9]])} if loaded.architecture == "encoder_decoder" else {}
    with torch.no_grad():
        return loaded.model.eval()(input_ids=ids, **beside).logits


@pytest.mark.parametrize(
    ("shape", "kind"), [("llama", "causal"), ("gpt2", "causal"), ("gpt2", "prefix"), ("t5", "seq2seq"), ("bart", "seq2seq")]
)
@pytest.mark.parametrize("tied", [True, False])
def test_only_the_rows_of_the_prompt_are_trained_and_they_come_back_bit_for_bit(tmp_path, shape, kind, tied):
    loaded = with_prompt(base(tmp_path / "base", shape, tied))
    assert loaded.num_trained == NUMBER * WIDTH
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    tuned(loaded, tmp_path / "run", kind)
    changed = {name for name, tensor in loaded.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert len(changed) == 1
    assert next(iter(changed)).endswith("embed_tokens.rows" if shape != "gpt2" else "wte.rows")
    # Every row of it is used.
    assert (soft_prompt(loaded.model).rows.detach() != before[next(iter(changed))]).any(1).all()
    again = load_checkpoint(tmp_path / "run" / "checkpoints" / "step_00000002")
    assert torch.equal(logits(again), logits(loaded))
    assert (again.num_trained, again.num_parameters) == (loaded.num_trained, loaded.num_parameters)


def test_virtual_tokens_stand_first_and_nobody_predicts_them(tmp_path):
    loaded = with_prompt(base(tmp_path))
    made = loaded.tokeniser
    example = made.tokenise([conversation("a dog", "runs")], 64)[0]
    ids = [made.controls[name] for name in virtual_names(NUMBER)]
    assert ids == [300, 301, 302]  # behind the 300 of the tokenizer, and the model's table has no rows for them
    assert loaded.model.get_input_embeddings().weight.shape[0] == 300
    assert example.input_ids[:NUMBER].tolist() == ids
    batch = collate([(example, example)], Objective(prompt_weight=1.0))
    assert not set(batch.labels[0].tolist()) & set(ids)
    assert batch.loss_weights[0, : NUMBER - 1].tolist() == [0.0] * (NUMBER - 1)
    # What stands behind them is what stands there without them.
    plain, _ = load_tokeniser(ModelSection(base=str(tmp_path)), "plain", lambda: ())
    assert example.input_ids[NUMBER:].tolist() == plain.tokenise([conversation("a dog", "runs")], 64)[0].input_ids.tolist()
    with pytest.raises(TemplateError, match="this is plain text"):
        made.chat_format.pieces(Conversation((Message("text", "Once."),), Origin("stories", "0")))


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_a_packed_row_gives_the_loss_and_gradient_of_its_documents(tmp_path, shape):
    loaded = with_prompt(base(tmp_path / "base", shape))
    tuned(loaded, tmp_path / "run", documents=2, steps=1)  # the loop's own test of documents kept apart has passed, too
    loss_of, objective = WeightedLoss(loaded.model.train(), "fp32"), Objective(prompt_weight=0.5)
    rows = soft_prompt(loaded.model).rows

    def loss_and_gradient(all_rows):
        rows.grad = None
        loss = loss_of(to_device(collate(all_rows, objective), torch.device("cpu")))
        loss.backward()
        return loss.detach(), rows.grad.clone()

    separate = loss_and_gradient(rows_of(loaded))
    from didact.train import attention

    attention.keep_apart(loaded.model, len(loaded.tokeniser.tokenizer))
    packed = loss_and_gradient(rows_of(loaded, documents=4))
    for ours, theirs in zip(packed, separate, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("shape", "kind"), [("llama", "causal"), ("gpt2", "prefix"), ("t5", "seq2seq"), ("bart", "seq2seq")])
def test_generation_with_the_cache_is_that_of_one_token_after_the_other(tmp_path, shape, kind):
    loaded = tuned(with_prompt(base(tmp_path / "base", shape)), tmp_path / "run", kind)
    loaded = load_checkpoint(tmp_path / "run" / "checkpoints" / "step_00000002")
    prompts = [loaded.tokeniser.prompt(conversation(question, ""), 64).input_ids for question, _ in SAID]
    local = LocalModel(loaded, torch.device("cpu"), "fp32")
    together = local.generate(prompts, max_new_tokens=6)
    alone = [local.generate([prompt], max_new_tokens=6)[0] for prompt in prompts]
    assert [one.ids for one in together] == [one.ids for one in alone]
    assert all(token < 300 for one in together for token in one.ids)
    if shape == "llama":
        ids = torch.from_numpy(prompts[0]).long()[None]
        with torch.no_grad():
            for token in alone[0].ids:
                assert int(loaded.model(input_ids=ids, use_cache=False).logits[0, -1].argmax()) == token
                ids = torch.cat([ids, torch.tensor([[token]])], 1)


@pytest.mark.parametrize("shape", ["llama", "t5"])
def test_peft_reads_the_folder_and_says_the_same(tmp_path, shape):
    peft = pytest.importorskip("peft")
    loaded = tuned(with_prompt(base(tmp_path / "base", shape)), tmp_path / "run", "seq2seq" if shape == "t5" else "causal")
    auto = AutoModelForSeq2SeqLM if shape == "t5" else AutoModelForCausalLM
    checkpoint = tmp_path / "run" / "checkpoints" / "step_00000002"
    theirs = peft.PeftModel.from_pretrained(auto.from_pretrained(tmp_path / "base"), checkpoint).eval()
    ids = torch.from_numpy(loaded.tokeniser.prompt(conversation("a dog runs", ""), 64).input_ids).long()[None]
    beside = {"decoder_input_ids": torch.tensor([[1, 5, 9]])} if shape == "t5" else {}
    with torch.no_grad():
        found = theirs(input_ids=ids[:, NUMBER:], attention_mask=torch.ones_like(ids[:, NUMBER:]), **beside).logits
    torch.testing.assert_close(found, logits(loaded), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("shape", "tied"), [("llama", True), ("llama", False), ("t5", True), ("t5", False), ("bart", True)])
def test_merged_it_is_an_ordinary_model_that_never_writes_a_virtual_token(tmp_path, shape, tied):
    kind = "causal" if shape == "llama" else "seq2seq"
    loaded = tuned(with_prompt(base(tmp_path / "base", shape, tied)), tmp_path / "run", kind)
    local = LocalModel(loaded, torch.device("cpu"), "fp32")
    prompts = [loaded.tokeniser.prompt(conversation(question, ""), 64).input_ids for question, _ in SAID]
    before, said = logits(loaded), local.generate(prompts, max_new_tokens=6)
    whole = merged(loaded)
    assert soft_prompt(whole.model) is None
    torch.testing.assert_close(logits(whole)[..., :300], before, rtol=1e-5, atol=1e-5)
    save(whole, tmp_path / "whole")
    again = load_checkpoint(tmp_path / "whole")
    torch.testing.assert_close(logits(again)[..., :300], before, rtol=1e-5, atol=1e-5)
    assert LocalModel(again, torch.device("cpu"), "fp32").generate(prompts, max_new_tokens=6) == said
    auto = AutoModelForCausalLM if shape == "llama" else AutoModelForSeq2SeqLM
    model, tokenizer = auto.from_pretrained(tmp_path / "whole"), AutoTokenizer.from_pretrained(tmp_path / "whole")
    text = tokenizer.apply_chat_template([{"role": "user", "content": "a dog"}], tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert ids[0].tolist() == prompts[2].tolist()
    written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False)[0].tolist()
    new = written[ids.shape[1] :] if shape == "llama" else written[1:]
    assert tuple(new[: len(said[2].ids)]) == said[2].ids


def test_an_encoder_with_a_table_of_its_own_is_not_merged_into(tmp_path):
    with pytest.raises(ModelError, match="has a table of its own"):
        merged(with_prompt(base(tmp_path, "bart", tied=False)))


def test_a_prompt_begins_as_words_or_as_tokens_that_the_seed_draws(tmp_path):
    folder = base(tmp_path, tied=True)
    loaded = with_prompt(folder, init_text="the cat", num_virtual_tokens=5)
    words = loaded.tokeniser.tokenizer("the cat", add_special_tokens=False)["input_ids"]
    table = loaded.model.get_input_embeddings().weight
    assert torch.equal(soft_prompt(loaded.model).rows, table[(words * 5)[:5]])
    drawn = soft_prompt(with_prompt(folder).model).rows
    assert torch.equal(drawn, soft_prompt(with_prompt(folder).model).rows)
    assert (drawn[:, None] == table[None]).all(-1).any(-1).all()


def test_control_tokens_that_the_base_has_never_seen_are_trained_beside_it(tmp_path):
    loaded = with_prompt(base(tmp_path / "base", tied=True), "chatml")
    assert loaded.num_trained == NUMBER * WIDTH + 2 * WIDTH
    tuned(loaded, tmp_path / "run")
    again = load_checkpoint(tmp_path / "run" / "checkpoints" / "step_00000002")
    assert torch.equal(logits(again), logits(loaded))
    assert not (tmp_path / "run" / "checkpoints" / "step_00000002" / "adapter_config.json").exists()  # peft would leave those rows out
    assert with_prompt(tmp_path / "base", "chatml", train_embeddings="none").num_trained == NUMBER * WIDTH


def test_the_tokenizers_own_template_keeps_its_words_behind_the_prompt(tmp_path):
    tuned_base = with_prompt(base(tmp_path / "base", tied=True), "chatml")
    save(merged(tuned_base), tmp_path / "whole")
    # A base with a template of its own, and without virtual tokens.
    first = ModelSection(base=str(tmp_path / "base"))
    made, controls = load_tokeniser(first, "chatml", lambda: ())
    save(load_base(first, made, controls, positions=64, seed=0), tmp_path / "chat")
    loaded = with_prompt(tmp_path / "chat", "model")
    assert isinstance(loaded.tokeniser.chat_format.form, ModelFormat)
    for folder in ("one", "two"):
        save(loaded, tmp_path / folder)
    assert (tmp_path / "one" / "chat_template.jinja").read_text() == (tmp_path / "two" / "chat_template.jinja").read_text()
    again = load_checkpoint(tmp_path / "two")
    assert torch.equal(logits(again), logits(loaded))
    said = [{"role": "user", "content": "a dog"}]
    text = AutoTokenizer.from_pretrained(tmp_path / "two").apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    assert text == "<|prompt_0|><|prompt_1|><|prompt_2|><|im_start|>user\na dog<|im_end|>\n<|im_start|>assistant\n"
    with pytest.raises(ModelError, match="comes with a trained prompt"):
        with_prompt(tmp_path / "whole", "model")


def test_an_objective_for_plain_text_is_refused(tmp_path):
    section = ModelSection(base=str(base(tmp_path, "t5")), adapter=AdapterSection(kind="prompt"))
    with pytest.raises(ModelError, match=r"kind is prompt, which stands before conversations(.|\n)*next: model\.adapter\.kind=lora"):
        check_fit(section, "span_corruption", 16)
    check_fit(section, "seq2seq", 16)


def test_the_layer_gives_each_token_its_row():
    inner = torch.nn.Embedding.from_pretrained(torch.arange(8.0).reshape(4, 2))
    layer = SoftPrompt(inner, (6, 7), torch.tensor([[60.0, 61.0], [70.0, 71.0]]))
    assert layer(torch.tensor([[7, 6, 3]])).tolist() == [[[70.0, 71.0], [60.0, 61.0], [6.0, 7.0]]]
    assert layer.weight is inner.weight
