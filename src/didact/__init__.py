"""didact turns a base language model into one that follows instructions, and proves it on tasks it has never seen.

The public names are here; each is loaded when it is first used, so that `import didact` loads no torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Assembly": "assemble",
    "Chat": "apps.chat",
    "Conversation": "base.types",
    "DidactError": "base.errors",
    "Example": "base.types",
    "Message": "base.types",
    "Mixture": "data.mixture",
    "Origin": "base.types",
    "Recipe": "base.recipe",
    "Run": "run",
    "Task": "tasks.task",
    "TaskSet": "tasks.task",
    "TemplateSet": "prompts.template",
    "Tokeniser": "data.tokens",
    "check_recipe": "jobs:check",
    "create_run": "run",
    "evaluate_run": "jobs:evaluate",
    "find_leaks": "tasks.leaks",
    "find_run": "run",
    "hold_out": "tasks.splits",
    "load_recipe": "base.recipe_file",
    "load_tasks": "tasks.readers",
    "loss_weights": "data.objectives",
    "open_chat": "apps.chat",
    "render": "prompts.render",
    "train_recipe": "jobs:train",
    "write_report": "studies.report",
}
"""Public name to the module that defines it, with its name there where it differs (`train` is a folder of this package)."""

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"didact has no public name '{name}'; it has: {', '.join(sorted(_HOMES))}")
    module, _, own_name = _HOMES[name].partition(":")
    return getattr(import_module(f"didact.{module}"), own_name or name)


def __dir__() -> list[str]:
    return __all__
