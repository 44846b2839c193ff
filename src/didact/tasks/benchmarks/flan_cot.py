"""The nine sets of the chain-of-thought part of the Flan Collection, each with its rationale.

Source: Longpre et al. (2023), The Flan Collection, arXiv 2301.13688; files `cot_data/*.tsv` of google-research/FLAN.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.arithmetic import parse_gsm8k
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.flan_cot_own import parse_aqua, parse_creak, parse_ecqa, parse_esnli, parse_qasc, parse_strategyqa
from didact.tasks.benchmarks.flan_cot_samples import ROWS
from didact.tasks.benchmarks.parsing import filled, text_of
from didact.tasks.benchmarks.row_parts import number_text, stated_options

Parser = Callable[[Mapping[str, Any]], Example]
COLUMNS = ("question", "answer", "rationale")
"""The columns of the TSV files, which have no header."""
LABELS = {"creak": ("yes", "no"), "strategyqa": ("yes", "no")}
"""The answers of sets in which some or all questions list no options and there are but two answers."""
DEFINITIONS = {
    "aqua": "Solve a sum that is told in words by choosing one of five options, with the reasoning.",
    "creak": "Say whether a claim about something in the world is true, with an explanation.",
    "ecqa": "Answer a question that takes common sense by choosing one of five options, with an explanation.",
    "esnli": "Say whether a hypothesis follows from a premise, with an explanation.",
    "gsm8k": "Solve a sum that is told in words, with the reasoning.",
    "qasc": "Answer a question of school science by choosing one of eight options, with the facts it rests on.",
    "qed": "Answer a question about an article, with the sentence that says so.",
    "sensemaking": "Say which of two sentences is against common sense, with an explanation.",
    "strategyqa": "Answer a question that takes several facts with yes or no, with the facts.",
}
_DATASETS = {
    "aqua": ("aqua_rat",),
    "ecqa": ("ecqa", "commonsense_qa"),
    "esnli": ("esnli", "snli"),
    "qed": ("qed", "natural_questions"),
    "sensemaking": ("commonsense_validation",),
}
_LICENCES = {
    "aqua": "Apache-2.0",
    "creak": "MIT",
    "ecqa": "CDLA-Sharing-1.0",
    "esnli": "MIT",
    "gsm8k": "MIT",
    "qasc": "CC BY 4.0",
    "qed": "CC BY-SA 3.0",
    "sensemaking": "CC BY-SA 4.0",
    "strategyqa": "MIT",
}
_HUBS: dict[str, tuple[Hub, Parser]] = {
    "aqua": (Hub("deepmind/aqua_rat", "raw"), parse_aqua),
    "creak": (Hub("amydeng2000/CREAK", None, ("train", "validation")), parse_creak),
    "ecqa": (Hub("yangdong/ecqa"), parse_ecqa),
    "esnli": (Hub("esnli/esnli"), parse_esnli),
    "gsm8k": (Hub("openai/gsm8k", "main", ("train", "test")), parse_gsm8k),
    "qasc": (Hub("allenai/qasc", None, ("train", "validation")), parse_qasc),
    "strategyqa": (Hub("ChilleD/StrategyQA", None, ("train", "test")), parse_strategyqa),
}
"""Where the sets stand in the shape of their authors; the others are in the TSV files alone."""


def parse_tsv(labels: tuple[str, ...], row: Mapping[str, Any]) -> Example:
    r"""Returns the example of a row of the TSV files, in which `\n` is written for a line break.

    Args:
        labels: The answers of a set that has always the same; they are the choices where the question lists none.
        row: Question, answer and rationale.

    >>> parse_tsv(("yes", "no"), {"question": "Is ice cold?", "answer": "yes", "rationale": "Water freezes at 0."}).choices
    ('yes', 'no')
    """
    question, answer, rationale = (filled(text_of(row, column).replace("\\n", "\n"), column) for column in COLUMNS)
    choices = stated_options(question) or labels
    if choices and answer not in choices:
        raise DataError("the answer is not among the options")
    return Example("", {"question": question}, (answer,), choices, rationale)


def _parse(name: str, row: Mapping[str, Any]) -> Example:
    """Returns the example of a row in the TSV's shape, or in that of the set's authors."""
    if name not in _HUBS or ("answer" in row and "rationale" in row):
        example = parse_tsv(LABELS.get(name, ()), row)
        if name == "gsm8k":
            number_text(example.targets[0])
        return example
    return _HUBS[name][1](row)


def _set(name: str) -> Benchmark:
    made = [parse_tsv(LABELS.get(name, ()), dict(zip(COLUMNS, row, strict=True))) for row in ROWS[name]]
    return Benchmark(
        name=f"flan_cot/{name}",
        fields=("question",),
        parse=partial(_parse, name),
        metrics=("number_match", "accuracy") if name == "gsm8k" else ("answer_match", "exact_match"),
        cluster="chain_of_thought",
        datasets=_DATASETS.get(name, (name,)),
        licence=_LICENCES[name],
        definition=DEFINITIONS[name],
        samples=tuple(sample(n, one.fields, one.targets[0], one.rationale, one.choices) for n, one in enumerate(made, start=1)),
        choices=LABELS.get(name, ()),
        hub=_HUBS[name][0] if name in _HUBS else None,
        files=(f"cot_data/{name}_{{split}}.tsv", f"{name}_{{split}}.tsv", f"flan/v2/cot_data/{name}_{{split}}.tsv"),
        header=COLUMNS,
    )


FLAN_COT = {f"flan_cot/{name}": _set(name) for name in DEFINITIONS}
"""The sets by name."""
