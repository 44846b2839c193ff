"""Task files of Natural Instructions v1 in the words of Super-NaturalInstructions, so that one reader opens both.

Source: Mishra et al. 2021, Cross-Task Generalization via Natural Language Crowdsourcing Instructions, arXiv 2104.08773.
"""

from collections.abc import Mapping
from typing import Any

_NOTHING = ("", "-")
"""How v1 writes that there is nothing to say."""


def is_v1(task: Mapping[str, Any]) -> bool:
    """Says whether a task file has the layout of v1: demonstrations under `Examples`, the definition in four parts."""
    return isinstance(task.get("Examples"), Mapping)


def as_superni(task: Mapping[str, Any]) -> dict[str, Any]:
    r"""Returns a v1 task with the keys of v2; what to heed, to avoid and to do stands below the definition.

    >>> task = {"Definition": "Add.", "Prompt": "-", "Things to Avoid": "Words.", "Examples": {"Positive Examples": []}, "Instances": []}
    >>> as_superni(task)["Definition"]
    'Add.\nThings to avoid: Words.'
    """
    parts = (("Definition", ""), ("Emphasis & Caution", "Emphasis and caution: "), ("Things to Avoid", "Things to avoid: "), ("Prompt", ""))
    texts = [(label, str(task.get(key) or "").strip()) for key, label in parts]
    examples = task["Examples"]
    return {
        **{key: value for key, value in task.items() if key not in ("Definition", "Examples")},
        "Definition": "\n".join(label + text for label, text in texts if text not in _NOTHING),
        "Positive Examples": _explained(examples.get("Positive Examples")),
        "Negative Examples": _explained(examples.get("Negative Examples")),
    }


def _explained(examples: Any) -> Any:
    """Returns demonstrations with reason and suggestion as one explanation, without the dashes that stand for none."""
    if not isinstance(examples, list):
        return examples
    told = [example for example in examples if not (isinstance(example, str) and example.strip() in _NOTHING)]
    return [{**example, "explanation": _explanation(example)} if isinstance(example, Mapping) else example for example in told]


def _explanation(example: Mapping[str, Any]) -> str:
    texts = [str(example.get(key) or "").strip() for key in ("reason", "suggestion")]
    return " ".join(text for text in texts if text not in _NOTHING)
