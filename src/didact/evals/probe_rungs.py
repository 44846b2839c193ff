"""Rungs: what each step of the ladder says to the judged rows, once for each seed."""

from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from didact.base.chance import seed_of
from didact.evals.probe_data import ProbeTask
from didact.evals.probe_encoder import Encoder, Pool, Read, read_texts, untrained
from didact.evals.probe_head import HeadKind, features, new_head, standardised, states_of
from didact.evals.probe_rows import ProbeRow
from didact.evals.probe_training import Answers, Learning, fit, predicted
from didact.evals.word_vectors import own_features, read_vectors, text_features, words_of
from didact.models.precision import pick_device, pick_precision

_HEAD_EPOCHS = 10
"""A head on frozen features costs next to nothing: it gets so many times the epochs."""
_HEAD_RATE = 3e-3
_LARGE, _RATE_OF_LARGE = 110e6, 3e-5
"""BERT-base and the learning rate that it is usually fine-tuned with; smaller encoders take larger ones."""


@dataclass(frozen=True)
class ProbeSettings:
    """How encoders are probed."""

    num_seeds: int = 3
    epochs: int = 3
    """Of the whole encoder; a head alone gets ten times as many."""
    learning_rate: float | None = None
    """Of the whole encoder; None: 3e-5 for 110 million weights, larger for fewer of them."""
    batch_rows: int = 32
    max_length: int = 256
    """Tokens of a sequence, at most."""
    pool: Pool | None = None
    """What stands for a text; None: as the architecture has it."""
    head: HeadKind = "linear"
    vectors: Path | None = None
    """Word vectors for the rung `words`; None: the encoder's own table."""
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Climb:
    """What all rungs of one task share."""

    encoder: Encoder
    task: ProbeTask
    settings: ProbeSettings
    pool: Pool
    train: list[Read]
    judged: list[Read]
    answers: Answers
    asked: Answers
    scale: tuple[float, float]
    """Mean and deviation of the training rows' numbers; 0 and 1 where answers are places."""


def begin(encoder: Encoder, task: ProbeTask, settings: ProbeSettings, pool: Pool) -> Climb:
    """Returns a task as tokens, with what has to be learned; of numbers, their mean is 0 and their deviation 1."""
    length = min(settings.max_length, encoder.positions or settings.max_length)
    train, judged = (read_texts(encoder, [pair for row in rows for pair in row.texts], length) for rows in (task.train, task.judged))
    gold = np.array([row.gold for row in task.train])
    scale = (float(gold.mean()), float(gold.std()) or 1.0) if task.kind == "number" else (0.0, 1.0)
    answers = Answers(task.kind, ((gold - scale[0]) / scale[1]).tolist(), [len(row.texts) for row in task.train])
    return Climb(
        encoder, task, settings, pool, train, judged, answers, Answers(task.kind, [], [len(row.texts) for row in task.judged]), scale
    )


def climbed(climb: Climb, rung: str, done: Callable[[str, int, int], None]) -> tuple[list[list[float]], dict[str, Any]]:
    """Returns what each seed says to every judged row, and what else is known of a rung."""
    if rung == "majority":
        return [_majority(climb)], {"num_trained": 0}
    settings, encoder = climb.settings, climb.encoder
    learning = Learning(settings.epochs, rate_of(encoder, settings), settings.batch_rows)
    title = f"{climb.task.name}, {rung}"
    total = settings.num_seeds * len(climb.task.train) * settings.epochs * (1 if rung in ("random", "tuned") else _HEAD_EPOCHS)

    def hear(count: int) -> None:
        done(title, total, count)

    seeds = [seed_of(settings.seed, "probe", climb.task.name, rung, number) for number in range(settings.num_seeds)]
    if rung in ("random", "tuned"):
        runs = [_whole(climb, rung == "random", learning, seed, hear) for seed in seeds]
        return runs, {"num_trained": encoder.num_parameters + _head(climb, encoder.width, 0)[1]}
    alone = replace(learning, epochs=_HEAD_EPOCHS * settings.epochs, learning_rate=_HEAD_RATE)
    extra: dict[str, Any] = {}
    if rung == "words":
        both, extra = _word_features(climb)
        found = [both] * len(seeds)
    elif rung == "frozen":
        found = [_features(climb, encoder.network)] * len(seeds)
    else:
        found = [_features(climb, untrained(encoder, seed)) for seed in seeds]
    runs = [_on_features(climb, *both, alone, seed, hear) for both, seed in zip(found, seeds, strict=True)]
    return runs, {"num_trained": _head(climb, found[0][0].shape[1], 0)[1], **extra}


