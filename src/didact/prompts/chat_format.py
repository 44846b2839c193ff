r"""Chat formats as header / body / end pieces: chatml, llama3, mistral, gemma, alpaca, plain, answer.

A format turns a conversation into pieces of text. Each piece knows whether it is a control token and whether the model has to
produce it, so weights follow from the structure and nothing searches strings. Text from data is always a body: it can never
become a control token, whatever it spells.

    chatml   <|im_start|>user\n Hi <|im_end|>\n <|im_start|>assistant\n | Hello <|im_end|> | \n
             control     header body control header control    header      | body  control  |
                                                            prompt         |    response    | prompt
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol

from didact.base.errors import TemplateError
from didact.base.files import fingerprint
from didact.base.registry import Registry
from didact.base.roles import FORMAT, IGNORED, PROMPT, RESPONSE, SPEAKERS, SYSTEM
from didact.base.types import Conversation, Message, Origin

_REMEDY = "prompts.chat_format=chatml, or model"
BOS, EOS, BOS_IF_ADDED = "{bos}", "{eos}", "{bos?}"
"""Control pieces that stand for the tokenizer's own first and last token, whatever they are called there. `{bos}` is left out
where the tokenizer has none, `{bos?}` also where the tokenizer would not add it to plain text by itself."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that a format writes, in order."""

    text: str
    control: bool = False
    """True: exactly one control token with this name."""
    role: int = PROMPT
    """1: the model reads it; 2: the model has to produce it; 0: it reads it, and nobody has to learn to predict it."""
    turn: int = -1
    """Index of the message it belongs to; -1: to the conversation as a whole."""
    body: bool = False
    """True: text from the data; False: the format's own words."""
    speaker: int = SYSTEM
    """Who says it, by the code of what is read of them: see `didact.base.roles`. Outside all turns: the system's."""
    lead: int = 0
    """Of a body: characters before the message's own text, a system's or a space; below 0: so many of its own are left out."""

    @property
    def code(self) -> int:
        """The role of its tokens, as a `TokenisedExample` has it."""
        if self.role in (IGNORED, RESPONSE):
            return self.role
        return self.speaker if self.body else self.speaker | FORMAT


class ChatFormat(Protocol):
    """What the rest of the system asks of a chat format."""

    @property
    def name(self) -> str:
        """What a recipe calls it."""

    @property
    def controls(self) -> tuple[str, ...]:
        """Control tokens that the tokenizer has to have; any other control piece is written as text where it is not a token."""

    @property
    def stop(self) -> tuple[str, ...]:
        """Control tokens that end a response."""

    def pieces(self, conversation: Conversation, *, generate: bool = False) -> list[Piece]:
        """Returns the conversation as pieces; `generate` adds the header after which the model speaks.

        Raises:
            TemplateError: The format cannot show this conversation.
        """
        ...


def control(name: str) -> Piece:
    """Returns the piece that is one control token.

    >>> control("<|im_end|>").control
    True
    """
    return Piece(name, control=True)


def plain_text(conversation: Conversation, *, generate: bool = False) -> list[Piece]:
    """Returns text that belongs to nobody as pieces, in every format as the tokenizer writes it by itself; its end is trained.

    Args:
        conversation: Its messages are `text`.
        generate: Leave the end open, for a model that writes on.

    >>> [piece.text for piece in plain_text(Conversation((Message("text", "Once"),), Origin("stories", "0")))]
    ['{bos?}', 'Once', '{eos}']
    """
    bodies = (Piece(m.content, role=RESPONSE, turn=i, body=True) for i, m in enumerate(conversation.messages))
    end = Piece(EOS, control=True, role=RESPONSE, turn=len(conversation.messages) - 1)
    return [control(BOS_IF_ADDED), *bodies, *([] if generate else [end])]


@dataclass(frozen=True, slots=True)
class Turn:
    """How the turns of one role are written."""

    header: tuple[Piece, ...] = ()
    end: tuple[Piece, ...] = ()
    """What closes the turn. After an assistant's body the first piece is the terminator and is trained; the rest is not."""


