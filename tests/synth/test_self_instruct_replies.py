"""Self-Instruct's parsers on replies as models write them, malformed ones among them; the strict ones with the original's traps."""

import pytest

from didact.synth.instance_rules import instance_fault, judged
from didact.synth.instruction_rules import KEYWORDS, SELF_INSTRUCT_KEYWORDS, instruction_fault
from didact.synth.self_instruct_replies import Instance, parse_input_first, parse_instructions, parse_output_first, says_yes

TWO = ["Name a river.", "Name a lake."]


@pytest.mark.parametrize(
    "reply",
    [
        " Name a river.\n10. Name a lake.",
        "9. Name a river.\n10. Name a lake.",
        "9) Name a river.\n10) Name a lake.",
        "9: Name a river.\n10: Name a lake.",
        "**9.** Name a river.\n**10.** Name a lake.",
        "**9. Name a river.**\n**10. Name a lake.**",
        "### Task 9: Name a river.\n\n### Task 10: Name a lake.",
        "#9. Name a river.\n#10. Name a lake.",
        "9.Name a river.\n10.Name a lake.",
        "1. Name a river.\n2. Name a lake.",
        "Here are more tasks:\n\n9. Name a river.\n10. Name a lake.\n\nTell me if you want more!",
        "9. name a\n   river.\n\n10. name  a lake.",
        "- Name a river.\n- Name a lake.",
        "Name a river.\nName a lake.",
        "9. Name a river. 10. Name a lake.",
        "9. Name a river.\n11. Name a lake.",
    ],
)
def test_every_way_of_numbering_gives_the_same_two_tasks(reply):
    assert parse_instructions(reply, first=9) == (TWO, [])


def test_lists_and_years_inside_a_task_begin_no_task():
    reply = "9. Put these in order:\n1. boil\n2. pour\n10. Explain the year\n1969. Be brief."
    assert parse_instructions(reply, first=9) == (["Put these in order: 1. boil 2. pour", "Explain the year 1969. Be brief."], [])


def test_of_a_reply_that_was_cut_only_the_last_task_is_lost_and_strictly_all():
    reply = " Name a river.\n10. Name a lake.\n11. Write a po"
    assert parse_instructions(reply, "length", 9) == (TWO, ["Write a po"])
    assert parse_instructions(reply, "length", 9, strict=True) == ([], [*TWO, "Write a po"])


def test_the_original_makes_small_letters_of_all_but_the_first_and_we_do_not():
    reply = " what does NASA stand for?\n10. Spell IBM backwards."
    assert parse_instructions(reply, first=9, strict=True)[0] == ["What does nasa stand for?", "Spell ibm backwards."]
    assert parse_instructions(reply, first=9)[0] == ["What does NASA stand for?", "Spell IBM backwards."]


def test_the_original_takes_other_numbering_for_one_task():
    reply = " Name a river.\n10) Name a lake."
    assert parse_instructions(reply, first=9, strict=True)[0] == ["Name a river. 10) name a lake."]
    assert parse_instructions("", first=9, strict=True) == ([""], [])  # The first rule then drops it as empty.
    assert parse_instructions(" \n", first=9) == ([], [])


@pytest.mark.parametrize(
    ("text", "plain", "strict"),
    [
        ("", "empty", "empty"),
        ("Name a river.", "shorter than 4 words", "shorter than 4 words"),
        ("Name a long river.", None, None),
        (" ".join(["word"] * 151), "longer than 150 words", "longer than 150 words"),
        (" ".join(["word"] * 150), None, None),
        ("Describe the picture in words.", "needs more than text: picture", "needs more than text: picture"),
        ("Summarise the plot of the novel.", None, "needs more than text: plot"),
        ("Explain how people go to sea.", None, "needs more than text: go to"),
        ("Describe the Graph in words.", None, "needs more than text: graph"),
        ("Describe a typical graphic novel.", None, None),
        ("Write a program that adds two numbers.", None, "begins with 'Write a program'"),
        ("Write a programme for a concert.", None, "begins with 'Write a program'"),
        ("- Describe a day at sea.", "begins with punctuation", "begins with punctuation"),
        ('"To be or not to be": who says this?', None, "begins with punctuation"),
        ("Über welche Brücke führt der Weg?", None, "begins with no ASCII letter"),
        ("描述一下你的家乡。", None, "shorter than 4 words"),
        ("12 34 56 78", "holds no letter", None),
        ("I'm sorry, but I cannot do that.", "an answer, no task", None),
        ("Name a river. ## 18. Instruction: Name a lake.", "merged with another task", None),
    ],
)
def test_instructions_are_refused_for_what_they_are(text, plain, strict):
    assert instruction_fault(text, KEYWORDS) == plain
    assert instruction_fault(text, SELF_INSTRUCT_KEYWORDS, strict=True) == strict


