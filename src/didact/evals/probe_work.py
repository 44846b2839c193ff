"""The trainings of a rung, and how much each has to compute, in floating-point operations: what a progress bar counts in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.base.chance import seed_of
from didact.evals.probe_climb import Climb
from didact.evals.probe_encoder import Encoder, Read
from didact.evals.probe_kept import file_of, kept

READ, TRAINED = 2, 6
"""Operations for each weight and token: a product and a sum; in training also those of the two gradients."""
HEAD_ROW = 6e5
"""What a row costs a head alone: the operations that fit into the time of its bookkeeping, which is nearly all of it."""


def passing(encoder: Encoder, sequences: Sequence[Read], operations: int) -> float:
    """Returns the work of an encoder's pass over sequences.

    Args:
        encoder: Which reads them.
        sequences: What is read.
        operations: `READ` or `TRAINED`.
    """
    return float(operations) * encoder.num_parameters * sum(len(sequence.ids) for sequence in sequences)


@dataclass(frozen=True, slots=True)
class Training:
    """One seed of a rung."""

    rung: str
    number: int
    seed: int
    file: Path | None
    """Where its answers are kept; None: they are not."""


def trainings(climb: Climb, rung: str) -> list[Training]:
    """Returns the trainings of a rung: none for the majority, which learns nothing."""
    if rung == "majority":
        return []
    seeds = [seed_of(climb.settings.seed, "probe", climb.task.name, rung, number) for number in range(climb.settings.num_seeds)]
    # Word vectors are told apart by their file alone, and cost next to nothing.
    place = climb.place if climb.settings.keep and rung != "words" else None
    return [Training(rung, number, seed, place and file_of(place, rung, seed)) for number, seed in enumerate(seeds)]


def work_of(climb: Climb, rung: str) -> float:
    """Returns how much there is to compute for a rung, as `climbed` tells it; trainings that are kept cost nothing."""
    encoder = climb.encoder
    num_new = sum(training.file is None or kept(training.file) is None for training in trainings(climb, rung))
    if rung in ("random", "tuned"):
        return num_new * (climb.epochs * passing(encoder, climb.train, TRAINED) + passing(encoder, climb.judged, READ))
    num_readings = {"frozen": min(num_new, 1), "random_frozen": num_new}.get(rung, 0)
    reading = num_readings * passing(encoder, [*climb.train, *climb.judged], READ) if num_readings else 0.0
    return reading + num_new * HEAD_ROW * climb.head_epochs * len(climb.task.train)
