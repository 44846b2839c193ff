"""IFEval's 25 instructions by name, and what an example says of them read and refused where it makes no sense.

Source: Zhou et al. (2023), Instruction-following evaluation for large language models, arXiv 2311.07911, table 1.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from didact.base.errors import DataError, RecipeError, did_you_mean
from didact.tasks.ifeval import keywords, lengths, shapes, whole_answer
from didact.tasks.ifeval.counting import Relation
from didact.tasks.task import Task

CHECKED = "ifeval"
"""The benchmark whose targets are no answers: a program checks, instruction by instruction, what is written."""
Check = Callable[..., bool]
"""`check(text, **arguments)`: whether a text follows the instruction; the names of its parameters are those of IFEval's arguments."""

CHECKS: Mapping[str, Check] = {
    "change_case:capital_word_frequency": whole_answer.capital_word_frequency,
    "change_case:english_capital": whole_answer.english_capital,
    "change_case:english_lowercase": whole_answer.english_lowercase,
    "combination:repeat_prompt": whole_answer.repeat_prompt,
    "combination:two_responses": whole_answer.two_responses,
    "detectable_content:number_placeholders": shapes.number_placeholders,
    "detectable_content:postscript": shapes.postscript,
    "detectable_format:constrained_response": shapes.constrained_response,
    "detectable_format:json_format": shapes.json_format,
    "detectable_format:multiple_sections": shapes.multiple_sections,
    "detectable_format:number_bullet_lists": shapes.number_bullet_lists,
    "detectable_format:number_highlighted_sections": shapes.number_highlighted_sections,
    "detectable_format:title": shapes.title,
    "keywords:existence": keywords.existence,
    "keywords:forbidden_words": keywords.forbidden_words,
    "keywords:frequency": keywords.frequency,
    "keywords:letter_frequency": keywords.letter_frequency,
    "language:response_language": whole_answer.response_language,
    "length_constraints:nth_paragraph_first_word": lengths.nth_paragraph_first_word,
    "length_constraints:number_paragraphs": lengths.number_paragraphs,
    "length_constraints:number_sentences": lengths.number_sentences,
    "length_constraints:number_words": lengths.number_words,
    "punctuation:no_comma": whole_answer.no_comma,
    "startend:end_checker": whole_answer.end_checker,
    "startend:quotation": whole_answer.quotation,
}
"""Every instruction that there is."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with its arguments."""

    name: str
    arguments: Mapping[str, Any]

    def followed_by(self, text: str) -> bool:
        """Says whether a text follows it; an empty one follows nothing.

        >>> no_comma = Instruction("punctuation:no_comma", {})
        >>> no_comma.followed_by("Red."), no_comma.followed_by("Red, blue."), no_comma.followed_by(" ")
        (True, False, False)
        """
        return bool(text.strip()) and CHECKS[self.name](text, **self.arguments)


def check_answers(task: Task) -> None:
    """Looks whether a task has answers to train on: IFEval has none, its targets are what a program checks.

    Raises:
        RecipeError: It has none.
    """
    if task.kind == CHECKED and any(is_instruction(target) for example in task.examples for target in example.targets[:1]):
        raise RecipeError(
            f"task '{task.name}' has no answers to train on: its targets are instructions that a program checks, as JSON",
            where=f"tasks: {task.name}",
            expected=f"{CHECKED} is for judging: --on {CHECKED}",
            remedy=f"tasks.hold_out.task=['{task.name}'], or leave its source out",
        )


def is_instruction(reference: str) -> bool:
    """Says whether a reference is an instruction to be checked, as JSON, and no answer to compare with.

    >>> is_instruction('{"instruction": "punctuation:no_comma"}'), is_instruction("A cat.")
    (True, False)
    """
    return reference.startswith("{") and '"instruction"' in reference


@lru_cache(maxsize=4096)
def read_instruction(target: str) -> Instruction:
    r"""Returns the instruction that a target of benchmark `ifeval` holds, as JSON.

    Args:
        target: An object with `instruction`, the name, and the arguments beside it.

    Raises:
        DataError: It is no such object, there is no such instruction, or its arguments are missing, unknown or of the wrong kind.

    >>> read_instruction('{"instruction": "detectable_format:number_bullet_lists", "num_bullets": 3}').followed_by("- a\n- b\n- c")
    True
    """
    try:
        said = json.loads(target)
    except ValueError:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("instruction"), str):
        raise DataError(f"no instruction of IFEval in {target[:60]!r}", expected='an object like {"instruction": "punctuation:no_comma"}')
    name, given = said["instruction"], {key: value for key, value in said.items() if key != "instruction"}
    if name not in CHECKS:
        raise DataError(f"no instruction of IFEval named '{name}'", expected=did_you_mean(name, CHECKS))
    wanted = {key: parameter.annotation for key, parameter in inspect.signature(CHECKS[name]).parameters.items() if key != "text"}
    wrong = [key for key in wanted if key not in given] + [key for key in given if key not in wanted]
    if wrong:
        what = f"'{name}' {'needs' if wrong[0] in wanted else 'has no'} argument '{wrong[0]}'"
        raise DataError(what, expected=", ".join(wanted) or "no arguments")
    return Instruction(name, {key: _argument(name, key, given[key], kind) for key, kind in wanted.items()})


def _argument(name: str, key: str, value: Any, kind: Any) -> Any:
    """Returns an argument as its check takes it; numbers may be written 3.0, as tables have them."""
    if kind is int and isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value == int(value):
        return int(value)
    if kind is str and isinstance(value, str) and value.strip():
        return value
    if kind == tuple[str, ...] and isinstance(value, list) and value and all(isinstance(word, str) and word.strip() for word in value):
        return tuple(value)
    if kind == Relation and value in get_args(Relation):
        return value
    expected = {int: "a whole number", str: "text", tuple[str, ...]: "a list of words"}.get(kind, " or ".join(get_args(Relation)))
    raise DataError(f"argument '{key}' of '{name}' is {value!r}", expected=expected)
