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
        "alpaca": "didact.synth.alpaca:alpaca",
        "backtranslate": "didact.synth.backtranslate:backtranslate",
        "curate": "didact.synth.backtranslate:curate",
        "evolve": "didact.synth.evolve:evolve",
        "evolve_code": "didact.synth.evolve_code:evolve_code",
        "explain": "didact.synth.explain:explain",
        "explain_answers": "didact.synth.explain:explain_answers",
        "guardrail": "didact.synth.guardrail:guardrail",
        "judge_pairs": "didact.synth.pairs:judge_pairs",
        "magpie": "didact.synth.template_prefix:template_prefix",
        "seed_rows": "didact.synth.backtranslate:seed_rows",
        "self_chat": "didact.synth.self_chat:self_chat",
        "self_instruct": "didact.synth.self_instruct:self_instruct",
        "spin_pairs": "didact.synth.pairs:spin_pairs",
        "structured": "didact.synth.structured:structured",
        "unnatural": "didact.synth.unnatural:unnatural",
    },
    "didact ls methods",
)
"""How synthetic data are made."""
