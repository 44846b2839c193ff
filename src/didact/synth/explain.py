"""Explanation tuning: queries answered under system messages that ask for explanations; and explanations of answers that are known.

A curriculum of two teachers is two recipes of one seed: the first answers all (`share: 1`), the second, stronger one a part of the
same queries (`share: 0.2`), drawn by identity. `didact train` then trains on the first one's rows, from there on the second one's.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Field

from didact.base.chance import rng
from didact.base.config import Section
from didact.base.errors import RecipeError, did_you_mean
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Chain, Failed, Program, Reply, Sampling
from didact.synth.evolve_rules import answer_fault
from didact.synth.fates import answer_of, asked, lost, outcome_of, starting_rows
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Row
from didact.synth.queries import Draw, draw_queries, in_share
from didact.synth.wordings import wordings

Count = Annotated[int, Field(ge=1)]
Number = Annotated[int, Field(ge=1, le=16)]
Weight = Annotated[float, Field(ge=0)]

_ANSWER = re.compile(r"(?mi)^[\s#*_>]*(?:final )?answer[\s*_]*:[\s*_]*")
_TOLD = re.compile(
    r"\b(?:as (?:given|stated|provided|told) (?:above|in the)|the (?:given|provided|known|stated) answer|(?:I was|we are|were) told)\b",
    re.IGNORECASE,
)


class ExplainSettings(Section):
    """What explanation tuning can be told."""

    collections: dict[str, str] = Field(default={})
    """Which collection a task is of, by patterns of task names, the first that fits: `{"cot/*": cot, "t0/*": t0}`, one of cot, niv2, t0,
    flan2021 and all. It decides which system messages are drawn; `all` for tasks that no pattern fits."""
    weights: dict[Number, Weight] = Field(default={})
    """How often a system message is drawn beside the others of its collection, by number; 1 where nothing is said."""
    strategies: dict[str, Number] = Field(default={})
    """The number of the one system message of a task, by patterns of task names: it is not drawn."""
    erase: bool = False
    """True: kept rows have `instead` in the place of the system message under which they were answered."""
    instead: str = ""
    """The system message of all kept rows when theirs is erased; empty: they have none."""
    draw: Draw = "rows"
    """rows: any; per_task: an equal number of each task; tasks: task by task, until enough are drawn."""
    most_per_task: Count | None = None
    """Rows of one task that take part in the draw; null: all."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the drawn rows that is answered; a smaller one is a part of a larger one with the same seed."""
    keep: Literal["all", "consistent"] = "all"
    """consistent: where the source has an answer, the teacher is asked whether its own comes to the same; a row is dropped if not."""
    max_tokens: Count = 1024
    """An answer is cut after so many tokens."""
    temperature: Weight = 0.0
    """Of answers."""


class ExplainAnswersSettings(Section):
    """What the explanation of known answers can be told."""

    mark: str = "Answer: "
    """What stands before the answer in the last line of kept rows; empty: the explanation ends without the answer's line."""
    max_tokens: Count = 1024
    """An explanation is cut after so many tokens."""
    temperature: Weight = 0.0
    """Of explanations."""


def explain(job: Job) -> Program:
    """Returns the program: each query is answered under a system message that is drawn from those of its collection.

    Source: Mukherjee et al. (2023), Orca, arXiv 2306.02707, section 3; prompt erasing: Mitra et al. (2023), Orca 2, arXiv 2311.11045; the
    check against known answers: SlimOrca.
    """
    settings = settings_of(job, ExplainSettings)
    known = tuple(wordings("explain")["collections"])
    for name in settings.collections.values():
        if name not in known:
            raise RecipeError(f"no collection named '{name}'", where="collections", expected=did_you_mean(name, known), remedy="rename it")
    rows = draw_queries(starting_rows(job), job.num_rows, job.seed, settings.draw, settings.most_per_task)
    ended = yield {row.id: _explained(job, settings, row) for row in rows if in_share(row.id, job.seed, settings.share)}
    return outcome_of(ended.values())


def explain_answers(job: Job) -> Program:
    """Returns the program: for each row whose answer is known, how one gets there; kept where the explanation ends in that answer.

    Source: Zelikman et al. (2022), STaR, arXiv 2203.14465: reasons asked for with the answer as a hint, and trained on without it.
    """
    settings = settings_of(job, ExplainAnswersSettings)
    rows = draw_queries(starting_rows(job), job.num_rows, job.seed)
    ended = yield {row.id: _known(settings, row) for row in rows}
    return outcome_of(ended.values())


def collection_of(task: str, patterns: Mapping[str, str]) -> str:
    """Returns the collection of a task: that of the first pattern that fits its name, else `all`.

    >>> collection_of("t0/web_questions", {"cot/*": "cot", "t0/*": "t0"}), collection_of("mine", {})
    ('t0', 'all')
    """
    return next((name for pattern, name in patterns.items() if fnmatchcase(task, pattern)), "all")


