"""The wordings of GLUE and SuperGLUE: enough of every sort, all of them render, and none gives its answer away."""

import re
from dataclasses import replace
from functools import cache

import pytest

from didact.base.types import Example
from didact.prompts.chain_of_thought import final_answer
from didact.prompts.render import render
from didact.prompts.sandbox import variables_of
from didact.prompts.template import LIBRARY, Template, TemplateSet
from didact.tasks.answers import choice_of
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.task import Task

GLUE = ("cola", "sst2", "mrpc", "qqp", "stsb", "mnli", "qnli", "rte", "wnli", "ax")
SUPERGLUE = ("boolq", "cb", "copa", "multirc", "record", "rte", "wic", "wsc", "axb", "axg")
KINDS = (*(f"glue/{name}" for name in GLUE), *(f"superglue/{name}" for name in SUPERGLUE))
TURNED_INTO = ("text_generation", "context_generation", "question_generation")

every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def wordings(kind: str) -> tuple[Template, ...]:
    """The bundled templates of one benchmark."""
    return tuple(template for template in TemplateSet.load(kinds=[kind]) if kind in template.for_kinds)


@cache
def task_of(kind: str) -> Task:
    """Our own sample rows of one benchmark."""
    (task,) = sample_tasks(kind)
    return task


def answers(task: Task, example: Example) -> tuple[str, ...]:
    """What might be the answer to an example: its choices, or the scores of STS-B."""
    return example.choices or ("0.0", "2.4", "5.0")


def said(kind: str, template: Template, example: Example, answer: str) -> tuple[str, str]:
    """Prompt and response, were this the answer."""
    messages = render(task_of(kind), replace(example, targets=(answer,)), template).messages
    assert [message.role for message in messages] == ["user", "assistant"]
    return messages[0].content, messages[1].content


def is_ordinary(template: Template) -> bool:
    return not template.inverted and not template.held_out and template.style == "direct"


def test_every_task_has_a_file_named_after_it() -> None:
    files = {f"{path.parent.name}/{path.stem}" for folder in ("glue", "superglue") for path in (LIBRARY / folder).glob("*.yaml")}
    assert files == set(KINDS)
    assert {template.name.partition("/")[0] for kind in KINDS for template in wordings(kind)} == {kind.replace("/", "_") for kind in KINDS}


@every_kind
def test_there_are_enough_wordings_of_every_sort(kind: str) -> None:
    templates = wordings(kind)
    assert len(templates) >= 12
    assert sum(is_ordinary(template) for template in templates) >= 8
    assert sum(template.held_out for template in templates) == 2
    assert 1 <= sum(template.inverted for template in templates) <= 4
    assert 1 <= sum(template.style == "cot" for template in templates) <= 2
    assert all(template.default for template in templates)
    assert 2 <= sum("{{ options }}" in template.prompt for template in templates) < len(templates) / 2 or kind == "glue/stsb"


@every_kind
def test_every_wording_renders_cleanly_for_every_answer(kind: str) -> None:
    task = task_of(kind)
    for template in wordings(kind):
        for example in task.examples:
            for answer in answers(task, example):
                for text in said(kind, template, example, answer):
                    assert text == text.strip(), template.name
                    assert not re.search(r"\n\s*\n\s*\n|\{\{|\}\}|\{%|%\}", text), template.name


@every_kind
def test_the_prompt_is_the_same_whatever_the_answer_is(kind: str) -> None:
    task = task_of(kind)
    for template in (template for template in wordings(kind) if not template.inverted):
        for example in task.examples:
            said_for = [said(kind, template, example, answer) for answer in answers(task, example)]
            assert len({prompt for prompt, _ in said_for}) == 1, template.name
            assert len({response for _, response in said_for}) == len(said_for), f"{template.name}: two answers are said alike"
            assert not example.rationale or example.rationale not in said_for[0][0], template.name


@every_kind
def test_a_prompt_says_the_words_that_it_wants_to_hear(kind: str) -> None:
    for template in wordings(kind):
        if template.inverted or "options" in template.prompt:
            continue
        for words in template.labels.values():
            assert words in template.prompt, f"{template.name} asks for something else than '{words}'"


@every_kind
def test_answers_in_a_wordings_own_words_are_understood(kind: str) -> None:
    for template in (template for template in wordings(kind) if not template.inverted):
        words = tuple(template.labels.values())
        for number, word in enumerate(words):
            answer = template.response.replace("{{ rationale }}", "It might be yes, no or maybe.").replace("{{ target }}", word)
            assert [choice_of(text, words) for text in (answer, answer.lower(), f" {answer}\n")] == [number] * 3, template.name
            assert template.style != "cot" or final_answer(answer) == word, template.name


@every_kind
def test_wordings_differ_in_more_than_case_and_white_space(kind: str) -> None:
    prompts = ["".join(template.prompt.split()).lower() for template in wordings(kind)]
    assert len(set(prompts)) == len(prompts)


@every_kind
def test_turned_around_wordings_ask_for_a_field_and_say_what_they_become(kind: str) -> None:
    for template in (template for template in wordings(kind) if template.inverted):
        assert template.becomes in TURNED_INTO, template.name
        asked, given = variables_of(template.response, str), variables_of(template.prompt, str)
        assert set(asked) & set(task_of(kind).examples[0].fields), template.name
        assert not set(asked) & set(given), f"{template.name} shows what it asks for"


def test_chain_of_thought_reasons_before_it_answers() -> None:
    for kind in KINDS:
        for template in (template for template in wordings(kind) if template.style == "cot"):
            assert template.response.startswith("{{ rationale }} "), template.name
            assert re.search(r"\{\{ target \}\}\.?$", template.response), template.name


def test_one_example_in_one_wording_comes_out_as_written_here() -> None:
    template = next(template for template in wordings("superglue/copa") if template.name == "superglue_copa/because")
    fields = {"premise": "The glass broke.", "choice1": "It fell.", "choice2": "It was full.", "question": "cause"}
    example = Example("1", fields, ("It fell.",), ("It fell.", "It was full."))
    prompt, response = said("superglue/copa", template, example, "It fell.")
    asked = "Go on with the sentence that makes better sense. Write it as it stands here."
    assert prompt == f"The glass broke, because ...\n\n{asked}\n- It fell.\n- It was full."
    assert response == "It fell."
    effect = replace(example, fields={**fields, "question": "effect"})
    assert said("superglue/copa", template, effect, "It fell.")[0] == prompt.replace("because", "so")


def test_labels_come_out_in_the_words_of_the_wording() -> None:
    templates = {template.name: template for template in wordings("superglue/cb")}
    example = task_of("superglue/cb").examples[0]
    for name, words in (("question_first", "Maybe"), ("terse", "unclear"), ("form", "OPEN")):
        assert said("superglue/cb", templates[f"superglue_cb/{name}"], example, "neutral")[1] == words
