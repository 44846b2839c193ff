"""Roles and weights inside one text: text is encoded as a whole, so where something new begins is looked up among its tokens.

A token that lies across such a border belongs to what its characters other than white space belong to: of several roles to the
data's before the format's, of several weights to the largest, so that nothing which has to be learnt is left out.
"""

import json
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from tokenizers import Tokenizer

from didact.base.roles import FORMAT, PROMPT, RESPONSE, SYSTEM
from didact.base.types import Conversation
from didact.prompts.chat_format import Piece

Run = tuple[int, int, float]
"""Characters in a row, their role, and the factor of their weight."""


def is_weighted(conversation: Conversation) -> bool:
    """Says whether any turn or part of one weighs more or less than others."""
    return any(message.weight != 1 or message.spans for message in conversation.messages)


def runs_of(piece: Piece, text: str, conversation: Conversation) -> list[Run]:
    """Returns what the text of a piece is made of; its length in characters is the sum of theirs.

    Args:
        piece: What the format wrote.
        text: What is left of it to encode.
        conversation: Whose piece it is.
    """
    code = piece.code
    before = piece.lead if piece.lead > 0 and piece.speaker == PROMPT and code != RESPONSE else 0
    is_turn = 0 <= piece.turn < len(conversation.messages)
    if not before and not is_turn:
        return [(len(text), code, 1.0)]
    weight, spans = 1.0, list[tuple[int, int, float]]()
    if is_turn:
        message = conversation.messages[piece.turn]
        weight, spans = message.weight, [*message.spans] if piece.body else []
    runs = _spanned(spans, piece.lead, weight, code, before, len(text))
    if before:  # a system text that the format puts before the first question
        system = conversation.messages[0]
        runs = [*_spanned([*system.spans], 0, system.weight, SYSTEM, 0, before), *runs]
    return runs


def joined(before: list[Run], behind: list[Run]) -> list[Run]:
    """Returns the runs of two texts as those of one; what is alike at the border becomes one.

    >>> joined([(2, 9, 1.0)], [(3, 9, 1.0), (4, 1, 1.0)])
    [(5, 9, 1.0), (4, 1, 1.0)]
    """
    (last, *said), (first, *same) = before[-1], behind[0]
    if said == same:
        return [*before[:-1], (last + first, before[-1][1], before[-1][2]), *behind[1:]]
    return before + behind


def _spanned(spans: Sequence[tuple[int, int, float]], shift: int, weight: float, code: int, begin: int, end: int) -> list[Run]:
    """Returns the runs of the characters from `begin` to `end` of a piece, in which a message's own text begins at `shift`."""
    runs, place = list[Run](), begin
    for first, last, factor in spans:
        low, high = max(first + shift, place), min(last + shift, end)
        if low < high:
            runs += [(low - place, code, weight)] if low > place else []
            runs.append((high - low, code, weight * factor))
            place = high
    return [*runs, (end - place, code, weight)] if place < end else runs


class Mixed(NamedTuple):
    """A text of several runs among the tokens of a batch."""

    text: str
    runs: list[Run]
    start: int
    """Its first token."""
    stop: int
    """Its last token + 1."""
    encoder: Tokenizer
    """What it was encoded by."""


def byte_sizes(encoder: Tokenizer, num_ids: int) -> np.ndarray | None:
    """Returns how many bytes of text each token is, int64 (V,), of a byte-level tokenizer; None for another.

    Args:
        encoder: Of text from data; it does not know the control tokens, which are no text.
        num_ids: Ids in all, those of control tokens among them.
    """
    table = json.loads(encoder.to_str())
    cutter = table["pre_tokenizer"] or {}
    parts = cutter.get("pretokenizers", [cutter])
    if table["model"]["type"] != "BPE" or not any(part.get("type") == "ByteLevel" for part in parts):
        return None
    names = {number: len(name) for name, number in table["model"]["vocab"].items()}  # one sign of the alphabet is one byte
    names |= {token["id"]: len(token["content"].encode()) for token in table["added_tokens"]}
    sizes = np.zeros(max(num_ids, *names) + 1, np.int64)
    sizes[[*names]] = [*names.values()]
    return sizes


