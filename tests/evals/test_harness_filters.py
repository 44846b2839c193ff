"""Where lm-eval's regular expressions read an answer wrongly and ours rightly, row by row, on golden strings."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from didact.tasks.extraction import extract

lm_eval = pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install 'didact[harness]'")
pytestmark = pytest.mark.filterwarnings("ignore")

from lm_eval.api.metrics import exact_match_hf_evaluate  # noqa: E402
from lm_eval.filters.extraction import RegexFilter  # noqa: E402

TASKS = Path(lm_eval.__file__).parent / "tasks"


class _Loader(yaml.SafeLoader):
    """Reads the library's YAML; what it calls functions stays their name."""


_Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


@dataclass(frozen=True)
class Row:
    """A completion, and what it should be read as."""

    completion: str
    gold: str
    right: bool = True
    """Whether the completion's answer is the gold one, as a person reads it."""
    choices: tuple[str, ...] = ()


def settings(file: str) -> dict[str, Any]:
    """A task's settings as the installed library has them."""
    found: dict[str, Any] = yaml.load((TASKS / file).read_text(encoding="utf-8"), _Loader)
    return found


def their_reading(file: str, name: str, metric: dict[str, Any]) -> Callable[[Row], tuple[str, bool]]:
    """What a filter of theirs makes of a row, and whether their metric takes it for right."""
    (steps,) = [one["filter"] for one in settings(file)["filter_list"] if one["name"] == name]
    pattern = RegexFilter(**{key: value for key, value in steps[0].items() if key != "function"})
    flags = {key: metric[key] for key in ("ignore_case", "ignore_punctuation") if key in metric}

    def read(row: Row) -> tuple[str, bool]:
        ((answer,),) = pattern.apply([[row.completion]], [{}])
        return answer, exact_match_hf_evaluate(predictions=[answer], references=[row.gold], **flags)["exact_match"] == 1

    return read


def differences(rows: list[Row], theirs: Callable[[Row], tuple[str, bool]]) -> list[tuple[str, str, str]]:
    """Completion, what they read, and who is right, of the rows on which the two verdicts differ; ours has to be right on all rows."""
    found = []
    for row in rows:
        answer, verdict = theirs(row)
        ours = _our_verdict(row)
        assert ours == row.right, row
        if verdict != ours:
            found.append((row.completion, answer, "ours"))
    return found


def _our_verdict(row: Row) -> bool:
    kind = "choice" if row.choices else "number" if row.gold[-1].isdigit() else "text"
    found = extract(kind, row.completion, row.choices)
    if found is None:
        return False
    wanted: Any = row.choices.index(row.gold) if row.choices else Decimal(row.gold) if kind == "number" else row.gold
    return bool(found.value == wanted)


LETTERS = ("(A)", "(B)", "(C)")


def test_without_a_full_stop_bbh_loses_the_last_character_of_an_answer() -> None:
    rows = [
        Row("Two is more than one. So the answer is (A).", "(A)", choices=LETTERS),
        Row("Two is more than one. So the answer is (A)", "(A)", choices=LETTERS),
        Row("The cat sleeps. So the answer is Yes.", "Yes", choices=("Yes", "No")),
        Row("The cat sleeps. So the answer is Yes", "Yes", choices=("Yes", "No")),
        Row("So the answer is **(B)**.", "(B)", choices=LETTERS),
        Row("1 - 4.5 = -3.5. So the answer is -3.5.", "-3.5"),
        Row("1 - 4.5 = -3.5. So the answer is -3.5", "-3.5"),
        Row("So the answer is red green blue", "red green blue"),
        Row("So the answer is (C).", "(A)", right=False, choices=LETTERS),
    ]
    read = their_reading("bbh/cot_fewshot/_cot_fewshot_template_yaml", "get-answer", {})
    assert differences(rows, read) == [
        ("Two is more than one. So the answer is (A)", "(A", "ours"),
        ("The cat sleeps. So the answer is Yes", "Ye", "ours"),
        ("So the answer is **(B)**.", "**(B)**", "ours"),
        ("1 - 4.5 = -3.5. So the answer is -3.5", "-3.", "ours"),
        ("So the answer is red green blue", "red green blu", "ours"),
    ]


def test_the_flexible_rule_of_mgsm_loses_signs_and_points_and_takes_the_last_figure() -> None:
    rows = [
        Row("The answer is 18.", "18"),
        Row("The answer is $1,234.", "1234"),
        Row("The answer is -18.", "18", right=False),
        Row("The answer is 1.8.", "18", right=False),
        Row("The answer is 18. That took 2 steps.", "18"),
        Row("The answer is 5.", "5"),
        Row("The answer is 12 and not 5...", "7", right=False),
    ]
    file = "mgsm/native_cot/mgsm_native_cot_en.yaml"
    (metric,) = settings("mgsm/native_cot/cot_yaml")["metric_list"]
    found = differences(rows, their_reading(file, "flexible-extract", metric))
    assert found == [
        ("The answer is -18.", "-18.", "ours"),
        ("The answer is 1.8.", "1.8.", "ours"),
        ("The answer is 18. That took 2 steps.", "2", "ours"),
    ]
