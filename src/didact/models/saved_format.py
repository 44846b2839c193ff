"""A tokeniser beside its model's weights: the chat template in it, and a card that says which chat format, and what that writes."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from didact.base.errors import ModelError
from didact.base.files import fingerprint, write_json
from didact.data.tokens import Tokeniser
from didact.models.tokenizer import chat_format_named, load_tokenizer
from didact.prompts.chat_format import format_fingerprint, golden
from didact.prompts.jinja_export import chat_template
from didact.prompts.virtual_tokens import (
    num_virtual_tokens,
    template_behind,
    template_in_front,
    with_virtual_tokens,
    without_virtual_tokens,
)

FORMAT_FILE = "chat_format.json"


def save_tokeniser(tokeniser: Tokeniser, folder: Path) -> None:
    """Writes a tokenizer that any tool can load, with the chat format as its template, and the format's card."""
    form, tokenizer, number = without_virtual_tokens(tokeniser.chat_format), tokeniser.tokenizer, num_virtual_tokens(tokeniser.chat_format)
    own = template = tokenizer.chat_template
    if form.name != "model":
        names = {"bos": tokenizer.bos_token or "", "eos": tokenizer.eos_token or ""}
        template = chat_template(form, **names, adds_bos=tokeniser.adds_bos)
    tokenizer.chat_template = _each(template, partial(template_in_front, number=number))
    tokenizer.save_pretrained(folder)
    if form.name == "model":  # it renders through the tokenizer's template, and puts the virtual tokens in front by itself
        tokenizer.chat_template = own
    write_json(folder / FORMAT_FILE, format_card(tokeniser))


def saved_tokeniser(folder: Path) -> Tokeniser:
    """Returns what `save_tokeniser` wrote.

    Raises:
        ModelError: Files are missing or torn, or the chat format no longer writes what it wrote then.
    """
    path = folder / FORMAT_FILE
    if not path.is_file():
        raise ModelError(f"no {FORMAT_FILE} in {folder}", expected="a checkpoint that didact wrote", remedy="didact ls runs")
    card = _read_card(path)
    tokenizer, number = load_tokenizer(str(folder)), card.get("num_virtual_tokens", 0)
    tokenizer.chat_template = _each(tokenizer.chat_template, partial(template_behind, number=number))
    tokeniser = Tokeniser(tokenizer, with_virtual_tokens(chat_format_named(card["name"], tokenizer), number))
    now = format_card(tokeniser)
    if now["fingerprint"] != card["fingerprint"]:
        raise ModelError(
            f"chat format '{card['name']}' no longer writes what this model was tuned on",
            where=str(path),
            expected=f"fingerprint {card['fingerprint']}, found {now['fingerprint']}; tuned on {card['golden']!r}, now {now['golden']!r}",
            remedy="restore the checkpoint's tokenizer files, or train again with: didact train RECIPE",
        )
    return tokeniser


def format_card(tokeniser: Tokeniser) -> dict[str, Any]:
    """Returns what a checkpoint says of its chat format: name, stop tokens, and a fingerprint of pieces, ids and vocabulary."""
    form = tokeniser.chat_format
    conversation = golden()
    example = tokeniser.tokenise([conversation], 10_000)[0] or tokeniser.tokenise([golden(system=False)], 10_000)[0]
    ids = example.input_ids.tolist() if example else []
    number = num_virtual_tokens(form)
    return {
        **({"num_virtual_tokens": number} if number else {}),
        "name": form.name,
        "stop": [tokeniser.tokenizer.convert_ids_to_tokens(number) for number in tokeniser.stop_ids],
        "stop_ids": list(tokeniser.stop_ids),
        "fingerprint": fingerprint(
            format_fingerprint(form), ids, list(tokeniser.stop_ids), sorted(tokeniser.tokenizer.get_vocab().items())
        ),
        "golden": tokeniser.tokenizer.decode(ids),
    }


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        card = None
    if not isinstance(card, dict) or not {"name", "fingerprint", "golden"} <= card.keys():
        raise ModelError("not a chat format that didact wrote", where=str(path), remedy="restore that file from a copy of the checkpoint")
    return card


def _each(template: Any, change: Callable[[str], str]) -> Any:
    """Returns a tokenizer's template changed; some have several, by name, or none."""
    if isinstance(template, dict):
        return {name: change(one) for name, one in template.items()}
    return change(template) if template else template
