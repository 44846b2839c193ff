"""BERT's masked language model: some tokens have to be told; most of them are masked, some replaced, some left as they are."""

import numpy as np

from didact.base.objective_sections import MaskedNoise

IGNORE = -100


def mask_tokens(
    ids: np.ndarray,
    special: np.ndarray,
    mask_id: int,
    ordinary: np.ndarray,
    noise: MaskedNoise,
    rng: np.random.Generator,
    word_starts: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (inputs, labels): the label is the token where it has to be told, else -100.

    Args:
        ids: int (T,)
        special: bool (T,), True for tokens that are never chosen.
        mask_id: The mask token.
        ordinary: int, the tokens that a random replacement is drawn from.
        noise: The recipe's section.
        rng: Drawn from.
        word_starts: bool (T,), for whole words; None: each token on its own.

    Source: Devlin et al. 2019, arXiv 1810.04805, section 3.1; the count is that of google-research/bert, which counts special tokens too.

    >>> ids, special = np.array([1, 11, 12, 13, 2]), np.array([True, False, False, False, True])
    >>> inputs, labels = mask_tokens(ids, special, 9, ids, MaskedNoise(replace=(1, 0, 0)), np.random.default_rng(0))
    >>> inputs.tolist(), labels.tolist()
    ([1, 11, 12, 9, 2], [-100, -100, -100, 13, -100])
    """
    chosen = _chosen(special, max(1, round(noise.mask * len(ids))), word_starts, rng)
    inputs, labels = ids.copy(), np.full(len(ids), IGNORE, ids.dtype)
    labels[chosen] = ids[chosen]
    as_mask, as_random, _ = noise.replace
    drawn = rng.random(len(chosen))
    inputs[chosen[drawn < as_mask]] = mask_id
    swapped = chosen[(drawn >= as_mask) & (drawn < as_mask + as_random)]
    inputs[swapped] = rng.choice(ordinary, len(swapped))
    return inputs, labels


def _chosen(special: np.ndarray, count: int, word_starts: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Returns the places that have to be told, int64, in order: so many, or with whole words as many as fit, one word at least."""
    places = np.flatnonzero(~special)
    if word_starts is None:
        return np.sort(rng.permutation(places)[:count])
    # A word never goes across a special token, and its first token after one begins it.
    begins = word_starts[places] | (np.diff(places, prepend=-2) > 1)
    words = np.split(places, np.flatnonzero(begins)[1:])
    shuffled = [words[number] for number in rng.permutation(len(words))]
    taken, size = list[np.ndarray](), 0
    for word in shuffled:
        if size + len(word) <= count:
            taken.append(word)
            size += len(word)
    return np.sort(np.concatenate(taken or [min(shuffled, key=len)]))


def undo_mask(inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the tokens that `mask_tokens` was given.

    >>> undo_mask(np.array([1, 9]), np.array([-100, 7])).tolist()
    [1, 7]
    """
    return np.where(labels != IGNORE, labels, inputs)
