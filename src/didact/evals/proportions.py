"""Intervals of shares: how many rows are right, and how many more than before. Made for 0 of 10 and 10 of 10 too."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from didact.base.errors import DataError
from didact.evals.intervals import Floats, Interval, Units, units_of

_Z = float(ndtri(0.975))


def wilson(k: float, n: float, z: float = _Z) -> tuple[float, float]:
    """Returns the 95 % interval of a share: k of n, as shares from 0 to 1.

    Args:
        k: How many rows are right.
        n: How many there are; an effective number need not be whole.
        z: Standard errors; 1.96 for 95 %.

    Raises:
        DataError: No rows, or more of them right than there are.

    Source: Wilson 1927, Journal of the American Statistical Association 22, 209-212.

    >>> low, high = wilson(0, 10)  # high is z²/(n + z²) = 3.84/13.84
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    if not n > 0 or not 0 <= k <= n:
        raise DataError(f"{k} of {n} is no share", expected="0 <= k <= n, and n above 0")
    if math.isinf(z):
        return 0.0, 1.0
    share, shrunk = k / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrunk
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / shrunk
    # At 0 and 1 centre and half are equal but for rounding.
    return (0.0 if k == 0 else max(0.0, centre - half)), (1.0 if k == n else min(1.0, centre + half))


def bonett_price(b: float, c: float, n: float, z: float = _Z) -> tuple[float, float]:
    """Returns the 95 % interval of the difference of two shares on the same rows: (c - b) / n, from -1 to 1.

    Args:
        b: Rows that only the first model has right.
        c: Rows that only the second has right.
        n: All rows.
        z: Standard errors; 1.96 for 95 %.

    Raises:
        DataError: No rows, or more of them differ than there are.

    Source: Bonett and Price 2012, Journal of Educational and Behavioral Statistics 37, 479-488: one row is added to b and to c.

    >>> low, high = bonett_price(0, 10, 10)  # centre 10/12, variance (12/12 - (10/12)²)/12
    >>> round(low, 3), high
    (0.521, 1.0)
    """
    if not n > 0 or b < 0 or c < 0 or b + c > n * (1 + 1e-9):
        raise DataError(f"{b} and {c} of {n} rows differ", expected="b + c <= n, and n above 0")
    if math.isinf(z):
        return -1.0, 1.0
    lost, won = (b + 1) / (n + 2), (c + 1) / (n + 2)
    half = z * math.sqrt((lost + won - (won - lost) ** 2) / (n + 2))
    return max(-1.0, won - lost - half), min(1.0, won - lost + half)


def share_interval(
    scores: Sequence[float] | Floats,
    *,
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    balanced: bool = False,
) -> Interval:
    """Returns the mean of scores of 0 and 100 with Wilson's interval, in points.

    Where tasks or clusters are what is drawn, n is the effective number of rows: of so many independent rows the mean would have the
    standard error that is seen between the units; and Student's t stands for 1.96. Where all rows agree, nothing can be seen of how
    rows of one unit resemble one another, and each unit counts as one row: that errs on the wide side.

    Args:
        scores: 0 or 100 for each row.
        groups: As for `bootstrap`.
        clusters: As for `bootstrap`.
        balanced: As for `bootstrap`.

    Raises:
        DataError: As `units_of`.

    Source: Korn and Graubard 1998, Survey Methodology 24, 193-201 (effective number of rows); Franco et al. 2019,
        Journal of Survey Statistics and Methodology 7, 334-364 (with Wilson's interval).

    >>> share_interval([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).high  # doctest: +ELLIPSIS
    27.75...
    """
    units = units_of(scores, groups=groups, clusters=clusters, balanced=balanced)
    if len(units.sums) == 1:
        return Interval(units.value, units.value, units.value, units.note)
    share = min(1.0, max(0.0, units.value / 100))
    n, z = _effective(units, share * (1 - share))
    low, high = wilson(share * n, n, z)
    return Interval(units.value, 100 * low, 100 * high, units.note)


def gain_interval(
    differences: Sequence[float] | Floats,
    *,
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    balanced: bool = False,
) -> Interval:
    """Returns the mean of differences of -100, 0 and 100 with Bonett and Price's interval, in points; n as for `share_interval`.

    Args:
        differences: Tuned minus base, for each row.
        groups: As for `bootstrap`.
        clusters: As for `bootstrap`.
        balanced: As for `bootstrap`.

    Raises:
        DataError: As `units_of`.

    >>> gain = gain_interval([100] * 10)
    >>> gain.value, round(gain.low, 1), gain.high
    (100.0, 52.1, 100.0)
    """
    array = np.asarray(differences, dtype=np.float64)
    units = units_of(array, groups=groups, clusters=clusters, balanced=balanced)
    if len(units.sums) == 1:
        return Interval(units.value, units.value, units.value, units.note)
    gain = units.value / 100
    differing = units_of(np.abs(array), groups=groups, clusters=clusters, balanced=balanced).value / 100
    n, z = _effective(units, differing - gain**2)
    b, c = max(0.0, (differing - gain) / 2), max(0.0, (differing + gain) / 2)
    low, high = bonett_price(b * n, c * n, n, z)
    return Interval(units.value, 100 * low, 100 * high, units.note)


def _effective(units: Units, variance: float) -> tuple[float, float]:
    """Returns the effective number of rows and the factor of the standard error; `variance` is that of one row, of shares."""
    if units.drawn == "rows":
        return float(units.num_rows), _Z
    error = units.standard_error() / 100
    if variance < 1e-12 or not error:
        return (units.effective() if variance < 1e-12 else float(units.num_rows)), units.quantile()
    return min(variance / error**2, float(units.num_rows)), units.quantile()
