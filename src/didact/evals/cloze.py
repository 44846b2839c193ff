"""What a base knows before anybody has taught it to answer: gaps in sentences, and how it goes on behind a bare question."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from didact.data.objective_tokens import SENTINELS
from didact.models.local import LocalModel
from didact.tasks.atlas.cloze import Cloze

_NUM_MORE = 4
"""Tokens allowed behind the answer, to see that it ends where the gap does."""


def filled(model: LocalModel, gaps: Sequence[Cloze]) -> list[str]:
    """Returns what a model writes into the gaps, greedily, in their order.

    A decoder goes on behind the sentence's beginning; an encoder-decoder reads the sentence with a sentinel for the gap, as span
    corruption trains it.
    """
    tokenizer = model.tokeniser.tokenizer
    reads = model.architecture == "encoder_decoder"
    prompts = []
    for gap in gaps:
        parts = [tokenizer(gap.before, add_special_tokens=False)["input_ids"]]
        if reads:
            parts += [[model.tokeniser.controls[SENTINELS[0]]], tokenizer(gap.after, add_special_tokens=False)["input_ids"]]
            parts += [[model.tokeniser.eos_id]]
        prompts.append(np.array([token for part in parts for token in part], np.int32))
    longest = max(len(tokenizer(f" {gap.answer}", add_special_tokens=False)["input_ids"]) for gap in gaps)
    return [completion.text for completion in model.generate(prompts, max_new_tokens=longest + _NUM_MORE)]


def is_filled(gap: Cloze, written: str) -> bool:
    """Says whether the answer stands in the gap, and no longer word that begins with it.

    >>> gap = Cloze("flower", "The national flower of India is the", "lotus", ".")
    >>> is_filled(gap, " lotus. The"), is_filled(gap, " lotuses"), is_filled(gap, " rose")
    (True, False, False)
    """
    return re.match(rf"\s*{re.escape(gap.answer)}(?!\w)", written) is not None


def knowledge(model: LocalModel, gaps: Iterable[Cloze]) -> dict[str, tuple[int, int]]:
    """Returns, for each relation, how many gaps are filled rightly and how many there are."""
    gaps = list(gaps)
    right, count = Counter[str](), Counter[str]()
    for gap, written in zip(gaps, filled(model, gaps), strict=True):
        count[gap.relation] += 1
        right[gap.relation] += is_filled(gap, written)
    return {relation: (right[relation], count[relation]) for relation in count}


def goes_on(model: LocalModel, questions: Sequence[str], max_new_tokens: int = 32) -> list[str]:
    """Returns what a base writes behind bare questions."""
    tokenizer = model.tokeniser.tokenizer
    prompts = [np.array(tokenizer(question, add_special_tokens=False)["input_ids"], np.int32) for question in questions]
    return [completion.text for completion in model.generate(prompts, max_new_tokens=max_new_tokens)]
