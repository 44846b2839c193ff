"""UL2's seven denoisers: each as often as the others, each with its mode token, each undone."""

from collections import Counter

import numpy as np
import pytest

from didact.data.denoising import DENOISERS, Denoiser, denoise, ul2, undo_ul2
from didact.data.noise_masks import num_noise
from didact.data.objective_tokens import MODES

SENTINELS = np.arange(1099, 999, -1)
MODE_IDS = dict(zip(MODES, (1100, 1101, 1102), strict=True))


def test_the_table_of_the_paper():
    found = sorted((d.mode, d.mean_span or 0, d.density) for d in DENOISERS)
    regular = [("<|r|>", 3, 0.15), ("<|r|>", 8, 0.15)]
    extreme = [("<|x|>", 3, 0.5), ("<|x|>", 8, 0.5), ("<|x|>", 64, 0.15), ("<|x|>", 64, 0.5)]
    assert found == [*regular, ("<|s|>", 0, 0.25), *extreme]


def test_each_denoiser_is_drawn_as_often_as_the_others():
    draw = np.random.default_rng(0)
    modes = Counter(int(ul2(np.arange(64), SENTINELS, MODE_IDS, draw)[0][0]) for _ in range(7000))
    # 2, 1 and 4 of seven: 2000, 1000 and 4000, standard deviations sqrt(7000 p (1 - p)) = 38, 29 and 41
    assert abs(modes[1100] - 2000) < 5 * 38 and abs(modes[1101] - 1000) < 5 * 29 and abs(modes[1102] - 4000) < 5 * 41


@pytest.mark.parametrize("modes", [MODE_IDS, {}], ids=["modes", "no_modes"])
def test_undo_gives_a_thousand_texts_back(modes):
    draw = np.random.default_rng(2)
    for _ in range(1000):
        ids = draw.integers(0, 999, draw.integers(1, 300))
        inputs, targets = ul2(ids, SENTINELS, modes, draw)
        assert undo_ul2(inputs, targets, SENTINELS, modes).tolist() == ids.tolist()
        assert len(inputs) <= len(ids) + 2  # a mode token, and at most one sentinel more than tokens of noise


@pytest.mark.parametrize("denoiser", [d for d in DENOISERS if d.mean_span], ids=lambda d: f"{d.mode}{d.mean_span}_{d.density}")
def test_spans_hold_just_the_noise_of_their_denoiser(denoiser):
    draw = np.random.default_rng(3)
    for length in (2, 10, 64, 512):
        inputs, targets = denoise(np.arange(length), denoiser, SENTINELS, draw)
        noise, spans = num_noise(length, denoiser.density, denoiser.mean_span, len(SENTINELS))
        assert (len(inputs), len(targets)) == (length - noise + spans, noise + spans)


def test_a_quarter_of_a_text_is_its_rest_on_average_and_its_beginning_is_never_empty():
    draw, sequential = np.random.default_rng(4), Denoiser("<|s|>", 0.25, None)
    rests = []
    for _ in range(4000):
        inputs, targets = denoise(np.arange(100), sequential, SENTINELS, draw)
        assert np.append(inputs, targets).tolist() == list(range(100)) and len(inputs)
        rests.append(len(targets))
    # 1 to 50 tokens, each as likely: mean 25.5, standard deviation 14.4 / sqrt(4000) = 0.23
    assert (min(rests), max(rests)) == (1, 50) and abs(np.mean(rests) - 25.5) < 5 * 0.23
    for length in (1, 2, 3):
        inputs, targets = denoise(np.arange(length), sequential, SENTINELS, draw)
        assert len(inputs) >= 1 and len(inputs) + len(targets) == length
