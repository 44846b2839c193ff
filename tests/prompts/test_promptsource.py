"""Wordings of promptsource: what they may do, what they say, and that nothing in a file is run."""

from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import TemplateError
from didact.base.prompts_section import PromptsSection
from didact.base.types import Example
from didact.prompts.formats import draw_format, sort_wordings
from didact.prompts.promptsource import Wording, as_column, columns_of, say, word
from didact.prompts.promptsource_file import is_promptsource, promptsource_templates, read_promptsource
from didact.prompts.render import references, render
from didact.prompts.template import TemplateSet
from didact.tasks.cells import answers, as_text
from didact.tasks.task import Task


def as_example(row: dict[str, Any], target: str) -> Example:
    """Returns a row as reader `rows` has it."""
    choices = row.get("choices")
    aside = {target, "choices"} if isinstance(choices, list) else {target}
    fields = {name: as_text(value) for name, value in row.items() if name not in aside}
    options = tuple(map(as_text, choices)) if isinstance(choices, list) else ()
    value = row[target]
    return Example("1", fields, answers([value] if isinstance(value, list) else value, target), options)


def write(folder: Path, jinja: str, choices: str = "null", name: str = "topic", more: str = "") -> Path:
    """Writes a file of one wording, on lines 3 to 10."""
    path = folder / "templates.yaml"
    path.write_text(
        "dataset: news\ntemplates:\n"
        f"  5b1-77: !Template\n    answer_choices: {choices}\n    id: 5b1-77\n    jinja: {jinja!r}\n"
        f"    metadata: !TemplateMetadata\n      original_task: true\n    name: {name}\n    reference: ''\n{more}",
        encoding="utf-8",
    )
    return path


# One file


def test_a_file_becomes_templates_with_names_that_recipes_can_write(tmp_path: Path) -> None:
    path = write(tmp_path, "{{ text }} ||| {{ answer_choices[label] }}", "bad ||| good", name="'Is it good? (1)'")
    (template,) = promptsource_templates(path)
    assert (template.name, template.where) == ("promptsource_news/Is_it_good_1", f"{path}:3")
    assert template.promptsource is not None
    assert template.promptsource.variables == {"text", "label"}
    assert not template.inverted
    assert is_promptsource(path)
    assert not is_promptsource(tmp_path / "nothing.yaml")


