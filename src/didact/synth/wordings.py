"""What methods say to models: our own words, one YAML file for each method."""

from functools import cache
from pathlib import Path
from typing import Any

from didact.base.strict_yaml import read_yaml

FOLDER = Path(__file__).parent / "prompts"


@cache
def wordings(name: str) -> dict[str, Any]:
    """Returns the texts of `prompts/NAME.yaml` by their keys.

    >>> wordings("self_instruct")["classification_answer"]
    'Answer with Yes or No.'
    """
    return read_yaml(FOLDER / f"{name}.yaml").data
