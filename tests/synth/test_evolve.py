"""Evol-Instruct as a program: its requests, its rounds, its account, and how well its eliminator does where truth is known."""

import random
import re
from collections import Counter

import pytest

from didact.base.errors import RecipeError
from didact.base.types import Message
from didact.synth.ask import Failed, Reply
from didact.synth.direct import answered
from didact.synth.evolve import evolve
from didact.synth.job import Job
from didact.synth.outcome import Row

START = [Row(f"s{number}", about={"instruction": f"Name river {number}.", "input": "", "output": "Rhine"}) for number in range(5)]


def teacher(ask):
    """Adds a word to a task, finds every two tasks different, and answers with a sentence."""
    text = ask.messages[-1].content
    if ask.stage == "evolve":
        return text.split("Task:\n")[1] + " Explain."
    return "Not Equal" if ask.stage == "judge" else f"It is the Rhine, because {len(text)} letters say so."


def test_an_evolution_that_is_kept_is_what_the_next_round_starts_from():
    outcome = answered(evolve(Job(num_rows=3, examples=START[:1], settings={"num_rounds": 3})), teacher)
    assert [row.id for row in outcome.rows] == ["s0/1", "s0/2", "s0/3"]
    assert [row.parents for row in outcome.rows] == [("s0",), ("s0/1",), ("s0/2",)]
    assert outcome.rows[2].messages[0] == Message("user", "Name river 0. Explain. Explain. Explain.")
    assert outcome.rows[2].messages[1].content.startswith("It is the Rhine")


def test_a_refused_evolution_sends_the_task_before_it_into_the_next_round_again():
    verdicts = iter(["Equal", "Not Equal", "hm"])

    def judged(ask):
        return next(verdicts) if ask.stage == "judge" else teacher(ask)

    outcome = answered(evolve(Job(num_rows=3, examples=START[:1], settings={"num_rounds": 3})), judged)
    assert [(one.row.id, one.reason) for one in outcome.dropped] == [("s0/1", "no gain"), ("s0/3", "verdict cannot be read")]
    assert outcome.rows[0].parents == ("s0",)  # not s0/1, which was refused
    assert outcome.dropped[1].row.parents == ("s0/2",)
    assert outcome.counts()["num_in"] == 3


@pytest.mark.parametrize("stage", ["evolve", "judge", "answer"])
def test_requests_without_an_answer_are_counted_as_failed(stage):
    outcome = answered(
        evolve(Job(num_rows=4, examples=START, settings={"num_rounds": 2})),
        lambda ask: Failed("timeout") if ask.stage == stage else teacher(ask),
    )
    assert outcome.counts() == {"num_in": 4, "num_kept": 0, "dropped": {}, "failed": {"failed: timeout": 4}}


def test_as_many_evolutions_are_made_as_are_wanted():
    for wanted in (1, 4, 7, 30):  # 30 of five tasks in four rounds: some tasks go through them twice, on ways of their own
        outcome = answered(evolve(Job(num_rows=wanted, examples=START)), teacher)
        assert outcome.num_in == wanted
        assert len({row.id for row in outcome.rows}) == wanted


def test_nothing_depends_on_the_order_in_which_replies_come():
    job = Job(num_rows=20, examples=START)
    assert answered(evolve(job), teacher) == answered(evolve(job), teacher, backwards=True)


def test_operations_are_drawn_as_often_as_their_weights_say():
    equal = answered(evolve(Job(num_rows=1200, examples=START)), teacher)
    counts = Counter(row.operation for row in equal.rows)
    assert len(counts) == 6
    assert all(150 < count < 250 for count in counts.values())  # 200 each, standard deviation 13
    only = answered(evolve(Job(num_rows=20, examples=START, settings={"operations": {"deepen": 3, "in_breadth": 0}})), teacher)
    assert {row.operation for row in only.rows} == {"deepen"}


def test_strict_sends_what_the_paper_says():
    asks = []

    def listening(ask):
        asks.append(ask)
        return teacher(ask)

    row = Row("a", about={"instruction": "Add.", "input": "1 2", "output": "3"})
    answered(evolve(Job(num_rows=1, examples=[row], strict=True)), listening)
    assert [ask.stage for ask in asks] == ["evolve", "judge", "answer"]
    assert all(ask.messages[0].role == "system" for ask in asks)
    assert "Add.\r\n1 2" in asks[0].messages[1].content
    assert (asks[0].sampling.temperature, asks[0].sampling.top_p, asks[0].sampling.max_tokens) == (1.0, 0.9, 2048)
    assert asks[1].sampling.temperature == 0


