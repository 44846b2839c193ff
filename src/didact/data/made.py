"""From draws to tokenised examples: the work that several processes can share, and that can be kept for another time.

What is made of a draw depends on that draw alone, so neither the process nor the draws beside it change anything.
"""

import gc
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from didact.base.errors import TemplateError
from didact.base.recipe import Objective
from didact.base.types import Conversation, Origin
from didact.data.audit import Audit
from didact.data.draws import Draw
from didact.data.tokens import TokenisedExample, Tokeniser, TokenReport


@dataclass
class Made:
    """What became of a run of draws."""

    examples: list[TokenisedExample]
    """Those that could be worded and fit, in the order of the draws."""
    report: TokenReport
    """What became of all of them."""
    audit: dict[str, Any] = field(default_factory=dict)
    """Counts of an audit that compared the conversations with their tokens."""


def make(
    draws: Iterable[Draw],
    render: Callable[[Draw], Conversation],
    tokeniser: Tokeniser,
    max_length: int,
    text_length: int,
    audited: bool = True,
) -> Made:
    """Returns draws worded and tokenised.

    Args:
        draws: What is drawn.
        render: Words one draw; a draw that it cannot word is left out and counted.
        tokeniser: Turns conversations into tokens.
        max_length: Tokens in a row, at most.
        text_length: Tokens of a plain text, at most.
        audited: Compare the conversations with their tokens too.
    """
    # Nothing here makes cycles, and looking for them among all that is held takes a third of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _make(draws, render, tokeniser, max_length, text_length, audited)
    finally:
        if collects:
            gc.enable()


def _make(
    draws: Iterable[Draw], render: Callable[[Draw], Conversation], tokeniser: Tokeniser, max_length: int, text_length: int, audited: bool
) -> Made:
    report, audit, conversations = TokenReport(), Audit(tokeniser, Objective()), list[Conversation]()
    for draw in draws:
        try:
            conversations.append(render(draw))
        except TemplateError as error:
            report.drop(error.what, Origin(draw.task, f"number {draw.index:,}"))
    examples = list[TokenisedExample]()
    for conversation, example in zip(conversations, tokeniser.tokenise(conversations, max_length, report, text_length), strict=True):
        if example is not None:
            examples.append(example)
            if audited:
                audit.compare(conversation, example)
    return Made(examples, report, audit.counts())


def chained(parts: Iterable[Made], tokeniser: Tokeniser) -> Made:
    """Returns runs of draws that follow one another as one."""
    examples, report, audit = list[TokenisedExample](), TokenReport(), Audit(tokeniser, Objective())
    for part in parts:
        examples += part.examples
        report.add(part.report)
        audit.add_counts(part.audit)
    return Made(examples, report, audit.counts())


def to_arrays(made: Made) -> dict[str, np.ndarray]:
    """Returns the same as a few arrays: what is sent from one process to another, and what is kept."""
    examples = made.examples
    tasks, templates = ({name: n for n, name in enumerate(dict.fromkeys(names))} for names in _names(examples))
    said = {
        "report": made.report.to_dict(),
        "audit": made.audit,
        "tasks": list(tasks),
        "templates": list(templates),
        "examples": [example.origin.example for example in examples],
        "notes": {number: example.origin.notes for number, example in enumerate(examples) if example.origin.notes},
    }
    numbers = [
        (len(e), e.num_cut, e.plain, tasks[e.origin.task], templates[e.origin.template], e.origin.epoch, e.origin.seed) for e in examples
    ]
    return {
        "ids": np.concatenate([np.empty(0, np.int32), *(example.input_ids for example in examples)]),
        "roles": np.concatenate([np.empty(0, np.uint8), *(example.roles for example in examples)]),
        "numbers": np.array(numbers, np.int64).reshape(len(examples), 7),
        **_weights_of(examples),
        "said": np.frombuffer(json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass"), np.uint8),
    }


def from_arrays(arrays: Mapping[str, np.ndarray]) -> Made:
    """Returns what `to_arrays` was given."""
    said = json.loads(arrays["said"].tobytes().decode("utf-8", "surrogatepass"))
    ids, roles, numbers = arrays["ids"], arrays["roles"], arrays["numbers"]
    ends = np.cumsum(numbers[:, 0]).tolist()
    factors, of_tokens = arrays.get("factors"), _token_weights(arrays, ends)
    notes, tasks, templates = said["notes"], said["tasks"], said["templates"]
    examples, start = list[TokenisedExample](), 0
    for number, (end, name, row) in enumerate(zip(ends, said["examples"], numbers.tolist(), strict=True)):
        _, num_cut, plain, task, template, epoch, seed = row
        about = tuple(notes.get(str(number), ())) if notes else ()
        origin = Origin(tasks[task], name, templates[template], seed, epoch, about)
        weight = 1.0 if factors is None else float(factors[number])
        own = of_tokens.get(number)
        examples.append(TokenisedExample(ids[start:end], roles[start:end], origin, num_cut, bool(plain), weights=own, weight=weight))
        start = end
    return Made(examples, TokenReport(**said["report"]), said["audit"])


def _weights_of(examples: Sequence[TokenisedExample]) -> dict[str, np.ndarray]:
    """Returns the weights of examples and of their tokens as arrays; nothing where there are none."""
    arrays = dict[str, np.ndarray]()
    if any(example.weight != 1 for example in examples):
        arrays["factors"] = np.array([example.weight for example in examples], np.float64)
    weighted = [number for number, example in enumerate(examples) if example.weights is not None]
    if weighted:
        arrays["weighted"] = np.array(weighted, np.int64)
        arrays["weights"] = np.concatenate([weights for example in examples if (weights := example.weights) is not None])
    return arrays


def _token_weights(arrays: Mapping[str, np.ndarray], ends: Sequence[int]) -> dict[int, np.ndarray]:
    """Returns the number of each example whose tokens have weights, and those."""
    if "weighted" not in arrays:
        return {}
    weights, start, found = arrays["weights"], 0, dict[int, np.ndarray]()
    for number in arrays["weighted"].tolist():
        length = ends[number] - (ends[number - 1] if number else 0)
        found[number] = weights[start : start + length]
        start += length
    return found


def _names(examples: Iterable[TokenisedExample]) -> tuple[list[str], list[str]]:
    origins = [example.origin for example in examples]
    return [origin.task for origin in origins], [origin.template for origin in origins]
