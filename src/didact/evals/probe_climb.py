"""What all rungs of one task share: the settings, and the task as tokens with what has to be learned."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from didact.evals.probe_data import ProbeTask
from didact.evals.probe_encoder import Encoder, Pool, Read, read_texts
from didact.evals.probe_head import HeadKind
from didact.evals.probe_kept import place_of, reads_print
from didact.evals.probe_training import Answers
from didact.models.precision import pick_device

_EPOCHS, _MOST_EPOCHS, _LEAST_STEPS = 3, 20, 250
"""Epochs as BERT has them; few rows are seen more often, for encoders that were stopped after some dozens of steps have learned nothing.

Source: Mosbach et al. 2021, arXiv 2006.04884 (20 epochs for small sets); Zhang et al. 2021, arXiv 2006.05987 (steps, not epochs)."""
_HEAD_EPOCHS = 10
"""A head on frozen features costs next to nothing: it gets so many times the epochs."""
_LARGE, _RATE_OF_LARGE = 110e6, 3e-5
"""BERT-base and the learning rate that it is usually fine-tuned with; smaller encoders take larger ones."""


@dataclass(frozen=True)
class ProbeSettings:
    """How encoders are probed."""

    num_seeds: int = 3
    epochs: int | None = None
    """Of the whole encoder; None: 3, of few rows up to 20, until there are 250 steps. A head alone: ten times 3, or what is given."""
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
    keep: bool = True
    """Finished trainings are kept in the cache, and are not done again."""
    fresh: bool = False
    """What is kept is done anew."""


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
    printed: str
    """What the encoder is recognised by."""

    @property
    def epochs(self) -> int:
        """Of the whole encoder."""
        few = math.ceil(_LEAST_STEPS * self.settings.batch_rows / len(self.task.train))
        return self.settings.epochs or max(_EPOCHS, min(_MOST_EPOCHS, few))

    @property
    def head_epochs(self) -> int:
        """Of a head alone."""
        return _HEAD_EPOCHS * (self.settings.epochs or _EPOCHS)

    @cached_property
    def place(self) -> Path:
        """Where finished trainings are kept: a folder for all that decides them, but for their seeds."""
        chosen = self.settings
        how = (self.pool, chosen.head, chosen.batch_rows, rate_of(self.encoder, chosen), self.epochs, self.head_epochs)
        asked = (self.answers.kind, self.answers.gold, self.answers.num_options, self.asked.num_options, len(self.task.choices))
        return place_of(self.printed, reads_print(self.train), reads_print(self.judged), asked, how, str(pick_device()))


def begin(encoder: Encoder, task: ProbeTask, settings: ProbeSettings, pool: Pool, printed: str = "") -> Climb:
    """Returns a task as tokens, with what has to be learned; of numbers, their mean is 0 and their deviation 1.

    Args:
        encoder: Who reads.
        task: Its rows.
        settings: How.
        pool: What stands for a text.
        printed: From `encoder_print`.
    """
    length = min(settings.max_length, encoder.positions or settings.max_length)
    train, judged = (read_texts(encoder, [pair for row in rows for pair in row.texts], length) for rows in (task.train, task.judged))
    gold = np.array([row.gold for row in task.train])
    scale = (float(gold.mean()), float(gold.std()) or 1.0) if task.kind == "number" else (0.0, 1.0)
    answers = Answers(task.kind, ((gold - scale[0]) / scale[1]).tolist(), [len(row.texts) for row in task.train])
    asked = Answers(task.kind, [], [len(row.texts) for row in task.judged])
    return Climb(encoder, task, settings, pool, train, judged, answers, asked, scale, printed)


def rate_of(encoder: Encoder, settings: ProbeSettings) -> float:
    """Returns the learning rate of a whole encoder: the square root of how many times smaller it is than BERT-base times the usual one."""
    usual = _RATE_OF_LARGE * (_LARGE / max(encoder.num_parameters, 1)) ** 0.5
    return settings.learning_rate or float(f"{min(1e-3, max(1e-5, usual)):.1e}")