def test_own_templates_and_those_of_promptsource_load_together(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("set: my\nkinds: [rows]\ntemplates: {plain: {prompt: '{{ text }}'}}\n", encoding="utf-8")
    task = Task("reviews", (as_example({"text": "A joy.", "label": 1}, "label"),))
    templates = TemplateSet.load([own, write(tmp_path, "{{ text }} Good? ||| {{ answer_choices[label] }}", "No ||| Yes")], kinds=["rows"])
    assert [template.name for template in templates.select("all", task)] == ["my/plain", "promptsource_news/topic"]
    said = render(task, task.examples[0], templates.named("promptsource_news/topic"))
    assert [message.content for message in said.messages] == ["A joy. Good?", "Yes"]


def test_a_row_without_a_column_does_not_fit_and_the_error_names_it(tmp_path: Path) -> None:
    path = write(tmp_path, "{{ title }}: {{ text }} ||| {{ label }}")
    task = Task("reviews", (as_example({"text": "A joy.", "label": 1}, "label"),))
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load([path], kinds=["rows"]).select("promptsource_*", task)
    assert "unknown variable 'title'" in caught.value.what


def test_a_row_that_a_wording_passes_over_gets_another(tmp_path: Path) -> None:
    second = "  77: !Template\n    answer_choices: null\n    jinja: '{{ text }} ||| {{ label }}'\n    name: plain\n"
    path = write(tmp_path, "{% if label == 1 %}{{ text }} Why? ||| {{ label }}{% endif %}", name="a_why", more=second)
    examples = tuple(as_example({"text": "A joy.", "label": number % 2}, "label") for number in range(2))
    task = Task("reviews", examples)
    templates = TemplateSet.load([path], kinds=["rows"]).select("all", task)
    wordings = sort_wordings(templates, PromptsSection())
    drawn = [
        [draw_format(task, example, wordings, PromptsSection(), seed=seed).template.name for seed in range(20)] for example in examples
    ]
    assert set(drawn[0]) == {"promptsource_news/plain"}
    assert set(drawn[1]) == {"promptsource_news/plain", "promptsource_news/a_why"}
    with pytest.raises(TemplateError, match="does not apply to this row"):
        render(task, examples[0], next(template for template in templates if template.name.endswith("a_why")))


def test_a_row_whose_label_is_hidden_is_refused() -> None:
    wording = Wording("{{ text }} ||| {{ answer_choices[label] }}", "No ||| Yes", answer_columns=("label",))
    with pytest.raises(TemplateError, match="no label"):
        word(wording, as_example({"text": "A joy.", "label": -1}, "label"), "-1", "here")


# The language


def test_bars_in_the_data_are_text() -> None:
    wording = Wording("{{ text }} ||| {{ answer_choices[label] }}", "{{ options | join('|||') }}")
    said = say(wording, {"text": "a ||| b", "options": ["x ||| y", "z"], "label": 0}, "here")
    assert (said.prompt, said.responses, said.choices) == ("a ||| b", ("x ||| y",), ("x ||| y", "z"))


def test_several_answers_all_count_and_empty_ones_do_not() -> None:
    assert say(Wording("{{ q }} ||| {{ a }} ||| {{ b }} |||"), {"q": "Who?", "a": "me", "b": "I"}, "here").responses == ("me", "I")
    assert say(Wording("{{ q }} ||| {{ a }}"), {"q": "Who?", "a": " "}, "here").prompt == ""
    assert say(Wording("{{ q }} ||| {{ a }}"), {"q": "", "a": "me"}, "here").responses == ()


def test_every_answer_of_a_wording_is_a_reference_and_the_first_is_trained_on(tmp_path: Path) -> None:
    (template,) = promptsource_templates(write(tmp_path, "{{ q }} ||| {{ a }} ||| It is {{ a }}."))
    task = Task("rows", (as_example({"q": "Who?", "a": "me"}, "a"),))
    assert references(task, task.examples[0], template) == ("me", "It is me.")
    assert render(task, task.examples[0], template).messages[-1].content == "me"


def test_choice_is_drawn_by_identity_and_once_for_prompt_and_answer() -> None:
    wording = Wording("{% set n = range(0, 10) | choice %}{{ n }} ||| {{ n }}")
    said = [say(wording, {}, "here", identity=("task", str(number))) for number in range(40)]
    assert said == [say(wording, {}, "here", identity=("task", str(number))) for number in range(40)]
    assert all((one.prompt,) == one.responses for one in said)
    assert len({one.prompt for one in said}) == 10  # 40 rows draw each of 10 numbers: one is missed with chance 10 * 0.9**40 = 0.15
    assert said != [say(wording, {}, "here", seed=1, identity=("task", str(number))) for number in range(40)]


def test_two_choices_of_one_wording_are_two_draws() -> None:
    wording = Wording("{{ range(0, 1000) | choice }} {{ range(0, 1000) | choice }} ||| x")
    first, second = say(wording, {}, "here", identity=("t", "1")).prompt.split()
    assert first != second


def test_most_frequent_and_highlight() -> None:
    assert say(Wording("{{ words | most_frequent | join(' ') }} ||| x"), {"words": ["b", "a", "b", "a", "c"]}, "here").prompt == "b a"
    assert say(Wording("{{ text | highlight }} ||| x"), {"text": "A joy."}, "here").prompt == "A joy."


def test_a_column_is_what_it_was_before_it_was_text() -> None:
    label = as_column("2")
    assert label == 2
    assert label == "2"
    assert label != 3
    wording = Wording(
        "{{ {'1': 'one', '2': 'two'}[label] }} {{ {1: 'eins', 2: 'zwei'}[label] }} {{ ['a', 'b', 'c'][label] }} ||| {{ label - 1 }}"
    )
    assert say(wording, {"label": label}, "here").prompt == "two zwei c"
    assert say(wording, {"label": label}, "here").responses == ("1",)
    # Numbers that would print otherwise stay text: 007, 1.50, and more digits than a float holds.
    assert [as_column(text) for text in ("007", "1.50", "0.5", "{broken", "")] == ["007", "1.50", 0.5, "{broken", ""]


def test_the_answer_stands_in_the_column_that_the_row_lacks() -> None:
    wording = Wording("{{ q }} ||| {{ answers.text[0] }}", answer_columns=("answers", "title"))
    example = as_example({"q": "Where?", "answers": {"text": ["Lund"]}}, "answers")
    assert columns_of(wording, example, example.targets[0]) == {"q": "Where?", "answers": {"text": ["Lund"]}}
    assert word(wording, example, example.targets[0], "here").responses == ("Lund",)


@pytest.mark.parametrize(
    "jinja",
    [
        "{{ text.__class__ }} ||| x",
        "{{ cycler.__init__.__globals__ }} ||| x",
        "{% include 'secrets' %} ||| x",
        "{% macro f() %}{% endmacro %} ||| x",
        "{{ text | map('upper') }} ||| x",
        "{{ lipsum() }} ||| x",
        "{{ text ||| x",
        "no bars",
    ],
)
def test_what_these_wordings_do_not_have_is_refused_when_read(tmp_path: Path, jinja: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read_promptsource(write(tmp_path, jinja))
    assert "templates.yaml:3, template topic" in caught.value.where


@pytest.mark.parametrize(
    "jinja", ["{{ '%999999999d' % 1 }} ||| x", "{{ 'x' * 10 }} ||| x", "{{ words.append('x') }} ||| x", "{{ gone }} ||| x"]
)
def test_what_would_do_harm_or_is_not_there_is_refused_when_rendered(jinja: str) -> None:
    with pytest.raises(TemplateError, match="cannot be rendered"):
        say(Wording(jinja), {"words": ["a"]}, "here")


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [echo]", "!!python/name:os.system", "!Other {a: 1}", "!Template [1]"])
def test_tags_run_nothing(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text(f"dataset: news\ntemplates:\n  a: !Template\n    jinja: {tag}\n", encoding="utf-8")
    with pytest.raises(TemplateError):
        read_promptsource(path)


@pytest.mark.parametrize(
    "text", ["", "dataset: news\n", "- 1\n", "dataset: 7\ntemplates: {}\n", "a: [\n", "dataset: x\ntemplates: {a: 1}\n"]
)
def test_another_file_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        read_promptsource(path)
    assert str(path) in caught.value.where