@dataclass(frozen=True)
class PieceFormat:
    """A chat format made of pieces: the same code writes all of them."""

    name: str
    turns: dict[str, Turn]
    """Role to its pieces; a role that is absent cannot be shown."""
    begin: tuple[Piece, ...] = ()
    """What every conversation begins with, before the first turn."""
    bos: Literal["always", "as_tokenizer", "never"] = "never"
    """Whether the tokenizer's first token begins the row: always (if it has one), where it adds it itself, or never."""
    system: Literal["turn", "prefix", "replace"] = "turn"
    """A system message is a turn of its own, goes before the first user text, or replaces `begin`."""
    optional: bool = False
    """True: markers that the tokenizer does not have as tokens are written as text."""
    spaced: bool = False
    """True: an answer begins with a space, which the model has to produce: its first word is then an ordinary word with its space,
    as base models know it."""
    controls: tuple[str, ...] = field(init=False)
    stop: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        pieces = [*self.begin, *(piece for turn in self.turns.values() for piece in (*turn.header, *turn.end))]
        names = dict.fromkeys(piece.text for piece in pieces if piece.control)
        object.__setattr__(self, "controls", () if self.optional else tuple(name for name in names if name != EOS))
        object.__setattr__(self, "stop", (self.turns["assistant"].end[0].text,))

    def pieces(self, conversation: Conversation, *, generate: bool = False) -> list[Piece]:
        r"""Returns the conversation as pieces. See `ChatFormat.pieces`.

        >>> [piece.text for piece in FORMATS["chatml"].pieces(golden(), generate=False)][:3]
        ['<|im_start|>', 'system\n', 'Be brief.']
        """
        return list(self._write(conversation, generate))

    def _write(self, conversation: Conversation, generate: bool) -> Iterator[Piece]:
        messages, begin = conversation.messages, self.begin
        if "text" in [message.role for message in messages]:
            yield from plain_text(conversation, generate=generate)
            return
        if self.bos != "never":
            yield control(BOS if self.bos == "always" else BOS_IF_ADDED)
        prefix = ""
        if conversation.tools:
            messages = self._with_tools(conversation)
        if messages and messages[0].role == "system" and self.system != "turn":
            text, messages = messages[0].content, messages[1:]
            if self.system == "replace":
                begin = (Piece(text + "\n\n", turn=0, body=True),)
            else:
                prefix = text + "\n\n"
        yield from begin
        offset = len(conversation.messages) - len(messages)
        for index, message in enumerate(messages):
            last = index == len(messages) - 1 and not generate
            yield from self._turn(message, index + offset, prefix if message.role == "user" else "", last)
            prefix = "" if message.role == "user" else prefix
        if prefix:
            raise TemplateError(f"chat format '{self.name}' cannot show a system message without a user turn", remedy=_REMEDY)
        if generate:
            yield from self._header("assistant", len(conversation.messages))

    def _header(self, role: str, index: int) -> tuple[Piece, ...]:
        if (made := self._made.get((role, index))) is not None:
            return made
        if role not in self.turns:
            raise TemplateError(f"chat format '{self.name}' cannot show a turn of role '{role}'", remedy=_REMEDY)
        who = SPEAKERS[role]
        pieces = tuple([replace(piece, turn=index, speaker=who) for piece in self.turns[role].header])
        return self._made.setdefault((role, index), pieces)

    def _end(self, role: str, index: int, trained: bool) -> tuple[Piece, ...]:
        if (made := self._made.get((role, index, trained))) is not None:
            return made
        roles = (RESPONSE if trained and position == 0 else PROMPT for position in range(len(self.turns[role].end)))
        who = SPEAKERS[role]
        pieces = tuple([replace(piece, role=own, turn=index, speaker=who) for piece, own in zip(self.turns[role].end, roles, strict=True)])
        return self._made.setdefault((role, index, trained), pieces)

    @cached_property
    def _made(self) -> dict[tuple[str | int, ...], tuple[Piece, ...]]:
        """What stands before and behind the text of a turn, by its role and place."""
        return {}

    def _turn(self, message: Message, index: int, prefix: str, last: bool) -> tuple[Piece, ...]:
        header = self._header(message.role, index)
        trained = message.role == "assistant" and message.train
        body, lead = prefix + self._body(message), len(prefix)
        # What a model wrote has its space already.
        if self.spaced and message.role == "assistant" and not body.startswith(" "):
            body, lead = f" {body}", 1
        said = Piece(body, False, RESPONSE if trained else PROMPT, index, True, SPEAKERS[message.role], lead)
        end = self._end(message.role, index, trained)
        # What follows the terminator only leads to the next turn.
        return (*header, said, *(end[:1] if last else end))

    def _body(self, message: Message) -> str:
        """Returns the text of a turn; tool calls are written the way Hermes and Qwen models read them."""
        if not message.tool_calls:
            return message.content
        if "tool" not in self.turns:
            raise TemplateError(f"chat format '{self.name}' cannot show tool calls", remedy=_REMEDY)
        calls = [f"<tool_call>\n{json.dumps(_call(call), ensure_ascii=False)}\n</tool_call>" for call in message.tool_calls]
        return "\n".join([message.content, *calls] if message.content else calls)

    def _with_tools(self, conversation: Conversation) -> tuple[Message, ...]:
        """Returns the messages with the tool definitions written into the system turn."""
        if "tool" not in self.turns:
            raise TemplateError(f"chat format '{self.name}' cannot show tools", remedy=_REMEDY)
        listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in conversation.tools)
        text = (
            f"You may call these functions:\n<tools>\n{listed}\n</tools>\n"
            'To call one, write <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>'
        )
        messages = conversation.messages
        if messages and messages[0].role == "system":
            return (replace(messages[0], content=f"{messages[0].content}\n\n{text}"), *messages[1:])
        return (Message("system", text), *messages)


