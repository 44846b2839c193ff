"""Judges: both orders, biases that show, replies that cannot be read, and nothing asked twice."""

import asyncio
import json
import queue
import threading
from contextlib import contextmanager

import pytest
import torch
from loopback import Loopback, loopback, seen
from tiny import MODELS, random_model, tokeniser

from didact.base.errors import DataError, ModelError
from didact.evals.judge import Judgements, PairVerdict, judge_pairs, pairs_report, ratings_report
from didact.evals.judge_prompts import pair_prompt, rating_of, ten_prompt, verdict_of
from didact.evals.judges import EndpointJudge, LocalJudge, RuleJudge, first_wins, longer_wins
from didact.evals.user_instructions import Answers, Item
from didact.models.endpoint import Endpoint
from didact.models.load import Loaded
from didact.models.local import LocalModel


def answers(model, *texts):
    items = {str(number): Item(str(number), (f"question {number}",)) for number in range(len(texts))}
    return Answers(model, items, {str(number): (text,) for number, text in enumerate(texts)})


LONG, SHORT = answers("long", "aaaa", "bbb", "cc"), answers("short", "a", "bb", "cc")


def test_the_longer_answer_wins_in_both_orders_and_alike_ones_tie():
    verdicts = judge_pairs(longer_wins(), LONG, SHORT)
    assert [verdict.said for verdict in verdicts] == [("A", "B"), ("A", "B"), ("tie", "tie")]
    assert [verdict.score for verdict in verdicts] == [1.0, 1.0, 0.5]
    table = pairs_report(longer_wins(), [LONG, SHORT])["pairs"][0]
    # 2.5 of 3 in points, and every pair is judged alike whichever answer is shown first.
    assert (table["model"], round(table["win_rate"]["value"], 3), table["consistent"]) == ("long", 83.333, 100.0)


def test_a_judge_that_takes_the_first_gives_nobody_a_win_and_no_pair_is_consistent():
    table = pairs_report(first_wins(), [LONG, SHORT])["pairs"][0]
    assert (table["win_rate"]["value"], table["mean_of_orders"], table["consistent"]) == (50.0, 50.0, 0.0)
    assert table["orders"] == {
        "consistent": 0, "prefers first": 3, "prefers second": 0, "half a tie": 0, "unparsed": 0, "unanswered": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "order", "score", "mean"),
    [
        (("A", "B"), "consistent", 1.0, 1.0),
        (("B", "A"), "consistent", 0.0, 0.0),
        (("tie", "tie"), "consistent", 0.5, 0.5),
        (("A", "A"), "prefers first", 0.5, 0.5),
        (("B", "B"), "prefers second", 0.5, 0.5),
        (("A", "tie"), "half a tie", 0.5, 0.75),
        (("tie", "A"), "half a tie", 0.5, 0.25),
        ((None, "B"), "unparsed", None, None),
    ],
)
def test_a_win_needs_both_orders(said, order, score, mean):
    verdict = PairVerdict("1", "a", "b", said)
    assert (verdict.order, verdict.score, verdict.mean_score) == (order, score, mean)


def test_exchanging_the_models_exchanges_the_score():
    one, other = judge_pairs(longer_wins(), LONG, SHORT), judge_pairs(longer_wins(), SHORT, LONG)
    assert [first.score + second.score for first, second in zip(one, other, strict=True)] == [1.0, 1.0, 1.0]


def test_replies_without_a_verdict_are_counted_and_are_neither_wins_nor_ties():
    mumbles = RuleJudge("mumbles", lambda asked: "Verdict: A" if len(asked.answers[0]) > len(asked.answers[1]) else "hm")
    table = pairs_report(mumbles, [LONG, SHORT])["pairs"][0]
    # Six replies: two say A (the longer shown first), four nothing.
    assert round(table["unparsed"], 3) == 66.667
    assert (table["orders"]["unparsed"], table["note"]) == (3, "the judge gave no verdict in both orders of any pair")


