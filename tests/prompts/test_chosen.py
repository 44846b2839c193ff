"""The formats of a recipe: training and judging draw through one function, and judged rows are never shown to one another."""

import json
from pathlib import Path

import pytest

from didact.assemble import Assembly
from didact.base.errors import DidactError, RecipeError
from didact.base.recipe import Recipe
from didact.base.types import Example
from didact.prompts.chosen import not_asked
from didact.prompts.names import check_names
from didact.prompts.render import render
from didact.tasks.task import Task

TEMPLATES = """
set: quiz
kinds: [rows]
templates:
  a_cot: {style: cot, prompt: "{{ question }} Why?", response: "{{ rationale }} So: {{ target }}"}
  b_turned: {inverted: true, prompt: "Ask for {{ target }}.", response: "{{ question }}", becomes: question_generation}
  c_plain: {prompt: "{{ question }}"}
  d_other: {prompt: "Say: {{ question }}"}
"""


def assembly(
    folder: Path, prompts: dict[str, object] | None = None, evaluate: dict[str, object] | None = None, **hold_out: object
) -> Assembly:
    for name in ("one", "two"):
        rows = [{"question": f"{name} {number}?", "answer": f"{name} says {number}"} for number in range(60)]
        (folder / f"{name}.json").write_text(json.dumps(rows))
    (folder / "quiz.yaml").write_text(TEMPLATES)
    sources = [{"name": n, "reader": "rows", "path": str(folder / f"{n}.json"), "target": "answer"} for n in ("one", "two")]
    data = {
        "tasks": {"sources": sources, "hold_out": {"task": ["two"], **hold_out}},
        "prompts": {"files": [str(folder / "quiz.yaml")], **(prompts or {})},
        "evaluate": {"examples_per_task": 40, **(evaluate or {})},
    }
    return Assembly(Recipe.model_validate_json(json.dumps(data)))


def test_judging_is_direct_and_upright_by_default(tmp_path: Path) -> None:
    made = assembly(tmp_path, {"shots": {2: 1.0}, "inverted": 0.5})
    task = made.tasks.named("two")
    forms = [made.format_of_record(task, example) for example in task.examples]
    # a_cot and b_turned come first by name; neither is what a model is judged with unless that is asked for.
    assert {(form.template.name, form.num_shots, form.reasons) for form in forms} == {("quiz/c_plain", 0, False)}


def test_judged_demonstrations_are_rows_that_are_not_asked_about(tmp_path: Path) -> None:
    made = assembly(tmp_path, evaluate={"shots": 3, "template": "drawn"})
    task = made.tasks.named("two")
    asked = {example.id for example in task.examples[:40]}
    shown = [made.format_of_record(task, example).shots for example in task.examples[:40]]
    assert {len(shots) for shots in shown} == {3}
    ids = {example.id for shots in shown for example, _ in shots}
    assert ids == {example.id for example in task.examples[40:]}
    assert not ids & asked


def test_rows_held_in_are_shown_rows_that_are_trained_on(tmp_path: Path) -> None:
    made = assembly(tmp_path, evaluate={"shots": 2}, examples=20)
    held = made.split.held_in[0]
    trained = {example.id for example in made.seen.named("one").examples}
    shown = {shot.id for example in held.examples for shot, _ in made.format_of_record(held, example).shots}
    assert len(shown) > 15
    assert shown <= trained
    assert not shown & {example.id for example in held.examples}


def test_training_shows_only_rows_that_are_trained_on(tmp_path: Path) -> None:
    made = assembly(tmp_path, {"shots": {0: 0.5, 2: 0.5}}, examples=20)
    held = {example.fields["question"] for example in made.split.held_in[0].examples}
    said = [made.render(draw, count=False) for draw in made.mixture.draws(0)]
    assert len(said) == 40
    with_shots = [conversation for conversation in said if conversation.origin.notes]
    assert 10 < len(with_shots) < 30
    for conversation in said:
        prompt = conversation.messages[0].content
        assert not any(question in prompt for question in held)
        assert "two" not in prompt


def test_reasoning_is_asked_for_when_judging_where_the_recipe_says_so(tmp_path: Path) -> None:
    made = assembly(tmp_path, evaluate={"cot": True})
    task = made.tasks.named("two")
    form = made.format_of_record(task, task.examples[0])
    assert (form.template.name, form.reasons) == ("quiz/a_cot", True)
    named = assembly(tmp_path, evaluate={"cot": True, "template": "quiz/d_other"})
    said = render(task, task.examples[0], named.format_of_record(task, task.examples[0]))
    assert said.messages[0].content.startswith("Say: two 0?\n")
    assert said.origin.notes == ("chain of thought", "the example has no rationale")


def test_no_wording_turns_a_seen_task_into_a_held_out_category(tmp_path: Path) -> None:
    for category, turned in (((), True), (("question_generation",), False)):
        made = assembly(tmp_path, {"inverted": 0.5}, category=category)
        task = made.seen.named("one")
        names = {made.formats.format_of(task, example, 0).template.name for example in task.examples}
        assert ("quiz/b_turned" in names) == turned


def test_without_instructions_nothing_has_to_fit_and_judging_goes_without_them_too(tmp_path: Path) -> None:
    made = assembly(tmp_path, {"instructions": "task_name", "templates": "quiz/c_plain"})
    seen, unseen = made.seen.named("one"), made.tasks.named("two")
    assert made.formats.format_of(seen, seen.examples[0], 0).template.name == "bare/task_name"
    form = made.format_of_record(unseen, unseen.examples[0])
    assert render(unseen, unseen.examples[0], form).messages[0].content == "two: two 0?"
    made.check_judging()


def test_an_unknown_style_of_options_is_told_before_anything_is_read(tmp_path: Path) -> None:
    made = assembly(tmp_path, evaluate={"options_style": "(AA)"})
    with pytest.raises(RecipeError) as caught:
        check_names(made.recipe)
    error: DidactError = caught.value
    assert (error.what, error.where) == ("no options style named '(AA)'", "evaluate.options_style")
    assert "(A)" in error.expected


def test_rows_behind_the_asked_ones_begin_behind_their_group() -> None:
    fields = [{"paragraph": "It rained.", "question": f"question {number // 3}", "answer": str(number)} for number in range(9)]
    task = Task("m", tuple(Example(str(number), row) for number, row in enumerate(fields)))
    # Questions have three answers each: a limit of 4 cuts the second question (rows 3, 4, 5) in two.
    assert [example.id for example in not_asked(task, 4)] == ["6", "7", "8"]
    assert [example.id for example in not_asked(task, 6)] == ["6", "7", "8"]
    assert list(not_asked(task, 20)) == []
    assert len(not_asked(task, 0)) == 9
