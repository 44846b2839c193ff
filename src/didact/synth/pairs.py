"""Preference pairs: a person's answer against the model's own (self-play), or two of the model's own as a judge ranks them."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp
from typing import Annotated

from pydantic import Field

from didact.base.config import Section
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Chain, Failed, Program, Reply, Sampling
from didact.synth.fates import Fate, answer_of, asked, lost, outcome_of, slots, starting_rows
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Row
from didact.synth.wordings import wordings


class SpinSettings(Section):
    """What self-play pairs can be told."""

    # Source: Chen et al. (2024), SPIN, arXiv 2401.01335, its code: temperature 1, top_p 1, 256 new tokens.
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Of the model's answers."""
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """An answer is cut after so many tokens."""
    keep_cut: bool = True
    """Keep answers that were cut, as the original does; false drops them."""


class JudgePairsSettings(Section):
    """What judged pairs can be told."""

    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of the two answers."""
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    """An answer is cut after so many tokens."""
    least_margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    """With token probabilities: the better answer's probability, over both orders, is above 0.5 by more than half of this."""


def spin_pairs(job: Job) -> Program:
    """Returns the program: for each row of the source, its own answer as chosen, and what the model writes as rejected.

    Each iteration is a recipe whose teacher is the model of the one before; training takes the pairs of the last two.

    Source: Chen et al. (2024), Self-Play Fine-Tuning, arXiv 2401.01335.
    """
    settings = settings_of(job, SpinSettings)
    places = slots(starting_rows(job), job.num_rows, job.seed, "spin_pairs")
    ended = yield {key: _played(settings, key, row, draw) for key, row, draw in places}
    return outcome_of(ended.values())


def judge_pairs(job: Job) -> Program:
    """Returns the program: two answers to what each row asks, judged in both orders; a pair on which the orders disagree is dropped.

    Source: that judges prefer a place, and both orders: Zheng et al. (2023), arXiv 2306.05685, section 3.3.
    """
    settings = settings_of(job, JudgePairsSettings)
    places = slots(starting_rows(job), job.num_rows, job.seed, "judge_pairs")
    ended = yield {key: _judged(settings, key, row, draw) for key, row, draw in places}
    return outcome_of(ended.values())


def parse_choice(reply: Reply) -> tuple[str, float] | None:
    """Returns which of two answers a judge prefers, A or B, and how probable that was; None where neither can be read.

    Args:
        reply: With the probabilities of its first token where the server tells them, else its text has to be the letter and nothing else.

    >>> parse_choice(Reply(" B.")), parse_choice(Reply("Both are good."))
    (('B', 1.0), None)
    >>> parse_choice(Reply("A", top_logprobs=({"A": -0.22314355, "B": -1.60943791},)))[1].__round__(3)
    0.8
    """
    for place in reply.top_logprobs:
        mass = {"A": 0.0, "B": 0.0}
        for token, logprob in place.items():
            bare = token.strip(" ▁ĠĊ\n*([")
            if bare in mass:
                mass[bare] += exp(logprob)
        if sum(mass.values()) >= 0.5:
            best = "A" if mass["A"] >= mass["B"] else "B"
            return best, mass[best] / sum(mass.values())
    if reply.top_logprobs:
        return None
    bare = reply.text.strip().strip("*.()[]\"' ").removeprefix("Answer ")
    return (bare, 1.0) if bare in ("A", "B") else None


def _played(settings: SpinSettings, key: str, start: Row, draw: int) -> Chain:
    prompt, chosen = _prompt(start), _chosen(start)
    row = _row(key, start, "spin")
    if not chosen:
        return Dropped(row, "no answer to play against")
    reply = yield Ask("play", prompt, sampling=Sampling(settings.temperature, max_tokens=settings.max_tokens), sample=draw)
    if isinstance(reply, Failed):
        return lost(row, reply)
    fate = _pair(replace(row, model=reply.model), prompt, chosen, reply.text.strip())
    if isinstance(fate, Row) and reply.finish == "length" and not settings.keep_cut:
        return Dropped(fate, "cut off")
    return fate


def _judged(settings: JudgePairsSettings, key: str, start: Row, draw: int) -> Chain:
    prompt, row = _prompt(start), _row(key, start, "judge")
    answers = list[str]()
    for number in range(2):
        sampling = Sampling(settings.temperature, max_tokens=settings.max_tokens)
        reply = yield Ask("answer", prompt, sampling=sampling, sample=2 * draw + number)
        if isinstance(reply, Failed):
            return lost(row, reply)
        row = replace(row, model=reply.model, about={**row.about, "answers": [*answers, reply.text.strip()]})
        if reply.finish == "length" or not reply.text.strip():
            return Dropped(row, "cut off" if reply.finish == "length" else "an empty answer")
        answers.append(reply.text.strip())
    if _plain(answers[0]) == _plain(answers[1]):
        return Dropped(row, "both answers are the same")
    wins = list[float]()
    for first, second in ((0, 1), (1, 0)):
        text = wordings("pairs")["judge"].format(prompt=_written(prompt), first=answers[first], second=answers[second])
        verdict = yield Ask("judge", (Message("user", text),), sampling=Sampling(max_tokens=4, top_logprobs=20))
        if isinstance(verdict, Failed):
            return lost(row, verdict)
        choice = parse_choice(verdict)
        if choice is None:
            return Dropped(row, "verdict cannot be read")
        wins.append(choice[1] if (choice[0] == "A") == (first == 0) else 1 - choice[1])
    if (wins[0] > 0.5) != (wins[1] > 0.5):
        return Dropped(row, "the judge prefers a place")
    share = sum(wins) / 2
    best = 0 if share > 0.5 else 1
    row = replace(row, scores={"preference": round(max(share, 1 - share), 6)}, about={k: v for k, v in row.about.items() if k != "answers"})
    fate = _pair(row, prompt, answers[best], answers[1 - best])
    if isinstance(fate, Row) and abs(2 * share - 1) < settings.least_margin:
        return Dropped(fate, "no clear preference")
    return fate


def _pair(row: Row, prompt: Sequence[Message], chosen: str, rejected: str) -> Fate:
    """Returns a pair: the conversation ends in the chosen answer, and `about` has both."""
    about = {**row.about, "output": chosen, "chosen": chosen, "rejected": rejected}
    row = replace(row, messages=(*prompt, Message("assistant", chosen)), about=about)
    if not rejected:
        return Dropped(row, "an empty answer")
    return Dropped(row, "both answers are the same") if _plain(chosen) == _plain(rejected) else row


def _row(key: str, start: Row, operation: str) -> Row:
    hashed = fingerprint(wordings("pairs")["judge"]) if operation == "judge" else ""
    about = {"instruction": asked(start), "input": ""}
    return Row(f"{key}/{operation}", _prompt(start), (start.id,), operation, hashed, about=about)


def _prompt(row: Row) -> tuple[Message, ...]:
    """Returns what stands before a row's last answer."""
    turns = row.messages or (Message("user", asked(row)),)
    if turns[-1].role == "assistant":
        turns = turns[:-1]
    return tuple(turns)


def _chosen(row: Row) -> str:
    return (row.messages[-1].content if row.messages and row.messages[-1].role == "assistant" else answer_of(row)).strip()


def _written(prompt: Sequence[Message]) -> str:
    if len(prompt) == 1:
        return prompt[0].content
    return "\n".join(f"{message.role}: {message.content}" for message in prompt)


def _plain(text: str) -> str:
    return " ".join(text.split())
