"""The normalised average by hand, against printed rows, and with parts missing."""

from collections.abc import Mapping

import pytest

from didact.base.types import Prediction
from didact.evals.normalised import PARTS, lines, normalised, of_tables, points_of
from didact.evals.protocols import FLAN, PROTOCOLS
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.chance_level import ChanceLevel, chance_table


def flat(part: str, points: float) -> dict[str, float]:
    """The same points for each of a part's tasks."""
    return dict.fromkeys(PARTS[part].tasks, points)


def table(points: Mapping[str, float]) -> dict[str, dict[str, float]]:
    return {part: flat(part, value) for part, value in points.items()}


def chance(bbh: float = 25.4) -> dict[str, dict[str, float]]:
    return {"mmlu": flat("mmlu", 25), "mmlu_cot": flat("mmlu_cot", 25), "bbh": flat("bbh", bbh), "bbh_cot": flat("bbh_cot", bbh)}


FLAN_PALM_8B = {"mmlu": 49.3, "mmlu_cot": 41.3, "bbh": 36.4, "bbh_cot": 31.1, "tydiqa": 47.5, "mgsm": 8.2}


@pytest.mark.parametrize(
    ("points", "expected", "printed"),
    [
        (FLAN_PALM_8B, 22.0, 21.9),
        ({"mmlu": 24.3, "mmlu_cot": 24.1, "bbh": 30.8, "bbh_cot": 30.1, "tydiqa": 25.0, "mgsm": 3.4}, 6.6, 6.4),
        ({"mmlu": 73.5, "mmlu_cot": 70.9, "bbh": 57.9, "bbh_cot": 66.3, "tydiqa": 67.8, "mgsm": 57.0}, 58.2, 58.4),
    ],
    ids=["Flan-PaLM 8B", "PaLM 8B", "Flan-PaLM 540B"],
)
def test_printed_rows_come_out_to_within_their_rounding(points: Mapping[str, float], expected: float, printed: float) -> None:
    # Flan-PaLM 8B: 32.4 and 21.7 (MMLU), 14.7 and 7.6 (BBH), 47.5 and 8.2: 132.2 / 6. 540B: 64.7, 61.2, 43.6, 54.8, 67.8, 57: 349.1 / 6.
    # The paper does not print its chance of BBH: 25.4 is fitted to its rows.
    found = normalised(table(points), chance())
    assert found["average"] == pytest.approx(expected, abs=0.06)
    assert found["average"] == pytest.approx(printed, abs=0.4)


def test_chance_is_nothing_below_it_is_negative_and_all_right_is_a_hundred() -> None:
    scaled = normalised({"mmlu": flat("mmlu", 25), "mmlu_cot": flat("mmlu_cot", 10), "bbh": flat("bbh", 100)}, chance())["parts"]
    assert scaled["mmlu"]["normalised"] == 0
    assert scaled["mmlu_cot"]["normalised"] == pytest.approx(-20)  # -15 of 75
    assert scaled["bbh"]["normalised"] == pytest.approx(100)


def test_the_files_of_a_task_of_bbh_are_averaged_first_and_the_mean_over_files_stands_beside() -> None:
    scores = flat("bbh", 0.0) | {name: 69.0 for name in PARTS["bbh"].tasks if "logical_deduction" in name}
    part = normalised({"bbh": scores}, {})["parts"]["bbh"]
    assert part["score"] == pytest.approx(69 / 23) and part["num_tasks"] == 23
    assert part["over_files"]["score"] == pytest.approx(3 * 69 / 27) and part["over_files"]["num_tasks"] == 27


def test_tasks_count_alike_whatever_their_chance() -> None:
    # (30 - 25) and (60 - 50) would be 6.7 and 20 each scaled alone; the mean 45 of chance 37.5 is 12 on the part's own scale.
    scores = {"bbh/snarks": 60.0, "bbh/temporal_sequences": 30.0}
    part = normalised({"bbh": scores}, {"bbh": {"bbh/snarks": 50.0, "bbh/temporal_sequences": 25.0}})["parts"]["bbh"]
    assert part["normalised"] == pytest.approx(100 * (45 - 37.5) / 62.5)


