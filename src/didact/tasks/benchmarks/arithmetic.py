"""Sums in words: GSM8K, and MGSM in eleven languages."""

import re
from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.mgsm_samples import QUESTIONS, sums
from didact.tasks.benchmarks.parsing import row_id, text_of
from didact.tasks.benchmarks.row_parts import number_text

METRICS = ("number_match", "accuracy")
_CALCULATION = re.compile(r"<<[^<>\n]*>>")
_WORKED = re.compile(r"\A(?P<rationale>.*?)\s*####\s*(?P<number>[^\n]*)\s*\Z", re.DOTALL)
_LABELS = (
    *("প্রশ্ন", "Frage", "Question", "Pregunta", "問題", "Задача", "Swali", "ప్రశ్న", "โจทย์", "问题"),
    *("ধাপে ধাপে উত্তর", "Schritt-für-Schritt-Antwort", "Step-by-Step Answer", "Respuesta paso a paso", "Réponse étape par étape"),
    *("ステップごとの答え", "Пошаговое решение", "Jibu la Hatua kwa Hatua", "దశలవారీగా సమాధానం", "คำตอบทีละขั้นตอน", "逐步解答"),
)
_LABEL = re.compile(rf"\A(?:{'|'.join(_LABELS)})\s*[:：]\s*")
"""Questions and worked answers may begin with what they are, in their language."""


def worked_answer(answer: str) -> tuple[str, str]:
    r"""Returns rationale and final number of a GSM8K answer, without the notes for a calculator between `<<` and `>>`.

    Source: Cobbe et al. (2021), Training verifiers to solve math word problems, arXiv 2110.14168.

    >>> worked_answer("She has 2 * 600 = $<<2*600=1200>>1,200.\n#### 1,200")
    ('She has 2 * 600 = $1,200.', '1,200')

    Raises:
        DataError: There is no `####`, or no reasoning before it.
    """
    found = _WORKED.match(answer)
    if found is None:
        raise DataError("no #### before the answer")
    rationale = _CALCULATION.sub("", found["rationale"]).strip()
    if not rationale:
        raise DataError("no reasoning before the answer")
    return rationale, found["number"].strip()


def parse_gsm8k(row: Mapping[str, Any]) -> Example:
    """Returns the example of a GSM8K row; the target is the number without commas, as it was written it is accepted too."""
    rationale, written = worked_answer(text_of(row, "answer"))
    number = number_text(written)
    accepted = (written,) if written != number else ()
    return Example(row_id(row), {"question": text_of(row, "question")}, (number,), rationale=rationale, accepted=accepted)


def parse_mgsm(row: Mapping[str, Any]) -> Example:
    """Returns the example of an MGSM row: question and number; rows of the hub's split train have a rationale as well.

    Source: Shi et al. (2022), Language models are multilingual chain-of-thought reasoners, arXiv 2210.03057.

    >>> parse_mgsm({"question": "Question: 3 + 2?", "answer": "Step-by-Step Answer: 3 + 2 = 5.", "answer_number": 5})
    Example(id='', fields={'question': '3 + 2?'}, targets=('5',), choices=(), rationale='3 + 2 = 5.', ...)
    """
    question, written = text_of(row, "question"), row.get("answer_number", row.get("answer"))
    if written is None or written == "":
        raise DataError("no answer")
    number, answer = number_text(written), row.get("answer")
    accepted = (str(written).strip(),) if str(written).strip() != number else ()
    rationale = ""
    if isinstance(answer, str) and "answer_number" in row:
        question, rationale = _LABEL.sub("", question), _LABEL.sub("", answer.strip())
    return Example(row_id(row), {"question": question}, (number,), rationale=rationale, accepted=accepted)


GSM8K = Benchmark(
    name="gsm8k",
    fields=("question",),
    parse=parse_gsm8k,
    metrics=METRICS,
    cluster="math",
    datasets=("gsm8k",),
    licence="MIT",
    definition="Solve a sum that is told in words; the answer is a number.",
    samples=(
        sample(
            1,
            {"question": "Ida picks 4 baskets of 6 pears and gives 5 pears away. How many pears does she keep?"},
            "19",
            "Ida picks 4 * 6 = 24 pears. She keeps 24 - 5 = 19 pears.",
        ),
        sample(
            2,
            {"question": "A ticket costs $8, and half as much for a child. What do 2 adults and 1 child pay?"},
            "20",
            "A child pays 8 / 2 = $4. Two adults pay 2 * 8 = $16. Together that is 16 + 4 = $20.",
        ),
        sample(
            3,
            {"question": "Otto reads 30 pages a day. His book has 210 pages. How many days does he need?"},
            "7",
            "Otto needs 210 / 30 = 7 days.",
        ),
    ),
    hub=Hub("openai/gsm8k", "main", ("train", "test")),
    files=("{split}.jsonl", "grade_school_math/data/{split}.jsonl"),
)
MGSM = {
    f"mgsm/{code}": Benchmark(
        name=f"mgsm/{code}",
        fields=("question",),
        parse=parse_mgsm,
        metrics=METRICS,
        cluster="math",
        datasets=("mgsm", "gsm8k"),
        licence="CC BY-SA 4.0",
        definition="Solve a sum that is told in words, in the language of the question; the answer is a number in digits.",
        samples=sums(code),
        hub=Hub("jbross-ibm-research/mgsm", code, ("test", "train")),
        files=(f"mgsm_{code}.tsv", f"mgsm/mgsm_{code}.tsv"),
        languages=(code,),
        header=("question", "answer"),
    )
    for code in QUESTIONS
}
"""One task for each language: 250 questions of GSM8K, translated."""
