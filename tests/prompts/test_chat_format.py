"""Formats as pieces: who says what, what is a control token, what the model has to produce."""

import jinja2
import pytest
from tokenizer_zoo import FAMILIES, SHARED, TEMPLATES, ready, talk

from didact.base.errors import RecipeError, TemplateError
from didact.base.types import Conversation, Message, Origin
from didact.prompts.chat_format import BOS, EOS, FORMATS, RESPONSE, format_fingerprint, golden

LIKE = {"chatml": "like_chatml", "llama3": "like_llama3", "gemma": "like_gemma"}
"""Own format to the template that the models of that family come with."""


def written(name, conversation, **keys):
    """The row as text, with what the model has to produce in ⟦ ⟧; tokens that stand for the tokenizer's own are left as names."""
    text, inside = "", False
    for piece in FORMATS[name].pieces(conversation, **keys):
        if (piece.role == RESPONSE) != inside:
            inside = not inside
            text += "⟦" if inside else "⟧"
        text += piece.text
    return text + ("⟧" if inside else "")


def said(*messages, **keys):
    return Conversation(tuple(messages), Origin("t", "0"), **keys)


WORKED = {
    "chatml": "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\n⟦B<|im_end|>⟧\n"
    "<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n⟦D<|im_end|>⟧",
    "llama3": "{bos}<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nA<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n⟦B<|eot_id|>⟧<|start_header_id|>user<|end_header_id|>\n\nC<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n⟦D<|eot_id|>⟧",
    "mistral": "{bos}[INST]S\n\nA[/INST]⟦B{eos}⟧[INST]C[/INST]⟦D{eos}⟧",
    "gemma": "{bos}<start_of_turn>user\nS\n\nA<end_of_turn>\n<start_of_turn>model\n⟦B<end_of_turn>⟧\n"
    "<start_of_turn>user\nC<end_of_turn>\n<start_of_turn>model\n⟦D<end_of_turn>⟧",
    "alpaca": "{bos?}S\n\n### Instruction:\nA\n\n### Response:\n⟦B{eos}⟧\n\n### Instruction:\nC\n\n### Response:\n⟦D{eos}⟧",
    "plain": "{bos?}S\n\nA\n⟦B{eos}⟧C\n⟦D{eos}⟧",
    "answer": "{bos?}S\n\nA\nAnswer:⟦ B{eos}⟧\nC\nAnswer:⟦ D{eos}⟧",
}


@pytest.mark.parametrize("name", FORMATS)
def test_two_exchanges_with_a_system_message(name):
    assert written(name, talk("A", "B", "C", "D", system="S")) == WORKED[name]


@pytest.mark.parametrize("name", FORMATS)
def test_the_text_given_to_generation_is_the_beginning_of_the_training_text(name):
    conversation = talk("A ", "B", "C", "D", system="S")
    row, prompt = written(name, conversation), written(name, conversation.without_response(), generate=True)
    assert row.startswith(prompt) and row[len(prompt)] == "⟦"


@pytest.mark.parametrize("name", FORMATS)
def test_every_piece_of_data_is_a_body_and_names_its_turn(name):
    conversation = talk("A", "B", "C", "D", system="S")
    bodies = [piece for piece in FORMATS[name].pieces(conversation) if piece.body]
    assert not any(piece.control for piece in bodies)
    assert [conversation.messages[piece.turn].content in piece.text for piece in bodies] == [True] * len(bodies)


@pytest.mark.parametrize("name", FORMATS)
def test_text_that_belongs_to_nobody_is_written_alike_in_every_format(name):
    assert written(name, said(Message("text", "Once"))) == "{bos?}⟦Once{eos}⟧"


def test_alpaca_without_a_system_message_has_the_usual_preamble():
    assert written("alpaca", talk("A", "B")).startswith("{bos?}Below is an instruction that describes a task.")


def test_plain_moves_one_space_into_the_answer_and_keeps_other_white_space():
    assert written("plain", talk("A: ", "B")) == "{bos?}A:⟦ B{eos}⟧"
    assert written("plain", talk("A:\n\n", "B")) == "{bos?}A:\n\n⟦B{eos}⟧"
    assert written("plain", talk("A", "B", "C ", "D")) == "{bos?}A\n⟦B{eos}⟧C⟦ D{eos}⟧"


def test_answer_gives_a_response_its_space_and_never_a_second_one():
    assert written("answer", talk("A", "B", "C", " D")) == "{bos?}A\nAnswer:⟦ B{eos}⟧\nC\nAnswer:⟦ D{eos}⟧"
    # What a model wrote comes back as it was: in a chat, the next turn sees the very tokens of the last one.
    assert written("answer", talk("A", " B")) == written("answer", talk("A", "B"))
    assert written("answer", talk(" A ", "  B")) == "{bos?} A \nAnswer:⟦  B{eos}⟧"
    kept = said(Message("user", "A"), Message("assistant", "B", train=False), Message("user", "C"), Message("assistant", "D"))
    assert written("answer", kept) == "{bos?}A\nAnswer: B{eos}\nC\nAnswer:⟦ D{eos}⟧"


