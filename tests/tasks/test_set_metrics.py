"""Metrics over whole tasks: special cases by hand, and every metric against the library that people trust."""

import importlib
import math
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from scipy import stats

from didact.base.errors import DataError, RecipeError
from didact.tasks.judged import Judged, Points
from didact.tasks.metrics import METRICS
from didact.tasks.set_metrics import SET_METRICS, metric_named

CB = ("entailment", "contradiction", "neutral")
LABELS = ("matthews", "f1_binary", "f1_macro", "mcq_accuracy", "multirc_f1a", "multirc_em")


@pytest.fixture
def learn() -> Any:
    """scikit-learn's metrics; tests that compare with them are skipped, by name, where it is not installed."""
    return pytest.importorskip("sklearn.metrics")


def rows(said: Sequence[object], gold: Sequence[object], choices: Sequence[str] = ("0", "1"), groups: Sequence[str] = ()) -> list[Judged]:
    """Judged rows; the choices are numbered unless they have names."""
    words = {str(number): choice for number, choice in enumerate(choices)}
    return [
        Judged(words.get(str(a), str(a)), (words.get(str(b), str(b)),), tuple(choices), str(i), groups[i] if groups else "")
        for i, (a, b) in enumerate(zip(said, gold, strict=True))
    ]


def drawn(num_classes: int, count: int = 60, seed: int = 0) -> tuple[list[int], list[int]]:
    """Right and given labels that agree in about two of three rows."""
    chance = Random(seed)
    gold = [chance.randrange(num_classes) for _ in range(count)]
    return [label if chance.random() < 0.5 else chance.randrange(num_classes) for label in gold], gold


def score(name: str, *parts: Any, **more: Any) -> Points:
    return SET_METRICS[name](rows(*parts, **more))


# --- against scikit-learn and scipy


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_matthews_is_scikit_learns(learn: Any, num_classes: int) -> None:
    said, gold = drawn(num_classes)
    names = [f"class {number}" for number in range(num_classes)]
    assert score("matthews", said, gold, names) == pytest.approx(100 * learn.matthews_corrcoef(gold, said))
    said[0] = -1  # no choice: a class of its own for both
    assert score("matthews", said, gold, names) == pytest.approx(100 * learn.matthews_corrcoef(gold, said))


def test_f1_of_two_classes_is_scikit_learns(learn: Any) -> None:
    said, gold = drawn(2)
    assert score("f1_binary", said, gold, ("no", "yes")) == pytest.approx(100 * learn.f1_score(gold, said))


def test_macro_f1_is_scikit_learns_over_all_classes(learn: Any) -> None:
    said, gold = drawn(3)
    for last in (said[-1], -1):
        said[-1] = last
        expected = 100 * learn.f1_score(gold, said, labels=[0, 1, 2], average="macro", zero_division=0)
        assert score("f1_macro", said, gold, CB) == pytest.approx(expected)


def test_accuracy_over_choices_is_scikit_learns(learn: Any) -> None:
    said, gold = drawn(3)
    assert score("mcq_accuracy", said, gold, CB) == pytest.approx(100 * learn.accuracy_score(gold, said))


@pytest.mark.parametrize(("name", "reference"), [("pearson", stats.pearsonr), ("spearman", stats.spearmanr)])
def test_correlations_are_scipys(name: str, reference: Any) -> None:
    chance = Random(1)
    gold = [round(5 * chance.uniform(0, 5)) / 5 for _ in range(80)]  # the 26 values of STS-B, with many ties
    said = [round(5 * min(5, max(0, x + chance.gauss(0, 1)))) / 5 for x in gold]
    assert score(name, said, gold, ()) == pytest.approx(100 * reference(gold, said)[0])
    texts = [*said[:-2], "about 3", ""]
    assert score(name, texts, gold, ()) == pytest.approx(100 * reference(gold, [*said[:-2], -1, -1])[0])


# --- the same by hand, so that nothing depends on what is installed


