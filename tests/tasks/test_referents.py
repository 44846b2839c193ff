"""WSC's rule for whether two phrases name the same thing."""

import pytest

from didact.tasks.metrics import METRICS
from didact.tasks.referents import referent_match, same_referent, wsc_label


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Bob", "bob", True),
        ("The city councilmen", "councilmen", True),
        ("councilmen", "the city councilmen", True),  # either way round
        ("Bob", "Bob's hat", False),  # one apostrophe
        ("Bob's", "Bob's hat", True),
        ("Bob’s", "Bob's hat", True),  # a printer's apostrophe
        ("hat", "Bob's hat", False),  # apostrophes: both or neither
        ("Bob.", "Bob", True),
        ("my aunt", "her aunt", True),  # determiners are dropped
        ("red ball", "blue ball", False),
        ("the", "the ball", False),  # a determiner names nothing
        ("", "Bob", False),
    ],
)
def test_one_phrase_within_the_other_names_the_same(first: str, second: str, same: bool) -> None:
    assert same_referent(first, second) is same
    assert same_referent(second, first) is same


def test_a_row_is_right_where_the_match_equals_its_label() -> None:
    # Label 1: the pronoun means the candidate; label 0: it means something else.
    rows = [("the trophy", "trophy", 1), ("the suitcase", "trophy", 0), ("the trophy", "the suitcase", 1), ("", "trophy", 0)]
    assert [wsc_label(completion, candidate) for completion, candidate, _ in rows] == [1, 0, 0, -1]
    assert [wsc_label(completion, candidate) == label for completion, candidate, label in rows] == [True, True, False, False]


def test_it_is_a_metric_of_rows() -> None:
    assert METRICS["referent_match"] is referent_match
    assert referent_match("the trophy", ["suitcase", "Trophy"]) == 100
