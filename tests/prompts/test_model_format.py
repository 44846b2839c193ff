"""The tokenizer's own template: its tokens are transformers' tokens, and what it rewrites is refused."""

import numpy as np
import pytest
from tokenizer_zoo import FAMILIES, MARKS, TEMPLATES, TURN, ready, talk, with_template
from tokenizers import AddedToken

from didact.base.errors import TemplateError
from didact.base.types import Conversation, Message, Origin
from didact.data.tokens import RESPONSE, Tokeniser, TokenReport
from didact.models.tokenizer import make_ready
from didact.prompts.chat_format import format_fingerprint
from didact.prompts.model_format import ModelFormat

TURNS = ("Hello there, how are you?", "I am fine.", "What is the capital of France?", "Paris is the capital.")


def tokenizer_with(template, *marks):
    tokenizer = FAMILIES["byte_level"]()
    tokenizer.add_tokens([*MARKS["like_chatml"], *marks], special_tokens=True)
    tokenizer.chat_template = template
    return tokenizer


def chat(tokenizer, conversation, **keys):
    messages = [{"role": m.role, "content": m.content} for m in conversation.messages]
    return tokenizer.apply_chat_template(messages, tokenize=False, **keys)


# Every cut between prompt and answer lies at a control token, or at white space that no token of these families crosses.
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", TEMPLATES)
def test_ids_are_those_of_transformers(family, name):
    tokeniser = ready(family, name)
    tokenizer, conversation = tokeniser.tokenizer, talk(*TURNS)
    row, prompt = tokeniser.tokenise([conversation], 10_000)[0], tokeniser.prompt(conversation, 10_000)
    assert row.input_ids.tolist() == tokenizer(chat(tokenizer, conversation), add_special_tokens=False)["input_ids"]
    text = chat(tokenizer, conversation.without_response(), add_generation_prompt=True)
    assert prompt.input_ids.tolist() == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_white_space_that_a_control_token_swallows_is_left_out_as_transformers_does():
    tokenizer = FAMILIES["metaspace_first"]()
    tokenizer.add_tokens([AddedToken("<|end|>", special=True, normalized=False, lstrip=True)], special_tokens=True)
    tokenizer.chat_template = TURN + "{{ m.role + ': ' + m.content + ' \n <|end|>' }}{% endfor %}"
    form = ModelFormat(tokenizer)
    make_ready(tokenizer, form)
    row = Tokeniser(tokenizer, form).tokenise([talk("Hello", "Bye.")], 100)[0]
    wanted = tokenizer(chat(tokenizer, talk("Hello", "Bye.")), add_special_tokens=False)["input_ids"]
    assert row.input_ids.tolist() == wanted and tokenizer.decode(wanted).endswith("Bye.<|end|>")


@pytest.mark.parametrize("name", TEMPLATES)
def test_answers_and_terminators_are_what_the_model_has_to_produce(name):
    tokeniser = ready("byte_level", name)
    row = tokeniser.tokenise([talk(*TURNS)], 10_000)[0]
    text = tokeniser.tokenizer.decode(row.input_ids[row.roles == RESPONSE])
    end = tokeniser.chat_format.stop[0]
    thought = "<think>\n\n</think>\n\n" if name == "like_qwen3" else ""
    space = " " if name == "like_mistral" else ""
    assert text == f"{space}{TURNS[1]}{end}{thought}{space}{TURNS[3]}{end}"
    assert int(np.count_nonzero(np.isin(row.input_ids[row.roles == RESPONSE], tokeniser.stop_ids))) == 2


def test_a_template_that_trims_is_followed():
    text = ready("byte_level", "like_llama3").tokenise([talk("  Hi \n", " Hello ")], 100)[0].input_ids
    assert "user<|end_header_id|>\n\nHi<|eot_id|>" in ready("byte_level", "like_llama3").tokenizer.decode(text)


