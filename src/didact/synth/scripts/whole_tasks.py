"""Whole tasks, as Alpaca and Unnatural Instructions ask for them: instruction, input and output or constraints in one reply."""

import re

from didact.synth.made_tasks import known
from didact.synth.scripts.answers import instances, remark, solved, whole_task
from didact.synth.scripts.request import SLIP, Request, filled
from didact.synth.wordings import wordings

_OPENED = re.compile(r"\n(\d+)\. Instruction:$")


def tasks_reply(request: Request) -> str | None:
    """Returns tasks in Alpaca's form, one in twelve without its output; None where nobody asks for them."""
    words = wordings("alpaca")
    head, _, rules = words["rules"].partition("{count}")
    if not request.last.startswith(head) or rules.split("\n")[0] not in request.last:
        return None
    opened = _OPENED.search(request.last)
    asked = filled(words["continue_tasks"], request.last.rpartition("\n\n")[2])
    first = int(opened[1]) if opened else int(asked["first"]) if asked else 1
    last = int(asked["last"]) if asked else first + 6
    blocks = []
    for number in range(first, last + 1):
        rand = request.rand("task", number)
        instruction, given, output = whole_task(rand)
        shown = "" if rand.random() < SLIP else output
        blocks.append(f"{number}. Instruction: {instruction}\n{number}. Input:\n{given or '<noinput>'}\n{number}. Output:\n{shown}")
    listed = "\n###\n".join(blocks)
    return listed.removeprefix(f"{first}. Instruction:") if opened else listed


def example_reply(request: Request) -> str | None:
    """Returns one example in the form of Unnatural Instructions, one in twelve without constraints; None where nobody asks for one."""
    words = wordings("unnatural")
    if words["elicit"] not in request.last.split("\n"):
        return None
    rand = request.rand()
    made = whole_task(rand)
    while not made[1]:  # every example has an input
        made = whole_task(rand)
    constraints = "" if rand.random() < SLIP else f"\nConstraints: {_constraint(made[0])}"
    return f"{'Instruction: ' if request.is_chat else ' '}{made[0]}\nInput: {made[1]}{constraints}"


def _constraint(instruction: str) -> str:
    found = known(instruction)
    labels = found[0].labels if found else ()
    return f"The answer is one of: {', '.join(labels)}." if labels else "None."


def output_reply(request: Request) -> str | None:
    """Returns the output of such an example; None where nobody asks for one."""
    words = wordings("unnatural")
    end = f"\n\n{words['answer_only']}" if request.is_chat else "\n\nOutput:"
    if not request.last.endswith(end):
        return None
    text = request.last.removesuffix(end)
    asked = filled(words["answer"], text) or filled(words["answer_unconstrained"], text) or {"instruction": text, "input": ""}
    return solved(asked["instruction"], asked["input"]) or remark(text, request.rand())


def wording_reply(request: Request) -> str | None:
    """Returns an instruction in other words: the grammar's own, else with a word of courtesy; None where nobody asks for it."""
    words = wordings("unnatural")
    if words["paraphrase"] not in request.last.split("\n"):
        return None
    asked = filled("{before}\nInstruction: {instruction}\nIn other words:", request.last)
    last = asked["instruction"].rpartition("\nInstruction: ")[2] if asked else ""
    found, others = known(last), list[str]()
    for pattern in found[0].patterns.split("|") if found else []:
        slots = re.findall(r"\{(\w+)\}", pattern)
        if found and all(slot in found[1] for slot in slots):
            others.append(pattern.format(**found[1]))
    others = [one for one in others if instances(one) and one.casefold() != last.casefold()]
    return request.rand().choice(others) if others else f"Please do the following. {last}"
