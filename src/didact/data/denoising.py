"""Text with gaps and what stood in them: T5's span corruption, a drawn prefix, and UL2's mixture of seven denoisers.

    ids      5 6 7 8 9      mask  . . # . #
    inputs   5 6 S0 8 S1    targets  S0 7 S1 9

Nothing here adds an end token, and nothing is lost: `undo` gives the text back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from didact.data.noise_masks import noise_mask
from didact.data.objective_tokens import MODES


@dataclass(frozen=True, slots=True)
class Denoiser:
    """One of UL2's ways to hide a part of a text."""

    mode: str
    """Its family's control token."""
    density: float
    """Share of the tokens that are hidden."""
    mean_span: float | None
    """Tokens in a hidden span, on average; None: the end of the text, a quarter of it on average."""


REGULAR, SEQUENTIAL, EXTREME = MODES
DENOISERS: tuple[Denoiser, ...] = (
    Denoiser(REGULAR, 0.15, 3),
    Denoiser(REGULAR, 0.15, 8),
    Denoiser(SEQUENTIAL, 0.25, None),
    Denoiser(EXTREME, 0.5, 3),
    Denoiser(EXTREME, 0.5, 8),
    Denoiser(EXTREME, 0.15, 64),
    Denoiser(EXTREME, 0.5, 64),
)
"""Each is drawn as often as the others. Source: Tay et al. 2022, arXiv 2205.05131, table 1 and section 3.1.2."""


def span_corrupt(ids: np.ndarray, mask: np.ndarray, sentinels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (inputs, targets): every span of noise becomes a sentinel, and the targets say what each sentinel stands for.

    Args:
        ids: int (T,)
        mask: bool (T,), True for noise.
        sentinels: int, in the order in which they are used; at least as many as there are spans.

    Source: Raffel et al. 2020, arXiv 1910.10683, section 3.1.4.

    >>> inputs, targets = span_corrupt(np.array([5, 6, 7, 8, 9]), np.array([0, 0, 1, 0, 1], bool), np.array([99, 98]))
    >>> inputs.tolist(), targets.tolist()
    ([5, 6, 99, 8, 98], [99, 7, 98, 9])
    """
    first = mask & ~np.append(False, mask[:-1])
    marks = sentinels[: np.count_nonzero(first)]
    inputs = ids.copy()
    inputs[first] = marks
    targets = np.insert(ids[mask], np.flatnonzero(first[mask]), marks)
    return inputs[~mask | first], targets


def undo(inputs: np.ndarray, targets: np.ndarray, sentinels: np.ndarray) -> np.ndarray:
    """Returns the text that `span_corrupt` was given.

    >>> undo(np.array([5, 6, 99, 8, 98]), np.array([99, 7, 98, 9]), np.array([99, 98])).tolist()
    [5, 6, 7, 8, 9]
    """
    hidden = np.split(targets, np.flatnonzero(np.isin(targets, sentinels)))[1:]
    spans = {int(part[0]): part[1:] for part in hidden}
    begin, *parts = np.split(inputs, np.flatnonzero(np.isin(inputs, sentinels)))
    return np.concatenate([begin, *(piece for part in parts for piece in (spans[int(part[0])], part[1:]))])


def split_point(length: int, rng: np.random.Generator) -> int:
    """Returns how long the prefix of a text is, 1 to `length` − 1 tokens, each as likely; 0 for a text of one token.

    Source: T5's `random_prefix`; an empty prefix or an empty rest would teach nothing.

    >>> split_point(2, np.random.default_rng(0))
    1
    """
    return int(rng.integers(1, length)) if length > 1 else 0


def ul2(ids: np.ndarray, sentinels: np.ndarray, modes: Mapping[str, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns (inputs, targets) of a drawn denoiser.

    Args:
        ids: int (T,)
        sentinels: As in `span_corrupt`.
        modes: Mode token to id; empty: inputs begin without one.
        rng: Drawn from.

    >>> inputs, targets = ul2(np.arange(5, 13), np.array([99, 98]), {"<|r|>": 1, "<|s|>": 2, "<|x|>": 3}, np.random.default_rng(2))
    >>> inputs.tolist(), targets.tolist()
    ([3, 5, 6, 7, 8, 9, 10, 11, 99], [99, 12])
    """
    denoiser = DENOISERS[rng.integers(len(DENOISERS))]
    inputs, targets = denoise(ids, denoiser, sentinels, rng)
    if modes:
        inputs = np.append(np.array([modes[denoiser.mode]], ids.dtype), inputs)
    return inputs, targets


def denoise(ids: np.ndarray, denoiser: Denoiser, sentinels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns (inputs, targets) of one denoiser, without a mode token."""
    if denoiser.mean_span is not None:
        mask = noise_mask(len(ids), denoiser.density, denoiser.mean_span, rng, most_spans=len(sentinels))
        return span_corrupt(ids, mask, sentinels)
    # Lengths from 1 to twice the share, each as likely, so that the mean is the share and the prefix is never empty.
    longest = min(max(int(2 * denoiser.density * len(ids)), 1), len(ids) - 1)
    cut = len(ids) - (int(rng.integers(1, longest + 1)) if longest > 0 else 0)
    return ids[:cut], ids[cut:]


def undo_ul2(inputs: np.ndarray, targets: np.ndarray, sentinels: np.ndarray, modes: Mapping[str, int]) -> np.ndarray:
    """Returns the text that `ul2` was given.

    >>> undo_ul2(np.array([2, 5, 6]), np.array([7]), np.array([99, 98]), {"<|s|>": 2}).tolist()
    [5, 6, 7]
    """
    inputs = inputs[1:] if modes else inputs
    if np.isin(inputs, sentinels).any():
        return undo(inputs, targets, sentinels)
    return np.concatenate([inputs, targets])