def settle(ids: np.ndarray, roles: np.ndarray, weights: np.ndarray | None, mixed: Sequence[Mixed], sizes: np.ndarray | None) -> None:
    """Writes the roles and weights of texts of several runs.

    Args:
        ids: int32 (T,): the tokens of a batch.
        roles: uint8 (T,): written to.
        weights: float32 (T,): written to; None: nothing in the batch has a weight.
        mixed: The texts.
        sizes: Of `byte_sizes`; None: the texts are encoded again, for where each token stands.
    """
    if sizes is None:
        for one in mixed:
            _settle(one, roles, weights)
        return
    if not mixed:
        return
    ends = np.cumsum(sizes[ids])
    begins, stops = np.array([one.start for one in mixed]), np.array([one.stop for one in mixed])
    bases = ends[begins] - sizes[ids[begins]]
    borders = [_borders(one) for one in mixed]
    counts = [len(each) for each in borders]
    inner = np.array([border for each in borders for border in each[1:-1]]) + np.repeat(bases, [count - 2 for count in counts])
    places = np.searchsorted(ends, inner, side="right")
    whole = (ends[np.maximum(places - 1, 0)] == inner).tolist()
    spelled = (ends[stops - 1] - bases == [each[-1] for each in borders]).tolist()
    first, found = 0, places.tolist()
    for one, each, base, is_spelled in zip(mixed, borders, bases.tolist(), spelled, strict=True):
        last = first + len(each) - 2
        if not is_spelled:
            _settle(one, roles, weights)
        elif all(whole[first:last]):
            for (_, code, weight), start, stop in zip(
                one.runs, [one.start, *found[first:last]], [*found[first:last], one.stop], strict=True
            ):
                roles[start:stop] = code
                if weights is not None:
                    weights[start:stop] = weight
        else:
            lengths = [high - low for low, high in pairwise(each)]
            runs = [(length, code, weight) for length, (_, code, weight) in zip(lengths, one.runs, strict=True)]
            there = ends[one.start : one.stop] - base
            _write(one, roles, weights, *spread(one.text.encode("utf-8", "replace"), runs, np.append(0, there[:-1]), there))
        first = last


def _borders(one: Mixed) -> list[int]:
    """Returns where the runs of a text begin, in bytes, and its length."""
    places = [0, *accumulate(length for length, _, _ in one.runs)]
    return places if one.text.isascii() else [len(one.text[:place].encode("utf-8", "replace")) for place in places]


def _settle(one: Mixed, roles: np.ndarray, weights: np.ndarray | None) -> None:
    """Encodes a text again, which tells where each token stands in it."""
    offsets = np.array(one.encoder.encode(one.text, add_special_tokens=False).offsets)
    _write(one, roles, weights, *spread(one.text, one.runs, offsets[:, 0], offsets[:, 1]))


def _write(one: Mixed, roles: np.ndarray, weights: np.ndarray | None, own_roles: np.ndarray, own_weights: np.ndarray) -> None:
    roles[one.start : one.stop] = own_roles
    if weights is not None:
        weights[one.start : one.stop] = own_weights


def spread(text: str | bytes, runs: Sequence[Run], starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the role, uint8 (T,), and the factor, float32 (T,), of each token of a text.

    Args:
        text: In characters, or in bytes where the lengths of the runs are.
        runs: What it is made of.
        starts: Where each token begins (T,)
        ends: Where each token ends (T,)

    >>> runs = [(3, 9, 1.0), (2, 1, 0.5)]  # "Q: " is the format's, "hi" is the user's
    >>> roles, weights = spread("Q: hi", runs, np.array([0, 1, 2]), np.array([1, 2, 5]))  # "Q", ":", " hi"
    >>> roles.tolist(), weights.tolist()
    ([9, 9, 1], [1.0, 1.0, 0.5])
    """
    borders = [0, *accumulate(length for length, _, _ in runs)]
    inner = np.array(borders[1:-1])
    owner = np.searchsorted(inner, starts, side="right")
    last = np.searchsorted(inner, np.maximum(ends - 1, starts), side="right")
    roles = np.array([code for _, code, _ in runs], np.uint8)[owner]
    weights = np.array([weight for _, _, weight in runs], np.float32)[owner]
    for token in np.flatnonzero(owner != last):
        touched = runs[owner[token] : last[token] + 1]
        spans = list(pairwise(borders))[owner[token] : last[token] + 1]
        shown = [text[max(low, starts[token]) : min(high, ends[token])].strip() for low, high in spans]
        held = [run for run, part in zip(touched, shown, strict=True) if part] or touched
        roles[token] = next((code for _, code, _ in held if not code & FORMAT), held[-1][1])
        weights[token] = max(weight for _, _, weight in held)
    return roles, weights
