"""MMLU: 57 subjects of questions with four options.

Source: Hendrycks et al. (2021), Measuring massive multitask language understanding, arXiv 2009.03300.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.file_shapes import json_value
from didact.tasks.benchmarks.mmlu_samples import SUBJECTS, samples_of
from didact.tasks.benchmarks.parsing import text_of
from didact.tasks.benchmarks.row_parts import options_of, picked

LETTERS = "ABCD"
COT_FILES = ("flan_cot_fewshot_prompts.json", "_cot_prompts.json")
"""Names under which the published prompts with rationales stand: subject to one text of four or five worked questions."""
_WORKED = re.compile(r"Q: (?P<question>.*?)\n\(A\) (.*?)\s+\(B\) (.*?)\s+\(C\) (.*?)\s+\(D\) (.*?)\nA: (?P<rationale>.*)", re.DOTALL)
_ANSWER = re.compile(r"\s*The answer is \(?([A-D])\)?\.?\s*$")


def parse(subject: str, row: Mapping[str, Any]) -> Example:
    """Returns the example of a row, in the original layout (A, B, C, D, answer) or the hub's (choices, answer as 0 to 3).

    >>> parse("arithmetic", {"question": "1 + 1?", "choices": ["1", "2", "3", "4"], "answer": 1}).targets
    ('2',)
    """
    options = options_of(row["choices"] if "choices" in row else [row.get(letter) for letter in LETTERS])
    if len(options) != len(LETTERS):
        raise DataError("not four choices")
    by_key = {key: option for number, option in enumerate(options) for key in (LETTERS[number], str(number))}
    return Example("", {"question": text_of(row, "question"), "subject": subject}, (picked(row, by_key, "answer"),), options)


def worked_questions(subject: str, text: str) -> tuple[Example, ...]:
    r"""Returns the worked questions of a published prompt: question, options in one line, and a rationale that ends in the answer.

    Source: Chung et al. (2022), Scaling instruction-finetuned language models, arXiv 2210.11416, appendix on MMLU.

    >>> block = "Q: 1 + 1?\n(A) 1 (B) 2 (C) 3 (D) 4\nA: Let's think step by step. One more than one. The answer is (B)."
    >>> worked_questions("arithmetic", "Questions follow.\n\n" + block)[0].rationale
    'One more than one.'
    """
    found = list[Example]()
    for block in re.split(r"\n\n(?=Q: )", text)[1:]:
        match = _WORKED.search(block)
        answer = _ANSWER.search(match["rationale"]) if match else None
        if match and answer:
            options = options_of(match.groups()[1:5])
            fields = {"question": match["question"].strip(), "subject": subject}
            rationale = match["rationale"][: answer.start()].removeprefix("Let's think step by step.").strip()
            found.append(sample(len(found) + 1, fields, options[LETTERS.index(answer[1])], rationale, options))
    return tuple(found)


def _published(name: str, folder: Path) -> tuple[Example, ...]:
    files = [file for place in (folder, folder.parent) for file in (place / name for name in COT_FILES) if file.is_file()]
    prompts = json_value(files[0]) if files else {}
    text = prompts.get(name) if isinstance(prompts, Mapping) else None
    return worked_questions(name.replace("_", " "), text) if isinstance(text, str) else ()


def _subject(group: str, name: str) -> Benchmark:
    subject = name.replace("_", " ")
    return Benchmark(
        name=f"mmlu/{name}",
        fields=("question", "subject"),
        parse=partial(parse, subject),
        metrics=("accuracy", "mcq_accuracy"),
        cluster="multiple_choice_knowledge",
        datasets=("mmlu",),
        licence="MIT",
        definition=f"Answer a question about {subject} by choosing one of four options.",
        samples=samples_of(group, subject),
        hub=Hub("cais/mmlu", name, ("test", "validation", "dev")),
        files=(f"data/{{split}}/{name}_{{split}}.csv", f"{{split}}/{name}_{{split}}.csv", f"{name}/{{split}}-*.parquet"),
        header=("question", *LETTERS, "answer"),
        demonstrations=partial(_published, name),
    )


MMLU = {f"mmlu/{name}": _subject(group, name) for group, names in SUBJECTS.items() for name in sorted(names.split())}
"""The subjects by name."""
