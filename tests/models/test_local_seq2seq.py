"""An encoder-decoder answers what its encoder has read: the tokens it was trained on, whatever else is in the batch."""

import random

import numpy as np
import pytest
import torch
from tiny import VOCABULARY, tokeniser
from transformers import BartConfig, BartForConditionalGeneration, GenerationConfig, T5Config, T5ForConditionalGeneration

from didact.base.errors import ModelError
from didact.base.recipe import ModelSection, NewModel, Objective
from didact.base.types import Conversation, Message, Origin
from didact.data.objective_tokens import ObjectiveTokens, objective_controls
from didact.data.prepare import prepare
from didact.data.tokens import Tokeniser
from didact.models.load import Loaded, load_base
from didact.models.local import LocalModel
from didact.models.tokenizer import make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS

CPU = torch.device("cpu")
LENGTHS = (3, 17, 1, 8, 8, 30, 2)
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "feed_forward_proj": "gated-gelu", "vocab_size": VOCABULARY}
BART = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
BART |= {"encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "vocab_size": VOCABULARY, "max_position_embeddings": 64}
SPECIAL = {"pad_token_id": 1, "eos_token_id": 0, "bos_token_id": 0}
"""Those of the tiny tokeniser."""
MODELS = {
    "t5": lambda: T5ForConditionalGeneration(T5Config(**T5, **SPECIAL, decoder_start_token_id=1)),
    "bart": lambda: BartForConditionalGeneration(BartConfig(**BART, **SPECIAL, decoder_start_token_id=0)),
}


def random_model(name):
    """A random model, its dropout as the configuration has it (0.1); what its decoder takes from its encoder weighs more than usual."""
    read, other = {"t5": (3.0, 1.0), "bart": (10.0, 3.0)}[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MODELS[name]()
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if parameter.ndim >= 2 and "shared" not in path:
                parameter.mul_(read if "EncDec" in path or "encoder_attn" in path else other)
    return model.train()


def prompts():
    draw = random.Random(0)
    return [np.array([draw.randrange(3, 290) for _ in range(length)], np.int32) for length in LENGTHS]


def by_hand(model, prompt, max_new_tokens, stops):
    """The largest logit, again and again: one prompt, no cache, no padding, no batch."""
    model.eval()
    read, written = torch.tensor([prompt.tolist()]), [model.config.decoder_start_token_id]
    with torch.no_grad():
        for _ in range(max_new_tokens):
            token = int(model(input_ids=read, decoder_input_ids=torch.tensor([written])).logits[0, -1].argmax())
            if token in stops:
                return tuple(written[1:]), "stop"
            written.append(token)
    return tuple(written[1:]), "length"


def local(model, stop_ids=None):
    made = tokeniser()
    if stop_ids is not None:
        made.stop_ids = tuple(stop_ids)
    return LocalModel(Loaded(model, made), CPU, "fp32")


def stopping(name):
    """A random model, and a token that it says to some prompts and not to others."""
    model = random_model(name)
    said = [by_hand(model, prompt, 12, ())[0] for prompt in prompts()]
    counts = {token: sum(token in ids[1:] for ids in said) for token in range(1, VOCABULARY)}
    stop = next(token for token, count in counts.items() if 0 < count < len(said) and all(ids[0] != token for ids in said))
    return model, stop


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("batch_tokens", [1, 60, 16_384])
@pytest.mark.parametrize("name", MODELS)
def test_a_batch_writes_what_one_prompt_at_a_time_would(name, batch_tokens, attention):
    model, stop = stopping(name)
    model.set_attn_implementation(attention)
    asked = local(model, [stop])
    eos = asked.tokeniser.eos_id
    expected = [by_hand(model, prompt, 12, (stop, eos)) for prompt in prompts()]
    assert {how for _, how in expected} == {"stop", "length"}
    assert len({ids for ids, _ in expected}) > 3
    got = asked.generate(prompts(), max_new_tokens=12, batch_tokens=batch_tokens)
    assert [(completion.ids, completion.stop) for completion in got] == expected
    assert [completion.text for completion in got] == [asked.tokeniser.decode(ids) for ids, _ in expected]


@pytest.mark.parametrize("name", MODELS)
def test_answers_do_not_depend_on_what_else_is_asked(name):
    asked, order = local(random_model(name)), [4, 0, 6, 2, 5, 1, 3]
    straight = asked.generate(prompts(), max_new_tokens=6)
    assert asked.generate([prompts()[i] for i in order], max_new_tokens=6) == [straight[i] for i in order]
    assert [asked.generate([prompt], max_new_tokens=6)[0] for prompt in prompts()] == straight


@pytest.mark.parametrize("name", MODELS)
def test_a_stop_string_ends_a_row_and_no_other(name):
    asked = local(random_model(name))
    free = asked.generate(prompts(), max_new_tokens=12)
    string = next(text[2:5] for text in (completion.text for completion in free) if len(text) > 8)
    for batch_tokens in (64, 512, 16_384):
        cut = asked.generate(prompts(), max_new_tokens=12, batch_tokens=batch_tokens, stops=[string])
        assert [completion.text for completion in cut] == [completion.text.partition(string)[0] for completion in free]
        assert [completion.stop == "string" for completion in cut] == [string in completion.text for completion in free]


def test_what_the_base_likes_to_generate_with_changes_nothing():
    # BART's files force a first token, several beams and no repeated words.
    model = random_model("bart")
    plain = local(model).generate(prompts(), max_new_tokens=12)
    theirs = GenerationConfig(forced_bos_token_id=5, no_repeat_ngram_size=1, num_beams=4, min_length=9, decoder_start_token_id=9)
    model.generation_config = theirs
    assert local(model).generate(prompts(), max_new_tokens=12) == plain
    assert model.generation_config is theirs
    assert any(len(set(completion.ids)) < len(completion.ids) for completion in plain)


def test_an_encoder_is_asked_nothing_and_says_what_it_is_for():
    section = ModelSection(base="new", new=NewModel(architecture="bert", width=32, depth=1, heads=2))
    asked = LocalModel(load_base(section, tokeniser(), (), positions=64, seed=0), CPU, "fp32")
    with pytest.raises(ModelError, match=r"BertForPreTraining is an encoder: it tells masked words(.|\n)*expected: (.|\n)*next: "):
        asked.generate(prompts(), max_new_tokens=4)


CONVERSATIONS = [
    (Message("user", "say it twice: one"), Message("assistant", "one one")),
    (Message("system", "the red house"), Message("user", "the cat sleeps"), Message("assistant", "a dog runs")),
    (Message("user", "a"), Message("assistant", "b"), Message("user", "the bird"), Message("assistant", "sings at night")),
]


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=["one turn", "system", "two turns"])
@pytest.mark.parametrize("chat_format", ["chatml", "plain", "alpaca", "llama3"])
def test_the_encoder_reads_the_same_tokens_in_training_and_when_asked(chat_format, messages):
    form, objective = FORMATS[chat_format], Objective(kind="seq2seq")
    tokenizer = train_tokenizer(["the cat sleeps in the red house", "say it twice: one two three"], 300)
    make_ready(tokenizer, form, objective_controls(objective))
    made = Tokeniser(tokenizer, form)
    said = Conversation(messages, Origin("task", "0"))
    (example,) = made.tokenise([said], 512)
    trained = prepare(example, ObjectiveTokens(made, objective), 512, np.random.default_rng(0))
    section = ModelSection(base="new", new=NewModel(architecture="t5", width=32, depth=1, heads=2))
    model = load_base(section, made, (), positions=512, seed=0).model
    seen = []
    model.get_encoder().register_forward_pre_hook(lambda _, __, given: seen.append(given), with_kwargs=True)
    other = np.arange(3, 200, dtype=np.int32) % 290  # a longer prompt beside it, so that there is padding
    LocalModel(Loaded(model, made), CPU, "fp32").generate([made.prompt(said, 512).input_ids, other], max_new_tokens=2)
    (given,) = seen
    asked = given["input_ids"][1][given["attention_mask"][1].bool()].tolist()
    assert asked == trained.input_ids.tolist()
    assert trained.target_ids.tolist()[-1] in (*made.stop_ids, made.eos_id)  # the decoder learns to stop where asking stops
