"""Self-chat: transcripts of every shape that models write, and conversations that are played turn by turn."""

import pytest

from didact.synth.ask import Failed, Reply
from didact.synth.direct import answered
from didact.synth.job import Job
from didact.synth.outcome import Row
from didact.synth.self_chat import self_chat
from didact.synth.transcripts import parse_transcript, parse_user_turn

TOPIC = [Row("t", about={"instruction": "Why is the sea salt?", "input": ""})]
TWO = [("Why is it?", "Rivers bring salt."), ("Which?", "All of them.")]


@pytest.mark.parametrize(
    "text",
    [
        "[Human]\nWhy is it?\n[AI]\nRivers bring salt.\n[Human]\nWhich?\n[AI]\nAll of them.",
        "[Human] Why is it?\n[AI] Rivers bring salt.\n\n[Human] Which?\n[AI] All of them.\n",
        "Here is a conversation:\n\n[Human]: Why is it?\n[AI]: Rivers bring salt.\n[Human]: Which?\n[AI]: All of them.",
        "**[Human]** Why is it?\n**[AI]** Rivers bring salt.\n**[Human]** Which?\n**[AI]** All of them.",
        "**Human:** Why is it?\n**AI:** Rivers bring salt.\n**Human:** Which?\n**AI:** All of them.",
        "User: Why is it?\nAssistant: Rivers bring salt.\nUser: Which?\nAssistant: All of them.",
        "[human]\nWhy is it?\n[ai]\nRivers bring salt.\n[human]\nWhich?\n[ai]\nAll of them.",
        "Why is it?\n[AI] Rivers bring salt.\n[Human] Which?\n[AI] All of them.",
    ],
)
def test_a_transcript_is_read_in_every_form(text):
    assert parse_transcript(text) == (TWO, "")


@pytest.mark.parametrize(
    ("text", "finish", "turns", "ending"),
    [
        ("", "stop", 0, "no conversation in the reply"),
        ("I would rather not.", "stop", 0, "no conversation in the reply"),
        ("[Human] a\n[AI] b\n[Human] c", "stop", 1, "the person has the last word"),
        ("[Human] a\n[AI] b\n[Human] c\n[AI] d", "length", 1, "cut off"),
        ("[Human] a\n[AI] b\n[Human] c", "length", 1, "cut off"),
        ("[Human] a\n[Human] b\n[AI] c", "stop", 0, "the person speaks twice"),
        ("[Human] a\n[AI] b\n[AI] c\n[Human] d", "stop", 1, "the assistant speaks twice"),
        ("[Human]\n[AI] b", "stop", 0, "somebody says nothing"),
        ("[Human] a\n[AI]\n", "stop", 0, "somebody says nothing"),
        ("[Human] What does [AI] mean?\n[AI] It is a label, as [Human] is.", "stop", 1, ""),
        ("[Human] The ratio AI: 3, user: 4?\n[AI] So.", "stop", 1, ""),
    ],
)
def test_a_transcript_ends_where_it_stops_being_one(text, finish, turns, ending):
    found = parse_transcript(text, finish)
    assert (len(found[0]), found[1]) == (turns, ending)


def test_strict_leaves_out_the_last_turn_and_stops_at_two_answers():
    text = "[Human] a\n[AI] b\n[Human] c\n[AI] d"
    assert parse_transcript(text, strict=True) == ([("a", "b")], "")
    assert parse_transcript("[Human] a\n[AI] b\n[Human] c [AI] d [AI] e\n[Human] f", strict=True) == (
        [("a", "b")],
        "not one answer to one question",
    )
    assert parse_transcript("[Human] a\n[AI] b", strict=True) == ([], "no conversation in the reply")


@pytest.mark.parametrize(
    ("text", "finish", "says"),
    [
        ("And why?", "stop", "And why?"),
        ("[Human] And why?", "stop", "And why?"),
        ("Human: And why?\nAI: Because.", "stop", "And why?"),
        ("And why?\n[AI]\nBecau", "length", "And why?"),
        ("END", "stop", ""),
        ("[END]", "stop", ""),
        ("**END.**", "stop", ""),
        ("", "stop", ""),
        ("[AI] Because.", "stop", ""),
        ("And wh", "length", ""),
        ("The end of what?", "stop", "The end of what?"),
    ],
)
def test_what_the_person_says_next(text, finish, says):
    assert parse_user_turn(text, finish) == (says, bool(says))


def test_a_transcript_becomes_a_conversation():
    text = "[Human] Why is it?\n[AI] Rivers bring salt.\n[Human] Which?\n[AI] All of them.\n[Human] Thanks"
    outcome = answered(self_chat(Job(num_rows=1, examples=TOPIC)), lambda ask: text)
    row = outcome.rows[0]
    assert [message.role for message in row.messages] == ["user", "assistant", "user", "assistant"]
    assert row.about["ending"] == "the person has the last word"
    assert (row.id, row.parents) == ("t/chat", ("t",))


def test_a_conversation_is_played_until_the_person_ends_it_or_it_is_long_enough():
    seen = []

    def play(ask):
        seen.append(ask)
        if ask.stage == "assistant":
            return f"Answer {len(ask.messages)}."
        return "END" if "Answer 3." in ask.messages[0].content else "[Human] And then?"

    row = answered(self_chat(Job(num_rows=1, examples=TOPIC, settings={"form": "turns"})), play).rows[0]
    assert [message.content for message in row.messages] == ["Why is the sea salt?", "Answer 1.", "And then?", "Answer 3."]
    assert [message.role for message in seen[2].messages] == ["user", "assistant", "user"]  # clean: no system message, no labels
    assert seen[1].sampling.stop == ("[AI]",)
    short = {"form": "turns", "most_turns": 1}
    assert len(answered(self_chat(Job(num_rows=1, examples=TOPIC, settings=short)), play).rows[0].messages) == 2


def test_what_is_too_short_or_never_answered_is_in_the_account():
    job = Job(num_rows=2, examples=TOPIC, settings={"least_turns": 2})
    assert answered(self_chat(job), lambda ask: "[Human] a\n[AI] b").counts()["dropped"] == {"fewer than 2 turns": 2}
    turns = Job(num_rows=2, examples=TOPIC, settings={"form": "turns"})
    assert answered(self_chat(turns), lambda ask: Failed("timeout") if ask.stage == "user" else "b").counts()["failed"] == {
        "failed: timeout": 2
    }
    assert answered(self_chat(turns), lambda ask: Reply("b", "length")).counts()["dropped"] == {"cut off": 2}


def test_a_topic_that_is_used_twice_is_two_draws():
    asks = []

    def listen(ask):
        asks.append(ask)
        return "[Human] a\n[AI] b"

    outcome = answered(self_chat(Job(num_rows=2, examples=TOPIC)), listen)
    assert asks[0] != asks[1]
    assert asks[0].messages == asks[1].messages
    assert [row.id for row in outcome.rows] == ["t/chat", "t#2/chat"]