@pytest.mark.parametrize(
    ("reply", "plain", "strict"),
    [
        (" Yes", True, True),
        ("YES", True, True),
        ("yes.", True, False),
        ("**Yes**, it asks for a label.", True, False),
        ("Is it classification? Yes", True, False),
        ("No", False, False),
        ("no, it does not", False, False),
        ("It depends.", None, False),
        ("", None, False),
        ("Yesterday", None, False),
    ],
)
def test_yes_and_no_in_all_their_forms(reply, plain, strict):
    assert says_yes(reply) is plain
    assert says_yes(reply, strict=True) is strict


def pairs(found: list[Instance]) -> list[tuple[str, str]]:
    return [(one.input, one.output) for one in found if not one.fault]


SUMS = [("1, 2", "3"), ("4, 5", "9")]


@pytest.mark.parametrize(
    "reply",
    [
        "Example 1\nInput: 1, 2\nOutput: 3\nExample 2\nInput: 4, 5\nOutput: 9",
        "Example 1:\nInput: 1, 2\nOutput: 3\n\nExample 2:\nInput: 4, 5\nOutput: 9",
        "**Example 1**\n**Input:** 1, 2\n**Output:** 3\n**Example 2**\n**Input:** 4, 5\n**Output:** 9",
        "### Example 1\n1, 2\nOutput: 3\n### Example 2\n4, 5\nOutput: 9",
        "Sure, here are two:\n\nExample 1\ninput 1: 1, 2\noutput 1: 3\nExample 2\ninput 2: 4, 5\noutput 2: 9",
        "Input: 1, 2\nOutput: 3\nInput: 4, 5\nOutput: 9",
        "Example 1. 1, 2\nOutput: 3\nExample 2. 4, 5\nExpected output: 9",
        "Example 1\nInput:\n1, 2\nOutput:\n3\n\nExample 2\nInput:\n4, 5\n\nOutput:\n9\n",
    ],
)
def test_every_way_of_writing_instances_gives_the_same_two(reply):
    assert pairs(parse_input_first(reply)) == SUMS


def test_the_original_reads_its_own_form_alike():
    reply = "Example 1\nInput: 1, 2\nOutput: 3\nExample 2\nInput: 4, 5\nOutput: 9"
    assert pairs(parse_input_first(reply, strict=True)) == SUMS
    assert parse_input_first("Output: The Danube.", strict=True) == parse_input_first("Output: The Danube.")


def test_field_names_stay_in_the_input():
    assert pairs(parse_input_first("Example 1\nText: It rained.\nQuestion: Did it?\nOutput: Yes.")) == [
        ("Text: It rained.\nQuestion: Did it?", "Yes.")
    ]


def test_a_missing_output_is_refused_where_the_original_takes_all_for_an_output():
    reply = "Example 1\nInput: 1, 2\nExample 2\nInput: 4, 5\nOutput: 9"
    assert [one.fault for one in parse_input_first(reply)] == ["no output marker", ""]
    assert pairs(parse_input_first(reply, strict=True)) == [("", ""), ("4, 5", "9")]  # Cut at its Input: nothing is left of the output.
    assert parse_input_first("I cannot think of any.") == parse_input_first("I cannot think of any.", strict=True) == []


def test_a_second_input_begins_an_instance_where_the_original_loses_it():
    reply = "Output: 3\nInput: 4, 5\nOutput: 9"
    assert pairs(parse_input_first(reply)) == [("", "3"), ("4, 5", "9")]
    assert pairs(parse_input_first(reply, strict=True)) == [("", "3")]
    trailing = parse_input_first("Input: 1, 2\nOutput: 3\nInput: 4, 5")
    assert [(one.input, one.output, one.fault) for one in trailing] == [("1, 2", "3", ""), ("4, 5", "", "no output marker")]


