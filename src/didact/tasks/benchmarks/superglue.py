"""SuperGLUE: eight harder tasks of understanding language and its two diagnostic sets.

Source: Wang et al. (2019), SuperGLUE, arXiv 1905.00537. Ids of labels follow the hub; CB's are in another order than MNLI's.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks import superglue_samples as rows
from didact.tasks.benchmarks.benchmark import Benchmark, Hub
from didact.tasks.benchmarks.folded import FIRST_AND_SECOND, PREMISE_AND_HYPOTHESIS, folded
from didact.tasks.benchmarks.glue import layouts
from didact.tasks.benchmarks.parsing import ENTAILED, TRUTH, classification, label_of, row_id, text_of
from didact.tasks.benchmarks.reading import multirc, record, record_for_training
from didact.tasks.benchmarks.wsc import wsc

_HUB = "aps/super_glue"
_NLI = {"premise": ("premise", "sentence1"), "hypothesis": ("hypothesis", "sentence2")}
_FOLDED_COPA = (
    r'Which sentence is the (?P<question>cause|effect) of "(?P<premise>.*)"\? Choose one between A and B\.'
    r"\nA: (?P<choice1>.*)\nB: (?P<choice2>.*)"
)


def _copa_example(row: Mapping[str, Any]) -> Example:
    fields = {field: text_of(row, field) for field in ("premise", "choice1", "choice2", "question")}
    if fields["question"] not in ("cause", "effect"):
        raise DataError("the question is neither cause nor effect")
    choices = (fields["choice1"], fields["choice2"])
    named = label_of(row, ("choice1", "choice2"), same={"a": "choice1", "b": "choice2"})
    return Example(row_id(row), fields, (fields[named],), choices)


def _axg_example(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row; the id is `PAIR/ROW`: consecutive rows, that differ by one pronoun, are a pair.

    `pair_id` of the original file counts pairs of premise and hypothesis: it is another one for every row.
    """
    example, number = _AXG_ROW(row), row.get("idx")
    return replace(example, id=f"pair {number // 2}/{example.id}") if isinstance(number, int) else example


_AXG_ROW = classification(ENTAILED, {"premise": ("premise",), "hypothesis": ("hypothesis",)})


BOOLQ = Benchmark(
    name="superglue/boolq",
    fields=("passage", "question"),
    parse=folded(
        r"question: (?P<question>.*?)\npassage: (?P<passage>.*)",
        classification(TRUTH, {"passage": ("passage",), "question": ("question",)}, ("label", "answer")),
    ),
    metrics=("accuracy",),
    cluster="reading_comprehension",
    datasets=("boolq",),
    licence="CC BY-SA 3.0",
    definition="Answer a yes-or-no question about a passage with True or False.",
    samples=rows.BOOLQ,
    choices=TRUTH,
    hub=Hub(_HUB, "boolq"),
    files=layouts("super_glue", "boolq", "BoolQ", "**/boolq_{split}.jsonl", "BoolQA/BoolQA/{split}.json"),
)

CB = Benchmark(
    name="superglue/cb",
    fields=("premise", "hypothesis"),
    parse=folded(PREMISE_AND_HYPOTHESIS, classification(rows.COMMITMENT, _NLI)),
    metrics=("f1_macro", "accuracy"),
    cluster="entailment",
    datasets=("cb",),
    licence="none stated; SuperGLUE asks for research use",
    definition="Say whether the writer of a text holds a statement in it to be true, false, or leaves it open.",
    samples=rows.CB,
    choices=rows.COMMITMENT,
    hub=Hub(_HUB, "cb"),
    files=layouts("super_glue", "cb", "CB", "NLI/CB/{split}.json"),
)

COPA = Benchmark(
    name="superglue/copa",
    fields=("premise", "choice1", "choice2", "question"),
    parse=folded(_FOLDED_COPA, _copa_example),
    metrics=("accuracy",),
    cluster="common_sense",
    datasets=("copa",),
    licence="BSD 2-clause",
    definition="Choose which of two sentences is the cause, or the effect, of a premise.",
    samples=rows.COPA,
    hub=Hub(_HUB, "copa"),
    files=layouts("super_glue", "copa", "COPA", "COPA/COPA/{split}.json"),
)

