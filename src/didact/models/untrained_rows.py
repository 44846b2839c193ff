"""Rows of an embedding table that no training has reached: found among the tokens that a chat format uses, and given a beginning.

A token that never stood in a text is only pushed away, together with all others of its kind, or shrinks, or stays where it was
drawn. So it is known by where its row lies, measured by how far the rows of ordinary tokens (their median) lie from there:

    zero        at 0, nearer than a thousandth
    mean        at the mean of all rows, nearer than a tenth: somebody has added it, and nobody trained it
    equal       at the row of another control token, nearer than a tenth
    unused      at the middle of rows that no text reaches, nearer than a tenth; or as far from it as they are, where few others are
    as drawn    as long as the model's first random rows are, where few others are

No text reaches the rows behind the last token, tokens whose names say that they are reserved, and bytes that UTF-8 does not have.

Source: Land and Bartolo 2024, arXiv 2405.05417, sections 2 and 3: under-trained tokens lie where known unused ones lie.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch

from didact.data.tokens import Tokeniser
from didact.prompts.chat_format import golden
from didact.prompts.virtual_tokens import num_virtual_tokens

Read = Callable[[Sequence[int]], torch.Tensor]
"""Takes row numbers, returns these rows (n, width) in float32."""
_NEAR, _ZERO = 0.1, 1e-3
_FEW = 0.05
"""Share of the ordinary rows that may lie as far away as unused ones for that distance to say anything."""
_SAMPLE, _GROUP = 4096, 256
_RESERVED = re.compile(r"reserved|unused|not_used|dummy|placeholder", re.IGNORECASE)
_NOT_UTF8 = (0xC0, 0xC1, *range(0xF5, 0x100))


def used_controls(tokeniser: Tokeniser) -> dict[int, str]:
    """Returns the control tokens that the chat format writes, id to name: those of a conversation, and what ends an answer.

    Args:
        tokeniser: The tokenizer in its chat format.
    """
    names = tokeniser.control_names()
    written = [tokeniser.tokenise([golden(system=system)], 10_000)[0] for system in (True, False)]
    ids = {number for example in written if example is not None for number in example.input_ids.tolist()}
    return {number: names[number] for number in sorted(ids | set(tokeniser.stop_ids)) if number in names}


def untrained(
    read: Read, num_rows: int, tokeniser: Tokeniser, asked: Collection[int], new: Collection[int], drawn: float = 0
) -> dict[int, str]:
    """Returns which of the tokens asked about have rows that no training has reached, and why that is known.

    Args:
        read: Reads rows of the table.
        num_rows: Of the table.
        tokeniser: The tokenizer in its chat format.
        asked: Tokens to look at.
        new: Tokens that the base does not know: their rows say nothing.
        drawn: Standard deviation of the numbers that the rows were first drawn with; 0: it is not known.
    """
    known = _known(num_rows, tokeniser)
    asked = [number for number in sorted(asked) if number < known and number not in new]
    special = [number for number in sorted(tokeniser.controls.values()) if number < known and number not in new]
    if not asked:
        return {}
    apart = {*special, *new}
    ordinary = [number for number in range(0, known, max(known // _SAMPLE, 1)) if number not in apart]
    if len(ordinary) < 2:
        return {}
    common, rows = read(ordinary), dict(zip(asked, read(asked), strict=True))
    others = read(special)
    groups = [read(group) for group in _unused(tokeniser, known, num_rows, {*asked, *new}) if len(group) > 1]
    found = dict[int, str]()
    for number, row in rows.items():
        same = others[[name != number for name in special]]
        if reason := _reason(row, common, same, groups, drawn):
            found[number] = reason
    return found


def _known(num_rows: int, tokeniser: Tokeniser) -> int:
    """Returns how many of a table's rows belong to tokens; virtual ones stand behind all others and have none."""
    return min(num_rows, len(tokeniser.tokenizer) - num_virtual_tokens(tokeniser.chat_format))


def _reason(row: torch.Tensor, common: torch.Tensor, special: torch.Tensor, groups: Sequence[torch.Tensor], drawn: float) -> str:
    """Returns why a row is known to be untrained; empty: it is not."""
    zero = torch.zeros_like(row)
    if _is_at(row, zero, common, _ZERO):
        return "zero"
    if _is_at(row, common.mean(dim=0), common):
        return "mean"
    if len(special) and (special - row).norm(dim=1).min() < _NEAR * (common - row).norm(dim=1).median():
        return "equal"
    for group in groups:
        centre = group.median(dim=0).values
        if _is_at(row, centre, common):
            return "unused"
        away = (group - centre).norm(dim=1)
        if _is_within(row, centre, common, float(away.quantile(0.1)), float(away.quantile(0.9))):
            return "unused"
    # The length of a random row is its width's root times the deviation, give or take 1 in root of twice the width; three of these.
    length, spread = drawn * len(row) ** 0.5, 3 / (2 * len(row)) ** 0.5
    return "as drawn" if drawn and _is_within(row, zero, common, length * (1 - spread), length * (1 + spread)) else ""


