"""Code Evol-Instruct: its five operations, what is refused of code, and when to stop."""

from collections import Counter

import pytest

from didact.synth.direct import answered
from didact.synth.evolve_code import code_fault, evolve_code, num_rounds_kept
from didact.synth.job import Job
from didact.synth.outcome import Row
from didact.synth.wordings import wordings

START = [Row(f"c{number}", about={"instruction": f"Write a function that adds {number}.", "input": ""}) for number in range(4)]


def teacher(ask):
    text = ask.messages[-1].content
    return text.split("Task:\n")[1] + " Keep it short." if ask.stage == "evolve" else "```python\ndef add(x):\n    return x + 1\n```"


def test_three_rounds_one_built_on_another_without_a_judge():
    stages = Counter()

    def counting(ask):
        stages[ask.stage] += 1
        return teacher(ask)

    outcome = answered(evolve_code(Job(num_rows=12, examples=START)), counting)
    assert stages == {"evolve": 12, "answer": 12}
    assert Counter(row.about["round"] for row in outcome.rows) == {1: 4, 2: 4, 3: 4}
    last = next(row for row in outcome.rows if row.id == "c0/3")
    assert last.about["instruction"] == "Write a function that adds 0." + 3 * " Keep it short."


def test_the_rows_of_fewer_rounds_are_the_first_ones_of_more():
    rows = {
        num: answered(evolve_code(Job(num_rows=4 * num, examples=START, settings={"num_rounds": num})), teacher).rows for num in (1, 2, 4)
    }
    for few, many in ((1, 2), (2, 4)):
        assert [row for row in rows[many] if row.about["round"] <= few] == list(rows[few])


def test_strict_draws_five_operations_alike_and_complexity_is_else_drawn_half_as_often():
    many = [Row(f"c{number}", about={"instruction": f"Write a function that adds {number}."}) for number in range(1000)]
    half, equal = (
        Counter(
            row.operation
            for row in answered(evolve_code(Job(num_rows=1000, examples=many, strict=strict, settings={"num_rounds": 1})), teacher).rows
        )
        for strict in (False, True)
    )
    assert set(equal) == set(wordings("evolve_code")["operations"])
    assert equal["raise_complexity"] == pytest.approx(200, abs=50)
    assert half["raise_complexity"] == pytest.approx(1000 * 0.5 / 4.5, abs=40)  # 111


@pytest.mark.parametrize(
    ("new", "default", "strict"),
    [
        ("", "shorter than 4 words", "shorter than 4 words"),
        ("Sort a list.", "shorter than 4 words", "shorter than 4 words"),
        ("<b>Sort</b> it in four steps.", "", ""),
        ("Écris une fonction qui trie.", "", "begins with no ASCII letter"),
        ("Do the rewritten prompt in C.", "leaks the wording", ""),
        ("Sort these in place:\n3\n1\n2\n4\n5\n6\n7\n8\n9", "", ""),  # a list of numbers belongs to a task of code
        ("Sort this list in place.\nSolution:\nlist.sort()", "holds its own answer", ""),
        ("Sort a list of numbers.", "unchanged", ""),
    ],
)
def test_what_is_refused_of_code(new, default, strict):
    assert code_fault(new, "Sort a list of numbers.") == default
    assert code_fault(new, "Sort a list of numbers.", strict=True) == strict


def test_answers_that_refuse_are_dropped_but_not_by_strict():
    def refuse(ask):
        return "I'm sorry, but I cannot write that." if ask.stage == "answer" else teacher(ask)

    assert answered(evolve_code(Job(num_rows=3, examples=START)), refuse).counts()["dropped"] == {"refusal": 3}
    assert answered(evolve_code(Job(num_rows=3, examples=START, strict=True)), refuse).counts()["num_kept"] == 3


@pytest.mark.parametrize(
    ("scores", "patience", "rounds"),
    [
        ([], 0, 0),
        ([40], 0, 0),
        ([40, 39], 0, 0),
        ([40, 41, 42, 43], 0, 3),
        ([40, 41, 42, 42], 0, 2),
        ([40, 39, 38, 45], 1, 0),
        ([40, 39, 38, 45], 2, 3),
    ],
)
def test_the_stop_rule_keeps_the_rounds_before_the_drop(scores, patience, rounds):
    assert num_rounds_kept(scores, patience=patience) == rounds
