"""Questions that a text answers, or that everybody could look up: SQuAD, XQuAD, TyDiQA GoldP, TriviaQA, Natural Questions (open)."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks import families
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, samples
from didact.tasks.benchmarks.file_shapes import squad_json
from didact.tasks.benchmarks.parsing import NO_LABEL, row_id, text_of, texts_of
from didact.tasks.benchmarks.passages_samples import passage_samples

SPAN_METRICS = ("squad_f1", "squad_em")
OPEN_METRICS = ("squad_em", "squad_f1")
TYDIQA_LANGUAGES = {
    "arabic": "ar",
    "bengali": "bn",
    "english": "en",
    "finnish": "fi",
    "indonesian": "id",
    "korean": "ko",
    "russian": "ru",
    "swahili": "sw",
    "telugu": "te",
}
"""The word with which a row's id begins, and the code."""


def accepted_answers(value: Any) -> tuple[str, ...]:
    """Returns every accepted answer once, in the order of the source: all of them are targets.

    >>> accepted_answers({"text": ["308", "308", "308 points"]}), accepted_answers([{"text": "12"}]), accepted_answers(["2017"])
    (('308', '308 points'), ('12',), ('2017',))

    Raises:
        DataError: There is none, as in test rows, or one is no text.
    """
    found = value.get("text") if isinstance(value, Mapping) else value
    if found is None or found == []:
        raise DataError(NO_LABEL)
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in found] if isinstance(found, list) else found
    return tuple(dict.fromkeys(texts_of(texts, "answers")))


def parse_span(row: Mapping[str, Any]) -> Example:
    """Returns the example of a SQuAD row: a context, a question, and answers that are parts of the context.

    Source: Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250.
    """
    if row.get("is_impossible"):
        raise DataError("the text does not answer the question")
    fields = {"context": text_of(row, "context"), "question": text_of(row, "question")}
    return Example(row_id(row), fields, accepted_answers(row.get("answers")))


def parse_tydiqa(word: str, row: Mapping[str, Any]) -> Example | tuple[Example, ...]:
    """Returns the example of a TyDiQA row of one language, and nothing of the other languages' rows: all stand in one table.

    Raises:
        DataError: Its id does not say its language, or it cannot be read.
    """
    language = row_id(row).partition("-")[0]
    if language not in TYDIQA_LANGUAGES:
        raise DataError("an id without its language")
    return parse_span(row) if language == word else ()


def parse_trivia(row: Mapping[str, Any]) -> Example:
    """Returns the example of a TriviaQA row; the target is the value, its aliases are accepted too.

    Source: Joshi et al. (2017), TriviaQA, arXiv 1705.03551.

    >>> answer = {"value": "Sinclair Lewis", "aliases": ["Lewis, Sinclair", "Sinclair Lewis"]}
    >>> example = parse_trivia({"question": "Who?", "question_id": "tc_1", "answer": answer})
    >>> example.targets, example.accepted
    (('Sinclair Lewis',), ('Lewis, Sinclair',))
    """
    answer = row.get("answer") if row.get("answer") is not None else row.get("Answer")
    value = (answer.get("value") or answer.get("Value")) if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping) or not isinstance(value, str) or value.strip() in ("", "<unk>"):
        raise DataError(NO_LABEL)
    target, aliases = value.strip(), answer.get("aliases", answer.get("Aliases")) or []
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise DataError("aliases are not a list of texts")
    accepted = dict.fromkeys(alias.strip() for alias in aliases if alias.strip() not in ("", target))
    question = {"question": text_of(row, "question", "Question")}
    return Example(row_id(row, "question_id", "QuestionId"), question, (target,), accepted=tuple(accepted))