def test_three_models_get_strengths():
    middle = answers("middle", "aa", "bbbb", "c")
    told = pairs_report(longer_wins(), [LONG, middle, SHORT])
    assert [(pair["model"], pair["against"]) for pair in told["pairs"]] == [("long", "middle"), ("long", "short"), ("middle", "short")]
    assert [one["model"] for one in told["strengths"]["models"]] == ["long", "middle", "short"]


@pytest.mark.parametrize("reply", ["Verdict: B", "verdict: **B**", "**Verdict: Assistant B**", "First Verdict: A, no: Verdict: B", "[[B]]"])
def test_verdicts_are_read_as_models_write_them(reply):
    assert verdict_of(reply) == "B"


@pytest.mark.parametrize("reply", ["", "B", "The verdict depends.", "Verdict: Both", "Verdict: neither"])
def test_what_is_no_verdict_is_none(reply):
    assert verdict_of(reply) is None


@pytest.mark.parametrize(("reply", "rating"), [("Rating: 10", 10), ("Rating: 7.5/10", 7.5), ("rating is 3.", 3), ("Rating: 0", None)])
def test_ratings_are_read_from_1_to_10(reply, rating):
    assert rating_of(reply) == rating


def test_a_conversation_of_two_turns_is_shown_whole_with_its_reference():
    item = Item("1", ("first?", "second?"), ("one", "two"))
    text = pair_prompt(item, ["1", "2"], ["I", "II"]).prompt
    parts = ["[good answer 1]\none", "[good answer 2]\ntwo", "[user to assistant A, turn 1]\nfirst?", "[assistant A, turn 1]\n1"]
    parts += ["[user to assistant A, turn 2]\nsecond?", "[assistant A, turn 2]\n2", "[assistant B, turn 1]\nI", "[assistant B, turn 2]\nII"]
    assert [part for part in parts if part not in text] == []
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert "good answer" not in ten_prompt(Item("1", ("q",)), ["a"]).prompt


def test_different_questions_cannot_be_compared():
    with pytest.raises(DataError, match="short did not answer 1 of 3"):
        judge_pairs(longer_wins(), LONG, answers("short", "a", "b"))
    with pytest.raises(DataError, match="one model's answers alone"):
        pairs_report(longer_wins(), [LONG])


class Counting(RuleJudge):
    def judge(self, asked, hear):
        self.asked = getattr(self, "asked", 0) + len(asked)
        super().judge(asked, hear)


def test_nothing_is_asked_twice_and_another_judge_is_asked_again(tmp_path):
    cache = tmp_path / "judgements.jsonl"
    judge = Counting("a", lambda _: "Verdict: A")
    first = judge_pairs(judge, LONG, SHORT, cache=cache)
    # Three pairs in two orders, but "cc" against "cc" is the same question in both.
    assert (judge.asked, len(cache.read_text().splitlines())) == (5, 5)
    assert judge_pairs(judge, LONG, SHORT, cache=cache) == first
    assert judge.asked == 5
    other = Counting("b", lambda _: "Verdict: A")
    judge_pairs(other, LONG, SHORT, cache=cache)
    assert other.asked == 5


def test_after_a_crash_only_what_is_missing_is_asked(tmp_path):
    cache = tmp_path / "judgements.jsonl"

    def breaks(asked):
        if "question 2" in asked.prompt:
            raise KeyboardInterrupt
        return "Verdict: A"

    with pytest.raises(KeyboardInterrupt):
        judge_pairs(RuleJudge("a", breaks), LONG, SHORT, cache=cache)
    with cache.open("a") as handle:
        handle.write('{"key": "torn')
    judge, told = Counting("a", lambda _: "Verdict: B"), []
    verdicts = judge_pairs(judge, LONG, SHORT, cache=cache, done=told.append)
    assert (judge.asked, sum(told)) == (1, 6)
    assert [verdict.said for verdict in verdicts] == [("A", "A"), ("A", "A"), ("B", "B")]
    assert len(Judgements(cache)) == 5


def test_a_damaged_line_is_named(tmp_path):
    cache = tmp_path / "judgements.jsonl"
    cache.write_text('{"key": "1"}\n{"key": "2", "reply": "x"}\n')
    with pytest.raises(DataError, match="a judgement cannot be read") as error:
        Judgements(cache)
    assert "judgements.jsonl:1" in str(error.value)


