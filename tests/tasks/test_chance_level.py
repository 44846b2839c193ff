"""What random answers and the most frequent answer score, by hand and on the published files."""

from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.types import Example, Prediction
from didact.tasks.benchmarks.bbh import task_of
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.chance_level import ChanceLevel, chance_level, mean_level
from didact.tasks.strict_json import load_json


def rows(*parts: tuple[str, tuple[str, ...]]) -> list[Example]:
    return [Example(str(number), {}, (target,), choices) for number, (target, choices) in enumerate(parts)]


def test_random_answers_find_one_of_as_many_as_there_are() -> None:
    level = chance_level(rows(("a", ("a", "b")), ("b", ("a", "b", "c", "d")), ("free", ())))
    assert level.random == pytest.approx((50 + 25 + 0) / 3)
    assert (level.num_rows, level.num_free, level.fewest, level.most) == (3, 1, 2, 4)


def test_the_most_frequent_choice_is_counted_by_its_place() -> None:
    # The second choice is right three times, whatever it says.
    level = chance_level(rows(("b", ("a", "b")), ("d", ("c", "d")), ("f", ("e", "f")), ("a", ("a", "b"))))
    assert level.majority == 75
    assert level.majority > level.random == 50


def test_free_answers_are_counted_by_their_text_and_a_row_may_accept_several() -> None:
    free = [Example("1", {}, ("2", "two")), Example("2", {}, ("2",)), Example("3", {}, ("3",), accepted=("2",)), Example("4", {}, ("5",))]
    assert chance_level(free) == ChanceLevel(0.0, 75.0, 4, 4)


def test_instructions_to_be_checked_are_no_answers_that_could_be_right_by_chance() -> None:
    checked = [Example(str(number), {}, ('{"instruction": "punctuation:no_comma"}',)) for number in range(3)]
    assert chance_level(checked) == ChanceLevel(0.0, 0.0, 3, 3)


def test_predictions_have_the_chance_of_what_they_were_asked() -> None:
    def asked(right: str, choices: tuple[str, ...], options: tuple[str, ...] = ()) -> Prediction:
        return Prediction("t", "1", "x/y", "", "whatever", (right,), "stop", 1, choices=choices, options=options)

    named = [asked("(B)", ("(A)", "(B)"), ("red", "blue")), asked("blue", ("(A)", "(B)"), ("red", "blue"))]
    assert chance_level(named) == ChanceLevel(50.0, 100.0, 2, 0, 2, 2)


def test_every_task_counts_alike_in_a_mean() -> None:
    one, many = chance_level(rows(("a", ("a", "b")))), chance_level(rows(*[("x", ())] * 9))
    assert mean_level([one, many]).random == 25
    assert mean_level([one, many]).line() == "random 25.0, always the same 100.0 (10 rows of 2 choices; 9 of free answers)"
    with pytest.raises(DataError, match="no tasks"):
        mean_level([])
    with pytest.raises(DataError, match="no rows"):
        chance_level([])


def bbh(shared: Path) -> dict[str, ChanceLevel]:
    found = {}
    for name in matching("bbh"):
        file: Any = load_json((shared / "bbh" / "bbh" / f"{name.removeprefix('bbh/')}.json").read_text())
        parsed = [BENCHMARKS[name].parse(row) for row in file["examples"]]
        found[name] = chance_level(row for row in parsed if isinstance(row, Example))
    return found


def test_bbh_has_the_chance_that_its_own_options_give(shared: Path) -> None:
    files = bbh(shared)
    assert len(files) == 27 and sum(level.num_rows for level in files.values()) == 6511
    assert mean_level(list(files.values())).random == pytest.approx(26.6, abs=0.05)
    tasks: dict[str, list[ChanceLevel]] = {}
    for name, level in files.items():
        tasks.setdefault(task_of(name.removeprefix("bbh/")), []).append(level)
    assert len(tasks) == 23
    assert mean_level([mean_level(levels) for levels in tasks.values()]).random == pytest.approx(27.3, abs=0.05)
    # Three, five and seven objects: (33.3 + 20 + 14.3) / 3.
    assert mean_level(tasks["logical_deduction"]).random == pytest.approx((100 / 3 + 20 + 100 / 7) / 3)
    assert files["bbh/navigate"].random == 50 and files["bbh/navigate"].majority == pytest.approx(58)  # 145 of 250 say no
    assert files["bbh/word_sorting"].random == 0


def test_the_random_score_of_tasks_is_a_mean_over_tasks_of_what_their_choices_give() -> None:
    def task(*nums: int) -> ChanceLevel:
        return chance_level(Example(str(i), targets=("a",), choices=tuple("abcdef"[:num])) for i, num in enumerate(nums))

    assert mean_level([task(4, 4)]).random == 25
    assert mean_level([task(2, 2, 2, 2), task(0)]).random == 25  # (50 + 0) / 2: rows are not pooled
    assert mean_level([task(2, 5)]).random == pytest.approx(35)  # (50 + 20) / 2
    assert mean_level([task(2, 0), task(3)]).random == pytest.approx((25 + 100 / 3) / 2)
