"""Kinds of texts: AG News by topic, IMDB by sentiment; and the prompts of IFEval by what their answers have to keep to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.files import to_json
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.parsing import SENTIMENT, filled, label_of, row_id, text_of
from didact.tasks.benchmarks.row_parts import picked
from didact.tasks.rows import open_file

NEWS = ("World", "Sports", "Business", "Sci/Tech")
_SAME_SENTIMENT = {"good": "positive", "bad": "negative", "pos": "positive", "neg": "negative"}
_TITLED = re.compile(r"Title: (?P<title>.*?)\nText: (?P<text>.*)", re.DOTALL)


def parse_ag_news(row: Mapping[str, Any]) -> Example:
    r"""Returns the example of a row of AG News: title and text in one, as the hub has it.

    Reads the hub's rows, the original table (class from 1, title, description) and rows of `sentence` and a label in words.

    Source: Zhang et al. (2015), Character-level convolutional networks, arXiv 1509.01626.

    >>> parse_ag_news({"sentence": "Title: Home win\nText: They scored twice.\n", "label": "Sports"}).fields["text"]
    'Home win They scored twice.'
    """
    if "class" in row:
        target = picked(row, {str(number): name for number, name in enumerate(NEWS, start=1)}, "class")
        return Example("", {"text": f"{text_of(row, 'title')} {text_of(row, 'description')}"}, (target,), NEWS)
    text = text_of(row, "text", "sentence")
    titled = _TITLED.fullmatch(text)
    text = f"{titled['title'].strip()} {titled['text'].strip()}" if titled else text
    return Example(row_id(row), {"text": text}, (label_of(row, NEWS, same={"science or technology": "Sci/Tech"}),), NEWS)


def parse_imdb(row: Mapping[str, Any]) -> Example:
    """Returns the example of a review of IMDB; the mark `<br />` becomes a line break.

    Source: Maas et al. (2011), Learning word vectors for sentiment analysis.
    """
    text = filled("\n".join(line.strip() for line in text_of(row, "text", "sentence").split("<br />")), "text")
    return Example(row_id(row), {"text": text}, (label_of(row, SENTIMENT, same=_SAME_SENTIMENT),), SENTIMENT)


def parse_ifeval(row: Mapping[str, Any]) -> Example:
    """Returns the example of a prompt of IFEval.

    There is no answer to compare with: every target is one instruction that the answer has to follow, as JSON with its id and arguments,
    for a program to check.

    Source: Zhou et al. (2023), Instruction-following evaluation for large language models, arXiv 2311.07911.

    >>> row = {"key": 1001, "prompt": "Write. No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": None}]}
    >>> parse_ifeval(row).targets
    ('{"instruction": "punctuation:no_comma"}',)
    """
    names, arguments = row.get("instruction_id_list"), row.get("kwargs")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and ":" in name for name in names):
        raise DataError("no instruction ids")
    if not isinstance(arguments, list) or len(arguments) != len(names):
        raise DataError("instruction ids and arguments do not match")
    if not all(given is None or isinstance(given, Mapping) for given in arguments):
        raise DataError("the arguments of an instruction are not an object")
    said = [
        # The hub's table has a column for every argument of any instruction: those that do not belong to one are null.
        {"instruction": name} | {key: value for key, value in (given or {}).items() if value is not None}
        for name, given in zip(names, arguments, strict=True)
    ]
    return Example(row_id(row, "key"), {"prompt": text_of(row, "prompt")}, tuple(to_json(one) for one in said))


def _followed(number: int, prompt: str, answer: str, rationale: str, instruction: Mapping[str, Any]) -> Example:
    """Returns a sample prompt of IFEval with an answer to show, and beside it the instruction that answers are judged by."""
    return replace(sample(number, {"prompt": prompt}, answer, rationale), accepted=(to_json(instruction),))


def _review(file: Path) -> Iterator[tuple[str, Any]] | None:
    """Yields the one review of a `.txt` file, whose folder is its label; other files are opened as usual."""
    return _one_review(file) if file.suffix == ".txt" else None


def _one_review(file: Path) -> Iterator[tuple[str, Any]]:
    for _, row in open_file(file):
        yield file.stem, row if isinstance(row, DataError) else {**row, "id": file.stem, "label": file.parent.name}


AG_NEWS = Benchmark(
    name="ag_news",
    fields=("text",),
    parse=parse_ag_news,
    metrics=("accuracy", "mcq_accuracy"),
    cluster="topic_classification",
    datasets=("ag_news",),
    licence="for research and other non-commercial use",
    definition="Say which section of a newspaper a report belongs to.",
    samples=(
        sample(
            1, {"text": "Late goal wins cup The home side scored in the last minute of the final."}, "Sports", "A final and a goal.", NEWS
        ),
        sample(2, {"text": "Bank cuts rates The central bank lowered its rate to help trade."}, "Business", "Rates and trade.", NEWS),
        sample(3, {"text": "New chip halves power use A phone with it runs two days."}, "Sci/Tech", "A chip is technology.", NEWS),
        sample(4, {"text": "Leaders sign peace Two states ended their dispute at a border."}, "World", "States and peace.", NEWS),
    ),
    choices=NEWS,
    hub=Hub("fancyzhx/ag_news", None, ("train", "test")),
    files=("{split}.csv", "ag_news_csv/{split}.csv", "TC/agnews/{split}.json", "agnews/{split}.json"),
    header=("class", "title", "description"),
)
IMDB = Benchmark(
    name="imdb",
    fields=("text",),
    parse=parse_imdb,
    metrics=("accuracy", "mcq_accuracy"),
    cluster="sentiment",
    datasets=("imdb",),
    licence="not stated",
    definition="Say whether a review of a film is negative or positive.",
    samples=(
        sample(
            1, {"text": "I laughed from start to end and would see it again."}, "positive", "Who would see it again liked it.", SENTIMENT
        ),
        sample(2, {"text": "Two hours of people who stare at walls. I left early."}, "negative", "Who leaves early is bored.", SENTIMENT),
        sample(3, {"text": "The plot has holes, but the acting is superb.\nA joy."}, "positive", "It ends by calling it a joy.", SENTIMENT),
    ),
    choices=SENTIMENT,
    hub=Hub("stanfordnlp/imdb", "plain_text", ("train", "test")),
    files=(
        "{split}/[np][eo][gs]/*.txt",
        "aclImdb/{split}/[np][eo][gs]/*.txt",
        "SC/IMDB/{split}.json",
        "IMDB/{split}.json",
    ),
    read=_review,
)
IFEVAL = Benchmark(
    name="ifeval",
    fields=("prompt",),
    parse=parse_ifeval,
    metrics=("ifeval_prompt_strict", "ifeval_instruction_strict", "ifeval_prompt_loose", "ifeval_instruction_loose"),
    cluster="instruction_following",
    datasets=("ifeval",),
    licence="Apache-2.0",
    definition="Write what is asked for and keep to every rule about its form.",
    samples=(
        _followed(
            1,
            "Describe a cat in one sentence. Do not use any commas.",
            "A cat is a small soft hunter that sleeps most of the day.",
            "One sentence; it has no comma.",
            {"instruction": "punctuation:no_comma"},
        ),
        _followed(
            2,
            "Name two colours of the sky. Answer in all lowercase letters.",
            "the sky is blue at noon and red in the evening.",
            "Two colours; no letter is a capital.",
            {"instruction": "change_case:english_lowercase"},
        ),
        _followed(
            3,
            "Give me three fruits as bullet points that begin with '* '.",
            "* apple\n* pear\n* plum",
            "Three lines, and each begins with a star and a blank.",
            {"instruction": "detectable_format:number_bullet_lists", "num_bullets": 3},
        ),
    ),
    hub=Hub("google/IFEval", None, ("train",)),
    files=("input_data.jsonl", "data/input_data.jsonl", "ifeval_input_data.jsonl"),
)
