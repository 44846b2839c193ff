"""The Tk-Instruct layout: byte for byte by hand, its length rule, and agreement with a second writing of it on real tasks."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from didact.base.types import Example
from didact.prompts.template import TemplateSet
from didact.prompts.tk_instruct import TkSettings, encode
from didact.tasks.task import Task


def shown(number: int, text: str, output: str, why: str = "") -> Example:
    return Example(str(number), {"input": text}, (output,), rationale=why)


ADD = Task(
    "add",
    (),
    kind="superni",
    definition=" Add the numbers ",
    positive=(shown(1, "1 and 2", "3", "1 + 2 is 3"), shown(2, "2, 2?", " four! "), shown(3, "5 and 5", "10")),
    negative=(shown(4, "1 and 1", "11", "These are put side by side."), shown(5, "9 and 0", "0")),
)

DEFINITION = "Definition: Add the numbers.\n\n"
POSITIVE_1 = " Positive Example 1 -\nInput: 1 and 2.\n Output: 3.\n\n"
POSITIVE_2 = " Positive Example 2 -\nInput: 2, 2?\n Output: four!\n\n"
NEGATIVE_1 = " Negative Example 1 -\nInput: 1 and 1.\n Output: 11.\n\n"
NEGATIVE_2 = " Negative Example 2 -\nInput: 9 and 0.\n Output: 0.\n\n"
EXPLAINED_1 = " Positive Example 1 -\nInput: 1 and 2.\n Output: 3.\n Explanation: 1 + 2 is 3.\n\n"
EXPLAINED_4 = " Negative Example 1 -\nInput: 1 and 1.\n Output: 11.\n Explanation: These are put side by side.\n\n"
QUERY = "Now complete the following example -\nInput: 4 and 5.\nOutput: "

BY_HAND = {
    "tk/def": DEFINITION + QUERY,
    "tk/pos_2": POSITIVE_1 + POSITIVE_2 + QUERY,
    "tk/def_pos_2": DEFINITION + POSITIVE_1 + POSITIVE_2 + QUERY,
    "tk/def_pos_2_neg_2": DEFINITION + POSITIVE_1 + POSITIVE_2 + NEGATIVE_1 + NEGATIVE_2 + QUERY,
    "tk/def_pos_2_expl": DEFINITION + EXPLAINED_1 + POSITIVE_2 + QUERY,
    "tk_more/def_pos_1": DEFINITION + POSITIVE_1 + QUERY,
    "tk_more/def_pos_2_neg_2_expl": DEFINITION + EXPLAINED_1 + POSITIVE_2 + EXPLAINED_4 + NEGATIVE_2 + QUERY,
}
VARIANTS = {template.name: template.tk_instruct for template in TemplateSet.load() if template.tk_instruct is not None}


def num_words(text: str) -> int:
    return len(text.split())


def test_every_variant_of_the_library_is_written_out_here() -> None:
    assert set(VARIANTS) == set(BY_HAND)


@pytest.mark.parametrize("name", BY_HAND)
def test_each_variant_is_right_byte_for_byte(name: str) -> None:
    assert encode(ADD, " 4 and 5\n", VARIANTS[name], count_tokens=None).text == BY_HAND[name]


@pytest.mark.parametrize(("text", "ending"), [("So.", "So."), ("Why?", "Why?"), ("(x)", "(x)"), ("x", "x."), ("是。", "是。."), ("", ".")])
def test_a_full_stop_is_added_unless_ascii_punctuation_ends_the_text(text: str, ending: str) -> None:
    # An empty text ends in the label's space, so it gets a full stop of its own, as in the original.
    assert encode(ADD, text, VARIANTS["tk/def"]).text.endswith(f"\nInput: {ending}\nOutput: ")


# Words: definition 4 (Definition: Add the numbers.), query 11 (Now complete the following example - Input: 4 and 5. Output:),
# positive example 1 is 10 (Positive Example 1 - Input: 1 and 2. Output: 3.), positive example 2 is 9, each negative example 10.
@pytest.mark.parametrize(
    ("max_length", "num_positive", "num_negative", "shortened"),
    [
        (14, 0, 0, True),  # 4 + 11 = 15 do not fit
        (15, 0, 0, False),
        (24, 0, 0, False),
        (25, 1, 0, False),  # 15 + 10
        (33, 1, 0, False),
        (34, 2, 0, False),  # 25 + 9
        (44, 2, 1, False),  # 34 + 10
        (53, 2, 1, False),
        (54, 2, 2, False),  # 44 + 10
    ],
)
def test_examples_are_added_while_the_whole_fits(max_length: int, num_positive: int, num_negative: int, shortened: bool) -> None:
    encoding = encode(ADD, "4 and 5", VARIANTS["tk/def_pos_2_neg_2"], count_tokens=num_words, max_length=max_length)
    assert (encoding.num_positive, encoding.num_negative, encoding.shortened) == (num_positive, num_negative, shortened)
    assert encoding.wanted == (2, 2)
    assert encoding.text.startswith(DEFINITION)
    assert encoding.text.endswith(QUERY)


def test_the_first_example_that_does_not_fit_ends_its_kind_but_negative_ones_are_still_tried() -> None:
    long = shown(2, "one two three four five six seven eight nine ten", "55")
    task = Task("add", (), definition=ADD.definition, positive=(ADD.positive[0], long, ADD.positive[2]), negative=ADD.negative)
    # 15 + 10 = 25; the long one has 17 words and would make 42; the third is not tried; one negative example makes 35.
    encoding = encode(task, "4 and 5", TkSettings(positive=3, negative=2), count_tokens=num_words, max_length=36)
    assert encoding.text == DEFINITION + POSITIVE_1 + NEGATIVE_1 + QUERY


def test_the_length_check_counts_a_space_that_the_text_does_not_have() -> None:
    # Positive examples 1 and 2 joined for the check of the next have one space more than in the text: at exactly the
    # text's own number of characters the first negative example does not fit, with one more it does.
    whole = len(DEFINITION + POSITIVE_1 + POSITIVE_2 + NEGATIVE_1 + QUERY)
    settings = TkSettings(positive=2, negative=1)
    assert encode(ADD, "4 and 5", settings, count_tokens=len, max_length=whole).num_negative == 0
    assert encode(ADD, "4 and 5", settings, count_tokens=len, max_length=whole + 1).num_negative == 1


def test_a_demonstration_that_is_the_query_is_passed_over_and_the_next_takes_its_place() -> None:
    encoding = encode(ADD, " 1 and 2 ", VARIANTS["tk/def_pos_2"])
    assert encoding.num_same == 1
    assert " Positive Example 1 -\nInput: 2, 2?\n" in encoding.text
    assert " Positive Example 2 -\nInput: 5 and 5.\n" in encoding.text
    assert encoding.text.count("Input: 1 and 2") == 1
    negative = encode(ADD, "1 and 1", VARIANTS["tk/def_pos_2_neg_2"])
    assert (negative.num_same, negative.num_negative, negative.wanted) == (1, 1, (2, 1))


def straight(raw: dict[str, Any], text: str, settings: TkSettings, count: Callable[[str], int], limit: int) -> str:
    """The layout once more, from the task's JSON and in one straight line."""

    def dot(line: str) -> str:
        return line if line[-1] in string.punctuation else line + "."

    tail = dot("Now complete the following example -\nInput: " + text.strip()) + "\nOutput: "
    head = dot("Definition: " + raw["Definition"][0].strip()) + "\n\n" if settings.definition else ""
    good: list[str] = []
    bad: list[str] = []
    for word, number, kept in (("Positive", settings.positive, good), ("Negative", settings.negative, bad)):
        for k, example in enumerate(raw[f"{word} Examples"][:number]):
            block = dot(f" {word} Example {k + 1} -\nInput: {example['input'].strip()}") + "\n"
            block += dot(f" Output: {example['output'].strip()}") + "\n"
            if settings.explanations and "explanation" in example:
                block += dot(f" Explanation: {example['explanation'].strip()}") + "\n"
            block += "\n"
            if count(head + " ".join(good) + " ".join(bad) + block + tail) > limit:
                break
            kept.append(block)
    return head + "".join(good) + "".join(bad) + tail


