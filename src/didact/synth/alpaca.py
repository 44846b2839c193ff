"""Alpaca: Self-Instruct in one step, whole tasks with instruction, input and output from three that are shown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from didact.base.chance import rng, seed_of
from didact.base.config import Section
from didact.base.files import fingerprint
from didact.base.objective_sections import Count
from didact.base.types import Message
from didact.synth.ask import Ask, Failed, Program, Reply, Sampling
from didact.synth.direct import once
from didact.synth.instance_format import plain_format
from didact.synth.instance_rules import instance_fault
from didact.synth.instruction_rules import ALPACA_KEYWORDS, KEYWORDS, instruction_fault
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.seeds import SeedTask, load_seeds
from didact.synth.self_instruct_replies import NOTHING, Instance
from didact.synth.similar import SimilarPool
from didact.synth.waves import next_wave
from didact.synth.wordings import wordings

NO_INPUT = "<noinput>"


class AlpacaSettings(Section):
    """What Alpaca's way of Self-Instruct asks, and how."""

    as_chat: bool = True
    """True: one message to a chat model; false: plain text that a base model goes on with."""
    wave: Count = 40
    """Most requests that go out together."""
    num_shown: Count = 3
    """Seed tasks that each request shows."""
    num_asked: Count = 10
    """Tasks that each request asks for."""
    keywords: tuple[str, ...] = KEYWORDS
    """An instruction with one of these words is dropped: it needs more than text."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.7
    """An instruction is dropped when its ROUGE-L F1 with a seed or with one that is kept is above it."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """How freely the reply is drawn."""
    top_p: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Share of the probability that is drawn from."""
    max_tokens: Count = 3072
    """A reply is cut after so many tokens."""
    patience: Count = 3
    """After so many waves without a new row nothing more is asked, however many rows are still wanted."""


# Source: Taori et al. (2023), Stanford Alpaca, generate_instruction.py: tasks 4 to 19 of 20; a bias against the token 50256, which is
# GPT-3's end of text, is left out, as it is another token elsewhere.
STRICT: dict[str, Any] = {"as_chat": False, "wave": 5, "num_asked": 16, "keywords": ALPACA_KEYWORDS, "top_p": 1.0}

_PART = r"(?P<part>Instruction|Input|Output)\s*[*_]*\s*:[*_]*"
_NUMBERED = re.compile(rf"(?mi)^[ \t>*_#]*(?P<number>\d+)\s*[.)]\s*[*_]*{_PART}")
_UNNUMBERED = re.compile(rf"(?mi)^[ \t>*_#]*{_PART}")
_EDGE = re.compile(r"(?:\s*(?:#{2,}|-{3,})[ \t]*(?:task)?[ \t]*\d*[.:]?[ \t]*)+\s*\Z", re.IGNORECASE)
"""What stands between two tasks."""


@dataclass(frozen=True, slots=True)
class WrittenTask:
    """One task of a reply."""

    instruction: str
    instance: Instance


def alpaca(job: Job) -> Program:
    """Returns the program: waves of requests for whole tasks, each shown three seeds and never what was made.

    Source: Taori et al. (2023), Stanford Alpaca, and its code.
    """
    settings = settings_of(job, AlpacaSettings)
    if job.strict:
        settings = settings.model_copy(update={key: value for key, value in STRICT.items() if key not in settings.model_fields_set})
    seeds = job.seeds or load_seeds()
    pool = SimilarPool(settings.threshold, job.strict)
    pool.extend(seed.instruction for seed in seeds)
    rows, dropped, failed = list[Row](), list[Dropped](), list[Dropped]()
    wave, size, num_requests, idle = 0, 0, 0, 0
    while (missing := job.num_rows - len(rows)) > 0 and idle < settings.patience:
        size = next_wave(missing, len(rows), num_requests, settings.num_asked, size, settings.wave)
        size = settings.wave if job.strict else size
        shown = {f"{wave}.{number}": _shown(job, settings, seeds, f"{wave}.{number}") for number in range(size)}
        replies = yield {name: once(_tasks_ask(job, settings, name, tasks)) for name, tasks in shown.items()}
        before = len(rows)
        for name, reply in replies.items():
            parents = tuple(seed.id for seed in shown[name])
            for row, fault in _rows(job, settings, pool, name, parents, reply):
                if fault is None:
                    rows.append(row)
                else:
                    (failed if isinstance(reply, Failed) else dropped).append(Dropped(row, fault))
        idle, wave, num_requests = 0 if len(rows) > before else idle + 1, wave + 1, num_requests + size
    if not job.strict:
        dropped += [Dropped(row, "more rows than wanted") for row in rows[job.num_rows :]]
        del rows[job.num_rows :]
    return Outcome(tuple(rows), tuple(dropped), tuple(failed))


def _shown(job: Job, settings: AlpacaSettings, seeds: Sequence[SeedTask], name: str) -> list[SeedTask]:
    """Returns the seeds that one request shows."""
    return rng(job.seed, "synth", "alpaca", "shown", name).sample(seeds, min(settings.num_shown, len(seeds)))


def _tasks_ask(job: Job, settings: AlpacaSettings, name: str, shown: Sequence[SeedTask]) -> Ask:
    """Returns the request for the tasks that follow those that are shown."""
    words, first, last = wordings("alpaca"), len(shown) + 1, len(shown) + settings.num_asked
    sampling = Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        # The original speaks of 20 tasks and stops before the last one.
        stop=() if settings.as_chat else (f"\n{last + 1}", f"{last + 1}."),
        seed=seed_of(job.seed, "synth", "alpaca", "tasks", name) % 2**31 if settings.temperature else None,
    )
    rules = words["rules"].format(count=last if settings.as_chat else last + 1)
    text = "\n".join([rules, "", *(_block(number, seed) for number, seed in enumerate(shown, start=1)), "###"])
    if settings.as_chat:
        order = words["continue_tasks"].format(first=first, last=last)
        return Ask("tasks", (Message("user", f"{text}\n\n{order}"),), sampling=sampling)
    return Ask("tasks", prompt=f"{text}\n{first}. Instruction:", sampling=sampling)