def test_an_operation_that_there_is_not_is_told():
    with pytest.raises(RecipeError, match="no operation named 'deepn'"):
        answered(evolve(Job(examples=START, settings={"operations": {"deepn": 1}})), teacher)


# A made world: each task is "Task N needs A, B ...", so what an evolution gained, and whether an answer answers, is known without a judge.
KINDS = ("good", "good", "good", "good", "apology", "no", "equal", "leak", "refusal", "nothing", "answered")
NEEDS = re.compile(r"needs ([a-z0-9, ]+)")


def world(judge_errs: float, seed: int = 0):
    """Returns a teacher whose every evolution is good or bad in a known way, and the truth by task."""
    truth = {}

    def teach(ask):
        text = ask.messages[-1].content
        rand = random.Random(f"{seed} {ask.stage} {text}")
        if ask.stage == "evolve":
            old = text.split("Task:\n")[1]
            kind = rand.choice(KINDS)
            new = old.rstrip(".") + f", part{rand.randrange(10**9)}."
            if kind == "equal":
                new = old.replace("needs", "has need of" if "has need of" not in old else "needs")
                new = f"Please: {new}"
            elif kind == "leak":
                new += " Here the rewritten prompt ends."
            elif kind == "answered":
                new += "\nAnswer: done."
            elif kind == "apology":
                new += " Say sorry at the end."
            truth[new] = kind
            return new
        if ask.stage == "judge":
            first, second = text.split("First task:\n")[1].split("\n\nSecond task:\n")
            gained = second.count("part") > first.count("part")
            return "Not Equal" if gained != (rand.random() < judge_errs) else "Equal"
        return {
            "refusal": "I'm sorry, but I cannot help with that.",
            "nothing": "It is the",
            "no": "No.",
            "apology": "All parts are there. Sorry!",
        }.get(truth[text], "All parts are there.")

    return teach, truth


def precision_and_recall(strict: bool, judge_errs: float) -> tuple[float, float, int]:
    """Of the eliminator: what it refuses, against what is bad in truth."""
    teach, truth = world(judge_errs)
    rows = [Row(f"t{number}", about={"instruction": f"Task {number} needs part0.", "input": ""}) for number in range(400)]
    outcome = answered(evolve(Job(num_rows=400, examples=rows, strict=strict, settings={"num_rounds": 1})), teach)
    fine = {"good", "apology", "no"}
    refused = [truth[str(one.row.about["instruction"])] not in fine for one in outcome.dropped]
    missed = sum(truth[str(row.about["instruction"])] not in fine for row in outcome.rows)
    return sum(refused) / len(refused), sum(refused) / (sum(refused) + missed), outcome.num_in


def test_with_a_judge_that_is_right_the_eliminator_refuses_all_that_is_bad_and_nothing_else():
    assert precision_and_recall(strict=False, judge_errs=0.0) == (1.0, 1.0, 400)


def test_the_originals_rules_refuse_good_answers_and_miss_tasks_that_hold_their_answer():
    # Of eleven kinds, five are bad: strict finds four of them (not `answered`: recall 4/5), and refuses two good ones (precision 4/6).
    precision, recall, _ = precision_and_recall(strict=True, judge_errs=0.0)
    assert precision == pytest.approx(4 / 6, abs=0.08)
    assert recall == pytest.approx(4 / 5, abs=0.08)


def test_a_judge_that_errs_costs_what_its_errors_say():
    # A tenth of its verdicts is wrong. Good (6/11): a tenth is lost. Bad: the leak and the held answer never reach it; refusal and nothing
    # are refused anyway; of the equal ones a tenth passes. Precision (5 - 0.1) / (5 - 0.1 + 0.6) = 0.891, recall (5 - 0.1) / 5 = 0.98.
    precision, recall, _ = precision_and_recall(strict=False, judge_errs=0.1)
    assert precision == pytest.approx(0.891, abs=0.05)
    assert recall == pytest.approx(0.98, abs=0.03)


def test_a_reply_that_was_cut_is_no_task():
    outcome = answered(evolve(Job(num_rows=1, examples=START)), lambda ask: Reply("Name riv", "length"))
    assert outcome.counts()["dropped"] == {"cut off": 1}