@pytest.mark.parametrize(
    ("change", "turn"),
    [
        ("m.content | upper if m.role == 'user' else m.content", 0),
        ("'' if m.role == 'user' else m.content", 0),
        ("m.content + '.' if m.content == 'I am fine.' else m.content", 1),
        ("m.content | replace('France', 'Italy')", 2),
        ("m.content | replace('Paris', 'Rome')", 3),
    ],
)
def test_a_template_that_rewrites_or_drops_what_is_said_is_refused(change, turn):
    body = TURN + "{{ '<|im_start|>' + m.role + '\n' + (" + change + ") + '<|im_end|>' }}{% endfor %}"
    form = ModelFormat(tokenizer_with(body + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"))
    with pytest.raises(TemplateError, match=f"rewrites or drops the {('user', 'assistant')[turn % 2]} message number {turn}"):
        form.pieces(talk(*TURNS))


def test_thinking_that_a_template_strips_is_refused_and_counted():
    tokeniser, report = ready("byte_level", "like_qwen3"), TokenReport()
    thinking = talk("a", "<think>\nhm\n</think>\n\nb", "c", "d")
    assert tokeniser.tokenise([thinking, talk("a", "b")], 100, report)[0] is None
    assert report.num_kept == 1 and list(report.dropped) == [
        "the tokenizer's chat template rewrites or drops the assistant message number 1"
    ]


def test_a_template_without_a_terminator_or_that_changes_every_answer_is_refused():
    with pytest.raises(TemplateError, match="ends an answer without a control token"):
        ModelFormat(tokenizer_with(TURN + "{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"))
    for change in ("| upper", "[:10]", "if m.role == 'user' else ''"):
        with pytest.raises(TemplateError, match="does not write an answer as it is"):
            ModelFormat(tokenizer_with(TURN + "{{ (m.content " + change + ") + '<|im_end|>' }}{% endfor %}"))
    with pytest.raises(TemplateError, match="has no chat template"):
        ModelFormat(FAMILIES["byte_level"]())


def test_a_template_that_reorders_is_refused():
    template = "{% for m in messages | reverse %}{{ m.content + '<|im_end|>' }}{% endfor %}"
    with pytest.raises(TemplateError, match="writes turn 1 differently once it is answered"):
        ModelFormat(tokenizer_with(template)).pieces(talk("a", "b"))


def test_a_role_that_a_template_refuses_is_refused_with_its_words():
    with pytest.raises(TemplateError, match="System role not supported"):
        ready("byte_level", "like_gemma").chat_format.pieces(talk("a", "b", system="c"))


def test_tool_data_that_spells_a_control_token_is_refused():
    template = TEMPLATES["like_chatml"].replace("m.content +", "(m.name or '') + (m.tool_calls or '') | string + m.content +")
    form = ModelFormat(tokenizer_with("{{ tools or '' }}" + template))

    def refused(*messages, tools=()):
        with pytest.raises(TemplateError, match=r"name, definition or call spells the control token '<\|im_end\|>'"):
            form.pieces(Conversation((Message("user", "a"), *messages), Origin("t", "0"), tools))

    refused(tools=({"name": "add", "description": "x<|im_end|>y"},))
    refused(tools=({"<|im_": "end|>"},))
    refused(Message("assistant", "", tool_calls=({"name": "add", "arguments": {"a": ["<|im_end|>"]}},)))
    refused(Message("tool", "2", name="add<|im_end|>"))


def test_tokens_of_white_space_only_are_no_control_tokens():
    # Gemma's tokenizer has the line break among its added tokens; its template writes it, and so may every text.
    tokenizer = FAMILIES["byte_level"]()
    tokenizer.add_tokens(["\n", "\n\n"])
    form = ModelFormat(with_template(tokenizer, "like_gemma"))
    make_ready(tokenizer, form)
    tokeniser = Tokeniser(tokenizer, form)
    assert form.controls == MARKS["like_gemma"]
    ids = tokeniser.tokenise([talk("a\n\nb", "c\nd")], 100)[0].input_ids
    assert ids.tolist() == tokenizer(chat(tokenizer, talk("a\n\nb", "c\nd")), add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_tokens_to_ids("\n\n") in ids


def test_the_fingerprint_follows_the_template():
    prints = {format_fingerprint(ready("byte_level", name).chat_format) for name in TEMPLATES}
    assert len(prints) == len(TEMPLATES)
