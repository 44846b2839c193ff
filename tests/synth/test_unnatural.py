"""Unnatural Instructions: its parser on malformed replies, five prompts of three examples, other wordings."""

import pytest
from played import play, said

from didact.synth.ask import Ask, Failed, Reply
from didact.synth.job import Job
from didact.synth.unnatural import parse_example, unnatural
from didact.synth.wordings import wordings

GOOD = "Instruction: Count the vowels.\nInput: sea\nConstraints: Write a number."
READ = {"instruction": "Count the vowels.", "input": "sea", "constraints": "Write a number."}


@pytest.mark.parametrize(
    "reply",
    [
        GOOD,
        "Example 4\n" + GOOD,
        "Here is one:\n\n" + GOOD,
        GOOD + "\n\nExample 5\nInstruction: Sing.\nInput: x\nConstraints: None.",
        GOOD + "\nInstruction: Sing.",
        GOOD.replace("Instruction:", "**Instruction:**").replace("Input:", "**Input**:"),
        GOOD.replace("Constraints:", "constraint:"),
        GOOD.replace("Input: sea", "Input:\nsea\n"),
    ],
)
def test_every_way_of_writing_an_example_gives_the_same(reply):
    assert parse_example(reply) == READ


def test_a_reply_that_begins_inside_the_instruction():
    assert parse_example(GOOD.removeprefix("Instruction:"), opened=True) == READ
    assert parse_example(GOOD, opened=True) == READ
    assert parse_example(" Sing.", opened=True) == {"instruction": "Sing."}
    assert parse_example("I cannot.") == {}


def teacher(ask: Ask) -> str:
    if ask.stage == "examples":
        text = f"Instruction: Do {ask.sample}.\nInput: {ask.sample}\nConstraints: {'None.' if ask.sample % 2 else 'Be brief.'}"
        return text if ask.prompt is None else text.removeprefix("Instruction:")
    if ask.stage == "wordings":
        return f"Please {said(ask).split('Instruction: ')[-1].splitlines()[0].lower()} {ask.sample}"
    return "Output: done"


@pytest.mark.parametrize("strict", [False, True])
def test_fifteen_tasks_make_five_prompts_of_three(strict):
    heard: list[Ask] = []
    outcome = play(unnatural(Job(num_rows=10, strict=strict)), teacher, heard)
    asks = [said(ask) for ask in heard if ask.stage == "examples"]
    shown = [one["instruction"] for one in wordings("unnatural")["shown"]]
    assert len(shown) == 15
    assert len(asks) == 10
    assert len(set(asks)) == 5
    assert all(sum(text in ask for text in shown) == 3 for ask in asks)
    assert all(sum(text in ask for ask in set(asks)) == 1 for text in shown)
    assert len(outcome.rows) == 10
    first, second = outcome.rows[:2]
    assert first.messages[0].content == "Do 0.\n\n0\n\nWhat the answer must keep to: Be brief."
    assert second.messages[0].content == "Do 1.\n\n1"
    assert first.messages[1].content == "done"
    assert {ask.prompt is None for ask in heard} == {not strict}
    assert {(ask.sampling.temperature, ask.sampling.top_p) for ask in heard if ask.stage == "examples"} == {(1.0, 0.99)}
    assert {ask.sampling.temperature for ask in heard if ask.stage == "outputs"} == {0}


def test_other_wordings_have_the_same_input_and_output_and_their_example_as_parent():
    outcome = play(unnatural(Job(num_rows=6, settings={"num_paraphrases": 2})), teacher)
    assert [row.operation for row in outcome.rows] == ["example", "paraphrase", "paraphrase"] * 2
    for example, *others in (outcome.rows[:3], outcome.rows[3:]):
        for other in others:
            assert other.parents == (example.id,)
            assert other.about["instruction"] != example.about["instruction"]
            assert (other.about["input"], other.about["output"]) == (example.about["input"], example.about["output"])


def test_incomplete_examples_copies_of_those_shown_and_repetitions_are_dropped():
    shown = wordings("unnatural")["shown"][0]
    copied = "\n".join(f"{part}: {shown[part]}" for part in ("instruction", "input", "constraints"))
    replies = [
        "Instruction: Sing.\nConstraints: None.",
        "Instruction: Sing.\nInput: x",
        copied,
        GOOD,
        GOOD.upper(),
        "Input: x\nConstraints: y",
        GOOD,
    ]

    def some(ask: Ask) -> str | Reply | Failed:
        if ask.stage != "examples":
            return "3"
        if ask.sample > 7:
            return Failed("timeout")
        return Reply(GOOD, "length") if ask.sample == 7 else replies[ask.sample]

    outcome = play(unnatural(Job(num_rows=9, settings={"patience": 1})), some)
    counts = outcome.counts()
    assert counts["num_kept"] == 1
    assert counts["dropped"] == {"example twice": 3, "no input": 1, "no constraints": 1, "no instruction": 1, "cut off": 1}
    assert set(counts["failed"]) == {"failed: timeout"}


def test_texts_that_look_like_slots_stay_as_they_are():
    odd = "Instruction: Fill {input} and {constraints}.\nInput: {instruction}\nConstraints: no {input}"
    [row] = play(unnatural(Job(num_rows=1)), lambda ask: odd if ask.stage == "examples" else "x").rows
    assert row.messages[0].content == "Fill {input} and {constraints}.\n\n{instruction}\n\nWhat the answer must keep to: no {input}"
