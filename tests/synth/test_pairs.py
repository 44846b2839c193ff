"""Preference pairs: self-play against people's answers, and a judge who is asked in both orders."""

import random
from math import log

import pytest

from didact.base.types import Message
from didact.synth.ask import Failed, Reply
from didact.synth.direct import answered
from didact.synth.job import Job
from didact.synth.outcome import Row
from didact.synth.pairs import judge_pairs, parse_choice, spin_pairs

ROWS = [Row(f"r{n}", about={"instruction": f"What is {n} + 1?", "input": "", "output": str(n + 1)}) for n in range(4)]


def test_a_persons_answer_is_chosen_and_the_models_own_is_rejected():
    outcome = answered(spin_pairs(Job(num_rows=4, examples=ROWS)), lambda ask: "2")
    by = {row.id: row for row in outcome.rows}
    assert by["r2/spin"].about["chosen"] == "3"
    assert by["r2/spin"].about["rejected"] == "2"
    assert [message.content for message in by["r2/spin"].messages] == ["What is 2 + 1?", "3"]
    assert outcome.counts()["dropped"] == {"both answers are the same": 1}  # 1 + 1


def test_self_play_asks_what_stands_before_the_last_answer_as_the_original_does():
    turns = (
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello."),
        Message("user", "Why?"),
        Message("assistant", "So."),
    )
    asks = []

    def listen(ask):
        asks.append(ask)
        return "Because."

    row = answered(spin_pairs(Job(num_rows=1, examples=[Row("c", turns)])), listen).rows[0]
    assert asks[0].messages == turns[:-1]
    assert (asks[0].sampling.temperature, asks[0].sampling.top_p, asks[0].sampling.max_tokens) == (1.0, 1.0, 256)
    assert row.messages == turns
    assert row.about["rejected"] == "Because."


@pytest.mark.parametrize(("reply", "reason"), [(Reply(" \n"), "an empty answer"), (Reply("Be", "length"), "cut off")])
def test_what_is_no_pair_is_dropped(reply, reason):
    job = Job(num_rows=1, examples=ROWS, settings={"keep_cut": False})
    assert answered(spin_pairs(job), lambda ask: reply).counts()["dropped"] == {reason: 1}


def test_a_row_without_an_answer_is_not_played():
    assert answered(spin_pairs(Job(num_rows=1, examples=[Row("a", about={"instruction": "Why?"})])), lambda ask: "x").counts()[
        "dropped"
    ] == {"no answer to play against": 1}


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        (Reply("A"), "A"),
        (Reply(" B.\n"), "B"),
        (Reply("**A**"), "A"),
        (Reply("[[B]]"), "B"),
        (Reply("Answer A"), "A"),
        (Reply("a"), None),
        (Reply("A or B"), None),
        (Reply("A is better"), None),
        (Reply(""), None),
        (Reply("A is better", top_logprobs=({" A": log(0.9)},)), "A"),
        (Reply("A", top_logprobs=({"A": log(0.3), "B": log(0.6)},)), "B"),
        (Reply("I", top_logprobs=({"I": log(0.9), "A": log(0.1)},)), None),
    ],
)
def test_a_choice_is_read_from_probabilities_or_from_the_bare_letter(reply, choice):
    found = parse_choice(reply)
    assert (found and found[0]) == choice


def played(judge):
    def answer(ask):
        return f"answer {ask.sample}" if ask.stage == "answer" else judge(ask.messages[0].content)

    return answer


def test_the_answer_that_wins_in_both_orders_is_chosen():
    outcome = answered(judge_pairs(Job(num_rows=1, examples=ROWS)), played(lambda text: "A" if "Answer A:\nanswer 1" in text else "B"))
    row = outcome.rows[0]
    assert (row.about["chosen"], row.about["rejected"]) == ("answer 1", "answer 0")
    assert row.scores["preference"] == 1.0


def test_a_judge_who_prefers_a_place_decides_nothing():
    assert answered(judge_pairs(Job(num_rows=3, examples=ROWS)), played(lambda text: "A")).counts()["dropped"] == {
        "the judge prefers a place": 3
    }


def test_preferences_of_both_orders_are_averaged_and_a_margin_can_be_asked_for():
    def judge(text):
        share = 0.9 if "Answer A:\nanswer 0" in text else 0.3  # for A: 0.9 for answer 0, then 0.7 for it again
        return Reply("A", top_logprobs=({"A": log(share), "B": log(1 - share)},))

    row = answered(judge_pairs(Job(num_rows=1, examples=ROWS)), played(judge)).rows[0]
    assert row.scores["preference"] == pytest.approx(0.8)
    assert row.about["chosen"] == "answer 0"
    for margin, num in ((0.59, 1), (0.61, 0)):  # 2 * 0.8 - 1 = 0.6
        job = Job(num_rows=1, examples=ROWS, settings={"least_margin": margin})
        assert len(answered(judge_pairs(job), played(judge)).rows) == num


def test_every_pair_is_in_the_account():
    def answer(ask):
        return (
            Failed("timeout")
            if ask.stage == "judge" and "What is 2" in ask.messages[0].content
            else f"answer {ask.sample}"
            if ask.stage == "answer"
            else "?"
        )

    assert answered(judge_pairs(Job(num_rows=4, examples=ROWS)), answer).counts() == {
        "num_in": 4,
        "num_kept": 0,
        "dropped": {"verdict cannot be read": 3},
        "failed": {"failed: timeout": 1},
    }


def test_both_orders_keep_a_placed_judges_errors_out_where_truth_is_known():
    # Truth: the larger number is better. The judge sees that in 7 of 10 verdicts, else it writes A. It is right whenever the better one
    # stands first, so a single verdict errs in 0.3 / 2 = 15 %; both orders agree where it looked in the other order, and are right.
    def answer(ask):
        if ask.stage == "answer":
            return str(random.Random(f"{ask.messages} {ask.sample}").randrange(10**6))
        first, second = (int(ask.messages[0].content.split(f"Answer {letter}:\n")[1].split("\n")[0]) for letter in "AB")
        looks = random.Random(f"{first} {second}").random() < 0.7
        return "A" if not looks or first > second else "B"

    rows = [Row(f"r{n}", about={"instruction": f"Pick {n}."}) for n in range(600)]
    outcome = answered(judge_pairs(Job(num_rows=600, examples=rows)), answer)
    assert all(int(row.about["chosen"]) > int(row.about["rejected"]) for row in outcome.rows)
    assert len(outcome.rows) == pytest.approx(420, abs=45)  # 0.7 of 600