def test_matthews_by_hand() -> None:
    # Hits 3, true negatives 2, false alarms 1, misses 2: (3·2 - 1·2) / sqrt(4·5·3·4) = 4 / sqrt(240).
    said, gold = [1, 1, 1, 0, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0, 1, 1]
    assert score("matthews", said, gold, ("no", "yes")) == pytest.approx(400 / math.sqrt(240))
    assert score("matthews", gold, gold, ("no", "yes")) == pytest.approx(100)
    assert score("matthews", [1 - label for label in gold], gold, ("no", "yes")) == pytest.approx(-100)


def test_matthews_of_two_classes_is_pearsons_correlation_of_the_labels() -> None:
    said, gold = drawn(2)
    assert score("matthews", said, gold, ("no", "yes")) == pytest.approx(100 * stats.pearsonr(gold, said)[0])


def test_matthews_of_three_classes_by_hand() -> None:
    # Four rows, three right: hits·rows 12; products of counts 2·1 + 1·2 + 1·1 = 5; spreads 16 - 6 = 10 on both sides: 7 / 10.
    assert score("matthews", [0, 1, 1, 2], [0, 0, 1, 2], CB) == pytest.approx(70)


def test_f1_by_hand_and_neither_correlation_nor_accuracy() -> None:
    said, gold = [1, 1, 1, 0, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0, 1, 1]
    assert score("f1_binary", said, gold, ("no", "yes")) == pytest.approx(100 * 6 / 9)  # 2·3 / (2·3 + 1 + 2)
    assert score("mcq_accuracy", said, gold, ("no", "yes")) == pytest.approx(100 * 5 / 8)


def test_macro_f1_counts_all_three_classes_of_cb() -> None:
    # entailment: 1 hit, 1 miss: 2/3. contradiction: 1 hit, 1 false alarm: 2/3. neutral: no row at all: 0.
    found = score("f1_macro", [0, 1, 1], [0, 0, 1], CB)
    assert found == pytest.approx(100 * (2 / 3 + 2 / 3 + 0) / 3)
    assert found.note == "1 of 3 classes have no row"


def test_ranks_share_their_mean_where_numbers_are_equal() -> None:
    # Ranks 1.5, 1.5, 3, 4 and 1, 2, 3, 4: covariance 4.5, spreads 4.5 and 5, so 4.5 / sqrt(22.5).
    assert score("spearman", [1, 2, 3, 4], [1, 1, 2, 5], ()) == pytest.approx(450 / math.sqrt(22.5))


# --- special cases


@pytest.mark.parametrize("gold", [0, 1])
@pytest.mark.parametrize("name", ["f1_binary", "multirc_f1a", "multirc_em", "mcq_accuracy"])
def test_an_answer_that_is_no_choice_equals_the_same_row_answered_wrong(name: str, gold: int) -> None:
    said, right = [1, 1, 0, 0], [1, 0, 0, 1]
    groups = ["q1", "q1", "q2", "q2", "q2"]
    invalid = score(name, [*said, "maybe"], [*right, gold], ("no", "yes"), groups=groups)
    wrong = score(name, [*said, 1 - gold], [*right, gold], ("no", "yes"), groups=groups)
    assert float(invalid) == float(wrong)
    assert (invalid.num_unparsed, wrong.num_unparsed) == (1, 0)


def test_in_macro_f1_an_answer_that_is_no_choice_is_a_miss_and_no_false_alarm() -> None:
    # entailment 1 hit, 1 miss: 2/3; contradiction and neutral untouched: 1 and 1.
    assert score("f1_macro", [0, "?", 1, 2], [0, 0, 1, 2], CB) == pytest.approx(100 * (2 / 3 + 1 + 1) / 3)


@pytest.mark.parametrize(
    ("name", "said", "gold", "choices"),
    [
        ("matthews", [1, 1, 1], [0, 1, 1], ("no", "yes")),
        ("matthews", [0, 1, 1], [1, 1, 1], ("no", "yes")),
        ("pearson", [3.8, 3.8, 3.8], [1, 2, 3], ()),
        ("spearman", [3.8, 3.8, 3.8], [1, 2, 3], ()),
        ("pearson", [1, 2, 3], [0.1, 0.1, 0.1], ()),
        ("pearson", ["a", "b", "c"], [1, 2, 3], ()),  # all of them enter as -1
        ("f1_binary", [0, 0], [0, 0], ("no", "yes")),
    ],
)
def test_what_is_undefined_is_nought_and_says_so(name: str, said: list[Any], gold: list[Any], choices: tuple[str, ...]) -> None:
    found = score(name, said, gold, choices)
    assert float(found) == 0
    assert found.note.startswith("undefined: ")
    assert not np.isnan(found.over(np.ones((2, len(said))))).any()


