"""The Jinja template beside a checkpoint writes what the format writes, so other tools prompt the model as it was tuned."""

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from didact.base.errors import TemplateError
from didact.base.types import Conversation, Message, Origin
from didact.prompts.chat_format import BOS, BOS_IF_ADDED, EOS, FORMATS, golden
from didact.prompts.jinja_export import chat_template
from didact.prompts.model_format import ModelFormat

NAMES = {BOS: "<s>", BOS_IF_ADDED: "<s>", EOS: "</s>"}


def tokenizer_with(template: str) -> PreTrainedTokenizerFast:
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>", eos_token="</s>")
    made.add_tokens(["<|im_start|>", "<|im_end|>", "<|eot_id|>", "<end_of_turn>"], special_tokens=True)
    made.chat_template = template
    return made


def said(*turns: tuple[str, str]) -> Conversation:
    return Conversation(tuple(Message(role, text) for role, text in turns), Origin("t", "1"))


CONVERSATIONS = [
    golden(),
    golden(system=False),
    said(("user", "no space"), ("assistant", "a")),
    said(("user", "line\n"), ("assistant", " a ")),
    said(("user", "one space "), ("assistant", "a"), ("user", 'two "quotes" \\ {{ x }} '), ("assistant", "b")),
    said(("system", "s"), ("user", "ends in system "), ("assistant", "{% if %}")),
    said(("user", "two spaces"), ("assistant", "  a"), ("user", "none"), ("assistant", "")),
]


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("generate", [False, True])
def test_the_template_writes_the_same_text_as_the_format(name: str, conversation: Conversation, generate: bool) -> None:
    conversation = conversation.without_response() if generate else conversation
    form = FORMATS[name]
    ours = "".join(
        NAMES.get(piece.text, piece.text) if piece.control else piece.text for piece in form.pieces(conversation, generate=generate)
    )
    made = tokenizer_with(chat_template(form, bos="<s>", eos="</s>", adds_bos=True))
    messages = [{"role": message.role, "content": message.content} for message in conversation.messages]
    assert made.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate) == ours


def test_a_tokenizer_that_adds_no_bos_gets_none_in_the_plain_template() -> None:
    made = tokenizer_with(chat_template(FORMATS["plain"], bos="<s>", eos="</s>", adds_bos=False))
    assert made.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False) == "Hi\n"


def test_a_role_that_the_format_cannot_show_is_refused() -> None:
    made = tokenizer_with(chat_template(FORMATS["gemma"], bos="<s>", eos="</s>", adds_bos=True))
    with pytest.raises(Exception, match="cannot show the role tool"):
        made.apply_chat_template([{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}], tokenize=False)


def test_the_format_model_has_its_template_already() -> None:
    made = tokenizer_with(chat_template(FORMATS["chatml"], bos="", eos="", adds_bos=False))
    with pytest.raises(TemplateError, match="not made of pieces"):
        chat_template(ModelFormat(made), bos="", eos="", adds_bos=False)
