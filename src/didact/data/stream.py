"""From draws to optimiser steps, window by window: the part of the path that decides what is trained, and when.

A window is a run of draws that is rendered, tokenised and put into rows at once. Every window can be made without the ones
before it, so a resumed run continues where it stopped, and every process makes the same one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from didact.base.errors import TemplateError
from didact.base.recipe import Sequence as SequenceSection
from didact.base.types import Conversation
from didact.data.audit import Audit
from didact.data.batches import Row, rows, steps
from didact.data.mixture import Draw, Mixture
from didact.data.tokens import TokenisedExample, Tokeniser, TokenReport

WINDOW = 20_000
"""Draws in a window: large enough to pack well, small enough to hold in memory."""


@dataclass(frozen=True)
class Window:
    """The optimiser steps of one window."""

    number: int
    steps: tuple[tuple[Row, ...], ...]


@dataclass
class Forecast:
    """What a run will do, found out by making its windows once."""

    audit: Audit
    num_steps: int = 0
    tokens: TokenReport = field(default_factory=TokenReport)


class TrainingStream:
    """The optimiser steps of a run, in order.

    Args:
        mixture: Which examples are drawn.
        render: Words one draw.
        tokeniser: Turns conversations into tokens.
        section: The recipe's `sequence`.
        batch_tokens: Tokens of one optimiser step.
        epochs: Passes over the mixture; a part of one is allowed.
        window: Draws in a window.
    """

    def __init__(
        self,
        mixture: Mixture,
        render: Callable[[Draw], Conversation],
        tokeniser: Tokeniser,
        section: SequenceSection,
        batch_tokens: int,
        epochs: float,
        window: int = WINDOW,
    ) -> None:
        self.mixture, self.tokeniser, self._render = mixture, tokeniser, render
        self._section, self._batch_tokens, self._epochs, self._size = section, batch_tokens, epochs, window
        self._held: Window | None = None
        """The window made last: most laptop runs have only one, and the forecast has made it already."""

    def spans(self) -> list[tuple[int, int, int]]:
        """Returns (epoch, first draw, last draw + 1) of every window, in order."""
        return [
            (epoch, first, min(first + self._size, count))
            for epoch, count in self.mixture.epochs(self._epochs)
            for first in range(0, count, self._size)
        ]

    def conversations(self, number: int, report: TokenReport | None = None) -> list[Conversation]:
        """Returns the draws of a window, worded; one that cannot be worded is left out and counted."""
        epoch, first, last = self.spans()[number]
        worded = []
        for draw in _epoch_draws(self.mixture, epoch)[first:last]:
            try:
                worded.append(self._render(draw))
            except TemplateError as error:
                if report is not None:
                    report.dropped[error.what] += 1
        return worded

    def window(self, number: int) -> Window | None:
        """Returns a window, or None behind the last one."""
        if number >= len(self.spans()):
            return None
        if self._held is None or self._held.number != number:
            self._held = self._make(number, self.tokeniser.tokenise(self.conversations(number), self._section.max_length))
        return self._held

    def _make(self, number: int, examples: Sequence[TokenisedExample | None]) -> Window:
        kept = [example for example in examples if example is not None]
        made = rows(kept, packed=self._section.pack, max_length=self._section.max_length, seed=self.mixture.seed, window=number)
        return Window(number, tuple(tuple(step) for step in steps(made, self._batch_tokens)))

    def forecast(self, audit: Audit, max_steps: int | None = None) -> Forecast:
        """Makes the windows until the run ends, and says what is in them.

        Args:
            audit: Gets every example.
            max_steps: Stop looking after this many optimiser steps.
        """
        result = Forecast(audit)
        for number in range(len(self.spans())):
            if max_steps is not None and result.num_steps >= max_steps:
                break
            conversations = self.conversations(number, result.tokens)
            examples = self.tokeniser.tokenise(conversations, self._section.max_length, result.tokens)
            for conversation, example in zip(conversations, examples, strict=True):
                if example is not None:
                    audit.add(conversation, example)
            self._held = self._make(number, examples)
            result.num_steps += len(self._held.steps)
        if max_steps is not None and result.num_steps > max_steps:
            result.num_steps = max_steps
        return result


@lru_cache(maxsize=1)
def _epoch_draws(mixture: Mixture, epoch: int) -> list[Draw]:
    return mixture.draws(epoch)
