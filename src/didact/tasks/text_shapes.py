"""Instructions in shapes of their own: instances inside rows, completions that name their end, questions with written-out newlines."""

from collections.abc import Iterator, Mapping
from typing import Any

from didact.base.config import Section
from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.atlas.made import settings_of
from didact.tasks.readers import open_source, row_tasks, text_of
from didact.tasks.row_names import carried
from didact.tasks.rows import Row
from didact.tasks.task import ReadReport, Task

END = "<|endoftext|>"
"""What OpenAI's first tuning service wanted behind every completion."""


class InstanceSettings(Section):
    """Settings of reader `instances`."""

    reformulations: int = 1
    """1: the other wordings of an instruction are examples too; 0: only the instruction itself."""


def instances(source: Source) -> list[Task]:
    """Returns one task of rows with an `instruction` and its `instances` (`input`, `output`, perhaps `constraints`).

    Unnatural Instructions has `reformulations` beside them: whole wordings of the same instances. A row of the report is an instance.
    """
    chosen = settings_of(source, InstanceSettings)

    def opened(source: Source, report: ReadReport) -> Iterator[Row]:
        for file, label, row in open_source(source, report):
            try:
                listed = [*_listed(row, "instances"), *(_listed(row, "reformulations", needed=False) if chosen.reformulations else [])]
            except DataError as error:
                report.refuse(file, label, error.what)
                continue
            for number, part in enumerate(listed, start=1):
                whole = {"instruction": row.get("instruction"), **carried(row, source), **part, "id": f"{row.get('id') or label}/{number}"}
                yield file, f"{label}, instance {number}", whole

    return row_tasks(source, "alpaca", lambda row, _: instance_example(row), "rows with instruction and instances", opened)


def gpt3_tuning(source: Source) -> list[Task]:
    """Returns one task of rows with `prompt` and `completion` as GPT-3's tuning had them: an end mark behind the completion."""

    def parse(row: Mapping[str, Any], _: Source) -> Example:
        prompt, completion = text_of(row, "prompt"), text_of(row, "completion").removesuffix(END)
        if not prompt.strip() or not completion.strip():
            raise DataError("empty completion" if prompt.strip() else "empty prompt")
        return Example("", {"prompt": prompt}, (completion,))

    return row_tasks(source, "prompt_completion", parse, f"rows with prompt and completion, which may end with {END}")


def unifiedqa(source: Source) -> list[Task]:
    r"""Returns one task of rows with `prompt` and `completion` in which `\n` is written out as two characters.

    Source: Khashabi et al. 2020, UnifiedQA, arXiv 2005.00700: question, then options, then context, between such marks.
    """

    def parse(row: Mapping[str, Any], _: Source) -> Example:
        written = (text_of(row, column) for column in ("prompt", "completion"))
        prompt, completion = (text.replace(" \\n ", "\n").replace("\\n", "\n").strip() for text in written)
        if not prompt or not completion:
            raise DataError("empty completion" if prompt else "empty prompt")
        return Example("", {"prompt": prompt}, (completion,))

    return row_tasks(source, "prompt_completion", parse, "rows of a question and its answer, with a tab between them")


def instance_example(row: Mapping[str, Any]) -> Example:
    r"""Returns one instance as an Example; a reformulation (`instruction_with_input` alone) is asked as it stands.

    >>> row = {"instruction": "Add.", "input": "1 2", "constraints": "Digits only.", "output": "3"}
    >>> instance_example(row).fields
    {'instruction': 'Add.\n\nDigits only.', 'input': '1 2'}
    """
    instruction, given, output = (text_of(row, column) for column in ("instruction", "input", "output"))
    if "{INPUT}" in instruction:  # A reformulation: the input has a place of its own in it.
        instruction, given = text_of(row, "instruction_with_input") or instruction.replace("{INPUT}", given), ""
    constraints = text_of(row, "constraints").strip()
    if not instruction.strip():
        raise DataError("missing instruction")
    if not output.strip():
        raise DataError("empty output")
    if constraints.rstrip(".").lower() not in ("", "none"):
        instruction = f"{instruction}\n\n{constraints}"
    return Example("", {"instruction": instruction, "input": given}, (output,))


def _listed(row: Mapping[str, Any], key: str, needed: bool = True) -> list[Mapping[str, Any]]:
    parts = row.get(key)
    if parts is None and not needed:
        return []
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        raise DataError(f"missing {key}" if parts is None else f"{key} is not a list of objects")
    if needed and not parts:
        raise DataError(f"no {key}")
    return parts
