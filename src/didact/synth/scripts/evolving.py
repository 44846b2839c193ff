"""Evolutions of tasks, in prose and for code: a sentence is added for each operation, one in twelve is left as it was."""

from collections.abc import Mapping

from didact.synth.made_tasks import DAYS, PLACES, TOOLS, made_instruction
from didact.synth.scripts.request import SLIP, Request, filled
from didact.synth.wordings import wordings

_ADDED: Mapping[str, Mapping[str, str]] = {
    "evolve": {
        "add_constraints": "Use no more than {number} words.",
        "deepen": "Say why it is so, and what follows from it on a {day}.",
        "concretize": "Let it be about the {place} and its {tool}.",
        "reason": "Go in {steps} steps, each of which uses the one before.",
        "complicate_input": "Use the table, too.\n\n| thing | price |\n|---|---|\n| {tool} | {number} |",
    },
    "evolve_code": {
        "add_requirements": "It must also work where there are no values, or {number} of them.",
        "replace_requirement": "Use recursion in the place of loops, and call the function {tool}.",
        "add_reasoning": "Sort what is given in {steps} ways first, then compare neighbours.",
        "mislead": "This was tried, and it is wrong:\n\ndef {tool}(values):\n    return values[0] + {number}",
        "raise_complexity": "For {number},000 values it may take no more than n log n steps.",
    },
}
"""By the wordings' file and the operation: what is put behind a task."""


def evolved_reply(request: Request) -> str | None:
    """Returns a task that asks for something more, or another one; None where nobody asks for an evolution."""
    for style, added in _ADDED.items():
        words = wordings(style)
        if asked := filled(words["in_depth"], request.last):
            rand = request.rand()
            if rand.random() < SLIP:
                return asked["task"]
            operation = next(name for name, how in words["operations"].items() if filled(how, asked["how"]) is not None)
            slots = {"tool": rand.choice(list(TOOLS)), "place": rand.choice(PLACES), "day": rand.choice(DAYS)}
            more = added[operation].format(number=rand.randrange(20, 60), steps=rand.randrange(2, 6), **slots)
            return asked["task"] + ("\n\n" if "\n" in asked["task"] + more else " ") + more
    if filled(wordings("evolve")["in_breadth"], request.last):
        return made_instruction(request.rand())
    return None


def equal_reply(request: Request) -> str | None:
    """Returns whether two tasks are called equal: the same words are; None where nobody asks."""
    asked = filled(wordings("evolve")["equal"], request.last)
    if asked is None:
        return None
    same = asked["first"].casefold().split() == asked["second"].casefold().split()
    return "Equal" if same or request.rand().random() < SLIP else "Not Equal"
