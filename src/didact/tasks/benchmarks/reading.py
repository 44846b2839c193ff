"""MultiRC and ReCoRD: several examples of one row, and rows that are judged together.

Source: Khashabi et al. (2018), MultiRC; Zhang et al. (2018), ReCoRD, arXiv 1810.12885; rows as in SuperGLUE, arXiv 1905.00537.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from didact.base.errors import DataError
from didact.base.files import fingerprint
from didact.base.types import Example
from didact.tasks.benchmarks.parsing import TRUTH, filled, label_of, text_of, texts_of

_TAG = re.compile(r"</?(?:br|b)\s*/?>")
_SPACES = re.compile(r"[ \t]{2,}")
_HIGHLIGHT_AFTER_END = re.compile(r"([.?!\"'])\n@highlight\n")


def without_tags(text: str) -> str:
    """Returns a MultiRC text without its `<br>` and `<b>` tags.

    >>> without_tags("<b>Sent 1: </b>It rained. <br><b>Sent 2: </b>Nobody came.<br>")
    'Sent 1: It rained. Sent 2: Nobody came.'
    """
    return _SPACES.sub(" ", _TAG.sub(" ", text)).strip()


def _untagged(row: Mapping[str, Any], column: str) -> str:
    return filled(without_tags(text_of(row, column)), column)


def multirc(row: Mapping[str, Any]) -> Example | tuple[Example, ...]:
    """Returns one example for every candidate answer; ids are `paragraph/question/answer`, so the group is the id up to the last `/`.

    Takes the hub's rows (one answer each) and the original ones (a passage with all its questions).
    """
    if isinstance(row.get("passage"), Mapping):
        return tuple(_nested_answers(row))
    paragraph, question, answer = (_untagged(row, column) for column in ("paragraph", "question", "answer"))
    idx = row.get("idx")
    numbers = [idx.get(part) for part in ("paragraph", "question", "answer")] if isinstance(idx, Mapping) else []
    # Rows without numbers are grouped by what they say; their place makes them different.
    group = f"{fingerprint(paragraph)}/{fingerprint(question)}" if None in numbers or not numbers else f"{numbers[0]}/{numbers[1]}"
    return _answer(f"{group}/{numbers[2] if numbers and None not in numbers else ''}", paragraph, question, answer, row)


def _nested_answers(row: Mapping[str, Any]) -> Iterator[Example]:
    passage = row["passage"]
    paragraph = _untagged(passage, "text")
    for number, question in enumerate(_parts(passage, "questions")):
        asked = _untagged(question, "question")
        for place, answer in enumerate(_parts(question, "answers")):
            said = _untagged(answer, "text")
            ids = (row.get("idx", fingerprint(paragraph)), question.get("idx", number), answer.get("idx", place))
            yield _answer("/".join(str(part) for part in ids), paragraph, asked, said, answer)


def _answer(identity: str, paragraph: str, question: str, answer: str, row: Mapping[str, Any]) -> Example:
    fields = {"paragraph": paragraph, "question": question, "answer": answer}
    return Example(identity, fields, (label_of(row, TRUTH),), TRUTH)


def joined_highlights(passage: str) -> str:
    r"""Returns a ReCoRD passage as running text: its highlights follow as sentences.

    Source: Raffel et al. (2020), T5, arXiv 1910.10683, preprocessing of ReCoRD.

    >>> joined_highlights("It rained.\n@highlight\nRain in the north\n@highlight\nRoads closed")
    'It rained. Rain in the north. Roads closed'
    """
    return _HIGHLIGHT_AFTER_END.sub(r"\1 ", passage).replace("\n@highlight\n", ". ").strip()


def record(row: Mapping[str, Any]) -> tuple[Example, ...]:
    """Returns one example for every query of a row: every right entity is a target, and the best of them counts."""
    return tuple(Example(identity, fields, answers, choices) for identity, fields, choices, answers in _queries(row))


def record_for_training(row: Mapping[str, Any]) -> tuple[Example, ...]:
    """Returns one example for every right entity of every query: training sees them all."""
    return tuple(
        Example(f"{identity}/{number}", fields, (answer,), choices)
        for identity, fields, choices, answers in _queries(row)
        for number, answer in enumerate(answers)
    )


def _queries(row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str], tuple[str, ...], tuple[str, ...]]]:
    passage = row.get("passage")
    nested = isinstance(passage, Mapping)
    text = text_of(passage if isinstance(passage, Mapping) else row, "text" if nested else "passage")
    # Places count from the beginning of the text as it is written, white space included.
    given = [*_spans(passage["text"], passage)] if isinstance(passage, Mapping) else row.get("entities")
    entities = tuple(dict.fromkeys(texts_of(given, "entities")))
    for number, asked in enumerate(_parts(row, "qas") if nested else [row]):
        query = text_of(asked, "query")
        if "@placeholder" not in query:
            raise DataError("no @placeholder in the query")
        said = asked.get("answers")
        if nested and isinstance(said, list):
            said = [answer.get("text") if isinstance(answer, Mapping) else answer for answer in said]
        if not said:
            raise DataError("no answer, as in test rows")
        fields = {"passage": joined_highlights(text), "query": query, "entities": ", ".join(entities)}
        idx = row.get("idx")
        ids = (idx.get("passage"), idx.get("query")) if isinstance(idx, Mapping) else (idx, asked.get("idx", number)) if nested else ()
        known = ids if ids and None not in ids else (fingerprint(text), fingerprint(query))
        answers = tuple(dict.fromkeys(texts_of(said, "answers")))
        # Where an answer is none of the entities, they are no options to choose from; the row counts all the same.
        choices = entities if set(answers) <= set(entities) else ()
        yield "/".join(str(part) for part in known), fields, choices, answers


def _spans(text: str, passage: Mapping[str, Any]) -> Iterator[str]:
    """Yields the entities of an original row: places in the text, the last character included."""
    for span in _parts(passage, "entities"):
        start, end = span.get("start"), span.get("end")
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start <= end < len(text):
            raise DataError("an entity outside the passage")
        yield text[start : end + 1]


def _parts(whole: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    parts = whole.get(name)
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        raise DataError(f"{name} is not a list of objects")
    return parts
