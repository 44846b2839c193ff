"""The chat format `model`: the tokenizer's own chat template, its spans found by verified differential rendering.

The template is rendered with placeholders for what the data say, so that every character of the result is known to be either
the template's own word or a message's text. The same rendering with the real texts has to give the same string, or the
conversation is refused: a template that rewrites, drops or reorders messages can never shift a loss mask silently.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import jinja2

from didact.base.errors import TemplateError
from didact.base.files import fingerprint
from didact.base.roles import PROMPT, RESPONSE, SPEAKERS, SYSTEM
from didact.base.types import Conversation, Message
from didact.prompts.chat_format import Piece, plain_text

_REMEDY = "prompts.chat_format=chatml, or another of: didact ls formats"
Span = tuple[int, int, int]
"""Of a trained response: first character, last + 1, and the index of its message."""
_TRIMS = (str, str.strip, str.lstrip, str.rstrip)


class ModelFormat:
    """The tokenizer's own chat template as a chat format.

    Args:
        tokenizer: A transformers tokenizer; its template runs in transformers' sandbox.

    Raises:
        TemplateError: There is no template, or it changes answers, or does not end them with a control token.
    """

    name = "model"

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise TemplateError("the tokenizer has no chat template", remedy=_REMEDY)
        self._tokenizer = tokenizer
        # Added tokens of white space only (Gemma has some) are a way to write text, not marks of a turn.
        added = {str(token) for token in tokenizer.get_added_vocab() if str(token).replace("▁", " ").strip()}
        names = added | {str(token) for token in tokenizer.all_special_tokens}
        self._names = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or r"(?!)")
        self._cache: dict[tuple[Any, ...], tuple[str, list[Span]]] = {}
        probe = (Message("user", "a"), Message("assistant", "b"))
        text = self._render([_as_dict(message, _mark(index)) for index, message in enumerate(probe)], (), False)
        if _mark(1) not in text:
            raise TemplateError("the tokenizer's chat template does not write an answer as it is", remedy=_REMEDY)
        tail = self._names.search(text, text.rfind(_mark(1)))
        if not tail:
            raise TemplateError(
                "the tokenizer's chat template ends an answer without a control token, so a model could never stop", remedy=_REMEDY
            )
        self.stop: tuple[str, ...] = (tail[0],)
        self.controls: tuple[str, ...] = tuple(dict.fromkeys(found[0] for found in self._names.finditer(text)))

    def pieces(self, conversation: Conversation, *, generate: bool = False) -> list[Piece]:
        """Returns the conversation as pieces. See `ChatFormat.pieces`."""
        messages = conversation.messages
        if any(message.role == "text" for message in messages):
            return plain_text(conversation, generate=generate)
        if hidden := self._control_text(conversation):
            raise TemplateError(f"a tool's name, definition or call spells the control token '{hidden}'", remedy=_REMEDY)
        skeleton, spans = self._skeleton(conversation, generate)
        texts = self._verified(conversation, skeleton, generate)
        return list(self._cut(conversation, skeleton, spans, texts))

    def _skeleton(self, conversation: Conversation, generate: bool) -> tuple[str, list[Span]]:
        """Returns the rendering with placeholders, and where the trained responses stand in it."""
        messages = conversation.messages
        plain = not conversation.tools and not any(message.tool_calls for message in messages)
        key = (generate, *((m.role, m.train, m.name, bool(m.content)) for m in messages)) if plain else None
        if key is not None and key in self._cache:
            return self._cache[key]
        marked = [_as_dict(message, _mark(index)) for index, message in enumerate(messages)]
        text, spans = self._render(marked, conversation.tools, generate), list[Span]()
        for index, message in enumerate(messages):
            if message.role != "assistant" or not message.train:
                continue
            before = self._render(marked[:index], conversation.tools, True)
            if not text.startswith(before):
                raise TemplateError(f"the tokenizer's chat template writes turn {index} differently once it is answered", remedy=_REMEDY)
            end = text.find(self.stop[0], max(len(before), text.find(_mark(index))))
            if end < 0:
                raise TemplateError(f"the tokenizer's chat template does not end turn {index}", remedy=_REMEDY)
            spans.append((len(before), end + len(self.stop[0]), index))
        if key is not None:
            self._cache[key] = text, spans
        return text, spans

    def _verified(self, conversation: Conversation, skeleton: str, generate: bool) -> dict[int, str]:
        """Returns each message's text as the template writes it, checked against the real rendering."""
        messages = conversation.messages
        real = self._render([_as_dict(message, message.content) for message in messages], conversation.tools, generate)
        texts, position = dict[int, str](), 0
        literals = _MARK.split(skeleton)  # literal, index, literal, index, ... literal
        for index, message in enumerate(messages):
            if message.content.strip() and str(index) not in literals[1::2]:
                raise self._rewritten(conversation, index)
        for place, part in enumerate(literals):
            if place % 2 == 0:
                if not real.startswith(part, position):
                    raise self._rewritten(conversation, int(literals[max(place - 1, 1)]) if len(literals) > 1 else 0)
                position += len(part)
                continue
            content, after = messages[int(part)].content, literals[place + 1]
            for trim in _TRIMS:
                text = trim(content)
                if real.startswith(text + after, position):
                    break
            else:
                raise self._rewritten(conversation, int(part))
            texts[int(part)] = text
            position += len(text)
        if position != len(real):
            raise self._rewritten(conversation, len(messages) - 1)
        return texts

    def _rewritten(self, conversation: Conversation, index: int) -> TemplateError:
        what = f"the tokenizer's chat template rewrites or drops the {conversation.messages[index].role} message number {index}"
        return TemplateError(what, where=f"{conversation.origin.task}, example {conversation.origin.example}", remedy=_REMEDY)

    def _cut(self, conversation: Conversation, skeleton: str, spans: list[Span], texts: dict[int, str]) -> Iterator[Piece]:
        """Cuts the skeleton at placeholders, control tokens and the borders of the responses.

        Words of the template belong to the turn before them up to its first control token, and white space behind that; then to the next.
        """
        messages = conversation.messages
        borders = {border for low, high, _ in spans for border in (low, high)}
        tokens = [(found.start(), found.end()) for found in re.finditer(f"{_MARK.pattern}|{self._names.pattern}", skeleton)]
        cuts = sorted({0, len(skeleton), *borders, *(edge for token in tokens for edge in token)})
        turns = sorted(
            [*((found.start(), int(found[1])) for found in _MARK.finditer(skeleton)), *((low, index) for low, _, index in spans)]
        )
        turn, is_open, ends = -1, False, False
        for start, end in pairwise(cuts):
            text = skeleton[start:end]
            trained = next((index for low, high, index in spans if low <= start < high), None)
            role, is_control = PROMPT if trained is None else RESPONSE, bool(self._names.fullmatch(text))
            if mark := _MARK.fullmatch(text):
                turn, is_open = int(mark[1]), True
                own = messages[turn]
                lead = -own.content.index(texts[turn]) if own.spans else 0
                yield Piece(texts[turn], False, role, turn, True, SPEAKERS[own.role], lead)
                continue
            if trained is not None:
                turn, is_open = trained, True
            elif not is_open and not (ends and text.isspace()):
                turn = next((index for place, index in turns if place >= start), len(messages))
            ends = is_open and is_control
            is_open = is_open and not is_control
            speaker = SYSTEM if not start else SPEAKERS[messages[turn].role if turn < len(messages) else "assistant"]
            yield Piece(text, is_control, role, turn, speaker=speaker)

    def _render(self, messages: list[dict[str, Any]], tools: tuple[Mapping[str, Any], ...], generate: bool) -> str:
        try:
            return str(
                self._tokenizer.apply_chat_template(messages, tools=list(tools) or None, tokenize=False, add_generation_prompt=generate)
            )
        except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise TemplateError(f"the tokenizer's chat template refuses the conversation: {error}", remedy=_REMEDY) from None

    def _control_text(self, conversation: Conversation) -> str:
        """Returns a control token's name that stands in tool data, which the template would paste without a placeholder."""
        said = [[m.name, list(m.tool_calls)] for m in conversation.messages if m.name or m.tool_calls]
        # Joined, because a template may write a name right behind another.
        text = "".join(_strings([list(conversation.tools), said]))
        found = self._names.search(text) or _MARK.search(text)
        return found[0] if found else ""


_MARK = re.compile("didactMark([0-9]+)x" + fingerprint("placeholder"))


def _mark(index: int) -> str:
    return f"didactMark{index}x{fingerprint('placeholder')}"


def _as_dict(message: Message, content: str) -> dict[str, Any]:
    """Returns a message as transformers' templates know it; an empty text stays empty."""
    table: dict[str, Any] = {"role": message.role, "content": content if message.content else ""}
    if message.tool_calls:
        table["tool_calls"] = [dict(call) for call in message.tool_calls]
    if message.name:
        table["name"] = message.name
    return table


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for pair in value.items() for part in pair for text in _strings(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _strings(part))
