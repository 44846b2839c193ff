"""Evol-Instruct: tasks made harder or rarer, round after round; what gains nothing, refuses or leaks is eliminated and tried again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Style:
    """What one kind of evolution has of its own."""

    wording: str
    """The file of its texts; `operations` in it are those that can be drawn."""
    evolution_fault: Callable[[str, str, bool], str]
    """From the new task, the old one and `strict`: why it is refused."""
    answer_fault: Callable[[Reply, str, bool], str]
    """From the answer, the task and `strict`: why both are."""
    others: tuple[str, ...] = ()
    """Operations with a wording of their own, beside those in `operations`."""


_PROSE = Style(
    "evolve",
    lambda new, old, strict: evolution_fault(new, old, strict=strict),
    lambda reply, task, strict: answer_fault(reply.text, task, reply.finish, strict=strict),
    (IN_BREADTH,),
)


def evolve(job: Job) -> Program:
    """Returns the program: each task goes through all rounds, and an evolution that is kept is what the next round starts from.

    One that is refused goes no further: the task before it is evolved once more in the next round, by another draw.

    Source: Xu et al. (2023), WizardLM, arXiv 2304.12244, section 3: six operations alike, four rounds, temperature 1, top_p 0.9, 2,048
    tokens, and an eliminator of four rules.
    """
    return evolved(job, settings_of(job, EvolveSettings), _PROSE)


def evolved(job: Job, settings: EvolveSettings, style: Style) -> Program:
    """Returns the program of any style of evolution; a draw depends on the task and the round, not on how many rounds there are."""
    checked_operations(settings.operations, (*wordings(style.wording)["operations"], *style.others))
    places = slots(starting_rows(job), -(-job.num_rows // settings.num_rounds), job.seed, style.wording)
    rounds = [settings.num_rounds] * (len(places) - 1) + [job.num_rows - settings.num_rounds * (len(places) - 1)]
    ended = yield {key: _rounds(job, settings, style, key, row, num, draw) for (key, row, draw), num in zip(places, rounds, strict=True)}
    return outcome_of(fate for fates in ended.values() for fate in fates)


def checked_operations(weights: Mapping[str, float], known: tuple[str, ...]) -> None:
    """Refuses operations that there are not, and weights under which none is drawn.

    Raises:
        RecipeError: There are such.

    >>> checked_operations({"deepen": 1, "reason": 0}, ("deepen", "reason"))
    """
    for name in weights:
        if name not in known:
            raise RecipeError(f"no operation named '{name}'", where="operations", expected=did_you_mean(name, known), remedy="rename it")
    if not sum(weights.values()):
        raise RecipeError("no operation is drawn", where="operations", expected=", ".join(known), remedy="give one of them a weight")


def _rounds(job: Job, settings: EvolveSettings, style: Style, key: str, start: Row, num_rounds: int, draw: int) -> Chain:
    """Returns what became of one task in every round."""
    joint = "\r\n" if job.strict else "\n\n"  # Source: WizardLM's code joins instruction and input by "\r\n".
    task, parent = asked(start, joint), start.id
    fates = list[Fate]()
    said, weights = wordings(style.wording), settings.operations
    for number in range(1, num_rounds + 1):
        rand = rng(job.seed, "synth", style.wording, key, number)
        operation = rand.choices(list(weights), list(weights.values()))[0]
        how = str(said["operations"].get(operation, "")).format(form=rand.choice(said.get("input_forms", [""])))
        row = Row(f"{key}/{number}", parents=(parent,), operation=operation, about={"before": task, "round": number})
        fate = yield from _evolution(job, settings, style, row, task, how, draw)
        fates.append(fate)
        if isinstance(fate, Row):
            task, parent = str(fate.about["instruction"]), fate.id
    return fates


def _evolution(job: Job, settings: EvolveSettings, style: Style, row: Row, task: str, how: str, draw: int) -> Chain:
    """Returns one evolved task with its answer, or why there is none."""
    said = wordings(style.wording)
    wording = said[row.operation] if row.operation in style.others else said["in_depth"]
    row = replace(row, prompt_hash=fingerprint(wording, how))
    reply = yield _ask(job, settings, style, "evolve", wording.format(how=how, task=task), draw)
    if isinstance(reply, Failed):
        return lost(row, reply)
    new, fault = parse_evolved(reply.text, reply.finish, strict=job.strict)
    fault = fault or style.evolution_fault(new, task, job.strict)
    row = replace(row, messages=(Message("user", new),), model=reply.model, about={**row.about, "instruction": new, "input": ""})
    if fault:
        return Dropped(row, fault)
    if settings.judge_equal:
        text = wordings("evolve")["equal"].format(first=task, second=new)
        verdict = yield _ask(job, settings, style, "judge", text, 0, Sampling(max_tokens=16))
        if isinstance(verdict, Failed):
            return lost(row, verdict)
        if (equal := says_equal(verdict.text)) is not False:
            return Dropped(row, "no gain" if equal else "verdict cannot be read")
    answer = yield _ask(job, settings, style, "answer", new, draw)
    if isinstance(answer, Failed):
        return lost(row, answer)
    output = answer.text.strip()
    row = replace(row, messages=(*row.messages, Message("assistant", output)), model=answer.model, about={**row.about, "output": output})
    fault = style.answer_fault(answer, new, job.strict)
    return Dropped(row, fault) if fault else row


def _ask(job: Job, settings: EvolveSettings, style: Style, stage: str, text: str, draw: int, sampling: Sampling | None = None) -> Ask:
    system = (Message("system", wordings(style.wording)["system"]),) if settings.with_system or job.strict else ()
    drawn = sampling or Sampling(settings.temperature, settings.top_p, settings.max_tokens)
    return Ask(stage, (*system, Message("user", text)), sampling=drawn, sample=draw)
