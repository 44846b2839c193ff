"""Rows of the chain-of-thought sets as their authors and the hub have them: options and explanations in columns of their own."""

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.parsing import NLI, label_of, row_id, text_of, texts_of
from didact.tasks.benchmarks.row_parts import lettered, options_of, picked

NO_YES = ("no", "yes")
SAID = ("yes", "it is not possible to tell", "no")
"""How questions on e-SNLI word its labels, in their order."""


def with_options(question: str, options: tuple[str, ...]) -> str:
    r"""Returns a question with its options below, as the Flan Collection's files write them.

    >>> with_options("True?", ("yes", "no"))
    'True?\nOptions:\n- yes\n- no'
    """
    return "\n".join([question, "Options:", *(f"- {option}" for option in options)])


def parse_aqua(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of AQuA-RAT, whose options are written `A)21`.

    >>> parse_aqua({"question": "3 * 7?", "options": ["A)21", "B)24"], "correct": "A", "rationale": "3 * 7 = 21"}).targets
    ('(A)',)
    """
    options = options_of(row.get("options"))
    if not all(option[1:2] == ")" for option in options):
        raise DataError("an option without its letter")
    named = tuple(f"({option[0]})" for option in options)
    if len(set(named)) < len(named):
        raise DataError("two options have one letter")
    lines = (f"{name} {option[2:].strip()}" for name, option in zip(named, options, strict=True))
    question = "\n".join([text_of(row, "question"), "Options:", *lines])
    answer = picked(row, {name[1]: name for name in named}, "correct")
    return Example("", {"question": question}, (answer,), named, text_of(row, "rationale"))


def parse_creak(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of CREAK: a claim, `true` or `false`, an explanation."""
    answer = label_of(row, NO_YES, same={"true": "yes", "false": "no"})
    question = with_options(f'Claim: "{text_of(row, "sentence")}"\nIs the claim true?', NO_YES[::-1])
    return Example(row_id(row, "ex_id"), {"question": question}, (answer,), NO_YES[::-1], text_of(row, "explanation"))


def parse_ecqa(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of ECQA: five options in columns, and an explanation in one paragraph."""
    options = options_of([row.get(f"q_op{number}") for number in range(1, 6)])
    answer = picked(row, {option: option for option in options}, "q_ans")
    question = with_options(text_of(row, "q_text"), options)
    return Example(row_id(row, "q_no"), {"question": question}, (answer,), options, text_of(row, "taskB"))


def parse_qasc(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of QASC; the rationale is its two facts and what follows from them."""
    question, options, target = lettered(row)
    named = tuple(f"({letter})" for letter in ascii_uppercase[: len(options)])
    if len(named) < len(options) or options.count(target) > 1:
        raise DataError("which option is right cannot be known")
    facts = " ".join(f"{text_of(row, column).rstrip('.')}." for column in ("fact1", "fact2", "combinedfact"))
    listed = with_options(question, tuple(f"{name} {option}" for name, option in zip(named, options, strict=True)))
    return Example(row_id(row), {"question": listed}, (named[options.index(target)],), named, facts)


def parse_strategyqa(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of StrategyQA: a question, true or false, and facts (one text, or a list of them)."""
    facts = row.get("facts")
    rationale = " ".join(texts_of(facts, "facts")) if isinstance(facts, list) else text_of(row, "facts")
    answer = label_of(row, NO_YES, ("answer",), {"true": "yes", "false": "no"})
    return Example(row_id(row, "qid"), {"question": text_of(row, "question")}, (answer,), NO_YES[::-1], rationale)


def parse_esnli(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of e-SNLI: premise, hypothesis, label, and the first explanation."""
    answer = SAID[NLI.index(label_of(row, NLI, ("label", "gold_label")))]
    premise, hypothesis = text_of(row, "premise", "Sentence1"), text_of(row, "hypothesis", "Sentence2")
    question = with_options(f'Premise: "{premise}"\nHypothesis: "{hypothesis}"\nDoes the hypothesis follow from the premise?', SAID)
    return Example(row_id(row, "pairID"), {"question": question}, (answer,), SAID, text_of(row, "explanation_1", "Explanation_1"))