def test_the_words_example_and_output_inside_a_text_are_text_and_markers_to_the_original():
    reply = "Example 1\nInput: See Example 3 in the book.\nOutput: The Output: line is missing."
    assert pairs(parse_input_first(reply)) == [("See Example 3 in the book.", "The Output: line is missing.")]
    # It cuts at Example 3; what precedes it has no output, so that an output is made of it, and that is cut at its Input.
    assert pairs(parse_input_first(reply, strict=True)) == [("", ""), ("in the book.", "The")]


def test_an_output_keeps_its_own_marks():
    assert pairs(parse_input_first("Output: - one\n- two")) == [("", "- one\n- two")]
    assert pairs(parse_input_first("Output: `ls`")) == [("", "`ls`")]
    assert pairs(parse_input_first("Output:\n#include <stdio.h>\nint main() { return 0; }"))[0][1].startswith("#include")


def test_of_instances_that_were_cut_only_the_last_is_lost():
    reply = "Example 1\nInput: 1, 2\nOutput: 3\nExample 2\nInput: 4, 5\nOutput: 9"
    for strict in (False, True):
        assert [one.fault for one in parse_input_first(reply, "length", strict=strict)] == ["", "cut off"]
    assert [one.fault for one in parse_output_first("Class label: a\nx\nClass label: b\ny", "length")] == ["", "cut off"]
    assert parse_input_first("", "length") == []


@pytest.mark.parametrize("nothing", ["<noinput>", "None", "N/A", "(no input)", "none."])
def test_an_input_that_says_there_is_none_is_none(nothing):
    assert pairs(parse_input_first(f"Example 1\nInput: {nothing}\nOutput: La.")) == [("", "La.")]
    assert pairs(parse_output_first(f"Class label: red\nInput: {nothing}")) == [("", "red")]


@pytest.mark.parametrize(
    "reply",
    [
        "Class label: yes\nNumber: 6\nClass label: no\nNumber: 5",
        "Class Label: yes\nNumber: 6\n\nClass Label: no\nNumber: 5",
        "**Class label:** yes\nNumber: 6\n**Class label:** no\nNumber: 5",
        "Class label 1: yes\nNumber: 6\nClass label 2: no\nNumber: 5",
        "Label: yes\nInput: Number: 6\nLabel: no\nInput: Number: 5",
        'Sure:\nClass label: "yes"\nNumber: 6\nClass label: "no"\nNumber: 5',
        "Example 1\nClass label: yes\nNumber: 6\nExample 2\nClass label: no\nNumber: 5",
    ],
)
def test_every_way_of_writing_labels_gives_the_same_two(reply):
    assert pairs(parse_output_first(reply)) == [("Number: 6", "yes"), ("Number: 5", "no")]


def test_the_original_knows_one_way_of_writing_labels():
    assert pairs(parse_output_first("Class label: yes\nNumber: 6", strict=True)) == [("Number: 6", "yes")]
    assert parse_output_first("Class Label: yes\nNumber: 6", strict=True) == []
    assert pairs(parse_output_first('Class label: "yes"\nInput: 6', strict=True)) == [("Input: 6", '"yes"')]
    assert pairs(parse_output_first("Class label: spring\nClass label: summer")) == [("", "spring"), ("", "summer")]
    assert parse_output_first("It is a poem.") == parse_output_first("It is a poem.", strict=True) == []


@pytest.mark.parametrize(
    ("instance", "plain", "strict"),
    [
        (Instance("a", "a"), "input is output", "input is output"),
        (Instance("", ""), "no output", "input is output"),
        (Instance("a", " "), "no output", "no output"),
        (Instance("a:", "b"), "ends with a colon", "ends with a colon"),
        (Instance("a", "b:"), "ends with a colon", "ends with a colon"),
        (Instance("a", "b\n\n## 18. Instruction: c"), "merged with another task", ""),
        (Instance("a", "b\n19. Output: c"), "merged with another task", ""),
        (Instance("a", "in 1990. Output fell"), "", ""),
        (Instance("a", "b"), "", ""),
    ],
)
def test_instances_are_refused_for_what_they_are(instance, plain, strict):
    assert instance_fault(instance) == plain
    assert instance_fault(instance, strict=True) == strict


def test_an_empty_input_may_have_several_outputs_and_a_refused_instance_makes_no_contradiction():
    assert [one.fault for one in judged([Instance("", "1"), Instance("", "2")], strict=True)] == ["", ""]
    assert [one.fault for one in judged([Instance("a", "1"), Instance("a", "b:")], strict=True)] == ["", "ends with a colon"]
