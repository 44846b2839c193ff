"""A rater by rule: a stand-in for people that is the same every time; it compares with one reference answer, and knows no truth."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from didact.tasks.metrics import rouge_l

NEAR = {"A": 60.0, "B": 35.0, "C": 12.0}
"""Least ROUGE-L with the reference answer, in points, for each level; below all of them it is D."""
SHORTEST, LONGEST = 0.25, 4.0
"""Words of the answer as a share of the reference's: outside, the answer is one level lower."""
_REFUSES = re.compile(
    r"(i'?m sorry|i am sorry|sorry,|as an ai|i can ?not|i can'?t|i am unable|i'?m unable|unfortunately,? i)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A level and the rule that gave it."""

    level: str
    why: str


def rate_by_rule(question: str, answer: str, reference: str) -> Rule:
    """Returns the level of an answer by the first rule that fits.

    D: it is empty, is (a part of) the question again where the reference is not, or refuses where the reference does not. Otherwise by
    ROUGE-L with the reference: A from 60 points, B from 35, C from 12, else D; one level lower where it has fewer than a quarter or more
    than four times the reference's words. Without a reference: B.

    It is no measure of quality: open questions have many good answers, and this one knows a single one. Use it to try a sheet out, and to
    see that people say more than words in common do.

    Args:
        question: What was asked.
        answer: What was answered.
        reference: An answer that is known to be good; empty: there is none.

    >>> rate_by_rule("Say it twice: dog", "dog dog", "dog dog"), rate_by_rule("Say it twice: dog", " ", "dog dog")
    (Rule(level='A', why='near'), Rule(level='D', why='empty'))
    >>> rate_by_rule("Name a colour of snow.", "I'm sorry, I cannot do that.", "White")
    Rule(level='D', why='refuses')
    """
    said, known = _plain(answer), _plain(reference)
    if not said:
        return Rule("D", "empty")
    if said in _plain(question) and len(said.split()) > 3 and known not in _plain(question):
        return Rule("D", "repeats the question")
    if _REFUSES.match(answer.strip()) and not _REFUSES.match(reference.strip()):
        return Rule("D", "refuses")
    if not known:
        return Rule("B", "nothing to compare with")
    score = rouge_l(answer, [reference])
    level, why = next((level for level, least in NEAR.items() if score >= least), "D"), "near"
    share = len(said.split()) / len(known.split())
    if not SHORTEST <= share <= LONGEST and level != "D":
        order = [*NEAR, "D"]
        level, why = order[order.index(level) + 1], "too short" if share < 1 else "too long"
    return Rule(level, why if level != "D" or why != "near" else "far")


def rule_ratings(rows: Sequence[Mapping[str, str]]) -> dict[str, Rule]:
    """Returns the rule's level of every row of a sheet."""
    return {row["row"]: rate_by_rule(row["question"], row["answer"], row["reference"]) for row in rows}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
