"""The scripted teacher: answers a synthesis' requests from a small grammar, so that the whole path can be seen without a model.

It writes what a model would, right answers and slips alike: tasks that no text can answer or that come twice, instances without an output.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from didact.base.chance import rng
from didact.base.files import fingerprint
from didact.synth.made_tasks import Family, Instance, known, made_instruction

Answer = Callable[[Mapping[str, Any]], str]
"""From a request in OpenAI's form to the reply's text."""
_LISTED = re.compile(r"(?m)^(\d+)\.(?= |$)")
_ASKED = re.compile(r"numbered (\d+) to (\d+)")
_TASK = re.compile(r"(?m)^Task: (.+)$")
_USUAL = 7
"""Tasks that it writes where nobody says how many."""
_SLIP = 1 / 12
"""Share of instances that have no output."""


def scripted(seed: int = 0) -> Answer:
    r"""Returns a teacher: the same request always has the same answer.

    Args:
        seed: Another one is another teacher.

    >>> teacher = scripted()
    >>> teacher({"prompt": "Tasks:\n1. Sing.\n2. Hum.\n3."}).count("\n")
    6
    >>> teacher({"prompt": "Task: Which of the two numbers is larger?\nIs it classification?"})
    'No'
    >>> teacher({"prompt": "Task: Convert 7 metres to centimetres.\n"})
    'Output: 700 centimetres'
    """

    def answer(asked: Mapping[str, Any]) -> str:
        text = _text(asked)
        said = fingerprint({key: asked[key] for key in sorted(asked) if key != "model"})
        tasks = _TASK.findall(text)
        if text.rstrip().endswith("Is it classification?"):
            found = known(tasks[-1]) if tasks else None
            return "Yes" if found and found[0].labels else "No"
        if tasks and text.rstrip().endswith(tasks[-1].rstrip()):
            return _instances(tasks[-1], "Class label:" in text, seed, said)
        if numbers := _LISTED.findall(text):
            return _list(text, int(numbers[-1]), seed, said)
        return _reply(text, seed, said)

    return answer


def _text(asked: Mapping[str, Any]) -> str:
    prompt = asked.get("prompt")
    return str(prompt) if prompt is not None else "\n\n".join(str(one.get("content") or "") for one in asked.get("messages", ()))


def _list(text: str, number: int, seed: int, said: str) -> str:
    """Returns a numbered list of tasks that goes on where the request's ends."""
    opened = text.rstrip().endswith(f"\n{number}.")
    asked = _ASKED.search(text)
    first, last = (int(asked[1]), int(asked[2])) if asked else (number if opened else number + 1, 0)
    last = last or first + _USUAL - 1
    tasks = [made_instruction(rng(seed, "synth", "scripted", said, place)) for place in range(first, last + 1)]
    listed = "\n".join(f"{place}. {task}" for place, task in enumerate(tasks, start=first))
    return listed.removeprefix(f"{first}.") if opened else listed


def _instances(task: str, label_first: bool, seed: int, said: str) -> str:
    found = known(task)
    if found is None:
        return "Output: I'm sorry, I can only answer in text."
    family, words = found
    rand = rng(seed, "synth", "scripted", said)
    if family.labels and label_first:
        made = [_of_label(family, words, label, rand.random()) for label in family.labels for _ in range(2)]
        return "\n".join(f"Class label: {label}\n{given}" for given, label in made)
    made = list(dict.fromkeys(family.make(words, rand) for _ in range(3)))
    if not any(given for given, _ in made):
        return f"Output: {made[0][1]}"
    lines = list[str]()
    for number, (given, output) in enumerate(made, start=1):
        lines += [f"Example {number}", given, "Output:" if rand.random() < _SLIP else f"Output: {output}"]
    return "\n".join(lines)


def _of_label(family: Family, words: Mapping[str, str], label: str, chance: float) -> Instance:
    """Returns an instance with a label: they are made until one has it."""
    for number in range(1000):
        made = family.make(words, rng(0, "synth", "scripted", "label", label, str(chance), number))
        if made[1] == label:
            return made
    return "", label


def _reply(text: str, seed: int, said: str) -> str:
    """Returns the answer to a task of the grammar that stands alone; to anything else, that it is not known."""
    lines = [line for line in text.split("\n") if line.strip()]
    found = known(lines[0]) if lines else None
    if found is None:
        return "I am a scripted teacher and know only the tasks of a small grammar."
    return found[0].make(found[1], rng(seed, "synth", "scripted", said))[1]


grammar: Answer = scripted()
"""The one that recipes name: the same for every run."""
