"""From questions to the scores of whole tasks, with models that say what a test tells them to: worked examples on sample rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from tiny import tokeniser

from didact.base.types import Example
from didact.evals.suites import own_metrics, remarks, suites
from didact.evals.task_level import compare_with_tasks
from didact.evals.unseen import Question, answer, questions
from didact.models.local import Completion
from didact.prompts.formats import Format, settled_format
from didact.prompts.template import Template, TemplateSet
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.suites import SUITES
from didact.tasks.task import Task, TaskSet

TOKENISER = tokeniser()
FAMILIES = ("mmlu/", "mgsm/", "xquad/", "tydiqa/", "wmt/")
FIRST = {next(name for name in BENCHMARKS if name.startswith(family)) for family in FAMILIES}
ONE_OF_EACH = [name for name in BENCHMARKS if name in FIRST or not name.startswith(FAMILIES)]
"""The benchmarks, of families that differ in their subject or language alone the first."""


@dataclass
class Parrot:
    """A model that says these texts, one after the other."""

    texts: Sequence[str]

    def generate(
        self, prompts: Sequence[np.ndarray], *, max_new_tokens: int, batch_tokens: int, done: Callable[[int], None]
    ) -> list[Completion]:
        assert len(prompts) == len(self.texts)
        done(len(prompts))
        return [Completion((1,), text, "stop") for text in self.texts]


@cache
def wordings(kind: str) -> TemplateSet:
    return TemplateSet.load(kinds=[kind])


def ask(task: Task, template: Template | Format | None = None, limit: int = 100) -> list[Question]:
    """The questions of one task in one wording; None: the first that there is."""
    wording = template or next(one for one in wordings(task.kind).select("all", task) if not one.inverted)
    return questions(TaskSet([task]), "unseen", lambda *_: wording, TOKENISER, limit=limit, max_length=4000, max_prompt_length=4000, seed=0)


def judge(asked: list[Question], task: Task, base: Sequence[str], tuned: Sequence[str], metrics: Sequence[str] = ()) -> dict[str, Any]:
    """The entries of one task, after two models have said these texts."""
    rows = [answer(Parrot(texts), asked, metrics, max_new_tokens=8, batch_tokens=8) for texts in (base, tuned)]  # type: ignore[arg-type]
    table = compare_with_tasks(*rows, metrics, {task.name: own_metrics(task)}, resamples=50, seed=0)
    found: dict[str, Any] = table["tasks"][task.name]
    return found


def named(task: Task, name: str) -> Template:
    return wordings(task.kind).select(name, task)[0]


def test_cb_is_judged_in_the_words_of_its_wording() -> None:
    (task,) = sample_tasks("superglue/cb")
    task = task.replace(task.examples[:3])  # entailment, contradiction, neutral
    asked = ask(task, named(task, "superglue_cb/terse"))
    assert [question.unanswered.references for question in asked] == [("true",), ("false",), ("unclear",)]
    assert {question.unanswered.choices for question in asked} == {("true", "false", "unclear")}
    found = judge(asked, task, ["true", "true", "true"], ["True.", "false", "I am not sure"], ["exact_match"])
    # Base: one hit and two false alarms for entailment, 2 / (2 + 2) = 1/2, nothing for the others.
    assert found["f1_macro"]["base"]["value"] == pytest.approx(100 / 6)
    # Tuned: 1 and 1, and a miss: (1 + 1 + 0) / 3.
    assert found["f1_macro"]["tuned"]["value"] == pytest.approx(200 / 3)
    assert found["f1_macro"]["tuned"]["num_unparsed"] == found["mcq_accuracy"]["tuned"]["num_unparsed"] == 1
    assert found["mcq_accuracy"]["random"] == pytest.approx(100 / 3)
    assert found["exact_match"]["tuned"]["value"] == pytest.approx(200 / 3)  # scores of rows are as ever


def test_where_options_are_listed_their_names_and_their_texts_are_both_answers() -> None:
    (task,) = sample_tasks("superglue/cb")
    task = task.replace(task.examples[:3])
    template = named(task, "superglue_cb/options")
    for style in ("(A)", "1.", "<i>", "-"):
        asked = questions(
            *(
                TaskSet([task]),
                "unseen",
                lambda task, example, style=style: settled_format(task, example, template, style, seed=0),
                TOKENISER,
            ),
            limit=9,
            max_length=4000,
            max_prompt_length=4000,
            seed=0,
        )
        names = [question.unanswered.references[0] for question in asked]
        assert asked[0].unanswered.choices == tuple(names)
        assert asked[0].unanswered.options == (() if style == "-" else ("entailment", "contradiction", "neutral"))
        found = judge(asked, task, ["entailment", "contradiction", "neutral"], names)
        assert (found["f1_macro"]["base"]["value"], found["f1_macro"]["tuned"]["value"]) == (100, 100)


def test_multirc_is_judged_by_question() -> None:
    (task,) = sample_tasks("superglue/multirc")
    task = task.replace(task.examples[:4])  # q1: True, False; q2: True, False
    asked = ask(task)
    right = [question.unanswered.references[0] for question in asked]
    yes = right[0]
    found = judge(asked, task, [yes] * 4, [*right[:3], yes])
    # Base: all answers right: 2 hits, 2 false alarms, 4 / (4 + 2); no question without a mistake.
    assert found["multirc_f1a"]["base"]["value"] == pytest.approx(200 / 3)
    assert found["multirc_em"]["base"]["value"] == 0
    # Tuned: 2 hits, 1 false alarm in the second question.
    assert found["multirc_f1a"]["tuned"]["value"] == 80
    assert found["multirc_em"]["tuned"]["value"] == 50


def test_axg_is_judged_by_pair() -> None:
    (task,) = sample_tasks("superglue/axg")
    task = task.replace(task.examples[:4])
    asked = ask(task)
    one, other = asked[0].unanswered.choices
    found = judge(asked, task, [one, other, other, one], [other, other, one, one])
    assert (found["gender_parity"]["base"]["value"], found["gender_parity"]["tuned"]["value"]) == (0, 100)


def test_stsb_is_judged_by_correlation() -> None:
    (task,) = sample_tasks("glue/stsb")
    asked = ask(task)
    gold = [float(question.unanswered.references[0]) for question in asked]
    found = judge(asked, task, ["3.0"] * len(gold), [str(number / 2) for number in gold])
    assert found["pearson"]["base"]["value"] == 0
    assert found["pearson"]["base"]["note"].startswith("undefined")
    assert found["pearson"]["tuned"]["value"] == pytest.approx(100)
    assert found["spearman"]["tuned"]["value"] == pytest.approx(100)


def test_a_group_that_the_limit_cuts_is_asked_about_as_a_whole() -> None:
    (task,) = sample_tasks("superglue/multirc")
    groups = [example.id.rpartition("/")[0] for example in task.examples]
    assert groups[:4] == ["letter/q1"] * 2 + ["letter/q2"] * 2
    assert [len(ask(task, limit=limit)) for limit in (1, 2, 3, 4)] == [2, 2, 4, 4]
    plain = Task("plain", tuple(Example(str(i), {"q": "?"}, ("a",)) for i in range(5)))
    assert len(ask(plain, Template("my/x", ("rows",), "{{ q }}"), limit=3)) == 3


def test_a_row_that_reasons_is_judged_by_its_answer() -> None:
    choices = ("no", "yes")
    rows = tuple(Example(str(i), {"q": f"{i}?"}, (choices[i % 2],), choices, "Because.") for i in range(4))
    task = Task("mine", rows, metric="matthews")
    direct = Template("my/direct", ("rows",), "{{ q }}")
    own = Template("my/own", ("rows",), "{{ q }}", "{{ rationale }} So the answer is {{ target }}.", style="cot")
    for form in (Format(direct, reasons=True), Format(own, reasons=True)):
        asked = ask(task, form)
        assert [question.unanswered.references for question in asked] == [("no",), ("yes",)] * 2
        said = ["I doubt it. So the answer is no.", "It is yes or no. So the answer is yes.", "So the answer is no", "no"]
        found = judge(asked, task, ["no"] * 4, said, ["exact_match"])
        assert found["exact_match"]["tuned"]["value"] == 75
        # Hits 1, misses 1, right noes 2: (1·2 - 0·1) / sqrt(1·3·2·2).
        assert found["matthews"]["tuned"]["value"] == pytest.approx(100 * 2 / 12**0.5)
        kept = answer(Parrot(said), asked, [], max_new_tokens=8, batch_tokens=8)  # type: ignore[arg-type]
        assert (kept[0].completion, kept[0].answer) == (said[0], "no")


def test_all_of_superglue_has_one_score() -> None:
    tables, kinds = [], {}
    for name in SUITES["superglue"]:
        (task,) = sample_tasks(f"superglue/{name}")
        asked = ask(task)
        right = [question.unanswered.references[0] for question in asked]
        rows = [answer(Parrot(texts), asked, [], max_new_tokens=8, batch_tokens=8) for texts in (["well"] * len(right), right)]  # type: ignore[arg-type]
        tables.append(compare_with_tasks(*rows, (), {task.name: own_metrics(task)}, resamples=20, seed=0))
        kinds[task.name] = task.kind
    table = {"tasks": {name: entry for part in tables for name, entry in part["tasks"].items()}}
    assert suites(table, kinds) == {"superglue": {"base": 0.0, "tuned": 100.0, "without": []}}
    assert "superglue score: base 0.0, tuned 100.0" in remarks({**table, "suites": suites(table, kinds)})
    table["tasks"].pop("superglue/rte")
    assert suites(table, kinds) == {}


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_every_benchmark_can_be_judged_by_its_own_metrics(kind: str) -> None:
    (task,) = sample_tasks(kind)
    asked = ask(task)
    right = [question.unanswered.references[0] for question in asked]
    metrics = [name for name in own_metrics(task) if name in ("accuracy", "exact_match", "answer_match", "number_match", "rouge_l")]
    rows = answer(Parrot(right), asked, metrics, max_new_tokens=8, batch_tokens=8)  # type: ignore[arg-type]
    table = compare_with_tasks(None, rows, metrics, {task.name: own_metrics(task)}, resamples=10, seed=0)
    entries = table["tasks"][task.name]
    assert "left_out" not in table
    assert set(entries) == set(own_metrics(task))
    assert {name: round(entry["tuned"]["value"], 6) for name, entry in entries.items()} == dict.fromkeys(entries, 100)