def test_real_tasks_agree_with_a_second_writing_of_the_layout(shared: Path) -> None:
    num_compared, num_cut_short = 0, 0
    for path in sorted((shared / "superni" / "tasks").glob("*.json"))[::6]:
        raw = json.loads(path.read_text(encoding="utf-8"))
        demonstrations = {
            word: tuple(shown(k, e["input"], e["output"], e.get("explanation", "")) for k, e in enumerate(raw[f"{word} Examples"]))
            for word in ("Positive", "Negative")
        }
        task = Task(
            path.stem, (), definition=raw["Definition"][0], positive=demonstrations["Positive"], negative=demonstrations["Negative"]
        )
        taken = {example.fields["input"].strip() for examples in demonstrations.values() for example in examples}
        texts = [row["input"] for row in raw["Instances"] if row["input"].strip() not in taken][:2]
        for text in texts:
            for settings in VARIANTS.values():
                for limit in (80, 200, 10**9):
                    encoding = encode(task, text, settings, count_tokens=num_words, max_length=limit)
                    assert encoding.text == straight(raw, text, settings, num_words, limit)
                    num_compared += 1
                    num_cut_short += (encoding.num_positive, encoding.num_negative) != encoding.wanted
    assert num_compared > 1000
    assert num_cut_short > 100
