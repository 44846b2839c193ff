"""Faults of answered rows, their rates, what became of every row, and how much extraction matters: worked examples."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from didact.base.errors import DataError
from didact.base.types import Prediction
from didact.evals.faults import ALL, FAULTS, OUTCOMES, faults_of, gap, kind_of, outcome, outcomes, rates, read_answer
from didact.tasks.judged import Judged
from didact.tasks.label_metrics import mcq_accuracy
from didact.tasks.metrics import number_match

CHOICE = Prediction("cities", "1", "my/x", "Where?", "(B)", ("Paris",), "stop", 3, choices=("London", "Paris"))
NUMBER = Prediction("sums", "1", "my/x", "5 + 6?", "5 + 6 = 11.", ("11",), "stop", 3, {"number_match": 100.0})
WORDS = Prediction("words", "1", "my/x", "Who?", "The answer is Ida.", ("Ida",), "stop", 3, {"answer_match": 100.0})
FREE = Prediction("free", "1", "my/x", "Say more.", "It rained all day.", ("It rained.",), "stop", 3, {"rouge_l": 60.0})
SAID = ("Paris", "(B)", "The answer is Paris.", "London", "I do not know.", "  ", "Paris or London", "B, I think.")
"""Of Paris, by the rules whole, whole, announced and leading four are right, one is wrong, two cannot be read, one is empty."""


def answered(row: Prediction, texts: tuple[str, ...] = SAID) -> list[Prediction]:
    return [read_answer(replace(row, example=str(number), completion=text)) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("row", "kind"),
    [(CHOICE, "choice"), (NUMBER, "number"), (WORDS, "text"), (FREE, "free"), (replace(NUMBER, references=("many",)), "free")],
)
def test_the_kind_of_a_row_follows_from_its_choices_and_metrics(row: Prediction, kind: str) -> None:
    assert kind_of(row) == kind


def test_each_fault_has_its_own_cause() -> None:
    assert faults_of(CHOICE, 0, "en") == ()
    assert faults_of(CHOICE, 7, "en") == ("truncated",)
    assert faults_of(replace(CHOICE, stop="length"), 0, "en") == ("no_stop",)
    assert faults_of(replace(CHOICE, completion=" \n"), 0, "en") == ("empty",)
    assert faults_of(replace(CHOICE, completion="red or so"), 0, "en") == ("unparsed",)
    assert faults_of(replace(CHOICE, completion="Das weiß ich leider auch nicht.", stop="length"), 1, "en") == (
        "unparsed",
        "truncated",
        "no_stop",
        "wrong_language",
    )
    assert set(FAULTS) == {"unparsed", "truncated", "empty", "no_stop", "wrong_language"}


def test_a_free_answer_is_never_unparsed() -> None:
    assert read_answer(FREE).faults == ()
    assert read_answer(FREE).extractor == "whole"
    assert read_answer(replace(FREE, completion="")).faults == ("empty",)


def test_the_language_is_that_of_the_references_or_of_the_task() -> None:
    german, english = "Das ist der Hund, und er ist nicht mein.", "This is the dog, and it is not mine."
    asked = replace(FREE, completion=german)
    assert "wrong_language" in faults_of(asked, 0, "English")
    assert "wrong_language" not in faults_of(asked, 0, "German")
    assert "wrong_language" not in faults_of(asked, 0, "Klingon")
    # A translation from English is wanted in German, whatever the task says.
    assert "wrong_language" not in faults_of(replace(asked, references=(german,)), 0, "en")
    assert "wrong_language" in faults_of(replace(asked, completion="Это мой дом, и в нём живут они.", references=(german,)), 0, "en")
    assert "wrong_language" not in faults_of(replace(FREE, completion=english), 0, "en")
    # Too short to say; and Japanese without kana.
    assert faults_of(replace(FREE, completion="Ja."), 0, "en") == ()
    assert faults_of(replace(FREE, completion="東京都", references=("パリ",)), 0, "ja") == ()


def test_answers_chosen_by_rank_are_not_read() -> None:
    ranked = replace(CHOICE, asked="rank", completion="", stop="length")
    assert read_answer(ranked).extractor == ""
    assert read_answer(ranked).faults == ()
    assert read_answer(ranked, num_cut=2).faults == ("truncated",)
    assert [outcome(replace(ranked, completion=text)) for text in CHOICE.choices] == ["wrong", "right"]
    assert gap([ranked]) == {}


def test_what_is_judged_of_reasoning_is_read_behind_its_cue() -> None:
    row = replace(CHOICE, completion="London is no capital of France. So the answer is (B).", answer="(B)")
    assert read_answer(row).extractor == "announced"
    assert read_answer(replace(row, completion="(B)")).extractor == "whole"


def test_numbers_of_correlations_stand_alone() -> None:
    row = replace(NUMBER, references=("3.8",), completion="about 3.8", scores={})
    assert read_answer(row, ["pearson"]).faults == ("unparsed",)
    assert read_answer(replace(row, completion="3.8."), ["pearson"]).faults == ()
    assert read_answer(row, ["number_match"]).faults == ()


def test_rates_are_shares_of_the_rows_of_each_task() -> None:
    rows = answered(CHOICE) + answered(replace(NUMBER, task="sums"), ("11", "eleven"))
    table = rates(rows)
    assert table["cities"]["unparsed"] == {"num": 2, "share": 2 / 8}
    assert table["cities"]["empty"] == {"num": 1, "share": 1 / 8}
    assert table["sums"]["unparsed"] == {"num": 1, "share": 1 / 2}
    assert table[ALL]["unparsed"] == {"num": 3, "share": 3 / 10}
    assert all(set(entry) == set(FAULTS) for entry in table.values())
    assert rates([]) == {}


def test_right_wrong_unparsed_and_empty_add_up_to_all_rows() -> None:
    table = outcomes(answered(CHOICE) + answered(NUMBER, ("11", "$11", "12", "eleven", "")) + answered(WORDS) + answered(FREE))
    assert table["cities"] == {"num_rows": 8, "right": 4, "wrong": 1, "unparsed": 2, "empty": 1}
    assert table["sums"] == {"num_rows": 5, "right": 2, "wrong": 1, "unparsed": 1, "empty": 1}
    for entry in table.values():
        assert sum(entry[end] for end in OUTCOMES) == entry["num_rows"]
    assert table[ALL]["num_rows"] == 8 + 5 + 8 + 8
    assert all(table[ALL][end] == sum(table[name][end] for name in table if name != ALL) for end in (*OUTCOMES, "num_rows"))


def test_right_rows_are_those_that_the_metric_of_choices_counts() -> None:
    rows = answered(CHOICE)
    score = mcq_accuracy([Judged(row.completion, row.references, row.choices) for row in rows])
    table = outcomes(rows)["cities"]
    assert 100 * table["right"] / 8 == score
    assert score.num_unparsed == table["unparsed"] + table["empty"]


def test_the_gap_is_what_extraction_adds_to_the_exact_text() -> None:
    table = gap(answered(CHOICE) + answered(FREE))
    assert "free" not in table  # nothing is extracted there
    entry = table["cities"]
    assert entry["strict"] == 100 * 1 / 8
    assert entry["contract"] == 100 * 4 / 8
    assert entry["gap"] == 100 * 3 / 8
    assert entry["alone"]["whole"] == 100 * 2 / 8
    assert entry["alone"]["announced"] == 100 * 1 / 8
    assert entry["fired"] == {"whole": 3, "announced": 1, "leading": 1}
    assert max(entry["alone"].values()) <= entry["contract"]


def test_the_gap_of_numbers_and_words() -> None:
    table = gap(answered(NUMBER, ("11", "5 + 6 = 11", "The answer is 11, I think")) + answered(WORDS, ("Ida", "The answer is Ida.")))
    assert (table["sums"]["strict"], table["sums"]["contract"]) == (pytest.approx(100 / 3), 100.0)
    assert table["sums"]["alone"]["last_number"] == 100.0
    assert (table["words"]["strict"], table["words"]["contract"], table["words"]["alone"]["announced"]) == (50.0, 100.0, 50.0)
    assert table[ALL]["num_rows"] == 5


def test_the_order_of_rows_says_nothing() -> None:
    rows = answered(CHOICE) + answered(NUMBER, ("11", "twelve"))
    for count in (rates, outcomes, gap):
        assert count(rows) == count(rows[::-1])  # type: ignore[operator]


def test_a_task_named_all_is_refused() -> None:
    with pytest.raises(DataError, match="a task is named 'all'"):
        rates([replace(CHOICE, task="all")])


def test_an_outcome_is_one_of_four() -> None:
    assert [outcome(row) for row in answered(CHOICE)] == ["right", "right", "right", "wrong", "unparsed", "empty", "unparsed", "right"]


def test_solutions_of_gsm8k_by_real_models_are_judged_as_their_authors_did(shared: Path) -> None:
    rows, published = [], []
    for line in (shared / "gsm8k" / "example_model_solutions_first300.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        gold = told["ground_truth"].split("####")[-1].strip()
        for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            said = told[model]["solution"]
            row = Prediction(model, str(len(rows)), "", "", said, (gold,), "stop", 1, {"number_match": number_match(said, [gold])})
            rows.append(read_answer(row, language="en"))
            published.append(told[model]["is_correct"])
    assert len(rows) == 4 * 300
    assert [outcome(row) == "right" for row in rows] == published
    assert outcomes(rows)[ALL] == {"num_rows": 1200, "right": 472, "wrong": 728, "unparsed": 0, "empty": 0}
    assert rates(rows)[ALL]["wrong_language"]["num"] == 0
    # These models write reasons first: the exact text alone would find one right answer.
    assert gap(rows)[ALL]["strict"] == pytest.approx(100 / 1200)
