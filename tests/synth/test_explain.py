"""Explanation tuning: which message goes with what, erasing, checks against known answers, explanations that end where they should."""

from collections import Counter

import pytest

from didact.base.errors import RecipeError
from didact.synth.ask import Failed
from didact.synth.direct import answered
from didact.synth.explain import collection_of, explain, explain_answers, message_weights, parse_explanation
from didact.synth.job import Job
from didact.synth.outcome import Row
from didact.synth.queries import draw_queries
from didact.synth.wordings import wordings


def rows_of(task, num, **about):
    return [
        Row(f"{task}/{n}", about={"instruction": f"What is {n} + 1?", "input": "", "output": str(n + 1), "task": task, **about})
        for n in range(num)
    ]


def teacher(ask):
    return "Yes" if ask.stage == "check" else "One more is what comes next, so count on by one."


def test_there_are_sixteen_messages_and_only_the_first_is_empty():
    messages = wordings("explain")["messages"]
    assert list(messages) == [str(number) for number in range(1, 17)]
    assert [number for number, text in messages.items() if not text] == ["1"]
    assert len(set(messages.values())) == 16


@pytest.mark.parametrize(
    ("collection", "choices", "numbers"),
    [
        ("cot", False, [6, 11, 16]),
        ("cot", True, [6, 11, 16]),
        ("niv2", True, [1, 2, 5, 7, 9, 12, 13, 14, 15]),
        ("t0", False, [1, 2, 3, 5, 7]),
        ("flan2021", False, [3, 4, 7]),
        ("flan2021", True, [3, 4, 7, 8, 10]),
    ],
)
def test_which_messages_go_with_which_collection_is_the_papers_figure(collection, choices, numbers):
    assert list(message_weights(collection, choices, {})) == numbers


def test_messages_are_drawn_by_their_weights_from_those_of_the_tasks_collection():
    rows = rows_of("cot/sums", 700) + rows_of("other", 100)
    settings = {"collections": {"cot/*": "cot", "*": "t0"}, "weights": {11: 2, 16: 4}}
    outcome = answered(explain(Job(num_rows=800, examples=rows, settings=settings)), teacher)
    drawn = Counter(row.about["message"] for row in outcome.rows if row.about["task"] == "cot/sums")
    # 1 : 2 : 4 of 700 are 100, 200 and 400
    assert [drawn[number] for number in (6, 11, 16)] == pytest.approx([100, 200, 400], abs=40)
    assert {row.about["message"] for row in outcome.rows if row.about["task"] == "other"} <= {1, 2, 3, 5, 7}
    assert collection_of("none", {"a*": "cot"}) == "all"


def test_only_queries_with_choices_meet_messages_that_speak_of_them():
    outcome = answered(explain(Job(num_rows=300, examples=rows_of("f", 300), settings={"collections": {"f": "flan2021"}})), teacher)
    assert {row.about["message"] for row in outcome.rows} == {3, 4, 7}
    outcome = answered(
        explain(Job(num_rows=300, examples=rows_of("f", 300, choices=["1", "2"]), settings={"collections": {"f": "flan2021"}})), teacher
    )
    assert {row.about["message"] for row in outcome.rows} == {3, 4, 7, 8, 10}


def test_a_row_has_the_message_that_it_was_answered_under_unless_it_is_erased():
    seen = []

    def listen(ask):
        seen.append(ask.messages)
        return teacher(ask)

    job = Job(num_rows=1, examples=rows_of("a", 1), settings={"strategies": {"a": 7}})
    assert answered(explain(job), listen).rows[0].messages[:-1] == seen[0]
    assert seen[0][0].content == wordings("explain")["messages"]["7"]
    erased = Job(num_rows=1, examples=rows_of("a", 1), settings={"strategies": {"a": 7}, "erase": True, "instead": "Be careful."})
    row = answered(explain(erased), listen).rows[0]
    assert seen[1] == seen[0]  # what is asked does not change
    assert [message.content for message in row.messages][:2] == ["Be careful.", "What is 0 + 1?"]
    nothing = Job(num_rows=1, examples=rows_of("a", 1), settings={"strategies": {"a": 7}, "erase": True})
    assert [message.role for message in answered(explain(nothing), listen).rows[0].messages] == ["user", "assistant"]


def test_the_empty_message_is_not_sent():
    row = answered(explain(Job(num_rows=1, examples=rows_of("a", 1), settings={"strategies": {"*": 1}})), teacher).rows[0]
    assert [message.role for message in row.messages] == ["user", "assistant"]


