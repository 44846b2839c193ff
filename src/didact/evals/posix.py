"""POSIX: how much a model's own answers lose or gain in likelihood when a prompt is said in other words.

Of N wordings of one request, y_j is what the model answers to the j-th and L(y_j) its number of tokens:

    psi = 1 / (N (N - 1)) * sum over i, j of |log P(y_j | x_i) - log P(y_j | x_j)| / L(y_j)

and POSIX is the mean of psi over sets of prompts, in nats per token; lower is steadier. Answers are without the token that ends a turn.
A wording to which the model answers nothing has no likelihood for each token: it is left out of its set, and counted.

Source: Chatterjee et al. 2024, POSIX, arXiv 2410.02185, section 3.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from didact.base.errors import DataError
from didact.evals.entries import plain
from didact.evals.intervals import ANY, Floats, bootstrap
from didact.evals.unseen import Question
from didact.models.likelihoods import likelihoods
from didact.models.local import LocalModel


@dataclass(frozen=True)
class PromptSet:
    """One row in N wordings, and how likely every answer is behind every wording; what psi is computed from."""

    task: str
    example: str
    templates: tuple[str, ...]
    """The wordings that were answered."""
    answers: tuple[str, ...]
    """What the model wrote to each."""
    logprobs: tuple[tuple[float, ...], ...]
    """(N, N): row i, column j is log P(y_j | x_i) in nats, summed over tokens."""
    lengths: tuple[int, ...]
    """Tokens of each answer."""
    num_empty: int = 0
    """Wordings to which the model answered nothing."""


def psi(logprobs: Sequence[Sequence[float]] | Floats, lengths: Sequence[int]) -> float:
    """Returns the sensitivity of one set of prompts, in nats per token.

    Args:
        logprobs: (N, N): row i, column j is log P(y_j | x_i), summed over the tokens of y_j.
        lengths: Tokens of each answer y_j.

    Raises:
        DataError: Fewer than two wordings, a table that is not square, an answer of no tokens, or a number that is not finite.

    y_1 of 2 tokens loses 1 nat behind x_2, y_2 of 4 tokens loses 6 behind x_1: (1/2 + 6/4) / 2 = 1.

    >>> psi([[-2.0, -7.0], [-3.0, -1.0]], [2, 4])
    1.0
    """
    table, tokens = np.asarray(logprobs, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.shape[1:] != tokens.shape:
        raise DataError(
            f"a table of shape {table.shape} and {len(tokens)} lengths", expected="(N, N) and N: every answer behind every prompt"
        )
    if len(tokens) < 2:
        raise DataError("psi of one wording", expected="two or more", remedy="evaluate.templates=all")
    if not np.isfinite(table).all() or (tokens <= 0).any():
        raise DataError("an answer without tokens or without a likelihood", expected="finite log-probabilities of one token or more")
    lost = np.abs(table - np.diag(table)) / tokens
    return float(lost.sum() / (len(tokens) * (len(tokens) - 1)))


def posix(tuned: Sequence[PromptSet], base: Sequence[PromptSet] | None = None, *, resamples: int, seed: int) -> dict[str, Any]:
    """Returns POSIX of one model or two, ready for JSON: the mean over sets, and over tasks of the means of their sets.

    Args:
        tuned: From `ask`.
        base: What the base model answered to the same prompts; sets in which either has fewer than two answers are left out for both.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.

    Returns:
        `num_sets`, `num_left_out`, `num_empty` (wordings without an answer, by model), `overall`, `macro` and `tasks`, each with `tuned`
        and, with `base`, `base` and `difference`; `overall` counts sets alike, `macro` tasks.

    Raises:
        DataError: No set has two answers, or one set is there twice.

    >>> same = PromptSet("t", "1", ("a", "b"), ("yes", "yes"), ((-1.0, -1.0), (-1.0, -1.0)), (1, 1))
    >>> posix([same], resamples=100, seed=0)["overall"]["tuned"]["value"]
    0.0
    """
    models = {"tuned": _by_row(tuned), **({"base": _by_row(base)} if base is not None else {})}
    rows = sorted(set.union(*(set(sets) for sets in models.values())))
    kept = [row for row in rows if all(row in sets and len(sets[row].lengths) > 1 for sets in models.values())]
    if not kept:
        raise DataError("no row has two answered wordings", remedy="evaluate.templates=all")
    values = {model: np.array([psi(sets[row].logprobs, sets[row].lengths) for row in kept]) for model, sets in sorted(models.items())}
    if base is not None:
        values["difference"] = values["tuned"] - values["base"]
    tasks = [task for task, _ in kept]

    def entry(chosen: list[int], balanced: bool = False) -> dict[str, Any]:
        groups = [tasks[place] for place in chosen]
        several = groups if len(set(groups)) > 1 else None
        settings: dict[str, Any] = {"resamples": resamples, "seed": seed, "balanced": balanced}
        found = {
            name: bootstrap(of[chosen], groups=several, bounds=ANY if name == "difference" else (0.0, math.inf), **settings)
            for name, of in values.items()
        }
        return {"num_sets": len(chosen), **{model: plain(interval) for model, interval in found.items()}}

    everything = list(range(len(kept)))
    return {
        "num_sets": len(kept),
        "num_left_out": len(rows) - len(kept),
        "num_empty": {model: sum(one.num_empty for one in sets.values()) for model, sets in sorted(models.items())},
        "overall": entry(everything),
        "macro": entry(everything, balanced=True),
        "tasks": {task: entry([place for place in everything if tasks[place] == task]) for task in sorted(set(tasks))},
    }


def ask(
    model: LocalModel,
    asked: Sequence[Question],
    *,
    max_new_tokens: int,
    batch_tokens: int = 16_384,
    stops: Sequence[str] = (),
    done: Callable[[int], None] = lambda _: None,
) -> list[PromptSet]:
    """Returns, for each row, a model's own greedy answers to all its wordings, and how likely each is behind each wording.

    Only templates as they are count as the same request in other words: in another order or style of the options, `(A)` means another
    option. A row with N of them costs N answers and N² likelihoods; answers that are the same are scored once, and those that the
    model has kept are taken.

    Args:
        model: What is asked.
        asked: Rows in many wordings, in any order.
        max_new_tokens: An answer is cut after so many tokens.
        batch_tokens: Most tokens of a batch.
        stops: As for `LocalModel.generate`.
        done: Called with the number of wordings that a batch has answered or scored; in the end it has heard of each twice.
    """
    plainly = [question for question in asked if not question.unanswered.wording]
    wrote = model.generate(
        [question.prompt for question in plainly], max_new_tokens=max_new_tokens, batch_tokens=batch_tokens, stops=stops, done=done
    )
    sets: dict[tuple[str, str], list[int]] = {}
    for place, question in enumerate(plainly):
        sets.setdefault((question.unanswered.task, question.unanswered.example), []).append(place)
    answered = {row: [place for place in places if wrote[place].ids] for row, places in sets.items()}
    prompts = [plainly[place].prompt for places in answered.values() for place in places]
    different = {row: list(dict.fromkeys(wrote[place].ids for place in places)) for row, places in answered.items()}
    behind = [[np.array(ids, np.int32) for ids in different[row]] for row, places in answered.items() for _ in places]
    found = iter(likelihoods(model, prompts, behind, batch_tokens=batch_tokens, done=done))
    made = []
    for (task, example), places in answered.items():
        column = [different[task, example].index(wrote[place].ids) for place in places]
        scored = [next(found) for _ in places]
        made.append(
            PromptSet(
                task=task,
                example=example,
                templates=tuple(plainly[place].unanswered.template for place in places),
                answers=tuple(wrote[place].text for place in places),
                logprobs=tuple(tuple(row[number].logprob for number in column) for row in scored),
                lengths=tuple(len(wrote[place].ids) for place in places),
                num_empty=len(sets[task, example]) - len(places),
            )
        )
    return made


def _by_row(sets: Sequence[PromptSet]) -> dict[tuple[str, str], PromptSet]:
    table: dict[tuple[str, str], PromptSet] = {}
    for one in sets:
        if (one.task, one.example) in table:
            raise DataError("a set of prompts is there twice", where=f"task {one.task}, example {one.example}")
        table[one.task, one.example] = one
    return table