@pytest.mark.parametrize("part", PARTS)
def test_without_one_part_or_one_task_there_is_no_average(part: str) -> None:
    scores = table(FLAN_PALM_8B)
    lost = PARTS[part].tasks[-1]
    less = {**scores, part: {name: value for name, value in scores[part].items() if name != lost}}
    found = normalised(less, chance())
    assert "average" not in found
    assert found["missing"] == {part: f"1 of {len(PARTS[part].tasks)} tasks missing: {lost}"}
    without = normalised({name: value for name, value in scores.items() if name != part}, chance())
    assert without["missing"] == {part: "not asked"} and part not in without["parts"]
    assert lines(without)[-1] == f"no normalised average: {part} not asked"


def test_english_does_not_count_and_is_named() -> None:
    scores = {"mgsm": flat("mgsm", 10.0) | {"mgsm/en": 90.0}}
    part = normalised(scores, {})["parts"]["mgsm"]
    assert (part["score"], part["left_out"], part["num_tasks"]) == (10.0, ["mgsm/en"], 10)


def test_the_parts_are_57_tasks_27_files_8_and_10_languages_that_there_are() -> None:
    assert [len(share.tasks) for share in PARTS.values()] == [57, 57, 27, 27, 8, 10]
    assert all(task in BENCHMARKS for share in PARTS.values() for task in share.tasks)
    assert tuple(PARTS) == FLAN and all(name in PROTOCOLS for name in PARTS)
    for share in PARTS.values():
        for task in share.tasks:
            assert set(share.metrics) & set(BENCHMARKS[task].metrics)


def test_chance_stands_beside_each_part_for_people() -> None:
    levels = {"mgsm": {name: ChanceLevel(0.0, 4.0, 250, 250) for name in PARTS["mgsm"].tasks}}
    found = normalised(table(FLAN_PALM_8B), {**chance(), **levels})
    said = lines(found)
    assert said[-2] == "mgsm: 8.2 over 10 tasks, random 0.0, always the same 4.0: normalised 8.2"
    assert said[2] == "bbh: 36.4 over 23 tasks, random 25.4: normalised 14.7; over 27 files 36.4, random 25.4: 14.7"
    assert said[-1] == "normalised average: 22.0 (BBH over 27 files: 22.0)"


def test_points_are_found_by_benchmark_whatever_the_tasks_are_called() -> None:
    entry = {"base": {"value": 30.0}, "tuned": {"value": 40.0}}
    scores = {"tasks": {"mine": {"rouge_l": {"tuned": {"value": 1.0}}, "answer_match": entry}, "other": {"answer_match": entry}}}
    kinds = {"mine": "bbh/snarks", "other": "mgsm/de"}
    assert points_of("bbh_cot", scores, kinds, "base") == {"bbh/snarks": 30.0}
    assert points_of("mgsm", scores, kinds, "tuned") == {"mgsm/de": 40.0}
    assert points_of("mmlu", scores, kinds, "tuned") == {}


def test_the_tables_of_an_evaluation_give_both_models_an_average() -> None:
    levels = chance_table(
        Prediction(name, str(number), "t", "", "", ("(A)",), "stop", 1, choices=("(A)", "(B)") if number else ())
        for name in ("snarks", "sorting")
        for number in (0, 1)
    )
    entry = {"base": {"value": 25.0}, "tuned": {"value": 62.5}}
    sets = [
        {"name": "bbh", "tasks": {"snarks": {"kind": "bbh/snarks"}, "sorting": {"kind": "bbh/word_sorting"}}},
        {"name": "unseen", "tasks": {"mine": {"kind": "rows"}}},
    ]
    scores = {
        "bbh": {"tasks": {name: {"answer_match": entry} for name in ("snarks", "sorting")}, "chance": levels},
        "unseen": {"tasks": {}},
    }
    found = of_tables(scores, sets)
    # One row of two is free, so random answers score 25, and always (A) as well as any one text 50.
    assert {model: table["parts"]["bbh"]["normalised"] for model, table in found.items()} == {"base": 0.0, "tuned": 50.0}
    assert found["tuned"]["parts"]["bbh"]["majority"] == 50
    assert found["tuned"]["missing"]["bbh"].startswith("25 of 27 tasks missing: bbh/boolean_expressions, ")
    assert of_tables(scores, sets[1:]) == {}
