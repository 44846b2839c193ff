"""Lists of tasks, classification tests and instances, as Self-Instruct asks for them: right ones among slips."""

import re
from collections.abc import Mapping

from didact.base.chance import rng
from didact.synth.made_tasks import Family, Instance, known, made_instruction
from didact.synth.scripts.request import SLIP, Request

_LISTED = re.compile(r"(?m)^(\d+)\.(?= |$)")
_ASKED = re.compile(r"numbered (\d+) to (\d+)")
_TASK = re.compile(r"(?m)^Task: (.+)$")
_USUAL = 7
"""Tasks that it writes where nobody says how many."""
_CLASSIFIES = "Is it classification?"


def class_reply(request: Request) -> str | None:
    """Returns whether a task is a classification; None where nobody asks."""
    if not request.last.rstrip().endswith(_CLASSIFIES):
        return None
    tasks = _TASK.findall(request.last)
    found = known(tasks[-1]) if tasks else None
    return "Yes" if found and found[0].labels else "No"


def instances_reply(request: Request) -> str | None:
    """Returns instances of a task in the form that is shown, one in twelve without its output; None where nobody asks for them."""
    tasks = _TASK.findall(request.last)
    if not tasks or not request.last.rstrip().endswith(tasks[-1].rstrip()):
        return None
    found = known(tasks[-1])
    if found is None:
        return "Output: I'm sorry, I can only answer in text."
    family, words = found
    rand = request.rand()
    if family.labels and "Class label:" in request.last:
        made = [_of_label(family, words, label, rand.random()) for label in family.labels for _ in range(2)]
        return "\n".join(f"Class label: {label}\n{given}" for given, label in made)
    made = list(dict.fromkeys(family.make(words, rand) for _ in range(3)))
    if not any(given for given, _ in made):
        return f"Output: {made[0][1]}"
    lines = list[str]()
    for number, (given, output) in enumerate(made, start=1):
        lines += [f"Example {number}", given, "Output:" if rand.random() < SLIP else f"Output: {output}"]
    return "\n".join(lines)


def list_reply(request: Request) -> str | None:
    """Returns a numbered list of tasks that goes on where the request's ends; None where nobody asks for one."""
    text, asked = request.last, _ASKED.search(request.last)
    numbers = _LISTED.findall(text)
    number = int(numbers[-1]) if numbers else 0
    opened = bool(numbers) and text.rstrip().endswith(f"\n{number}.")
    if not numbers or not (opened or asked):
        return None
    first, last = (int(asked[1]), int(asked[2])) if asked else (number, number + _USUAL - 1)
    tasks = [made_instruction(request.rand(place)) for place in range(first, last + 1)]
    listed = "\n".join(f"{place}. {task}" for place, task in enumerate(tasks, start=first))
    return listed.removeprefix(f"{first}.") if opened else listed


def _of_label(family: Family, words: Mapping[str, str], label: str, chance: float) -> Instance:
    """Returns an instance with a label: they are made until one has it."""
    for number in range(1000):
        made = family.make(words, rng(0, "synth", "scripted", "label", label, str(chance), number))
        if made[1] == label:
            return made
    return "", label
