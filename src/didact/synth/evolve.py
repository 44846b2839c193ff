"""Evol-Instruct: tasks made harder or rarer, round after round; what gains nothing, refuses or leaks is eliminated and tried again."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from didact.base.chance import rng
from didact.base.config import Section
from didact.base.errors import RecipeError, did_you_mean
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Chain, Failed, Program, Reply, Sampling
from didact.synth.evolve_rules import answer_fault, evolution_fault, parse_evolved, says_equal
from didact.synth.fates import Fate, asked, lost, outcome_of, slots, starting_rows
from didact.synth.job import Job, settings_of
from didact.synth.outcome import Dropped, Row
from didact.synth.wordings import wordings

Count = Annotated[int, Field(ge=1)]
IN_BREADTH = "in_breadth"


class EvolveSettings(Section):
    """What Evol-Instruct can be told."""

    num_rounds: Count = 4
    """How often each task is evolved."""
    operations: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={"add_constraints": 1, "deepen": 1, "concretize": 1, "reason": 1, "complicate_input": 1, IN_BREADTH: 1}
    )
    """Which operations are drawn, and how often one beside another; those that are left out are not."""
    judge_equal: bool = True
    """Ask whether an evolution gained anything; half of the tasks of a first round may not have."""
    with_system: bool = False
    """True: requests have a system message; strict always has one."""
    max_tokens: Count = 2048
    """A task or an answer is cut after so many tokens."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Of evolutions and answers; verdicts are drawn at 0."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the probability that is drawn from."""


def evolve(job: Job) -> Program:
    """Returns the program: each task goes through all rounds, and an evolution that is kept is what the next round starts from.

    One that is refused goes no further: the task before it is evolved once more in the next round, by another draw.

    Source: Xu et al. (2023), WizardLM, arXiv 2304.12244, section 3: six operations alike, four rounds, temperature 1, top_p 0.9, 2,048
    tokens, and an eliminator of four rules.
    """
    settings = settings_of(job, EvolveSettings)
    weights = checked_operations(settings.operations, (*wordings("evolve")["operations"], IN_BREADTH))
    places = slots(starting_rows(job), -(-job.num_rows // settings.num_rounds), job.seed, "evolve")
    rounds = [settings.num_rounds] * (len(places) - 1) + [job.num_rows - settings.num_rounds * (len(places) - 1)]
    ended = yield {key: _rounds(job, settings, weights, key, row, num) for (key, row), num in zip(places, rounds, strict=True)}
    return outcome_of(fate for fates in ended.values() for fate in fates)


def checked_operations(weights: Mapping[str, float], known: tuple[str, ...]) -> Mapping[str, float]:
    """Returns the operations that may be drawn.

    Raises:
        RecipeError: One that there is not, or none at all.

    >>> checked_operations({"deepen": 1, "reason": 0}, ("deepen", "reason"))
    {'deepen': 1}
    """
    for name in weights:
        if name not in known:
            raise RecipeError(f"no operation named '{name}'", where="operations", expected=did_you_mean(name, known), remedy="rename it")
    drawn = {name: weight for name, weight in weights.items() if weight > 0}
    if not drawn:
        raise RecipeError("no operation is drawn", where="operations", expected=", ".join(known), remedy="give one of them a weight")
    return drawn


def _rounds(job: Job, settings: EvolveSettings, weights: Mapping[str, float], key: str, start: Row, num_rounds: int) -> Chain:
    """Returns what became of one task in every round."""
    joint = "\r\n" if job.strict else "\n\n"  # Source: WizardLM's code joins instruction and input by "\r\n".
    task, parent = asked(start, joint), start.id
    fates = list[Fate]()
    for number in range(1, num_rounds + 1):
        rand = rng(job.seed, "synth", "evolve", key, number)
        operation = rand.choices(list(weights), list(weights.values()))[0]
        form = rand.choice(wordings("evolve")["input_forms"])
        fate = yield from _evolution(job, settings, f"{key}/{number}", parent, task, operation, form)
        fates.append(fate)
        if isinstance(fate, Row):
            task, parent = str(fate.about["instruction"]), fate.id
    return fates


def _evolution(job: Job, settings: EvolveSettings, key: str, parent: str, task: str, operation: str, form: str) -> Chain:
    """Returns one evolved task with its answer, or why there is none."""
    said = wordings("evolve")
    how = str(said["operations"].get(operation, "")).format(form=form)
    wording = said[IN_BREADTH] if operation == IN_BREADTH else said["in_depth"]
    row = Row(key, parents=(parent,), operation=operation, prompt_hash=fingerprint(wording, how), about={"before": task})
    reply = yield _ask(job, settings, "evolve", wording.format(how=how, task=task))
    if isinstance(reply, Failed):
        return lost(row, reply)
    new, fault = parse_evolved(reply.text, reply.finish, strict=job.strict)
    fault = fault or evolution_fault(new, task, strict=job.strict)
    row = Row(key, (Message("user", new),), row.parents, operation, row.prompt_hash, reply.model, about={**row.about, "instruction": new})
    if fault:
        return Dropped(row, fault)
    if settings.judge_equal:
        verdict = yield _ask(job, settings, "judge", said["equal"].format(first=task, second=new), Sampling(max_tokens=16))
        if isinstance(verdict, Failed):
            return lost(row, verdict)
        if (equal := says_equal(verdict.text)) is not False:
            return Dropped(row, "no gain" if equal else "verdict cannot be read")
    answer = yield _ask(job, settings, "answer", new)
    return lost(row, answer) if isinstance(answer, Failed) else _answered(job, row, new, answer)


def _answered(job: Job, row: Row, task: str, answer: Reply) -> Fate:
    """Returns a task with its answer, unless the answer refuses or says nothing."""
    turns = (Message("user", task), Message("assistant", answer.text.strip()))
    about = {**row.about, "input": "", "output": answer.text.strip()}
    row = Row(row.id, turns, row.parents, row.operation, row.prompt_hash, answer.model, about=about)
    fault = answer_fault(answer.text, task, answer.finish, strict=job.strict)
    return Dropped(row, fault) if fault else row


def _ask(job: Job, settings: EvolveSettings, stage: str, text: str, sampling: Sampling | None = None) -> Ask:
    system = (Message("system", wordings("evolve")["system"]),) if settings.with_system or job.strict else ()
    drawn = sampling or Sampling(settings.temperature, settings.top_p, settings.max_tokens)
    return Ask(stage, (*system, Message("user", text)), sampling=drawn)
