"""Steps whose loss or gradient is not a number: passed over, counted, traced to their examples, and too many of them stop the run."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerate.utils import gather_object

from didact.base.errors import ModelError
from didact.base.files import append_jsonl
from didact.data.batches import Row

_MOST_NAMED = 8
EVENT = "step skipped"
"""How the line of such a step in metrics.jsonl begins."""


def is_bad(loss: float, norm: float) -> bool:
    """Says whether a step would spoil the weights.

    The norm counts too: a gradient may be no number behind a loss that is one.

    >>> is_bad(1.0, 2.0), is_bad(float("nan"), 2.0), is_bad(1.0, float("inf"))
    (False, True, True)
    """
    return not (math.isfinite(loss) and math.isfinite(norm))


def to_blame(mine: Sequence[Sequence[Row]], losses: Sequence[float], loss_alone: Callable[[Row], float] | None) -> list[str]:
    """Returns the examples that a bad step's loss comes from, by task and name, over all processes.

    Args:
        mine: This process's micro-batches.
        losses: Their losses; where none of them is bad, the gradient is, and every example may be to blame.
        loss_alone: Gives the loss of one row; None: it cannot be asked for in one process.
    """
    suspects = [example for micro, loss in zip(mine, losses, strict=True) if not math.isfinite(loss) for row in micro for example in row]
    alone = [] if loss_alone is None else [example for example in suspects if not math.isfinite(loss_alone((example,)))]
    examples = alone or suspects or [example for micro in mine for row in micro for example in row]
    every = gather_object([(bool(suspects), [f"{x.origin.task}/{x.origin.example}" if x.origin else "?" for x in examples])])
    # One process with a bad loss acquits the examples of those without.
    return [name for blamed, names in every if blamed or not any(other for other, _ in every) for name in names]


def few(names: Sequence[str]) -> str:
    """Returns the first names and how many more there are.

    >>> few([str(number) for number in range(10)])
    '0, 1, 2, 3, 4, 5, 6, 7 and 2 more'
    """
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


@dataclass(frozen=True, slots=True)
class BadStep:
    """A step that was skipped."""

    step: int
    """Counted from 1."""
    loss: float
    norm: float
    examples: Sequence[str]
    """Those to blame."""
    number: int
    """Which of the run's bad steps it is, from 1."""

    @property
    def what(self) -> str:
        """What is wrong with it."""
        return f"the loss is {self.loss} and the norm of its gradient {self.norm} at step {self.step}"


def tell(bad: BadStep, path: Path | None, say: Callable[[str], None]) -> None:
    """Says that a step is skipped, and writes it into metrics.jsonl.

    Args:
        bad: The step.
        path: The file; None: another process writes it.
        say: Hears of it.
    """
    if path is not None:
        known = {"loss_was": str(bad.loss), "grad_norm_was": str(bad.norm), "examples": few(bad.examples), "num_bad_steps": bad.number}
        append_jsonl(path, {"event": EVENT, "step": bad.step, **known})
    say(f"skipped: {bad.what}; examples: {few(bad.examples)}")


def check_count(bad: BadStep, most: int) -> None:
    """Stops a run that has too many bad steps.

    Raises:
        ModelError: It has.
    """
    if bad.number > most:
        raise ModelError(
            bad.what,
            where=f"examples: {few(bad.examples)}",
            expected=f"at most {most} such steps (train.max_bad_steps), and this is number {bad.number}; metrics.jsonl has the others",
            remedy="train.learning_rate=... (smaller), train.precision=fp32, or look at those examples: didact show TASK",
        )
