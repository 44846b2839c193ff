"""A slip in a recipe is told before what takes long: its files before anything is read, the rest before leaks are searched for."""

import json
from pathlib import Path

import pytest

from didact import assemble
from didact.apps.looking import draw_as_tokens
from didact.assemble import Assembly
from didact.base.errors import RecipeError, TemplateError
from didact.base.recipe_file import load_recipe

DEMO = Path(__file__).parents[1] / "recipes" / "demo.yaml"


def own_template(folder: Path, prompt: str, kind: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(f"set: mine\nkinds: [{kind}]\ntemplates:\n  one: {{prompt: {json.dumps(prompt)}}}\n")
    return f"prompts.files=['{path}']"


def never(*_: object) -> None:
    raise AssertionError("too late")


def test_a_wrong_template_file_is_told_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(assemble, "load_tasks", never)
    recipe = load_recipe(DEMO, [own_template(tmp_path, "{% include 'x' %}", "rows")])
    with pytest.raises(TemplateError, match="include is not part of templates"):
        _ = Assembly(recipe).mixture


def test_a_template_that_asks_for_other_columns_is_told_before_leaks_are_searched_for(tmp_path, monkeypatch):
    monkeypatch.setattr(assemble, "settle", never)
    (tmp_path / "sums.jsonl").write_text('{"question": "2 + 2?", "target": "4"}\n')
    source = f"tasks.sources=[{{name: sums, reader: rows, path: '{tmp_path / 'sums.jsonl'}', target: target}}]"
    over = [
        source,
        "tasks.hold_out.task=[]",
        "tasks.hold_out.examples=0",
        own_template(tmp_path, "{{ quesion }}", "rows"),
        "prompts.templates=[mine/one]",
    ]
    with pytest.raises(TemplateError, match="quesion"):
        _ = Assembly(load_recipe(DEMO, over)).mixture


def test_a_part_without_tasks_is_told_before_leaks_are_searched_for(monkeypatch):
    monkeypatch.setattr(assemble, "settle", never)
    with pytest.raises(RecipeError, match="no seen task is named 'nothing/\\*'"):
        _ = Assembly(load_recipe(DEMO, ["mixture.parts=[{tasks: 'nothing/*'}]"])).mixture


def test_showing_a_draw_says_what_is_read_and_held_out():
    said = list[str]()
    draw_as_tokens(load_recipe(DEMO), 0, said.append)
    assert any("unseen" in line for line in said)
    assert any("rows read" in line for line in said)