MULTIRC = Benchmark(
    name="superglue/multirc",
    fields=("paragraph", "question", "answer"),
    parse=folded(r"paragraph: (?P<paragraph>.*)\nquestion: (?P<question>.*)\ncandidate answer: (?P<answer>.*)", multirc),
    metrics=("multirc_f1a", "multirc_em"),
    cluster="reading_comprehension",
    datasets=("multirc",),
    licence="for research and academic use",
    definition="Say whether a candidate answer to a question about a paragraph is True or False; several may be true.",
    samples=rows.MULTIRC,
    choices=TRUTH,
    hub=Hub(_HUB, "multirc"),
    files=layouts("super_glue", "multirc", "MultiRC", "MultiRC/MultiRC/{split}.json"),
)

RECORD = Benchmark(
    name="superglue/record",
    fields=("passage", "query", "entities"),
    parse=record,
    parse_train=record_for_training,
    metrics=("record_f1", "record_em"),
    cluster="read_comp_and_common_sense",
    datasets=("record",),
    licence="Apache-2.0",
    definition="Say which entity of a news text stands at @placeholder in a statement about it.",
    samples=rows.RECORD,
    hub=Hub(_HUB, "record"),
    files=layouts("super_glue", "record", "ReCoRD"),
)

RTE = Benchmark(
    name="superglue/rte",
    fields=("premise", "hypothesis"),
    parse=folded(PREMISE_AND_HYPOTHESIS, classification(ENTAILED, _NLI, same={"contradiction": "not_entailment"})),
    metrics=("accuracy",),
    cluster="entailment",
    datasets=("rte",),
    licence="none stated",
    definition="Say whether a hypothesis follows from a premise.",
    samples=rows.RTE,
    choices=ENTAILED,
    hub=Hub(_HUB, "rte"),
    files=layouts("super_glue", "rte", "RTE", "**/glue_rte_{split}.jsonl", "**/glue/rte/{split}/*.arrow", "NLI/RTE/{split}.json"),
)

WIC = Benchmark(
    name="superglue/wic",
    fields=("word", "sentence1", "sentence2"),
    parse=folded(
        r"word: (?P<word>[^\n]*)\n(?P<sentence1>[^\n]*)\n(?P<sentence2>.*)",
        classification(TRUTH, {"word": ("word",), "sentence1": ("sentence1",), "sentence2": ("sentence2",)}),
    ),
    metrics=("accuracy",),
    cluster="word_disambiguation",
    datasets=("wic",),
    licence="CC BY-NC 4.0",
    definition="Say whether a word has the same meaning in two sentences: True or False.",
    samples=rows.WIC,
    choices=TRUTH,
    hub=Hub(_HUB, "wic"),
    files=layouts("super_glue", "wic", "WiC", "WiC/WiC/{split}.json"),
)

WSC = Benchmark(
    name="superglue/wsc",
    fields=("text", "span1", "span2", "marked"),
    parse=wsc,
    metrics=("accuracy",),
    cluster="coreference",
    datasets=("winograd_wsc",),
    licence="CC BY 4.0",
    definition="Say whether the pronoun between number signs means the phrase between stars: True or False.",
    samples=rows.WSC,
    choices=TRUTH,
    hub=Hub(_HUB, "wsc.fixed"),
    files=(*layouts("super_glue", "wsc.fixed", "WSC"), *layouts("super_glue", "wsc", "wsc")),
)

AXB = Benchmark(
    name="superglue/axb",
    fields=("sentence1", "sentence2"),
    parse=folded(
        FIRST_AND_SECOND,
        classification(
            ENTAILED,
            {"sentence1": ("sentence1",), "sentence2": ("sentence2",)},
            same={"neutral": "not_entailment", "contradiction": "not_entailment"},
        ),
    ),
    metrics=("matthews",),
    cluster="entailment",
    datasets=("glue_diagnostic",),
    licence="none stated",
    definition="Say whether the second sentence follows from the first.",
    samples=rows.AXB,
    choices=ENTAILED,
    hub=Hub(_HUB, "axb", ("test",)),
    files=("**/AX-b.jsonl", *layouts("super_glue", "axb", "AX-b")),
)

AXG = Benchmark(
    name="superglue/axg",
    fields=("premise", "hypothesis"),
    parse=_axg_example,
    metrics=("accuracy", "gender_parity"),
    cluster="entailment",
    datasets=("winogender",),
    licence="MIT",
    definition="Say whether a hypothesis follows from a premise; pairs of rows differ by the pronoun alone.",
    samples=rows.AXG,
    choices=ENTAILED,
    hub=Hub(_HUB, "axg", ("test",)),
    files=("**/AX-g.jsonl", *layouts("super_glue", "axg", "AX-g")),
)
