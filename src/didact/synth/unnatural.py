"""Unnatural Instructions: after three examples a fourth one, instruction, input and constraints; then its output, and other wordings."""

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from didact.base.chance import rng, seed_of
from didact.base.config import Section
from didact.base.files import fingerprint
from didact.base.objective_sections import Count
from didact.base.types import Message
from didact.synth.ask import Ask, Failed, Program, Reply, Sampling
from didact.synth.direct import once
from didact.synth.fates import Fate, lost, outcome_of
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Row
from didact.synth.self_instruct_replies import NOTHING
from didact.synth.waves import next_wave
from didact.synth.wordings import wordings


class UnnaturalSettings(Section):
    """What Unnatural Instructions asks, and how."""

    as_chat: bool = True
    """True: one message to a chat model; false: plain text that a base model goes on with."""
    wave: Count = 200
    """Most examples that are asked for before their outputs are."""
    num_paraphrases: Annotated[int, Field(ge=0)] = 0
    """Further rows of each example, with the instruction in other words and the same input and output."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """For examples and wordings; outputs are asked for at temperature 0."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.99
    """For examples and wordings."""
    max_tokens: Count = 1024
    """A reply is cut after so many tokens."""
    patience: Count = 3
    """After so many waves without a new example nothing more is asked."""


# Source: Honovich et al. (2022), Unnatural Instructions, arXiv 2212.09689, section 2: fifteen tasks make five prompts of three; nucleus
# sampling at 0.99 for examples, greedy outputs.
NUM_SHOWN = 3
PARTS = ("instruction", "input", "constraints")
_PART = re.compile(r"(?mi)^[ \t>*_#-]*(instruction|input|constraints?)\s*[*_]*\s*:[*_]*[ \t]*")
_FURTHER = re.compile(r"(?mi)^\W*example\s*\d+\W*$")


def unnatural(job: Job) -> Program:
    """Returns the program: waves of examples, and for those that are complete and new the output and other wordings.

    Source: Honovich et al. (2022), Unnatural Instructions, arXiv 2212.09689. `strict` asks base models for it, as there.
    """
    settings = settings_of(job, UnnaturalSettings)
    if job.strict and "as_chat" not in settings.model_fields_set:
        settings = settings.model_copy(update={"as_chat": False})
    groups = _groups(job)
    seen = {_folded(shown) for group in groups for shown in group}
    fates, num_kept, num_drawn, size, idle = list[Fate](), 0, 0, 0, 0
    while (missing := job.num_rows - num_kept) > 0 and idle < settings.patience:
        size = next_wave(missing, num_kept, num_drawn, 1 + settings.num_paraphrases, size, settings.wave)
        numbers = range(num_drawn, num_drawn + size)
        asks = {f"unnatural-{n}": _example_ask(job, settings, groups[n % len(groups)], n) for n in numbers}
        replies = yield {name: once(ask) for name, ask in asks.items()}
        fresh = dict[str, Row]()
        for name, reply in replies.items():
            row = _row(name, groups[int(name.rsplit("-", 1)[1]) % len(groups)], reply, settings)
            if isinstance(reply, Failed):
                fates.append(lost(row, reply))
                continue
            fault = _fault(row, reply)
            if not fault and _folded(row.about) in seen:
                fault = "example twice"
            if fault:
                fates.append(Dropped(row, fault))
            else:
                seen.add(_folded(row.about))
                fresh[name] = row
        answered = yield {name: _answer(job, settings, row) for name, row in fresh.items()}
        before = num_kept
        for fate in [fate for found in answered.values() for fate in found]:
            more = isinstance(fate, Row) and num_kept >= job.num_rows
            fates.append(Dropped(fate, "more rows than wanted") if more else fate)
            num_kept += isinstance(fate, Row) and not more
        idle, num_drawn = 0 if num_kept > before else idle + 1, numbers.stop
    return outcome_of(fates)


def _groups(job: Job) -> list[list[dict[str, str]]]:
    """Returns the tasks that are shown, three by three, in an order drawn from the job's seed."""
    shown = [{"id": f"shown_{number}", **one} for number, one in enumerate(wordings("unnatural")["shown"], start=1)]
    rng(job.seed, "synth", "unnatural", "shown").shuffle(shown)
    return [shown[start : start + NUM_SHOWN] for start in range(0, len(shown), NUM_SHOWN)]


def _folded(parts: Any) -> tuple[str, str]:
    return " ".join(parts["instruction"].split()).casefold(), " ".join(parts["input"].split()).casefold()


def _block(number: int, shown: dict[str, str]) -> str:
    lines = "\n".join(f"{part.capitalize()}: {shown[part]}" for part in PARTS)
    return f"Example {number}\n{lines}"


def _example_ask(job: Job, settings: UnnaturalSettings, shown: Sequence[dict[str, str]], number: int) -> Ask:
    """Returns the request for one more example."""
    words = wordings("unnatural")
    blocks = "\n\n".join([words["elicit"], *(_block(place, one) for place, one in enumerate(shown, start=1))])
    sampling = Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        stop=() if settings.as_chat else (f"Example {len(shown) + 2}",),
        seed=seed_of(job.seed, "synth", "unnatural", "example", number) % 2**31 if settings.temperature else None,
    )
    if settings.as_chat:
        text = f"{words['elicit_answer']}\n\n{blocks}"
        return Ask("examples", (Message("user", text),), sampling=sampling, sample=number)
    return Ask("examples", prompt=f"{blocks}\n\nExample {len(shown) + 1}\nInstruction:", sampling=sampling, sample=number)


