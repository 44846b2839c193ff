"""Rendering: what is said for an example, what is drawn, and what is refused."""

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from didact.base.errors import TemplateError
from didact.base.types import Conversation, Example, Message, Origin
from didact.prompts.render import choose_template, draw_target, references, render
from didact.prompts.template import AS_IS, Template, TemplateSet
from didact.prompts.tk_instruct import TkSettings
from didact.tasks.task import Task

LIBRARY = TemplateSet.load()
EXAMPLE = Example("7", {"question": "2 + 2?"}, ("4", "four"), ("4", "5"), "2 twice is 4.")
SUMS = Task("sums", (EXAMPLE,), definition="Add.", categories=("Arithmetic",), languages=("de",))
PLAIN = Template("my/plain", ("rows",), "{{ question }}")


def said(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in conversation.messages]


def test_a_conversation_has_system_user_assistant_and_its_origin() -> None:
    template = Template("my/x", ("rows",), "{{ question }} {{ choices | join(' or ') }}", "It is {{ target }}", "{{ definition }}")
    example = replace(EXAMPLE, targets=("4",))
    conversation = render(SUMS, example, template, seed=3, epoch=2)
    assert said(conversation) == [("system", "Add."), ("user", "2 + 2? 4 or 5"), ("assistant", "It is 4")]
    assert conversation.origin == Origin("sums", "7", "my/x", seed=3, epoch=2)


def test_a_template_may_name_the_task_its_category_and_language() -> None:
    template = replace(PLAIN, prompt="{{ task_name }}|{{ definition }}|{{ category }}|{{ language }}")
    assert render(SUMS, EXAMPLE, template).messages[0].content == "sums|Add.|Arithmetic|de"


def test_a_column_wins_over_the_tasks_word_but_never_over_the_answer() -> None:
    example = Example("1", {"category": "mine", "target": "wrong"}, ("right",))
    assert said(render(SUMS, example, replace(PLAIN, prompt="{{ category }}"))) == [("user", "mine"), ("assistant", "right")]


def test_a_system_text_that_comes_out_empty_is_left_out() -> None:
    template = replace(PLAIN, system="{% if hint is defined %}{{ hint }}{% endif %}")
    assert [role for role, _ in said(render(SUMS, EXAMPLE, template))] == ["user", "assistant"]


def test_conversations_come_back_as_they_are_with_their_tools() -> None:
    messages = (Message("user", "{{ hi }}"), Message("assistant", "a"), Message("user", "b"), Message("assistant", "last"))
    example = Example("1", messages=messages, tools=({"name": "f"},))
    for template in (None, AS_IS, PLAIN):
        conversation = render(Task("talk", (example,), kind="sharegpt"), example, template)
        assert (conversation.messages, conversation.tools, conversation.origin.template) == (messages, example.tools, "as_is")
        assert references(SUMS, example, template) == ("last",)


def test_an_example_that_is_no_conversation_needs_a_template() -> None:
    for template in (None, AS_IS):
        with pytest.raises(TemplateError, match="only conversations"):
            render(SUMS, EXAMPLE, template)


