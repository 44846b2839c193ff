"""Copies of a tokenizer in which control tokens do not exist, for text that comes from data."""

import copy
import json
from typing import Any

from tokenizers import Tokenizer


def text_encoders(tokenizer: Any, controls: dict[str, int]) -> tuple[Tokenizer, Tokenizer, bool]:
    """Returns two encoders that do not know the control tokens, and whether only a row's first text gets a leading space.

    Args:
        tokenizer: A fast transformers tokenizer.
        controls: Name to id of the tokens that text must not become.

    The first encodes text at a beginning, the second text that continues other text: sentencepiece-like tokenizers put a space
    before the former. Tokens that text may become (runs of spaces, say) stay.
    """
    table = json.loads(tokenizer.backend_tokenizer.to_str())
    table["post_processor"] = table["truncation"] = table["padding"] = None
    table["added_tokens"] = [token for token in table["added_tokens"] if token["content"] not in controls]
    _hide(table["model"], controls)
    middle = copy.deepcopy(table)
    only_first = False
    for part in _parts(middle, "normalizer"):
        if part["type"] == "Prepend":
            part["prepend"] = ""
    for part in _parts(middle, "pre_tokenizer"):
        if part["type"] == "Metaspace":
            only_first = only_first or part.get("prepend_scheme") == "first"
            part["prepend_scheme"] = "never"
        elif part["type"] == "ByteLevel":
            part["add_prefix_space"] = False
    if isinstance(middle["normalizer"], dict):
        middle["normalizer"] = _without_empty_prepend(middle["normalizer"])
    return Tokenizer.from_str(json.dumps(table)), Tokenizer.from_str(json.dumps(middle)), only_first


def _hide(model: dict[str, Any], controls: dict[str, int]) -> None:
    """Renames the control tokens inside a model's vocabulary to something no text spells, and drops the merges that make them."""
    hidden = {name: f"\U0010ffff\U0010fffe{number}\U0010fffe\U0010ffff" for name, number in controls.items()}
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
