"""BLEU over a whole task, as sacrebleu counts it: the words in common, one to four at a time, of all rows together."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from didact.base.errors import DataError
from didact.tasks.judged import Floats, Judged, Points
from didact.tasks.languages import language_of

_ORDER = 4


def bleu(rows: Sequence[Judged]) -> Points:
    """Returns BLEU, 0 to 100: counts of all rows added up, then the mean of four precisions, less where too little was written.

    It is sacrebleu's number for case as it stands, exponential smoothing and tokenizer 13a, or zh where the references
    are written in Chinese. Rows of too few words for four in a row are judged by the orders that they have; of a task that
    has one longer row, that changes nothing. Several references are all compared with, the nearest in length counts.

    Source: Papineni et al. (2002); Post (2018), A call for clarity in reporting BLEU scores, arXiv 1804.08771; sacrebleu.

    Raises:
        DataError: No rows, or one without references.

    Five of six words, three of five pairs, one of four triples, none of three fours, which is half of one: (5/6 · 3/5 · 1/4 · 1/6)^¼.

    >>> row = Judged("the cat is on the mat", ("the cat sat on the mat",))
    >>> round(bleu([row]), 2), bleu([Judged("Le chat dort.", ("Le chat dort.",))])
    (37.99, 100.0)
    """
    references = [reference for row in rows for reference in row.references]
    if empty := next((row for row in rows if not row.references), None):
        what = "no reference to compare with"
        raise DataError(
            what, where=f"example {empty.example}" if empty.example else "", remedy="leave the example out, or give it a target"
        )
    # Which tokenizer it is hangs on the references, all of them, and never on the model.
    counter = _counter("zh" if language_of("\n".join(references)) == "zh" else "13a")
    counts = np.array([_counts(counter, row) for row in rows], float)
    return Points(lambda weights: _points(weights @ counts), len(rows))


@lru_cache(maxsize=2)
def _counter(tokenizer: str) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=tokenizer, effective_order=True)


def _counts(counter: Any, row: Judged) -> list[int]:
    """Returns words in common and words written, one to four at a time, and both lengths."""
    found = counter.sentence_score(row.completion, list(row.references))
    return [*found.counts, *found.totals, found.sys_len, found.ref_len]


def _points(sums: Floats) -> Floats:
    """Returns BLEU (draws,) of added counts (draws, 10): exponential smoothing, over the orders that there are."""
    same, all_of_them, length, wanted = sums[:, :_ORDER], sums[:, _ORDER : 2 * _ORDER], sums[:, -2], sums[:, -1]
    there = all_of_them > 0
    none = there & (same == 0)
    # The first order of which nothing is right counts as half of one, the next as a quarter of one, and so on.
    counted = np.where(none, 0.5 ** none.cumsum(axis=1), same)
    logs = np.log(np.divide(counted, all_of_them, out=np.ones_like(counted), where=there))
    mean = logs.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    short = np.where(length < wanted, np.exp(1 - wanted / np.maximum(length, 1e-9)), 1.0)
    return np.where(same.any(axis=1), 100 * short * np.exp(mean), 0.0)
