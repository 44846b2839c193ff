"""Guardrail sets: messages about topics that are welcome and topics that are not, with answers and refusals, from a list of topics."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from didact.base.config import Section
from didact.base.errors import RecipeError
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Chain, Failed, Program, Reply, Sampling
from didact.synth.direct import once
from didact.synth.evolve_rules import answer_fault
from didact.synth.fates import Fate, lost, outcome_of
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Row
from didact.synth.self_instruct_replies import parse_instructions
from didact.synth.wordings import wordings

Count = Annotated[int, Field(ge=1)]
Topic = Annotated[str, Field(min_length=1)]
_LABELS = {"allowed": "allowed", "near": "allowed", "refused": "refused", "hidden": "refused"}
"""What becomes of a message of each kind."""


class GuardrailSettings(Section):
    """What a guardrail set can be told."""

    allowed: tuple[Topic, ...] = ()
    """Topics that are answered."""
    refused: tuple[Topic, ...] = ()
    """Topics that are not."""
    hidden: bool = True
    """Also messages that wrap up a refused topic; they are refused."""
    near: bool = True
    """Also messages that only sound like a refused topic; they are answered, so that a model does not learn to refuse words."""
    per_request: Count = 10
    """Messages that one request asks for."""
    check: bool = True
    """Ask of every message whether it is about its topic, and drop those where that does not agree with their kind."""
    answer: Literal["reply", "label"] = "reply"
    """reply: rows end in an answer or in `refusal`; label: in the word allowed or refused."""
    refusal: str = "I cannot help with that. Is there anything else that I can do for you?"
    """What a refused message is answered."""
    system: str = ""
    """The system message of all rows; empty: none."""
    max_tokens: Count = 1024
    """A list of messages, or an answer, is cut after so many tokens."""


def guardrail(job: Job) -> Program:
    """Returns the program: messages of each kind in equal numbers, their check, and an answer to those that may have one.

    Source: the kinds are ours; that harmless look-alikes belong in such a set: Röttger et al. (2023), XSTest, arXiv 2308.01263.
    """
    settings = settings_of(job, GuardrailSettings)
    cells = _cells(settings)
    wanted = {f"{kind}:{topic}": job.num_rows // len(cells) + (n < job.num_rows % len(cells)) for n, (kind, topic) in enumerate(cells)}
    asks = dict[str, Ask]()
    for kind, topic in cells:
        for batch in range(-(-wanted[f"{kind}:{topic}"] // settings.per_request)):
            asks[f"{kind}:{topic}:{batch}"] = _messages_ask(settings, kind, topic, batch)
    replies = yield {name: once(ask) for name, ask in asks.items()}
    fates, found, seen, room = list[Fate](), dict[str, Row](), set[str](), Counter(wanted)
    for name, reply in replies.items():
        cell = name.rpartition(":")[0]
        for fate in _messages(name, cell, reply):
            if isinstance(fate, Dropped):
                fates.append(fate)
                continue
            said = " ".join(str(fate.about["instruction"]).lower().split())
            if said in seen or not room[cell]:
                fates.append(Dropped(fate, "message twice" if said in seen else "more rows than wanted"))
            else:
                found[fate.id] = fate
                room[cell] -= 1
            seen.add(said)
    ended = yield {name: _answered(settings, row) for name, row in found.items()}
    return outcome_of([*fates, *ended.values()])


def says_yes_or_no(text: str) -> bool | None:
    """Returns whether a checker says yes; None where it says neither.

    >>> says_yes_or_no("**Yes**."), says_yes_or_no("no, it does not"), says_yes_or_no("Nobody knows.")
    (True, False, None)
    """
    word = re.match(r"\W*(yes|no)\b", text, re.IGNORECASE)
    return None if word is None else word[1].lower() == "yes"


def _cells(settings: GuardrailSettings) -> list[tuple[str, str]]:
    """Returns every kind with every topic that it is made for."""
    kinds = ["refused", *(["hidden"] if settings.hidden else []), *(["near"] if settings.near else [])]
    cells = [*(("allowed", topic) for topic in settings.allowed), *((kind, topic) for kind in kinds for topic in settings.refused)]
    if not cells:
        example = "settings: {allowed: [train times], refused: [medical advice]}"
        raise RecipeError("no topics", where="allowed, refused", expected="at least one", remedy=f"write {example}")
    both = sorted(set(settings.allowed) & set(settings.refused))
    if both or len(set(cells)) < len(cells):
        twice = both or sorted({topic for _, topic in cells if cells.count(("allowed", topic)) > 1 or cells.count(("refused", topic)) > 1})
        raise RecipeError(f"a topic stands twice: {', '.join(twice)}", where="allowed, refused", remedy="take one of them out")
    return cells


def _messages_ask(settings: GuardrailSettings, kind: str, topic: str, batch: int) -> Ask:
    said = wordings("topics")
    text = said["messages"].format(count=settings.per_request, kind=said["kinds"][kind], topic=topic)
    return Ask("messages", (Message("user", text),), sampling=Sampling(1.0, max_tokens=settings.max_tokens), sample=batch)


def _messages(name: str, cell: str, reply: Reply | Failed) -> Iterator[Fate]:
    """Yields the messages of one list, and what is refused of it."""
    kind, _, topic = cell.partition(":")
    hashed = fingerprint(wordings("topics")["messages"], wordings("topics")["kinds"][kind])
    row = Row(f"guardrail-{name}", operation=kind, prompt_hash=hashed, about={"kind": kind, "topic": topic, "label": _LABELS[kind]})
    if isinstance(reply, Failed):
        yield lost(row, reply)
        return
    whole, cut = parse_instructions(reply.text, reply.finish)
    if not whole and not cut:
        yield Dropped(row, "no message in the reply")
    for number, text in enumerate([*whole, *cut]):
        about = {**row.about, "instruction": text, "input": ""}
        made = Row(f"{row.id}.{number}", (Message("user", text),), (), kind, hashed, reply.model, about=about)
        yield made if number < len(whole) else Dropped(made, "cut off")


def _answered(settings: GuardrailSettings, row: Row) -> Chain:
    message, kind = str(row.about["instruction"]), row.about["kind"]
    system = (Message("system", settings.system),) if settings.system else ()
    if settings.check:
        text = wordings("topics")["is_about"].format(topic=row.about["topic"], message=message)
        verdict = yield Ask("check", (Message("user", text),), sampling=Sampling(max_tokens=8))
        if isinstance(verdict, Failed):
            return lost(row, verdict)
        about = says_yes_or_no(verdict.text)
        if about is None:
            return Dropped(row, "verdict cannot be read")
        if about != (kind != "near"):
            return Dropped(row, "about its topic, and should not be" if about else "not about its topic")
    answer = str(row.about["label"]) if settings.answer == "label" else settings.refusal
    if settings.answer == "reply" and row.about["label"] == "allowed":
        reply = yield Ask("answer", (*system, Message("user", message)), sampling=Sampling(max_tokens=settings.max_tokens))
        if isinstance(reply, Failed):
            return lost(row, reply)
        answer = reply.text.strip()
        if fault := answer_fault(answer, message, reply.finish):
            return Dropped(row, fault)
    turns = (*system, Message("user", message), Message("assistant", answer))
    return Row(row.id, turns, (), row.operation, row.prompt_hash, row.model, about={**row.about, "output": answer})
