"""IFEval's metrics: by prompt and by instruction, strict and loose, over draws of rows."""

import json

import numpy as np
import pytest

from didact.base.errors import DataError
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.ifeval.scores import by_instruction, loosened, verdicts
from didact.tasks.judged import Judged
from didact.tasks.set_metrics import SET_METRICS

COMMA, QUOTED, TITLE = (
    json.dumps({"instruction": name}) for name in ("punctuation:no_comma", "startend:quotation", "detectable_format:title")
)
ROWS = [
    Judged("<<Red>> or blue", (COMMA, TITLE), example="both"),  # 2 of 2
    Judged("Red, blue", (COMMA, TITLE, QUOTED), example="none"),  # 0 of 3
    Judged('Sure, here it is:\n"Red"', (QUOTED,), example="without its first line"),  # 0 of 1; loosely 1
    Judged('*"Red"*', (QUOTED, COMMA), example="without asterisks"),  # 1 of 2; loosely 2
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ifeval_prompt_strict", 100 / 4),
        ("ifeval_prompt_loose", 300 / 4),
        ("ifeval_instruction_strict", 300 / 8),  # 2 + 0 + 0 + 1 of 2 + 3 + 1 + 2
        ("ifeval_instruction_loose", 500 / 8),
    ],
)
def test_scores_by_hand(name: str, expected: float) -> None:
    assert float(SET_METRICS[name](ROWS)) == expected


@pytest.mark.parametrize("name", [name for name in SET_METRICS if name.startswith("ifeval")])
def test_counting_rows_by_weight_is_the_same_as_repeating_them(name: str) -> None:
    score = SET_METRICS[name]
    repeated = [*ROWS[:1] * 3, *ROWS[1:2], *ROWS[3:] * 2]
    assert score(ROWS).over(np.array([[3.0, 1, 0, 2]]))[0] == pytest.approx(float(score(repeated)))
    assert float(score(ROWS[::-1])) == float(score(ROWS))


def test_there_are_eight_texts_and_what_follows_strictly_follows_loosely() -> None:
    text = "Sure:\n*a*\nb\nBye"
    assert len(set(loosened(text))) == 8
    assert {"*a*\nb", "a\nb", text} <= set(loosened(text))
    assert loosened("one line")[1] == ""  # nothing is left, and that follows nothing
    for row in ROWS:
        assert all(loose >= strict for strict, loose in zip(verdicts(row), verdicts(row, loose=True), strict=True))


def test_each_instruction_may_choose_a_text_of_its_own() -> None:
    row = Judged('Sure, here it is:\n"Red"\n<<Title>>, at last', (QUOTED, TITLE, COMMA))
    assert verdicts(row) == (False, True, False)
    assert verdicts(row, loose=True) == (True, True, True)  # without the last line and the first; as it is; without both


def test_the_table_by_instruction_adds_up() -> None:
    table = by_instruction(ROWS)
    assert {name: entry["num_instructions"] for name, entry in table.items()} == {
        "detectable_format:title": 2,
        "punctuation:no_comma": 3,
        "startend:quotation": 3,
    }
    assert sum(entry["num_instructions"] * entry["strict"] for entry in table.values()) == pytest.approx(300)
    assert sum(entry["num_instructions"] * entry["loose"] for entry in table.values()) == pytest.approx(500)


@pytest.mark.parametrize(
    "row",
    [Judged("Red.", ("Red.",), example="7"), Judged("Red.", (), example="7"), Judged("Red.", ('{"instruction": "no:such"}',), example="7")],
)
def test_a_row_that_is_none_of_ifeval_is_refused_by_its_id(row: Judged) -> None:
    with pytest.raises(DataError, match="instruction") as caught:
        SET_METRICS["ifeval_prompt_strict"]([row])
    assert caught.value.where == "example 7"


def test_an_answer_to_show_beside_the_instructions_is_no_instruction() -> None:
    for shown in BENCHMARKS["ifeval"].samples:
        row = Judged(shown.targets[0], (*shown.targets, *shown.accepted))
        assert verdicts(row) == (True,)
        assert verdicts(Judged("Cats, Dogs", row.references)) == (False,)


def test_the_benchmark_names_the_four_metrics() -> None:
    assert BENCHMARKS["ifeval"].metrics == tuple(name for name in SET_METRICS if name.startswith("ifeval"))
