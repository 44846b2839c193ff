"""Pairs of sentences: SNLI, ANLI, PAWS."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.file_shapes import T0_ROWS, unquoted_table, worded_rows
from didact.tasks.benchmarks.parsing import NLI, classification, label_of, row_id, text_of

PARAPHRASE = ("not_paraphrase", "paraphrase")
_PAWS_OF_T0 = worded_rows(
    r"Sentence 1: (?P<sentence1>.*?)\nSentence 2: (?P<sentence2>.*?)\nQuestion: Does Sentence 1 paraphrase Sentence 2\? Yes or No\?\s*",
    "label",
    "paws_labeled_final_Concatenation",
)


def parse_nli(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of SNLI or ANLI; ANLI's reason, where somebody gave one, is the rationale.

    Source: Bowman et al. (2015), SNLI, arXiv 1508.05326; Nie et al. (2020), ANLI, arXiv 1910.14599.

    >>> parse_nli({"context": "It rains.", "hypothesis": "It is wet.", "label": "e", "uid": "7", "reason": "Rain is wet."}).targets
    ('entailment',)
    """
    fields = {
        "premise": text_of(row, "premise", "sentence1", "context"),
        "hypothesis": text_of(row, "hypothesis", "sentence2"),
    }
    target = label_of(row, NLI, ("gold_label", "label"), {"e": "entailment", "n": "neutral", "c": "contradiction"})
    reason = row.get("reason")
    rationale = reason.strip() if isinstance(reason, str) else ""
    return Example(row_id(row, "pairID", "uid"), fields, (target,), NLI, rationale)


def _paws_file(file: Path) -> Iterable[tuple[str, Any]] | None:
    return unquoted_table(file) or _PAWS_OF_T0(file)


def _pair(number: int, premise: str, hypothesis: str, label: str, rationale: str) -> Example:
    return sample(number, {"premise": premise, "hypothesis": hypothesis}, label, rationale, NLI)


SNLI = Benchmark(
    name="snli",
    fields=("premise", "hypothesis"),
    parse=parse_nli,
    metrics=("accuracy", "mcq_accuracy"),
    cluster="entailment",
    datasets=("snli",),
    licence="CC BY-SA 4.0",
    definition="Say whether a hypothesis follows from a scene, contradicts it, or neither.",
    samples=(
        _pair(1, "Two boys kick a ball in a yard.", "Children play outside.", "entailment", "Boys are children, and a yard is outside."),
        _pair(2, "A woman reads a letter.", "The letter is from her son.", "neutral", "Who wrote the letter is not said."),
        _pair(3, "A dog runs through snow.", "The dog lies on a sofa.", "contradiction", "It cannot run through snow and lie on a sofa."),
    ),
    choices=NLI,
    hub=Hub("stanfordnlp/snli"),
    files=("snli_1.0_{split}.jsonl", "snli_1.0/snli_1.0_{split}.jsonl", "plain_text/{split}-*.parquet"),
)
ANLI = Benchmark(
    name="anli",
    fields=("premise", "hypothesis"),
    parse=parse_nli,
    metrics=("accuracy", "mcq_accuracy"),
    cluster="entailment",
    datasets=("anli",),
    licence="CC BY-NC 4.0",
    definition="Say whether a hypothesis follows from a text, contradicts it, or neither; people wrote them to mislead models.",
    samples=(
        _pair(
            1,
            "The Vasa sank on her first voyage in 1628 and was raised in 1961.",
            "The Vasa lay under water for more than three hundred years.",
            "entailment",
            "From 1628 to 1961 are 333 years.",
        ),
        _pair(
            2,
            "Ruth Lind won the race twice, in 1990 and in 1994.",
            "Ruth Lind took part in the race of 1992.",
            "neutral",
            "She did not win in 1992, but she may have taken part.",
        ),
        _pair(
            3,
            "The bridge has carried trains only, since it was opened.",
            "Cars have crossed the bridge.",
            "contradiction",
            "Trains only means no cars.",
        ),
    ),
    choices=NLI,
    # The third round, the latest and largest, stands for the set; earlier ones are read as split train_r1, dev_r2 and so on.
    hub=Hub(
        "facebook/anli",
        "plain_text",
        {
            "train": "train_r3",
            "validation": "dev_r3",
            "test": "test_r3",
            **{f"{split}_r{number}": f"{split}_r{number}" for number in (1, 2, 3) for split in ("train", "dev", "test")},
        },
    ),
    files=("R3/{split}.jsonl", "anli_v1.0/R3/{split}.jsonl"),
)
PAWS = Benchmark(
    name="paws",
    fields=("sentence1", "sentence2"),
    # Zhang et al. (2019), PAWS, arXiv 1904.01130.
    parse=classification(
        PARAPHRASE,
        {"sentence1": ("sentence1",), "sentence2": ("sentence2",)},
        same={"no": "not_paraphrase", "yes": "paraphrase"},
    ),
    metrics=("accuracy", "mcq_accuracy", "f1_binary"),
    cluster="paraphrase",
    datasets=("paws",),
    licence="free for any purpose (notice of its authors)",
    definition="Say whether two sentences with nearly the same words mean the same.",
    samples=(
        sample(
            1,
            {"sentence1": "He flew from Rome to Oslo .", "sentence2": "He flew from Oslo to Rome ."},
            "not_paraphrase",
            "Start and end are swapped.",
            PARAPHRASE,
        ),
        sample(
            2,
            {"sentence1": "In 1920 the house was sold .", "sentence2": "The house was sold in 1920 ."},
            "paraphrase",
            "Only the order of the words differs.",
            PARAPHRASE,
        ),
        sample(
            3,
            {"sentence1": "Anna taught Maria Greek .", "sentence2": "Maria taught Anna Greek ."},
            "not_paraphrase",
            "Teacher and pupil are swapped.",
            PARAPHRASE,
        ),
    ),
    choices=PARAPHRASE,
    hub=Hub("google-research-datasets/paws", "labeled_final"),
    files=("{split}.tsv", "final/{split}.tsv", f"{T0_ROWS}/paws_labeled_final_Concatenation.jsonl"),
    read=_paws_file,
)