def message_weights(collection: str, multiple_choice: bool, weights: Mapping[int, float]) -> dict[int, float]:
    """Returns which system messages go with a query, by number, and how often each is drawn beside the others.

    Args:
        collection: One of cot, niv2, t0, flan2021 and all.
        multiple_choice: Whether the query offers choices: some messages speak of them.
        weights: Other weights than 1.

    Source: Mukherjee et al. (2023), arXiv 2306.02707, figure 6, as open re-implementations have it.

    >>> message_weights("flan2021", True, {4: 0.5, 7: 0})
    {3: 1.0, 4: 0.5, 8: 1.0, 10: 1.0}
    """
    said = wordings("explain")
    numbers = [*said["collections"][collection], *(said["multiple_choice"].get(collection, []) if multiple_choice else [])]
    return {number: float(weights.get(number, 1.0)) for number in numbers if weights.get(number, 1.0) > 0}


def parse_explanation(text: str, known: str, finish: str = "stop") -> tuple[str, str]:
    r"""Returns the reasons in an explanation of a known answer, and why it cannot be used: empty where it can.

    Args:
        text: The reply: reasons, then a line `Answer: ...`.
        known: The answer that it has to end in.
        finish: Why it ended.

    >>> parse_explanation("Two and two are four.\n**Answer:** 4.", "4")
    ('Two and two are four.', '')
    >>> parse_explanation("So it is 5.\nAnswer: 5", "4")[1], parse_explanation("It is four.", "4")[1]
    ('comes to another answer', 'no answer at its end')
    """
    marks = list(_ANSWER.finditer(text))
    reasons, answer = (text[: marks[-1].start()].strip(), text[marks[-1].end() :]) if marks else (text.strip(), "")
    if finish == "length":
        return reasons, "cut off"
    if not marks:
        return reasons, "no answer at its end"
    if _plain(answer) != _plain(known):
        return reasons, "comes to another answer"
    if not reasons:
        return reasons, "no reasons"
    told = _TOLD.search(reasons)
    return reasons, "speaks of the answer that it was told" if told else ""


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("*_`\"'.").casefold().split())


def _explained(job: Job, settings: ExplainSettings, row: Row) -> Chain:
    task, said = str(row.about.get("task", "")), wordings("explain")
    number = next((number for pattern, number in settings.strategies.items() if fnmatchcase(task, pattern)), None)
    if number is None:
        weights = message_weights(collection_of(task, settings.collections), bool(row.about.get("choices")), settings.weights)
        if not weights:
            where, remedy = "weights", "give one of its messages a weight above 0"
            raise RecipeError(f"every system message of the task '{task}' has weight 0", where=where, remedy=remedy)
        number = rng(job.seed, "synth", "explain", row.id).choices(list(weights), list(weights.values()))[0]
    system, question = str(said["messages"][str(number)]), asked(row)
    turns = (*([Message("system", system)] if system else []), Message("user", question))
    reply = yield Ask("answer", turns, sampling=Sampling(settings.temperature, max_tokens=settings.max_tokens))
    about = {**row.about, "instruction": question, "input": "", "known": answer_of(row), "message": number}
    if isinstance(reply, Failed):
        return lost(Row(f"{row.id}/{number}", parents=(row.id,), operation=f"message {number}", about=about), reply)
    shown = settings.instead if settings.erase else system
    made = _made(row, f"/{number}", f"message {number}", shown, question, reply.text.strip(), reply, {**about, "system": system})
    if fault := answer_fault(reply.text, question, reply.finish):
        return Dropped(made, fault)
    if settings.keep == "all" or not answer_of(row):
        return made
    check = said["consistent"].format(question=question, known=answer_of(row), answer=reply.text.strip())
    verdict = yield Ask("check", (Message("user", check),), sampling=Sampling(max_tokens=8))
    if isinstance(verdict, Failed):
        return lost(made, verdict)
    word = re.match(r"\W*(yes|no)\b", verdict.text, re.IGNORECASE)
    if word is None:
        return Dropped(made, "verdict cannot be read")
    return made if word[1].lower() == "yes" else Dropped(made, "not consistent with the known answer")


def _known(settings: ExplainAnswersSettings, row: Row) -> Chain:
    question, answer = asked(row), answer_of(row)
    about: dict[str, Any] = {**row.about, "instruction": question, "input": "", "known": answer}
    wording = str(wordings("explain")["known_answer"])
    if not answer:
        return Dropped(Row(f"{row.id}/explained", parents=(row.id,), operation="explain", about=about), "no known answer")
    said = (Message("user", wording.format(question=question, answer=answer)),)
    reply = yield Ask("explain", said, sampling=Sampling(settings.temperature, max_tokens=settings.max_tokens))
    if isinstance(reply, Failed):
        return lost(Row(f"{row.id}/explained", parents=(row.id,), operation="explain", about=about), reply)
    reasons, fault = parse_explanation(reply.text, answer, reply.finish)
    whole = f"{reasons}\n\n{settings.mark}{answer}" if settings.mark else reasons
    made = _made(row, "/explained", "explain", "", question, whole, reply, about, wording)
    return Dropped(made, fault) if fault else made


def _made(
    row: Row, ending: str, operation: str, system: str, question: str, answer: str, reply: Reply, about: dict[str, Any], wording: str = ""
) -> Row:
    turns = (*([Message("system", system)] if system else []), Message("user", question), Message("assistant", answer))
    hashed = fingerprint(wording or about.get("system", ""))
    return Row(row.id + ending, turns, (row.id,), operation, hashed, reply.model, about={**about, "output": answer})