def _is_at(row: torch.Tensor, place: torch.Tensor, common: torch.Tensor, near: float = _NEAR) -> bool:
    """Says whether a row lies at a place, measured by how far ordinary rows lie from it."""
    return bool((row - place).norm() < near * (common - place).norm(dim=1).median())


def _is_within(row: torch.Tensor, centre: torch.Tensor, common: torch.Tensor, low: float, high: float) -> bool:
    """Says whether a row lies as far from a centre as two bounds, and few ordinary rows do; a twentieth is allowed for chance."""
    low, high = low / 1.05, high * 1.05
    away = (common - centre).norm(dim=1)
    few = ((away >= low) & (away <= high)).float().mean() < _FEW
    return bool(few and low <= (row - centre).norm() <= high)


def _unused(tokeniser: Tokeniser, known: int, num_rows: int, without: Collection[int]) -> list[list[int]]:
    """Returns groups of rows that no text reaches: behind the last token, reserved names, bytes that are in no text."""
    vocabulary: Mapping[str, int] = tokeniser.tokenizer.get_vocab()
    reserved = [number for name, number in vocabulary.items() if number < known and _RESERVED.search(name)]
    names = (f"<0x{byte:02X}>" for byte in _NOT_UTF8), (_BYTE_CHARS[byte] for byte in _NOT_UTF8)
    of_bytes = [[vocabulary[name] for name in group if vocabulary.get(name, known) < known] for group in names]
    groups = ([*range(known, num_rows)], reserved, *of_bytes)
    return [sorted({*group} - {*without})[:_GROUP] for group in groups]


def _byte_chars() -> dict[int, str]:
    """Returns the characters that byte-level vocabularies write bytes with: GPT-2's table."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {**{byte: chr(byte) for byte in shown}, **{byte: chr(256 + place) for place, byte in enumerate(hidden)}}


_BYTE_CHARS = _byte_chars()


def initial_deviation(config: Any) -> float:
    """Returns the standard deviation that a model's first weights were drawn with; 0: it is not known."""
    return float(getattr(config.get_text_config(), "initializer_range", None) or 0)


def untrained_of_tables(
    tables: Sequence[tuple[int, Read]], tokeniser: Tokeniser, asked: Collection[int], new: Collection[int], drawn: float
) -> list[dict[int, str]]:
    """Returns the untrained rows of the input's table and of the head's, with the reason.

    A row of the head is looked at where its token ends an answer, or where its row of the input is untrained: most control tokens
    are read and never written.

    Args:
        tables: Number of rows, and what reads them: of the input, and of the head where that is another one.
        tokeniser: The tokenizer in its chat format.
        asked: Tokens to look at.
        new: Tokens that the base does not know.
        drawn: See `initial_deviation`.
    """
    found = list[dict[int, str]]()
    for num_rows, read in tables:
        wanted = {*found[0], *({*asked} & {*tokeniser.stop_ids})} if found else asked
        found.append(untrained(read, num_rows, tokeniser, wanted, new, drawn))
    return found


def begin_untrained(model: Any, tokeniser: Tokeniser, new: Collection[int], only: Collection[int] | None = None) -> tuple[int, ...]:
    """Gives the untrained rows of the chat format's tokens a beginning, the mean of all others, in place; returns these tokens.

    Args:
        model: A transformers model.
        tokeniser: Its tokeniser.
        new: Tokens that the base has never seen, from `fit_embeddings`.
        only: Look at no others; None: at all that the chat format uses.
    """
    asked = {number for number in used_controls(tokeniser) if only is None or number in only}
    layers = [layer for layer in (model.get_input_embeddings(), model.get_output_embeddings()) if layer is not None]
    if len(layers) > 1 and layers[0].weight is layers[1].weight:
        layers.pop(0 if getattr(layers[1], "bias", None) is not None else 1)  # one table, and the layer that has a bias beside it
    tables = [(len(layer.weight), _reader(layer.weight)) for layer in layers]
    found = untrained_of_tables(tables, tokeniser, asked, new, initial_deviation(model.config))
    for layer, reasons in zip(layers, found, strict=True):
        begin = [token for token, reason in reasons.items() if reason != "mean"]
        _begin(layer, begin, [*new, *begin], _known(len(layer.weight), tokeniser))
    return tuple(sorted({token for reasons in found for token in reasons}))


def _reader(table: torch.Tensor) -> Read:
    return lambda ids: table.detach()[list(ids)].float()


def _begin(layer: Any, ids: Sequence[int], without: Sequence[int], known: int) -> None:
    """Puts the mean of the known rows, some of them left out, into rows of a layer's table and of its bias."""
    others = torch.ones(known, dtype=torch.bool)
    others[[number for number in without if number < known]] = False
    with torch.no_grad():
        for table in (layer.weight, getattr(layer, "bias", None)):
            if ids and table is not None:
                table[list(ids)] = table[:known][others].mean(dim=0)
