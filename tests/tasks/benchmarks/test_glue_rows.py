"""GLUE: rows of the hub and of the original files become the same examples, label by label."""

from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.glue import similarity
from didact.tasks.benchmarks.registry import BENCHMARKS

LABELS = {
    "cola": ("unacceptable", "acceptable"),
    "sst2": ("negative", "positive"),
    "mrpc": ("not_equivalent", "equivalent"),
    "qqp": ("not_duplicate", "duplicate"),
    "mnli": ("entailment", "neutral", "contradiction"),
    "qnli": ("entailment", "not_entailment"),
    "rte": ("entailment", "not_entailment"),
    # The one that stands the other way round.
    "wnli": ("not_entailment", "entailment"),
    "ax": ("entailment", "neutral", "contradiction"),
}


def parsed(name: str, row: dict[str, Any]) -> Example:
    example = BENCHMARKS[f"glue/{name}"].parse(row)
    assert isinstance(example, Example)
    return example


def why_not(name: str, row: dict[str, Any]) -> str:
    with pytest.raises(DataError) as caught:
        BENCHMARKS[f"glue/{name}"].parse(row)
    return caught.value.what


def hub_row(name: str, **more: Any) -> dict[str, Any]:
    return {**{field: f"The {field} ." for field in BENCHMARKS[f"glue/{name}"].fields}, "idx": 3, **more}


@pytest.mark.parametrize("name", LABELS)
def test_label_ids_of_the_hub_stand_for_these_names_in_this_order(name: str) -> None:
    examples = [parsed(name, hub_row(name, label=number)) for number in range(len(LABELS[name]))]
    assert tuple(example.targets[0] for example in examples) == LABELS[name] == BENCHMARKS[f"glue/{name}"].choices
    assert {(example.id, example.choices) for example in examples} == {("3", LABELS[name])}


@pytest.mark.parametrize("name", LABELS)
def test_test_rows_and_unknown_labels_are_refused(name: str) -> None:
    assert why_not(name, hub_row(name, label=-1)) == "no label, as in test rows"
    assert why_not(name, hub_row(name)) == "no label, as in test rows"
    num = len(LABELS[name])
    assert why_not(name, hub_row(name, label=num)) == "a label id out of range"
    assert why_not(name, hub_row(name, label="maybe")) == "unknown label"


@pytest.mark.parametrize(
    ("name", "row", "fields", "target"),
    [
        ("cola", {"source": "gj04", "label": "0", "mark": "*", "sentence": "Him left."}, {"sentence": "Him left."}, "unacceptable"),
        ("sst2", {"sentence": "a joy ", "label": "1"}, {"sentence": "a joy"}, "positive"),
        (
            "mrpc",
            {"Quality": "1", "#1 ID": "7", "#2 ID": "8", "#1 String": "He left .", "#2 String": "He went ."},
            {"sentence1": "He left .", "sentence2": "He went ."},
            "equivalent",
        ),
        (
            "qqp",
            {"id": "4", "qid1": "1", "qid2": "2", "question1": "Why?", "question2": "How?", "is_duplicate": "0"},
            {"question1": "Why?", "question2": "How?"},
            "not_duplicate",
        ),
        (
            "mnli",
            {"index": "9", "sentence1": "p", "sentence2": "h", "label1": "neutral", "gold_label": "contradiction"},
            {"premise": "p", "hypothesis": "h"},
            "contradiction",
        ),
        (
            "qnli",
            {"index": "0", "question": "Who?", "sentence": "Ann.", "label": "entailment"},
            {"question": "Who?", "sentence": "Ann."},
            "entailment",
        ),
        ("wnli", {"index": "0", "sentence1": "a", "sentence2": "b", "label": "1"}, {"sentence1": "a", "sentence2": "b"}, "entailment"),
        (
            "ax",
            {"Logic": "Negation", "Premise": "p", "Hypothesis": "h", "Label": "neutral"},
            {"premise": "p", "hypothesis": "h"},
            "neutral",
        ),
    ],
)
def test_rows_of_the_original_tables_become_the_same_fields(name: str, row: dict[str, Any], fields: dict[str, str], target: str) -> None:
    example = parsed(name, row)
    assert (example.fields, example.targets) == (fields, (target,))


def test_annotators_who_do_not_agree_leave_no_label() -> None:
    assert why_not("mnli", {"sentence1": "p", "sentence2": "h", "gold_label": "-"}) == "no label, as in test rows"


def test_a_missing_or_blank_text_is_refused_by_its_fields_name() -> None:
    assert why_not("rte", {"sentence1": "a", "label": 0}) == "no sentence2"
    assert why_not("rte", {"sentence1": "a", "sentence2": " ", "label": 0}) == "empty sentence2"
    assert why_not("rte", {"sentence1": 4, "sentence2": "b", "label": 0}) == "sentence1 is not text"


# STS-B


def test_scores_become_26_strings() -> None:
    # Steps of 0.001 from 0 to 5 fall on 5 x 5 + 1 fifths.
    said = {similarity(number / 1000) for number in range(5001)}
    assert said == {f"{number / 5:.1f}" for number in range(26)} and len(said) == 26


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (3.8, "3.8"),  # 19 fifths
        (3.799999952316284, "3.8"),  # the same as a 32-bit float
        (3.75, "3.8"),  # 18.75 fifths -> 19
        (3.667, "3.6"),  # 18.335 -> 18
        (2.5, "2.4"),  # 12.5: a tie goes to the even one, 12
        (0.5, "0.4"),  # 2.5 -> 2
        (0.1, "0.0"),  # 0.5 -> 0
        (0.10000000149011612, "0.0"),  # 0.1 as a 32-bit float: still a tie
        (0.3, "0.4"),  # 1.5 -> 2
    ],
)
def test_a_score_goes_to_the_nearest_fifth(score: float, said: str) -> None:
    assert similarity(score) == said


def test_scores_stand_under_label_or_score_and_must_be_in_range() -> None:
    assert parsed("stsb", hub_row("stsb", label=2.4)).targets == ("2.4",)
    assert parsed("stsb", {"index": "5", "sentence1": "a", "sentence2": "b", "score": "5.000"}).targets == ("5.0",)
    assert why_not("stsb", hub_row("stsb", label=-1.0)) == "no label, as in test rows"
    assert why_not("stsb", hub_row("stsb", label=5.2)) == "the score is not between 0 and 5"
    assert why_not("stsb", hub_row("stsb", label=float("nan"))) == "the score is not between 0 and 5"
    assert why_not("stsb", hub_row("stsb", label="high")) == "the score is not a number"


# Folded rows


@pytest.mark.parametrize(
    ("name", "sentence", "label", "fields", "target"),
    [
        ("sst2", "Text: a joy ", "Good", {"sentence": "a joy"}, "positive"),
        ("qqp", "first sentence: Why?\nsecond sentence: How?", "True", {"question1": "Why?", "question2": "How?"}, "duplicate"),
        (
            "rte",
            "sentence 1: It rains.\nsentence 2: It is dry.",
            "contradiction",
            {"sentence1": "It rains.", "sentence2": "It is dry."},
            "not_entailment",
        ),
        ("mnli", "sentence 1: p\nsentence 2: h", "neutral", {"premise": "p", "hypothesis": "h"}, "neutral"),
    ],
)
def test_rows_with_all_texts_in_one_are_unfolded(name: str, sentence: str, label: str, fields: dict[str, str], target: str) -> None:
    example = parsed(name, {"sentence": sentence, "label": label})
    assert (example.fields, example.targets, example.choices) == (fields, (target,), BENCHMARKS[f"glue/{name}"].choices)
