"""A completion ends at a stop token or before a stop string: cut to the character, wherever its tokens begin and end."""

import numpy as np
import pytest
import torch
from tiny import MODELS, TEXTS, random_model, tokeniser

from didact.base.errors import ModelError
from didact.data.tokens import Tokeniser
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.models.stops import Stops, stops_of, turn_marks
from didact.models.tokenizer import make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS
from didact.prompts.virtual_tokens import with_virtual_tokens

WORDS = {1: "No", 2: ".", 3: "\n", 4: "\n\n", 5: "Q", 6: ":", 7: " Quite\nso", 8: "é"[:0], 9: "Q: a"}
END = 99


def stops(*strings):
    return Stops(frozenset({END}), strings, lambda ids: "".join(WORDS[number] for number in ids))


def until_ended(ends, ids):
    """The tokens up to the one behind which writing stops."""
    return next((ids[:count] for count in range(1, len(ids) + 1) if ends.ended(ids[:count])), ids)


@pytest.mark.parametrize(
    ("ids", "strings", "kept", "text", "stop"),
    [
        ([1, 2, END, 3], ("\n",), (1, 2), "No.", "stop"),
        ([1, 2, 3, 5], ("\nQ",), (1, 2), "No.", "string"),  # in two tokens
        ([1, 4, 9], ("\n\nQ:",), (1,), "No", "string"),  # begins with one token and ends within the next
        ([1, 7, 2], ("\n",), (1, 7), "No Quite", "string"),  # within one token, which holds a part of the answer
        ([1, 8, 3, 8, 5, 6], ("\nQ:",), (1,), "No", "string"),  # tokens without a text lie between
        ([1, 3, 5, 6], ("Q:", "\nQ"), (1,), "No", "string"),  # of two, the one that begins first
        ([3, 1], ("\n",), (), "", "string"),
        ([1, 7, 2], ("Q:",), (1, 7, 2), "No Quite\nso.", "length"),  # a Q alone is no stop
        ([1, 2], (), (1, 2), "No.", "length"),
    ],
)
def test_nothing_before_a_stop_is_lost_and_nothing_of_it_stays(ids, strings, kept, text, stop):
    ends = stops(*strings)
    assert ends.cut(ids) == (kept, text, stop)
    assert ends.cut(until_ended(ends, ids)) == (kept, text, stop)  # cut as soon as it is there, or with all that came behind it
    assert (len(until_ended(ends, ids)) < len(ids)) == any(ends.ended(ids[:count]) for count in range(1, len(ids)))


def test_tokens_without_a_text_hide_no_stop():
    # Twenty of them within the string: it is found in the end, though not by the look at the last few tokens.
    ids = [1, 3, *[8] * 20, 5, 2]
    assert stops("\nQ").cut(ids) == ((1,), "No", "string")


@pytest.mark.parametrize(
    ("chat_format", "marks"),
    [
        ("alpaca", ("\n\n### Instruction:", "\n### Instruction:")),
        ("chatml", ()),  # a control token begins a turn
        ("llama3", ()),
        ("gemma", ()),
        ("plain", ()),  # nothing but the text itself
        ("answer", ()),  # a line break, which answers may have
        ("mistral", ("[INST]",)),  # this tokenizer has no such token: it is text
    ],
)
def test_the_stop_strings_of_a_format_are_what_its_next_turn_begins_with(chat_format, marks):
    tokenizer = train_tokenizer(TEXTS, 300)
    make_ready(tokenizer, FORMATS[chat_format])
    made = Tokeniser(tokenizer, FORMATS[chat_format])
    assert turn_marks(made) == marks
    assert stops_of(made, ["\nQ:", *marks]).strings == (*marks, "\nQ:")  # no string twice
    assert stops_of(made, own=False).strings == ()
    assert stops_of(made).ids == {*made.stop_ids, made.eos_id}


def test_a_trained_prompt_in_front_changes_no_stop():
    form = with_virtual_tokens(FORMATS["alpaca"], 2)
    tokenizer = train_tokenizer(TEXTS, 300)
    tokenizer.add_tokens(["<|prompt_0|>", "<|prompt_1|>"], special_tokens=True)
    make_ready(tokenizer, form)
    assert turn_marks(Tokeniser(tokenizer, form)) == turn_marks(tokeniser("alpaca"))


def test_the_name_of_a_control_token_is_that_token():
    made = tokeniser()
    ends = stops_of(made, ["<|im_start|>", "x"])
    assert ends.strings == ("x",) and made.controls["<|im_start|>"] in ends.ids


def test_an_empty_stop_is_refused():
    with pytest.raises(ModelError, match=r"a stop string is empty(.|\n)*next: "):
        stops_of(tokeniser(), ["\n", ""])


def asked_with(model, stop, **more):
    local = LocalModel(Loaded(model, tokeniser()), torch.device("cpu"), "fp32")
    prompts = [np.array(ids, np.int32) for ids in ([5, 6, 7], [8, 9, 10, 11, 12], [40])]
    return local.generate(prompts, max_new_tokens=12, stops=stop, **more)


@pytest.mark.parametrize("batch_tokens", [1, 16_384])
def test_a_model_that_writes_a_stop_string_is_cut_there_and_writes_no_further(batch_tokens):
    model = random_model(MODELS["llama"])
    free = asked_with(model, ())
    string = free[0].text[3:6]
    places = [completion.text.find(string) for completion in free]
    cut = asked_with(model, [string], batch_tokens=batch_tokens)
    assert [completion.text for completion in cut] == [
        completion.text[:place] if place >= 0 else completion.text for completion, place in zip(free, places, strict=True)
    ]
    assert cut[0].stop == "string" and len(cut[0].ids) < 12
    assert all(a.ids == b.ids[: len(a.ids)] for a, b in zip(cut, free, strict=True))
    tokens = []
    model.get_input_embeddings().register_forward_pre_hook(lambda _, given: tokens.append(given[0].numel()))
    asked_with(model, [free[number].text[1:3] for number in range(3)])
    assert len(tokens) < 12  # one call for the prompts and one for every further token: fewer than a completion may have
