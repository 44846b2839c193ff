"""Alpaca's one step: its parser on malformed replies, its prompt, and the slip by which tasks hide in outputs."""

import re

import pytest
from played import play, said

from didact.synth.alpaca import alpaca, parse_tasks
from didact.synth.ask import Ask, Failed, Reply
from didact.synth.job import Job
from didact.synth.seeds import load_seeds

GOOD = " Add the numbers.\n4. Input:\n1, 2\n4. Output:\n3\n###\n5. Instruction: Sing.\n5. Input:\n<noinput>\n5. Output:\nLa."
READ = [("Add the numbers.", "1, 2", "3"), ("Sing.", "", "La.")]


def read(found, faults=False):
    return [(task.instruction, task.instance.input, task.instance.output) for task in found if faults or not task.instance.fault]


def test_the_form_that_was_asked_for_is_read_by_both():
    assert read(parse_tasks(GOOD)) == read(parse_tasks(GOOD, strict=True)) == READ


@pytest.mark.parametrize(
    "reply",
    [
        "4. Instruction:" + GOOD + "\n###\n",
        GOOD.replace("###\n", ""),
        GOOD.replace("###\n5", "### 5"),
        GOOD.replace("###\n", "---\n"),
        GOOD.replace("\n5.", "\n18."),
        re.sub(r"(\d\. \w+:)", r"**\1**", GOOD),
        GOOD.replace("<noinput>", "(No input)"),
        GOOD.replace("<noinput>", "None"),
        GOOD.replace("5. Input:\n<noinput>\n", ""),
        GOOD.replace("4. Input:\n1, 2", "4. Input: 1, 2").replace("\n4.", "\n\n4."),
        GOOD.replace("Instruction", "instruction").replace("Output", "output"),
    ],
)
def test_other_ways_of_writing_it_give_the_same_two_tasks(reply):
    assert read(parse_tasks(reply)) == READ


def test_a_chat_model_may_greet_first_and_leave_out_the_numbers():
    reply = "Sure!\n\n" + re.sub(r"\d\. ", "", "4. Instruction:" + GOOD)
    assert read(parse_tasks(reply, opened=False)) == READ


def test_a_merged_task_hides_in_the_output_of_the_original_and_not_in_ours():
    merged = GOOD.replace("###\n5.", "\n## 18.").replace("5.", "18.")
    assert read(parse_tasks(merged)) == READ
    assert read(parse_tasks(merged, strict=True)) == [
        ("Add the numbers.", "1, 2", "3\n\n## 18. Instruction: Sing.\n18. Input:\n<noinput>\n18. Output:\nLa.")
    ]


def test_lines_like_our_markers_are_text_where_tasks_have_numbers():
    reply = " Read the log.\n4. Input:\nInput: 3\nOutput: 4\n4. Output:\nIt adds one."
    assert read(parse_tasks(reply)) == [("Read the log.", "Input: 3\nOutput: 4", "It adds one.")]


def test_rules_and_headings_inside_an_output_stay():
    reply = " Write a page.\n4. Output:\n# Title\n---\nText\n### More\nEnd\n###"
    assert read(parse_tasks(reply)) == [("Write a page.", "", "# Title\n---\nText\n### More\nEnd")]


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (" Sing.\n4. Input:\n<noinput>", "no output marker"),
        (" Sing.\n4. Input:\na\n4. Input:\nb\n4. Output:\nLa.", "a part twice"),
        ("4. Input:\na\n4. Output:\nLa.", "no instruction marker"),
    ],
)
def test_an_incomplete_task_is_refused_and_the_original_refuses_it_too(reply, fault):
    assert [task.instance.fault for task in parse_tasks(reply)] == [fault]
    # Where the instruction is missing, the original reads an empty one, which its first rule refuses.
    faults = [task.instance.fault or task.instruction for task in parse_tasks(reply, strict=True)]
    assert faults == ["" if reply.startswith("4.") else "not in the form that was asked for"]


def test_the_original_needs_the_number_of_the_place():
    wrong = GOOD.replace("\n5.", "\n6.")
    assert [task.instance.fault for task in parse_tasks(wrong, strict=True)] == ["", "not in the form that was asked for"]


@pytest.mark.parametrize("strict", [False, True])
def test_of_a_reply_that_was_cut_only_the_last_task_is_lost(strict):
    assert [task.instance.fault for task in parse_tasks(GOOD, "length", strict=strict)] == ["", "cut off"]
    assert parse_tasks("", strict=strict)[:1] == [] or parse_tasks("", strict=strict)[0].instance.fault


def teacher(ask: Ask) -> str:
    first = int(re.search(r"(?:tasks (\d+) to|\n(\d+)\. Instruction:$)", said(ask))[1] or 4)
    word = f"{ask.sampling.seed:x}"
    blocks = []
    for number in range(first, first + 3):
        instruction = " ".join(f"{word}{number}{n}" for n in range(6))
        blocks.append(f"{number}. Instruction: {instruction}\n{number}. Input:\n<noinput>\n{number}. Output:\nout {number}\n")
    reply = "###\n".join(blocks)
    return reply if ask.prompt is None else reply.removeprefix("4. Instruction:")


@pytest.mark.parametrize("strict", [False, True])
def test_it_shows_three_seeds_and_never_its_own(strict):
    heard: list[Ask] = []
    outcome = play(alpaca(Job(num_rows=40, strict=strict)), teacher, heard)
    seeds = {seed.instruction for seed in load_seeds()}
    for ask in heard:
        shown = re.findall(r"\n\d\. Instruction: (.+)", said(ask))
        assert len(shown) == 3
        assert set(shown) <= seeds
        assert said(ask).count("###\n") >= 3
    assert len(outcome.rows) == (45 if strict else 40)  # Strict: three waves of five requests of three tasks.
    assert {len(row.parents) for row in outcome.rows} == {3}
    if strict:
        one = heard[0].sampling
        assert (one.temperature, one.top_p, one.max_tokens, one.stop) == (1.0, 1.0, 3072, ("\n20", "20."))
        assert heard[0].prompt.endswith("###\n4. Instruction:")


def test_the_account_is_complete():
    def failing(ask: Ask) -> str | Reply | Failed:
        return [teacher(ask), Failed("http 400"), "Hm.", Reply(teacher(ask), "length")][ask.sampling.seed % 4]

    outcome = play(alpaca(Job(num_rows=50)), failing)
    counts = outcome.counts()
    assert counts["num_in"] == 50 + sum(counts["dropped"].values()) + sum(counts["failed"].values())
    assert set(counts["failed"]) == {"failed: http 400"}
    assert {"no task in the reply", "cut off"} <= set(counts["dropped"])
    names = [row.id for row in outcome.rows] + [one.row.id for one in (*outcome.dropped, *outcome.failed)]
    assert len(names) == len(set(names))


def test_rules_are_applied_to_instructions_and_outputs():
    def one(instruction: str, output: str = "x") -> str:
        blocks = f"4. Instruction: {instruction}\n4. Input:\n<noinput>\n4. Output:\n{output}"
        outcome = play(alpaca(Job(num_rows=1, settings={"patience": 1})), lambda _: blocks)
        return next(iter(outcome.counts()["dropped"]), "")

    assert one("Compose a slow song about the northern sea") == ""
    assert one("Describe what the attached photo shows") == "needs more than text: attached"
    assert one("Name four rivers that flow into the Black Sea") == "too similar"
    assert one("Compose a slow song about the northern sea", "The song:") == "ends with a colon"
    assert one("Compose a slow song about the northern sea", "") == "no output"