def parse_example(text: str, *, opened: bool = False) -> dict[str, str]:
    r"""Returns instruction, input and constraints of a reply, those that are there; of a further example behind it nothing.

    Args:
        text: The reply.
        opened: Says whether the request ended in `Instruction:`, so that the reply begins inside it.

    >>> parse_example(" Count the vowels.\nInput: sea\nConstraints: a number\n\nExample 5\nInstruction: Sing.", opened=True)
    {'instruction': 'Count the vowels.', 'input': 'sea', 'constraints': 'a number'}
    """
    first = _PART.search(text)
    if opened and not (first and first[1].lower() == "instruction" and not text[: first.start()].strip()):
        text = f"Instruction: {text.lstrip()}"
    elif first:
        text = text[first.start() :]
    if further := _FURTHER.search(text):
        text = text[: further.start()]
    found, marks = dict[str, str](), list(_PART.finditer(text))
    for mark, end in zip(marks, [*(mark.start() for mark in marks[1:]), len(text)], strict=bool(marks)):
        part = "constraints" if mark[1].lower().startswith("constraint") else mark[1].lower()
        if part in found:
            break
        found[part] = text[mark.end() : end].strip()
    return found


def _row(name: str, shown: Sequence[dict[str, str]], reply: Reply | Failed, settings: UnnaturalSettings) -> Row:
    parts = {} if isinstance(reply, Failed) else parse_example(reply.text, opened=not settings.as_chat)
    hashed = fingerprint(wordings("unnatural")["elicit"], [one["id"] for one in shown], settings.as_chat)
    model = "" if isinstance(reply, Failed) else reply.model
    return Row(name, (), tuple(one["id"] for one in shown), "example", hashed, model, about=parts)


def _fault(row: Row, reply: Reply) -> str:
    """Returns why an example is refused, empty where it is not."""
    if reply.finish == "length":
        return "cut off"
    missing = [part for part in PARTS if part not in row.about or (part != "constraints" and not row.about[part])]
    return f"no {missing[0]}" if missing else ""


def _prompt(about: Any) -> str:
    """Returns what a model is asked and later trained on."""
    words = wordings("unnatural")
    free = not about["constraints"] or NOTHING.fullmatch(about["constraints"].strip())
    before, after = (words["answer_unconstrained" if free else "answer"]).split("{input}")
    # Neither text is searched for slots: each is put in by itself.
    head = before.replace("{instruction}", about["instruction"])
    return f"{head}{about['input']}{after.replace('{constraints}', about['constraints'])}"


def _answer(job: Job, settings: UnnaturalSettings, row: Row) -> Generator[Ask, Reply | Failed, list[Fate]]:
    """Returns what became of an example: the row with its output, and rows with other wordings."""
    text, words = _prompt(row.about), wordings("unnatural")
    sampling = Sampling(max_tokens=settings.max_tokens)
    if settings.as_chat:
        reply = yield Ask("outputs", (Message("user", f"{text}\n\n{words['answer_only']}"),), sampling=sampling)
    else:
        reply = yield Ask("outputs", prompt=f"{text}\n\nOutput:", sampling=replace(sampling, stop=("\nInstruction:", "\nExample")))
    if isinstance(reply, Failed):
        return [lost(row, reply)]
    output = re.sub(r"^\W*output\s*[*_]*:[*_]*\s*", "", reply.text.strip(), flags=re.IGNORECASE)
    if reply.finish == "length" or not output:
        return [Dropped(row, "output cut off" if output else "no output")]
    about = {**row.about, "output": output}
    whole = replace(row, messages=(Message("user", text), Message("assistant", output)), about=about)
    fates: list[Fate] = [whole]
    wordings_seen = {row.about["instruction"]}
    for number in range(settings.num_paraphrases):
        again = yield _paraphrase_ask(job, settings, row, number)
        other = replace(whole, id=f"{row.id}-wording{number}", parents=(row.id,), operation="paraphrase", messages=())
        if isinstance(again, Failed):
            fates.append(lost(other, again))
            continue
        said = again.text.strip().split("\n")[0].strip().strip('"')
        other = replace(other, about={**about, "instruction": said})
        if again.finish == "length" or not said or said in wordings_seen:
            fault = "wording cut off" if again.finish == "length" else "wording twice" if said else "no wording"
            fates.append(Dropped(other, fault))
            continue
        wordings_seen.add(said)
        fates.append(replace(other, messages=(Message("user", _prompt(other.about)), Message("assistant", output))))
    return fates


def _paraphrase_ask(job: Job, settings: UnnaturalSettings, row: Row, number: int) -> Ask:
    """Returns the request for another wording of an instruction."""
    words = wordings("unnatural")
    pairs = [f"Instruction: {first}\nIn other words: {second}" for first, second in words["paraphrase_examples"]]
    text = "\n\n".join([words["paraphrase"], *pairs, f"Instruction: {row.about['instruction']}\nIn other words:"])
    sampling = Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        stop=() if settings.as_chat else ("\n\n", "\nInstruction:"),
        seed=seed_of(job.seed, "synth", "unnatural", "wording", row.id, number) % 2**31 if settings.temperature else None,
    )
    if settings.as_chat:
        return Ask("wordings", (Message("user", f"{words['paraphrase_answer']}\n\n{text}"),), sampling=sampling, sample=number)
    return Ask("wordings", prompt=text, sampling=sampling, sample=number)
