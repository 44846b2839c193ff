"""Rungs: what each step of the ladder says to the judged rows, once for each seed."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from didact.evals.probe_climb import Climb, rate_of
from didact.evals.probe_encoder import Read, untrained
from didact.evals.probe_head import features, new_head, standardised, states_of
from didact.evals.probe_kept import Said, keep, kept
from didact.evals.probe_rows import ProbeRow
from didact.evals.probe_training import Learning, fit, predicted
from didact.evals.probe_work import HEAD_ROW, READ, TRAINED, Training, passing, trainings
from didact.evals.word_vectors import own_features, read_vectors, text_features, words_of
from didact.models.precision import pick_device, pick_precision

_HEAD_RATE = 3e-3


def climbed(climb: Climb, rung: str, done: Callable[[Training, float], None]) -> tuple[list[list[float]], dict[str, Any]]:
    """Returns what each seed says to every judged row, and what else is known of a rung: its trained weights, epochs and seconds.

    Args:
        climb: From `begin`.
        rung: Which.
        done: Hears how much more was computed, and for which training.
    """
    if rung == "majority":
        return [_majority(climb)], {"num_trained": 0, "seconds": 0.0}
    settings, encoder, whole = climb.settings, climb.encoder, rung in ("random", "tuned")
    learning = Learning(climb.epochs if whole else climb.head_epochs, rate_of(encoder, settings), settings.batch_rows)
    width, extra = encoder.width, dict[str, Any]()
    found: tuple[Tensor, Tensor] | None = None
    if rung == "words":
        found, extra = _word_features(climb)
        width = found[0].shape[1]
    runs, seconds, num_kept = list[list[float]](), 0.0, 0
    for training in trainings(climb, rung):
        said = kept(training.file) if training.file else None
        num_kept += said is not None
        if said is None:
            started = time.perf_counter()

            def hear(work: float, training: Training = training) -> None:
                done(training, work)

            if whole:
                values = _whole(climb, rung == "random", learning, training.seed, hear)
            else:
                if rung == "random_frozen" or found is None:
                    found = _features(climb, untrained(encoder, training.seed) if rung == "random_frozen" else encoder.network, hear)
                values = _on_features(climb, *found, replace(learning, learning_rate=_HEAD_RATE), training.seed, hear)
            said = Said(values, time.perf_counter() - started)
            if training.file:
                keep(training.file, said)
        runs.append(said.values)
        seconds += said.seconds
    told = {"num_trained": _head(climb, width, 0)[1] + whole * encoder.num_parameters, "epochs": learning.epochs}
    return runs, {**told, **extra, "num_kept": num_kept, "seconds": round(seconds, 2)}


def _majority(climb: Climb) -> list[float]:
    """Returns the most frequent answer of the training rows, the first of several; of numbers, their mean."""
    gold = [row.gold for row in climb.task.train]
    answer = climb.scale[0] if climb.task.kind == "number" else min(Counter(gold).items(), key=lambda item: (-item[1], item[0]))[0]
    return [min(answer, len(row.texts) - 1) if climb.task.kind == "options" else answer for row in climb.task.judged]


def _head(climb: Climb, width: int, seed: int) -> tuple[nn.Module, int]:
    head = new_head(width, len(climb.task.choices) or 1, climb.settings.head, seed)
    return head, sum(weight.numel() for weight in head.parameters())


def _features(climb: Climb, network: Any, done: Callable[[float], None]) -> tuple[Tensor, Tensor]:
    device, encoder = pick_device(), climb.encoder
    precision = pick_precision("auto", device)

    def hear(read: Sequence[Read]) -> None:
        done(passing(encoder, read, READ))

    train, judged = (features(network, encoder, rows, climb.pool, device, precision, hear) for rows in (climb.train, climb.judged))
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


def _on_features(climb: Climb, train: Tensor, judged: Tensor, learning: Learning, seed: int, done: Callable[[float], None]) -> list[float]:
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
        done=lambda rows: done(HEAD_ROW * len(rows)),
    )
    said = predicted(
        lambda rows: head(judged[[place for row in rows for place in asked[row]]]), climb.asked, [1] * len(asked), "fp32", device
    )
    return _unscaled(climb, said)


def _whole(climb: Climb, is_random: bool, learning: Learning, seed: int, done: Callable[[float], None]) -> list[float]:
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

    def hears(of: list[Read], rows: Sequence[ProbeRow], operations: int) -> Callable[[Sequence[int]], None]:
        places = _places(rows)
        return lambda passed: done(passing(encoder, [of[place] for row in passed for place in places[row]], operations))

    train, judged = climb.task.train, climb.task.judged
    lengths, asked = _lengths(climb.train, train), _lengths(climb.judged, judged)
    hear, given = hears(climb.train, train, TRAINED), scores(climb.train, train)
    fit(module, given, climb.answers, lengths, learning, precision=precision, device=device, seed=seed, done=hear)
    hear, given = hears(climb.judged, judged, READ), scores(climb.judged, judged)
    return _unscaled(climb, predicted(given, climb.asked, asked, precision, device, hear))


def _places(rows: Sequence[ProbeRow]) -> list[range]:
    """Returns which sequences are those of each row: one, or one for each option."""
    ends = np.cumsum([len(row.texts) for row in rows]).tolist()
    return [range(end - len(row.texts), end) for row, end in zip(rows, ends, strict=True)]


def _lengths(read: Sequence[Read], rows: Sequence[ProbeRow]) -> list[int]:
    return [max(len(read[place].ids) for place in places) for places in _places(rows)]


def _unscaled(climb: Climb, said: Sequence[float]) -> list[float]:
    return [value * climb.scale[1] + climb.scale[0] for value in said] if climb.task.kind == "number" else list(said)
