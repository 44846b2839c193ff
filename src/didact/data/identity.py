"""What decides the tokens of a run, part by part, each with a name for people and a fingerprint: the identity of its windows."""

from dataclasses import asdict, is_dataclass, replace
from typing import Any

from didact.base.files import code_fingerprint, fingerprint
from didact.base.recipe import Recipe
from didact.data.stream import longest_text
from didact.data.tokens import Tokeniser
from didact.prompts.template import Template, TemplateSet
from didact.tasks.catalogue import settled
from didact.tasks.source_state import source_state

_DATA = ("tokens", "tokenised", "finer_roles", "plain_text", "shorten", "made", "mixture", "draws", "audit", "token_report", "kept_example")
_CODE = ("base", "tasks", "prompts", *(f"data/{name}.py" for name in _DATA))
"""Code that the tokens depend on, templates of the library and tables among it."""


def window_parts(recipe: Recipe, templates: TemplateSet, tokeniser: Tokeniser, mixture: str) -> tuple[dict[str, str], str]:
    """Returns the parts, and why there are none: rows on the hub may change without a sign.

    Args:
        recipe: Its sections `tasks`, `prompts`, `sequence` and the seed decide.
        templates: All templates for the kinds of its tasks.
        tokeniser: The tokenizer in its chat format.
        mixture: The mixture's fingerprint.
    """
    parts = dict[str, str]()
    for source in recipe.tasks.sources:
        if (state := source_state(settled(source))) is None:
            return {}, f"the files of source '{source.name}' are not on this machine"
        parts[f"source {source.name}"] = fingerprint(source.model_dump(mode="json"), state)
    for template in templates:
        parts[f"template {template.name}"] = _template(template)
    parts["the tokenizer"] = _tokenizer(tokeniser)
    parts["the chat format"] = _chat_format(tokeniser)
    for key, value in recipe.prompts.model_dump(mode="json").items():
        parts[f"prompts.{key}"] = fingerprint(value)
    rules = recipe.tasks.model_dump(mode="json", exclude={"sources"})
    parts |= {f"tasks.{key}": fingerprint(value) for key, value in rules.items()}
    parts["sequence.max_length"] = fingerprint(recipe.sequence.max_length, longest_text(recipe.sequence, recipe.objective))
    parts["the seed"] = fingerprint(recipe.seed)
    parts["the mixture"] = mixture
    parts["didact"] = code_fingerprint(*_CODE)
    return parts, ""


def tokeniser_fingerprint(tokeniser: Tokeniser) -> str:
    """Returns 16 digits that change with the tokenizer and with the chat format."""
    return fingerprint(_tokenizer(tokeniser), _chat_format(tokeniser))


def _template(template: Template) -> str:
    """Returns what stands for a wording; where it stands is no part of it."""
    wording = template.promptsource
    return fingerprint(repr(replace(template, where="", promptsource=replace(wording, where="") if wording else None)))


def _tokenizer(tokeniser: Tokeniser) -> str:
    tokenizer = tokeniser.tokenizer
    numbers = (tokeniser.bos_id, tokeniser.eos_id, tokenizer.unk_token_id, tokeniser.adds_bos, sorted(tokeniser.controls.items()))
    return fingerprint(tokenizer.backend_tokenizer.to_str(), numbers)


def _chat_format(tokeniser: Tokeniser) -> str:
    form: Any = tokeniser.chat_format
    settings = asdict(form) if is_dataclass(form) and not isinstance(form, type) else getattr(tokeniser.tokenizer, "chat_template", None)
    return fingerprint(type(form).__qualname__, form.name, settings)