def parse_nq_open(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of Natural Questions (open): a question and one or more short answers.

    Source: Kwiatkowski et al. (2019); Lee et al. (2019), arXiv 1906.00300.
    """
    return Example(row_id(row), {"question": text_of(row, "question")}, accepted_answers(row.get("answer")))


SQUAD = Benchmark(
    name="squad",
    fields=("context", "question"),
    parse=parse_span,
    metrics=SPAN_METRICS,
    cluster="reading_comprehension",
    datasets=("squad",),
    licence="CC BY-SA 4.0",
    definition="Answer a question with the part of the text that answers it.",
    samples=passage_samples("en"),
    hub=Hub("rajpurkar/squad", "plain_text", ("train", "validation")),
    files=("{split}-v1.1.json", "squad_{split}.jsonl"),
    read=squad_json,
)
XQUAD = {
    f"xquad/{code}": Benchmark(
        name=f"xquad/{code}",
        fields=("context", "question"),
        parse=parse_span,
        metrics=SPAN_METRICS,
        cluster="reading_comprehension",
        datasets=("xquad", "squad"),
        licence="CC BY-SA 4.0",
        definition="Answer a question with the part of the text that answers it, in the language of both.",
        samples=passage_samples(code),
        hub=Hub("google/xquad", f"xquad.{code}", ("validation",)),
        files=(f"xquad.{code}.json", f"xquad.{code}/{{split}}-*.parquet"),
        languages=(code,),
        read=squad_json,
    )
    for code in families.XQUAD.split()
}
"""One task for each language: professional translations of 1,190 questions of SQuAD."""
TYDIQA = {
    f"tydiqa/{code}": Benchmark(
        name=f"tydiqa/{code}",
        fields=("context", "question"),
        parse=partial(parse_tydiqa, word),
        metrics=SPAN_METRICS,
        cluster="reading_comprehension",
        datasets=("tydiqa",),
        licence="Apache-2.0",
        definition="Answer a question with the part of the text that answers it, in the language of both.",
        samples=passage_samples(code),
        hub=Hub("google-research-datasets/tydiqa", "secondary_task", ("train", "validation")),
        files=(
            "tydiqa-goldp-v1.1-{split}.json",
            f"tydiqa-goldp-v1.1-{{split}}/tydiqa-goldp-{{split}}-{word}.json",
            "secondary_task/{split}-*.parquet",
        ),
        languages=(code,),
        read=squad_json,
    )
    for word, code in TYDIQA_LANGUAGES.items()
}
"""One task for each language: the gold passage task."""
TRIVIA_QA = Benchmark(
    name="trivia_qa",
    fields=("question",),
    parse=parse_trivia,
    metrics=OPEN_METRICS,
    cluster="closed_book_qa",
    datasets=("trivia_qa",),
    licence="not stated (code: Apache-2.0)",
    definition="Answer a quiz question from memory.",
    samples=samples(
        ("question",),
        (),
        ("Which planet is known as the red one?", "Mars", "Rust in its soil makes Mars look red."),
        ("How many strings does a violin have?", "Four", "They are tuned to G, D, A and E."),
        ("Which city has the Eiffel Tower?", "Paris", "It was built in Paris for the fair of 1889."),
    ),
    hub=Hub("mandarjoshi/trivia_qa", "rc.nocontext"),
    files=(
        "qa/wikipedia-{split}.json",
        "triviaqa-rc/qa/wikipedia-{split}.json",
        "triviaqa-unfiltered/unfiltered-web-{split}.json",
        "unfiltered-web-{split}.json",
    ),
)
NQ_OPEN = Benchmark(
    name="nq_open",
    fields=("question",),
    parse=parse_nq_open,
    metrics=OPEN_METRICS,
    cluster="closed_book_qa",
    datasets=("natural_questions",),
    licence="CC BY-SA 3.0",
    definition="Answer a question that somebody typed into a search engine, from memory.",
    samples=samples(
        ("question",),
        (),
        ("how many legs does a spider have", "eight", "Spiders have four pairs of legs."),
        ("what is the capital of sweden", "Stockholm", "Sweden is governed from Stockholm."),
        ("when did the first people walk on the moon", "July 1969", "Apollo 11 landed in July 1969."),
    ),
    hub=Hub("google-research-datasets/nq_open", None, ("train", "validation")),
    files=("jsonl/nq_open_{split}.jsonl", "nq_open_{split}.jsonl", "NQ-open.{split}.jsonl", "nq_open/{split}-*.parquet"),
)
