"""Rows with reasoning: BIG-Bench Hard, GSM8K, MGSM and the chain-of-thought sets, in the layouts of their authors and of the hub."""

from collections.abc import Mapping
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.bbh import BBH, demonstrations, task_of
from didact.tasks.benchmarks.mmlu import worked_questions
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.metrics import METRICS


def one(name: str, row: Mapping[str, Any]) -> Example:
    parsed = BENCHMARKS[name].parse(row)
    assert isinstance(parsed, Example)
    assert tuple(parsed.fields) == BENCHMARKS[name].fields
    return parsed


# BIG-Bench Hard


def test_bbh_choices_are_the_names_of_the_options_that_the_text_lists() -> None:
    assert one("bbh/snarks", {"input": "Which?\nOptions:\n(A) so\n(B) so on", "target": "(B)"}).choices == ("(A)", "(B)")
    # The published file writes a blank after `valid`.
    assert one("bbh/formal_fallacies", {"input": "Valid?\nOptions:\n- valid \n- invalid", "target": "valid"}).choices == (
        "valid",
        "invalid",
    )
    assert one("bbh/boolean_expressions", {"input": "not True is", "target": "False"}).choices == ("True", "False")
    assert one("bbh/word_sorting", {"input": "Sort: b a", "target": "a b"}).choices == ()


def test_a_bbh_answer_that_a_comma_cut_apart_is_kept_without_choices() -> None:
    row = {"input": "Similar?\nOptions:\n(A) Monsters\n(B) Inc\n(C) Up", "target": "Monsters, Inc"}
    example = one("bbh/movie_recommendation", row)
    assert (example.targets, example.choices) == (("Monsters, Inc",), ())


def test_the_27_files_of_bbh_are_23_tasks() -> None:
    # 27 files - 2 * 2: two tasks have three files each.
    assert (len(BBH), len({task_of(name.removeprefix("bbh/")) for name in BBH})) == (27, 23)


def test_metrics_of_bbh_keep_brackets_and_signs_apart() -> None:
    metrics = {name: METRICS[BENCHMARKS[f"bbh/{name}"].metrics[0]] for name in ("dyck_languages", "multistep_arithmetic_two", "snarks")}
    assert metrics["dyck_languages"]("] )", ["] )"]) == 100.0 and metrics["dyck_languages"]("} >", ["] )"]) == 0.0
    assert metrics["multistep_arithmetic_two"]("-35", ["-35"]) == 100.0 and metrics["multistep_arithmetic_two"]("35", ["-35"]) == 0.0
    assert metrics["snarks"]("Nobody means that. So the answer is (A).", ["(A)"]) == 100.0


def test_bbh_demonstrations_lose_canary_rule_and_cue() -> None:
    text = (
        "BENCHMARK DATA SHOULD NEVER APPEAR ...\n-----\nDetermine which is sarcastic.\n\nA second paragraph.\n\n"
        "Q: Which?\nOptions:\n(A) so\n(B) so on\nA: Let's think step by step.\nFirst this. So the answer is easy.\nThen that. "
        "So the answer is (B).\n\nQ: Which?\nOptions:\n(A) x\n(B) y\nA: Let's think step by step.\nThus. So the answer is (A)."
    )
    first, second = demonstrations(text)
    assert first == Example(
        "sample-1",
        {"input": "Which?\nOptions:\n(A) so\n(B) so on"},
        ("(B)",),
        ("(A)", "(B)"),
        "First this. So the answer is easy.\nThen that.",
    )
    assert (second.id, second.targets, second.rationale) == ("sample-2", ("(A)",), "Thus.")


def test_published_mmlu_questions_are_read_with_options_in_one_line_or_several() -> None:
    text = (
        "The following are questions.\n\nQ: 1 + 1?\n(A) 1 (B) 2 (C) 3 (D) 4\nA: Let's think step by step. One more. The answer is (B).\n\n"
        "Q: 2 + 2?\n(A) 1\n(B) 2\n(C) 3\n(D) 4\nA: Let's think step by step. Two more. The answer is (D).\n\n"
        "Q: Five options?\n(A) 1 (B) 2 (C) 3 (D) 4 (E) 5\nA: Let's think step by step. No. The answer is (E).\n\n"
    )
    first, second = worked_questions("sums", text)
    assert first == Example("sample-1", {"question": "1 + 1?", "subject": "sums"}, ("2",), ("1", "2", "3", "4"), "One more.")
    assert (second.targets, second.choices, second.rationale) == (("4",), ("1", "2", "3", "4"), "Two more.")


