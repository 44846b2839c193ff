"""Rows whose texts were folded into one `sentence` with labels in words, as continual-learning benchmarks keep them.

Source: the layout of Wang et al. (2023), Orthogonal subspace learning for language model continual learning, arXiv 2310.14152.
"""

import re
from collections.abc import Mapping
from typing import Any

from didact.tasks.benchmarks.benchmark import Parse, Parsed

PREMISE_AND_HYPOTHESIS = r"sentence 1: (?P<premise>.*)\nsentence 2: (?P<hypothesis>.*)"
FIRST_AND_SECOND = r"sentence 1: (?P<sentence1>.*)\nsentence 2: (?P<sentence2>.*)"


def folded(pattern: str, parse: Parse) -> Parse:
    """Returns a parser that also takes rows of one `sentence` and a `label`, by unfolding the sentence first.

    Args:
        pattern: Groups named after columns; a sentence that it does not match is left as it is.
        parse: Takes the unfolded row.

    >>> parse = folded(r"word: (?P<word>.*)", lambda row: row)
    >>> parse({"sentence": "word: call", "label": "True"})
    {'word': 'call', 'label': 'True'}
    >>> parse({"sentence": "It is fine.", "label": 1})
    {'sentence': 'It is fine.', 'label': 1}
    """
    whole = re.compile(pattern, re.DOTALL)

    def unfold(row: Mapping[str, Any]) -> Parsed:
        sentence = row.get("sentence")
        found = whole.fullmatch(sentence) if isinstance(sentence, str) and set(row) == {"sentence", "label"} else None
        return parse({**found.groupdict(), "label": row["label"]} if found else row)

    return unfold
