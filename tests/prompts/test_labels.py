"""Labels: how a wording says the choices of a task, checked when loaded and used everywhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from didact.base.errors import TemplateError
from didact.base.types import Example
from didact.prompts.render import choices_in_words, references, render
from didact.prompts.template import Template, TemplateSet, read_templates
from didact.tasks.task import Task

LABELS = {"entailment": "Yes", "not_entailment": "No"}
ROW = Example("1", {"premise": "It rains.", "hypothesis": "It is wet."}, ("entailment",), ("entailment", "not_entailment"))
NLI = Task("nli", (ROW,))
WORDING = Template("my/x", ("rows",), "{{ premise }} So: {{ hypothesis }} {{ choices | join(' or ') }}?", labels=LABELS)


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_target_choices_and_references_come_out_in_the_wordings_words() -> None:
    said = render(NLI, ROW, WORDING).messages
    assert [message.content for message in said] == ["It rains. So: It is wet. Yes or No?", "Yes"]
    assert references(NLI, ROW, WORDING) == ("Yes",)
    assert choices_in_words(NLI, ROW, replace(WORDING, response="{{ target }}!")) == ("Yes!", "No!")


def test_an_inverted_wording_says_the_target_in_its_words_too() -> None:
    turned = Template("my/t", ("rows",), "{{ premise }} {{ target }}", "{{ hypothesis }}", inverted=True, labels=LABELS)
    assert render(NLI, ROW, turned).messages[0].content == "It rains. Yes"


def test_a_label_without_words_is_refused_with_the_row() -> None:
    with pytest.raises(TemplateError, match="no label for 'neutral'") as caught:
        render(NLI, replace(ROW, targets=("neutral",)), WORDING)
    assert "example '1'" in caught.value.where
    # A row that is no choice among labels (a number, say) stands as it is.
    assert render(NLI, replace(ROW, targets=("3.8",), choices=()), replace(WORDING, prompt="hi")).messages[-1].content == "3.8"


def test_labels_of_the_file_hold_for_templates_without_their_own(tmp_path: Path) -> None:
    head = "set: my\nkinds: [rows]\nlabels: {a: One, b: Two}\ntemplates:\n"
    body = "  x: {prompt: hi}\n  y: {prompt: hi, labels: {a: Eins, b: Zwei}}\n  z: {prompt: hi, labels: {}}\n"
    assert [dict(template.labels) for template in read_templates(write(tmp_path, head + body))] == [
        {"a": "One", "b": "Two"},
        {"a": "Eins", "b": "Zwei"},
        {},
    ]


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("{entailment: It follows}", "do not name 'not_entailment'"),
        ("{entailment: A, not_entailment: B, entailed: C}", "name 'entailed', which is no choice"),
        ("{entailment: A, not_entailment: A}", "labels 'entailment' and 'not_entailment' are both said 'A'"),
        ("{entailment: A, not_entailment: ' '}", "label 'not_entailment' has no words"),
    ],
)
def test_labels_of_a_benchmark_are_checked_when_loaded(tmp_path: Path, labels: str, problem: str) -> None:
    text = f"set: my\nkinds: [superglue/rte]\ntemplates:\n  x:\n    prompt: '{{{{ premise }}}}'\n    labels: {labels}\n"
    with pytest.raises(TemplateError) as caught:
        read_templates(write(tmp_path, text))
    assert problem in caught.value.what
    assert "mine.yaml" in caught.value.what + caught.value.where


def test_labels_of_rows_are_checked_against_the_first_example() -> None:
    lacking = Template("my/x", ("rows",), "{{ premise }}", labels={"entailment": "Yes"}, where="mine.yaml:4")
    with pytest.raises(TemplateError, match="do not name 'not_entailment'") as caught:
        TemplateSet([lacking]).select("my/x", NLI)
    assert caught.value.where == "mine.yaml:4, for task 'nli'"
    assert TemplateSet([WORDING]).select("my/x", NLI) == (WORDING,)


def test_becomes_is_for_inverted_templates(tmp_path: Path) -> None:
    head = "set: my\nkinds: [rows]\ntemplates:\n"
    turned = "  x: {prompt: '{{ target }}', response: '{{ q }}', inverted: true, becomes: question_generation}\n"
    assert read_templates(write(tmp_path, head + turned))[0].becomes == "question_generation"
    with pytest.raises(TemplateError, match="becomes: is for templates with inverted: true"):
        read_templates(write(tmp_path, head + "  x: {prompt: hi, becomes: question_generation}\n"))


def test_options_fit_only_tasks_with_choices_or_such_a_column() -> None:
    listing = Template("my/x", ("rows",), "{{ premise }} {{ options }}")
    templates = TemplateSet([listing])
    assert templates.select("my/x", NLI) == (listing,)
    assert templates.select("my/x", Task("own", (replace(ROW, fields={**ROW.fields, "options": "a, b"}, choices=()),))) == (listing,)
    with pytest.raises(TemplateError, match="unknown variable 'options'"):
        templates.select("my/x", Task("free", (replace(ROW, choices=()),)))
