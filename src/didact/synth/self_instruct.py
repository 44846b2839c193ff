"""Self-Instruct: new instructions from a few shown, which of them are classifications, and instances of each."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from didact.base.chance import rng
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Failed, Program, Reply
from didact.synth.direct import once
from didact.synth.instance_format import drawn_format, plain_format
from didact.synth.instance_rules import judged
from didact.synth.instruction_rules import instruction_fault
from didact.synth.job import Job
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.seeds import SeedTask, load_seeds
from didact.synth.self_instruct_asks import (
    SelfInstructSettings,
    classification_ask,
    instances_ask,
    instructions_ask,
    self_instruct_settings,
)
from didact.synth.self_instruct_replies import Instance, parse_input_first, parse_instructions, parse_output_first, says_yes
from didact.synth.similar import SimilarPool
from didact.synth.waves import next_wave
from didact.synth.wordings import wordings


@dataclass(frozen=True, slots=True)
class _Task:
    """An instruction that is kept."""

    id: str
    instruction: str
    parents: tuple[str, ...]
    similar: list[tuple[str, float]]


@dataclass(slots=True)
class _Made:
    """All that has come of it so far."""

    tasks: list[_Task] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    failed: list[Dropped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a model answered about one task: its kind and the reply that holds its instances, or why there is none."""

    is_classification: bool = False
    reply: Reply | None = None
    fault: str = ""
    failed: bool = False


def self_instruct(job: Job) -> Program:
    """Returns the program: waves of new instructions, and for each that is kept its kind and its instances.

    What a wave shows is drawn by identity from the seeds and the tasks of earlier waves. `strict` has the original's rules and constants;
    `num_rows` then counts instructions, as there, else rows.

    Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560.
    """
    settings = self_instruct_settings(job)
    seeds = [seed for seed in job.seeds or load_seeds() if seed.is_classification or not settings.only_classification]
    pool = SimilarPool(settings.threshold, job.strict)
    pool.extend(seed.instruction for seed in seeds)
    made, wave, size, num_requests, idle = _Made(), 0, 0, 0, 0
    while (missing := job.num_rows - len(made.tasks if job.strict else made.rows)) > 0 and idle < settings.patience:
        size = next_wave(missing, len(made.rows), num_requests, settings.num_asked, size, settings.wave)
        size = settings.wave if job.strict else size
        shown = {f"{wave}.{number}": _shown(job, settings, seeds, made.tasks, wave, number) for number in range(size)}
        replies = yield {name: once(instructions_ask(job, settings, name, tasks)) for name, tasks in shown.items()}
        fresh = [task for name, reply in replies.items() for task in _new_tasks(job, settings, pool, made, name, shown[name], reply)]
        made.tasks += fresh
        answers = yield {task.id: _ask_about(job, settings, task) for task in fresh}
        for task in fresh:
            _take(job, settings, made, task, answers[task.id])
        idle, wave, num_requests = 0 if fresh else idle + 1, wave + 1, num_requests + size
    if job.strict:
        _drop_copies(made)
    else:
        _drop_surplus(made, job.num_rows)
    return Outcome(tuple(made.rows), tuple(made.dropped), tuple(made.failed))


def _shown(
    job: Job, settings: SelfInstructSettings, seeds: Sequence[SeedTask], tasks: Sequence[_Task], wave: int, number: int
) -> list[tuple[str, str]]:
    """Returns the tasks that one request shows, as id and instruction: some made before, the others seeds, in an order by chance."""
    rand = rng(job.seed, "synth", "self_instruct", "shown", wave, number)
    machine = rand.sample(tasks, min(settings.num_machine_shown, settings.num_shown, len(tasks)))
    human = rand.sample(seeds, min(settings.num_shown - len(machine), len(seeds)))
    shown = [*((task.id, task.instruction) for task in machine), *((seed.id, seed.instruction) for seed in human)]
    rand.shuffle(shown)
    return shown


def _new_tasks(
    job: Job,
    settings: SelfInstructSettings,
    pool: SimilarPool,
    made: _Made,
    name: str,
    shown: Sequence[tuple[str, str]],
    reply: Reply | Failed,
) -> Iterator[_Task]:
    """Yields the tasks of one reply that are kept; each is compared with the seeds and with all kept before it."""
    parents = tuple(key for key, _ in shown)
    hashed = fingerprint(wordings("self_instruct")["new_tasks"], settings.as_chat)
    if isinstance(reply, Failed):
        made.failed.append(Dropped(Row(f"self_instruct-{name}", (), parents, "instruction", hashed), f"failed: {reply.reason}"))
        return
    whole, cut = parse_instructions(reply.text, reply.finish, len(shown) + 1, strict=job.strict)
    if not whole and not cut:
        made.dropped.append(Dropped(Row(f"self_instruct-{name}", (), parents, "instruction", hashed, reply.model), "no task in the reply"))
    for number, text in enumerate([*whole, *cut]):
        task = _Task(f"self_instruct-{name}.{number}", text, parents, [])
        fault = "cut off" if number >= len(whole) else instruction_fault(text, settings.keywords, strict=job.strict)
        if not fault:
            task.similar.extend(pool.most_similar(text, 10 if job.strict else 1))
            fault = None if pool.accept_all([text])[0] else "too similar"
        if fault:
            made.dropped.append(Dropped(_row(task, "instruction", hashed, reply.model), fault))
        else:
            yield task


