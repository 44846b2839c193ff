"""Machines that somebody might train on, by a few words each: does a plan fit there, and if not, which knob comes first."""

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from didact.base.errors import RecipeError
from didact.models.activations import activations
from didact.models.amounts import in_words
from didact.models.needs import memory_of
from didact.models.plan import Plan, by_part
from didact.models.precision import Precision
from didact.models.proposals import overrides, proposal

_FORM = re.compile(r"(?:(\d+)x)?(\d+)\s*GB", re.IGNORECASE)


@dataclass(frozen=True)
class Machine:
    """What a plan has to fit into."""

    name: str
    device: Literal["cpu", "cuda"]
    num_devices: int
    each: int | None
    """Bytes of each device; None: not known."""


def machine_named(text: str, cpu_memory: int | None) -> Machine:
    """Returns a machine from its words: `cpu`, or a number of GPUs and what each has.

    Args:
        text: For example 1x24GB, 80GB, cpu.
        cpu_memory: Bytes that a process on this machine's processor may take.

    Raises:
        RecipeError: The words have another form.

    >>> machine_named("8x80GB", None)
    Machine(name='8x80GB', device='cuda', num_devices=8, each=80000000000)
    """
    if text.lower() == "cpu":
        return Machine("cpu", "cpu", 1, cpu_memory)
    found = _FORM.fullmatch(text.strip())
    if found is None or not int(found[2]) or found[1] == "0":
        raise RecipeError(f"no machine is written '{text}'", expected="a number of GPUs and the memory of each, or cpu", remedy="1x24GB")
    return Machine(text, "cuda", int(found[1] or 1), int(found[2]) * 10**9)


@dataclass(frozen=True)
class Fit:
    """How a plan stands on a machine."""

    machine: Machine
    plan: Plan
    """The plan as this machine would have it."""
    fits: bool | None
    """None: nobody knows what the machine has."""
    change: tuple[str, ...]
    """Where it does not fit, what to type so that it does; empty where nothing helps."""
    changed: int
    """Bytes of each device after that."""

    def lines(self, tokens_per_second: float | None = None, price_per_hour: float | None = None) -> list[str]:
        """Returns it in plain sentences; a time is told where somebody knows how fast this machine is."""
        machine, memory = self.machine, self.plan.memory
        there = f" of {in_words(machine.each)}" if machine.each is not None else ""
        how = [self.plan.wanted.precision, "sharded" if self.plan.wanted.shard else "a copy on each" if machine.num_devices > 1 else ""]
        how += ["layers computed again"] if self.plan.wanted.checkpointing else []
        found = {True: "fits", False: "does not fit", None: "takes"}[self.fits]
        lines = [f"{machine.name} ({', '.join(filter(None, how))}): {found}, {in_words(memory.total)}{there} ({by_part(memory)})"]
        if self.fits is False:
            remedy = f"{' '.join(self.change)} (then {in_words(self.changed)})" if self.change else "a smaller model.base"
            lines.append(f"{machine.name}: first turn {remedy}")
        if tokens_per_second:
            lines.append(f"{machine.name}: {self.plan.time_line(tokens_per_second, price_per_hour)}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain data."""
        told = {"fits": self.fits, "change": list(self.change), "total_after_change": self.changed}
        memory = self.plan.to_dict()["memory"]
        return {"machine": self.machine.name, "bytes_of_each": self.machine.each, **told, "memory": memory}


def fit(plan: Plan, machine: Machine, config: Any, precision: Precision, *, may_checkpoint: bool, adapter: float | None) -> Fit:
    """Returns how a training stands on another machine.

    Args:
        plan: The training's, on any machine.
        machine: The other one.
        config: The model's transformers configuration.
        precision: In which that machine multiplies.
        may_checkpoint: The recipe leaves it to the plan whether the inside of layers is computed again.
        adapter: Share of the weights that an adapter would train; None: the recipe has one, or cannot have one.
    """
    seen = plan.wanted.seen if machine.device == "cpu" else 0.0  # a GPU's attention keeps no weights
    wanted = replace(plan.wanted, precision=precision, device=machine.device, processes=machine.num_devices, seen=seen)
    known = precision == plan.wanted.precision and not plan.wanted.eager and wanted.lean == plan.wanted.lean
    traced = plan.traced if known else activations(config, plan.wanted.max_length, precision, lean=wanted.lean)
    wanted = replace(wanted, eager=False, checkpointing=plan.wanted.checkpointing and not may_checkpoint)
    here = replace(plan, wanted=wanted, traced=traced, memory=memory_of(plan.sizes, traced, wanted, plan.predicted))
    if machine.each is None:
        return Fit(machine, here, None, (), here.memory.total)
    if may_checkpoint and here.memory.total > machine.each:
        here = here.changed(checkpointing=True)
    if here.memory.total <= machine.each:
        return Fit(machine, here, True, (), here.memory.total)
    found = proposal(here, machine.each - here.memory.libraries, config, adapter)
    if found is None:
        return Fit(machine, here, False, (), here.memory.total)
    return Fit(machine, here, False, tuple(overrides(here.wanted, found[0])), found[1].total)