@pytest.mark.parametrize(
    ("prompt", "target", "problem"),
    [("{{ question }}", " \n", "the response is empty"), ("{% if false %}x{% endif %}", "4", "the prompt is empty")],
)
def test_an_empty_prompt_or_response_names_task_example_row_and_template(prompt: str, target: str, problem: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(SUMS, replace(EXAMPLE, targets=(target,), where="sums.csv, row 8"), replace(PLAIN, prompt=prompt))
    assert caught.value.what == problem
    assert caught.value.where == "task 'sums', example '7' (sums.csv, row 8), template my/plain"


def test_a_row_without_the_column_is_refused_by_name() -> None:
    with pytest.raises(TemplateError) as caught:
        render(SUMS, Example("8", {}, ("4",)), PLAIN)
    assert "'question' is undefined" in caught.value.what
    assert "example '8'" in caught.value.where


def test_an_inverted_template_asks_for_the_question() -> None:
    template = Template("my/turned", ("rows",), "Ask so that the answer is {{ target }}.", "{{ question }}", inverted=True)
    example = replace(EXAMPLE, targets=("4",))
    assert said(render(SUMS, example, template)) == [("user", "Ask so that the answer is 4."), ("assistant", "2 + 2?")]


def test_reasoning_stands_before_the_answer_and_its_absence_is_noted() -> None:
    template = Template("my/cot", ("rows",), "{{ question }}", "{{ rationale }} So: {{ target }}", style="cot")
    example = replace(EXAMPLE, targets=("4",))
    assert render(SUMS, example, template).messages[1].content == "2 twice is 4. So: 4"
    assert render(SUMS, replace(example, rationale=""), template).origin.notes == ("the example has no rationale",)


# Drawing


def test_targets_are_drawn_evenly_by_identity_and_epoch() -> None:
    drawn = [render(SUMS, EXAMPLE, PLAIN, epoch=epoch).messages[1].content for epoch in range(1000)]
    # 1,000 fair draws of two: 500 with a standard deviation of 15.8; 80 is five of them.
    assert abs(Counter(drawn)["4"] - 500) < 80
    assert drawn[:50] == [draw_target(SUMS, EXAMPLE, 0, epoch) for epoch in range(50)]
    assert drawn[:50] != [draw_target(SUMS, EXAMPLE, 1, epoch) for epoch in range(50)]


def test_templates_are_drawn_evenly_by_identity_and_not_by_order() -> None:
    templates = LIBRARY.select("tk/*", Task("t", (), kind="superni"))
    ids = [str(number) for number in range(2000)]
    forward = {i: choose_template(templates, SUMS, i, 0, 0).name for i in ids}
    backward = {i: choose_template(templates, SUMS, i, 0, 0).name for i in reversed(ids)}
    assert forward == backward
    # 2,000 draws of five: 400 each with a standard deviation of 17.9; 90 is five of them.
    assert len(Counter(forward.values())) == 5
    assert all(abs(count - 400) < 90 for count in Counter(forward.values()).values())
    assert forward != {i: choose_template(templates, SUMS, i, 0, 1).name for i in ids}
    with pytest.raises(TemplateError):
        choose_template((), SUMS, "1", 0, 0)


def test_references_are_every_target_in_the_templates_words() -> None:
    assert references(SUMS, EXAMPLE, replace(PLAIN, response="= {{ target }}")) == ("= 4", "= four")
    drawn = {render(SUMS, EXAMPLE, PLAIN, epoch=epoch).messages[1].content for epoch in range(30)}
    assert drawn == set(references(SUMS, EXAMPLE, PLAIN))


# The library

ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\nSort these.\n\n### Input:\nb, a\n\n### Response:"
)
ALPACA_NO_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\nSort these.\n\n### Response:"
)


def alpaca(instruction: str, text: str) -> Example:
    return Example("1", {"instruction": instruction, "input": text}, ("a, b",))


@pytest.mark.parametrize(
    ("name", "text", "prompt"),
    [
        ("standard", "b, a", ALPACA_INPUT),
        ("standard", "", ALPACA_NO_INPUT),
        ("bare", "b, a", "Sort these.\n\nb, a"),
        ("bare", "", "Sort these."),
        ("input_first", "b, a", "b, a\n\nSort these."),
        ("input_first", "", "Sort these."),
        ("labelled", "b, a", "Instruction: Sort these.\nInput: b, a\nResponse:"),
        ("labelled", "", "Instruction: Sort these.\nResponse:"),
        ("request", "b, a", 'Please help me with this request: Sort these.\n\nHere is what it is about:\n"""\nb, a\n"""'),
        ("request", "", "Please help me with this request: Sort these."),
    ],
)
def test_alpaca_wordings_are_right_byte_for_byte(name: str, text: str, prompt: str) -> None:
    task = Task("alpaca", (), kind="alpaca")
    assert said(render(task, alpaca("Sort these.", text), LIBRARY.named(f"alpaca/{name}"))) == [("user", prompt), ("assistant", "a, b")]


