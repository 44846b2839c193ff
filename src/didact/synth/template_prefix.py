"""Template-prefix sampling, Magpie: a tuned model that sees only how a user's turn begins writes the turn itself, and then answers it."""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from didact.base.chance import rng, seed_of
from didact.base.config import Section
from didact.base.errors import RecipeError, did_you_mean
from didact.base.files import fingerprint
from didact.base.objective_sections import Count
from didact.base.types import Conversation, Message, Origin
from didact.prompts.chat_format import FORMATS
from didact.synth.ask import Ask, Failed, Program, Reply, Sampling
from didact.synth.direct import once
from didact.synth.fates import Fate, lost, outcome_of
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Row
from didact.synth.similar import SimilarPool
from didact.synth.waves import next_wave
from didact.synth.wordings import wordings


class TemplatePrefixSettings(Section):
    """What is written before a user's turn, and how turns are drawn."""

    chat_format: str = "chatml"
    """The teacher's own chat format: its header of a user's turn is all that the model sees. See `didact ls formats`."""
    system: str = ""
    """A system message before it that the teacher was tuned with, in place of those of `kinds`."""
    kinds: dict[str, Annotated[float, Field(ge=0)]] = Field(default={"general": 1.0})
    """How often each kind of system message is drawn: general (none), maths, code, translation, writing, planning."""
    num_turns: Count = 1
    """Turns of the user in each conversation."""
    wave: Count = 200
    """Most turns that are drawn before they are compared."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None = 0.7
    """A first turn is dropped when its ROUGE-L F1 with one that is kept is above it; null: only when it is the same."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """For the user's turns; answers are asked for at temperature 0."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """For the user's turns."""
    one_line: bool = False
    """True: a user's turn ends with its first line."""
    max_tokens: Count = 2048
    """A turn is cut, and the row dropped, after so many tokens."""
    patience: Count = 3
    """After so many waves without a new row nothing more is asked."""


# Source: Xu et al. (2024), Magpie, arXiv 2406.08464, and its code: stops at the word "assistant" and at the end of the line, and cuts at
# the first question mark. Its duplicates are found by embeddings, afterwards.
STRICT: dict[str, Any] = {"one_line": True, "threshold": None}
STRICT_STOP = "assistant"
_LABEL = re.compile(r"^\W*(?:task|question|instruction|prompt|query|user|q)\s*\d*\s*[:.)]\**\s*", re.IGNORECASE)
_ANSWER = re.compile(r"(?mi)^\W*(?:answer|assistant|solution|response|a)\s*\d*\s*:")


def template_prefix(job: Job) -> Program:
    """Returns the program: waves of first turns, which are compared, and for those that are kept the answer and all further turns.

    Source: Xu et al. (2024), Magpie, arXiv 2406.08464.
    """
    settings = settings_of(job, TemplatePrefixSettings)
    if job.strict:
        settings = settings.model_copy(update={key: value for key, value in STRICT.items() if key not in settings.model_fields_set})
    kinds = _checked(settings)
    pool, seen = SimilarPool(settings.threshold or 1.0, job.strict), set[str]()
    fates, num_kept, num_drawn, size, idle = list[Fate](), 0, 0, 0, 0
    while (missing := job.num_rows - num_kept) > 0 and idle < settings.patience:
        size = next_wave(missing, num_kept, num_drawn, 1, size, settings.wave)
        numbers = range(num_drawn, num_drawn + size)
        drawn = {f"magpie-{number}": _kind(job, kinds, number) for number in numbers}
        asks = {name: _turn_ask(job, settings, _system(settings, kind), (), name) for name, kind in drawn.items()}
        replies = yield {name: once(ask) for name, ask in asks.items()}
        fresh = dict[str, Row]()
        for name, reply in replies.items():
            row, fault = _first_turn(job, settings, name, drawn[name], reply)
            if isinstance(reply, Failed):
                fates.append(lost(row, reply))
                continue
            text = row.about.get("instruction", "")
            fault = fault or ("instruction twice" if text in seen else "")
            seen.add(text)
            if not fault and settings.threshold is not None and not pool.accept_all([text])[0]:
                fault = "too similar"
            if fault:
                fates.append(Dropped(row, fault))
            else:
                fresh[name] = row
        answered = yield {name: _talk(job, settings, row) for name, row in fresh.items()}
        before = num_kept
        for fate in answered.values():
            more = isinstance(fate, Row) and num_kept >= job.num_rows and not job.strict
            fates.append(Dropped(fate, "more rows than wanted") if more else fate)
            num_kept += isinstance(fate, Row) and not more
        idle, num_drawn = 0 if num_kept > before else idle + 1, numbers.stop
    return outcome_of(fates)


def _checked(settings: TemplatePrefixSettings) -> Mapping[str, float]:
    """Returns the kinds that may be drawn; names that are none are refused."""
    known = wordings("template_prefix")["kinds"]
    for name in settings.kinds:
        if name not in known:
            raise RecipeError(f"no kind named '{name}'", where="kinds", expected=did_you_mean(name, known), remedy="rename it")
    kinds = {name: weight for name, weight in settings.kinds.items() if weight > 0}
    if not kinds:
        raise RecipeError("no kind is drawn", where="kinds", expected=", ".join(known), remedy="give one of them a weight above 0")
    talked = (Message("user", "?"), Message("assistant", "!")) if settings.num_turns > 1 else ()
    user_header(settings.chat_format, history=talked)
    return kinds


def _kind(job: Job, kinds: Mapping[str, float], number: int) -> str:
    rand = rng(job.seed, "synth", "template_prefix", "kind", number)
    return rand.choices(list(kinds), list(kinds.values()))[0]


