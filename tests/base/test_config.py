"""Sections are read strictly: all problems at once, with file, line, value and the nearest key; extends and overrides keep the lines."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from didact.base.config import Section, about, apply_overrides, read_with_parents, validate
from didact.base.errors import DataError, RecipeError
from didact.base.strict_yaml import parse_yaml


class Inner(Section):
    size: Annotated[int, Field(ge=1)] = 1
    rate: float = 0.5
    kind: Literal["a", "b"] = "a"


class Outer(Section):
    name: str = "x"
    flag: bool = False
    words: str | tuple[str, ...] = "all"
    pair: tuple[float, float] = (0.0, 1.0)
    inner: Inner = Inner()
    rows: tuple[Inner, ...] = ()

    @model_validator(mode="after")
    def _sizes_agree(self):
        if self.inner.size > 100 and self.flag:
            raise ValueError("inner.size is too large for flag")
        return self


def problems(text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        validate(apply_overrides(parse_yaml(text, "x.yaml"), overrides), Outer)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nmae: y", "x.yaml:1: unknown key 'nmae'; did you mean 'name'?"),
        ("inner:\n  siez: 2", "x.yaml:2: unknown key 'inner.siez'; did you mean 'size'?"),
        ("rows:\n- {size: 1}\n- {rtae: 1}", "x.yaml:3: unknown key 'rows.1.rtae'; did you mean 'rate'?"),
        ("inner: {zzzz: 1}", "one of: kind, rate, size"),
        ("name: 2024", "x.yaml:1: name: should be a text; put quotes around it (got 2024)"),
        ("name: null", "name: should be a text; put quotes around it (got null)"),
        ("flag: no", 'flag: should be true or false (got "no")'),
        ("inner: {size: 0}", "inner.size: should be greater than or equal to 1 (got 0)"),
        ("inner: {size: 1.5}", "inner.size: should be a whole number (got 1.5)"),
        ("inner: {size: true}", "inner.size: should be a whole number (got true)"),
        ("inner: {size: '3'}", 'inner.size: should be a whole number (got "3")'),
        ("inner: {rate: 1e999}", "inner.rate: should be a finite number"),
        ("inner: {rate: fast}", 'inner.rate: should be a number (got "fast")'),
        ("inner: {kind: c}", "inner.kind: should be 'a' or 'b' (got \"c\")"),
        ("inner: 3", "inner: should be a section: keys with values (got 3)"),
        ("inner:", "inner: should be a section: keys with values (got null)"),
        ("rows: 3", "rows: should be a list, such as [a, b] (got 3)"),
        ("words: 3", "words: should be a text; put quotes around it, or should be a list, such as [a, b] (got 3)"),
        ("words: [3]", "words.0: should be a text; put quotes around it (got 3)"),
        ("pair: [1]", "'pair.1' is missing"),
        ("flag: true\ninner:\n  rate: 1\n  size: 101", "x.yaml:4: inner.size is too large for flag"),
    ],
)
def test_a_problem_has_line_key_value_and_what_was_expected(text, said):
    assert said in problems(text)


def test_all_problems_are_listed_at_once_with_their_lines():
    lines = problems("nmae: y\nflag: 3\ninner: {size: 0}\n", "inner.rate=x").splitlines()
    assert lines[0] == "4 problems in the recipe"
    assert sorted(line.split(": ")[0].strip() for line in lines[1:5]) == ["command line", "x.yaml:1", "x.yaml:2", "x.yaml:3"]
    assert lines[5] == "  next: put it right and run: didact check x.yaml"


def test_whole_numbers_may_stand_where_numbers_are_asked_for_and_lists_become_tuples():
    found = validate(parse_yaml("inner: {rate: 2}\npair: [1, 2]\nwords: [a]\nrows: [{size: 3}]", "x.yaml"), Outer)
    assert (found.inner.rate, found.pair, found.words, found.rows[0].size) == (2.0, (1.0, 2.0), ("a",), 3)


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_a_child_wins_key_by_key_and_replaces_lists(tmp_path):
    write(
        tmp_path,
        parent="name: p\ninner:\n  size: 2\n  rate: 0.1\nrows: [{size: 1}, {size: 2}]\n",
        child="extends: parent.yaml\n\ninner: {size: 3}\nrows: [{size: 9}]\n",
    )
    document = read_with_parents(tmp_path / "child.yaml")
    assert document.data == {"name": "p", "inner": {"size": 3, "rate": 0.1}, "rows": [{"size": 9}]}


def test_lines_of_inherited_and_overridden_keys_name_the_file_that_wrote_them(tmp_path):
    write(
        tmp_path,
        parent="name: p\ninner:\n  size: 2\n  rate: 0.1\nrows: [{size: 1}, {size: 2}]\n",
        child="extends: parent.yaml\n\ninner: {size: 3}\nrows: [{size: 9}]\n",
    )
    document = read_with_parents(tmp_path / "child.yaml")
    places = {location: document.where(location).removeprefix(f"{tmp_path}/") for location in document.lines}
    assert places["name",] == "parent.yaml:1"
    assert places["inner", "rate"] == "parent.yaml:4"
    assert places["inner", "size"] == "child.yaml:3"
    assert places["rows", 0, "size"] == "child.yaml:4"
    assert ("rows", 1, "size") not in places


def test_a_grandparent_is_read_relative_to_the_parent(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "old.yaml").write_text("name: old\nflag: true\n")
    write(tmp_path / "base", parent="extends: old.yaml\nname: parent\n")
    write(tmp_path, child="extends: base/parent.yaml\n")
    assert read_with_parents(tmp_path / "child.yaml").data == {"name": "parent", "flag": True}


@pytest.mark.parametrize(
    ("child", "said"),
    [
        ("extends: parnt.yaml", ["child.yaml:1", "no such file to extend: parnt.yaml", "did you mean 'parent.yaml'?"]),
        ("name: x\nextends: child.yaml", ["child.yaml:2", "circle: child.yaml -> child.yaml"]),
        ("extends: circle.yaml", ["circle.yaml:1", "circle: child.yaml -> circle.yaml -> child.yaml"]),
        ("extends: [parent.yaml, parent.yaml]", ["child.yaml:1", "extends: takes one file name"]),
    ],
)
def test_a_parent_that_cannot_be_read_is_told_with_the_line_of_extends(tmp_path, child, said):
    write(tmp_path, parent="name: p\n", circle="extends: child.yaml\n", child=child)
    with pytest.raises(RecipeError) as caught:
        read_with_parents(tmp_path / "child.yaml")
    assert [part for part in [*said, "next: "] if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("name=y", "name", "y"),
        ("name='3'", "name", "3"),
        ("name=a=b", "name", "a=b"),
        ("words=[x, y]", "words", ("x", "y")),
        ("words=[a/*, 'b c']", "words", ("a/*", "b c")),
        ("flag=true", "flag", True),
        ("inner={size: 4}", "inner", Inner(size=4, rate=0.1)),
        ("inner.rate=1e-3", "inner", Inner(size=2, rate=0.001)),
        ("rows.1.size=7", "rows", (Inner(size=1), Inner(size=7, kind="b"))),
        ("rows[1].size=7", "rows", (Inner(size=1), Inner(size=7, kind="b"))),
        ("rows=[]", "rows", ()),
    ],
)
def test_an_override_wins_over_the_file_and_is_read_as_yaml(override, key, value):
    document = parse_yaml("inner: {size: 2, rate: 0.1}\nrows: [{size: 1}, {size: 2, kind: b}]", "x.yaml")
    assert getattr(validate(apply_overrides(document, [override]), Outer), key) == value


def test_the_last_of_two_overrides_wins():
    assert validate(apply_overrides(parse_yaml("", "x.yaml"), ["name=a", "name=b"]), Outer).name == "b"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("inner.siez=3", "command line: inner.siez=3: unknown key 'inner.siez'; did you mean 'size'?"),
        ("inner.size=0", "command line: inner.size=0: inner.size: should be greater than or equal to 1 (got 0)"),
        ("inner.size", "not an override: inner.size"),
        ("=3", "not an override"),
        ("inner..size=3", "not an override"),
        ("name=", "name: should be a text"),
        ("name={a: [}", "command line: name={a: [}"),
        ("name=*x", "alias *x is not read; put quotes around"),
        ("rows.2.size=3", "the list has 1 entries"),
    ],
)
def test_a_wrong_override_is_named_as_command_line(override, said):
    assert said in problems("rows: [{size: 1}]", override)


def test_about_puts_the_key_in_front_and_keeps_the_kind_of_error():
    with pytest.raises(DataError, match="no rows") as caught, about("tasks.sources[0].path"):
        raise DataError("no rows", where="a.json", remedy="look")
    assert (caught.value.where, caught.value.remedy) == ("tasks.sources[0].path: a.json", "look")