def test_ratings_from_1_to_10_have_a_mean_and_the_unread_are_counted():
    judge = RuleJudge("r", lambda asked: {"aaaa": "Rating: 9", "bbb": "Rating: 4"}.get(asked.answers[0], "hm"))
    found = ratings_report(judge, [LONG], resamples=100)["models"]["long"]
    assert (found["rating"]["value"], round(found["unparsed"], 3), found["num_unanswered"]) == (6.5, 33.333, 0)


def test_a_server_that_errs_is_asked_until_it_answers_and_its_replies_are_kept(tmp_path):
    cache = tmp_path / "judgements.jsonl"
    with loopback(share=0.5, kinds=["429 later", "malformed", "500"], most=2) as url:
        judge = EndpointJudge(Endpoint(url, timeout_s=10), "m")
        table = pairs_report(judge, [LONG, SHORT], cache=cache)["pairs"][0]
        assert max(seen(url).values()) > 1
        # It says "reply 1234abcd" to everything: answered, and no verdict.
        assert (table["orders"]["unanswered"], table["unparsed"]) == (0, 100.0)
        before = sum(seen(url).values())
        pairs_report(judge, [LONG, SHORT], cache=cache)
        assert sum(seen(url).values()) == before
    body = json.loads(next(iter(row for row in cache.read_text().splitlines())))
    assert body["judge"] == f"{url} m"


class Says(Loopback):
    """Answers with a verdict; refuses what it is told to."""

    def answer(self, body, number):
        asked = json.loads(body)
        if "question 2" in asked["messages"][0]["content"]:
            self.write(400, "no such thing")
        elif "max_tokens" in asked:
            self.write(400, "use max_completion_tokens instead")
        else:
            said = "Verdict: A" if "[assistant A]\na" in asked["messages"][0]["content"] else "Verdict: tie"
            self.write(200, json.dumps({"choices": [{"message": {"content": said}}]}))


@contextmanager
def served(protocol):
    """The address of a server in a thread of this process."""
    port, ends, transports = queue.SimpleQueue(), threading.Event(), []

    class Kept(protocol):
        def connection_made(self, transport):
            transports.append(transport)
            super().connection_made(transport)

    async def serve():
        server = await asyncio.get_running_loop().create_server(Kept, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(ends.wait)
        for transport in transports:
            transport.abort()
        server.close()
        await server.wait_closed()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port.get()}/v1"
    finally:
        ends.set()
        thread.join()


def test_verdicts_of_a_server_count_and_what_it_refuses_is_told_apart_from_what_cannot_be_read():
    with served(Says) as url:
        table = pairs_report(EndpointJudge(Endpoint(url), "m"), [LONG, SHORT])["pairs"][0]
    assert [table["orders"][key] for key in ("prefers first", "consistent", "unanswered", "unparsed")] == [1, 1, 1, 0]
    assert (table["unparsed"], table["win_rate"]["num_left_out"]) == (0.0, 1)


def test_a_wrong_address_is_told_with_what_to_put_right():
    class Nothing(Loopback):
        def answer(self, body, number):
            self.write(404, "not here")

    with served(Nothing) as url, pytest.raises(ModelError, match="no such address") as error:
        pairs_report(EndpointJudge(Endpoint(url), "m"), [LONG, SHORT])
    assert "--judge, --model" in error.value.remedy


def test_a_model_in_this_process_judges_and_what_does_not_fit_is_unanswered():
    made = tokeniser()
    model = LocalModel(Loaded(random_model(MODELS["llama"]), made), torch.device("cpu"), "fp32")
    longest = answers("longest", *["word " * 2000] * 3)
    table = pairs_report(LocalJudge(model, "tiny", length=2048, max_tokens=4), [LONG, SHORT])["pairs"][0]
    assert table["orders"]["unparsed"] == 3  # random weights give no verdict
    assert pairs_report(LocalJudge(model, "tiny", length=2048, max_tokens=4), [longest, SHORT])["pairs"][0]["orders"]["unanswered"] == 3
