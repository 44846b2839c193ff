"""Many tests at once: with a hundred tasks, five are below 5 % by chance alone."""

from collections.abc import Sequence

import numpy as np

from didact.base.errors import DataError


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Returns q for each p: those with q up to 5 % hold, in expectation, at most 5 % of false discoveries.

    Args:
        ps: From tests that are independent or positively dependent, in any order; none: no q.

    Raises:
        DataError: A p that is not between 0 and 1.

    Source: Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57, 289-300.

    Sorted, 0.01 * 4/1, 0.02 * 4/2, 0.03 * 4/3 and 0.4 * 4/4; none may be above a later one:

    >>> [round(q, 3) for q in benjamini_hochberg([0.4, 0.01, 0.02, 0.03])]
    [0.4, 0.04, 0.04, 0.04]
    """
    array = np.asarray(ps, dtype=np.float64)
    if not len(array):
        return []
    if not ((array >= 0) & (array <= 1)).all():
        raise DataError(f"{array[~((array >= 0) & (array <= 1))][0]} is no p", expected="numbers from 0 to 1")
    order = np.argsort(array, kind="stable")
    raised = array[order] * len(array) / np.arange(1, len(array) + 1)
    q = np.empty_like(array)
    q[order] = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1])
    return [float(one) for one in q]
