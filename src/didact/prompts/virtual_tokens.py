"""Virtual tokens: a chat format with a trained prompt in front, tokens that stand for nothing but their embeddings.

They are ordinary control tokens of the tokenizer, so packing, masks, positions and the cache of a generation know nothing of them.
Nobody has to produce them, so they have no loss weight whatever the recipe says.

Source: Lester et al. 2021, arXiv 2104.08691.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from didact.base.errors import TemplateError
from didact.base.roles import IGNORED
from didact.base.types import Conversation
from didact.prompts.chat_format import ChatFormat, Piece


def virtual_names(number: int) -> tuple[str, ...]:
    """Returns the names of so many virtual tokens.

    >>> virtual_names(2)
    ('<|prompt_0|>', '<|prompt_1|>')
    """
    return tuple(f"<|prompt_{index}|>" for index in range(number))


@dataclass(frozen=True)
class VirtualTokens:
    """A chat format whose conversations begin with virtual tokens."""

    form: ChatFormat
    """How the rest is written."""
    number: int
    """How many virtual tokens there are."""

    @property
    def name(self) -> str:
        """What a recipe calls the format."""
        return self.form.name

    @property
    def controls(self) -> tuple[str, ...]:
        """Control tokens that the tokenizer has to have."""
        return (*virtual_names(self.number), *self.form.controls)

    @property
    def stop(self) -> tuple[str, ...]:
        """Control tokens that end a response."""
        return self.form.stop

    @cached_property
    def _front(self) -> list[Piece]:
        # Before the first token of all, where other tools that know of trained prompts put them.
        return [Piece(name, control=True, role=IGNORED) for name in virtual_names(self.number)]

    def pieces(self, conversation: Conversation, *, generate: bool = False) -> list[Piece]:
        """Returns the conversation as pieces. See `ChatFormat.pieces`.

        Raises:
            TemplateError: The format cannot show it, or it is plain text.
        """
        if any(message.role == "text" for message in conversation.messages):
            raise TemplateError("a trained prompt stands before conversations, and this is plain text", remedy="model.adapter.kind=lora")
        return [*self._front, *self.form.pieces(conversation, generate=generate)]


def with_virtual_tokens(form: ChatFormat, number: int) -> ChatFormat:
    """Returns a format with so many virtual tokens in front; none: the format itself."""
    return VirtualTokens(form, number) if number else form


def without_virtual_tokens(form: ChatFormat) -> ChatFormat:
    """Returns the format behind the virtual tokens."""
    return form.form if isinstance(form, VirtualTokens) else form


def num_virtual_tokens(form: ChatFormat) -> int:
    """Returns how many virtual tokens a format begins with."""
    return form.number if isinstance(form, VirtualTokens) else 0


def virtual_ids(form: ChatFormat, vocabulary: Mapping[str, int]) -> tuple[int, ...]:
    """Returns the ids of a format's virtual tokens.

    Args:
        form: Any chat format.
        vocabulary: Token name to id.
    """
    return tuple(vocabulary[name] for name in virtual_names(num_virtual_tokens(form)))


def template_in_front(template: str, number: int) -> str:
    """Returns a Jinja chat template that writes so many virtual tokens first.

    >>> template_in_front("{{ 'Hi' }}", 1)
    "{{- '<|prompt_0|>' }}{{ 'Hi' }}"
    """
    return _line(virtual_names(number)) + template if number else template


def template_behind(template: str, number: int) -> str:
    """Returns what `template_in_front` was given."""
    return template.removeprefix(_line(virtual_names(number))) if number else template


def _line(names: Sequence[str]) -> str:
    return "{{- " + json.dumps("".join(names)).replace('"', "'") + " }}"