def _system(settings: TemplatePrefixSettings, kind: str) -> str:
    return settings.system or str(wordings("template_prefix")["kinds"][kind])


def user_header(chat_format: str, system: str = "", history: Sequence[Message] = ()) -> tuple[str, tuple[str, ...]]:
    r"""Returns the text up to where the user's turn begins, and what the format writes behind it, where a reply is to stop.

    The first token of a row is left out: servers put it before a plain prompt themselves.

    Args:
        chat_format: The name of a format.
        system: A system message.
        history: What was said before, to the end of an assistant's turn.

    Raises:
        RecipeError: The format is not known, or writes no header before a user's turn.

    >>> user_header("chatml")
    ('<|im_start|>user\n', ('<|im_end|>',))
    """
    chosen = FORMATS[chat_format]
    said = (*((Message("system", system),) if system else ()), *history, Message("user", "?"))
    pieces = chosen.pieces(Conversation(said, Origin("template_prefix", "0")), generate=True)
    place = max(number for number, piece in enumerate(pieces) if piece.body and piece.turn == len(said) - 1)
    before = [piece.text for piece in pieces[:place] if not piece.text.startswith("{bos")]
    prefix = "".join(before) + pieces[place].text[: max(pieces[place].lead, 0)]
    if "{eos}" in before or not prefix.strip():
        what = "ends turns with a token that only the tokenizer can name" if "{eos}" in before else "writes nothing before a user's turn"
        remedy = "didact ls formats, and take the one that the teacher was tuned with"
        raise RecipeError(
            f"the format '{chat_format}' {what}", where="chat_format", expected="chatml, llama3 or another of its kind", remedy=remedy
        )
    after = [piece.text.strip() for piece in pieces[place + 1 :] if piece.text.strip() and not piece.text.startswith("{")]
    return prefix, tuple(dict.fromkeys([*after[:1], *(stop for stop in chosen.stop if not stop.startswith("{"))]))


def _turn_ask(job: Job, settings: TemplatePrefixSettings, system: str, history: Sequence[Message], name: str) -> Ask:
    """Returns the request for a turn of the user."""
    prefix, stop = user_header(settings.chat_format, system, history)
    sampling = Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        stop=(*stop, *((STRICT_STOP,) if job.strict else ()), *(("\n",) if settings.one_line else ())),
        seed=seed_of(job.seed, "synth", "template_prefix", name, len(history)) % 2**31 if settings.temperature else None,
    )
    return Ask("instructions" if not history else "follow-ups", prompt=prefix, sampling=sampling, sample=int(name.rsplit("-", 1)[1]))


def parse_turn(text: str, *, strict: bool = False) -> str:
    r"""Returns a user's turn without a label before it and without an answer behind it.

    Args:
        text: What the model wrote.
        strict: As the original: cut behind the first question mark too.

    Source: Xu et al. (2024), Magpie, its code: the sanitizer of instructions.

    >>> parse_turn("Question 1: Why is the sky blue?\nAnswer: Because"), parse_turn("Is it? If so, why?", strict=True)
    ('Why is the sky blue?', 'Is it?')
    """
    text = _LABEL.sub("", text.strip())
    if found := _ANSWER.search(text):
        text = text[: found.start()]
    if strict and "?" in text:
        text = text[: text.index("?") + 1]
    return text.strip()


def turn_fault(text: str, finish: str) -> str:
    """Returns why a user's turn is refused, empty where it is not.

    >>> turn_fault("# Overview", "stop"), turn_fault("Sum up this text:", "stop"), turn_fault("Why?", "stop")
    ('begins with a heading', 'ends with a colon', '')
    """
    if finish == "length":
        return "cut off"
    if not text:
        return "empty"
    if text.startswith("#"):  # Source: as STRICT; there the sign is forbidden as a first token.
        return "begins with a heading"
    return "ends with a colon" if text.endswith(":") else ""


def _first_turn(job: Job, settings: TemplatePrefixSettings, name: str, kind: str, reply: Reply | Failed) -> tuple[Row, str]:
    """Returns a row of a user's turn, and why it is not kept."""
    hashed = fingerprint(settings.chat_format, _system(settings, kind))
    if isinstance(reply, Failed):
        return Row(name, (), (), "template_prefix", hashed, about={"kind": kind}), ""
    text = parse_turn(reply.text, strict=job.strict)
    about = {"instruction": text, "input": "", "kind": kind}
    return Row(name, (Message("user", text),), (), "template_prefix", hashed, reply.model, about=about), turn_fault(text, reply.finish)


def _talk(job: Job, settings: TemplatePrefixSettings, row: Row) -> Generator[Ask, Reply | Failed, Fate]:
    """Returns what became of a conversation: answers, and the user's further turns."""
    said, system = row.messages, _system(settings, row.about["kind"])
    for turn in range(settings.num_turns):
        if turn:
            reply = yield _turn_ask(job, settings, settings.system or wordings("template_prefix")["follow_up"], said, row.id)
            if isinstance(reply, Failed):
                return lost(replace(row, messages=said), reply)
            text = parse_turn(reply.text, strict=job.strict)
            if fault := turn_fault(text, reply.finish):
                return Dropped(replace(row, messages=said), f"a further turn: {fault}")
            said = (*said, Message("user", text))
        asked = (Message("system", system), *said) if system else said
        answer = yield Ask("answers", asked, sampling=Sampling(max_tokens=settings.max_tokens))
        if isinstance(answer, Failed):
            return lost(replace(row, messages=said), answer)
        if answer.finish == "length" or not answer.text.strip():
            return Dropped(replace(row, messages=said), "no output" if not answer.text.strip() else "answer cut off")
        said = (*said, Message("assistant", answer.text.strip()))
    return replace(row, messages=said, about={**row.about, "output": said[-1].content})
