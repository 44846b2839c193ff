"""GLUE: nine tasks of understanding sentences and its diagnostic set.

Source: Wang et al. (2018), GLUE, arXiv 1804.07461. Ids of labels follow the original files; WNLI's stand the other way round.
"""

from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks import glue_samples as rows
from didact.tasks.benchmarks.benchmark import Benchmark, Hub
from didact.tasks.benchmarks.file_shapes import unquoted_table
from didact.tasks.benchmarks.folded import FIRST_AND_SECOND, PREMISE_AND_HYPOTHESIS, folded
from didact.tasks.benchmarks.parsing import ENTAILED, NLI, NO_LABEL, SENTIMENT, classification, row_id, text_of

_HUB = "nyu-mll/glue"
_PAIR = {"sentence1": ("sentence1", "#1 String"), "sentence2": ("sentence2", "#2 String")}
_NLI = {"premise": ("premise", "sentence1", "Premise"), "hypothesis": ("hypothesis", "sentence2", "Hypothesis")}


def layouts(collection: str, task: str, folder: str, *others: str) -> tuple[str, ...]:
    """Returns globs for the files of a task: the original release, the hub's parquet files, JSON lines, Arrow folders, and others.

    >>> layouts("glue", "cola", "CoLA")[:3]
    ('CoLA/{split}.tsv', 'CoLA/{split}.jsonl', 'cola/{split}-*.parquet')
    """
    return (
        f"{folder}/{{split}}.tsv",
        f"{folder}/{{split}}.jsonl",
        f"{task}/{{split}}-*.parquet",
        f"**/{collection}/{task}/{{split}}-*.parquet",  # Not any folder of the task's name: both collections have one named rte.
        f"**/{collection}_{task}_{{split}}.jsonl",
        f"{task}/{{split}}.jsonl",
        f"**/{collection}/{task}/{{split}}/*.arrow",
        f"{task}/{{split}}/*.arrow",
        *others,
    )


def similarity(score: float) -> str:
    """Returns an STS-B score as one of 26 strings, "0.0", "0.2" ... "5.0": five times the score, rounded, over five.

    Source: Raffel et al. (2020), T5, arXiv 1910.10683, section 2.4. A tie goes to the even fifth, as there.

    3.75 is 18.75 fifths, so 19 fifths; 2.5 is 12.5 fifths, so 12; 0.3 is 1.5, so 2:

    >>> similarity(3.75), similarity(2.5), similarity(0.3), similarity(5)
    ('3.8', '2.4', '0.4', '5.0')
    """
    # Three decimals, as the original files write it: the hub's 32-bit floats would break ties by their last bit.
    return f"{round(round(score, 3) * 5) / 5:.1f}"


def _similarity_example(row: Mapping[str, Any]) -> Example:
    fields = {"sentence1": text_of(row, "sentence1"), "sentence2": text_of(row, "sentence2")}
    value = next((row[column] for column in ("label", "score") if row.get(column) is not None), -1)
    try:
        score = float(value)
    except (TypeError, ValueError, OverflowError):
        raise DataError("the score is not a number") from None
    if score < 0:
        raise DataError(NO_LABEL)
    if not score <= 5:
        raise DataError("the score is not between 0 and 5")
    return Example(row_id(row), fields, (similarity(score),))


COLA = Benchmark(
    name="glue/cola",
    fields=("sentence",),
    parse=classification(rows.ACCEPTABILITY, {"sentence": ("sentence",)}),
    metrics=("matthews",),
    cluster="linguistic_acceptability",
    datasets=("cola",),
    licence="none stated; published for research under fair use",
    definition="Say whether a sentence is acceptable English to a native speaker's ear.",
    samples=rows.COLA,
    choices=rows.ACCEPTABILITY,
    hub=Hub(_HUB, "cola"),
    files=layouts("glue", "cola", "CoLA", "*_domain_{split}.tsv", "**/raw/*_domain_{split}.tsv"),
    header=("source", "label", "mark", "sentence"),
)

SST2 = Benchmark(
    name="glue/sst2",
    fields=("sentence",),
    parse=folded(
        r"Text: (?P<sentence>.*)",
        classification(SENTIMENT, {"sentence": ("sentence",)}, same={"good": "positive", "bad": "negative"}),
    ),
    metrics=("accuracy",),
    cluster="sentiment",
    datasets=("sst",),
    licence="none stated",
    definition="Say whether a sentence from a film review is positive or negative about the film.",
    samples=rows.SST2,
    choices=SENTIMENT,
    hub=Hub(_HUB, "sst2"),
    files=layouts("glue", "sst2", "SST-2", "SC/SST-2/{split}.json"),
    read=unquoted_table,
)

MRPC = Benchmark(
    name="glue/mrpc",
    fields=("sentence1", "sentence2"),
    parse=classification(rows.EQUIVALENT, _PAIR, ("label", "Quality")),
    metrics=("f1_binary", "accuracy"),
    cluster="paraphrase",
    datasets=("mrpc",),
    licence="Microsoft Research's own terms",
    definition="Say whether two sentences from news reports mean the same.",
    samples=rows.MRPC,
    choices=rows.EQUIVALENT,
    hub=Hub(_HUB, "mrpc"),
    files=layouts("glue", "mrpc", "MRPC"),
    read=unquoted_table,
)

