"""Rows with options of their own: the right option is found in every layout, and a row that cannot be read says why."""

from collections.abc import Mapping
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.registry import BENCHMARKS


def one(name: str, row: Mapping[str, Any]) -> Example:
    parsed = BENCHMARKS[name].parse(row)
    assert isinstance(parsed, Example)
    assert tuple(parsed.fields) == BENCHMARKS[name].fields
    return parsed


HUB_CHOICES = {"text": ["ice ", "steam", "fog"], "label": ["A", "B", "C"]}
FILE_CHOICES = [{"text": "ice ", "label": "A"}, {"text": "steam", "label": "B"}, {"text": "fog", "label": "C"}]


@pytest.mark.parametrize("name", ["arc/easy", "arc/challenge", "openbookqa", "commonsense_qa"])
def test_lettered_options_are_read_from_the_hub_and_from_the_original_files(name: str) -> None:
    hub = one(name, {"id": "q1", "question": "Which is solid?", "choices": HUB_CHOICES, "answerKey": "A"})
    original = one(name, {"id": "q1", "question": {"stem": "Which is solid?", "choices": FILE_CHOICES}, "answerKey": "A"})
    stem = one(name, {"id": "q1", "question_stem": "Which is solid?", "choices": HUB_CHOICES, "answerKey": "A"})
    assert hub == original == stem == Example("q1", {"question": "Which is solid?"}, ("ice",), ("ice", "steam", "fog"))


def test_options_may_have_digits_for_letters() -> None:
    row = {"question": "Which is solid?", "choices": {"text": ["ice", "fog"], "label": ["1", "2"]}, "answerKey": "2"}
    assert one("arc/easy", row).targets == ("fog",)


MMLU_OPTIONS = ["2", "3", "4", "5"]


def test_mmlu_reads_the_tables_letters_and_the_hubs_numbers() -> None:
    table = {"question": "2 + 2?", "A": "2", "B": "3", "C": "4", "D": "5", "answer": "C"}
    expected = Example("", {"question": "2 + 2?", "subject": "elementary mathematics"}, ("4",), ("2", "3", "4", "5"))
    assert one("mmlu/elementary_mathematics", table) == expected
    assert one("mmlu/elementary_mathematics", {"question": "2 + 2?", "choices": MMLU_OPTIONS, "answer": 2}) == expected
    # 0 is a letter like the others: A.
    assert one("mmlu/elementary_mathematics", {"question": "1 + 1?", "choices": MMLU_OPTIONS, "answer": 0}).targets == ("2",)


def test_sciq_and_truthfulqa_do_not_always_show_the_right_option_first() -> None:
    rows = [{"question": f"Question {n}?", "correct_answer": "yes", **{f"distractor{k}": f"no {k}" for k in (1, 2, 3)}} for n in range(400)]
    places = [one("sciq", row).choices.index("yes") for row in rows]
    # Of 400 draws about 100 fall on each place, give or take four times sqrt(400 * 1/4 * 3/4) = 8.7.
    assert all(65 <= places.count(place) <= 135 for place in range(4))
    assert one("sciq", rows[0]) == one("sciq", rows[0])


def test_truthfulqa_reads_the_table_and_both_subsets_of_the_hub() -> None:
    table = {
        "Question": "What if you eat seeds?",
        "Best Answer": "Nothing happens",
        "Correct Answers": "Nothing happens; You digest them",
        "Incorrect Answers": "You get sick; A plant grows; A plant grows",
    }
    generation = {
        "question": "What if you eat seeds?",
        "best_answer": "Nothing happens",
        "correct_answers": ["Nothing happens", "You digest them"],
        "incorrect_answers": ["You get sick", "A plant grows"],
    }
    multiple = {
        "question": "What if you eat seeds?",
        "mc1_targets": {"choices": ["Nothing happens", "You get sick", "A plant grows"], "labels": [1, 0, 0]},
        "mc2_targets": {"choices": ["Nothing happens", "You digest them", "You get sick", "A plant grows"], "labels": [1, 1, 0, 0]},
    }
    example = one("truthfulqa", table)
    assert example == one("truthfulqa", generation) == one("truthfulqa", multiple)
    assert (example.targets, example.accepted) == (("Nothing happens",), ("You digest them",))
    assert sorted(example.choices) == ["A plant grows", "Nothing happens", "You get sick"]


