"""Which λp / λr to train with, decided from short runs: the smallest one that the noise cannot tell from the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

from didact.base.text_table import table


@dataclass(frozen=True, slots=True)
class Trial:
    """One short run, judged on the validation tasks; every task counts the same."""

    ratio: float
    """λp / λr."""
    seed: int
    """Number of the replicate, from 0: all ratios of one number see the same rows in the same order, from the same first weights."""
    nats: float
    """Mean nats per response token; smaller is better."""
    score: float
    """The recipe's first metric of rows, 0 to 100; larger is better."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why."""

    ratio: float
    prompt_weight: float
    """λp: the ratio times `objective.response_weight`."""
    reason: str
    metric: str
    noise_nats: float
    """Standard deviation between runs of one ratio, pooled over the ratios."""
    noise_score: float
    rows: tuple[dict[str, Any], ...]
    """One for each ratio: means over its runs, and whether they are within the noise of the best."""
    trials: tuple[Trial, ...]
    tasks: tuple[str, ...] = ()
    """The validation tasks."""

    def lines(self) -> list[str]:
        """Returns the table and the reason, for people."""
        shown = [
            {
                "λp / λr": f"{row['ratio']:g}",
                "nats per response token": f"{row['nats']:.4f}{' ' if row['near_nats'] else '-'}",
                self.metric: f"{row['score']:.2f}{' ' if row['near_score'] else '-'}",
                "": "chosen" if row["ratio"] == self.ratio else "",
            }
            for row in self.rows
        ]
        noise = {"λp / λr": "noise", "nats per response token": f"{self.noise_nats:.4f}", self.metric: f"{self.noise_score:.2f}", "": ""}
        columns = ("λp / λr", "nats per response token", self.metric, "")
        what = f"objective.prompt_weight, chosen on {len(self.tasks)} validation tasks; - is farther from the best than the noise"
        return [what, *table([*shown, noise], columns).splitlines(), f"objective.prompt_weight={self.prompt_weight:g}: {self.reason}"]


def decide(trials: Sequence[Trial], response_weight: float = 1.0, metric: str = "", tasks: Sequence[str] = ()) -> Choice:
    """Returns the smallest ratio whose means are within the noise of the best, in nats and in the metric.

    The best of several means is in part the luckiest of them, so a larger ratio has to win by more than two runs of one ratio differ.
    The smallest is taken because conventional tuning, λp = 0, is what others compare with. Where no ratio is near the best in both, nats
    decide: they tell small differences from fewer rows. Under AdamW the scale of the loss cancels, so that runs of one ratio are reruns,
    whatever their weights are.

    Args:
        trials: At least two for each ratio.
        response_weight: λr.
        metric: What the scores are called.
        tasks: The validation tasks, by name.

    Source: selection on other tasks than those reported, and the spread of reruns as the yardstick: a re-analysis of the grids of
    arXiv 2507.07817; the rule of the simplest within the noise: Breiman et al. 1984, Classification and Regression Trees, section 3.4.3.

    >>> runs = {0: (2.02, 2.00), 0.1: (1.99, 2.01), 1: (2.50, 2.52)}
    >>> choice = decide([Trial(ratio, seed, nats, 50.0) for ratio, both in runs.items() for seed, nats in enumerate(both)])
    >>> choice.ratio, round(choice.noise_nats, 4)  # each pair differs by 0.02: its variance is 0.0002
    (0, 0.0141)
    """
    ratios = sorted({trial.ratio for trial in trials})
    of = {ratio: [trial for trial in trials if trial.ratio == ratio] for ratio in ratios}
    nats = {ratio: fmean(trial.nats for trial in of[ratio]) for ratio in ratios}
    scores = {ratio: fmean(trial.score for trial in of[ratio]) for ratio in ratios}
    noise_nats = math.sqrt(fmean(variance([trial.nats for trial in of[ratio]]) for ratio in ratios))
    noise_score = math.sqrt(fmean(variance([trial.score for trial in of[ratio]]) for ratio in ratios))
    slack = 1e-9  # means of equal numbers differ in their last digit
    near_nats = {ratio for ratio in ratios if nats[ratio] <= min(nats.values()) + noise_nats + slack}
    near_score = {ratio for ratio in ratios if scores[ratio] >= max(scores.values()) - noise_score - slack}
    both = near_nats & near_score
    ratio = min(both or near_nats)
    best = min(ratios, key=lambda one: (nats[one], one))
    if not both:
        reason = f"no ratio is near the best in both; {ratio:g} is the smallest whose nats are within the noise of the best ({best:g})"
    elif ratio == best and len(both) == 1:
        reason = f"{ratio:g} is the best by more than the noise"
    else:
        reason = f"{ratio:g} is the smallest ratio that the noise does not tell from the best ({best:g} in nats)"
    rows = [
        {"ratio": one, "nats": nats[one], "score": scores[one], "near_nats": one in near_nats, "near_score": one in near_score}
        for one in ratios
    ]
    return Choice(ratio, ratio * response_weight, reason, metric, noise_nats, noise_score, tuple(rows), tuple(trials), tuple(tasks))