QQP = Benchmark(
    name="glue/qqp",
    fields=("question1", "question2"),
    parse=folded(
        r"first sentence: (?P<question1>.*)\nsecond sentence: (?P<question2>.*)",
        classification(
            rows.DUPLICATE,
            {"question1": ("question1",), "question2": ("question2",)},
            ("label", "is_duplicate"),
            {"true": "duplicate", "false": "not_duplicate"},
        ),
    ),
    metrics=("f1_binary", "accuracy"),
    cluster="paraphrase",
    datasets=("qqp",),
    licence="Quora's terms of service: not for commercial use",
    definition="Say whether two questions ask the same thing.",
    samples=rows.QQP,
    choices=rows.DUPLICATE,
    hub=Hub(_HUB, "qqp"),
    files=layouts("glue", "qqp", "QQP", "QQP/QQP/{split}.json"),
    read=unquoted_table,
)

STSB = Benchmark(
    name="glue/stsb",
    fields=("sentence1", "sentence2"),
    parse=_similarity_example,
    metrics=("pearson", "spearman"),
    cluster="paraphrase",
    datasets=("stsb",),
    licence="mixed; see the data set's own LICENSE.txt",
    definition="Say how alike two sentences are in meaning, from 0.0 (nothing in common) to 5.0 (the same), in steps of 0.2.",
    samples=rows.STSB,
    hub=Hub(_HUB, "stsb"),
    files=layouts("glue", "stsb", "STS-B"),
    read=unquoted_table,
)

MNLI = Benchmark(
    name="glue/mnli",
    fields=("premise", "hypothesis"),
    parse=folded(PREMISE_AND_HYPOTHESIS, classification(NLI, _NLI, ("label", "gold_label"))),
    metrics=("accuracy",),
    cluster="entailment",
    datasets=("multinli",),
    licence="OANC licence; some fiction under CC BY 3.0 and CC BY-SA 3.0",
    definition="Say whether a hypothesis follows from a premise, contradicts it, or is left open by it.",
    samples=rows.MNLI,
    choices=NLI,
    hub=Hub(
        _HUB,
        "mnli",
        {
            "train": "train",
            "validation": "validation_matched",
            "validation_mismatched": "validation_mismatched",
            "test": "test_matched",
            "test_mismatched": "test_mismatched",
        },
    ),
    files=layouts("glue", "mnli", "MNLI", "NLI/MNLI/{split}.json"),
    read=unquoted_table,
)

QNLI = Benchmark(
    name="glue/qnli",
    fields=("question", "sentence"),
    parse=classification(ENTAILED, {"question": ("question",), "sentence": ("sentence",)}),
    metrics=("accuracy",),
    cluster="entailment",
    datasets=("squad",),
    licence="CC BY-SA 4.0",
    definition="Say whether a sentence holds the answer to a question.",
    samples=rows.QNLI,
    choices=ENTAILED,
    hub=Hub(_HUB, "qnli"),
    files=layouts("glue", "qnli", "QNLI"),
    read=unquoted_table,
)

RTE = Benchmark(
    name="glue/rte",
    fields=("sentence1", "sentence2"),
    parse=folded(FIRST_AND_SECOND, classification(ENTAILED, _PAIR, same={"contradiction": "not_entailment"})),
    metrics=("accuracy",),
    cluster="entailment",
    datasets=("rte",),
    licence="none stated",
    definition="Say whether the second sentence follows from the first.",
    samples=rows.RTE,
    choices=ENTAILED,
    hub=Hub(_HUB, "rte"),
    files=layouts("glue", "rte", "RTE", "NLI/RTE/{split}.json"),
    read=unquoted_table,
)

WNLI = Benchmark(
    name="glue/wnli",
    fields=("sentence1", "sentence2"),
    parse=classification(rows.NOT_ENTAILED, _PAIR),
    metrics=("accuracy",),
    cluster="entailment",
    datasets=("winograd_wsc",),
    licence="CC BY 4.0",
    definition="Say whether the second sentence, in which a pronoun of the first is replaced by a name, follows from the first.",
    samples=rows.WNLI,
    choices=rows.NOT_ENTAILED,
    hub=Hub(_HUB, "wnli"),
    files=layouts("glue", "wnli", "WNLI"),
    read=unquoted_table,
)

AX = Benchmark(
    name="glue/ax",
    fields=("premise", "hypothesis"),
    # The hub has no labels; the file diagnostic-full.tsv has them.
    parse=classification(NLI, _NLI, ("label", "Label")),
    metrics=("matthews",),
    cluster="entailment",
    datasets=("glue_diagnostic",),
    licence="none stated",
    definition="Say whether a hypothesis follows from a premise, contradicts it, or is left open by it.",
    samples=rows.AX,
    choices=NLI,
    hub=Hub(_HUB, "ax", ("test",)),
    files=("**/diagnostic-full.tsv", *layouts("glue", "ax", "diagnostic")),
    read=unquoted_table,
)
