"""Common sense with options: CommonsenseQA, PIQA, SIQA, HellaSwag, WinoGrande."""

import re
from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.file_shapes import labels_beside
from didact.tasks.benchmarks.knowledge import CHOICE_METRICS, parse_lettered
from didact.tasks.benchmarks.parsing import row_id, text_of
from didact.tasks.benchmarks.row_parts import options_of, picked

_BRACKETS = re.compile(r"\[.*?\]")


def parse_piqa(row: Mapping[str, Any]) -> Example:
    """Returns the example of a PIQA row: a goal and two solutions."""
    options = options_of([row.get("sol1"), row.get("sol2")])
    return Example(row_id(row), {"goal": text_of(row, "goal")}, (picked(row, dict(zip("01", options, strict=True)), "label"),), options)


def parse_siqa(row: Mapping[str, Any]) -> Example:
    """Returns the example of a SIQA row; its label is a number from 1 or a letter."""
    options = options_of([row.get(f"answer{letter}") for letter in "ABC"])
    by_key = {key: option for number, option in enumerate(options) for key in ("123"[number], "ABC"[number])}
    fields = {"context": text_of(row, "context"), "question": text_of(row, "question")}
    return Example(row_id(row), fields, (picked(row, by_key, "correct", "label"),), options)


def without_marks(text: str) -> str:
    """Returns a HellaSwag text without the marks of WikiHow: headings end as sentences, other brackets go.

    >>> without_marks("Cut the cake [title] Use a knife [substeps] A long one.")
    'Cut the cake. Use a knife A long one.'
    """
    return " ".join(_BRACKETS.sub("", text.replace(" [title]", ". ")).split())


def parse_hellaswag(row: Mapping[str, Any]) -> Example:
    """Returns the example of a HellaSwag row: activity and beginning as the context, four endings as choices.

    Source: Zellers et al. (2019), HellaSwag, arXiv 1905.07830.

    >>> row = {"activity_label": "Baking", "ctx_a": "She stirs.", "ctx_b": "then she", "endings": ["bakes.", "sings."], "label": "0"}
    >>> parse_hellaswag(row).fields["context"]
    'Baking: She stirs. Then she'
    """
    endings = options_of(row.get("endings"))
    options = options_of([without_marks(ending) for ending in endings])
    target = picked(row, {str(number): option for number, option in enumerate(options)}, "label")
    second = row.get("ctx_b")
    begun = isinstance(row.get("ctx_a"), str) and isinstance(second, str)
    text = f"{row['ctx_a']} {second[:1].upper()}{second[1:]}" if begun and isinstance(second, str) else text_of(row, "ctx")
    context = without_marks(f"{text_of(row, 'activity_label')}: {text}")
    # The library's ids count within a split of one of two sources, so they repeat; the row's place in its file stands instead.
    return Example("", {"context": context}, (target,), options)


def parse_winogrande(row: Mapping[str, Any]) -> Example:
    """Returns the example of a WinoGrande row: a sentence with one gap `_` and two names for it."""
    sentence = text_of(row, "sentence")
    if "_" not in sentence:
        raise DataError("no gap in the sentence")
    options = options_of([row.get("option1"), row.get("option2")])
    return Example(row_id(row, "qID"), {"sentence": sentence}, (picked(row, dict(zip("12", options, strict=True)), "answer"),), options)


