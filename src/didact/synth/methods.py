"""Every synthesis method by name."""

from collections.abc import Callable

from didact.base.registry import Registry
from didact.synth.ask import Program
from didact.synth.job import Job

Method = Callable[[Job], Program]
"""What it is given, and the program that the engine runs."""

METHODS: Registry[Method] = Registry(
    "synthesis method",
    {
        "evolve": "didact.synth.evolve:evolve",
        "alpaca": "didact.synth.alpaca:alpaca",
        "self_instruct": "didact.synth.self_instruct:self_instruct",
    },
    "didact ls methods",
)
"""How synthetic data are made."""
