"""Magpie: the model sees only how a user's turn begins, and what it writes there is the instruction."""

import pytest
from played import play

from didact.base.errors import RecipeError
from didact.base.types import Message
from didact.synth.ask import Ask, Failed, Reply
from didact.synth.job import Job
from didact.synth.template_prefix import parse_turn, template_prefix, turn_fault, user_header


def teacher(ask: Ask) -> str:
    if ask.prompt is not None:
        return " ".join(f"{ask.sampling.seed:x}{n}" for n in range(5)) + "?"
    return f"Answer to {ask.messages[-1].content}"


def test_the_prompt_is_the_header_of_a_users_turn_and_nothing_else():
    heard: list[Ask] = []
    outcome = play(template_prefix(Job(num_rows=5)), teacher, heard)
    turns = [ask for ask in heard if ask.stage == "instructions"]
    assert {ask.prompt for ask in turns} == {"<|im_start|>user\n"}
    assert {ask.sampling.stop for ask in turns} == {("<|im_end|>",)}
    # The prompts are all the same: number and seed tell the draws apart.
    assert [ask.sample for ask in turns] == [0, 1, 2, 3, 4]
    assert len({ask.sampling.seed for ask in turns}) == 5
    for row in outcome.rows:
        assert [message.role for message in row.messages] == ["user", "assistant"]
        assert row.messages[1].content == f"Answer to {row.about['instruction']}"


def test_the_header_is_that_of_the_teachers_format():
    assert user_header("llama3", "Be kind.")[0] == (
        "<|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
    )
    assert user_header("mistral") == ("[INST]", ("[/INST]",))
    assert user_header("gemma", "Be kind.")[0] == "<start_of_turn>user\nBe kind.\n\n"
    with pytest.raises(RecipeError, match="writes nothing before a user's turn"):
        user_header("plain")
    with pytest.raises(RecipeError, match="only the tokenizer can name"):
        next(template_prefix(Job(settings={"chat_format": "mistral", "num_turns": 2})))


@pytest.mark.parametrize(
    ("reply", "plain", "strict"),
    [
        ("  Why is it dark?  ", "Why is it dark?", "Why is it dark?"),
        ("Task: Sing.", "Sing.", "Sing."),
        ("**Question:** Why?", "Why?", "Why?"),
        ("Q1. Why?", "Why?", "Why?"),
        ("Why?\nAnswer: Because.", "Why?", "Why?"),
        ("Why? I have asked before.", "Why? I have asked before.", "Why?"),
        ("A good day to sing.", "A good day to sing.", "A good day to sing."),
        ("Quick: what is it?", "Quick: what is it?", "Quick: what is it?"),
        ("Sing:\nla\nlo", "Sing:\nla\nlo", "Sing:\nla\nlo"),
        ("", "", ""),
    ],
)
def test_labels_and_answers_are_cut_off_a_turn(reply, plain, strict):
    assert parse_turn(reply) == plain
    assert parse_turn(reply, strict=True) == strict


def test_turns_that_are_no_questions_of_a_user_are_refused():
    assert [turn_fault(*case) for case in [("a", "length"), ("", "stop"), ("# A", "stop"), ("a:", "stop"), ("a", "stop")]] == [
        "cut off",
        "empty",
        "begins with a heading",
        "ends with a colon",
        "",
    ]


def test_the_same_turn_is_kept_once_and_a_similar_one_not_at_all():
    said = [
        "Name three animals of the sea",
        "Name three animals of the sea",
        "Name three animals of the deep sea",
        "Add one and two please",
    ]

    def few(ask: Ask) -> str:
        return said[ask.sample % 4] if ask.prompt is not None else "ok"

    outcome = play(template_prefix(Job(num_rows=4, settings={"patience": 1})), few)
    assert [row.about["instruction"] for row in outcome.rows] == [said[0], said[3]]
    # The second wave, of four more, since every second was kept, brings nothing.
    assert outcome.counts()["dropped"] == {"instruction twice": 5, "too similar": 1}
    loose = play(template_prefix(Job(num_rows=4, strict=True, settings={"patience": 1})), few)
    assert len(loose.rows) == 3  # Strict compares nothing but whole texts.


def test_strict_stops_as_the_original():
    heard: list[Ask] = []
    play(template_prefix(Job(num_rows=1, strict=True)), teacher, heard)
    assert heard[0].sampling.stop == ("<|im_end|>", "assistant", "\n")
    assert (heard[0].sampling.temperature, heard[0].sampling.top_p, heard[0].sampling.max_tokens) == (1.0, 1.0, 2048)
    assert heard[1].sampling.temperature == 0


def test_a_conversation_goes_on_behind_what_was_said():
    heard: list[Ask] = []
    outcome = play(template_prefix(Job(num_rows=1, settings={"num_turns": 3})), teacher, heard)
    [row] = outcome.rows
    assert [message.role for message in row.messages] == ["user", "assistant"] * 3
    assert [ask.stage for ask in heard] == ["instructions", "answers"] + ["follow-ups", "answers"] * 2
    last = heard[4].prompt
    assert last.endswith(f"{row.messages[3].content}<|im_end|>\n<|im_start|>user\n")
    assert last.startswith("<|im_start|>system\n")


def test_kinds_are_drawn_by_weight_and_their_system_message_is_erased():
    heard: list[Ask] = []
    outcome = play(template_prefix(Job(num_rows=40, settings={"kinds": {"maths": 1, "code": 3}})), teacher, heard)
    drawn = [row.about["kind"] for row in outcome.rows]
    assert 20 < drawn.count("code") < 40
    assert drawn.count("maths") == 40 - drawn.count("code")
    assert all("system" in ask.prompt for ask in heard if ask.prompt)
    assert all(message.role != "system" for row in outcome.rows for message in row.messages)
    with pytest.raises(RecipeError, match="no kind named 'math'"):
        next(template_prefix(Job(settings={"kinds": {"math": 1}})))


def test_the_account_is_complete():
    def failing(ask: Ask) -> str | Reply | Failed:
        draw = (ask.sampling.seed or len(ask.messages[-1].content)) % 5
        return [teacher(ask), Failed("timeout"), Reply(teacher(ask), "length"), "", teacher(ask)][draw]

    outcome = play(template_prefix(Job(num_rows=30)), failing)
    counts = outcome.counts()
    assert counts["num_in"] == counts["num_kept"] + sum(counts["dropped"].values()) + sum(counts["failed"].values())
    assert {"cut off", "empty"} <= set(counts["dropped"])
    names = [row.id for row in outcome.rows] + [one.row.id for one in (*outcome.dropped, *outcome.failed)]
    assert len(names) == len(set(names))
    assert all(isinstance(message, Message) for row in outcome.rows for message in row.messages)
