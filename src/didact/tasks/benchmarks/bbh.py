"""BIG-Bench Hard: 23 tasks in 27 files, with the published demonstrations that reason step by step.

Source: Suzgun et al. (2022), Challenging BIG-Bench tasks and whether chain-of-thought can solve them, arXiv 2210.09261.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.bbh_lists import LISTED
from didact.tasks.benchmarks.bbh_puzzles import PUZZLES
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.file_shapes import whole_text
from didact.tasks.benchmarks.parsing import text_of
from didact.tasks.benchmarks.row_parts import stated_options

LABELS = {"boolean_expressions": ("True", "False"), "sports_understanding": ("yes", "no"), "web_of_lies": ("Yes", "No")}
"""The answers of files that list no options and have but two answers."""
METRICS = {
    "dyck_languages": ("accuracy",),
    "multistep_arithmetic_two": ("number_match", "accuracy"),
    "object_counting": ("number_match", "accuracy"),
}
"""Metrics of files in whose answers punctuation or the value of a number counts."""
FAMILIES = ("logical_deduction", "tracking_shuffled_objects")
"""Tasks that have three files each, of three, five and seven objects; every other file is a task of its own."""


def parse(labels: tuple[str, ...], row: Mapping[str, Any]) -> Example:
    r"""Returns the example of a row; its choices are the names of the options that the text lists.

    Three rows of the published files have an answer that a comma cut apart in their options. They are kept, as published scores are
    over all 6,511 rows, and have no choices: only writing the answer out counts.

    >>> parse((), {"input": "Who?\nOptions:\n(A) Ann\n(B) Bea", "target": "(B)"}).choices
    ('(A)', '(B)')
    """
    given, target = text_of(row, "input"), text_of(row, "target")
    choices = stated_options(given) or labels
    if labels and target not in labels:
        raise DataError("the answer is none of the labels")
    return Example("", {"input": given}, (target,), choices if target in choices and len(choices) > 1 else ())


def task_of(file: str) -> str:
    """Returns the name of the task that a file belongs to: scores are means over 23 tasks or over 27 files.

    >>> task_of("logical_deduction_five_objects"), task_of("navigate")
    ('logical_deduction', 'navigate')
    """
    return next((family for family in FAMILIES if file.startswith(family)), file)


def demonstrations(text: str, labels: tuple[str, ...] = ()) -> tuple[Example, ...]:
    r"""Returns the demonstrations of a published prompt file; its first two lines are a canary and a rule, its third an instruction.

    >>> text = "canary\n-----\nSort.\n\nQ: b a\nA: Let's think step by step.\na is first. So the answer is a b."
    >>> [(shown.fields["input"], shown.rationale, shown.targets) for shown in demonstrations(text)]
    [('b a', 'a is first.', ('a b',))]
    """
    found = list[Example]()
    for block in re.split(r"\n\nQ: ", text)[1:]:
        question, mark, reasoning = block.partition("\nA: Let's think step by step.")
        rationale, cue, answer = reasoning.rpartition("So the answer is ")
        if mark and cue:
            target = answer.strip().removesuffix(".")
            row = parse(labels, {"input": question, "target": target})
            found.append(sample(len(found) + 1, row.fields, target, rationale.strip(), row.choices))
    return tuple(found)


def _published(name: str, folder: Path) -> tuple[Example, ...]:
    files = [place / "cot-prompts" / f"{name}.txt" for place in (folder, folder.parent)]
    file = next((file for file in files if file.is_file()), None)
    try:
        return demonstrations(whole_text(file), LABELS.get(name, ())) if file else ()
    except DataError as error:
        raise DataError(error.what, where=str(file), remedy="fetch the file again, or move it away to use our samples") from None


def _file(name: str, definition: str, rows: tuple[tuple[str, str, str], ...]) -> Benchmark:
    read = partial(parse, LABELS.get(name, ()))
    made = [
        (number, read({"input": given, "target": target}), rationale) for number, (given, target, rationale) in enumerate(rows, start=1)
    ]
    return Benchmark(
        name=f"bbh/{name}",
        fields=("input",),
        parse=read,
        metrics=METRICS.get(name, ("answer_match", "accuracy")),
        cluster="reasoning",
        datasets=("big-bench",),
        licence="MIT",
        definition=definition,
        choices=LABELS.get(name, ()),
        samples=tuple(sample(number, row.fields, row.targets[0], rationale, row.choices) for number, row, rationale in made),
        hub=Hub("SaylorTwift/bbh", name, ("test",)),
        files=(f"bbh/{name}.json", f"{name}.json", f"{name}/test-*.parquet"),
        demonstrations=partial(_published, name),
    )


BBH = {f"bbh/{name}": _file(name, *parts) for name, parts in sorted((PUZZLES | LISTED).items())}
"""The files by name."""