def _row(task: _Task, operation: str, hashed: str, model: str, name: str = "", **about: Any) -> Row:
    """Returns a row without messages, about a task."""
    scores = {"similarity": round(task.similar[0][1], 6)} if task.similar else {}
    more = (
        {"most_similar": {text: round(score, 6) for text, score in task.similar}}
        if len(task.similar) > 1 or operation == "instruction"
        else {}
    )
    return Row(task.id + name, (), task.parents, operation, hashed, model, scores, {"instruction": task.instruction, **about, **more})


def _ask_about(job: Job, settings: SelfInstructSettings, task: _Task) -> Generator[Ask, Reply | Failed, _Answer]:
    """Asks whether a task is a classification, and then for its instances."""
    verdict = yield classification_ask(task.instruction, settings)
    if isinstance(verdict, Failed):
        return _Answer(fault=f"failed: {verdict.reason}", failed=True)
    label = says_yes(verdict.text, strict=job.strict)
    if label is None:
        return _Answer(fault="neither yes nor no to whether it is a classification", reply=verdict)
    reply = yield instances_ask(task.instruction, label, settings, job.strict)
    if isinstance(reply, Failed):
        return _Answer(label, fault=f"failed: {reply.reason}", failed=True)
    return _Answer(label, reply)


def _take(job: Job, settings: SelfInstructSettings, made: _Made, task: _Task, answer: _Answer) -> None:
    """Puts the instances of a task where they belong."""
    form = "output_first" if answer.is_classification else "input_first"
    words = wordings("self_instruct")
    hashed = fingerprint(words[form], words[f"{form}_examples"], settings.as_chat)
    model = answer.reply.model if answer.reply else ""
    if answer.fault:
        (made.failed if answer.failed else made.dropped).append(Dropped(_row(task, form, hashed, model), answer.fault))
        return
    assert answer.reply is not None
    parse = parse_output_first if answer.is_classification else parse_input_first
    found = judged(parse(answer.reply.text, answer.reply.finish, strict=job.strict), strict=job.strict)
    if not found:
        made.dropped.append(Dropped(_row(task, form, hashed, model, output=answer.reply.text), "no instance in the reply"))
    good = [number for number, one in enumerate(found) if not one.fault]
    rand = rng(job.seed, "synth", "self_instruct", "instances", task.id)
    chosen = set(rand.sample(good, min(settings.most_instances, len(good))))
    for number, one in enumerate(found):
        label = {"label": one.output} if answer.is_classification else {}
        about = {"input": one.input, "output": one.output, "is_classification": answer.is_classification, **label}
        row = _row(task, form, hashed, model, f"-{number}", **about)
        if number in chosen:
            made.rows.append(_worded(job, settings, row, task.instruction, one))
        else:
            made.dropped.append(Dropped(row, one.fault or f"more than {settings.most_instances} instances"))


def _worded(job: Job, settings: SelfInstructSettings, row: Row, instruction: str, instance: Instance) -> Row:
    """Returns the row with its messages."""
    prompt, completion = plain_format(instruction, instance.input), instance.output
    if settings.drawn_formats:
        prompt, completion = drawn_format(instruction, instance, rng(job.seed, "synth", "self_instruct", "format", row.id))
    said = (Message("user", prompt), Message("assistant", completion))
    return replace(row, messages=said)


def _drop_surplus(made: _Made, num_rows: int) -> None:
    """Drops rows beyond those that are wanted: further instances of a task before the first one of any."""
    place, so_far = dict[str, int](), Counter[str]()
    for row in made.rows:
        task = row.id.rpartition("-")[0]
        place[row.id] = so_far[task]
        so_far[task] += 1
    surplus = {row.id for row in sorted(made.rows, key=lambda row: place[row.id])[num_rows:]}
    made.dropped += [Dropped(row, "more rows than wanted") for row in made.rows if row.id in surplus]
    made.rows = [row for row in made.rows if row.id not in surplus]


def _drop_copies(made: _Made) -> None:
    """Drops rows of which there is one with the same prompt and completion already."""
    seen = set[tuple[Message, ...]]()
    for row in made.rows:
        if row.messages in seen:
            made.dropped.append(Dropped(row, "row twice"))
        seen.add(row.messages)
    copies = {one.row.id for one in made.dropped if one.reason == "row twice"}
    made.rows = [row for row in made.rows if row.id not in copies]
