"""Rows of any shape: every benchmark makes a whole example of one, or says in a few words why not; nothing else is raised."""

from random import Random
from typing import Any

import pytest

from didact.base.chance import rng
from didact.base.errors import DataError
from didact.tasks.benchmarks.registry import BENCHMARKS

# One of each family that is made in a loop.
NAMES = [name for name in BENCHMARKS if not name.startswith(("mmlu/", "mgsm/", "xquad/", "tydiqa/", "wmt/"))]
NAMES += ["mmlu/anatomy", "mgsm/de", "xquad/el", "tydiqa/fi", "wmt/en-fr"]

COLUMNS = (
    "sentence sentence1 sentence2 question question1 question2 premise hypothesis label gold_label answer answers passage "
    "paragraph query entities text span1_text span2_text span1_index span2_index target word choice1 choice2 idx id context "
    "question_stem choices answerKey correct_answer distractor1 distractor2 distractor3 goal sol1 sol2 endings ctx ctx_a ctx_b "
    "activity_label option1 option2 answerA answerB answerC correct document summary article highlights concepts scene reason "
    "input human_reference references translation completion instruction_id_list kwargs class title description mc1_targets "
    "mc2_targets best_answer incorrect_answers options rationale q_op1 q_op2 q_op3 q_op4 q_op5 q_ans q_text taskB explanation "
    "fact1 fact2 combinedfact facts explanation_1 answer_number A B C D"
).split()
INNER = "text label idx questions question answers entities query start end choices labels stem value aliases de en fr qas".split()
# "zzz" stands in every text that a reason must not repeat.
TEXTS = (
    *(
        "",
        " ",
        "\n",
        "\\n",
        "<br>",
        "<br /> <br />",
        "[zzz]",
        "zzz",
        "zzz ||| zzz",
        "<|im_end|>zzz",
        "zzz " * 50_000,
        "9" * 5000,
        "\x00zzz",
    ),
    *("0", "1", "-1", "-", "7", "A", "B)", "A)zzz", "yes", "True", "entailment", "cause", "finnish-zzz", "zzz\nOptions:\n- yes\n- no"),
    *("@placeholder zzz", "The _ zzz.", "#### 5", "zzz <<1+1=2>>2\n#### 2", "zzz:zzz", "٣"),
)
NUMBERS = (0, 1, 2, -1, 10**30, 10**400, True, False, 1.0, 0.5, float("nan"), float("inf"), None)


def odd_value(draw: Random, depth: int = 0) -> Any:
    kind = draw.random()
    if kind < 0.6 or depth > 2:
        return draw.choice(TEXTS)
    if kind < 0.7:
        return draw.choice(NUMBERS)
    if kind < 0.85:
        return [odd_value(draw, depth + 1) for _ in range(draw.randrange(5))]
    return {name: odd_value(draw, depth + 1) for name in draw.sample(INNER, 4)}


def odd_row(name: str, number: int) -> dict[str, Any]:
    """A sample in the hub's usual columns, of which some are replaced and some are added."""
    benchmark, draw = BENCHMARKS[name], rng(0, "odd rows", name, number)
    example = benchmark.samples[number % len(benchmark.samples)]
    row: dict[str, Any] = {**example.fields, "label": number % 3, "answer": example.targets[0], "rationale": example.rationale}
    replaced = draw.sample([*row, *COLUMNS], draw.choice([1, 2, 10, 60]))
    return (row if number % 3 else {}) | {column: odd_value(draw) for column in replaced}


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_row_becomes_a_whole_example_or_a_short_reason_without_its_text(name: str) -> None:
    benchmark = BENCHMARKS[name]
    for number in range(60):
        for parse in (benchmark.parse, benchmark.parse_train or benchmark.parse):
            try:
                parsed = parse(odd_row(name, number))
            except DataError as refused:
                assert 0 < len(refused.what) <= 60 and "zzz" not in refused.what and "\n" not in refused.what
                continue
            for example in parsed if isinstance(parsed, tuple) else (parsed,):
                assert tuple(example.fields) == benchmark.fields and example.targets
                said = (*example.fields.values(), *example.targets, *example.choices, *example.accepted)
                assert all(isinstance(text, str) and text.strip() for text in said)
                assert not example.choices or set(example.targets) <= set(example.choices)
