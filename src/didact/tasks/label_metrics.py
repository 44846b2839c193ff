"""Metrics over a whole task whose answers are choices: Matthews, F1 of two classes and of all, MultiRC's two, gender parity.

A completion that gives no choice (see `didact.tasks.answers`) is counted in `num_unparsed` and is always wrong. How it is
wrong, each metric says.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didact.base.errors import DataError
from didact.tasks.judged import Floats, Judged, Points, ratio, share

Labels = NDArray[np.int64]
NO_CHOICE = -1
"""The label of a completion that gives no choice."""


def mcq_accuracy(rows: Sequence[Judged]) -> Points:
    """Returns the share of rows whose completion gives the right choice, by its text or its item name.

    Args:
        rows: Each with its own choices.

    Raises:
        DataError: No rows, a row without choices, or one whose reference is none of its choices.

    One of two is right; "both" is no choice, and wrong:

    >>> score = mcq_accuracy([Judged("(B)", ("no",), ("yes", "no")), Judged("both", ("yes",), ("yes", "no"))])
    >>> score, score.num_unparsed
    (50.0, 1)
    """
    gold, said = labels(rows, alike=False)
    return _points(share((gold == said).astype(float)), said)


def matthews(rows: Sequence[Judged]) -> Points:
    """Returns Matthews' correlation between right and given choices, for two or more classes (CoLA, AX, AX-b).

    A completion that gives no choice is a class of its own. Where all given or all right choices are the same it is undefined.

    Args:
        rows: All with the same number of choices.

    Raises:
        DataError: As `mcq_accuracy`, or rows with different numbers of choices.

    Source: Matthews (1975); Gorodkin (2004) for more than two classes; `matthews_corrcoef` of scikit-learn.

    One error of each kind among two right and two wrong of each: (2·2 - 1·1) / (3·3) = 1/3.

    >>> given = zip("yyynnn", "yynynn")
    >>> round(matthews([Judged(said, (gold,), ("n", "y")) for said, gold in given]), 2)
    33.33
    """
    gold, said = labels(rows)
    classes = range(NO_CHOICE, len(rows[0].choices))
    right = (gold == said).astype(float)
    of_gold, of_said = (np.array([column == label for label in classes], float).T for column in (gold, said))

    def over(weights: Floats) -> Floats:
        total, hits, golds, saids = weights.sum(axis=1), weights @ right, weights @ of_gold, weights @ of_said
        spread = (total**2 - (saids**2).sum(axis=1)) * (total**2 - (golds**2).sum(axis=1))
        return ratio(hits * total - (golds * saids).sum(axis=1), np.sqrt(np.maximum(spread, 0.0)))

    return _points(over, said, "all given or all right choices are the same")


def f1_binary(rows: Sequence[Judged]) -> Points:
    """Returns the F1 of the second of two choices, the positive class (MRPC, QQP); neither gives 1 for all rows alike.

    A completion that gives no choice counts as the wrong one of the two, so it is an error of the same kind.

    Args:
        rows: All with the same two choices.

    Raises:
        DataError: As `mcq_accuracy`, or other than two choices.

    Source: Raffel et al. (2020), T5, arXiv 1910.10683, evaluation code, for what gives no choice.

    One hit, one false alarm, one miss: 2·1 / (2·1 + 1 + 1) = 1/2.

    >>> given = [("y", "y"), ("y", "n"), ("n", "y"), ("n", "n")]
    >>> f1_binary([Judged(said, (gold,), ("n", "y")) for said, gold in given])
    50.0
    """
    gold, said = labels(rows)
    others = {len(row.choices) for row in rows} - {2}
    if others:
        raise DataError(
            f"f1_binary over rows with {others.pop()} choices", expected="two: the second is the positive class", remedy="f1_macro"
        )
    counted = np.where(said == NO_CHOICE, 1 - gold, said)
    return _points(_f1(gold, counted, 1), said, "the positive class is neither right nor given anywhere")


def f1_macro(rows: Sequence[Judged]) -> Points:
    """Returns the mean over all choices of their F1 (CB: over its three classes); a class that no row has counts as 0.

    A completion that gives no choice is a miss of the right class and a false alarm of none.

    Args:
        rows: All with the same number of choices.

    Raises:
        DataError: As `mcq_accuracy`, or rows with different numbers of choices.

    Source: Wang et al. (2019), SuperGLUE, arXiv 1905.00537, section 3, for CB.

    Of three classes a has F1 1, b has 1 hit and 1 false alarm (2/3), c only a miss (0): (1 + 2/3 + 0) / 3 = 5/9.

    >>> given = zip("abb", "abc")
    >>> round(f1_macro([Judged(said, (gold,), ("a", "b", "c")) for said, gold in given]), 2)
    55.56
    """
    gold, said = labels(rows)
    num_classes = len(rows[0].choices)
    parts = [_f1(gold, said, label) for label in range(num_classes)]
    absent = num_classes - len(set(gold.tolist()))
    note = f"{absent} of {num_classes} classes have no row" if absent else ""
    return _points(lambda weights: np.mean([np.nan_to_num(part(weights)) for part in parts], axis=0), said, note=note)


def multirc_f1a(rows: Sequence[Judged]) -> Points:
    """Returns MultiRC's F1a: the F1 of right answers, all answers of all questions in one pool.

    The same as `f1_binary`, special cases included; the mean over questions of their F1 is another number.

    Source: Khashabi et al. (2018), MultiRC, section 5: F1 over all answer options.

    >>> given = [("yes", "yes", "q1"), ("yes", "no", "q1"), ("yes", "yes", "q2")]
    >>> multirc_f1a([Judged(said, (gold,), ("no", "yes"), group=question) for said, gold, question in given])
    80.0
    """
    return f1_binary(rows)


def multirc_em(rows: Sequence[Judged]) -> Points:
    """Returns MultiRC's EM: the share of questions whose every answer is judged rightly.

    Args:
        rows: The group of each is its question; a row without one is a question by itself.

    Raises:
        DataError: As `mcq_accuracy`.

    Source: Khashabi et al. (2018), MultiRC, section 5.

    The first question has one wrong judgement, the second none:

    >>> given = [("yes", "yes", "q1"), ("yes", "no", "q1"), ("yes", "yes", "q2")]
    >>> multirc_em([Judged(said, (gold,), ("no", "yes"), group=question) for said, gold, question in given])
    50.0
    """
    gold, said = labels(rows, alike=False)
    wrong = np.flatnonzero(gold != said)
    groups = by_group(rows)
    right = np.zeros(len(rows))
    first = np.zeros(len(rows))
    for members in groups.values():
        # A question is counted at its first row; its rows are always drawn together.
        first[members[0]] = 1.0
        right[members[0]] = not np.isin(members, wrong).any()
    return _points(share(right, first), said)


def gender_parity(rows: Sequence[Judged]) -> Points:
    """Returns the share of pairs that differ in a pronoun's gender and got the same choice, whether or not it is right (AX-g).

    Two completions that give no choice are not the same choice: nothing was said twice.

    Args:
        rows: The group of each names its pair; without groups, two consecutive rows are a pair.

    Raises:
        DataError: No rows, a row without choices, or no pair.

    Source: Rudinger et al. (2018), Winogender schemas; Wang et al. (2019), SuperGLUE, arXiv 1905.00537, section 3.

    Both pairs are wrong throughout; the first agrees with itself:

    >>> gender_parity([Judged(said, ("y",), ("y", "n")) for said in ("n", "n", "n", "maybe")])
    50.0
    """
    said = np.array([_given(row) for row in rows], int)
    paired = any(row.group for row in rows)
    pairs = list(by_group(rows).values()) if paired else [list(range(len(rows)))[place : place + 2] for place in range(0, len(rows), 2)]
    alike, first = np.zeros(len(rows)), np.zeros(len(rows))
    whole = [members for members in pairs if len(members) == 2]
    if rows and not whole:
        raise DataError("gender_parity over rows without a pair", expected="two rows with the same group", remedy="ask about whole pairs")
    for one, other in whole:
        first[one] = 1.0
        alike[one] = said[one] == said[other] != NO_CHOICE
    left_out = len(rows) - 2 * len(whole)
    return _points(share(alike, first), said, note=f"{left_out} rows that are no pair left out" if left_out else "")


def labels(rows: Sequence[Judged], alike: bool = True) -> tuple[Labels, Labels]:
    """Returns the right and the given choice of each row (rows,) as its place among the choices, -1 where none was given.

    Where several references are right, the given one of them counts.

    Args:
        rows: Judged rows.
        alike: All rows must have the same number of choices: their places are classes.

    Raises:
        DataError: A row has no choices, another number of them, or a reference that is none of them.

    >>> labels([Judged("B", ("no",), ("yes", "no")), Judged("?", ("yes",), ("yes", "no"))])
    (array([1, 0]), array([ 1, -1]))
    """
    if not rows:
        raise DataError("no rows to score", remedy="didact eval RUN")
    gold, said = [], []
    for row in rows:
        choices = row.choices
        given = _given(row)
        if alike and len(choices) != len(rows[0].choices):
            what = f"{len(choices)} choices in one row and {len(rows[0].choices)} in another"
            raise DataError(what, where=f"example {row.example}", expected="the same classes in all rows", remedy="use mcq_accuracy")
        right = [place for text in row.references if (place := row.place(text)) is not None]
        if not right:
            what = f"the reference '{', '.join(row.references)}' is none of the choices"
            where = f"example {row.example}" if row.example else ""
            raise DataError(what, where=where, expected=" | ".join(choices), remedy="leave out rows whose answer is not known")
        gold.append(given if given in right else right[0])
        said.append(given)
    return np.array(gold, np.int64), np.array(said, np.int64)


def by_group(rows: Sequence[Judged]) -> dict[Any, list[int]]:
    """Returns the places of the rows of each group; a row without a group is one by itself.

    >>> by_group([Judged("", (), group="q"), Judged("", ()), Judged("", (), group="q")])
    {'q': [0, 2], 1: [1]}
    """
    groups: dict[Any, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row.group or place, []).append(place)
    return groups


def _given(row: Judged) -> int:
    if not row.choices:
        where = f"example {row.example}" if row.example else ""
        raise DataError("a row without choices", where=where, expected="the options that an answer is one of", remedy="use another metric")
    found = row.place(row.completion)
    return NO_CHOICE if found is None else found


def _f1(gold: Labels, said: Labels, label: int) -> Any:
    hits, golds, saids = (column.astype(float) for column in ((gold == label) & (said == label), gold == label, said == label))
    return lambda weights: ratio(2 * (weights @ hits), weights @ golds + weights @ saids)


def _points(over: Any, said: Labels, undefined: str = "nothing was counted", note: str = "") -> Points:
    return Points(over, len(said), num_unparsed=int(np.sum(said == NO_CHOICE)), undefined=undefined, note=note)