def test_real_alpaca_rows_fill_the_prompt_as_python_formatting_does(shared: Path) -> None:
    rows = json.loads((shared / "alpaca" / "alpaca_data_random_9k.json").read_text(encoding="utf-8"))[:500]
    with_input = ALPACA_INPUT.replace("Sort these.", "{instruction}").replace("b, a", "{input}")
    without = ALPACA_NO_INPUT.replace("Sort these.", "{instruction}")
    assert len({row["input"] == "" for row in rows}) == 2
    for row in rows:
        example = Example("1", {"instruction": row["instruction"], "input": row["input"]}, (row["output"] or "-",))
        prompt = render(Task("alpaca", (), kind="alpaca"), example, LIBRARY.named("alpaca/standard")).messages[0].content
        assert prompt == (with_input if row["input"] else without).format_map(row)


def test_a_complete_prompt_stays_as_it_is() -> None:
    example = Example("1", {"prompt": " Q: 2 + 2?\nA:\n"}, (" 4",))
    conversation = render(Task("t", (), kind="prompt_completion"), example, LIBRARY.named("plain/prompt"))
    assert said(conversation) == [("user", " Q: 2 + 2?\nA:\n"), ("assistant", " 4")]


def test_zero_shot_wordings_show_definition_and_input_and_differ() -> None:
    task, example = Task("t", (), kind="superni", definition="Add them."), Example("1", {"input": "1 and 2"}, ("3",))
    texts = [
        " ".join(content for role, content in said(render(task, example, x)) if role != "assistant") for x in LIBRARY.select("ni/*", task)
    ]
    assert all("Add them." in text and "1 and 2" in text for text in texts)
    assert len(set(texts)) == len(texts) >= 3


# Demonstrations


def demonstrated() -> Task:
    positive = tuple(Example(str(k), {"input": f"{k} and {k}"}, (str(2 * k),)) for k in (1, 2, 3))
    return Task("add", (), kind="superni", definition="Add.", positive=positive)


def test_notes_say_which_demonstrations_fitted() -> None:
    # Words: definition 2, query 11, each demonstration 10: 23 hold one of the two, 12 not even the query.
    example, template = Example("9", {"input": "4 and 4"}, ("8",)), LIBRARY.named("tk/def_pos_2")

    def notes(limit: int) -> tuple[str, ...]:
        return render(demonstrated(), example, template, count_tokens=lambda text: len(text.split()), max_prompt_length=limit).origin.notes

    assert notes(33) == ()
    assert notes(23) == ("1 of 2 positive examples fit",)
    assert notes(12) == ("0 of 2 positive examples fit", "the prompt has more than 12 tokens")


def test_an_example_is_never_its_own_demonstration() -> None:
    conversation = render(demonstrated(), Example("9", {"input": "1 and 1"}, ("2",)), LIBRARY.named("tk/def_pos_2"))
    assert conversation.messages[0].content.count("1 and 1") == 1
    assert conversation.messages[0].content.count("Positive Example") == 2
    assert conversation.origin.notes == ("1 of the task's examples passed over: the same input",)


def test_a_layout_without_an_input_to_ask_about_is_refused() -> None:
    with pytest.raises(TemplateError, match="the example has no input"):
        render(SUMS, EXAMPLE, Template("my/tk", ("rows",), tk_instruct=TkSettings()))


def test_ten_thousand_simple_examples_take_less_than_a_second() -> None:
    examples = [Example(str(number), {"question": f"{number}?"}, ("4", "four")) for number in range(10_000)]
    task, best = Task("sums", examples), float("inf")
    for _ in range(3):  # the best of three: others may be using the machine
        start = time.perf_counter()
        for example in examples:
            render(task, example, PLAIN)
        best = min(best, time.perf_counter() - start)
    assert best < 1