def test_what_is_defined_has_no_flag() -> None:
    assert [score(name, [0, 1, 0], [0, 1, 1], ("no", "yes")).note for name in LABELS] == [""] * 6


def test_stsb_counts_what_is_no_number_and_takes_it_as_minus_one() -> None:
    found = score("pearson", ["3.8", " 1.0\n", "five", "nan", "4.0."], [4, 1, 5, 5, 4], ())
    assert found.num_unparsed == 2
    assert found == pytest.approx(100 * stats.pearsonr([4, 1, 5, 5, 4], [3.8, 1.0, -1, -1, 4.0])[0])


def test_one_wrong_answer_spoils_a_question_of_multirc() -> None:
    groups = ["q1", "q1", "q1", "q2", "q2"]
    right = [1, 0, 1, 0, 1]
    assert score("multirc_em", right, right, ("False", "True"), groups=groups) == 100
    assert score("multirc_em", [1, 1, 1, 0, 1], right, ("False", "True"), groups=groups) == 50
    assert score("multirc_em", [1, 1, 1, 1, 1], right, ("False", "True"), groups=groups) == 0
    # F1a pools all answers: 3 hits, 2 false alarms; the mean over questions of their F1 would be (80 + 66.7) / 2.
    assert score("multirc_f1a", [1, 1, 1, 1, 1], right, ("False", "True"), groups=groups) == pytest.approx(75)


def test_multirc_rows_of_a_question_need_not_stand_together() -> None:
    groups, right, said = ["q1", "q2", "q1", "q2"], [1, 1, 0, 0], [1, 1, 0, 1]
    assert score("multirc_em", said, right, ("False", "True"), groups=groups) == 50


def test_parity_does_not_ask_what_is_right() -> None:
    gold = [0, 0, 1, 1]
    for said, parity in (([1, 1, 0, 0], 100), ([0, 0, 1, 1], 100), ([0, 1, 1, 1], 50), ([0, 1, 0, 1], 0)):
        assert score("gender_parity", said, gold, ("entailment", "not_entailment")) == parity
    assert score("gender_parity", [1, 1, "?", "!"], gold, ("entailment", "not_entailment")) == 50  # nothing was said twice


def test_parity_pairs_by_group_where_there_are_groups_and_names_rows_without_a_partner() -> None:
    pairs = rows([0, 1, 0, 1, 1], [0] * 5, ("yes", "no"), groups=["a", "b", "a", "b", "c"])
    found = SET_METRICS["gender_parity"](pairs)
    assert float(found) == 100
    assert found.note == "1 rows that are no pair left out"
    with pytest.raises(DataError, match="without a pair"):
        SET_METRICS["gender_parity"](pairs[-1:])


def test_record_takes_the_best_answer_and_squads_normalisation() -> None:
    answers = ("Barack Obama", "Obama")
    found = [Judged("The Obama.", answers), Judged("Barack", answers), Judged("Michelle Obama", answers), Judged("", answers)]
    assert SET_METRICS["record_em"](found) == 25
    # 1; precision 1 and recall 1/2: 2/3; precision 1/2 and recall 1 against the second answer: 2/3; 0.
    assert SET_METRICS["record_f1"](found) == pytest.approx(100 * (1 + 2 / 3 + 2 / 3 + 0) / 4)
    assert SET_METRICS["squad_f1"](found) == SET_METRICS["record_f1"](found)
    assert SET_METRICS["squad_em"](found) == SET_METRICS["record_em"](found)


def test_accuracy_reads_item_names_and_texts_and_never_guesses() -> None:
    choices = ("a red fox", "a blue bird")
    said = ["(B)", "B", "b.", "A blue bird.", "The answer is (B).", "(A)", "either", ""]
    found = SET_METRICS["mcq_accuracy"]([Judged(text, ("(B)",), choices) for text in said])
    assert float(found) == 100 * 5 / 8
    assert found.num_unparsed == 2