def _block(number: int, seed: SeedTask) -> str:
    instruction = " ".join(seed.instruction.split()).rstrip(":")
    given = seed.input.strip() or NO_INPUT
    return f"###\n{number}. Instruction: {instruction}\n{number}. Input:\n{given}\n{number}. Output:\n{seed.output.strip()}"


def _rows(
    job: Job, settings: AlpacaSettings, pool: SimilarPool, name: str, parents: tuple[str, ...], reply: Reply | Failed
) -> Iterator[tuple[Row, str | None]]:
    """Yields the rows of one reply, each with why it is not kept; the instruction is looked at first, and compared last."""
    hashed = fingerprint(wordings("alpaca"), settings.as_chat)
    whole = Row(f"alpaca-{name}", (), parents, "task", hashed)
    if isinstance(reply, Failed):
        yield whole, f"failed: {reply.reason}"
        return
    tasks = parse_tasks(reply.text, reply.finish, settings.num_shown + 1, opened=not settings.as_chat, strict=job.strict)
    if not tasks:
        yield whole, "no task in the reply"
    for number, task in enumerate(tasks):
        one = task.instance
        fault = one.fault or instruction_fault(task.instruction, settings.keywords, strict=job.strict)
        fault = fault or (None if job.strict else instance_fault(one) or None)
        about: dict[str, Any] = {"instruction": task.instruction, "input": one.input, "output": one.output}
        scores: dict[str, float] = {}
        if not fault:
            similar = pool.most_similar(task.instruction, 10 if job.strict else 1)
            scores["similarity"] = round(similar[0][1], 6) if similar else 0.0
            fault = None if pool.accept_all([task.instruction])[0] else "too similar"
            about |= {"most_similar": {text: round(score, 6) for text, score in similar}} if fault or job.strict else {}
        said = (Message("user", plain_format(task.instruction, one.input)), Message("assistant", one.output))
        yield Row(f"alpaca-{name}.{number}", () if fault else said, parents, "task", hashed, reply.model, scores, about), fault


def parse_tasks(text: str, finish: str = "stop", first: int = 4, *, opened: bool = True, strict: bool = False) -> list[WrittenTask]:
    r"""Returns the tasks of a reply; those that are incomplete have a fault.

    Args:
        text: The reply.
        finish: Why it ended; of one that was cut, the last task is refused.
        first: The number that the first task should have.
        opened: Says whether the request ended in `4. Instruction:`, so that the reply begins inside it.
        strict: As the original: `###` stands between the tasks, each has the number of its place and all three parts, and what does not is
            lost; an instruction that follows without `###` then hides in the output before it.

    >>> reply = " Sing.\n4. Input:\n<noinput>\n4. Output:\nLa.\n###\n5. Instruction: Hum.\n5. Output:\nMm."
    >>> [task.instruction for task in parse_tasks(reply)]
    ['Sing.', 'Hum.']
    """
    return _strict_tasks(text, finish, first) if strict else _tasks(text, finish, first, opened)


def _strict_tasks(text: str, finish: str, first: int) -> list[WrittenTask]:
    # Source: Taori et al. (2023), Stanford Alpaca, generate_instruction.py and utils.py.
    blocks, found = f"{first}. Instruction:{text}".split("###"), list[WrittenTask]()
    for number, block in enumerate(blocks, start=first):
        if not block.strip():
            continue
        parts = re.split(rf"{number}\.\s+(?:Instruction|Input|Output):", block)
        if number - first == len(blocks) - 1 and finish == "length":
            found.append(WrittenTask(parts[min(1, len(parts) - 1)].strip(), Instance("", "", "cut off")))
        elif len(parts) != 4:
            found.append(WrittenTask(block.strip(), Instance("", "", "not in the form that was asked for")))
        else:
            instruction, given, output = (part.strip() for part in parts[1:])
            found.append(WrittenTask(instruction, Instance("" if given.lower() == NO_INPUT else given, output)))
    return found


def _tasks(text: str, finish: str, first: int, opened: bool) -> list[WrittenTask]:
    head = f"{first}. Instruction: " if opened and not _NUMBERED.match(text.lstrip()) else ""
    text = head + text
    # Where tasks have numbers, a line such as `Output:` is a part of their texts.
    marks = list((_NUMBERED if _NUMBERED.search(text) else _UNNUMBERED).finditer(text))
    tasks = list[dict[str, str]]()
    for mark, after in zip(marks, [*marks[1:], None], strict=False):
        part, said = mark["part"].lower(), _EDGE.sub("", text[mark.end() : after.start() if after else len(text)]).strip()
        if part == "instruction" or not tasks:
            tasks.append({})
        tasks[-1]["twice" if part in tasks[-1] else part] = said
    found = [_written(parts) for parts in tasks]
    if finish == "length" and found:
        found[-1] = WrittenTask(found[-1].instruction, Instance(found[-1].instance.input, found[-1].instance.output, "cut off"))
    return found


def _written(parts: dict[str, str]) -> WrittenTask:
    given = parts.get("input", "")
    given = "" if NOTHING.fullmatch(given) else given
    missing = [part for part in ("instruction", "output") if part not in parts]
    fault = "a part twice" if "twice" in parts else f"no {missing[0]} marker" if missing else ""
    return WrittenTask(" ".join(parts.get("instruction", "").split()), Instance(given, parts.get("output", ""), fault))
