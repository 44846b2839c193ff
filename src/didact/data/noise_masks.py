"""Which tokens a denoiser takes out: how many, in how many spans, and where."""

import numpy as np


def num_noise(length: int, density: float, mean_span: float, most_spans: int | None = None) -> tuple[int, int]:
    """Returns how many tokens of a text are noise, and in how many spans they lie.

    Args:
        length: Tokens of the text; shorter than 2 counts as 2.
        density: Share of the tokens.
        mean_span: Tokens in a span, on average.
        most_spans: There are no sentinels for more; spans get longer instead. None: no limit.

    Source: Raffel et al. 2020, arXiv 1910.10683, section 3.1; T5's `random_spans_noise_mask`. Halves round to the even number.

    >>> num_noise(100, 0.15, 3)
    (15, 5)
    """
    length = max(length, 2)
    noise = min(max(round(length * density), 1), length - 1)
    spans = max(round(noise / mean_span), 1)
    return noise, min(spans, noise, length - noise, most_spans or spans)


def span_lengths(input_length: int, density: float, mean_span: float, most_spans: int | None = None) -> tuple[int, int]:
    """Returns (tokens of text, tokens of its targets) such that the corrupted text has at most `input_length` tokens, as near as possible.

    Input and targets both count one end token.

    Source: T5's `random_spans_helper`.

    >>> span_lengths(512, 0.15, 3)
    (568, 114)
    """

    def sizes(length: int) -> tuple[int, int]:
        noise, spans = num_noise(length, density, mean_span, most_spans)
        return length - noise + spans + 1, noise + spans + 1

    length = max(input_length - 2, 1)  # one token of noise becomes one sentinel, so that this always fits
    while sizes(length + 1)[0] <= input_length:
        length += 1
    target_length = sizes(length)[1]
    if density == 0.5 and target_length > input_length:
        return length - 1, target_length - 1
    return length, target_length


def noise_mask(length: int, density: float, mean_span: float, rng: np.random.Generator, most_spans: int | None = None) -> np.ndarray:
    """Returns where the noise is, bool (length,): spans of text and of noise take turns, text first, noise last.

    Every way to cut noise and text into that many spans is as likely as any other. A text of one token has no noise.

    Args:
        length: Tokens of the text.
        density: Share of the tokens that are noise.
        mean_span: Tokens in a span of noise, on average.
        rng: Drawn from.
        most_spans: See `num_noise`.

    >>> noise_mask(10, 0.3, 3, np.random.default_rng(0)).tolist()
    [False, False, False, False, False, False, False, True, True, True]
    """
    noise, spans = num_noise(length, density, mean_span, most_spans)
    runs = np.stack([_parts(max(length, 2) - noise, spans, rng), _parts(noise, spans, rng)], axis=1).ravel()
    return np.repeat(np.arange(2 * spans) % 2 == 1, runs)[:length]


def _parts(total: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """Returns `total` as a sum of so many positive numbers, int64 (number,)."""
    cuts = np.sort(rng.choice(total - 1, number - 1, replace=False)) + 1
    return np.diff(cuts, prepend=0, append=total)
