"""BERT's pairs of texts: the second one follows the first, or comes from another document."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from didact.data.masked_lm import IGNORE

FOLLOWS, ELSEWHERE = 0, 1
Document = Sequence[np.ndarray]
"""The sentences of a document, each int (T,) with at least one token."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts for one row."""

    first: np.ndarray
    second: np.ndarray
    """Empty where there is nothing to pair with."""
    next_segment: int
    """0: follows; 1: from another document; -100: there is no second text."""
    num_cut: int = 0
    """Tokens of the document that are in no row because they did not fit into this one."""


def sentence_pairs(documents: Sequence[Document], index: int, max_tokens: int, short: float, rng: np.random.Generator) -> list[Pair]:
    """Returns one document as pairs, in order: half of them with what follows, half with a drawn place of another document.

    A document is gone through sentence by sentence. What the second text of a pair would have been, had it followed, opens the next
    pair where another document took its place.

    Args:
        documents: The documents that others are drawn from.
        index: Which one to go through.
        max_tokens: Tokens of both texts together.
        short: Share of the pairs that are shorter, of a length drawn from 2 to `max_tokens`.
        rng: Drawn from.

    Source: Devlin et al. 2019, arXiv 1810.04805, section A.2; google-research/bert's `create_instances_from_document`.

    >>> sentences = [np.array([1, 2]), np.array([3]), np.array([4])]
    >>> [(p.first.tolist(), p.second.tolist(), p.next_segment) for p in sentence_pairs([sentences], 0, 8, 0.0, np.random.default_rng(0))]
    [([1, 2, 3], [4], 0)]
    """
    sentences, pairs, start = documents[index], list[Pair](), 0
    others = [number for number in range(len(documents)) if number != index and len(documents[number])]
    while start < len(sentences):
        target = int(rng.integers(2, max_tokens + 1)) if rng.random() < short else max_tokens
        end = _reach(sentences, start, target)
        cut = int(rng.integers(1, end - start)) if end - start > 1 else 1
        first = np.concatenate(sentences[start : start + cut])
        elsewhere = bool(others) and (end - start == 1 or rng.random() < 0.5)
        if elsewhere:
            other = documents[others[rng.integers(len(others))]]
            begin = int(rng.integers(len(other)))
            second = np.concatenate(other[begin : _reach(other, begin, max(target - len(first), 1))])
            end = start + cut
        else:
            second = np.concatenate([first[:0], *sentences[start + cut : end]])
        label = ELSEWHERE if elsewhere else FOLLOWS if len(second) else IGNORE
        pairs.append(_fitted(first, second, label, max_tokens, rng))
        start = end
    return pairs


def _reach(sentences: Document, start: int, target: int) -> int:
    """Returns behind which sentence so many tokens are reached, or the end."""
    size, end = 0, start
    while end < len(sentences) and size < target:
        size += len(sentences[end])
        end += 1
    return end


def _fitted(first: np.ndarray, second: np.ndarray, label: int, max_tokens: int, rng: np.random.Generator) -> Pair:
    """Returns the pair with the longer text cut, token by token, at its beginning or its end."""
    bounds = [[0, len(first)], [0, len(second)]]
    while (sizes := [high - low for low, high in bounds]) and sum(sizes) > max_tokens:
        longer = bounds[0] if sizes[0] > sizes[1] else bounds[1]
        if rng.random() < 0.5:
            longer[0] += 1
        else:
            longer[1] -= 1
    kept, lost = [slice(low, high) for low, high in bounds], [len(first) - sizes[0], len(second) - sizes[1]]
    return Pair(first[kept[0]], second[kept[1]], label, lost[0] + (lost[1] if label == FOLLOWS else 0))
