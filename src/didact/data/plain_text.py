"""Copies of a tokenizer in which control tokens do not exist, for text that comes from data."""

import json
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from didact.base.errors import ModelError


@dataclass(frozen=True, slots=True)
class TextEncoders:
    """Two encoders that do not know the control tokens. Tokens that text may become (runs of spaces, say) stay."""

    start: Tokenizer
    """Encodes text at a beginning: sentencepiece-like tokenizers put a space before it."""
    middle: Tokenizer
    """Encodes text that continues other text."""
    only_first: bool
    """Whether only a row's first text gets that space, and none behind a control token."""
    trims: bool
    """Whether white space at the ends of a text is lost, so that a text behind it has to begin with that space again."""


def text_encoders(tokenizer: Any, controls: dict[str, int]) -> TextEncoders:
    """Returns the encoders for text from data.

    Args:
        tokenizer: A fast transformers tokenizer.
        controls: Name to id of the tokens that text must not become.

    Raises:
        ModelError: The tokenizer cannot be copied without changing the ids of its other tokens.
    """
    table = json.loads(tokenizer.backend_tokenizer.to_str())
    table["post_processor"] = table["truncation"] = table["padding"] = None
    table["added_tokens"] = [token for token in table["added_tokens"] if token["content"] not in controls]
    _hide(table["model"], controls)
    _pin(table["model"], {token["content"]: token["id"] for token in table["added_tokens"]})
    start = Tokenizer.from_str(json.dumps(table))
    for token in table["added_tokens"]:
        if start.token_to_id(token["content"]) != token["id"]:
            raise ModelError(f"token '{token['content']}' of the tokenizer has no fixed id", remedy="set model.tokenizer to another one")
    only_first = _continue(table)
    middle = Tokenizer.from_str(json.dumps(table))
    bare, left, right = (middle.encode(text, add_special_tokens=False).ids for text in ("a", " a", "a "))
    return TextEncoders(start, middle, only_first, trims=bare in (left, right))


def _hide(model: dict[str, Any], controls: dict[str, int]) -> None:
    """Renames the control tokens inside a model's vocabulary to something no text spells, and drops the merges that make them."""
    # Not characters, and with spaces, at which or instead of which tokenizers cut.
    hidden = {name: f"\U0010ffff {number} \U0010ffff" for name, number in controls.items()}
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {hidden.get(name, name): number for name, number in vocabulary.items()}
    else:
        model["vocab"] = [[hidden.get(name, name), score] for name, score in vocabulary]
    if "merges" in model:
        pairs = [merge if isinstance(merge, list) else merge.split(" ") for merge in model["merges"]]
        model["merges"] = [pair for pair in pairs if "".join(pair) not in controls and not controls.keys() & set(pair)]
    if model.get("unk_token") in hidden:
        model["unk_token"] = hidden[model["unk_token"]]


def _pin(model: dict[str, Any], added: dict[str, int]) -> None:
    """Writes added tokens into the vocabulary: only there does a token keep its id when others are taken away before it."""
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {**vocabulary, **added}
        return
    names = {number: name for name, number in added.items()}
    for number in range(len(vocabulary), max(names, default=-1) + 1):
        vocabulary.append([names.get(number, f"\U0010ffff {number} \U0010fffe"), -1e6])


def _continue(table: dict[str, Any]) -> bool:
    """Takes away whatever puts a space before a text. Returns whether it was put only before the first one."""
    only_first = False
    for part in _parts(table, "normalizer"):
        if part["type"] == "Prepend":
            part["prepend"] = ""
    for part in _parts(table, "pre_tokenizer"):
        if part["type"] == "Metaspace":
            only_first = only_first or part.get("prepend_scheme") == "first"
            part["prepend_scheme"] = "never"
        elif part["type"] == "ByteLevel":
            part["add_prefix_space"] = False
    if isinstance(table["normalizer"], dict):
        table["normalizer"] = _without_empty_prepend(table["normalizer"])
    return only_first


def _parts(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Returns a normalizer or pre-tokenizer as its parts, a sequence or not."""
    part = table.get(name)
    if not part:
        return []
    return list(part.get("normalizers") or part.get("pretokenizers") or [part])


def _without_empty_prepend(normalizer: dict[str, Any]) -> dict[str, Any] | None:
    if normalizer["type"] == "Prepend":
        return None if not normalizer["prepend"] else normalizer
    if normalizer["type"] == "Sequence":
        return {**normalizer, "normalizers": [part for part in normalizer["normalizers"] if part.get("prepend") != ""]}
    return normalizer
