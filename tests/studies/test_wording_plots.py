"""The plot of wordings: every score is in it, at its place, under names that cannot break the page."""

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from didact.base.types import Prediction
from didact.evals.wordings import over_wordings
from didact.studies.wording_plots import MOST_TASKS, shown_tasks, wordings_plot

SVG = "{http://www.w3.org/2000/svg}"


def rows(num_tasks: int, num_templates: int, shift: float, num_rows: int = 8, spread: float = 30.0) -> list[Prediction]:
    chance = np.random.default_rng(num_tasks)
    made = []
    for task in range(num_tasks):
        level = chance.uniform(20, 60)
        for template in range(num_templates + 2):
            wording = ("", "order=1", "style=-")[max(0, template - num_templates + 1)]
            score = level + shift + chance.uniform(0, spread)
            for number in range(num_rows):
                row = Prediction(f"superni/task{task:03}", str(number), f"t/{0 if wording else template}", "", "", ("a",), "stop", 1)
                made.append(
                    Prediction(
                        **{name: getattr(row, name) for name in row.__slots__}
                        | {"scores": {"rouge_l": score}, "wording": wording, "held_out": not wording and template >= num_templates - 2}
                    )
                )
    return made


def table(num_tasks: int, num_templates: int = 6) -> dict[str, Any]:
    base, tuned = rows(num_tasks, num_templates, 0.0), rows(num_tasks, num_templates, 15.0)
    return over_wordings(tuned, "rouge_l", base=base, resamples=20, seed=0)


def count_markers(svg: str) -> int:
    return sum(1 for _ in ElementTree.fromstring(svg).iter(f"{SVG}use"))


def test_every_wording_of_both_models_is_a_point() -> None:
    svg = wordings_plot(table(3))
    more = wordings_plot(table(4), "ROUGE-L (points)")
    # A task has 6 templates, an order and a style, for two models; its line has one more tick.
    assert count_markers(more) - count_markers(svg) == 2 * 8 + 1
    text = "".join(ElementTree.fromstring(svg).itertext())
    for said in (
        "superni/task002  (8 × 8)",
        "base, mixture",
        "tuned, held out",
        "tuned, options in another order or style",
        "rouge l (points)",
    ):
        assert said in text


def test_the_same_table_gives_the_same_bytes_and_the_colours_of_the_page() -> None:
    found = table(2)
    svg = wordings_plot(found, "x")
    assert svg == wordings_plot(found, "x")
    assert {"base", "tuned", "ink", "rule", "paper"} <= set(re.findall(r"var\(--(\w+),", svg))


def test_one_model_alone_has_a_plot() -> None:
    alone = over_wordings(rows(2, 4, 0.0), "rouge_l", resamples=20, seed=0)
    text = "".join(ElementTree.fromstring(wordings_plot(alone, "x")).itertext())
    assert "tuned, mixture" in text
    assert "base" not in text


def test_names_cannot_break_the_page() -> None:
    found = table(1)
    evil = {"tasks": {"<script>$x^2$</script>": found["tasks"]["superni/task000"]}}
    svg = wordings_plot(evil, "<b> & $y$")
    assert "<script" not in svg
    assert "<script>$x^2$</script>" in "".join(ElementTree.fromstring(svg).itertext())


def test_tasks_of_one_wording_have_none() -> None:
    found = over_wordings([row for row in rows(2, 3, 0.0) if row.template == "t/0" and not row.wording], "rouge_l", resamples=20, seed=0)
    assert wordings_plot(found, "x") == ""


def test_of_many_tasks_those_with_the_widest_spread_are_shown_and_it_is_said_so() -> None:
    def task(*scores: float) -> dict[str, Any]:
        several = [{"template": str(n), "wording": "", "held_out": False, "tuned": {"value": s}} for n, s in enumerate(scores)]
        return {"wordings": several, "num_examples": 1}

    tasks = {f"task{n:02}": task(10.0, 10.0 + n) for n in range(MOST_TASKS + 5)}
    shown, number = shown_tasks({"tasks": tasks})
    assert [name for name, _ in shown] == [f"task{n:02}" for n in range(5, MOST_TASKS + 5)]
    assert number == MOST_TASKS + 5
    text = "".join(ElementTree.fromstring(wordings_plot({"tasks": tasks}, "x")).itertext())
    assert f"the {MOST_TASKS} of {MOST_TASKS + 5} tasks with the widest spread" in text
    assert "widest" not in "".join(ElementTree.fromstring(wordings_plot({"tasks": {"a": task(1, 2)}}, "x")).itertext())


@pytest.mark.parametrize("num_tasks", [1, 20])
def test_the_plot_grows_with_the_tasks_so_that_lines_stay_apart(num_tasks: int) -> None:
    head = ElementTree.fromstring(wordings_plot(table(num_tasks), "x")).attrib["viewBox"]
    assert float(head.split()[3]) == pytest.approx(72 * (0.4 * num_tasks + 1.3), abs=1)