def test_an_answer_kept_as_context_is_no_response_and_neither_is_its_terminator():
    conversation = said(Message("user", "A"), Message("assistant", "B", train=False), Message("user", "C"), Message("assistant", "D"))
    assert written("mistral", conversation) == "{bos}[INST]A[/INST]B{eos}[INST]C[/INST]⟦D{eos}⟧"


def test_tools_calls_and_results_are_shown_as_hermes_and_qwen_write_them():
    call = {"type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    text = written(
        "chatml",
        said(
            Message("user", "A"),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", "2", name="add"),
            Message("assistant", "Two."),
            tools=({"name": "add"},),
        ),
    )
    assert text.startswith('<|im_start|>system\nYou may call these functions:\n<tools>\n{"name": "add"}\n</tools>')
    assert '⟦<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call><|im_end|>⟧' in text
    assert "<|im_start|>tool\n2<|im_end|>" in text
    assert "S\n\nYou may call" in written("llama3", said(Message("system", "S"), Message("user", "A"), tools=({"name": "add"},)))


def test_what_a_format_cannot_show_is_refused():
    with pytest.raises(TemplateError, match="'gemma' cannot show a turn of role 'tool'"):
        FORMATS["gemma"].pieces(said(Message("user", "A"), Message("tool", "B")))
    with pytest.raises(TemplateError, match="'plain' cannot show tools"):
        FORMATS["plain"].pieces(said(Message("user", "A"), tools=({"name": "add"},)))
    with pytest.raises(TemplateError, match="'alpaca' cannot show tool calls"):
        FORMATS["alpaca"].pieces(said(Message("user", "A"), Message("assistant", "", tool_calls=({"name": "add"},))))
    with pytest.raises(TemplateError, match="'gemma' cannot show a system message without a user turn"):
        FORMATS["gemma"].pieces(said(Message("system", "S"), Message("assistant", "B")))
    with pytest.raises(RecipeError, match="no format named 'chatlm'"):
        FORMATS["chatlm"]


def test_stop_tokens_and_needed_tokens_follow_from_the_turns():
    assert {name: FORMATS[name].stop for name in FORMATS} == {
        "chatml": ("<|im_end|>",),
        "llama3": ("<|eot_id|>",),
        "mistral": (EOS,),
        "gemma": ("<end_of_turn>",),
        "alpaca": (EOS,),
        "plain": (EOS,),
        "answer": (EOS,),
    }
    assert FORMATS["llama3"].controls == ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    assert FORMATS["mistral"].controls == FORMATS["alpaca"].controls == FORMATS["plain"].controls == FORMATS["answer"].controls == ()


def test_each_format_has_its_own_fingerprint():
    assert len({format_fingerprint(FORMATS[name]) for name in FORMATS}) == len([*FORMATS]) == 7
    assert FORMATS["llama3"].pieces(golden())[0].text == BOS


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", LIKE)
def test_own_formats_write_the_tokens_of_the_templates_that_models_come_with(name, family):
    tokeniser = ready(family, name)
    tokenizer = tokeniser.tokenizer
    turns = ("Hello there, how are you?", "I am fine.", "What is the capital of France?", "Paris is the capital.")
    messages = [{"role": m.role, "content": m.content} for m in talk(*turns).messages]
    text = (
        jinja2.Environment(autoescape=False)
        .from_string(TEMPLATES[LIKE[name]])
        .render(messages=messages, bos_token=tokenizer.bos_token or "")
    )
    # What follows the last terminator leads to a next turn that does not come.
    wanted = tokenizer(text[: text.rindex(FORMATS[name].stop[0]) + len(FORMATS[name].stop[0])], add_special_tokens=False)["input_ids"]
    assert tokeniser.tokenise([talk(*turns)], 10_000)[0].input_ids.tolist() == wanted


def test_mistral_writes_the_tokens_of_mistral_common(shared):
    # Its third version: <s> [INST] user [/INST] answer </s>, every text with sentencepiece's space before it.
    tokeniser = ready("mistral_v3", "mistral", shared)
    row = tokeniser.tokenise([talk("Hi", "Hello", "Bye", "Good day")], 100)[0]
    tokens = tokeniser.tokenizer.convert_ids_to_tokens(row.input_ids.tolist())
    assert SHARED["mistral_v3"].endswith("v3")
    assert tokens == ["<s>", "[INST]", "▁Hi", "[/INST]", "▁Hello", "</s>", "[INST]", "▁By", "e", "[/INST]", "▁Good", "▁day", "</s>"]