# Sums


def test_gsm8k_loses_the_notes_for_a_calculator_and_commas_between_thousands() -> None:
    row = {
        "question": "How much in two years?",
        "answer": "A year is 12*600=$<<12*600=7200>>7,200.\nTwo are 2*7,200=$<<2*7200=14400>>14,400.\n#### 14,400",
    }
    example = one("gsm8k", row)
    assert example.rationale == "A year is 12*600=$7,200.\nTwo are 2*7,200=$14,400."
    assert (example.targets, example.accepted) == (("14400",), ("14,400",))
    assert one("gsm8k", {"question": "?", "answer": "Less. \n#### -5"}).targets == ("-5",)


def test_mgsm_reads_the_table_and_the_hubs_worked_rows() -> None:
    assert one("mgsm/de", {"question": "Wie viel?", "answer": "70,000"}) == Example(
        "", {"question": "Wie viel?"}, ("70000",), accepted=("70,000",)
    )
    hub = {"question": "Wie viel?", "answer": None, "answer_number": 18, "equation_solution": None}
    assert one("mgsm/de", hub) == Example("", {"question": "Wie viel?"}, ("18",))
    worked = {"question": "Frage: Wie viel?", "answer": "Schritt-für-Schritt-Antwort: 3 + 2 = 5. Die Antwort ist 5.", "answer_number": 5}
    assert one("mgsm/de", worked) == Example("", {"question": "Wie viel?"}, ("5",), rationale="3 + 2 = 5. Die Antwort ist 5.")
    plain = {"question": "Lea sagt: wie viel?", "answer": "Rechne: 3 + 2 = 5.", "answer_number": 5}
    assert one("mgsm/de", plain) == Example("", {"question": "Lea sagt: wie viel?"}, ("5",), rationale="Rechne: 3 + 2 = 5.")
    chinese = {"question": "问题：几个？", "answer": "逐步解答：3 + 2 = 5。", "answer_number": 5}
    assert one("mgsm/zh", chinese) == Example("", {"question": "几个？"}, ("5",), rationale="3 + 2 = 5。")


# Chain of thought


def test_line_breaks_of_the_cot_tables_are_read_and_their_options_are_the_choices() -> None:
    row = {"question": "Who?\\nOptions:\\n(A) Ann\\n(B) Bob", "answer": "(B)", "rationale": "Not Ann.\\nSo Bob."}
    assert one("flan_cot/aqua", row) == Example(
        "", {"question": "Who?\nOptions:\n(A) Ann\n(B) Bob"}, ("(B)",), ("(A)", "(B)"), "Not Ann.\nSo Bob."
    )
    listed = {"question": 'Which?\\nOptions:\\n- Sentence A: "He ate soup."\\n- Sentence B: "He ate fog."\\n', "answer": "Sentence B"}
    assert one("flan_cot/sensemaking", {**listed, "rationale": "Fog is no food."}).choices == ("Sentence A", "Sentence B")
    assert one("flan_cot/strategyqa", {"question": "Is it?", "answer": "no", "rationale": "It is not."}).choices == ("yes", "no")
    assert one("flan_cot/gsm8k", {"question": "3 + 2?", "answer": "5", "rationale": "3 + 2 = 5."}).choices == ()


