"""BART's noise: sentences change places, spans of words become masks, tokens are left out, masks put in, the text turned.

In this order, as fairseq has it. Every step keeps for each token where it stood, so that `undo` gives the text back.
"""

from dataclasses import dataclass, replace

import numpy as np

from didact.base.objective_sections import BartNoise


@dataclass(frozen=True, slots=True)
class Noised:
    """A corrupted text, and what makes it whole again."""

    ids: np.ndarray
    """int (N,)"""
    source: np.ndarray
    """int64 (N,): where in the text each token stood; -1 for a mask, which stood nowhere."""
    taken: np.ndarray
    """int (M,): the tokens that were masked or left out."""
    taken_from: np.ndarray
    """int64 (M,): where in the text they stood."""


def bart_noise(
    ids: np.ndarray,
    word_starts: np.ndarray,
    sentence_ends: np.ndarray,
    mask_id: int,
    noise: BartNoise,
    rng: np.random.Generator,
    max_length: int | None = None,
) -> Noised:
    """Returns the text corrupted.

    Args:
        ids: int (T,), one token at least.
        word_starts: bool (T,), True where a word begins; the first token always begins one.
        sentence_ends: bool (T,), True at the last token of a sentence.
        mask_id: The mask token.
        noise: The recipe's section.
        rng: Drawn from.
        max_length: Masks that are put in between words are left out where the result would become longer; None: never.

    Source: Lewis et al. 2020, arXiv 1910.13461, section 2.2; the order and the budget of fairseq's `DenoisingDataset`.

    >>> words = np.ones(4, bool)
    >>> noised = bart_noise(np.array([5, 6, 7, 8]), words, ~words, 9, BartNoise(mask=0.5, poisson=None), np.random.default_rng(0))
    >>> noised.ids.tolist(), undo_bart(noised).tolist()
    ([5, 6, 9, 9], [5, 6, 7, 8])
    """
    order, word_starts = _sentences_moved(word_starts, sentence_ends, noise.permute_sentences, rng)
    nothing = np.zeros(0, np.int64)
    text = Noised(ids[order], order, ids[:0], nothing)
    text, num_between = _words_masked(text, word_starts, mask_id, noise, rng)
    text = _left_out(text, noise.delete, rng)
    num_between += _ceil(noise.insert * len(text.ids))
    if max_length is not None:
        num_between = min(num_between, max(max_length - len(text.ids), 0))
    text = _masks_between(text, num_between, mask_id, rng)
    return _turned(text, noise.rotate, rng)


def undo_bart(noised: Noised) -> np.ndarray:
    """Returns the text that `bart_noise` was given."""
    own = noised.source >= 0
    ids = np.empty(np.count_nonzero(own) + len(noised.taken), noised.ids.dtype)
    ids[noised.source[own]] = noised.ids[own]
    ids[noised.taken_from] = noised.taken
    return ids


def _ceil(number: float) -> int:
    """Returns the next whole number; 7.000000000000001 is 7."""
    return int(np.ceil(number - 1e-9))


def _sentences_moved(
    word_starts: np.ndarray, sentence_ends: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (order int64 (T,), where words begin in it): a share of the sentences, drawn, permuted among themselves."""
    # A sentence that began inside a word would make one word of it and whatever comes to stand before it.
    sentences = np.split(np.arange(len(word_starts)), np.flatnonzero(sentence_ends[:-1] & word_starts[1:]) + 1)
    places = np.arange(len(sentences))
    moved = rng.permutation(len(sentences))[: _ceil(share * len(sentences))]
    places[moved] = moved[rng.permutation(len(moved))]
    order = np.concatenate([sentences[place] for place in places])
    begins = word_starts[order]
    begins[0] = True
    return order, begins


def _words_masked(text: Noised, word_starts: np.ndarray, mask_id: int, noise: BartNoise, rng: np.random.Generator) -> tuple[Noised, int]:
    """Returns the text with spans of words masked, and how many spans have no words: those are masks between words."""
    starts = np.append(np.flatnonzero(word_starts), len(text.ids))
    num_words = len(starts) - 1
    lengths = _span_lengths(_ceil(noise.mask * num_words), noise.poisson, rng)
    spans = lengths[lengths > 0]
    # Every way to lay the spans side by side into the words is as likely as any other. They never overlap, so the budget is met;
    # in fairseq spans may overlap, and fewer words than the budget are masked.
    slots = np.sort(rng.choice(num_words - spans.sum() + len(spans), len(spans), replace=False))
    first = slots + np.cumsum(spans) - spans - np.arange(len(spans))
    kept, ids, source = np.ones(len(text.ids), bool), text.ids.copy(), text.source.copy()
    hidden = ~kept
    for low, high in zip(starts[first], starts[first + spans], strict=True):
        hidden[low:high] = True
        kept[low + 1 : high] = False
        ids[low], source[low] = mask_id, -1
    return Noised(ids[kept], source[kept], text.ids[hidden], text.source[hidden]), int(np.count_nonzero(lengths == 0))


def _span_lengths(budget: int, mean: float | None, rng: np.random.Generator) -> np.ndarray:
    """Returns lengths in words, int64, some perhaps 0, that add up to the budget: the last one is trimmed."""
    if mean is None or not budget:
        return np.ones(budget, np.int64)
    lengths = np.zeros(0, np.int64)
    while lengths.sum() < budget:
        lengths = np.append(lengths, rng.poisson(mean, budget))
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), budget)) + 1]
    lengths[-1] -= lengths.sum() - budget
    return lengths


def _left_out(text: Noised, share: float, rng: np.random.Generator) -> Noised:
    own = np.flatnonzero(text.source >= 0)
    gone = np.zeros(len(text.ids), bool)
    gone[rng.permutation(own)[: _ceil(share * len(own))]] = True
    taken, taken_from = np.append(text.taken, text.ids[gone]), np.append(text.taken_from, text.source[gone])
    return Noised(text.ids[~gone], text.source[~gone], taken, taken_from)


def _masks_between(text: Noised, number: int, mask_id: int, rng: np.random.Generator) -> Noised:
    places = np.zeros(len(text.ids) + number, bool)
    places[rng.permutation(len(places))[:number]] = True
    ids, source = np.full(len(places), mask_id, text.ids.dtype), np.full(len(places), -1, np.int64)
    ids[~places], source[~places] = text.ids, text.source
    return replace(text, ids=ids, source=source)


def _turned(text: Noised, share: float, rng: np.random.Generator) -> Noised:
    if len(text.ids) < 2 or rng.random() >= share:
        return text
    offset = -int(rng.integers(1, len(text.ids)))
    return replace(text, ids=np.roll(text.ids, offset), source=np.roll(text.source, offset))