COMMONSENSE_QA = Benchmark(
    name="commonsense_qa",
    fields=("question",),
    parse=parse_lettered,
    metrics=CHOICE_METRICS,
    cluster="common_sense",
    datasets=("commonsense_qa",),
    licence="MIT",
    definition="Answer a question that takes common sense by choosing one of five options.",
    samples=(
        sample(
            1,
            {"question": "Where do people keep milk cold?"},
            "fridge",
            "A fridge is cold inside.",
            ("oven", "fridge", "shelf", "pan", "bed"),
        ),
        sample(
            2,
            {"question": "What does one need to open a locked door?"},
            "key",
            "A key turns the lock.",
            ("key", "window", "carpet", "lamp", "chair"),
        ),
        sample(
            3,
            {"question": "What do people do when they are tired?"},
            "sleep",
            "Sleep makes them rested.",
            ("run", "shout", "sleep", "paint", "buy a car"),
        ),
    ),
    hub=Hub("tau/commonsense_qa"),
    files=(
        "{split}_rand_split.jsonl",
        "jsonl/commonsense_qa_{split}.jsonl",
        "commonsense_qa_{split}.jsonl",
    ),
)
PIQA = Benchmark(
    name="piqa",
    fields=("goal",),
    parse=parse_piqa,
    metrics=CHOICE_METRICS,
    cluster="common_sense",
    datasets=("piqa",),
    licence="AFL-3.0",
    definition="Choose which of two ways reaches a goal in the physical world.",
    samples=(
        sample(
            1,
            {"goal": "Keep a door from closing."},
            "Push a wedge under it.",
            "A wedge holds by friction; a feather is too light.",
            ("Push a wedge under it.", "Put a feather before it."),
        ),
        sample(
            2,
            {"goal": "Dry wet shoes overnight."},
            "Fill them with newspaper.",
            "Paper soaks water up; a plastic bag keeps it in.",
            ("Wrap them in a plastic bag.", "Fill them with newspaper."),
        ),
        sample(
            3,
            {"goal": "Cut an onion without tears."},
            "Cool it first.",
            "Cold slows the vapour; warmth spreads it.",
            ("Cool it first.", "Warm it first."),
        ),
    ),
    hub=Hub("baber/piqa"),
    files=(
        "jsonl/piqa_plain_text_{split}.jsonl",
        "piqa_plain_text_{split}.jsonl",
        "{split}.jsonl",
        "physicaliqa-train-dev/{split}.jsonl",
        "plain_text/{split}-*.parquet",
    ),
    read=labels_beside,
)
SIQA = Benchmark(
    name="siqa",
    fields=("context", "question"),
    parse=parse_siqa,
    metrics=CHOICE_METRICS,
    cluster="common_sense",
    datasets=("siqa",),
    licence="not stated",
    definition="Answer a question about what people do, want and feel by choosing one of three options.",
    samples=(
        sample(
            1,
            {"context": "Ola gave her seat to an old man.", "question": "How would you describe Ola?"},
            "kind",
            "She helps someone at a cost to herself.",
            ("kind", "angry", "sleepy"),
        ),
        sample(
            2,
            {"context": "Tom broke his friend's cup.", "question": "What will Tom want to do next?"},
            "say sorry",
            "People who break a friend's thing make up for it.",
            ("go swimming", "say sorry", "buy a dog"),
        ),
        sample(
            3,
            {"context": "Ines passed her last examination.", "question": "How does Ines feel?"},
            "relieved",
            "A hard thing is over and went well.",
            ("relieved", "hungry", "lost"),
        ),
    ),
    hub=Hub("lighteval/siqa", None, ("train", "validation")),
    files=(
        "jsonl/social_i_qa_{split}.jsonl",
        "socialiqa-train-dev/{split}.jsonl",
        "{split}.jsonl",
    ),
    read=labels_beside,
)
HELLASWAG = Benchmark(
    name="hellaswag",
    fields=("context",),
    parse=parse_hellaswag,
    metrics=CHOICE_METRICS,
    cluster="common_sense",
    datasets=("hellaswag",),
    licence="MIT",
    definition="Choose the ending that continues a scene sensibly.",
    samples=(
        sample(
            1,
            {"context": "Baking bread: A man kneads dough on a table. He"},
            "puts it into a bowl to rise.",
            "Dough rests after kneading.",
            ("puts it into a bowl to rise.", "paints it blue.", "drives it to school.", "plays it like a drum in a band."),
        ),
        sample(
            2,
            {"context": "Washing a car: A girl fills a bucket with water. She"},
            "wipes the car with a wet sponge.",
            "The water is for washing the car.",
            ("drinks all of it.", "wipes the car with a wet sponge.", "throws the car away.", "sings to a cat."),
        ),
        sample(
            3,
            {"context": "Skiing: Two people stand at the top of a slope. They"},
            "push off and glide down.",
            "Skiers at the top go down.",
            ("cook a soup.", "read a map of the sea.", "swim away.", "push off and glide down."),
        ),
    ),
    hub=Hub("Rowan/hellaswag"),
    files=("hellaswag_{split}.jsonl", "data/hellaswag_{split}.jsonl"),
)
WINOGRANDE = Benchmark(
    name="winogrande",
    fields=("sentence",),
    parse=parse_winogrande,
    metrics=CHOICE_METRICS,
    cluster="coreference",
    datasets=("winogrande",),
    licence="CC BY 4.0",
    definition="Choose which of two names fills the gap in a sentence.",
    samples=(
        sample(
            1,
            {"sentence": "The book did not fit into the bag because the _ was too small."},
            "bag",
            "What is too small cannot hold the other.",
            ("book", "bag"),
        ),
        sample(
            2,
            {"sentence": "Ada lent Eve money because _ had lost her purse."},
            "Eve",
            "Who has lost her purse needs money.",
            ("Ada", "Eve"),
        ),
        sample(
            3,
            {"sentence": "The soup stayed hot longer than the tea because the _ was in a thick pot."},
            "soup",
            "A thick pot keeps heat, so what stayed hot was in it.",
            ("soup", "tea"),
        ),
    ),
    hub=Hub("allenai/winogrande", "winogrande_xl"),
    files=(
        "jsonl/winogrande_winogrande_xl_{split}.jsonl",
        "winogrande_winogrande_xl_{split}.jsonl",
        "{split}_xl.jsonl",
        "{split}.jsonl",
    ),
)
