"""From draws to optimiser steps, window by window: the part of the path that decides what is trained, and when.

A window is a run of draws that is rendered, tokenised and put into rows at once. Every window can be made without the ones
before it, so a resumed run continues where it stopped, and every process makes the same one.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from didact.base.chance import permutation
from didact.base.errors import TemplateError
from didact.base.files import fingerprint
from didact.base.recipe import Objective
from didact.base.recipe import Sequence as SequenceSection
from didact.base.types import Conversation, Origin
from didact.data.audit import Audit
from didact.data.batches import Row, rows, steps
from didact.data.draws import Draw, Draws
from didact.data.made import Made, chained, make
from didact.data.mixture import Mixture
from didact.data.objective_tokens import ObjectiveTokens
from didact.data.prepare import joined, prepare_window, stream_length, text_length
from didact.data.tokens import TokenisedExample, Tokeniser, TokenReport
from didact.data.window_cache import WindowCache
from didact.data.workers import Workers

WINDOW = 20_000
"""Draws in a window: large enough to pack well, small enough to hold in memory."""
CHUNK = 1000
"""Draws that are worded and tokenised at once, by one process."""


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
        objective: The recipe's section; None: causal.
        workers: Processes that share the work; None: this one does it.
        cache: Where tokenised windows are kept; a stream of one window keeps nothing.
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
        objective: Objective | None = None,
        workers: Workers | None = None,
        cache: WindowCache | None = None,
    ) -> None:
        self.mixture, self.tokeniser, self._render = mixture, tokeniser, render
        self._tokens = ObjectiveTokens(tokeniser, objective or Objective())
        self._section, self._batch_tokens, self._epochs, self._size = section, batch_tokens, epochs, window
        self._workers = workers
        self.cache = cache if len(self.spans()) > 1 else None
        self._held: Window | None = None
        """The window made last: most laptop runs have only one, and the forecast has made it already."""

    @property
    def max_length(self) -> int:
        """Tokens of the longest row."""
        return self._section.max_length

    def spans(self) -> list[tuple[int, int, int]]:
        """Returns (epoch, first draw, last draw + 1) of every window, in order."""
        return [
            (epoch, first, min(first + self._size, count))
            for epoch, count in self.mixture.epochs(self._epochs)
            for first in range(0, count, self._size)
        ]

    def conversations(self, number: int, report: TokenReport | None = None, most: int | None = None) -> list[Conversation]:
        """Returns the draws of a window, or the first `most` of them, worded; one that cannot be worded is left out and counted."""
        worded = list[Conversation]()
        for draw in self._draws(number):
            if len(worded) == most:
                break
            try:
                worded.append(self._render(draw))
            except TemplateError as error:
                if report is not None:
                    report.drop(error.what, Origin(draw.task, f"number {draw.index:,}"))
        return worded

    def window(self, number: int) -> Window | None:
        """Returns a window, or None behind the last one."""
        if number >= len(self.spans()):
            return None
        if self._held is None or self._held.number != number:
            self._held = self._steps(number, self._prepared(number, self._made(number, audited=False).examples))
        return self._held

    def _draws(self, number: int) -> Draws:
        epoch, first, last = self.spans()[number]
        return _epoch_draws(self.mixture, epoch)[first:last]

    def _made(self, number: int, audited: bool = True) -> Made:
        """Returns a window's draws worded and tokenised, from the cache where it has them; what goes into the cache is audited."""
        span = self.spans()[number]
        if self.cache is not None and (kept := self.cache.window(span)) is not None:
            return kept
        draws = self._draws(number)
        parts = [draws[start : start + CHUNK] for start in range(0, len(draws), CHUNK)]
        audited = audited or self.cache is not None
        done = self._workers.make(parts, audited) if self._workers is not None else (self._make(part, audited) for part in parts)
        made = chained(done, self.tokeniser)
        if self.cache is not None:
            self.cache.keep(span, made)
        return made

    def _make(self, draws: Draws, audited: bool) -> Made:
        longest = self._section.max_length, longest_text(self._section, self._tokens.objective)
        return make(draws, self._render, self.tokeniser, *longest, audited)

    def _prepared(self, number: int, examples: Sequence[TokenisedExample]) -> list[tuple[TokenisedExample, ...]]:
        """Returns what the objective makes of the examples, each of them by itself; rows of a stream belong to several."""
        longest, stream = self._section.max_length, self._section.stream
        if stream:
            examples = joined(examples, stream_length(self._tokens.objective, longest), number, self._tokens.objective)
        return prepare_window(examples, self._tokens, longest, self.mixture.seed, stream=stream)

    def _steps(self, number: int, prepared: Sequence[tuple[TokenisedExample, ...]]) -> Window:
        examples = [example for several in prepared for example in several]
        if len(examples) > len(prepared):  # neighbours are from one document: a step should not be
            examples = [examples[place] for place in permutation(len(examples), self.mixture.seed, "pairs", number)]
        made = rows(examples, packed=self._section.pack, max_length=self._section.max_length, seed=self.mixture.seed, window=number)
        return Window(number, tuple(tuple(step) for step in steps(made, self._batch_tokens)))

    def forecast(self, audit: Audit, max_steps: int | None = None) -> Forecast:
        """Makes the windows until the run ends, and says what is in them.

        Args:
            audit: Gets every example.
            max_steps: Stop looking after this many optimiser steps.
        """
        key = fingerprint(
            self._section.model_dump(mode="json", exclude={"workers", "cache"}),
            self._tokens.objective.model_dump(mode="json"),
            (self._batch_tokens, self._epochs, self._size, max_steps),
        )
        if self.cache is not None and (known := self.cache.forecast(key)) is not None:
            audit.add_counts(known["audit"])
            return Forecast(audit, known["num_steps"], TokenReport(**known["tokens"]))
        result, num_windows = Forecast(audit), 0
        for number in range(len(self.spans())):
            if max_steps is not None and result.num_steps >= max_steps:
                break
            made = self._made(number)
            result.tokens.add(made.report)
            audit.add_counts(made.audit)
            prepared = self._prepared(number, made.examples)
            self._look_at(made.examples, prepared, result)
            self._held = self._steps(number, prepared)
            result.num_steps += len(self._held.steps)
            num_windows += 1
        if max_steps is not None and result.num_steps > max_steps:
            result.num_steps = max_steps
        if self.cache is not None:
            found = {"num_windows": num_windows, "num_steps": result.num_steps, "tokens": result.tokens.to_dict()}
            self.cache.keep_forecast(key, {**found, "audit": audit.counts()})
        return result

    def _look_at(self, examples: Sequence[TokenisedExample], prepared: Sequence[tuple[TokenisedExample, ...]], result: Forecast) -> None:
        """Counts the rows that were made of every example, and what those had no room for."""
        alone = not self._section.stream
        for number, example in enumerate(examples if alone else ()):
            for row in prepared[number]:
                result.audit.count(row)
            if cut := sum(row.num_cut - example.num_cut for row in prepared[number]):
                result.tokens.cut(example.origin, cut, example=example)
        for several in () if alone else prepared:
            result.audit.count(several[0])


def longest_text(section: SequenceSection, objective: Objective) -> int:
    """Returns the tokens that a plain text may have."""
    return sys.maxsize if section.stream else text_length(objective, section.max_length)


@lru_cache(maxsize=1)
def _epoch_draws(mixture: Mixture, epoch: int) -> Draws:
    return mixture.draws(epoch)