def _majority(climb: Climb) -> list[float]:
    """Returns the most frequent answer of the training rows, the first of several; of numbers, their mean."""
    gold = [row.gold for row in climb.task.train]
    answer = climb.scale[0] if climb.task.kind == "number" else min(Counter(gold).items(), key=lambda item: (-item[1], item[0]))[0]
    return [min(answer, len(row.texts) - 1) if climb.task.kind == "options" else answer for row in climb.task.judged]


def _head(climb: Climb, width: int, seed: int) -> tuple[nn.Module, int]:
    head = new_head(width, len(climb.task.choices) or 1, climb.settings.head, seed)
    return head, sum(weight.numel() for weight in head.parameters())


def _features(climb: Climb, network: Any) -> tuple[Tensor, Tensor]:
    device = pick_device()
    precision = pick_precision("auto", device)
    train, judged = (features(network, climb.encoder, rows, climb.pool, device, precision) for rows in (climb.train, climb.judged))
    return standardised(train, judged)


def _word_features(climb: Climb) -> tuple[tuple[Tensor, Tensor], dict[str, Any]]:
    path, task = climb.settings.vectors, climb.task
    if path is None:
        found, number = own_features(climb.encoder, [*climb.train, *climb.judged]), len(climb.train)
        return standardised(found[:number], found[number:]), {"vectors": "the encoder's own table"}
    texts = [[pair for row in rows for pair in row.texts] for rows in (task.train, task.judged)]
    vectors = read_vectors(path, {word for pair in (*texts[0], *texts[1]) for text in pair for word in words_of(text)})
    found, number = text_features(vectors, [*texts[0], *texts[1]]), len(texts[0])
    return standardised(found[:number], found[number:]), {"vectors": path.name, "known_words": vectors.known(texts[1])}


def _on_features(climb: Climb, train: Tensor, judged: Tensor, learning: Learning, seed: int, done: Callable[[int], None]) -> list[float]:
    """Returns what a head on fixed features says to the judged rows."""
    device = pick_device()
    head = _head(climb, train.shape[1], seed)[0].to(device)
    train, judged = train.to(device), judged.to(device)
    places, asked = _places(climb.task.train), _places(climb.task.judged)
    alike = [1] * len(climb.task.train)
    fit(
        head,
        lambda rows: head(train[[place for row in rows for place in places[row]]]),
        climb.answers,
        alike,
        learning,
        precision="fp32",
        device=device,
        seed=seed,
        done=done,
    )
    said = predicted(
        lambda rows: head(judged[[place for row in rows for place in asked[row]]]), climb.asked, [1] * len(asked), "fp32", device
    )
    return _unscaled(climb, said)


def _whole(climb: Climb, is_random: bool, learning: Learning, seed: int, done: Callable[[int], None]) -> list[float]:
    """Returns what an encoder says to the judged rows after it and its head were trained together."""
    device, encoder = pick_device(), climb.encoder
    precision = pick_precision("auto", device)
    network = (untrained(encoder, seed) if is_random else deepcopy(encoder.network)).to(device)
    module = nn.ModuleDict({"network": network.requires_grad_(True), "head": _head(climb, encoder.width, seed)[0].to(device)})

    def scores(of: list[Read], rows: Sequence[ProbeRow]) -> Callable[[Sequence[int]], Tensor]:
        places = _places(rows)

        def given(wanted: Sequence[int]) -> Tensor:
            read = [of[place] for row in wanted for place in places[row]]
            found: Tensor = module["head"](states_of(network, encoder, read, climb.pool, device))
            return found

        return given

    train, judged = climb.task.train, climb.task.judged
    lengths, asked = _lengths(climb.train, train), _lengths(climb.judged, judged)
    fit(module, scores(climb.train, train), climb.answers, lengths, learning, precision=precision, device=device, seed=seed, done=done)
    return _unscaled(climb, predicted(scores(climb.judged, judged), climb.asked, asked, precision, device))


def _places(rows: Sequence[ProbeRow]) -> list[range]:
    """Returns which sequences are those of each row: one, or one for each option."""
    ends = np.cumsum([len(row.texts) for row in rows]).tolist()
    return [range(end - len(row.texts), end) for row, end in zip(rows, ends, strict=True)]


def _lengths(read: Sequence[Read], rows: Sequence[ProbeRow]) -> list[int]:
    return [max(len(read[place].ids) for place in places) for places in _places(rows)]


def _unscaled(climb: Climb, said: Sequence[float]) -> list[float]:
    return [value * climb.scale[1] + climb.scale[0] for value in said] if climb.task.kind == "number" else list(said)


def rate_of(encoder: Encoder, settings: ProbeSettings) -> float:
    """Returns the learning rate of a whole encoder: the square root of how many times smaller it is than BERT-base times the usual one."""
    usual = _RATE_OF_LARGE * (_LARGE / max(encoder.num_parameters, 1)) ** 0.5
    return settings.learning_rate or float(f"{min(1e-3, max(1e-5, usual)):.1e}")
