"""Code Evol-Instruct: programming tasks made harder in five ways, round after round, and the rule that says after which round to stop."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from didact.synth.ask import Program, Reply
from didact.synth.evolve import EvolveSettings, Style, evolved
from didact.synth.evolve_rules import answer_fault, evolution_fault
from didact.synth.job import Job, settings_of

# Source: evol-teacher, an open re-implementation: no leading punctuation is refused, since HTML and code begin with it.
LEAST_WORDS = 4


class EvolveCodeSettings(EvolveSettings):
    """What Code Evol-Instruct can be told."""

    num_rounds: Annotated[int, Field(ge=1)] = 3
    """How often each task is evolved; three was best, with the rows of all rounds trained on together."""
    operations: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={"add_requirements": 1, "replace_requirement": 1, "add_reasoning": 1, "mislead": 1, "raise_complexity": 0.5}
    )
    """Which operations are drawn, and how often one beside another; strict draws all five alike."""
    judge_equal: bool = False
    """Ask whether an evolution gained anything; the original does not."""


def evolve_code(job: Job) -> Program:
    """Returns the program: as Evol-Instruct, with five operations for code.

    To find the best round, train on the rows of rounds 1, 1 and 2, and so on (`about.round` in each), and give `num_rounds_kept` the scores
    on a development set that is no benchmark of yours.

    Source: Luo et al. (2023), WizardCoder, arXiv 2306.08568, section 3.1.
    """
    settings = settings_of(job, EvolveCodeSettings)
    if job.strict:
        settings = settings.model_copy(update={"operations": dict.fromkeys(settings.operations, 1.0)})
    return evolved(job, settings, Style("evolve_code", code_fault, _answer_fault))


def code_fault(new: str, old: str, strict: bool = False) -> str:
    r"""Returns why an evolved programming task is refused, empty where it is not.

    Args:
        new: The evolved task; it may consist of lines of code.
        old: What it was made from.
        strict: Only the rules of evol-teacher: empty, three words or fewer, or not ASCII at its beginning.

    >>> code_fault("Sort a list.", "Sort."), code_fault("Sort a list in place:\n[3,\n1,\n2]", "Sort.")
    ('shorter than 4 words', '')
    """
    if len(new.split()) < LEAST_WORDS:
        return f"shorter than {LEAST_WORDS} words"
    if strict:
        return "" if new[0].isascii() else "begins with no ASCII letter"
    fault = evolution_fault(new, old)
    return "" if fault == "no task but a list" else fault


def num_rounds_kept(scores: Sequence[float], *, patience: int = 0) -> int:
    """Returns how many rounds to train on: those up to the best one before the scores drop.

    Args:
        scores: On a development set, higher is better: of the seed tasks alone, then with round 1, with rounds 1 and 2, and so on.
        patience: So many rounds without a new best are still waited for; the original stops at the first.

    Source: Luo et al. (2023), arXiv 2306.08568, section 3.1.

    >>> num_rounds_kept([40.1, 55.0, 57.2, 56.9, 58.0]), num_rounds_kept([40.1, 55.0, 57.2, 56.9, 58.0], patience=1)
    (2, 4)
    """
    best, waited = 0, 0
    for number, score in enumerate(scores):
        if number == 0 or score > scores[best]:
            best, waited = number, 0
            continue
        waited += 1
        if waited > patience:
            break
    return best


def _answer_fault(reply: Reply, task: str, strict: bool) -> str:
    return "" if strict else answer_fault(reply.text, task, reply.finish)