def _call(call: object) -> object:
    """Returns a tool call as `{"name", "arguments"}`, out of OpenAI's `{"type", "function": {...}}` if it is one."""
    function = call.get("function", call) if isinstance(call, dict) else call
    if isinstance(function, dict) and isinstance(function.get("arguments"), str):
        try:
            return {**function, "arguments": json.loads(function["arguments"])}
        except json.JSONDecodeError:
            return function
    return function


@dataclass(frozen=True)
class PlainFormat(PieceFormat):
    """Prompt, then response, with nothing between them but white space.

    A single space at the end of the prompt moves into the response: the text stays the same to the byte, and the first token
    of the answer is an ordinary word with its space, as the base model knows it. A prompt without white space at its end gets
    a line break.
    """

    def _write(self, conversation: Conversation, generate: bool) -> Iterator[Piece]:
        moved = ""
        for piece in super()._write(conversation, generate):
            message = conversation.messages[piece.turn] if 0 <= piece.turn < len(conversation.messages) else None
            if message is not None and message.role == "user" and piece.body:
                ends = piece.text[-1:].isspace()
                moved = " " if piece.text.endswith(" ") else ""
                yield replace(piece, text=piece.text[:-1] if moved else piece.text if ends else piece.text + "\n")
            elif message is not None and message.role == "assistant" and piece.body:
                yield replace(piece, text=moved + piece.text, lead=piece.lead + len(moved))
                moved = ""
            else:
                yield piece


def golden(*, system: bool = True) -> Conversation:
    """Returns the conversation whose pieces stand for a format in its fingerprint."""
    turns = (Message("system", "Be brief."), Message("user", "Hi "), Message("assistant", "Hello"), Message("user", "Bye"))
    return Conversation((*turns[0 if system else 1 :], Message("assistant", " Bye.")), Origin("golden", "0"))


def format_fingerprint(chat_format: ChatFormat) -> str:
    """Returns a digest of everything that decides how a format writes; it travels with a checkpoint.

    >>> format_fingerprint(FORMATS["chatml"]) == format_fingerprint(FORMATS["llama3"])
    False
    """
    try:
        conversation = golden()
        pieces = chat_format.pieces(conversation)
    except TemplateError:  # a model's own template may refuse a system turn
        conversation = golden(system=False)
        pieces = chat_format.pieces(conversation)
    prompt = chat_format.pieces(conversation.without_response(), generate=True)
    # What is written, not how a piece is stored: a checkpoint outlives the code.
    written = [[(piece.text, piece.control, piece.role, piece.body) for piece in part] for part in (pieces, prompt)]
    return fingerprint(chat_format.name, chat_format.controls, chat_format.stop, written)


def _roles(*names: str, header: str, end: str, after: str = "\n", close: str = "\n") -> dict[str, Turn]:
    """Returns the turns of the ChatML family: control, role, white space, body, control."""
    return {name: Turn((control(header), Piece(f"{name}{after}")), (control(end), Piece(close))) for name in names}


_START, _STOP = control("<|start_header_id|>"), control("<|end_header_id|>")
_LLAMA3 = {
    role: Turn((_START, Piece(word), _STOP, Piece("\n\n")), (control("<|eot_id|>"),))
    for role, word in {"system": "system", "user": "user", "assistant": "assistant", "tool": "ipython"}.items()
}
_ALPACA = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
_EOS = control(EOS)

FORMATS: Registry[ChatFormat] = Registry(
    "format",
    {
        "chatml": PieceFormat("chatml", _roles("system", "user", "assistant", "tool", header="<|im_start|>", end="<|im_end|>")),
        "llama3": PieceFormat("llama3", _LLAMA3, bos="always"),
        "mistral": PieceFormat(
            "mistral",
            # No spaces: where Mistral's tokenizers want one behind a control token, they put it there themselves.
            {"user": Turn((control("[INST]"),), (control("[/INST]"),)), "assistant": Turn((), (_EOS,))},
            bos="always",
            system="prefix",
            optional=True,
        ),
        "gemma": PieceFormat(
            "gemma",
            {
                role: Turn((control("<start_of_turn>"), Piece(f"{word}\n")), (control("<end_of_turn>"), Piece("\n")))
                for role, word in {"user": "user", "assistant": "model"}.items()
            },
            bos="always",
            system="prefix",
        ),
        "alpaca": PieceFormat(
            "alpaca",
            {
                "user": Turn((Piece("### Instruction:\n"),), (Piece("\n\n"),)),
                "assistant": Turn((Piece("### Response:\n"),), (_EOS, Piece("\n\n"))),
            },
            begin=(Piece(_ALPACA),),
            bos="as_tokenizer",
            system="replace",
        ),
        "plain": PlainFormat("plain", {"user": Turn(), "assistant": Turn((), (_EOS,))}, bos="as_tokenizer", system="prefix"),
        "answer": PieceFormat(
            "answer",
            {"user": Turn((), (Piece("\n"),)), "assistant": Turn((Piece("Answer:"),), (_EOS, Piece("\n")))},
            bos="as_tokenizer",
            system="prefix",
            spaced=True,
        ),
    },
)
"""The bundled formats by name; `model`, the tokenizer's own template, is in `model_format.py`."""