LETTERS = list("ABCDEFGH")


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        (
            "aqua",
            {"question": "3 * 7?", "options": ["A)21", "B) 24"], "rationale": "3 * 7 = 21", "correct": "A"},
            Example("", {"question": "3 * 7?\nOptions:\n(A) 21\n(B) 24"}, ("(A)",), ("(A)", "(B)"), "3 * 7 = 21"),
        ),
        (
            "creak",
            {"ex_id": "train_1", "sentence": "Ice is hot.", "explanation": "Ice is cold.", "label": "false", "entity": "Ice"},
            Example(
                "train_1",
                {"question": 'Claim: "Ice is hot."\nIs the claim true?\nOptions:\n- yes\n- no'},
                ("no",),
                ("yes", "no"),
                "Ice is cold.",
            ),
        ),
        (
            "ecqa",
            {"q_no": "e1", "q_text": "Where?", **{f"q_op{n}": f"place {n}" for n in range(1, 6)}, "q_ans": "place 2", "taskB": "So it is."},
            Example(
                "e1",
                {"question": "Where?\nOptions:\n- place 1\n- place 2\n- place 3\n- place 4\n- place 5"},
                ("place 2",),
                tuple(f"place {n}" for n in range(1, 6)),
                "So it is.",
            ),
        ),
        (
            "esnli",
            {"premise": "A cat naps.", "hypothesis": "An animal rests.", "label": 0, "explanation_1": "A cat is an animal."},
            Example(
                "",
                {
                    "question": 'Premise: "A cat naps."\nHypothesis: "An animal rests."\nDoes the hypothesis follow from the premise?\n'
                    "Options:\n- yes\n- it is not possible to tell\n- no"
                },
                ("yes",),
                ("yes", "it is not possible to tell", "no"),
                "A cat is an animal.",
            ),
        ),
        (
            "qasc",
            {
                "id": "q",
                "question": "What?",
                "choices": {"text": [f"thing {letter}" for letter in LETTERS], "label": LETTERS},
                "answerKey": "H",
                "fact1": "a is b",
                "fact2": "b is c.",
                "combinedfact": "a is c",
            },
            Example(
                "q",
                {"question": "What?\nOptions:\n" + "\n".join(f"- ({letter}) thing {letter}" for letter in LETTERS)},
                ("(H)",),
                tuple(f"({letter})" for letter in LETTERS),
                "a is b. b is c. a is c.",
            ),
        ),
        (
            "strategyqa",
            {"qid": "s1", "question": "Is it?", "answer": True, "facts": ["One. ", "Two."]},
            Example("s1", {"question": "Is it?"}, ("yes",), ("yes", "no"), "One. Two."),
        ),
        (
            "gsm8k",
            {"question": "3 + 2?", "answer": "It is <<3+2=5>>5.\n#### 5"},
            Example("", {"question": "3 + 2?"}, ("5",), (), "It is 5."),
        ),
    ],
)
def test_cot_sets_are_read_in_the_shape_of_their_authors(name: str, row: dict[str, Any], expected: Example) -> None:
    assert one(f"flan_cot/{name}", row) == expected


@pytest.mark.parametrize(
    ("name", "row", "why"),
    [
        ("bbh/web_of_lies", {"input": "Does she?", "target": "Maybe"}, "the answer is none of the labels"),
        ("bbh/snarks", {"input": "", "target": "(A)"}, "empty input"),
        ("gsm8k", {"question": "?", "answer": "It is 5."}, "no #### before the answer"),
        ("gsm8k", {"question": "?", "answer": "#### 5"}, "no reasoning before the answer"),
        ("gsm8k", {"question": "?", "answer": "It is five.\n#### five"}, "the answer is not a number"),
        ("mgsm/en", {"question": "?", "answer": ""}, "no answer"),
        ("mgsm/en", {"question": "?", "answer": "1,2,3"}, "the answer is not a number"),
        (
            "flan_cot/aqua",
            {"question": "?\\nOptions:\\n(A) 1\\n(B) 2", "answer": "(C)", "rationale": "?"},
            "the answer is not among the options",
        ),
        ("flan_cot/strategyqa", {"question": "Is it?", "answer": "maybe", "rationale": "?"}, "the answer is not among the options"),
        ("flan_cot/qed", {"question": "Who?", "answer": "Ann", "rationale": ""}, "empty rationale"),
        ("flan_cot/gsm8k", {"question": "?", "answer": "many", "rationale": "?"}, "the answer is not a number"),
        ("flan_cot/aqua", {"question": "?", "options": ["A)1", "2"], "correct": "A", "rationale": "?"}, "an option without its letter"),
        ("flan_cot/esnli", {"premise": "a", "hypothesis": "b", "label": -1, "explanation_1": "c"}, "no label, as in test rows"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(name: str, row: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError) as caught:
        BENCHMARKS[name].parse(row)
    assert caught.value.what == why
