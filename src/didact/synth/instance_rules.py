"""Which instances of a task are refused for what they are."""

from collections.abc import Sequence
from dataclasses import replace

from didact.synth.instruction_rules import MERGED
from didact.synth.self_instruct_replies import Instance

SAME_INPUT = "same input, different outputs"


def instance_fault(instance: Instance, *, strict: bool = False) -> str:
    """Returns why an instance is refused, empty where it is not; the rules stand in the original's order.

    Args:
        instance: As it was read.
        strict: Only the original's rules; else an output that runs on into a further task is refused too.

    Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, its code; the last rule: AlpacaDataCleaned.

    >>> instance_fault(Instance("2 + 2", "2 + 2")), instance_fault(Instance("", "The steps are:")), instance_fault(Instance("2 + 2", "4"))
    ('input is output', 'ends with a colon', '')
    """
    given, answer = instance.input.strip(), instance.output.strip()
    if instance.fault:
        return instance.fault
    if given == answer and (strict or given):
        return "input is output"
    if not answer:
        return "no output"
    if given.endswith(":") or answer.endswith(":"):
        return "ends with a colon"
    if not strict and (MERGED.search(answer) or MERGED.search(given)):
        return "merged with another task"
    return ""


def judged(instances: Sequence[Instance], *, strict: bool = False) -> list[Instance]:
    """Returns the instances of one task, each with its fault if it has one: by itself, or beside the others.

    Args:
        instances: In their order.
        strict: As the original: where two instances have one input and different outputs, all of the task's are refused. Else only those.

    Source: as `instance_fault`.

    >>> [one.fault for one in judged([Instance("a", "1"), Instance("a", "2"), Instance("b", "3"), Instance("b", "3")])]
    ['same input, different outputs', 'same input, different outputs', '', 'instance twice']
    >>> [one.fault for one in judged([Instance("a", "1"), Instance("a", "2"), Instance("b", "3")], strict=True)] == 3 * [SAME_INPUT]
    True
    """
    found = [replace(one, fault=instance_fault(one, strict=strict)) for one in instances]
    outputs: dict[str, set[str]] = {}
    for one in found:
        if not one.fault and one.input:
            outputs.setdefault(one.input, set()).add(one.output)
    unclear = {given for given, answers in outputs.items() if len(answers) > 1}
    seen = set[tuple[str, str]]()
    for number, one in enumerate(found):
        if one.fault:
            continue
        if one.input in unclear or (strict and unclear):
            found[number] = replace(one, fault=SAME_INPUT)
        elif (one.input, one.output) in seen:
            found[number] = replace(one, fault="instance twice")
        seen.add((one.input, one.output))
    return found