def test_the_second_teachers_queries_are_a_part_of_the_firsts():
    rows = rows_of("a", 500)
    first, second = (answered(explain(Job(num_rows=400, examples=rows, settings={"share": share})), teacher) for share in (1.0, 0.2))
    assert len(first.rows) == 400
    assert len(second.rows) == pytest.approx(80, abs=25)
    assert {row.id for row in second.rows} < {row.id for row in first.rows}


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ("Yes", None),
        ("**Yes**, they agree.", None),
        ("No.", "not consistent with the known answer"),
        ("no", "not consistent with the known answer"),
        ("Perhaps", "verdict cannot be read"),
        ("", "verdict cannot be read"),
        ("Notably", "verdict cannot be read"),
    ],
)
def test_only_what_agrees_with_the_known_answer_is_kept_where_that_is_wanted(verdict, reason):
    job = Job(num_rows=1, examples=rows_of("a", 1), settings={"keep": "consistent"})
    outcome = answered(explain(job), lambda ask: verdict if ask.stage == "check" else teacher(ask))
    assert list(outcome.counts()["dropped"]) == ([reason] if reason else [])


def test_every_query_is_in_the_account():
    replies = {0: Failed("http 500"), 1: "I'm sorry, but I cannot help.", 2: "..."}
    job = Job(num_rows=4, examples=rows_of("a", 4))
    outcome = answered(explain(job), lambda ask: replies.get(int(ask.messages[-1].content.split()[2]), "Count on."))
    assert outcome.counts() == {
        "num_in": 4,
        "num_kept": 1,
        "dropped": {"refusal": 1, "says nothing": 1},
        "failed": {"failed: http 500": 1},
    } or outcome.counts()["dropped"] == {"says nothing": 1, "refusal": 1}


def test_slips_in_settings_are_told():
    with pytest.raises(RecipeError, match="no collection named 'ct'"):
        answered(explain(Job(examples=rows_of("a", 1), settings={"collections": {"*": "ct"}})), teacher)
    with pytest.raises(RecipeError, match="has weight 0"):
        answered(explain(Job(examples=rows_of("a", 1), settings={"collections": {"*": "cot"}, "weights": {6: 0, 11: 0, 16: 0}})), teacher)


@pytest.mark.parametrize(
    ("text", "finish", "reasons", "fault"),
    [
        ("Count.\nAnswer: Four", "stop", "Count.", ""),
        ("Count.\n\n**Answer:** four.", "stop", "Count.", ""),
        ("Count.\n### Final answer: **Four**", "stop", "Count.", ""),
        ("Answer: three? No.\nCount again.\nAnswer: four", "stop", "Answer: three? No.\nCount again.", ""),
        ("Count.\nAnswer: five", "stop", "Count.", "comes to another answer"),
        ("Count.\nAnswer:", "stop", "Count.", "comes to another answer"),
        ("Count. The answer: four", "stop", "Count. The answer: four", "no answer at its end"),
        ("Answer: four", "stop", "", "no reasons"),
        ("", "stop", "", "no answer at its end"),
        ("Count.\nAnswer: four", "length", "Count.", "cut off"),
        (
            "It follows from the given answer.\nAnswer: four",
            "stop",
            "It follows from the given answer.",
            "speaks of the answer that it was told",
        ),
    ],
)
def test_an_explanation_has_to_end_in_the_known_answer(text, finish, reasons, fault):
    assert parse_explanation(text, "four", finish) == (reasons, fault)


def test_an_explained_row_asks_without_the_hint_and_ends_in_the_seeds_answer():
    outcome = answered(
        explain_answers(Job(num_rows=3, examples=rows_of("a", 3))),
        lambda ask: f"Add one.\nAnswer: {ask.messages[0].content.split('known: ')[1].split()[0]}",
    )
    row = next(row for row in outcome.rows if row.parents == ("a/2",))
    assert [message.content for message in row.messages] == ["What is 2 + 1?", "Add one.\n\nAnswer: 3"]
    none = [Row("b", about={"instruction": "Why?", "output": ""})]
    assert answered(explain_answers(Job(num_rows=1, examples=none)), teacher).counts()["dropped"] == {"no known answer": 1}


def test_queries_are_drawn_without_repeats_and_small_tasks_are_not_drowned():
    rows = rows_of("big", 1000) + rows_of("small", 20)
    by = {draw: Counter(row.about["task"] for row in draw_queries(rows, 30, 0, draw)) for draw in ("rows", "per_task", "tasks")}
    assert by["per_task"] == {"big": 15, "small": 15}
    assert by["rows"]["small"] < 4  # 30 * 20 / 1020 = 0.6
    assert 8 <= by["tasks"]["small"] <= 20  # 15 on average
    everything = draw_queries(rows, 5000, 0, "tasks")
    assert len(everything) == len({row.id for row in everything}) == 1020
    assert Counter(row.about["task"] for row in draw_queries(rows, 5000, 0, "rows", most=10)) == {"big": 10, "small": 10}