def test_rows_may_have_options_of_their_own_number_for_accuracy_but_not_for_classes() -> None:
    two = [Judged("B", ("y",), ("x", "y")), Judged("C", ("r",), ("p", "q", "r"))]
    assert SET_METRICS["mcq_accuracy"](two) == 100
    with pytest.raises(DataError, match="3 choices in one row and 2 in another"):
        SET_METRICS["matthews"](two)
    with pytest.raises(DataError, match="f1_binary over rows with 3 choices"):
        SET_METRICS["f1_binary"](two[1:])


@pytest.mark.parametrize("name", LABELS)
def test_a_label_that_is_not_known_is_never_scored(name: str) -> None:
    # GLUE's test labels are -1, rendered as <unk>.
    with pytest.raises(DataError, match=r"(?s)reference '<unk>' is none of the choices.*example 1") as caught:
        score(name, [0, 1], [0, "<unk>"], ("no", "yes"))
    assert caught.value.remedy == "leave out rows whose answer is not known"


@pytest.mark.parametrize("name", list(SET_METRICS))
def test_no_rows_and_unfit_rows_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="no rows to score"):
        SET_METRICS[name]([])
    with pytest.raises(DataError):
        SET_METRICS[name]([Judged("a", ())])


# --- what holds for all of them


def any_rows(name: str) -> list[Judged]:
    """Rows that the metric can judge, in groups of two."""
    if name in ("pearson", "spearman"):
        said, gold = drawn(6, 24)
        return rows(["?" if i == 3 else x for i, x in enumerate(said)], gold, ())
    if name.startswith("ifeval"):
        asked = tuple(f'{{"instruction": "{name}"}}' for name in ("punctuation:no_comma", "startend:quotation"))
        texts = ('"red"', "red, blue", "Sure:\n*red*", "")
        return [Judged(Random(i).choice(texts), asked[: 1 + i % 2], example=str(i)) for i in range(24)]
    said, gold = drawn(3 if name == "f1_macro" else 2, 24)
    choices = ("maybe", "no", "yes")[: 3 if name == "f1_macro" else 2]
    return rows(["?" if i == 3 else x for i, x in enumerate(said)], gold, choices, groups=[f"g{i // 2}" for i in range(24)])


@pytest.mark.parametrize("name", list(SET_METRICS))
def test_the_order_of_rows_says_nothing(name: str) -> None:
    table = any_rows(name)
    shuffled = Random(0).sample(table, len(table))
    assert SET_METRICS[name](shuffled) == pytest.approx(float(SET_METRICS[name](table)))


@pytest.mark.parametrize("name", list(SET_METRICS))
def test_counting_rows_by_weight_is_the_same_as_repeating_them(name: str) -> None:
    table = any_rows(name)
    times = np.repeat(Random(2).choices(range(4), k=len(table) // 2), 2)  # both rows of a group alike
    repeated = [
        Judged(row.completion, row.references, row.choices, row.example, f"{row.group}/{turn}" if row.group else "")
        for row, count in zip(table, times, strict=True)
        for turn in range(count)
    ]
    weighted = SET_METRICS[name](table).over(np.array([times, np.ones(len(table))], float))
    assert weighted == pytest.approx([float(SET_METRICS[name](repeated)), float(SET_METRICS[name](table))])


@pytest.mark.parametrize("name", [*LABELS, "record_em", "squad_em", "record_f1", "squad_f1"])
def test_right_throughout_is_a_hundred(name: str) -> None:
    table = [Judged(row.references[0], row.references, row.choices, row.example, row.group) for row in any_rows(name)]
    assert SET_METRICS[name](table) == pytest.approx(100)


def test_names_are_known_with_a_hint_over_both_kinds() -> None:
    assert not set(METRICS) & set(SET_METRICS)
    assert metric_named("f1_macro") is importlib.import_module("didact.tasks.label_metrics").f1_macro
    for slip, meant in (("mathews", "matthews"), ("exact_macth", "exact_match"), ("gender_party", "gender_parity")):
        with pytest.raises(RecipeError, match=f"(?s)no metric named '{slip}'.*did you mean '{meant}'") as caught:
            metric_named(slip)
        assert caught.value.remedy == "didact ls metrics"