def test_piqa_siqa_and_winogrande_count_their_options_from_0_1_and_1() -> None:
    piqa = {"goal": "Dry shoes.", "sol1": "Use paper.", "sol2": "Use milk."}
    assert one("piqa", {**piqa, "label": 0}).targets == one("piqa", {**piqa, "label": "0"}).targets == ("Use paper.",)
    siqa = {"context": "Ola helped.", "question": "How is Ola?", "answerA": "kind", "answerB": "cold", "answerC": "far"}
    assert one("siqa", {**siqa, "label": "1\n"}).targets == one("siqa", {**siqa, "correct": "A"}).targets == ("kind",)
    winogrande = {"sentence": "The cup broke as the _ fell.", "option1": "cup", "option2": "table"}
    assert one("winogrande", {**winogrande, "answer": "1"}) == Example("", {"sentence": winogrande["sentence"]}, ("cup",), ("cup", "table"))
    assert one("winogrande", {**winogrande, "answer": "2", "qID": "3A-1"}).id == "3A-1"


def test_hellaswag_texts_lose_the_marks_of_their_source() -> None:
    row = {
        "ind": 4,
        "activity_label": "Roof",
        "ctx_a": "[header] How to mend a roof [title] Climb up.",
        "ctx_b": "then he",
        "endings": ["[substeps] nails it.", "sings  low.", "sleeps.", "swims."],
        "label": "1",
    }
    # The header mark goes, a title mark ends the sentence before it, the second part begins with a capital, blanks are single.
    assert one("hellaswag", row) == Example(
        "",
        {"context": "Roof: How to mend a roof. Climb up. Then he"},
        ("sings low.",),
        ("nails it.", "sings low.", "sleeps.", "swims."),
    )
    assert one("hellaswag", {"activity_label": "Roof", "ctx": "He", "endings": ["a.", "b."], "label": 0}).fields["context"] == "Roof: He"


@pytest.mark.parametrize(
    ("name", "row", "why"),
    [
        ("arc/easy", {"question": "?", "choices": HUB_CHOICES, "answerKey": ""}, "no label, as in test rows"),
        ("arc/easy", {"question": "?", "choices": HUB_CHOICES, "answerKey": "E"}, "unknown label"),
        ("arc/easy", {"question": "?", "answerKey": "A"}, "no choices"),
        (
            "arc/easy",
            {"question": "?", "choices": {"text": ["a", "b"], "label": ["A", "A"]}, "answerKey": "A"},
            "choices and their letters",
        ),
        ("openbookqa", {"choices": HUB_CHOICES, "answerKey": "A"}, "no question_stem"),
        (
            "mmlu/anatomy",
            {"question": "?", "A": "1", "B": "2", "C": "", "D": "4", "answer": "A"},
            "one of the choices is empty or not text",
        ),
        ("mmlu/anatomy", {"question": "?", "choices": ["1", "2", "3"], "answer": 0}, "not four choices"),
        ("mmlu/anatomy", {"question": "?", "choices": MMLU_OPTIONS, "answer": 4}, "unknown label"),
        ("sciq", {"question": "?", "correct_answer": "a", "distractor1": "b", "distractor2": "c"}, "no distractor3"),
        ("truthfulqa", {"Question": "?", "Best Answer": "a", "Correct Answers": "a", "Incorrect Answers": ""}, "no false answers"),
        (
            "truthfulqa",
            {"question": "?", "mc1_targets": {"choices": ["a", "b"], "labels": [0, 0]}},
            "choices and their labels do not match",
        ),
        ("piqa", {"goal": "?", "sol1": "a", "sol2": "b", "label": -1}, "no label, as in test rows"),
        ("piqa", {"goal": "?", "sol1": "a", "sol2": None, "label": 0}, "one of the choices is empty or not text"),
        ("hellaswag", {"activity_label": "a", "ctx": "b", "endings": ["c", "d"], "label": ""}, "no label, as in test rows"),
        (
            "hellaswag",
            {"activity_label": "a", "ctx": "b", "endings": ["c", "[step]"], "label": 0},
            "one of the choices is empty or not text",
        ),
        ("winogrande", {"sentence": "No gap.", "option1": "a", "option2": "b", "answer": "1"}, "no gap in the sentence"),
        ("winogrande", {"sentence": "A _.", "option1": "a", "option2": "b", "answer": "0"}, "unknown label"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(name: str, row: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError) as caught:
        BENCHMARKS[name].parse(row)
    assert caught.value.what.startswith(why)
