"""Self-chat: conversations about a topic, written by one model in one piece, or played turn by turn by a person and an assistant."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from didact.base.config import Section
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Chain, Failed, Program, Sampling
from didact.synth.fates import Fate, asked, lost, outcome_of, slots, starting_rows
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Row
from didact.synth.transcripts import AI, Turn, parse_transcript, parse_user_turn, written
from didact.synth.wordings import wordings

Count = Annotated[int, Field(ge=1)]


class SelfChatSettings(Section):
    """What self-chat can be told."""

    form: Literal["transcript", "turns"] = "transcript"
    """transcript: one request for a whole conversation; turns: a request for each thing that is said, where the assistant sees a clean
    conversation and nothing of the game."""
    least_turns: Count = 1
    """A conversation with fewer answers is dropped."""
    most_turns: Count = 4
    """Answers at most."""
    max_tokens: Count = 2048
    """A transcript, or one turn, is cut after so many tokens."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Of everything that is said."""


def self_chat(job: Job) -> Program:
    """Returns the program: for each row of the source, or seed task, a conversation that begins with what it asks.

    Source: Xu et al. (2023), Baize, arXiv 2304.01196, section 3: transcripts, and turns in its second version.
    """
    settings = settings_of(job, SelfChatSettings)
    places = slots(starting_rows(job), job.num_rows, job.seed, "self_chat")
    chat = _played if settings.form == "turns" else _told
    ended = yield {key: chat(job, settings, key, row, draw) for key, row, draw in places}
    return outcome_of(ended.values())


def _told(job: Job, settings: SelfChatSettings, key: str, start: Row, draw: int) -> Chain:
    """Returns a conversation that was written in one piece."""
    wording = wordings("self_chat")["transcript"]
    said = wording.format(topic=asked(start), least=settings.least_turns, most=settings.most_turns)
    row = _row(key, start, wording)
    reply = yield Ask("chat", (Message("user", said),), sampling=_sampling(settings), sample=draw)
    if isinstance(reply, Failed):
        return lost(row, reply)
    turns, ending = parse_transcript(reply.text, reply.finish, strict=job.strict)
    return _ended(settings, replace(row, model=reply.model), turns, ending)


def _played(job: Job, settings: SelfChatSettings, key: str, start: Row, draw: int) -> Chain:
    """Returns a conversation that was played turn by turn; the person's first words are the topic."""
    wording = wordings("self_chat")["user"]
    row, turns, says = _row(key, start, wording), list[Turn](), asked(start)
    while True:
        reply = yield Ask("assistant", (*_messages(turns), Message("user", says)), sampling=_sampling(settings), sample=draw)
        if isinstance(reply, Failed):
            return lost(replace(row, messages=_messages(turns)), reply)
        row = replace(row, model=reply.model)
        if reply.finish == "length" or not reply.text.strip():
            return _ended(settings, row, turns, "cut off" if reply.finish == "length" else "somebody says nothing")
        turns.append((says, reply.text.strip()))
        if len(turns) == settings.most_turns:
            return _ended(settings, row, turns, "")
        text = wording.format(transcript=written(turns))
        heard = yield Ask("user", (Message("user", text),), sampling=replace(_sampling(settings), stop=(AI,)), sample=draw)
        if isinstance(heard, Failed):
            return lost(replace(row, messages=_messages(turns)), heard)
        says, goes_on = parse_user_turn(heard.text, heard.finish)
        if not goes_on:
            return _ended(settings, row, turns, "")


def _ended(settings: SelfChatSettings, row: Row, turns: list[Turn], ending: str) -> Fate:
    """Returns the conversation so far as it is one, unless that is too short."""
    turns = turns[: settings.most_turns]
    row = replace(row, messages=_messages(turns), about={**row.about, "num_turns": len(turns), **({"ending": ending} if ending else {})})
    if len(turns) >= settings.least_turns:
        first, last = turns[0][0], turns[-1][1]
        return replace(row, about={**row.about, "instruction": first, "input": "", "output": last})
    return Dropped(row, ending or f"fewer than {settings.least_turns} turns")


def _row(key: str, start: Row, wording: str) -> Row:
    return Row(f"{key}/chat", (), (start.id,), "self_chat", fingerprint(wording), about={"topic": asked(start)})


def _messages(turns: list[Turn]) -> tuple[Message, ...]:
    return tuple(message for asks, answers in turns for message in (Message("user", asks), Message("assistant", answers)))


def _sampling(settings: SelfChatSettings) -> Sampling:
    return Sampling(settings.temperature, max_tokens=settings.max_tokens)
