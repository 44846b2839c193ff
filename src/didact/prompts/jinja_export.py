"""A bundled chat format as a Jinja chat template, so that every other tool writes what the model was tuned on.

transformers, vLLM and llama.cpp read the template that lies beside the weights. Without this they would use the base model's,
which may be another one, or none.
"""

import json

from didact.base.errors import TemplateError
from didact.prompts.chat_format import BOS, EOS, ChatFormat, Piece, PieceFormat, PlainFormat


def chat_template(chat_format: ChatFormat, *, bos: str, eos: str, adds_bos: bool) -> str:
    """Returns the Jinja chat template that writes the same text as a bundled format.

    Args:
        chat_format: One of the bundled formats; the format `model` has its template already.
        bos: Name of the tokenizer's first token; empty where it has none.
        eos: Name of its end token; empty where it has none.
        adds_bos: Whether the tokenizer puts `bos` before plain text by itself.

    Raises:
        TemplateError: The format is not made of pieces.
    """
    if not isinstance(chat_format, PieceFormat):
        raise TemplateError(f"chat format '{chat_format.name}' is not made of pieces", remedy="use the tokenizer's own template")
    names = {BOS: bos, EOS: eos}

    def text(pieces: tuple[Piece, ...]) -> str:
        return json.dumps("".join(names.get(piece.text, piece.text) for piece in pieces), ensure_ascii=False)

    begins = bos if chat_format.bos == "always" or (chat_format.bos == "as_tokenizer" and adds_bos) else ""
    lines = [
        "{%- set ns = namespace(prefix='', moved='') -%}",
        f"{{{{- {json.dumps(begins, ensure_ascii=False)} -}}}}",
        "{%- if messages[0].role == 'system' -%}{%- set first = messages[0].content -%}{%- else -%}{%- set first = none -%}{%- endif -%}",
        "{%- if tools -%}{{- raise_exception('this template cannot show tools') -}}{%- endif -%}",
    ]
    if chat_format.system == "replace":
        lines.append(f"{{{{- (first + '\\n\\n') if first is not none else {text(chat_format.begin)} -}}}}")
    elif chat_format.begin:
        lines.append(f"{{{{- {text(chat_format.begin)} -}}}}")
    if chat_format.system == "prefix":
        lines.append("{%- if first is not none -%}{%- set ns.prefix = first + '\\n\\n' -%}{%- endif -%}")
    lines.append("{%- for message in messages -%}")
    lines.append("{%- if message.tool_calls -%}{{- raise_exception('this template cannot show tool calls') -}}{%- endif -%}")
    branch = "if"
    if chat_format.system != "turn":
        lines.append("{%- if loop.first and message.role == 'system' -%}")
        branch = "elif"
    for role, turn in chat_format.turns.items():
        lines.append(f"{{%- {branch} message.role == '{role}' -%}}")
        branch = "elif"
        lines.append(f"{{{{- {text(turn.header)} -}}}}")
        lines += _body(role, plain=isinstance(chat_format, PlainFormat), spaced=chat_format.spaced)
        # What follows the terminator only leads to the next turn, so the last turn goes without it.
        lines.append(f"{{{{- {text(turn.end[:1])} -}}}}")
        lines.append(f"{{%- if not loop.last or add_generation_prompt -%}}{{{{- {text(turn.end[1:])} -}}}}{{%- endif -%}}")
    lines.append("{%- else -%}{{- raise_exception('this template cannot show the role ' + message.role) -}}{%- endif -%}{%- endfor -%}")
    lines.append(f"{{%- if add_generation_prompt -%}}{{{{- {text(chat_format.turns['assistant'].header)} -}}}}{{%- endif -%}}")
    return "\n".join(lines)


def _body(role: str, plain: bool, spaced: bool) -> list[str]:
    """Returns the lines that write a turn's text; see `PlainFormat` for the space that moves, `PieceFormat` for the one that leads."""
    if spaced and role == "assistant":
        return ["{{- message.content if message.content.startswith(' ') else ' ' + message.content -}}"]
    if plain and role == "user":
        return [
            "{%- set body = ns.prefix + message.content -%}{%- set ns.prefix = '' -%}",
            "{%- if body.endswith(' ') -%}{%- set ns.moved = ' ' -%}{{- body[:-1] -}}",
            "{%- elif body and not body[-1:].strip() -%}{%- set ns.moved = '' -%}{{- body -}}",
            "{%- else -%}{%- set ns.moved = '' -%}{{- body + '\\n' -}}{%- endif -%}",
        ]
    if plain and role == "assistant":
        return ["{{- ns.moved + message.content -}}{%- set ns.moved = '' -%}"]
    if role == "user":
        return ["{{- ns.prefix + message.content -}}{%- set ns.prefix = '' -%}"]
    return ["{{- message.content -}}"]
