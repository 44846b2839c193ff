"""One example of each kind of problem that the audit found, with its tokens and their weights: for looking at."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from didact.data.audit import ERRORS, Audit
from didact.data.kept_example import restored
from didact.data.objectives import target_weights
from didact.data.token_report import TokenReport
from didact.data.tokens import TokenisedExample, Tokeniser

_CHARACTERS = "the tokenizer cannot write some of these characters"
_CUT = "a prompt was shortened to fit; this is left of it"
_ONE = {
    "unsupervised": "no token is supervised",
    "double_bos": "two BOS tokens",
    "terminator": "an answer does not end in a trained terminator",
    "stripped": "the chat format leaves out a part of the answer",
    "characters": _CHARACTERS,
}


@dataclass(frozen=True, slots=True)
class ProblemExample:
    """An example that has a problem."""

    what: str
    """The problem, in words."""
    where: str
    """The task and the example."""
    example: TokenisedExample
    """What the model sees of it."""
    weights: np.ndarray
    """The loss weight of each of its targets, as `target_weights` has them."""
    tokeniser: Tokeniser
    """Knows the text of its tokens."""


def problem_examples(audit: Audit, tokens: TokenReport) -> Iterator[ProblemExample]:
    """Yields the first example of each kind of problem that has tokens: what stops a run before what only warns.

    Args:
        audit: What is trained on.
        tokens: What was cut, and what was left out.
    """
    found = [(_ONE[kind], audit.first[kind]) for kind in (*ERRORS, "characters") if kind in audit.first]
    found += [(reason, tokens.first[reason]) for reason, _ in tokens.dropped.most_common() if reason in tokens.first]
    found += [(_CUT, tokens.first["cut"])] if "cut" in tokens.first else []
    for what, kept in found:
        example = restored(kept, TokenisedExample)
        if example is not None:
            what = f"{what}; missing: {kept['missing']!r}" if "missing" in kept else what
            yield ProblemExample(what, kept["where"], example, target_weights(example, audit.objective), audit.tokeniser)
